"""A POA&M from a spreadsheet: it is sent, its plan is shown, and what was chosen of it is done."""

from collections.abc import Mapping

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cmmc_tracker.domain.permissions import Action, allow
from cmmc_tracker.errors import Invalid, Stale, TrackerError
from cmmc_tracker.gate.doors import installation, open_read, open_write
from cmmc_tracker.gate.forms import files_of, numbers_of, sender, sheet_of
from cmmc_tracker.gate.problems import STATUS
from cmmc_tracker.services import imports
from cmmc_tracker.services.plans import sheets
from cmmc_tracker.web.poam.views import pages


@pages.get("/import")
def choose_import() -> ResponseReturnValue:
    """Where the spreadsheet is chosen."""
    allow(g.actor, Action.POAM_EDIT, g.system)
    return _choose({})


def _choose(errors: Mapping[str, str]) -> str:
    return render_template("poam/import.html", room="poam", errors=errors)


@pages.post("/import")
def receive_import() -> ResponseReturnValue:
    """Take in the spreadsheet and show what would come of it; nothing comes of it yet."""
    allow(g.actor, Action.POAM_EDIT, g.system)
    files = files_of()
    if len(files) != 1:
        return _choose({"file": "Please choose a file first, one at a time. Nothing was kept."}), 422
    try:
        sheets.check_name(files[0].filename or "")
        received = sheet_of(files[0], sheets.check)
    except Invalid as error:
        return _choose(error.fields), 422
    except TrackerError as error:
        return _choose({"file": error.message}), STATUS[type(error)]
    with open_write() as work:
        number = imports.begin(work, g.system, received, imports.REGISTER)
    return redirect(url_for(".show_import", import_id=number), code=302)


@pages.get("/import/<int:import_id>")
def show_import(import_id: int) -> ResponseReturnValue:
    """What would come of it."""
    return _plan(import_id, {})


def _plan(import_id: int, errors: Mapping[str, str]) -> str:
    with open_read() as work:
        found = sheets.of(work, import_id, g.system.slug)
    rows = imports.rows_of(installation().blobs, found.sha256, found.filename)
    with open_read() as work:
        plan = sheets.sheet_plan(work, found, rows)
    return render_template(
        "poam/import_plan.html",
        room="poam",
        found=found,
        plan=plan,
        digest=sheets.digest(plan),
        errors=errors,
        ticked=numbers_of("row") if errors else {row.number for row in plan.doing},
    )


@pages.post("/import/<int:import_id>")
def confirm_import(import_id: int) -> ResponseReturnValue:
    """Do what was chosen."""
    shown = request.form.get("digest", "")
    try:
        done = sheets.apply(sender(), import_id, g.system.slug, numbers_of("row"), shown)
    except Invalid as error:
        return _plan(import_id, error.fields), 422
    except Stale as error:
        return _plan(import_id, {"row": error.message}), 412
    flash(f"{done:,} item{'' if done == 1 else 's'} added or changed.")
    return redirect(url_for(".index"), code=302)
