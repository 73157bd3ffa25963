"""The register of defined values."""

from collections.abc import Mapping

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cmmc_tracker.domain import catalog
from cmmc_tracker.domain.catalog import ObjectiveId, parse_objective_id
from cmmc_tracker.domain.defined_values import asked
from cmmc_tracker.errors import Invalid, Malformed, Stale
from cmmc_tracker.gate.doors import open_read, open_write
from cmmc_tracker.gate.etag import form_version
from cmmc_tracker.services.ssp import values
from cmmc_tracker.web.ssp.views import may_write, pages, was_changed


def key_of(objective: ObjectiveId) -> str:
    """What an objective is called in the form's fields: `3.1.8a`."""
    return f"{objective.requirement.partition('-')[2]}{objective.letter}"


@pages.get("/values")
def values_index() -> ResponseReturnValue:
    """All values that objectives ask to be defined."""
    return _index()


def _index(
    errors: Mapping[str, str] | None = None, typed: Mapping[str, str] | None = None, *, stale: bool = False
) -> str:
    with open_read() as work:
        register = values.register(work, g.system)
        elsewhere = values.elsewhere(work, g.system, register)
    known = catalog.load(g.system.level)
    return render_template(
        "ssp/values.html",
        room="ssp",
        register=register,
        defined=sum(bool(one.kept) for one in register),
        elsewhere=elsewhere,
        key=key_of,
        summary=lambda one: known.objective(str(one.asked.objective)).summary,
        errors=errors or {},
        typed=typed or {},
        stale=stale,
        may_write=may_write(),
    )


@pages.post("/values")
def define() -> ResponseReturnValue:
    """Define values: all that were changed, or none."""
    names = {f"value-{key_of(one)}": one for one in asked()}
    typed = {name: request.form[name] for name in names if name in request.form}
    if not typed:
        raise Malformed("This form is not whole; reload the page.")
    mine = {names[name]: typed[name] for name in filter(was_changed, typed)}
    seen = {one: form_version(f"version-{key_of(one)}") for one in mine}
    try:
        with open_write() as work:
            values.define(work, g.system, mine, seen)
    except Invalid as error:
        wrong = {f"value-{key_of(parse_objective_id(name))}": text for name, text in error.fields.items()}
        return _index(wrong, typed), 422
    except Stale:
        return _index({}, typed, stale=True), 412
    flash("Saved. The plan says these values from now on.")
    return redirect(url_for(".values_index"), code=302)
