"""Beside a finding: on what it is MET, and the second person who confirms it."""

from flask import g, redirect, request
from flask.typing import ResponseReturnValue

from cmmc_tracker.domain import catalog
from cmmc_tracker.errors import Conflict, Invalid, Stale
from cmmc_tracker.gate.doors import open_write
from cmmc_tracker.gate.etag import form_version
from cmmc_tracker.services import specials
from cmmc_tracker.web.requirements.views import Typed, again, objective_url, pages

FIELDS = ("basis", "description", "mitigation", "reference", "reviewed_on")


@pages.post("/<requirement>/objectives/<letter>/basis")
def record_basis(requirement: str, letter: str) -> ResponseReturnValue:
    """Say on what an objective is MET, where it is not plainly so."""
    objective = catalog.known_objective(requirement, letter, g.system.level)
    typed = {name: request.form.get(name, "") for name in FIELDS}
    try:
        with open_write() as work:
            specials.record(work, g.system, objective, typed, form_version())
    except Invalid as error:
        return again(objective, Typed(letter, typed, error.fields, form="basis")), 422
    except Conflict as error:
        said = f"{error.message} ({error.clause})"
        return again(objective, Typed(letter, typed, {"basis": said}, form="basis")), 409
    except Stale:
        return again(objective, Typed(letter, typed, stale=True, form="basis")), 412
    return redirect(objective_url(objective), code=302)


@pages.post("/<requirement>/objectives/<letter>/confirm")
def confirm(requirement: str, letter: str) -> ResponseReturnValue:
    """Confirm a finding as the second person."""
    objective = catalog.known_objective(requirement, letter, g.system.level)
    try:
        with open_write() as work:
            specials.confirm(work, g.system, objective, form_version())
    except Conflict as error:
        return again(objective, Typed(letter, {}, {"confirm": error.message}, form="confirm")), 409
    except Stale:
        return again(objective, Typed(letter, {}, stale=True, form="confirm")), 412
    return redirect(objective_url(objective), code=302)
