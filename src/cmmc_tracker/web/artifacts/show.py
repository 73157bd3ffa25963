"""One artifact: its preview, facts, state, links, versions, remarks and history; and its bytes."""

import struct
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from flask import Response, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cmmc_tracker.domain.artifacts import ArtifactStatus
from cmmc_tracker.domain.examination import archives
from cmmc_tracker.domain.examination.reading import Unreadable, Window
from cmmc_tracker.domain.permissions import Right
from cmmc_tracker.domain.uploads import INLINE
from cmmc_tracker.errors import Invalid, NotFound, Stale, TrackerError
from cmmc_tracker.gate import content
from cmmc_tracker.gate.doors import actor, installation, open_read, open_write
from cmmc_tracker.gate.etag import form_version
from cmmc_tracker.gate.forms import DATES, facts_of, files_of, held_of, take_in
from cmmc_tracker.services import (
    artifact_views,
    artifacts,
    audit,
    contents,
    dependents,
    members,
    preview_pages,
    remarks,
    reviews,
    trash,
    uses,
)
from cmmc_tracker.services.artifact_views import Artifact, File, Version
from cmmc_tracker.services.artifacts import Files
from cmmc_tracker.services.audit import AuditEntry
from cmmc_tracker.services.requests import reading
from cmmc_tracker.services.reviews import Verdict
from cmmc_tracker.web.artifacts.views import pages

SHOWN_PAGES = 30
SHOWN_ENTRIES = 200
_TEXTS = {"text/markdown": "markdown", "text/plain": "text"}


@pages.get("/artifacts/<int:artifact_id>")
def show(artifact_id: int) -> ResponseReturnValue:
    """The page of one artifact."""
    return _page(artifact_id)


def _page(
    artifact_id: int,
    errors: Mapping[str, str] | None = None,
    typed: Mapping[str, Any] | None = None,
    *,
    stale: bool = False,
) -> str:
    with open_read() as work:
        artifact = artifact_views.one(work, artifact_id)
        history = _of_own_systems(audit.history(work, f"artifact:{artifact_id}"))
        home = actor().by_id(artifact.system_id)
        open_acts = reviews.open_acts(work, artifacts.visible(work, artifact_id))
        said = remarks.of_artifact(work, artifact_id) if home else []
        people = members.of_system(work, artifact.system_id) if home else []
        version = _chosen(artifact, request.args.get("version", type=int))
        stones = trash.stones(work, artifact_id)
        rests = dependents.of_artifact(work, artifact_id)
        used = uses.of_artifact(work, artifact_id)
        markings = contents.markings_of(work, version)
        suggestions = contents.suggestions_for(work, artifact, home)
        answers = reading.answered_by(work, artifact_id)
    position = request.args.get("file", 1, type=int)
    file = next((f for f in version.files if f.position == position), version.files[0])
    return render_template(
        "artifacts/show.html",
        room="artifacts",
        artifact=artifact,
        shown=version,
        file=file,
        preview=preview_of(file),
        acts=open_acts,
        remarks=said,
        people=people,
        rests={(one.system, one.objective): one for one in rests},
        breaks=[one.objective for one in rests if one.breaks],
        uses=used,
        markings=markings,
        stones=stones,
        suggestions=suggestions,
        suggested_for=home,
        answers=answers,
        is_member=home is not None,
        history=history,
        may_edit=home is not None and Right.CONTRIBUTE in home.rights,
        contributing=[s for s in actor().systems.values() if Right.CONTRIBUTE in s.rights],
        errors=errors or {},
        typed=typed,
        stale=stale,
        inline=file.media_type in INLINE and not file.is_held,
    )


def _chosen(artifact: Artifact, number: int | None) -> Version:
    return next((v for v in artifact.versions if v.number == number), artifact.current)


