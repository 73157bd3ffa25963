"""Starting from what exists: a plan or a score sheet is sent, looked at beside what is there, then confirmed."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cmmc_tracker.domain import catalog
from cmmc_tracker.domain.artifacts import LONGEST_TITLE
from cmmc_tracker.domain.permissions import Action, Right, allow
from cmmc_tracker.domain.text import clean_line, clean_text
from cmmc_tracker.errors import Invalid, Malformed, Stale, UnsupportedType
from cmmc_tracker.gate import uploads
from cmmc_tracker.gate.doors import actor, installation, open_read, open_write
from cmmc_tracker.gate.etag import form_version
from cmmc_tracker.gate.forms import files_of, take_in
from cmmc_tracker.importers import score_sheet
from cmmc_tracker.importers.narratives import Text
from cmmc_tracker.importers.score_sheet import Row
from cmmc_tracker.services import trash
from cmmc_tracker.services.artifacts import Received
from cmmc_tracker.services.ssp import taking_in
from cmmc_tracker.services.ssp.taking_in import Read
from cmmc_tracker.web.ssp.views import may_write, pages

PLAN, SCORES = "plan", "scores"
_ACTIONS = {PLAN: Action.IMPLEMENTATION_EDIT, SCORES: Action.OBJECTIVE_JUDGE}
_NOTHING = Malformed("This form is not whole; send the file again.")


@pages.get("/ssp/import")
def new_import() -> ResponseReturnValue:
    """Where a plan or a score sheet is chosen."""
    return _new({})


def _new(errors: Mapping[str, str]) -> str:
    return render_template(
        "ssp/import.html",
        room="ssp",
        errors=errors,
        chosen=request.form.get("what", request.args.get("what", PLAN)),
        may_write=may_write(),
        may_judge=Right.JUDGE in g.system.rights,
    )


@pages.post("/ssp/import")
def receive_import() -> ResponseReturnValue:
    """Read what was sent, and show what would come of it; nothing of the file is kept."""
    what, files = request.form.get("what", ""), files_of()
    if what not in _ACTIONS:
        return _new({"what": "Say what the file is: a plan, or a score sheet. Nothing was kept."}), 422
    allow(actor(), _ACTIONS[what], g.system)
    if len(files) != 1:
        return _new({"file": "Please choose a file first, one at a time. Nothing was kept."}), 422
    try:
        name = clean_line(files[0].filename or "")[:LONGEST_TITLE]
        if what == PLAN:
            found = _read(files[0], taking_in.read_plan).texts
            return _narratives(name, found.texts, left_out=found.left_out)
        return _scores(name, _read(files[0], taking_in.read_scores).rows)
    except Invalid as error:
        return _new(error.fields), 422
    except UnsupportedType as error:
        return _new({"file": error.message}), 415


def _read(file: Any, reader: Callable[[Path, Received], Read]) -> Read:
    """What a reader finds in a file, which is let go of afterwards, whatever comes of it."""
    here = installation()
    received = take_in(file)
    try:
        with here.blobs.local(received.sha256) as path:
            found = reader(path, received)
        with open_read() as work:
            taking_in.refuse_marked(work, g.system, found.words, received)
        return found
    finally:
        uploads.finish()
        trash.let_go(here.tracker, [received.sha256])


def _narratives(
    name: str,
    texts: Sequence[Text],
    *,
    left_out: Sequence[str] = (),
    ticked: Sequence[str] | None = None,
    errors: Mapping[str, str] | None = None,
    stale: bool = False,
) -> str:
    with open_read() as work:
        lines = taking_in.compared(work, g.system, texts)
    return render_template(
        "ssp/import_plan.html",
        room="ssp",
        name=name,
        lines=lines,
        same=len(texts) - len(lines),
        left_out=left_out,
        missing=len(catalog.load(g.system.level).requirements) - len(texts),
        # What would replace somebody's words is not ticked beforehand.
        ticked=ticked if ticked is not None else [one.requirement for one in lines if not one.now],
        errors=errors or {},
        stale=stale,
    )


@pages.post("/ssp/import/narratives")
def take_narratives() -> ResponseReturnValue:
    """Save the texts that were ticked."""
    form, known = request.form, catalog.load(g.system.level)
    name = clean_line(form.get("name", ""))[:LONGEST_TITLE]
    texts = {one.id: form[f"text-{one.id}"] for one in known.requirements if f"text-{one.id}" in form}
    ticked = [one for one in form.getlist("take") if one in texts]
    if not texts:
        raise _NOTHING
    again = [Text(requirement, clean_text(text)) for requirement, text in texts.items()]
    if not ticked:
        return _narratives(name, again, ticked=[], errors={"take": "Tick the texts that are to be saved."}), 422
    chosen = {one: (texts[one], form_version(f"version-{one}")) for one in ticked}
    try:
        with open_write() as work:
            saved = taking_in.take_narratives(work, g.system, name, chosen)
    except Invalid as error:
        return _narratives(name, again, ticked=ticked, errors=error.fields), 422
    except Stale:
        return _narratives(name, again, ticked=ticked, stale=True), 412
    flash(f"{saved} text{'' if saved == 1 else 's'} saved as drafts. Read each, then take its first line away.")
    return redirect(url_for(".show"), code=302)


def _scores(name: str, rows: Sequence[Row], *, error: str = "", stale: bool = False) -> str:
    with open_read() as work:
        lines = taking_in.judged(work, g.system, rows)
    return render_template(
        "ssp/import_scores.html",
        room="ssp",
        name=name,
        lines=[(one, _packed(one.row)) for one in lines if one.changes],
        refused=[one.row for one in lines if one.row.problem],
        same=sum(not one.row.problem and not one.changes for one in lines),
        error=error,
        stale=stale,
    )


def _packed(row: Row) -> str:
    return json.dumps([row.number, row.about, row.status, row.reason], ensure_ascii=False)


def _unpacked(text: str) -> Row:
    """A row as the form brought it back: read anew, as if it stood in the sheet."""
    try:
        number, about, status, reason = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        raise _NOTHING from None
    if not (
        isinstance(number, int) and 0 < number < 10**6 and all(isinstance(s, str) for s in (about, status, reason))
    ):
        raise _NOTHING
    return score_sheet.read(number, about, status, reason)


@pages.post("/ssp/import/scores")
def take_scores() -> ResponseReturnValue:
    """Judge the objectives of the rows that were ticked."""
    form = request.form
    name = clean_line(form.get("name", ""))[:LONGEST_TITLE]
    rows = {row.number: row for row in map(_unpacked, form.getlist("row")[: score_sheet.MOST_ROWS + 1])}
    ticked = [row for number, row in rows.items() if str(number) in form.getlist("take")]
    if not rows:
        raise _NOTHING
    if not ticked:
        return _scores(name, list(rows.values()), error="Tick the rows that are to be taken over."), 422
    try:
        with open_write() as work:
            chosen = [(row, form.get(f"seen-{row.number}", "")) for row in ticked]
            done = taking_in.take_scores(work, g.system, name, chosen)
    except Invalid as error:
        return _scores(name, list(rows.values()), error=error.message), 422
    except Stale:
        return _scores(name, list(rows.values()), stale=True), 412
    flash(
        f"{done} objective{'' if done == 1 else 's'} judged as the sheet says. Each note names the sheet and the row."
    )
    return redirect(url_for("requirements.index"), code=302)
