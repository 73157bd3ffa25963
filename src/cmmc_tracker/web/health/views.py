"""`/healthz` and `/readyz`: whether the process lives, and whether database and store can be reached. No more."""

from flask import Blueprint, Response, make_response

from cmmc_tracker.errors import Busy
from cmmc_tracker.gate.doors import installation, open_read

pages = Blueprint("health", __name__)


@pages.get("/healthz")
def alive() -> Response:
    """The process answers."""
    return _told("alive", 200)


@pages.get("/readyz")
def ready() -> Response:
    """Database and store can be reached."""
    try:
        with open_read() as work:
            work.ping()
        installation().blobs.ping()
    except (Busy, OSError):
        return _told("not ready", 503)
    return _told("ready", 200)


def _told(text: str, status: int) -> Response:
    response = make_response(f"{text}\n", status)
    response.mimetype = "text/plain"
    return response
