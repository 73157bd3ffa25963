"""Artifacts: uploading, describing, linking, downloading."""

from typing import Any, Literal

from flask import Response, make_response, request, url_for
from pydantic import Field

from cmmc_tracker.api.registry import Asked, Given, Shown, operation
from cmmc_tracker.api.shapes import ArtifactShown, ArtifactsShown, artifact_shown
from cmmc_tracker.domain import catalog
from cmmc_tracker.domain.artifacts import parse_link
from cmmc_tracker.domain.catalog import ObjectiveId
from cmmc_tracker.domain.held import LINES
from cmmc_tracker.errors import Invalid, NotFound
from cmmc_tracker.gate import content, doors
from cmmc_tracker.gate.etag import expected_version
from cmmc_tracker.gate.forms import DATES, FACTS, check, files_of, held_of, system_for, take_in, targets_of
from cmmc_tracker.gate.listing import cursor_of, limit_of
from cmmc_tracker.services import artifact_list, artifact_views, artifacts, contents, links, reviews, trash
from cmmc_tracker.services.artifact_list import ArtifactFilter
from cmmc_tracker.services.artifacts import Files
from cmmc_tracker.services.links import Target
from cmmc_tracker.services.reviews import Verdict

Wish = Literal["", "yes", "no"]
_HELD = (("location", "sha256"), (LINES,))  # what says where evidence is held, of one file or of several


class WantedArtifacts(Asked):
    """Which artifacts to list."""

    q: str = ""
    kind: str = ""
    status: str = ""
    objective: str = ""
    limit: str = ""
    cursor: str = ""


class NewArtifact(Given):
    """An artifact to be made; `objectives` may be repeated, `locator` and `shows` are said of each link.

    `strip_location`, where it is `yes`, takes the location out of a picture before it is kept. `path` is where the file
    lay, such as `3.1.1/rules.pdf`: kept for suggestions, nothing is linked by it. Evidence that must stay where it is
    has no `file`, but a `location` and its `sha256`; `size`, `filename` and `media_type` where known. Several
    files of one artifact that must stay are named by `held_files` instead: a line for each, as `sha256sum` prints it,
    or SHA-256, location, size, name and media type with tabs between.
    """

    title: str
    kind: str = "other"
    description: str = ""
    covers_from: str = ""
    covers_until: str = ""
    collected_on: str = ""
    cadence: str = "once"
    owner: str = ""
    reviewer: str = ""
    system: str = ""
    objectives: list[str] = Field(default_factory=list)
    locator: str = ""
    shows: str = ""
    strip_location: Wish = ""
    path: str = ""
    location: str = ""
    sha256: str = ""
    size: str = ""
    filename: str = ""
    media_type: str = ""
    held_files: str = ""


class ArtifactChange(Given):
    """What is said of an artifact: only what is given changes; null or empty clears a date."""

    title: str | None = None
    kind: str | None = None
    description: str | None = None
    covers_from: str | None = None
    covers_until: str | None = None
    collected_on: str | None = None
    cadence: str | None = None
    owner: str | None = None
    reviewer: str | None = None


class NewVersion(Given):
    """A new version of an artifact, with new dates where some are given; the rest as for a new one."""

    note: str = ""
    covers_from: str | None = None
    covers_until: str | None = None
    collected_on: str | None = None
    strip_location: Wish = ""
    location: str = ""
    sha256: str = ""
    size: str = ""
    filename: str = ""
    media_type: str = ""
    held_files: str = ""


class ReviewAct(Given):
    """What to do: submit, withdraw, approve, return, retire or revive; `return` needs a remark.

    `manifest_sha256`, where it is given, is the hash of the version that was looked at: another one answers 412.
    """

    act: str
    remark: str = ""
    manifest_sha256: str = ""


class LinkFacts(Given):
    """Where in the file, and what it shows there."""

    locator: str = ""
    shows: str = ""


class LinkSystem(Asked):
    """The system that the objective is of; may be left out when there is only one."""

    system: str = ""


class SuggestionShown(Shown):
    """An objective that an artifact may be evidence for, and why."""

    system: str
    objective: str
    reason: str


class SuggestionsShown(Shown):
    """What an artifact looks like evidence for, the likeliest first."""

    items: list[SuggestionShown]


