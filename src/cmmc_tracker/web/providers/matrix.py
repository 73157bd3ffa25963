"""A provider's responsibility matrix: a requirement's lines, and the import of the provider's own sheet."""

import io
from collections.abc import Mapping
from functools import partial

from flask import flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue

from cmmc_tracker.domain import catalog
from cmmc_tracker.domain.matrix import LineEntry
from cmmc_tracker.domain.permissions import Action, allow
from cmmc_tracker.errors import Conflict, Invalid, NotFound, Stale
from cmmc_tracker.gate.content import spreadsheet
from cmmc_tracker.gate.doors import installation, open_read, open_write
from cmmc_tracker.gate.etag import form_version
from cmmc_tracker.gate.forms import sender
from cmmc_tracker.gate.problems import STATUS
from cmmc_tracker.reports import matrix_sheet
from cmmc_tracker.services.scope import matrix, matrix_import, providers
from cmmc_tracker.services.scope.matrix_import import Confirmed
from cmmc_tracker.web import waiting_sheets
from cmmc_tracker.web.providers.views import drawn, pages


@pages.get("/<int:provider_id>/matrix/<requirement>")
def lines(provider_id: int, requirement: str) -> ResponseReturnValue:
    """The lines of one requirement, an objective at a time."""
    canonical = _of_level(requirement)
    if canonical != requirement:
        return redirect(url_for(".lines", provider_id=provider_id, requirement=canonical), code=302)
    return _lines(provider_id, canonical)


@pages.get("/<int:provider_id>/matrix.<any(csv, xlsx):ending>")
def download_matrix(provider_id: int, ending: str) -> ResponseReturnValue:
    """The provider's matrix as a spreadsheet, with the headings that an import reads again."""
    with open_read() as work:
        kept = providers.one(work, g.system, provider_id)
        found = matrix.of_provider(work, g.system, provider_id)
    said = [matrix_sheet.Said(one, line.entry, line.document) for one, line in found.items()]
    file = io.BytesIO()
    lines = matrix_sheet.rows([(kept.entry, said)], g.system.level)
    matrix_sheet.write(file, lines, ending, installation().tracker.clock().isoformat())
    return spreadsheet(f"responsibility-matrix-{g.system.slug}-{provider_id}", ending, file.getvalue())


def _of_level(requirement: str) -> str:
    """The requirement as the catalog names it; raises `NotFound` for one of another level."""
    canonical = catalog.known_requirement(requirement, g.system.level)
    if all(one.id != canonical for one in catalog.load(g.system.level).requirements):
        raise NotFound("There is no such requirement in this system's level.")
    return canonical


def _lines(
    provider_id: int,
    requirement: str,
    letter: str = "",
    errors: Mapping[str, str] | None = None,
    *,
    stale: bool = False,
) -> str:
    with open_read() as work:
        kept = providers.one(work, g.system, provider_id)
        found = matrix.of_provider(work, g.system, provider_id)
        claimed = matrix.claims(work, g.system)
        documents = providers.documents(work, g.system)
    listed = catalog.load(g.system.level).requirements
    at = next(n for n, one in enumerate(listed) if one.id == requirement)
    return drawn(
        "providers/lines.html",
        kept=kept,
        requirement=listed[at],
        before=listed[at - 1] if at else None,
        after=listed[at + 1] if at + 1 < len(listed) else None,
        lines={one.letter: line for one, line in found.items() if one.requirement == requirement},
        inherited={one.letter for one in claimed.inherited if one.requirement == requirement},
        documents=documents,
        letter=letter,
        typed=request.form,
        errors=errors or {},
        stale=stale,
    )


@pages.post("/<int:provider_id>/matrix/<requirement>/<letter>")
def put_line(provider_id: int, requirement: str, letter: str) -> ResponseReturnValue:
    """Say whose duty an objective is, or take its line away."""
    allow(g.actor, Action.SCOPE_EDIT, g.system)
    objective = catalog.known_objective(_of_level(requirement), letter, g.system.level)
    act = request.form.get("act", "save")
    if act not in {"save", "remove"}:
        raise NotFound("There is nothing else that can be done with a line.")
    try:
        with open_write() as work:
            if act == "remove":
                matrix.remove(work, g.system, provider_id, objective, form_version())
            else:
                entry = LineEntry.parse(request.form)
                matrix.put(work, g.system, provider_id, objective, entry, seen=form_version())
    except Invalid as error:
        return _lines(provider_id, objective.requirement, objective.letter, error.fields), 422
    except Conflict as error:
        return _lines(provider_id, objective.requirement, objective.letter, {"duty": error.message}), 409
    except Stale:
        return _lines(provider_id, objective.requirement, objective.letter, stale=True), 412
    flash("Saved." if act == "save" else "The line is taken away.")
    return redirect(
        url_for(
            ".lines",
            provider_id=provider_id,
            requirement=objective.requirement,
            _anchor=f"objective-{objective.letter}",
        ),
        code=302,
    )


@pages.get("/<int:provider_id>/import")
def choose_matrix(provider_id: int) -> ResponseReturnValue:
    """Where the provider's sheet is chosen."""
    allow(g.actor, Action.SCOPE_EDIT, g.system)
    return _choose(provider_id, {})


def _choose(provider_id: int, errors: Mapping[str, str]) -> str:
    with open_read() as work:
        kept = providers.one(work, g.system, provider_id)
    return drawn("providers/import.html", kept=kept, errors=errors)


@pages.post("/<int:provider_id>/import")
def receive_matrix(provider_id: int) -> ResponseReturnValue:
    """Take in the sheet; which column is what is asked next, and nothing comes of it yet."""
    allow(g.actor, Action.SCOPE_EDIT, g.system)
    again = partial(_choose, provider_id)
    try:
        with open_write() as work:
            matrix.opened(work, g.system, provider_id)
    except Conflict as error:
        return again({"file": error.message}), STATUS[type(error)]
    return waiting_sheets.receive(
        Action.SCOPE_EDIT,
        again,
        lambda number: url_for(".show_matrix", provider_id=provider_id, import_id=number),
    )


@pages.get("/<int:provider_id>/import/<int:import_id>")
def show_matrix(provider_id: int, import_id: int) -> ResponseReturnValue:
    """Which column is what, and what would come of the sheet."""
    return _plan(provider_id, import_id, {})


def _plan(provider_id: int, import_id: int, errors: Mapping[str, str]) -> str:
    with open_read() as work:
        kept = providers.one(work, g.system, provider_id)
    told = waiting_sheets.shown(import_id, matrix_import.sort(provider_id), errors)
    return drawn("providers/import_plan.html", kept=kept, typed=request.form, **told)


@pages.post("/<int:provider_id>/import/<int:import_id>")
def confirm_matrix(provider_id: int, import_id: int) -> ResponseReturnValue:
    """Do what the plan says."""
    allow(g.actor, Action.SCOPE_EDIT, g.system)
    try:
        confirmed = Confirmed.parse(request.form, installation().tracker.today)
        done = matrix_import.apply(sender(), import_id, g.system, provider_id, confirmed)
    except Invalid as error:
        return _plan(provider_id, import_id, error.fields), 422
    except Stale as error:
        return _plan(provider_id, import_id, {"digest": error.message}), 412
    flash(f"{done:,} line{'' if done == 1 else 's'} of the matrix added, changed or taken away.")
    return redirect(url_for(".show", provider_id=provider_id, _anchor="matrix"), code=302)
