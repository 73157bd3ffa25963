"""Sending an artifact's bytes: the ETag is their hash, Range and If-None-Match hold (RFC 9110, 13 and 14)."""

import re
from collections.abc import Iterator
from typing import BinaryIO

from flask import Response, request, send_file
from waitress.buffers import ReadOnlyFileBasedBuffer

from cmmc_tracker.domain.uploads import INLINE
from cmmc_tracker.errors import Conflict
from cmmc_tracker.gate import places
from cmmc_tracker.gate.doors import installation
from cmmc_tracker.gate.headers import PDF_POLICY, UPLOAD_POLICY
from cmmc_tracker.services import integrity
from cmmc_tracker.services.artifact_views import File
from cmmc_tracker.services.exports import XLSX, Document

_PIECE = 262_144


def send(file: File, *, may_show: bool = True) -> Response:
    """One stored file with its own media type; shown in the browser only where that is harmless and `may_show` says so.

    Raises `Conflict` for what is held elsewhere, and for bytes that are known to be damaged, unless the request says
    that it wants them all the same.
    """
    refuse_held(file)
    refuse_damaged(file)
    inline = may_show and file.media_type in INLINE and "download" not in request.args
    read_range(file.size or 0)
    place = installation().blobs.place(file.sha256)
    response = send_file(
        place or installation().blobs.open(file.sha256),
        mimetype=file.media_type,
        as_attachment=not inline,
        download_name=file.filename,
        conditional=place is not None,
        etag=file.sha256,
        last_modified=None,
        max_age=None,
    )
    response.headers["Content-Security-Policy"] = PDF_POLICY if file.media_type == "application/pdf" else UPLOAD_POLICY
    response.headers["Cache-Control"] = "private, no-store"
    return _without_a_thread(response, file) if place else _from_afar(response, file)


def _from_afar(response: Response, file: File) -> Response:
    """Let a worker send bytes that are on no disk here: the server's own loop must not wait for another machine."""
    size = file.size or 0
    response.content_length = size
    response.make_conditional(request, accept_ranges=True, complete_length=size)
    if response.status_code not in {200, 206}:
        return response
    response.close()
    part = response.content_range
    start = part.start if response.status_code == 206 and part is not None and part.start is not None else 0
    places.hold(response, places.taken(response.content_length or 0))
    stream = installation().blobs.open(file.sha256)
    stream.seek(start)
    response.response = _pieces(stream, response.content_length or 0)
    response.direct_passthrough = False
    response.call_on_close(stream.close)
    return response


def _pieces(stream: BinaryIO, left: int) -> Iterator[bytes]:
    while left and (piece := stream.read(min(left, _PIECE))):
        left -= len(piece)
        yield piece


def attached(document: Document) -> Response:
    """A document that was made for this request: always a download, and nothing keeps a copy on the way."""
    response = Response(document.content, mimetype=document.media_type)
    response.headers.set("Content-Disposition", "attachment", filename=document.name)
    response.headers["Content-Security-Policy"] = UPLOAD_POLICY
    response.headers["Cache-Control"] = "private, no-store"
    return response


def spreadsheet(name: str, ending: str, content: bytes) -> Response:
    """A table that was made for this request, `csv` or `xlsx`, as a download."""
    media_type = "text/csv" if ending == "csv" else XLSX
    return attached(Document(f"{name}.{ending}", media_type, content))


def refuse_held(file: File) -> None:
    """Raise `Conflict` for a file whose bytes are not here."""
    if file.is_held:
        raise Conflict(
            f"This file is held at {file.location}: it may not leave that place, so its bytes are not here. Ask for it "
            f"there; its SHA-256 is {file.sha256}."
        )


def refuse_damaged(file: File) -> None:
    """Raise `Conflict` for bytes that are known to be damaged, unless the request wants them all the same."""
    if file.check_state == integrity.UNREADABLE:
        return  # whoever reads them finds out whether they can be read now
    if file.is_damaged and request.args.get("damaged") != "yes":
        raise Conflict(
            "The bytes of this file are not those that were received: the last check found them "
            f"{file.check_state}. An administrator should restore them from a backup; ?damaged=yes gives what is there."
        )


def read_range(size: int) -> None:
    """Read `Range` as RFC 9110 does where Werkzeug does not.

    A unit other than bytes, and more than one range, are ignored (14.2); a suffix longer than the file means all
    of it (14.1.2).
    """
    given = request.environ.get("HTTP_RANGE", "")
    suffix = re.fullmatch(r"bytes=-(\d{1,18})", given)
    if suffix and int(suffix[1]) > size > 0:
        request.environ["HTTP_RANGE"] = f"bytes=-{size}"
    elif given and (not given.startswith("bytes=") or "," in given):
        del request.environ["HTTP_RANGE"]


def _without_a_thread(response: Response, file: File) -> Response:
    """Let the server itself send a part of a file, as it does a whole one: who stops reading holds no thread."""
    part = response.content_range
    wrapper = request.environ.get("wsgi.file_wrapper")
    if response.status_code != 206 or wrapper is not ReadOnlyFileBasedBuffer or part is None or part.start is None:
        return response
    response.close()
    stream = installation().blobs.open(file.sha256)
    stream.seek(part.start)
    response.response = wrapper(stream)
    response.direct_passthrough = True
    return response
