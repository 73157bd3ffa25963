"""Sessions in the database, so that sign-out, a password change and an administrator can end them.

The cookie carries a random token; the database keeps its SHA-256 only, so a copied database opens no session.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select, update

from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.permissions import Actor, Role
from cmmc_tracker.errors import NotFound
from cmmc_tracker.services import systems
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import sessions, users

IDLE = timedelta(minutes=30)
LONGEST = timedelta(hours=12)
# Last-seen is written at most this often: a page view should not cost a write.
_TOUCH_AFTER = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Session:
    """A living session and who it belongs to. `stale_seen`: its last-seen time wants writing."""

    id: int
    actor: Actor
    stale_seen: bool


@dataclass(frozen=True, slots=True)
class OwnSession:
    """One of a person's sessions, as the profile lists it."""

    id: int
    created_at: datetime
    last_seen_at: datetime
    address: str
    device: str


def token_hash(token: str) -> str:
    """What the database keeps of a secret that somebody else carries."""
    return hashlib.sha256(token.encode()).hexdigest()


def start(work: Work, user_id: int, device: str) -> str:
    """Begin a session; returns the token for the cookie. The caller records the sign-in."""
    token = secrets.token_urlsafe(32)
    work.bookkeep(delete(sessions).where(sessions.c.created_at < work.now - LONGEST))
    work.change(
        insert(sessions).values(
            token_hash=token_hash(token),
            user_id=user_id,
            created_at=work.now,
            last_seen_at=work.now,
            address=work.address[:64],
            device=device[:300],
        )
    )
    return token


def find(work: Work, token: str) -> Session | None:
    """The living session of a token with its person and their systems, or None. Two statements."""
    query = (
        select(sessions.c.id, sessions.c.last_seen_at, users.c.id.label("user_id"), users.c.name, users.c.role)
        .join(users, users.c.id == sessions.c.user_id)
        .where(
            sessions.c.token_hash == token_hash(token),
            sessions.c.created_at > work.now - LONGEST,
            sessions.c.last_seen_at > work.now - IDLE,
            users.c.disabled_at.is_(None),
        )
    )
    row = work.row(query)
    if row is None:
        return None
    actor = Actor(row.user_id, row.name, Role(row.role), systems.of_user(work, row.user_id, work.now))
    return Session(row.id, actor, stale_seen=row.last_seen_at < work.now - _TOUCH_AFTER)


def touch(work: Work, session_id: int) -> None:
    """Note that the session is in use."""
    work.bookkeep(
        update(sessions).where(sessions.c.id == session_id).values(last_seen_at=work.now, address=work.address[:64])
    )


def sign_out(work: Work, session_id: int) -> None:
    """End the present session."""
    work.change(delete(sessions).where(sessions.c.id == session_id))
    work.record(Event.LOGOUT_DONE, f"user:{work.actor.id if work.actor else ''}")


def of_actor(work: Work) -> list[OwnSession]:
    """The actor's own living sessions, newest first."""
    user_id = work.actor.id if work.actor else None
    query = (
        select(sessions)
        .where(sessions.c.user_id == user_id, sessions.c.last_seen_at > work.now - IDLE)
        .where(sessions.c.created_at > work.now - LONGEST)
        .order_by(sessions.c.id.desc())
    )
    return [OwnSession(r.id, r.created_at, r.last_seen_at, r.address, r.device) for r in work.rows(query)]


def end_own(work: Work, session_id: int) -> None:
    """End one of the actor's own sessions; raises `NotFound` for anybody else's."""
    user_id = work.actor.id if work.actor else None
    ended = work.change(delete(sessions).where(sessions.c.id == session_id, sessions.c.user_id == user_id))
    if ended.rowcount == 0:
        raise NotFound("This session has already ended.")
    work.record(Event.SESSION_ENDED, f"user:{user_id}", {"session": session_id})


def end_all(work: Work, user_id: int) -> None:
    """End all sessions of a person; the caller records why."""
    work.change(delete(sessions).where(sessions.c.user_id == user_id))
