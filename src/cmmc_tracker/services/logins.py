"""Signing in, in one step or two, and the one-time link of the first set-up.

The limits are asked before the password, failures of unknown names count too, both are answered alike and take as
long. A refusal is recorded in a Work of its own: raising would roll its record back.
"""

import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select, update

from cmmc_tracker.domain.accounts import is_password_like, name_key
from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.permissions import Actor, Role
from cmmc_tracker.domain.text import clean_line
from cmmc_tracker.errors import NotFound, NotSignedIn, TooMany
from cmmc_tracker.services import accounts, delays, passwords, second_factor, sessions
from cmmc_tracker.services.limits import REFUSAL_NOTED, SET_UP, SIGN_IN, Limiter, Place
from cmmc_tracker.services.sessions import Session
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import setup_links, users

LINK_LIVES = timedelta(hours=1)
WRONG = "The user name or the password is not right."
WRONG_CODE = "This code is not right, or was used already. Type the code of now, or one of your recovery codes."


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who is not signed in yet.

    The address that is recorded, the network of it that limits count, what the browser calls itself, the accounts that
    signed in on it before and when the last of them did, and the session that it holds: signing in anew ends that one.
    """

    address: str
    network: str
    device: str
    known: frozenset[int] = frozenset()
    known_since: datetime | None = None
    session_id: int | None = None

    def is_known_to(self, user_id: int, password_changed_at: datetime) -> bool:
        """Whether this person signed in on the browser since the password was changed last."""
        # The cookie tells whole seconds.
        since = self.known_since
        return user_id in self.known and since is not None and since >= password_changed_at.replace(microsecond=0)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session that was begun: the token for its cookie, whose it is, and whether the second factor is awaited."""

    token: str
    user_id: int
    half: bool


def sign_in(tracker: Tracker, limiter: Limiter, visitor: Visitor, name: str, password: str) -> SignedIn:
    """Check the credentials and begin a session.

    Raises `TooMany` once the address has had five failures in five minutes, or while the account must wait;
    else `NotSignedIn`.
    """
    key = name_key(name)
    with tracker.read() as work:
        row = work.row(select(users).where(users.c.name_key == key))
    known = row is not None and visitor.is_known_to(row.id, row.password_changed_at)
    one = delays.of_name(key, visitor.network, known_device=known)
    place = _begin(tracker, limiter, visitor, name, one)
    right = passwords.matches(row.password_hash if row else None, password)
    if row is None or not right or row.disabled_at is not None:
        place.settle()
        _refused(tracker, visitor, name, Event.LOGIN_FAILED)
        raise NotSignedIn(WRONG)
    renewed = passwords.hashed(password) if passwords.is_cheaper(row.password_hash) else None
    actor = Actor(row.id, row.name, Role(row.role))
    with tracker.write(actor, visitor.address) as work:
        sessions.guard(work, row.id)
        # Disabled or given another password while this one was being checked: then it is not right any more.
        now = work.row(select(users.c.password_hash, users.c.disabled_at).where(users.c.id == row.id))
        if now is None or now.disabled_at is not None or now.password_hash != row.password_hash:
            raise NotSignedIn(WRONG)
        if renewed:
            work.change(update(users).where(users.c.id == row.id).values(password_hash=renewed))
        half = second_factor.is_set(work, row.id)
        sessions.replace(work, visitor.session_id)
        token = sessions.start(work, row.id, visitor.device, half=half)
        delays.succeed(work, one)
        work.record(Event.LOGIN_CODE_ASKED if half else Event.LOGIN_SUCCEEDED, f"user:{row.id}")
    place.give_back()
    return SignedIn(token, row.id, half)