@operation(
    "GET",
    "/artifacts",
    "Artifacts, newest first, page by page",
    answer=ArtifactsShown,
    query=WantedArtifacts,
    failures=(400, 422),
)
def list_artifacts(query: WantedArtifacts) -> ArtifactsShown:
    """One page of the artifacts that fit."""
    wanted = ArtifactFilter(
        text=query.q[:200],
        kind=query.kind,
        status=query.status,
        objective=catalog.parse_objective_id(query.objective) if query.objective else None,
        limit=limit_of(request.args),
        cursor=cursor_of(request.args),
    )
    with doors.open_read() as work:
        found, following = artifact_list.page(work, wanted)
    items = [artifact_shown(one) for one in found]
    return ArtifactsShown(items=items, next_cursor=str(following) if following else None)


@operation(
    "POST",
    "/artifacts",
    "Upload an artifact, or register one that stays where it is",
    status=201,
    answer=ArtifactShown,
    form=NewArtifact,
    file=True,
    without_file=_HELD,
    failures=(400, 404, 409, 413, 415, 422, 429, 503, 507),
)
def create_artifact(form: NewArtifact) -> Response:
    """Keep a file, or several in their order, or where they are held, as a new artifact, linked to objectives.

    `quarantined` tells that it waits for somebody to accept it, and is found nowhere until then.
    """
    home = system_for(doors.actor(), form.system)
    targets = targets_of(home, form.objectives, form.locator, form.shows)
    facts = {name: value for name, value in form.model_dump().items() if name in FACTS}
    facts["path"] = form.path
    check(home, facts)
    received = _files(form)
    with doors.open_write() as work:
        made = links.create_linked(work, home, received, facts, targets)
        shown = artifact_shown(artifact_views.made(work, made))
    return _created(shown)


def _files(form: NewArtifact | NewVersion) -> Files:
    """The files of a version: those that came, or those that are held elsewhere."""
    files = files_of()
    held = held_of(form.model_dump(), files)
    if held:
        return held
    if not files:
        raise Invalid({"file": "A file is needed, or the location and the SHA-256 of one that must stay where it is."})
    if len(files) > artifacts.MOST_FILES:
        raise Invalid({"file": f"One version has at most {artifacts.MOST_FILES} files."})
    return [take_in(one, form.strip_location) for one in files]


def _created(shown: ArtifactShown) -> Response:
    response = make_response(shown.model_dump_json(), 201)
    response.mimetype = "application/json"
    response.headers["Location"] = url_for("api.show_artifact", artifact_id=shown.id)
    return response


@operation("GET", "/artifacts/{artifact_id}", "One artifact", answer=ArtifactShown, failures=(404,))
def show_artifact(artifact_id: int) -> ArtifactShown:
    """One artifact with its current version and its links."""
    with doors.open_read() as work:
        return artifact_shown(artifact_views.one(work, artifact_id))


@operation(
    "PATCH",
    "/artifacts/{artifact_id}",
    "Change what is said of an artifact",
    answer=ArtifactShown,
    body=ArtifactChange,
    failures=(400, 404, 412, 422),
    versioned=True,
)
def change_artifact(artifact_id: int, body: ArtifactChange) -> ArtifactShown:
    """Change title, kind, description or dates."""
    given: dict[str, Any] = body.given()
    if not given:
        raise Invalid({"body": "Nothing to change was given."})
    with doors.open_write() as work:
        artifacts.edit(work, artifact_id, given, expected_version())
        return artifact_shown(artifact_views.one(work, artifact_id))


@operation(
    "DELETE",
    "/artifacts/{artifact_id}",
    "Put an artifact into the trash",
    status=204,
    failures=(404, 409, 412),
    versioned=True,
)
def delete_artifact(artifact_id: int) -> None:
    """The artifact is found nowhere after this; its bytes and history stay."""
    with doors.open_write() as work:
        trash.remove(work, artifact_id, expected_version())


@operation(
    "POST",
    "/artifacts/{artifact_id}/restore",
    "Take an artifact out of the trash",
    answer=ArtifactShown,
    failures=(404,),
)
def restore_artifact(artifact_id: int) -> ArtifactShown:
    """The artifact is there again as it was, for thirty days after it was put into the trash."""
    with doors.open_write() as work:
        trash.restore(work, artifact_id)
        return artifact_shown(artifact_views.one(work, artifact_id))


