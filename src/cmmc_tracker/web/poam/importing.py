"""A POA&M from a spreadsheet: it is sent, its plan is shown, and what was chosen of it is done."""

from flask import flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from cmmc_tracker.domain.permissions import Action, allow
from cmmc_tracker.services.plans.sheets import SHEET
from cmmc_tracker.web import waiting_sheets
from cmmc_tracker.web.poam.views import pages
from cmmc_tracker.web.waiting_sheets import Errors


@pages.get("/import")
def choose_import() -> ResponseReturnValue:
    """Where the spreadsheet is chosen."""
    allow(g.actor, Action.POAM_EDIT, g.system)
    return _choose({})


def _choose(errors: Errors) -> str:
    return render_template("poam/import.html", room="poam", errors=errors)


@pages.post("/import")
def receive_import() -> ResponseReturnValue:
    """Take in the spreadsheet and show what would come of it; nothing comes of it yet."""
    return waiting_sheets.receive(Action.POAM_EDIT, _choose, lambda number: url_for(".show_import", import_id=number))


@pages.get("/import/<int:import_id>")
def show_import(import_id: int) -> ResponseReturnValue:
    """Which column is what, and what would come of it."""
    return _plan(import_id, {})


def _plan(import_id: int, errors: Errors) -> str:
    return render_template("poam/import_plan.html", room="poam", **waiting_sheets.shown(import_id, SHEET.sort, errors))


@pages.post("/import/<int:import_id>")
def confirm_import(import_id: int) -> ResponseReturnValue:
    """Do what was chosen."""
    done = waiting_sheets.confirm(import_id, SHEET, lambda errors: _plan(import_id, errors))
    if not isinstance(done, int):
        return done
    flash(f"{done:,} item{'' if done == 1 else 's'} added or changed.")
    return redirect(url_for(".index"), code=302)