@pages.get("/artifacts/<int:artifact_id>/compare")
def compare(artifact_id: int) -> ResponseReturnValue:
    """Two versions next to each other; without a choice the current one and the one before it."""
    with open_read() as work:
        artifact = artifact_views.one(work, artifact_id)
    right = _chosen(artifact, request.args.get("right", type=int))
    left = _chosen(artifact, request.args.get("left", right.number - 1, type=int))
    common = {one.sha256 for one in left.files} & {one.sha256 for one in right.files}
    return render_template(
        "artifacts/compare.html",
        room="artifacts",
        artifact=artifact,
        sides=[(name, one, preview_of(one.files[0])) for name, one in (("left", left), ("right", right))],
        common=common,
    )


def _of_own_systems(entries: list[AuditEntry]) -> list[AuditEntry]:
    """What happened in systems that the reader belongs to; of others nothing is told."""
    mine = actor().systems
    return [entry for entry in entries if entry.detail.get("system", "") in {"", *mine}]


def preview_of(file: File) -> dict[str, Any]:
    """What the page shows of a file; a file that cannot be shown says so, nothing else suffers."""
    if file.is_held:
        return {"kind": "held"}
    if file.is_damaged:
        why = f"Its bytes are not those that were received: the last check found them {file.check_state}."
        return {"kind": "none", "why": why}
    try:
        return _preview(file)
    except NotFound:
        return {"kind": "missing"}
    except (TrackerError, OSError) as error:
        return {"kind": "none", "why": getattr(error, "message", "It could not be read.")}


def _preview(file: File) -> dict[str, Any]:
    blobs = installation().blobs
    if file.media_type == "application/pdf":
        return _sheets(_pdf_pages(file.sha256))
    with blobs.open(file.sha256) as stream:
        if (file.media_type or "").startswith("image/"):
            preview_pages.check_image(stream)
            return {"kind": "image"}
        if file.media_type == "text/csv":
            return {"kind": "table", "table": preview_pages.csv_preview(stream)}
        if file.media_type == "application/zip":
            return _listing(Window(stream, file.size or 0))
        if file.media_type in _TEXTS:
            return {"kind": _TEXTS[file.media_type], "text": preview_pages.text_preview(stream)}
    return {"kind": "none", "why": "Files of this type have no preview here; open it in its own program."}


def _sheets(count: int | str) -> dict[str, Any]:
    if isinstance(count, str):
        return {"kind": "none", "why": count}
    return {"kind": "pdf", "count": count, "shown": min(count, SHOWN_PAGES)}


def _listing(window: Window) -> dict[str, Any]:
    """What an archive says that it holds; nothing is unpacked."""
    try:
        found = archives.contents(window)
    except (Unreadable, struct.error):
        return {"kind": "none", "why": "The archive's list of contents cannot be read."}
    if not found.whole:
        return {"kind": "none", "why": f"The archive holds {found.count:,} entries, too many to be listed here."}
    total = sum(entry.size for entry in found.entries)
    return {"kind": "archive", "count": found.count, "total": total, "entries": found.entries[:SHOWN_ENTRIES]}


@lru_cache(maxsize=512)
def _pdf_pages(sha256: str) -> int | str:
    """How many pages a PDF has, or why it cannot be shown; kept, for a hostile one costs seconds to find out."""
    try:
        with installation().blobs.local(sha256) as path:
            return preview_pages.pdf_pages(path)
    except Invalid as error:
        return error.message


@pages.get("/artifacts/<int:artifact_id>/versions/<int:number>/pages/<int:page>.png")
def pdf_page(artifact_id: int, number: int, page: int) -> ResponseReturnValue:
    """One page of a PDF as a picture, made in a child process with limits."""
    with open_read() as work:
        file = artifact_views.file_of(work, artifact_id, number, request.args.get("file", 1, type=int))
    return picture_of(file, page)


def picture_of(file: File, page: int) -> Response:
    """One page of a PDF as a picture, counted from 1; raises `NotFound` for what has no such page."""
    if file.media_type != "application/pdf":
        raise NotFound("This file has no pages.")
    content.refuse_held(file)
    content.refuse_damaged(file)
    with installation().blobs.local(file.sha256) as path:
        response = make_response(preview_pages.pdf_page(path, page))
    response.mimetype = "image/png"
    response.set_etag(f"{file.sha256}-{page}")
    return response


