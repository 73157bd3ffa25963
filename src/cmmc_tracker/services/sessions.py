"""Sessions in the database, so that sign-out, a password change and an administrator can end them.

The cookie carries a random token; the database keeps its SHA-256 only, so a copied database opens no session. A half
session is one whose password was right and whose second factor is awaited: it opens nothing but that page.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, delete, insert, select, update

from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.permissions import Actor, Organization, Role
from cmmc_tracker.domain.settings import MOST_HOURS, Preferences, kept
from cmmc_tracker.errors import NotFound
from cmmc_tracker.services import settings, systems
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import second_factors, sessions, users

# No setting lets a session last longer; what is older is of no use to anybody.
LONGEST = timedelta(hours=MOST_HOURS)
HALF = timedelta(minutes=10)
MOST_SESSIONS = 50  # of one person; the oldest makes room
# Last-seen is written at most this often: a page view should not cost a write.
_TOUCH_AFTER = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Session:
    """A living session and who it belongs to.

    `half`: the second factor is awaited. `must_enrol`: the installation asks for a second factor and the person has
    none yet. `stale_seen`: its last-seen time wants writing.
    """

    id: int
    actor: Actor
    half: bool
    must_enrol: bool
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


def guard(work: Work, user_id: int) -> None:
    """Let one Work at a time begin a session of a person or change what guards the account.

    Else, on PostgreSQL, a sign-in could see the old password or no second factor, and its session begin after all
    others were ended. Asked before any row is locked or looked at.
    """
    work.alone(f"person:{user_id}")


def start(work: Work, user_id: int, device: str, *, half: bool = False) -> str:
    """Begin a session; returns the token for the cookie. The caller records the sign-in."""
    token = secrets.token_urlsafe(32)
    work.bookkeep(delete(sessions).where(sessions.c.created_at < work.now - LONGEST))
    mine = sessions.c.user_id == user_id
    newest = select(sessions.c.id).where(mine).order_by(sessions.c.id.desc()).limit(MOST_SESSIONS - 1)
    work.bookkeep(delete(sessions).where(mine, sessions.c.id.not_in(newest)))
    work.change(
        insert(sessions).values(
            token_hash=token_hash(token),
            user_id=user_id,
            created_at=work.now,
            last_seen_at=work.now,
            address=work.address[:64],
            device=device[:300],
            half=half,
        )
    )
    return token


def enrolment() -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    """Columns of a query over `users` that tell of the second factor; `must_enrol` reads them."""
    confirmed = select(second_factors.c.user_id).where(
        second_factors.c.user_id == users.c.id, second_factors.c.confirmed_at.is_not(None)
    )
    return settings.inline().label("preferences"), confirmed.exists().label("enrolled")


def must_enrol(row: Any) -> bool:
    """Whether the person of that row must set up a second factor before anything else: who comes from outside always.

    The row has the columns of `enrolment` and the account's organization.
    """
    is_asked = kept(row.preferences).second_factor_required or row.organization == Organization.ASSESSOR
    return is_asked and not row.enrolled


def actor_of(work: Work, row: Any, via: str = "") -> Actor:
    """The person of a row with `user_id`, `name`, `role` and `organization`, with the systems that they know."""
    organization = Organization(row.organization)
    known = {} if organization is Organization.ASSESSOR else systems.of_user(work, row.user_id, work.now)
    return Actor(row.user_id, row.name, Role(row.role), known, via, organization)


@cache  # every request asks it, and putting it together takes longer than running it
def _found() -> Select[Any]:
    return (
        select(sessions, users.c.name, users.c.role, users.c.organization, *enrolment())
        .join(users, users.c.id == sessions.c.user_id)
        .where(sessions.c.token_hash == bindparam("token_hash"), users.c.disabled_at.is_(None))
    )


def find(work: Work, token: str) -> Session | None:
    """The living session of a token with its person and their systems, or None. Two statements."""
    row = work.row(_found(), token_hash=token_hash(token))
    if row is None or not _lives(row, work.now, kept(row.preferences)):
        return None
    return Session(
        row.id, actor_of(work, row), row.half, must_enrol(row), stale_seen=row.last_seen_at < work.now - _TOUCH_AFTER
    )


def _lives(row: Any, now: datetime, preferences: Preferences) -> bool:
    if row.half:
        return bool(row.created_at > now - HALF)
    return bool(row.created_at > now - preferences.longest and row.last_seen_at > now - preferences.idle)


def touch(work: Work, session_id: int) -> None:
    """Note that the session is in use."""
    work.bookkeep(
        update(sessions).where(sessions.c.id == session_id).values(last_seen_at=work.now, address=work.address[:64])
    )


def replace(work: Work, session_id: int | None) -> None:
    """End the session that a browser held, as another begins on it; the caller records the sign-in."""
    work.change(delete(sessions).where(sessions.c.id == session_id))


def sign_out(work: Work, session_id: int) -> None:
    """End the present session."""
    work.change(delete(sessions).where(sessions.c.id == session_id))
    work.record(Event.LOGOUT_DONE, f"user:{work.actor.id if work.actor else ''}")


def of_actor(work: Work) -> list[OwnSession]:
    """The actor's own living sessions, newest first."""
    user_id = work.actor.id if work.actor else None
    query = select(sessions).where(sessions.c.user_id == user_id, sessions.c.half.is_(False))
    preferences = settings.current(work)
    rows = [row for row in work.rows(query.order_by(sessions.c.id.desc())) if _lives(row, work.now, preferences)]
    return [OwnSession(r.id, r.created_at, r.last_seen_at, r.address, r.device) for r in rows]


def end_own(work: Work, session_id: int) -> None:
    """End one of the actor's own sessions; raises `NotFound` for anybody else's."""
    user_id = work.actor.id if work.actor else None
    ended = work.change(delete(sessions).where(sessions.c.id == session_id, sessions.c.user_id == user_id))
    if ended.rowcount == 0:
        raise NotFound("This session has already ended.")
    work.record(Event.SESSION_ENDED, f"user:{user_id}", {"session": session_id})


def end_all(work: Work, user_id: int, *, but: int | None = None) -> None:
    """End all sessions of a person, but for one that may go on; the caller records why."""
    ended = delete(sessions).where(sessions.c.user_id == user_id)
    work.change(ended if but is None else ended.where(sessions.c.id != but))


def end_half(work: Work, session_id: int) -> bool:
    """End a half session, as its second step is taken; false when somebody else just took it."""
    return work.change(delete(sessions).where(sessions.c.id == session_id, sessions.c.half.is_(True))).rowcount == 1
