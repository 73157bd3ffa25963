"""The documents of a system, for people who click."""

from flask import Blueprint, g
from flask.typing import ResponseReturnValue

from cmmc_tracker.gate.content import attached
from cmmc_tracker.gate.doors import open_read, system
from cmmc_tracker.services import exports

pages = Blueprint("exports", __name__)


@pages.get("/systems/<slug>/exports/<report>")
def show(slug: str, report: str) -> ResponseReturnValue:
    """A document by its name, such as poam.xlsx."""
    g.system = system(slug)
    with open_read() as work:
        return attached(exports.document(work, g.system, report))
