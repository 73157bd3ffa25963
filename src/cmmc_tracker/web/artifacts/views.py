"""The artifact library: the list, uploading, linking, and changing one. Its page is `show.py`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cmmc_tracker.domain import catalog
from cmmc_tracker.domain.catalog import parse_objective_id
from cmmc_tracker.domain.permissions import Action, Right, allow
from cmmc_tracker.domain.text import clean_line
from cmmc_tracker.errors import Invalid, TrackerError
from cmmc_tracker.gate.doors import actor, open_read, open_write
from cmmc_tracker.gate.etag import form_version
from cmmc_tracker.gate.forms import check, facts_of, files_of, system_for, take_in, targets_of
from cmmc_tracker.gate.listing import cursor_of, following_url
from cmmc_tracker.gate.problems import STATUS
from cmmc_tracker.gate.session import local_path
from cmmc_tracker.services import artifact_views, artifacts
from cmmc_tracker.services.artifact_views import ArtifactFilter

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
    with open_read() as work:
        found, following = artifact_views.page(work, wanted)
    narrowed = any(args.get(name) for name in ("q", "kind", "status", "family", "objective", "unlinked"))
    return render_template(
        "artifacts/index.html",
        room="artifacts",
        artifacts=found,
        wanted=wanted,
        narrowed=narrowed,
        next_page=following_url(".index", following) if following else "",
        first_page=following_url(".index", None) if wanted.cursor else "",
        families=catalog.load(2).families,
    )


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
    return render_template(
        "artifacts/upload.html",
        room="artifacts",
        systems=mine,
        errors=errors,
        given=given,
        objectives=" ".join(objectives),
        outcomes=outcomes,
    )


@pages.post("/artifacts/upload")
def receive() -> ResponseReturnValue:
    """Take files in, each an artifact of its own; a file that is refused does not stop the others."""
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
    outcomes = []
    for file in files:
        facts = facts_of(form)
        if len(files) > 1 or not facts.get("title", "").strip():
            facts["title"] = title_of(file.filename or "")
        outcomes.append(_receive_one(file, home, facts, targets))
    refused = [one for one in outcomes if one.problem]
    if refused:
        # Somebody who may come back later is told so by the status; else the files are to be mended.
        return _upload_page({}, form, outcomes), max((s for s in (o.status for o in refused) if s >= 500), default=422)
    for text in _told(outcomes):
        flash(text)
    where = local_path(form.get("next") or url_for(".show", artifact_id=outcomes[0].artifact_id))
    return redirect(where, code=302)


def _receive_one(file: Any, home: Any, facts: dict[str, Any], targets: list[Any]) -> Outcome:
    name = clean_line(file.filename or "")[:200]
    try:
        check(home, facts)
        received = take_in(file, request.form.get("strip_location", ""))
        with open_write() as work:
            made = artifacts.create(work, home, received, facts, targets)
    except TrackerError as error:
        return Outcome(name, None, error.message, STATUS[type(error)])
    return Outcome(received.filename, made, "", warnings=received.warnings)


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
        found, _ = artifact_views.page(work, ArtifactFilter(text=text, limit=12))
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
            artifacts.link(work, artifact_id, target)
    return _back(artifact_id)


@pages.post("/artifacts/<int:artifact_id>/unlink")
def unlink(artifact_id: int) -> ResponseReturnValue:
    """Take a link away; the page offers to put it back."""
    form = request.form
    home = system_for(actor(), form.get("system", ""))
    objective = parse_objective_id(form.get("objective", ""))
    with open_write() as work:
        artifacts.unlink(work, artifact_id, home, objective)
    flash(f"Unlinked from {objective}. The artifact itself stays.")
    return _back(artifact_id)


def _back(artifact_id: int) -> ResponseReturnValue:
    wanted = request.form.get("next")
    return redirect(local_path(wanted) if wanted else url_for(".show", artifact_id=artifact_id), code=302)


@pages.post("/artifacts/<int:artifact_id>/delete")
def delete(artifact_id: int) -> ResponseReturnValue:
    """Put an artifact into the trash."""
    with open_write() as work:
        artifacts.remove(work, artifact_id, form_version())
    flash("The artifact is in the trash: it is shown nowhere, its bytes and history are kept.")
    return redirect(url_for(".index"), code=302)