def finish(tracker: Tracker, limiter: Limiter, visitor: Visitor, half: Session, code: str) -> SignedIn:
    """Take the second step of a half session: a code of the second factor, or a recovery code.

    The same limits hold as for passwords. Raises `TooMany` or `NotSignedIn`; the half session then stays.
    """
    user_id = half.actor.id or 0
    one = delays.of_code(user_id, visitor.network, known_device=user_id in visitor.known)
    place = _begin(tracker, limiter, visitor, half.actor.name, one)
    with tracker.write(half.actor, visitor.address) as work:
        sessions.guard(work, user_id)
        used = second_factor.use(work, user_id, code)
        if used and not sessions.end_half(work, half.id):
            raise NotSignedIn(WRONG_CODE)
        if used:
            token = sessions.start(work, user_id, visitor.device)
            delays.succeed(work, one)
            work.record(Event.LOGIN_SUCCEEDED, f"user:{user_id}", {"second_factor": used})
        else:
            work.record(Event.LOGIN_FAILED, f"user:{user_id}", {"second_factor": "wrong code"})
    if not used:
        place.settle()
        raise NotSignedIn(WRONG_CODE)
    place.give_back()
    return SignedIn(token, user_id, half=False)


def _begin(tracker: Tracker, limiter: Limiter, visitor: Visitor, name: str, one: delays.Try) -> Place:
    """Ask both limits before anything is checked: the address's, then the account's."""
    try:
        place = limiter.take(SIGN_IN, visitor.network)
    except TooMany:
        _note_refusal(tracker, limiter, visitor, name)
        raise
    try:
        with tracker.write() as work:
            delays.begin(work, one)
    except TooMany:
        place.give_back()
        _note_refusal(tracker, limiter, visitor, name)
        raise
    except BaseException:
        place.give_back()
        raise
    return place


def _note_refusal(tracker: Tracker, limiter: Limiter, visitor: Visitor, name: str) -> None:
    """Write a refusal down, once in five minutes for an address: the log cannot be flooded by who is refused."""
    with suppress(TooMany):
        limiter.take(REFUSAL_NOTED, visitor.network).settle()
        _refused(tracker, visitor, name, Event.LOGIN_REFUSED)


def _refused(tracker: Tracker, visitor: Visitor, name: str, event: Event) -> None:
    with tracker.write(address=visitor.address) as work:
        work.record(event, "user:", actor=_shown(name))


def _shown(name: str) -> str:
    """The name that somebody tried, as the log keeps it: never a password that stood in the wrong field."""
    if is_password_like(name):
        return "(what may be a password)"
    return clean_line(name)[:80] or "(no name)"


def make_setup_link(tracker: Tracker) -> str | None:
    """A new one-time token for `/setup/<token>` while there is no account; older ones die. None when there is."""
    token = secrets.token_urlsafe(32)
    with tracker.write() as work:
        if accounts.anybody(work):
            return None
        work.bookkeep(delete(setup_links))
        work.bookkeep(
            insert(setup_links).values(token_hash=sessions.token_hash(token), expires_at=work.now + LINK_LIVES)
        )
    return token


def check_setup_link(tracker: Tracker, limiter: Limiter, visitor: Visitor, token: str) -> None:
    """Return when the link is good now; raises `NotFound`, or `TooMany` for an address that guesses."""
    place = limiter.take(SET_UP, visitor.network)
    with tracker.read() as work:
        query = select(setup_links.c.token_hash).where(
            setup_links.c.token_hash == sessions.token_hash(token), setup_links.c.expires_at > work.now
        )
        good = work.row(query) is not None and not accounts.anybody(work)
    if not good:
        place.settle()
        raise NotFound("This set-up link has been used or has expired. Start the tracker again for a new one.")
    place.give_back()


def set_up(tracker: Tracker, visitor: Visitor, token: str, *, name: str, password: str, repeat: str) -> SignedIn:
    """Make the first administrator by the link and sign in."""
    with accounts.repeated(password, repeat):
        who = accounts.candidate(name, password, Role.ADMIN)
    with tracker.write(address=visitor.address) as work:
        user_id = accounts.create_first(work, who, sessions.token_hash(token))
        token = sessions.start(work, user_id, visitor.device)
        work.record(Event.LOGIN_SUCCEEDED, f"user:{user_id}", actor=who.name)
    return SignedIn(token, user_id, half=False)
