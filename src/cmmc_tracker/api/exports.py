"""The documents of a system."""

from flask import Response

from cmmc_tracker.api.registry import operation
from cmmc_tracker.gate import doors
from cmmc_tracker.gate.content import attached
from cmmc_tracker.services import exports


@operation(
    "GET", "/systems/{slug}/exports/{report}", "A document, made from what stands now", failures=(404,), binary=True
)
def show_export(slug: str, report: str) -> Response:
    """A document by its name, such as poam.xlsx."""
    with doors.open_read() as work:
        return attached(exports.document(work, doors.system(slug), report))
