"""The artifact library: the list, uploading, linking, and changing one. Its page is `show.py`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import FileStorage

from cmmc_tracker.domain import catalog, filing, kinds, searching
from cmmc_tracker.domain.catalog import ObjectiveId, parse_objective_id
from cmmc_tracker.domain.held import FIELDS as HELD_FIELDS
from cmmc_tracker.domain.held import LINES as HELD_LINES
from cmmc_tracker.domain.held import Held
from cmmc_tracker.domain.permissions import Access, Action, Right, allow
from cmmc_tracker.domain.text import clean_line
from cmmc_tracker.errors import Invalid, TrackerError
from cmmc_tracker.gate.doors import actor, open_read, open_write
from cmmc_tracker.gate.etag import form_version
from cmmc_tracker.gate.forms import check, facts_of, files_of, held_of, system_for, take_in, targets_of
from cmmc_tracker.gate.listing import cursor_of, following_url, limit_of
from cmmc_tracker.gate.problems import STATUS
from cmmc_tracker.gate.session import local_path
from cmmc_tracker.services import artifact_list, artifacts, links, members, trash
from cmmc_tracker.services.artifact_list import ArtifactFilter
from cmmc_tracker.services.artifacts import MOST_FILES
from cmmc_tracker.services.links import Target
from cmmc_tracker.web.undo import flash_undo

pages = Blueprint("artifacts", __name__)
# What can be done to a selection of the list, in the order of the buttons; `selection.py` does it.
ACTS = (
    *(("link", "Link to objectives …"), ("owner", "Owner …"), ("reviewer", "Reviewer …"), ("dates", "Dates …")),
    *(("kind", "Kind …"), ("submit", "Hand in for review"), ("retire", "Retire …"), ("trash", "Put into the trash")),
    ("export", "Export as CSV"),
)
MOST_ROWS = 100  # of one page of the list
_LEFT_OUT = "left out: a hidden file of the computer's own."


@pages.get("/artifacts")
def index() -> ResponseReturnValue:
    """The library, narrowed by kind, family, status and text; page by page."""
    args = request.args
    wanted = ArtifactFilter(
        text=args.get("q", "")[:200],
        kind=args.get("kind", ""),
        status=args.get("status", ""),
        family=clean_line(args.get("family", "")).upper()[:2],
        objective=parse_objective_id(args["objective"]) if args.get("objective") else None,
        unlinked=bool(args.get("unlinked")),
        limit=limit_of(args, most=MOST_ROWS),
        cursor=cursor_of(args),
    )
    problem, words = "", []
    with open_read() as work:
        try:
            found, following = artifact_list.page(work, wanted)
            words = searching.parse(wanted.text, work.today).plain
        except Invalid as error:
            if "q" not in error.fields:
                raise
            found, following, problem = [], None, error.fields["q"]
        snippets = artifact_list.snippets(work, [one.id for one in found], words)
    narrowed = any(args.get(name) for name in ("q", "kind", "status", "family", "objective", "unlinked"))
    return render_template(
        "artifacts/index.html",
        room="artifacts",
        artifacts=found,
        wanted=wanted,
        problem=problem,
        words=words,
        snippets=snippets,
        numbered=_numbered(wanted.text),
        narrowed=narrowed,
        next_page=following_url(".index", following) if following else "",
        first_page=following_url(".index", None) if wanted.cursor else "",
        families=catalog.load(2).families,
        may_change=any(Right.CONTRIBUTE in one.rights for one in actor().systems.values()),
        acts=ACTS,
        most_rows=MOST_ROWS,
        more_rows=_more_rows() if following and wanted.limit < MOST_ROWS else "",
    ), (422 if problem else 200)


def _more_rows() -> str:
    kept = [(name, value) for name, value in request.args.items(multi=True) if name not in {"cursor", "limit"}]
    return f"{url_for('.index')}?{urlencode([*kept, ('limit', MOST_ROWS)])}"


def _numbered(text: str) -> tuple[str, str]:
    """The requirement, and the objective's letter, that a search is the number of: the page offers to go there."""
    found = searching.numbered(text.strip()[:40])
    return (found.requirement, found.letter) if isinstance(found, ObjectiveId) else (found, "")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file of an upload."""

    filename: str
    artifact_id: int | None
    problem: str
    status: int = 201
    warnings: tuple[str, ...] = ()
    quarantined: bool = False


@pages.get("/artifacts/upload")
def upload() -> ResponseReturnValue:
    """Where files are dropped or chosen."""
    return _upload_page({}, request.args, [])


def _upload_page(errors: Mapping[str, str], given: Mapping[str, Any], outcomes: list[Outcome]) -> str:
    mine = [s for s in actor().systems.values() if Right.CONTRIBUTE in s.rights]
    objectives = given.getlist("objectives") if hasattr(given, "getlist") else []
    with open_read() as work:
        people = {one.name: one for system in mine for one in members.of_system(work, system.system_id)}
    return render_template(
        "artifacts/upload.html",
        room="artifacts",
        systems=mine,
        errors=errors,
        given=given,
        objectives=" ".join(objectives),
        outcomes=outcomes,
        held_open=any(given.get(name) or name in errors for name in (*HELD_FIELDS, HELD_LINES)),
        people=list(people.values()),
        kinds={"marks": kinds.MARKS, "endings": kinds.ENDINGS},
    )


@pages.post("/artifacts/upload")
def receive() -> ResponseReturnValue:
    """Take files in, each an artifact of its own, or all one artifact where the form says so.

    A file that is refused does not stop the others.
    """
    form, chosen = request.form, files_of()
    files = [one for one in chosen if not _left_out(one)]
    try:
        held = held_of(form, files)
        home = system_for(actor(), form.get("system", ""))
        named = [word for text in form.getlist("objectives") for word in text.replace(",", " ").split()]
        targets = targets_of(home, named, form.get("locator", ""), form.get("shows", ""))
        _check_chosen(files, held, chosen)
    except Invalid as error:
        return _upload_page(error.fields, form, []), 422
    allow(actor(), Action.ARTIFACT_CREATE, home)
    if held:
        return _registered(held, home, targets)
    try:
        outcomes = _receive_all(files, home, targets)
    except Invalid as error:
        return _upload_page(error.fields, form, []), 422
    refused = [one for one in outcomes if one.problem]
    if refused:
        # Somebody who may come back later is told so by the status; else the files are to be mended.
        outcomes += [Outcome(f.filename or "", None, _LEFT_OUT) for f in chosen if f not in files]
        return _upload_page({}, form, outcomes), max((s for s in (o.status for o in refused) if s >= 500), default=422)
    for text in _told(outcomes, len(chosen) - len(files)):
        flash(text)
    first = outcomes[0]
    own = url_for("quarantine.index") if first.quarantined else url_for(".show", artifact_id=first.artifact_id)
    where = local_path(form.get("next") or own)
    if request.headers.get("X-Part") == "address":  # a script goes there by itself, and what was said waits there
        return Response(where, mimetype="text/plain")
    return redirect(where, code=302)


def _check_chosen(files: list[FileStorage], held: list[Held], chosen: list[FileStorage]) -> None:
    if not files and not held:
        why = "Please choose a file first, or say below where it must stay."
        raise Invalid({"file": "Only hidden files of the computer's own were chosen." if chosen else why})


def _receive_all(files: list[FileStorage], home: Access, targets: list[Target]) -> list[Outcome]:
    """Take the files in; raises `Invalid`, before any of them is, for what is wrong with all of them alike."""
    form, together = request.form, request.form.get("together") == "yes"
    if together and len(files) > MOST_FILES:
        raise Invalid({"file": f"One artifact has at most {MOST_FILES} files."})
    groups = [files] if together else [[file] for file in files]
    every = []
    for group in groups:
        facts = facts_of(form)
        facts["path"] = form.get("path") or group[0].filename or ""
        if (len(files) > 1 and not together) or not facts.get("title", "").strip():
            facts["title"] = title_of(group[0].filename or "")
        every.append(facts)
    check(home, every[0])
    return [_receive_one(group, home, facts, targets) for group, facts in zip(groups, every, strict=True)]


def _receive_one(files: Sequence[FileStorage], home: Access, facts: dict[str, Any], targets: list[Target]) -> Outcome:
    name = clean_line(files[0].filename or "")[:200]
    try:
        check(home, facts)
        received = [take_in(one, request.form.get("strip_location", "")) for one in files]
        with open_write() as work:
            made = links.create_linked(work, home, received, facts, targets)
            held = not artifacts.is_visible(work, made)
    except TrackerError as error:
        return Outcome(name, None, error.message, STATUS[type(error)])
    warnings = tuple(w for one in received for w in one.warnings)
    kept = received[0].filename if len(received) == 1 else f"{facts['title'][:40]} ({len(received)} files)"
    return Outcome(kept, made, "", warnings=warnings, quarantined=held)


def _left_out(file: FileStorage) -> bool:
    """Whether a computer put it into its folder by itself; browsers send the files of a folder with their paths."""
    name = (file.filename or "").replace("\\", "/")
    return "/" in name and filing.is_system_file(name)


def _registered(files: list[Held], home: Access, targets: list[Target]) -> ResponseReturnValue:
    """Keep where the files of one artifact are held, and their hashes; none of their bytes came."""
    facts = facts_of(request.form)
    if not facts.get("title", "").strip():
        facts["title"] = title_of(files[0].filename or files[0].location)
    try:
        check(home, facts)
        with open_write() as work:
            made = links.create_linked(work, home, files, facts, targets)
    except Invalid as error:
        return _upload_page(error.fields, request.form, []), 422
    flash(
        "It is registered where it is: its hash is kept, and nothing of its content."
        if len(files) == 1
        else f"Its {len(files)} files are registered where they are: their hashes are kept, nothing of their content."
    )
    return redirect(local_path(request.form.get("next") or url_for(".show", artifact_id=made)), code=302)


def _told(outcomes: list[Outcome], left_out: int) -> list[str]:
    """What is said of files that were all kept; short, for it travels in a cookie. The sentences are on their pages."""
    noticed = [one.filename[:60] for one in outcomes if one.warnings and not one.quarantined]
    names = [one.filename[:60] for one in outcomes]
    told = [f"{several(names)} {'is' if len(names) == 1 else 'are'} kept."]
    held = [one.filename[:60] for one in outcomes if one.quarantined]
    if held:
        told.append(f"In quarantine, for a marking of controlled information: {several(held)}.")
    if len(names) > 1 and noticed:
        told.append(f"Something was noticed in {several(noticed)}: see the page of each.")
    if left_out:
        of_own = "1 hidden file" if left_out == 1 else f"{left_out} hidden files"
        told.append(f"{of_own} of the computer's own {'was' if left_out == 1 else 'were'} left out.")
    return told


def several(names: list[str]) -> str:
    """Names as a list for people, the first five of them."""
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def title_of(filename: str) -> str:
    """A title from a file's name, for people who gave none: without its folder and extension."""
    base = clean_line(filename.replace("\\", "/").rsplit("/", 1)[-1])
    stem = base.rsplit(".", 1)[0] if "." in base[1:] else base
    return (stem.replace("_", " ").strip() or base or "Untitled")[:300]


@pages.post("/artifacts/<int:artifact_id>/delete")
def delete(artifact_id: int) -> ResponseReturnValue:
    """Put an artifact into the trash."""
    with open_write() as work:
        trash.remove(work, artifact_id, form_version())
    text = f"The artifact is in the trash. It can be restored for {trash.KEPT_DAYS} days."
    flash_undo(text, url_for("trash.restore", artifact_id=artifact_id), {})
    return redirect(url_for(".index"), code=302)
