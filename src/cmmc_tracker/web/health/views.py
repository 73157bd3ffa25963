"""`/healthz` and `/readyz`: whether the process lives, and whether it takes requests and reaches database and store. No
more. `/metrics`: figures for Prometheus, for who has the token; without one in the settings there is no such page.
"""

from flask import Blueprint, Response, abort, current_app, make_response, request
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from cmmc_tracker.errors import Busy, NotSignedIn
from cmmc_tracker.gate import versions
from cmmc_tracker.gate.doors import installation, network, open_read
from cmmc_tracker.gate.exposition import page_of
from cmmc_tracker.gate.session import bearer_of
from cmmc_tracker.services.limits import TOKEN_USE

pages = Blueprint("health", __name__)


@pages.get("/healthz")
def alive() -> Response:
    """The process answers."""
    return _told("alive", 200)


@pages.get("/readyz")
def ready() -> Response:
    """Database and store can be reached, and nobody told this process to stop."""
    here = installation()
    if here.stopping.is_set():
        return _told("not ready", 503)
    try:
        with open_read() as work:
            work.ping()
        here.blobs.ping()
        fits = versions.fits(current_app)
    except (Busy, OSError):
        return _told("not ready", 503)
    return _told("ready", 200) if fits else _told("not ready", 503)


@pages.get("/metrics")
def figures() -> Response:
    """Counts of requests and how the installation stands."""
    page = page_of(current_app)
    if page is None:
        abort(404)
    if not page.counts.opened_by(bearer_of(request.headers.get("Authorization", ""))):
        # Looked at first, so that a monitor with the right token is never kept waiting by strangers at its address.
        installation().limiter.take(TOKEN_USE, f"metrics {network()}").settle()
        raise NotSignedIn("The figures are for who has the token of METRICS_TOKEN.")
    response = make_response(page.text())
    response.headers["Content-Type"] = CONTENT_TYPE_PLAIN_0_0_4
    return response


def _told(text: str, status: int) -> Response:
    response = make_response(f"{text}\n", status)
    response.mimetype = "text/plain"
    return response
