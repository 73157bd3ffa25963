"""Who asks: deny by default. Every endpoint needs a sign-in but those in `PUBLIC`.

The signed cookie carries a session's token and the CSRF token; everything else about the session is in the
database, so that it can be ended there. A request that carries an API token is judged by the token alone: it never
falls back to the cookie, and it opens the API and nothing else.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import wraps
from typing import Any, NoReturn

from flask import Flask, Response, g, redirect, request, session, url_for
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import BadSignature
from werkzeug.http import parse_cookie

from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.permissions import Action, allow
from cmmc_tracker.errors import Busy, Forbidden, NoSpace, NotFound, NotSignedIn, TooMany
from cmmc_tracker.gate import csrf, doors, links, uploads
from cmmc_tracker.gate.guests import Guest
from cmmc_tracker.services import sessions, tokens
from cmmc_tracker.services.limits import REFUSAL_NOTED, TOKEN_USE
from cmmc_tracker.services.tokens import Bearer
from cmmc_tracker.services.work import Tracker

PUBLIC = frozenset(
    {
        "about.security_txt",
        "accounts.login",
        "accounts.second_step",
        "accounts.set_up",
        "accounts.sign_in",
        "health.alive",
        "health.figures",
        "health.ready",
        *links.ENDPOINTS,
        *links.WORD,
        *links.PACKAGE,
        "static",
    }
)
# What asks for nobody's name: it is answered also while the database cannot be.
_NAMELESS = frozenset({"about.security_txt", "health.alive", "health.figures", "health.ready", "static"})
# What somebody may do who must set up a second factor first.
ENROLMENT = frozenset({"accounts.logout", "second_factor.show", "second_factor.begin", "second_factor.confirm"})
# What an assessor's account may open: its package, and what is its own. All else is not found, whatever it is.
_ASSESSORS_ROOM = "assessor"
_ASSESSORS_OWN = ENROLMENT | {
    *("dashboard.show", "profile.show", "profile.change_password", "profile.end_session", "second_factor.renew"),
}
SID = "sid"
_STRANGER = "Please sign in first; nothing of what you sent was taken in."
_ENROL = "Set up your second factor first, on the page /profile/second-factor."
_NOT_FOR_ASSESSORS = "There is nothing at this address that is open to you."
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_BEARER = re.compile(r"(?:^|,)\s*bearer(?:\s|,|$)", re.IGNORECASE)


class _Cookies(SecureCookieSessionInterface):
    """Flask's signed cookie, with SHA-256 where Flask still takes SHA-1 (NIST SP 800-131A retires it)."""

    digest_method = staticmethod(hashlib.sha256)


def watch(app: Flask) -> None:
    """Put the gate in front of every endpoint of the app."""
    app.session_interface = _Cookies()
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
    g.actor = g.session_id = g.half = g.token = None
    g.must_enrol = False
    if request.endpoint in _NAMELESS:
        return
    given = bearer_of(request.headers.get("Authorization", ""))
    if given is not None:
        _load_token(given)
    else:
        _load_session()


def bearer_of(header: str) -> str | None:
    """The token of an Authorization header of that kind (RFC 6750, 2.1), or None for any other.

    Several such headers reach us joined by commas: with one of that kind among them the whole is the token, which
    none can be.
    """
    if not _BEARER.search(header):
        return None
    return header.strip()[6:].strip() if "," not in header else header


def _load_token(given: str) -> None:
    with doors.open_read() as work:
        found = tokens.find(work, given)
    if found is None:
        _refuse_token()
    assert found is not None  # noqa: S101 a narrowing for the type checker
    g.actor, g.token, g.must_enrol = found.actor, found, found.must_enrol
    if found.stale_seen:
        with suppress(Busy, NoSpace), doors.open_write() as work:
            tokens.touch(work, found.id)


def _refuse_token() -> NoReturn:
    """Say that a token is not good. It was looked at first: 256 random bits are not guessed, only tried for harm."""
    here = doors.installation()
    here.limiter.take(TOKEN_USE, doors.network()).settle()
    with suppress(TooMany):
        here.limiter.take(REFUSAL_NOTED, f"token {doors.network()}").settle()
        with doors.open_write() as work:
            work.record(Event.TOKEN_REFUSED, "token:", {"path": doors.loggable(request.path)}, actor="(token)")
    raise NotSignedIn("This token is not valid: unknown, expired or revoked. Make a new one under your profile.")


def _load_session() -> None:
    token = session.get(SID)
    if not isinstance(token, str):
        return
    with doors.open_read() as work:
        found = sessions.find(work, token)
    if found is None:
        session.pop(SID, None)
        return
    if found.half:
        g.half = found
        return
    g.actor, g.session_id, g.must_enrol = found.actor, found.id, found.must_enrol
    if found.stale_seen:
        # A note that is not worth a page: reading goes on while the disk is full or the database busy.
        with suppress(Busy, NoSpace), doors.open_write() as work:
            sessions.touch(work, found.id)


