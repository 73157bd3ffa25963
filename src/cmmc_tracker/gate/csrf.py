"""Cross-site request forgery: a token of the session, and besides it what the browser says of the origin.

The token is 32 random bytes in hex, kept in the signed cookie and compared in constant time (OWASP's
synchronizer token). `Sec-Fetch-Site` and `Origin` are set by the browser and cannot be forged by a page; where
they are missing (old browsers, scripts) the token alone decides.
"""

import hmac
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, g, request, session

from cmmc_tracker.errors import PageExpired
from cmmc_tracker.gate import doors
from cmmc_tracker.gate.doors import Installation
from cmmc_tracker.gate.proxies import named

FIELD = "csrf_token"
HEADER = "X-CSRF-Token"
_UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}
_EXPIRED = (
    "This page had expired, so nothing was changed. What you typed is kept: go back, reload the page in another "
    "tab if you were signed out, and send it again."
)
_FOREIGN = "This was sent from another site, so nothing was changed."


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
    said = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if _is_foreign(*said, request.host, doors.installation()):
        raise PageExpired(_FOREIGN)
    held = session.get(FIELD)
    # The header first: reading the field of an upload means taking its files in.
    given = request.headers.get(HEADER) or request.form.get(FIELD, "")
    if not _is_same(held, given):
        raise PageExpired(_EXPIRED)


def refused_by_header(held: Any, headers: Mapping[str, str], here: Installation) -> PageExpired | None:
    """What the header alone tells, for the server's door; `headers` are named as waitress names them.

    None where it tells nothing yet: the token may stand in the form.
    """
    # Behind proxies it is found out later which host was asked.
    origin = headers.get("ORIGIN") if "X_FORWARDED_HOST" not in headers else None
    if _is_foreign(headers.get("SEC_FETCH_SITE"), origin, headers.get("HOST", ""), here):
        return PageExpired(_FOREIGN)
    given = headers.get("X_CSRF_TOKEN")
    return PageExpired(_EXPIRED) if given and not _is_same(held, given) else None


def _is_foreign(site: str | None, origin: str | None, host: str, here: Installation) -> bool:
    """Whether the browser says that another site sent this; `host` is the one that was asked."""
    if site is not None and site not in {"same-origin", "none"}:
        return True
    return origin is not None and not _is_own(origin, host, here)


def _is_same(held: Any, given: str) -> bool:
    return isinstance(held, str) and hmac.compare_digest(held.encode(), given.encode())


def _is_own(origin: str, host: str, here: Installation) -> bool:
    """Whether an origin is this site's: the public address, or outside of production also the host that was asked.

    Where no public address is set, the scheme is not compared: a proxy that ends TLS speaks plain HTTP to us.
    """
    try:
        parts = urlsplit(origin)
        if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
            return False
        asked, public = named(parts.scheme, parts.netloc), urlsplit(here.public_url)
        if here.public_url and (parts.scheme, asked) == (public.scheme, named(public.scheme, public.netloc)):
            return True
        return not (here.production and here.public_url) and asked == named(parts.scheme, host)
    except ValueError:
        return False
