"""The guest's door: who comes by an upload link is nobody, and may read one request and send files for it once.

The link is looked at before anything of a body is: a stranger with a bad one is turned away by the header (`at_door`),
or before the form is parsed (`watch`, which stands before the CSRF check, because that reads the form).
"""

import re
from collections.abc import Mapping

from flask import Flask, Response, g, request

from cmmc_tracker.errors import NotFound
from cmmc_tracker.gate import doors
from cmmc_tracker.gate.guests import Guest
from cmmc_tracker.gate.uploads import LINK_AT_ONCE, LINK_SPARE
from cmmc_tracker.services.requests import guests
from cmmc_tracker.services.work import Tracker

PREFIX = "/link/"
ENDPOINTS = frozenset({"links.show", "links.receive"})
# The address is the secret: no other site learns of it, and no search engine keeps one that somebody published. Our own
# site must learn of it: without a Referer a browser sends the form with `Origin: null`, which the CSRF guard refuses.
HEADERS: Mapping[str, str] = {"Referrer-Policy": "same-origin", "X-Robots-Tag": "noindex, nofollow"}
_PATH = re.compile(r"/link/([^/]*)")


def watch(app: Flask) -> None:
    """Open the link of a request that names one."""
    app.before_request(_open)
    app.after_request(_hide)


def _open() -> None:
    if request.endpoint in ENDPOINTS:
        here, token = doors.installation(), (request.view_args or {}).get("token", "")
        g.link = guests.check(here.tracker, here.limiter, doors.visitor(), token)


def _hide(response: Response) -> Response:
    if request.path.startswith(PREFIX):
        response.headers.update(HEADERS)
    return response


def at_door(tracker: Tracker, method: str, path: str, most: int) -> Guest | None:
    """Whose large body comes by a link, for the server's door; None where the path is none of a link.

    Raises `NotFound` for a bad one. For what cannot be one the database is not asked.
    """
    named = _PATH.fullmatch(path)
    if named is None or method != "POST":
        return None
    found = None
    if guests.is_link_like(named[1]):
        with tracker.read() as work:
            found = guests.find(work, named[1])
    if found is None:
        raise NotFound(guests.GONE)
    return Guest(f"link:{found.id}", min(most, found.most_bytes + LINK_SPARE), LINK_AT_ONCE)
