"""The guest's door: who comes by an upload link is nobody, and may read one request and send files for it once; who
comes by a package link, and knows its second word, may look at one package.

The link is looked at before anything of a body is: a stranger with a bad one is turned away by the header (`at_door`),
or before the form is parsed (`watch`, which stands before the CSRF check, because that reads the form).
"""

import re
import time
from collections.abc import Mapping
from typing import Any

from flask import Flask, Response, g, redirect, request, session, url_for

from cmmc_tracker.errors import NotFound
from cmmc_tracker.gate import doors
from cmmc_tracker.gate.guests import Guest
from cmmc_tracker.gate.uploads import LINK_AT_ONCE, LINK_SPARE
from cmmc_tracker.services.handoff import opening
from cmmc_tracker.services.handoff.opening import Opened
from cmmc_tracker.services.requests import guests
from cmmc_tracker.services.work import Tracker

PREFIX = "/link/"
ENDPOINTS = frozenset({"links.show", "links.receive"})
WORD = frozenset({"package_word.show", "package_word.enter"})  # where the second word is asked for
PACKAGE = frozenset(
    f"package_link.{name}"
    for name in (
        *("artifact", "ask", "content_of", "download", "home", "questions_page"),
        *("requirement", "search", "sheet"),
    )
)
UNLOCKED = "unlocked"  # in the signed cookie: the package links whose word this browser gave, and when
_UNLOCKED_FOR = 12 * 3_600  # seconds
_MOST_UNLOCKED = 5
# The address is the secret: no other site learns of it, and no search engine keeps one that somebody published. Our own
# site must learn of it: without a Referer a browser sends the form with `Origin: null`, which the CSRF guard refuses.
HEADERS: Mapping[str, str] = {"Referrer-Policy": "same-origin", "X-Robots-Tag": "noindex, nofollow"}
_PATH = re.compile(r"/link/([^/]*)")


def watch(app: Flask) -> None:
    """Open the link of a request that names one."""
    app.url_value_preprocessor(_take_secret)
    app.before_request(_open)
    app.after_request(_hide)


def _take_secret(endpoint: str | None, values: dict[str, Any] | None) -> None:
    """What makes the address secret, before the room takes it out of what its views are given."""
    if endpoint in ENDPOINTS | WORD | PACKAGE:
        g.secret = (values or {}).get("token", "")


def _open() -> Response | None:
    here, token = doors.installation(), g.get("secret", "")
    if request.endpoint in ENDPOINTS:
        g.link = guests.check(here.tracker, here.limiter, doors.visitor(), token)
    elif request.endpoint in WORD | PACKAGE:
        g.view = opening.check(here.tracker, here.limiter, doors.visitor(), token)
        if request.endpoint in PACKAGE and not _is_unlocked(g.view):
            return redirect(url_for("package_word.show", token=token), code=302)  # type: ignore[return-value]
    return None


def unlock(view: Opened) -> None:
    """Let this browser look at the package of a link, whose word it gave."""
    others = [one for one in session.get(UNLOCKED, ()) if one[0] != view.id]
    session[UNLOCKED] = [*others[1 - _MOST_UNLOCKED :], [view.id, int(time.time())]]


def _is_unlocked(view: Opened) -> bool:
    since = dict(session.get(UNLOCKED, ())).get(view.id, 0)
    return bool(since > time.time() - _UNLOCKED_FOR)


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
