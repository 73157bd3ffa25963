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
from cmmc_tracker.importers import columns, score_sheet
from cmmc_tracker.importers.columns import Choice
from cmmc_tracker.importers.narratives import Text
from cmmc_tracker.importers.register_table import MOST_COLUMNS
from cmmc_tracker.importers.score_sheet import Row
from cmmc_tracker.services import trash
from cmmc_tracker.services.artifacts import Received
from cmmc_tracker.services.ssp import taking_in
from cmmc_tracker.services.ssp.taking_in import Read
from cmmc_tracker.web.ssp.views import may_write, pages

PLAN, SCORES = "plan", "scores"
_ACTIONS = {PLAN: Action.IMPLEMENTATION_EDIT, SCORES: Action.OBJECTIVE_JUDGE}
MOST_CARRIED = 300_000  # characters of a sheet that comes back with the choice of its columns
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
    if what == SCORES and "sheet" in request.form:
        return _again(request.form["sheet"])
    if len(files) != 1:
        return _new({"file": "Please choose a file first, one at a time. Nothing was kept."}), 422
    return _received(what, files[0])


def _received(what: str, file: Any) -> ResponseReturnValue:
    try:
        name = _named(file.filename or "")
        if what == PLAN:
            found = _read(file, taking_in.read_plan).texts
            return _narratives(name, found.texts, left_out=found.left_out)
        return _sheet(name, _read(file, taking_in.read_scores).sheet)
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
            taking_in.refuse_marked(work, g.system, found.words, received.filename, marked=received.markings)
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
    name = _named(form.get("name", ""))
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


def _named(name: str) -> str:
    return clean_line(name)[:LONGEST_TITLE]


def _sheet(name: str, rows: Sequence[Sequence[str]]) -> ResponseReturnValue:
    """What would come of a score sheet with the columns that the form names, or that are guessed."""
    chosen = score_sheet.guess(rows)
    carried = json.dumps(rows, ensure_ascii=False)
    try:
        chosen = columns.read(request.form, score_sheet.FIELDS, rows, lambda: chosen)
        found = taking_in.scores_of(rows, chosen)
    except Invalid as error:
        if len(carried) > MOST_CARRIED:
            return _new({"file": " ".join(error.fields.values())}), 422
        return _scores(name, (), choice=Choice(rows, chosen, error.fields), carried=carried), 422
    is_short = len(carried) <= MOST_CARRIED
    return _scores(name, found, choice=Choice(rows, chosen, {}) if is_short else None, carried=carried)


def _again(text: str) -> ResponseReturnValue:
    """The score sheet as the form that chooses its columns brought it back."""
    rows = _carried(text)
    try:
        with open_read() as work:
            taking_in.refuse_marked(work, g.system, taking_in.joined_cells(rows), "")
    except Invalid as error:
        return _new(error.fields), 422
    return _sheet(_named(request.form.get("name", "")), rows)


def _loaded(text: str) -> Any:
    """What a form carries as JSON; raises `ValueError` also for halves of signs, which no page can show."""
    found = json.loads(text)
    json.dumps(found, ensure_ascii=False).encode()
    return found


def _carried(text: str) -> list[list[str]]:
    try:
        rows = _loaded(text) if len(text) <= MOST_CARRIED else None
    except (ValueError, RecursionError):
        rows = None
    if not isinstance(rows, list) or not all(isinstance(row, list) and len(row) <= MOST_COLUMNS for row in rows):
        raise _NOTHING  # no sheet that was read has more columns, and a page offers each of them several times
    if not all(isinstance(cell, str) for row in rows for cell in row):
        raise _NOTHING
    return rows


def _scores(
    name: str,
    rows: Sequence[Row],
    *,
    error: str = "",
    stale: bool = False,
    choice: Choice | None = None,
    carried: str = "",
) -> str:
    with open_read() as work:
        lines = taking_in.judged(work, g.system, rows)
    return render_template(
        "ssp/import_scores.html",
        room="ssp",
        name=name,
        lines=[(one, _packed(one.row)) for one in lines if one.changes],
        refused=[one.row for one in lines if one.row.problem],
        same=sum(not one.row.problem and not one.changes for one in lines),
        errors={"take": error} if error else choice.errors if choice else {},
        stale=stale,
        choice=choice,
        carried=carried,
        columns=score_sheet.FIELDS,
    )


def _packed(row: Row) -> str:
    return json.dumps(
        [row.number, row.about, row.status, row.reason, {"methods": " ".join(row.methods), **dict(row.said)}],
        ensure_ascii=False,
    )


def _unpacked(text: str) -> Row:
    """A row as the form brought it back: read anew, as if it stood in the sheet."""
    try:
        number, about, status, reason, how = _loaded(text)
    except (ValueError, TypeError, RecursionError):
        raise _NOTHING from None
    if not (isinstance(number, int) and 0 < number < 10**6 and isinstance(how, dict)):
        raise _NOTHING
    if not all(isinstance(one, str) for one in (about, status, reason, *how.values())):
        raise _NOTHING
    return score_sheet.read(number, about, status, reason, how)


@pages.post("/ssp/import/scores")
def take_scores() -> ResponseReturnValue:
    """Judge the objectives of the rows that were ticked."""
    form = request.form
    name = _named(form.get("name", ""))
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
