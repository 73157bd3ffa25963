"""The artifact library: the list, uploading, linking, and changing one. Its page is `show.py`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import FileStorage

from cmmc_tracker.domain import catalog, searching
from cmmc_tracker.domain.catalog import ObjectiveId, parse_objective_id
from cmmc_tracker.domain.permissions import Access, Action, Right, allow
from cmmc_tracker.domain.text import clean_line
from cmmc_tracker.errors import Invalid, TrackerError
from cmmc_tracker.gate.doors import actor, open_read, open_write
from cmmc_tracker.gate.etag import form_version
from cmmc_tracker.gate.forms import check, facts_of, files_of, system_for, take_in, targets_of
from cmmc_tracker.gate.listing import cursor_of, following_url
from cmmc_tracker.gate.problems import STATUS
from cmmc_tracker.gate.session import local_path
from cmmc_tracker.services import artifact_list, artifacts, links, members, trash
from cmmc_tracker.services.artifact_list import ArtifactFilter
from cmmc_tracker.services.artifacts import MOST_FILES
from cmmc_tracker.services.links import Target
from cmmc_tracker.web.undo import flash_undo

pages = Blueprint("artifacts", __name__)


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
        cursor=cursor_of(args),
    )
    problem, words = "", []
    with open_read() as work:
        try:
            found, following = artifact_list.page(work, wanted)
            words = searching.parse(wanted.text, work.now.date()).plain
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
    ), (422 if problem else 200)


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
        people=list(people.values()),
    )


@pages.post("/artifacts/upload")
def receive() -> ResponseReturnValue:
    """Take files in, each an artifact of its own, or all one artifact where the form says so.

    A file that is refused does not stop the others.
    """
    form, files = request.form, files_of()
    if not files:
        return _upload_page({"file": "Please choose a file first."}, form, []), 422
    try:
        home = system_for(actor(), form.get("system", ""))
        named = [word for text in form.getlist("objectives") for word in text.replace(",", " ").split()]
        targets = targets_of(home, named, form.get("locator", ""), form.get("shows", ""))
    except Invalid as error:
        return _upload_page(error.fields, form, []), 422
    allow(actor(), Action.ARTIFACT_CREATE, home)
    together = form.get("together") == "yes"
    if together and len(files) > MOST_FILES:
        return _upload_page({"file": f"One artifact has at most {MOST_FILES} files."}, form, []), 422
    outcomes = []
    for group in [files] if together else [[file] for file in files]:
        facts = facts_of(form)
        if (len(files) > 1 and not together) or not facts.get("title", "").strip():
            facts["title"] = title_of(group[0].filename or "")
        outcomes.append(_receive_one(group, home, facts, targets))
    refused = [one for one in outcomes if one.problem]
    if refused:
        # Somebody who may come back later is told so by the status; else the files are to be mended.
        return _upload_page({}, form, outcomes), max((s for s in (o.status for o in refused) if s >= 500), default=422)
    for text in _told(outcomes):
        flash(text)
    where = local_path(form.get("next") or url_for(".show", artifact_id=outcomes[0].artifact_id))
    return redirect(where, code=302)


def _receive_one(files: Sequence[FileStorage], home: Access, facts: dict[str, Any], targets: list[Target]) -> Outcome:
    name = clean_line(files[0].filename or "")[:200]
    try:
        check(home, facts)
        received = [take_in(one, request.form.get("strip_location", "")) for one in files]
        with open_write() as work:
            made = links.create_linked(work, home, received, facts, targets)
    except TrackerError as error:
        return Outcome(name, None, error.message, STATUS[type(error)])
    return Outcome(received[0].filename, made, "", warnings=tuple(w for one in received for w in one.warnings))


def _told(outcomes: list[Outcome]) -> list[str]:
    """What is said of files that were all kept; short, for it travels in a cookie. The sentences are on their pages."""
    noticed = [one.filename[:60] for one in outcomes if one.warnings]
    names = [one.filename[:60] for one in outcomes]
    said = [f"{_several(names)} {'is' if len(names) == 1 else 'are'} kept."]
    if len(names) > 1 and noticed:
        said.append(f"Something was noticed in {_several(noticed)}: see the page of each.")
    return said


def _several(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def title_of(filename: str) -> str:
    """A title from a file's name, for people who gave none: without its folder and extension."""
    base = clean_line(filename.replace("\\", "/").rsplit("/", 1)[-1])
    stem = base.rsplit(".", 1)[0] if "." in base[1:] else base
    return (stem.replace("_", " ").strip() or base or "Untitled")[:300]


