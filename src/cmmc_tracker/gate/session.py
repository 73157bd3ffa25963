"""Who asks: deny by default. Every endpoint needs a sign-in but those in `PUBLIC`.

The signed cookie carries a session's token and the CSRF token; everything else about the session is in the
database, so that it can be ended there.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any

from flask import Flask, Response, g, redirect, request, session, url_for
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import BadSignature
from werkzeug.http import parse_cookie

from cmmc_tracker.domain.permissions import Action, allow
from cmmc_tracker.errors import Busy, NoSpace, NotSignedIn
from cmmc_tracker.gate import doors
from cmmc_tracker.services import sessions

PUBLIC = frozenset({"accounts.login", "accounts.set_up", "accounts.sign_in", "health.alive", "health.ready", "static"})
SID = "sid"


def watch(app: Flask) -> None:
    """Put the gate in front of every endpoint of the app."""
    app.before_request(_load)
    app.before_request(_deny)


def begin(token: str) -> None:
    """Sign in: the old cookie's content is cleared before anything new is set (session fixation)."""
    session.clear()
    session[SID] = token


def end() -> None:
    """Sign out in the cookie; the caller has ended the session in the database."""
    session.clear()


def _load() -> None:
    g.actor = None
    g.session_id = None
    if request.endpoint == "static":
        return
    if request.headers.get("Authorization", "")[:7].lower() == "bearer ":
        # Never falls back to the cookie: who sends a token means it.
        raise NotSignedIn("This token is not valid. Make a new one under your profile.")
    token = session.get(SID)
    if not isinstance(token, str):
        return
    with doors.open_read() as work:
        found = sessions.find(work, token)
    if found is None:
        session.pop(SID, None)
        return
    g.actor = found.actor
    g.session_id = found.id
    if found.stale_seen:
        # A note that is not worth a page: reading goes on while the disk is full or the database busy.
        with suppress(Busy, NoSpace), doors.open_write() as work:
            sessions.touch(work, found.id)


def _deny() -> Response | None:
    if g.actor is not None or request.endpoint in PUBLIC or request.endpoint is None:
        return None
    if request.path.startswith("/api/"):
        raise NotSignedIn("Please sign in first: with the session cookie or a token.")
    wanted = request.full_path.rstrip("?") if request.method in {"GET", "HEAD"} else "/"
    return redirect(url_for("accounts.login", next=wanted), code=302)  # type: ignore[return-value]


def admin_required(view: Callable[..., Any]) -> Callable[..., Any]:
    """For endpoints of administrators only: anybody else gets 403."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        allow(g.get("actor"), Action.USER_MANAGE)
        return view(*args, **kwargs)

    guarded.admin_only = True  # type: ignore[attr-defined]
    return guarded


def cookie_reader(app: Flask) -> Callable[[str], bool]:
    """A function that tells of a Cookie header whether it holds a session that this app has signed.

    For the server, which refuses bodies of strangers before it takes them in; whether the session still lives
    is asked later, of the database.
    """
    serializer = SecureCookieSessionInterface().get_signing_serializer(app)
    name = app.config["SESSION_COOKIE_NAME"]

    def signed_in(cookie_header: str) -> bool:
        value = parse_cookie(cookie_header).get(name)
        if not value or serializer is None:
            return False
        try:
            return bool(serializer.loads(value, max_age=int(sessions.LONGEST.total_seconds())).get(SID))
        except (BadSignature, AttributeError):
            return False

    return signed_in


def local_path(target: str | None) -> str:
    """Where to go after sign-in: only a path of this site, else the dashboard (no open redirect).

    Browsers read a backslash as a slash and drop tabs and newlines, so any of them disqualifies.
    """
    if (
        target
        and target.startswith("/")
        and not target.startswith("//")
        and "\\" not in target
        and target.isprintable()
        and len(target) < 2_000
    ):
        return target
    return "/"