@operation(
    "POST",
    "/artifacts/{artifact_id}/review",
    "Hand an artifact in, give a verdict, retire it",
    answer=ArtifactShown,
    body=ReviewAct,
    failures=(400, 404, 409, 412, 422),
    versioned=True,
)
def review_artifact(artifact_id: int, body: ReviewAct) -> ArtifactShown:
    """Do one act about the artifact's state; who may do which is said by the rules of review."""
    verdict = Verdict.parse(body.act, body.remark, expected_version(), body.manifest_sha256)
    with doors.open_write() as work:
        reviews.decide(work, artifact_id, verdict)
        return artifact_shown(artifact_views.one(work, artifact_id))


@operation(
    "POST",
    "/artifacts/{artifact_id}/versions",
    "Add a new version",
    status=201,
    answer=ArtifactShown,
    form=NewVersion,
    file=True,
    without_file=_HELD,
    failures=(400, 404, 409, 412, 413, 415, 422, 429, 503, 507),
    versioned=True,
)
def create_version(artifact_id: int, form: NewVersion) -> Response:
    """Keep a file, or several in order, or where they are held, as the artifact's new version; older ones stay."""
    version = expected_version()
    dates = {name: value for name, value in form.model_dump().items() if name in DATES and value is not None}
    with doors.open_read() as work:
        artifacts.check_version(work, artifact_id, form.note, version, dates)
    received = _files(form)
    with doors.open_write() as work:
        artifacts.add_version(work, artifact_id, received, form.note, version=version, given=dates)
        shown = artifact_shown(artifact_views.made(work, artifact_id))
    return _created(shown)


@operation(
    "GET",
    "/artifacts/{artifact_id}/versions/{number}/content",
    "The bytes of a version; the ETag is their SHA-256, Range is honoured",
    failures=(404, 409, 416),
    binary=True,
)
def show_content(artifact_id: int, number: int) -> Response:
    """The bytes of one file of a version; of one that is held elsewhere there are none: 409 says where it is."""
    position = request.args.get("file", "1")
    if not (position.isascii() and position.isdecimal()) or len(position) > 4:
        raise NotFound("There is no such file in this version.")
    with doors.open_read() as work:
        file = artifact_views.file_of(work, artifact_id, number, int(position))
    return content.send(file)


@operation(
    "GET",
    "/artifacts/{artifact_id}/suggestions",
    "What an artifact looks like evidence for; nothing is linked by it",
    answer=SuggestionsShown,
    failures=(404,),
)
def list_suggestions(artifact_id: int) -> SuggestionsShown:
    """At most five objectives of the artifact's own system, the likeliest first, each with the reason."""
    with doors.open_read() as work:
        artifact = artifact_views.one(work, artifact_id)
        home = doors.actor().by_id(artifact.system_id)
        found = contents.suggestions_for(work, artifact, home)
    slug = home.slug if home else ""
    return SuggestionsShown(
        items=[SuggestionShown(system=slug, objective=str(one.objective), reason=one.reason) for one in found]
    )


@operation(
    "PUT",
    "/artifacts/{artifact_id}/objectives/{objective}",
    "Link an artifact to an objective",
    status=204,
    body=LinkFacts,
    query=LinkSystem,
    failures=(400, 404, 422),
)
def put_link(artifact_id: int, objective: str, body: LinkFacts, query: LinkSystem) -> None:
    """Say that the artifact is evidence for the objective; again is no error."""
    home = system_for(doors.actor(), query.system)
    target = targets_of(home, [str(_objective(objective))])[0]
    locator, shows = parse_link(body.locator, body.shows)
    with doors.open_write() as work:
        links.link(work, artifact_id, Target(home, target.objective, locator, shows))


@operation(
    "DELETE",
    "/artifacts/{artifact_id}/objectives/{objective}",
    "Take a link away",
    status=204,
    query=LinkSystem,
    failures=(404, 422),
)
def delete_link(artifact_id: int, objective: str, query: LinkSystem) -> None:
    """The artifact is no evidence for the objective any more; again is no error."""
    home = system_for(doors.actor(), query.system)
    with doors.open_write() as work:
        links.unlink(work, artifact_id, home, _objective(objective))


def _objective(text: str) -> ObjectiveId:
    return catalog.parse_objective_id(text)
