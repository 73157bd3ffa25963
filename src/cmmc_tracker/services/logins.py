"""Signing in, and the one-time link of the first set-up.

The limit is asked before the password, failures of unknown names count too, both are answered alike and take as
long. A refusal is recorded in a Work of its own: raising would roll its record back.
"""

import secrets
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, insert, select, update

from cmmc_tracker.domain.accounts import name_key
from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.permissions import Actor, Role
from cmmc_tracker.domain.text import clean_line
from cmmc_tracker.errors import Invalid, NotFound, NotSignedIn, TooMany
from cmmc_tracker.services import accounts, passwords, sessions
from cmmc_tracker.services.limits import SET_UP, SIGN_IN, Limiter
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import setup_links, users

LINK_LIVES = timedelta(hours=1)
WRONG = "The user name or the password is not right."


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who is not signed in yet: the address that counts and what the browser calls itself."""

    address: str
    device: str


def sign_in(tracker: Tracker, limiter: Limiter, visitor: Visitor, name: str, password: str) -> str:
    """Check the credentials and begin a session; returns the token for the cookie.

    Raises `TooMany` once the address has had five failures in five minutes, else `NotSignedIn`.
    """
    try:
        place = limiter.take(SIGN_IN, visitor.address)
    except TooMany:
        _refused(tracker, visitor, name, Event.LOGIN_REFUSED)
        raise
    with tracker.read() as work:
        row = work.row(select(users).where(users.c.name_key == name_key(name)))
    right = passwords.matches(row.password_hash if row else None, password)
    if row is None or not right or row.disabled_at is not None:
        place.settle()
        _refused(tracker, visitor, name, Event.LOGIN_FAILED)
        raise NotSignedIn(WRONG)
    renewed = None if row.password_hash.startswith(passwords.method()) else passwords.hashed(password)
    actor = Actor(row.id, row.name, Role(row.role))
    with tracker.write(actor, visitor.address) as work:
        # Disabled or given another password while this one was being checked: then it is not right any more.
        now = work.row(select(users.c.password_hash, users.c.disabled_at).where(users.c.id == row.id))
        if now is None or now.disabled_at is not None or now.password_hash != row.password_hash:
            raise NotSignedIn(WRONG)
        if renewed:
            work.change(update(users).where(users.c.id == row.id).values(password_hash=renewed))
        token = sessions.start(work, row.id, visitor.device)
        work.record(Event.LOGIN_SUCCEEDED, f"user:{row.id}")
    place.give_back()
    return token


def _refused(tracker: Tracker, visitor: Visitor, name: str, event: Event) -> None:
    with tracker.write(address=visitor.address) as work:
        work.record(event, "user:", actor=clean_line(name)[:80] or "(no name)")


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
    place = limiter.take(SET_UP, visitor.address)
    with tracker.read() as work:
        query = select(setup_links.c.token_hash).where(
            setup_links.c.token_hash == sessions.token_hash(token), setup_links.c.expires_at > work.now
        )
        good = work.row(query) is not None and not accounts.anybody(work)
    if not good:
        place.settle()
        raise NotFound("This set-up link has been used or has expired. Start the tracker again for a new one.")
    place.give_back()


def set_up(tracker: Tracker, visitor: Visitor, token: str, *, name: str, password: str, repeat: str) -> str:
    """Make the first administrator by the link and sign in; returns the token for the cookie."""
    who = accounts.candidate(name, password, Role.ADMIN)
    if password != repeat:
        raise Invalid({"password_repeat": "The two passwords differ."})
    with tracker.write(address=visitor.address) as work:
        user_id = accounts.create_first(work, who, sessions.token_hash(token))
        session = sessions.start(work, user_id, visitor.device)
        work.record(Event.LOGIN_SUCCEEDED, f"user:{user_id}", actor=who.name)
    return session
