"""Sending what is made while it is sent: a package's zip, the whole or a part of it (RFC 9110, 13 and 14)."""

from flask import Response, request
from werkzeug.exceptions import RequestedRangeNotSatisfiable

from cmmc_tracker.domain.handoff.naming import clean
from cmmc_tracker.domain.permissions import Access
from cmmc_tracker.gate import doors
from cmmc_tracker.gate.content import read_range
from cmmc_tracker.services.handoff import packages, stream
from cmmc_tracker.services.handoff.packages import Package
from cmmc_tracker.services.handoff.stream import Zip


def send_package(system: Access, package_id: int) -> Response:
    """The zip of a package; a broken download goes on by `Range`, with `If-Range` only while it is the same zip.

    Raises `NotFound`, and `Conflict` before the first byte for a package that cannot be given out as it was frozen.
    What goes wrong after the first byte breaks the connection off: the zip then has no end, and opens nowhere.
    """
    with doors.open_read() as work:
        package = packages.one(work, system, package_id)
    found = stream.opened(doors.installation().tracker, package)
    if request.if_none_match.contains(found.etag):
        return _headed(Response(status=304), system, package, found)
    part = _part(found)
    start, stop = part or (0, found.size)
    if request.method != "HEAD":
        with doors.open_write() as work:
            packages.note_download(work, system, package, part)
    response = Response(found.pieces(start, stop), 206 if part else 200, mimetype="application/zip")
    response.content_length = stop - start
    if part:
        response.content_range.set(start, stop, found.size)
    return _headed(response, system, package, found)


def _part(found: Zip) -> tuple[int, int] | None:
    """The bytes that are asked for, from one to another (exclusive), or None for all of them.

    Raises `RequestedRangeNotSatisfiable` for a range beyond the end.
    """
    read_range(found.size)
    asked, unless = request.range, request.headers.get("If-Range", "")
    if asked is None or (unless and unless.strip() != f'"{found.etag}"'):
        return None
    part = asked.range_for_length(found.size)
    if part is None:
        raise RequestedRangeNotSatisfiable(found.size)
    return part


def _headed(response: Response, system: Access, package: Package, found: Zip) -> Response:
    name = clean(f"{system.slug} package {package.number} {package.name}", 100)
    response.headers.set("Content-Disposition", "attachment", filename=f"{name}.zip")
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["Accept-Ranges"] = "bytes"
    response.set_etag(found.etag)
    return response
