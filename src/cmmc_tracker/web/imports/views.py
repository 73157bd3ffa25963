"""Importing: a file is sent, its plan is shown, and what was chosen of it is done."""

from collections.abc import Collection, Mapping

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import FileStorage

from cmmc_tracker.domain.permissions import Access, Action, Right, allow
from cmmc_tracker.errors import Invalid, Stale, TrackerError
from cmmc_tracker.gate import doors, uploads
from cmmc_tracker.gate.doors import actor, installation, open_read, open_write
from cmmc_tracker.gate.forms import files_of, system_for, take_in
from cmmc_tracker.gate.problems import STATUS
from cmmc_tracker.services import imports, quarantine, registers, trash
from cmmc_tracker.services.imports import Import, Taken
from cmmc_tracker.services.intake import Sender, Together

pages = Blueprint("imports", __name__)
SHOWN_REFUSED = 500
_FIELDS = {
    "covers_from": "Covers from",
    "covers_until": "Covers until",
    "collected_on": "Collected on",
    "cadence": "How often",
    "sha256": "SHA-256",
}


@pages.get("/artifacts/import")
def new() -> ResponseReturnValue:
    """Where an archive or a register is chosen."""
    return _new({})


def _new(errors: Mapping[str, str]) -> str:
    mine = [s for s in actor().systems.values() if Right.CONTRIBUTE in s.rights]
    return render_template(
        "imports/new.html", room="artifacts", systems=mine, errors=errors, chosen=request.form.get("system", "")
    )


@pages.post("/artifacts/import")
def receive() -> ResponseReturnValue:
    """Take in an archive or a register and show what would come of it; nothing comes of it yet."""
    files = files_of()
    if len(files) != 1:
        return _new({"file": "Please choose a file first, one at a time. Nothing was kept."}), 422
    try:
        home = system_for(actor(), request.form.get("system", ""))
        allow(actor(), Action.ARTIFACT_CREATE, home)
        number = _begun(home, files[0])
    except Invalid as error:
        return _new(error.fields), 422
    except TrackerError as error:
        if STATUS[type(error)] in {403, 404}:
            raise
        return _new({"file": error.message}), STATUS[type(error)]
    return redirect(url_for(".show", import_id=number), code=302)


def _begun(home: Access, file: FileStorage) -> int:
    """Keep a file whose plan can be made; of another the store lets go at once."""
    here = installation()
    kind = imports.kind_of(file.filename or "")
    received = take_in(file)
    try:
        imports.check(here.blobs, home, received, here.max_upload_bytes)
    except TrackerError:
        uploads.finish()
        trash.let_go(here.tracker, [received.sha256])
        raise
    with open_write() as work:
        return imports.begin(work, home, received, kind)


@pages.get("/artifacts/import/<int:import_id>")
def show(import_id: int) -> ResponseReturnValue:
    """What would come of it."""
    with open_read() as work:
        found = imports.of(work, import_id)
    return _page(found, {})


@pages.post("/artifacts/import/<int:import_id>")
def confirm(import_id: int) -> ResponseReturnValue:
    """Do what was chosen."""
    with open_read() as work:
        found = imports.of(work, import_id)
    try:
        return _take(found) if found.kind == imports.ARCHIVE else _apply(found)
    except Invalid as error:
        return _page(found, error.fields), 422
    except Stale as error:
        return _page(found, {"row": error.message}), 412


def _page(found: Import, errors: Mapping[str, str]) -> str:
    if found.kind == imports.ARCHIVE:
        return _archive_page(found, Taken(), None, set(), errors)
    rows = imports.rows_of(installation().blobs, found.sha256, found.filename)
    with open_read() as work:
        plan = registers.register_plan(work, found, rows)
    changing = registers.changing(plan)
    return render_template(
        "imports/register.html",
        room="artifacts",
        found=found,
        plan=plan,
        digest=registers.digest(plan),
        fields=_FIELDS,
        errors=errors,
        changing=changing,
        most=registers.MOST_ROWS,
        ticked=_numbers("row") if errors else {row.number for row in changing[: registers.MOST_ROWS]},
    )


def _take(found: Import) -> ResponseReturnValue:
    chosen, linked = _numbers("member"), _numbers("link")
    if not chosen:
        raise Invalid({"member": "Choose at least one file. Nothing was kept yet."})
    choice, shown = {one: one in linked for one in chosen}, request.form.get("shown", "")
    result = imports.take_archive(_sender(), found.id, choice, shown, installation().max_upload_bytes)
    refused = [one for one in result.outcomes if one.problem]
    status = 503 if any(one.again for one in refused) else 422 if refused else 200
    return _archive_page(found, result, chosen, linked, {}), status


def _archive_page(
    found: Import, result: Taken, chosen: Collection[int] | None, linked: Collection[int], errors: Mapping[str, str]
) -> str:
    """The plan; after a turn, what became of it and what is left. `chosen` None: nobody chose yet, so all are."""
    here = installation()
    with open_read() as work:
        taken = imports.taken(work, found.id)
        held = quarantine.held_among(work, taken.values())
    preview = imports.archive_plan(here.blobs, found, here.max_upload_bytes, taken)
    open_members = {one.start for one in preview.members if one.artifact_id is None}
    outcomes = {one.start: one for one in result.outcomes}
    final = {start for start, one in outcomes.items() if one.problem and not one.again}
    ticked = open_members if chosen is None else open_members & set(chosen) - final
    return render_template(
        "imports/archive.html",
        room="artifacts",
        found=found,
        preview=preview,
        refused=[one for one in preview.plan.refused if not one.junk],
        shown_refused=SHOWN_REFUSED,
        result=result,
        outcomes=outcomes,
        held=held,
        ticked=ticked,
        linked=open_members if chosen is None else linked,
        open=len(open_members),
        problems=sum(bool(one.problem) for one in result.outcomes),
        errors=errors,
    )


def _apply(found: Import) -> ResponseReturnValue:
    rows, shown = _numbers("row"), request.form.get("digest", "")
    changed, done = registers.apply_register(_sender(), found.id, rows, shown)
    what = "1 artifact was" if changed == 1 else f"{changed:,} artifacts were"
    if not done:
        flash(f"{what} changed or registered. Go on with the rest.")
        return redirect(url_for(".show", import_id=found.id), code=302)
    flash(f"The register is applied: {what} changed or registered.")
    return redirect(url_for("artifacts.index"), code=302)


def _sender() -> Sender:
    together = g.setdefault("together", Together())
    return Sender(installation().tracker, actor(), doors.address(), together)


def _numbers(name: str) -> set[int]:
    """What was chosen; what is no number was made by no page of ours and chooses nothing."""
    texts = request.form.getlist(name)
    return {int(one) for one in texts if one.isascii() and one.isdecimal() and len(one) <= 15}