def _deny() -> Response | None:
    if g.token is not None and request.endpoint is not None:
        _allow_token(g.token)
    if request.endpoint in PUBLIC or request.endpoint is None:
        return None
    if g.actor is None:
        if request.path.startswith("/api/"):
            raise NotSignedIn("Please sign in first: with the session cookie or a token.")
        wanted = request.full_path.rstrip("?") if request.method in _READS else "/"
        step = "accounts.second_step" if g.half else "accounts.login"
        return redirect(url_for(step, next=wanted), code=302)  # type: ignore[return-value]
    if g.actor.is_assessor and request.blueprint != _ASSESSORS_ROOM and request.endpoint not in _ASSESSORS_OWN:
        raise NotFound(_NOT_FOR_ASSESSORS)
    if g.must_enrol and request.endpoint not in ENROLMENT:
        if request.path.startswith("/api/"):
            raise Forbidden(_ENROL)
        return redirect(url_for("second_factor.show"), code=302)  # type: ignore[return-value]
    return None


def _allow_token(token: Bearer) -> None:
    """A token opens the API only: no page makes tokens, passwords or second factors for it."""
    if not request.path.startswith("/api/"):
        raise Forbidden("A token opens the API only.")
    if not token.writes and request.method not in _READS:
        raise Forbidden("This token may only read.")


def admin_required(view: Callable[..., Any]) -> Callable[..., Any]:
    """For endpoints of administrators only: anybody else gets 403."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        allow(g.get("actor"), Action.USER_MANAGE)
        return view(*args, **kwargs)

    guarded.admin_only = True  # type: ignore[attr-defined]
    return guarded


def door_reader(app: Flask, tracker: Tracker) -> Callable[[str, str, Mapping[str, str]], Guest]:
    """A function that tells of a method, a path and headers whose large body it is and how much of it is taken in.

    For the server, which refuses bodies by their header. The function raises what is wrong: a cookie must carry our
    signature and its session live, a token must be good and may write, a second factor that is asked for must stand,
    and nothing in the header may say that the CSRF check will fail. Without an account one sends by an upload link.
    """
    serializer = _Cookies().get_signing_serializer(app)
    name, here, most = app.config["SESSION_COOKIE_NAME"], doors.installation_of(app), uploads.most_of(app)

    def held(headers: Mapping[str, str]) -> Mapping[str, Any]:
        with suppress(BadSignature, ValueError):
            value = parse_cookie(headers.get("COOKIE", "")).get(name)
            if value and serializer is not None:
                found: Mapping[str, Any] = serializer.loads(value, max_age=int(sessions.LONGEST.total_seconds()))
                return found
        return {}

    def admitted(method: str, path: str, headers: Mapping[str, str]) -> Guest:
        given = bearer_of(headers.get("AUTHORIZATION", ""))
        if given is not None:
            return Guest(_bearer_at_door(tracker, given), most(method, path))
        cookie = held(headers)
        guest = links.at_door(tracker, method, path, most(method, path))
        if guest is None:
            guest = Guest(_person_at_door(tracker, cookie.get(SID)), most(method, path))
        expired = csrf.refused_by_header(cookie.get(csrf.FIELD), headers, here)
        if expired is not None:
            raise expired
        return guest

    return admitted


def _bearer_at_door(tracker: Tracker, given: str) -> str:
    """Whose token it is. For what cannot be one the database is not asked: all connections would wait with it."""
    if not tokens.is_token_like(given):
        raise NotSignedIn(_STRANGER)
    with tracker.read() as work:
        found = tokens.find(work, given)
    if found is None:
        raise NotSignedIn(_STRANGER)
    if not found.writes:
        raise Forbidden("This token may only read.")
    return _enrolled(found)


def _person_at_door(tracker: Tracker, token: Any) -> str:
    """Whose session it is; without one of ours the database is not asked."""
    if not isinstance(token, str):
        raise NotSignedIn(_STRANGER)
    with tracker.read() as work:
        found = sessions.find(work, token)
    if found is None or found.half:
        raise NotSignedIn(_STRANGER)
    return _enrolled(found)


def _enrolled(found: Bearer | sessions.Session) -> str:
    """The owner of a place for large bodies."""
    if found.actor.is_assessor:  # whose room takes small forms only
        raise NotFound(_NOT_FOR_ASSESSORS)
    if found.must_enrol:
        raise Forbidden(_ENROL)
    return f"user:{found.actor.id}"


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
