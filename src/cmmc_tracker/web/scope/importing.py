"""The import of an asset inventory: a spreadsheet is sent, its plan is shown row by row, what was chosen is done."""

from flask import flash, g, redirect, url_for
from flask.typing import ResponseReturnValue

from cmmc_tracker.domain.permissions import Action, allow
from cmmc_tracker.services.scope.asset_import import SHEET
from cmmc_tracker.web import waiting_sheets
from cmmc_tracker.web.scope.room import drawn, pages
from cmmc_tracker.web.waiting_sheets import Errors


@pages.get("/import")
def choose_import() -> ResponseReturnValue:
    """Where the spreadsheet is chosen."""
    allow(g.actor, Action.SCOPE_EDIT, g.system)
    return _choose({})


def _choose(errors: Errors) -> str:
    return drawn("scope/import.html", errors=errors)


@pages.post("/import")
def receive_import() -> ResponseReturnValue:
    """Take in the spreadsheet and show what would come of it; nothing comes of it yet."""
    return waiting_sheets.receive(Action.SCOPE_EDIT, _choose, lambda number: url_for(".show_import", import_id=number))


@pages.get("/import/<int:import_id>")
def show_import(import_id: int) -> ResponseReturnValue:
    """Which column is what, and what would come of it."""
    return _plan(import_id, {})


def _plan(import_id: int, errors: Errors) -> str:
    return drawn("scope/import_plan.html", **waiting_sheets.shown(import_id, SHEET.sort, errors))


@pages.post("/import/<int:import_id>")
def confirm_import(import_id: int) -> ResponseReturnValue:
    """Do what was chosen."""
    done = waiting_sheets.confirm(import_id, SHEET, lambda errors: _plan(import_id, errors))
    if not isinstance(done, int):
        return done
    flash(f"{done:,} asset{'' if done == 1 else 's'} added or changed.")
    return redirect(url_for(".assets"), code=302)
