"""Cross-site request forgery: a token of the session, and besides it what the browser says of the origin.

The token is 32 random bytes in hex, kept in the signed cookie and compared in constant time (OWASP's
synchronizer token). `Sec-Fetch-Site` and `Origin` are set by the browser and cannot be forged by a page; where
they are missing (old browsers, scripts) the token alone decides.
"""

import hmac
import secrets
from urllib.parse import urlsplit

from flask import Flask, g, request, session

from cmmc_tracker.errors import PageExpired
from cmmc_tracker.gate import doors

FIELD = "csrf_token"
HEADER = "X-CSRF-Token"
_UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}
_EXPIRED = (
    "This page had expired, so nothing was changed. What you typed is kept: go back, reload the page in another "
    "tab if you were signed out, and send it again."
)


def watch(app: Flask) -> None:
    """Check every request that may change something."""
    app.before_request(_check)
    app.jinja_env.globals["csrf_token"] = token


def token() -> str:
    """The token of this session, made at its first use."""
    held = session.get(FIELD)
    if not isinstance(held, str):
        held = session[FIELD] = secrets.token_hex(32)
    return held


def _check() -> None:
    # A token in a header is sent by no other site, so such a request needs no second proof; `session` has judged it.
    if request.method not in _UNSAFE or request.endpoint is None or g.token is not None:
        return
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None and site not in {"same-origin", "none"}:
        raise PageExpired("This was sent from another site, so nothing was changed.")
    origin = request.headers.get("Origin")
    if origin is not None and _host_of(origin) not in _own_hosts():
        raise PageExpired("This was sent from another site, so nothing was changed.")
    held = session.get(FIELD)
    # The header first: reading the field of an upload means taking its files in.
    given = request.headers.get(HEADER) or request.form.get(FIELD, "")
    if not isinstance(held, str) or not hmac.compare_digest(held.encode(), given.encode()):
        raise PageExpired(_EXPIRED)


def _host_of(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


def _own_hosts() -> set[str]:
    return {request.host, urlsplit(doors.installation().public_url).netloc} - {""}
