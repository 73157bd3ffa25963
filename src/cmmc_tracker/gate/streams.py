"""Sending what is made while it is sent: a package's zip."""

from flask import Response

from cmmc_tracker.domain.handoff.naming import clean
from cmmc_tracker.domain.permissions import Access
from cmmc_tracker.gate import doors
from cmmc_tracker.services.handoff import documents, packages, stream
from cmmc_tracker.services.handoff.packages import Package


def send_package(system: Access, package_id: int) -> Response:
    """The zip of a package. Raises `NotFound`, and `Conflict` for records that are not those that were frozen.

    What goes wrong after the first byte breaks the connection off: the zip then has no end, and opens nowhere.
    """
    with doors.open_read() as work:
        package = packages.one(work, system, package_id)
        text = packages.snapshot_text(work, system, package_id)
    with doors.open_write() as work:
        packages.note_download(work, system, package)
    return zipped(system.slug, package, text)


def zipped(slug: str, package: Package, text: str) -> Response:
    """The zip of a package whose download was allowed and written down; `text` is its snapshot."""
    pieces = stream.stream(doors.installation().blobs, package, text, documents.of)
    response = Response(pieces, mimetype="application/zip")
    name = clean(f"{slug} package {package.number} {package.name}", 100)
    response.headers.set("Content-Disposition", "attachment", filename=f"{name}.zip")
    response.headers["Cache-Control"] = "private, no-store"
    return response