@pages.get("/artifacts/picker")
def picker() -> ResponseReturnValue:
    """Find an artifact to link to an objective; a part of a page when a script asks."""
    home = system_for(actor(), request.args.get("system", ""))
    objective = parse_objective_id(request.args.get("objective", ""))
    text = request.args.get("q", "")[:200]
    with open_read() as work:
        found, _ = artifact_list.page(work, ArtifactFilter(text=text, limit=12))
    template = "artifacts/picked.html" if request.headers.get("X-Part") else "artifacts/picker.html"
    return render_template(template, room="requirements", home=home, objective=objective, artifacts=found, text=text)


@pages.post("/artifacts/<int:artifact_id>/link")
def link(artifact_id: int) -> ResponseReturnValue:
    """Link an artifact to objectives of a system."""
    form = request.form
    home = system_for(actor(), form.get("system", ""))
    named = [word for text in form.getlist("objective") for word in text.replace(",", " ").split()]
    if not named:
        raise Invalid({"objective": "Please name an objective, such as 3.1.1[a]."})
    targets = targets_of(home, named, form.get("locator", ""), form.get("shows", ""))
    with open_write() as work:
        for target in targets:
            links.link(work, artifact_id, target)
    return _back(artifact_id)


@pages.post("/artifacts/<int:artifact_id>/unlink")
def unlink(artifact_id: int) -> ResponseReturnValue:
    """Take a link away; the page offers to put it back."""
    form = request.form
    home = system_for(actor(), form.get("system", ""))
    objective = parse_objective_id(form.get("objective", ""))
    with open_write() as work:
        links.unlink(work, artifact_id, home, objective)
        stays = artifacts.is_visible(work, artifact_id)
    if not stays:  # it was of another system, and this was its last link here
        flash(f"Unlinked from {objective}. It belongs to another system, so it is not shown here any more.")
        return redirect(local_path(request.form.get("next") or url_for(".index")), code=302)
    fields = {"system": home.slug, "objective": str(objective), "next": request.form.get("next", "")[:500]}
    text = f"Unlinked from {objective}. The artifact itself stays."
    flash_undo(text, url_for(".relink", artifact_id=artifact_id), fields)
    return _back(artifact_id)


@pages.post("/artifacts/<int:artifact_id>/relink")
def relink(artifact_id: int) -> ResponseReturnValue:
    """Put a link back that was just taken away, with what it said."""
    home = system_for(actor(), request.form.get("system", ""))
    with open_write() as work:
        links.put_back(work, artifact_id, home, parse_objective_id(request.form.get("objective", "")))
    return _back(artifact_id)


def _back(artifact_id: int) -> ResponseReturnValue:
    wanted = request.form.get("next")
    return redirect(local_path(wanted) if wanted else url_for(".show", artifact_id=artifact_id), code=302)


@pages.post("/artifacts/<int:artifact_id>/delete")
def delete(artifact_id: int) -> ResponseReturnValue:
    """Put an artifact into the trash."""
    with open_write() as work:
        trash.remove(work, artifact_id, form_version())
    text = f"The artifact is in the trash. It can be restored for {trash.KEPT_DAYS} days."
    flash_undo(text, url_for("trash.restore", artifact_id=artifact_id), {})
    return redirect(url_for(".index"), code=302)