@pages.get("/uploads/<int:artifact_id>/<int:number>/<name>")
def content_of(artifact_id: int, number: int, name: str) -> Response:
    """The bytes of one file of a version; the name is the file's own."""
    with open_read() as work:
        file = artifact_views.file_named(work, artifact_id, number, name)
    return content.send(file)


@pages.post("/artifacts/<int:artifact_id>")
def edit(artifact_id: int) -> ResponseReturnValue:
    """Change what is said of an artifact."""
    given = facts_of(request.form)
    try:
        with open_write() as work:
            artifacts.edit(work, artifact_id, given, form_version())
    except Invalid as error:
        return _page(artifact_id, error.fields, given), 422
    except Stale:
        return _page(artifact_id, {}, given, stale=True), 412
    flash("Saved.")
    return redirect(url_for(".show", artifact_id=artifact_id), code=302)


@pages.post("/artifacts/<int:artifact_id>/versions")
def add_version(artifact_id: int) -> ResponseReturnValue:
    """Add a file, or several in their order, or where they are held, as the artifact's new version."""
    files = files_of()
    try:
        held = held_of(request.form, files)
    except Invalid as error:
        return _page(artifact_id, error.fields), 422
    if (not files and not held) or len(files) > artifacts.MOST_FILES:
        many = f"A version has at most {artifacts.MOST_FILES} files."
        return _page(artifact_id, {"file": many if files else "Please choose the new version's file first."}), 422
    note, version = request.form.get("note", ""), form_version()
    dates = {name: request.form[name] for name in DATES if name in request.form}
    try:
        with open_read() as work:
            artifacts.check_version(work, artifact_id, note, version, dates)
        received: Files = held or [take_in(one, request.form.get("strip_location", "")) for one in files]
        with open_write() as work:
            number = artifacts.add_version(work, artifact_id, received, note, version=version, given=dates)
            is_shown = artifacts.is_visible(work, artifact_id)
            is_draft = is_shown and artifacts.visible(work, artifact_id).status == ArtifactStatus.DRAFT
    except Invalid as error:
        return _page(artifact_id, error.fields), 422
    except Stale:
        return _page(artifact_id, {}, stale=True), 412
    if not is_shown:
        flash("The version is kept, and the artifact is in quarantine: it carries a marking of controlled information.")
        return redirect(url_for("quarantine.index"), code=302)
    lapsed = " It is a draft until it is approved: an approval of the version before does not hold for it."
    flash(f"Version {number} is kept.{lapsed if is_draft else ''}")
    return redirect(url_for(".show", artifact_id=artifact_id), code=302)


@pages.post("/artifacts/<int:artifact_id>/review")
def review(artifact_id: int) -> ResponseReturnValue:
    """Hand an artifact in, give a verdict, retire it."""
    form = request.form
    try:
        verdict = Verdict.parse(form.get("act", ""), form.get("remark", ""), form_version(), form.get("manifest", ""))
        with open_write() as work:
            after = reviews.decide(work, artifact_id, verdict)
    except Invalid as error:
        return _page(artifact_id, error.fields), 422
    except Stale:
        return _page(artifact_id, {}, stale=True), 412
    flash(f"The artifact is now {after.label}.")
    return redirect(url_for(".show", artifact_id=artifact_id), code=302)


@pages.post("/artifacts/<int:artifact_id>/remarks")
def remark(artifact_id: int) -> ResponseReturnValue:
    """Say something of an artifact, or ask somebody."""
    try:
        with open_write() as work:
            remarks.write_on_artifact(work, artifact_id, request.form.get("text", ""), request.form.get("ask", ""))
    except Invalid as error:
        return _page(artifact_id, error.fields), 422
    return redirect(url_for(".show", artifact_id=artifact_id, _anchor="remarks"), code=302)
