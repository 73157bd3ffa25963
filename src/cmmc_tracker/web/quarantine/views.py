"""Quarantine: what waits to be accepted or refused, and a safe look at it."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cmmc_tracker.errors import Invalid, NotFound, Stale, TrackerError
from cmmc_tracker.gate import content
from cmmc_tracker.gate.doors import installation, open_read, open_write, system
from cmmc_tracker.gate.etag import form_version
from cmmc_tracker.services import preview_pages, quarantine
from cmmc_tracker.services.artifact_views import File

pages = Blueprint("quarantine", __name__)
TEXT_BYTES = 20_000


@pages.get("/quarantine")
def index() -> ResponseReturnValue:
    """What waits in the systems that the person contributes to."""
    with open_read() as work:
        found = quarantine.listed(work)
    return render_template("quarantine/index.html", waiting=found, is_full=len(found) >= quarantine.MOST)


@pages.get("/quarantine/<int:artifact_id>")
def show(artifact_id: int) -> ResponseReturnValue:
    """One that waits: why, its files, and the two ways out."""
    return _page(artifact_id)


def _page(
    artifact_id: int,
    errors: Mapping[str, str] | None = None,
    typed: Mapping[str, Any] | None = None,
    *,
    stale: bool = False,
) -> str:
    with open_read() as work:
        found = quarantine.one(work, artifact_id)
    g.system = system(found.system)
    return render_template(
        "quarantine/show.html",
        one=found,
        files=[(known, _look(known.file)) for known in found.files],
        errors=errors or {},
        typed=typed or {},
        stale=stale,
    )


def _look(file: File) -> dict[str, Any]:
    """What is shown of a file: a picture or a text, and nothing that could do anything."""
    if file.is_held:
        return {"kind": "held"}
    media_type = file.media_type or ""
    try:
        with installation().blobs.open(file.sha256) as stream:
            if media_type.startswith("image/"):
                preview_pages.check_image(stream)
                return {"kind": "image"}
            if media_type.startswith("text/"):
                return {"kind": "text", "text": preview_pages.text_preview(stream, TEXT_BYTES)}
    except NotFound:
        return {"kind": "none", "why": "Its bytes are missing in the store; an administrator should run verify."}
    except (TrackerError, OSError) as error:
        return {"kind": "none", "why": getattr(error, "message", "It could not be read.")}
    return {"kind": "none", "why": "Files of this type are not shown here: download it, and open it with care."}


@pages.get("/quarantine/<int:artifact_id>/files/<int:position>")
def file(artifact_id: int, position: int) -> Response:
    """The bytes of one file, as a download only."""
    with open_read() as work:
        found = quarantine.file_of(work, artifact_id, position)
    return content.send(found, may_show=False)


@pages.post("/quarantine/<int:artifact_id>/accept")
def accept(artifact_id: int) -> ResponseReturnValue:
    """Make it evidence."""
    try:
        with open_write() as work:
            quarantine.accept(work, artifact_id, form_version(), request.form.get("title"))
    except Invalid as error:
        return _page(artifact_id, error.fields, request.form), 422
    except Stale:
        return _page(artifact_id, {}, request.form, stale=True), 412
    flash("Accepted: it is one of your artifacts now. Say what else it is evidence for, and check its dates.")
    return redirect(url_for("artifacts.show", artifact_id=artifact_id), code=302)


@pages.post("/quarantine/<int:artifact_id>/reject")
def reject(artifact_id: int) -> ResponseReturnValue:
    """Refuse it: it goes into the trash."""
    try:
        with open_write() as work:
            quarantine.reject(work, artifact_id, request.form.get("reason", ""), form_version())
    except Invalid as error:
        return _page(artifact_id, error.fields, request.form), 422
    except Stale:
        return _page(artifact_id, {}, request.form, stale=True), 412
    flash("Refused: it is in the trash, and what it answered is open again.")
    return redirect(url_for(".index"), code=302)
