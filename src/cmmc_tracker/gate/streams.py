"""Sending what is made while it is sent: a package's zip, the whole or a part of it (RFC 9110, 13 and 14)."""

from collections.abc import Callable

from flask import Response, request
from werkzeug.exceptions import RequestedRangeNotSatisfiable

from cmmc_tracker.domain.handoff.naming import clean
from cmmc_tracker.domain.permissions import Access
from cmmc_tracker.gate import doors, places
from cmmc_tracker.gate.content import read_range
from cmmc_tracker.services.handoff import packages, stream
from cmmc_tracker.services.handoff.packages import Package
from cmmc_tracker.services.handoff.stream import Zip

Span = tuple[int, int]  # the first byte, and the one behind the last


def send_package(system: Access, package_id: int) -> Response:
    """The zip of a package, for a member of its system; raises `NotFound`, and `Conflict` as `zipped` does."""
    with doors.open_read() as work:
        package = packages.one(work, system, package_id)

    def noted(part: Span | None) -> None:
        with doors.open_write() as work:
            packages.note_download(work, system, package, part)

    return zipped(system.slug, package, noted)


def zipped(slug: str, package: Package, noted: Callable[[Span | None], None]) -> Response:
    """The zip of a package; a broken download goes on by `Range`, with `If-Range` only while it is the same zip.

    `noted` writes down that it is taken, the whole or a part, before the first byte. Before that `Conflict` is raised
    for a package that cannot be given out as it was frozen, `TooMany` for who reads several already. What goes wrong
    after the first byte breaks the connection off: the zip then has no end, and opens nowhere.
    """
    found = stream.opened(doors.installation().tracker, package)
    if request.if_none_match.contains(found.etag):
        return _headed(Response(status=304), slug, package, found)
    part = _part(found)
    start, stop = part or (0, found.size)
    with places.taken(stop - start) as place:
        if request.method != "HEAD":
            noted(part)
        response = Response(found.pieces(start, stop), 206 if part else 200, mimetype="application/zip")
        response.content_length = stop - start
        if part:
            response.content_range.set(start, stop, found.size)
        return places.hold(_headed(response, slug, package, found), place)


def _part(found: Zip) -> Span | None:
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


def _headed(response: Response, slug: str, package: Package, found: Zip) -> Response:
    name = clean(f"{slug} package {package.number} {package.name}", 100)
    response.headers.set("Content-Disposition", "attachment", filename=f"{name}.zip")
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["Accept-Ranges"] = "bytes"
    response.set_etag(found.etag)
    return response
