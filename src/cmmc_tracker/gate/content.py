"""Sending an artifact's bytes: the ETag is their hash, Range and If-None-Match hold (RFC 9110, 13 and 14)."""

from flask import Response, request, send_file

from cmmc_tracker.domain.uploads import INLINE
from cmmc_tracker.gate.doors import installation
from cmmc_tracker.gate.headers import PDF_POLICY, UPLOAD_POLICY
from cmmc_tracker.services.artifact_views import File


def send(file: File) -> Response:
    """One stored file with its own media type; shown in the browser only where that is harmless."""
    inline = file.media_type in INLINE and "download" not in request.args
    response = send_file(
        installation().blobs.path(file.sha256),
        mimetype=file.media_type,
        as_attachment=not inline,
        download_name=file.filename,
        conditional=True,
        etag=file.sha256,
        last_modified=None,
        max_age=None,
    )
    response.headers["Content-Security-Policy"] = PDF_POLICY if file.media_type == "application/pdf" else UPLOAD_POLICY
    response.headers["Cache-Control"] = "private, no-store"
    return response
