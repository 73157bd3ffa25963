"""API tokens: shown once, kept as a hash, with an end and at most their owner's rights.

A token is `cmmc_` and 43 random characters: the prefix lets scanners of leaked secrets know it. It is looked up
by its SHA-256; with 256 random bits a plain hash tells nothing, and asking it costs no time.
"""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, insert, select, update

from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.permissions import Action, Actor, allow
from cmmc_tracker.domain.text import clean_line, is_visible
from cmmc_tracker.errors import Conflict, Invalid, NotFound
from cmmc_tracker.services import sessions
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import api_tokens, users

PREFIX = "cmmc_"
LONGEST_DAYS = 366
MOST_TOKENS = 50
_TOUCH_AFTER = timedelta(minutes=1)
_FORM = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}")


@dataclass(frozen=True, slots=True)
class Bearer:
    """A token that is good now, and the person it acts for. `stale_seen`: its last use wants writing."""

    id: int
    actor: Actor
    writes: bool
    must_enrol: bool
    stale_seen: bool


@dataclass(frozen=True, slots=True)
class OwnToken:
    """One of a person's tokens, as the profile lists it."""

    id: int
    name: str
    hint: str
    writes: bool
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    last_used_from: str
    expired: bool


@dataclass(frozen=True, slots=True)
class Wanted:
    """A token to be made: its name, whether it may write, and its days."""

    name: str
    writes: bool
    days: int

    @classmethod
    def parse(cls, name: str, scope: str, days: str) -> "Wanted":
        """Check what was typed; raises `Invalid` naming every wrong field."""
        wrong: dict[str, str] = {}
        title = clean_line(name)
        if not is_visible(title) or len(title) > 80:
            wrong["token_name"] = "Please give the token a name of at most 80 characters, such as what will use it."  # noqa: S105 a field
        if scope not in {"read", "write"}:
            wrong["scope"] = "Choose whether the token may only read, or also write."
        if not (days.isascii() and days.isdecimal() and len(days) < 5 and 1 <= int(days) <= LONGEST_DAYS):
            wrong["days"] = f"A token lives 1 to {LONGEST_DAYS} days."
        if wrong:
            raise Invalid(wrong)
        return cls(title, scope == "write", int(days))


def make(work: Work, wanted: Wanted) -> str:
    """Make a token of the actor's; returns it: nobody can read it again."""
    allow(work.actor, Action.OWN_ACCOUNT)
    user_id = work.actor.id if work.actor else None
    sessions.guard(work, user_id or 0)
    if len(work.rows(_living(user_id))) >= MOST_TOKENS:
        raise Conflict(f"You have {MOST_TOKENS} tokens; revoke one that is not used any more.")
    same = _living(user_id).where(api_tokens.c.name == wanted.name, api_tokens.c.expires_at > work.now)
    if work.row(same) is not None:
        # So a page sent twice makes one token.
        raise Invalid({"token_name": "You have a token of this name already; revoke it first, or choose another name."})
    token = PREFIX + secrets.token_urlsafe(32)
    made = work.change(
        insert(api_tokens).values(
            user_id=user_id,
            name=wanted.name,
            token_hash=sessions.token_hash(token),
            hint=token[-4:],
            writes=wanted.writes,
            created_at=work.now,
            expires_at=work.now + timedelta(days=wanted.days),
        )
    ).inserted_primary_key
    number = made[0] if made else ""
    detail = {"name": wanted.name, "scope": "write" if wanted.writes else "read", "days": wanted.days}
    work.record(Event.TOKEN_CREATED, f"token:{number}", detail)
    return token


def _living(user_id: int | None) -> Select[tuple[int]]:
    return select(api_tokens.c.id).where(api_tokens.c.user_id == user_id, api_tokens.c.revoked_at.is_(None))


def is_token_like(text: str) -> bool:
    """Whether a text has the form of a token, so that asking the database for it makes sense."""
    return _FORM.fullmatch(text) is not None


def find(work: Work, token: str) -> Bearer | None:
    """The good token of that text with its owner and the owner's systems, or None."""
    query = (
        select(
            api_tokens.c.id,
            api_tokens.c.name.label("token_name"),
            api_tokens.c.writes,
            api_tokens.c.last_used_at,
            users.c.id.label("user_id"),
            users.c.name,
            users.c.role,
            users.c.organization,
            *sessions.enrolment(),
        )
        .join(users, users.c.id == api_tokens.c.user_id)
        .where(
            api_tokens.c.token_hash == sessions.token_hash(token),
            api_tokens.c.revoked_at.is_(None),
            api_tokens.c.expires_at > work.now,
            users.c.disabled_at.is_(None),
        )
    )
    row = work.row(query)
    if row is None:
        return None
    via = f"token {row.id} ({row.token_name})"
    actor = sessions.actor_of(work, row, via)
    stale = row.last_used_at is None or row.last_used_at < work.now - _TOUCH_AFTER
    return Bearer(row.id, actor, row.writes, sessions.must_enrol(row), stale)


def touch(work: Work, token_id: int) -> None:
    """Note that the token is in use, and from where."""
    values = {"last_used_at": work.now, "last_used_from": work.address[:64]}
    work.bookkeep(update(api_tokens).where(api_tokens.c.id == token_id).values(**values))


def own(work: Work) -> list[OwnToken]:
    """The actor's tokens that are not revoked, newest first."""
    user_id = work.actor.id if work.actor else None
    query = select(api_tokens).where(api_tokens.c.id.in_(_living(user_id))).order_by(api_tokens.c.id.desc())
    return [
        OwnToken(
            r.id,
            r.name,
            r.hint,
            r.writes,
            r.created_at,
            r.expires_at,
            r.last_used_at,
            r.last_used_from,
            expired=r.expires_at <= work.now,
        )
        for r in work.rows(query)
    ]


def revoke(work: Work, token_id: int) -> None:
    """End one of the actor's own tokens; raises `NotFound` for anybody else's."""
    user_id = work.actor.id if work.actor else None
    query = select(api_tokens.c.name).where(api_tokens.c.id == token_id, api_tokens.c.id.in_(_living(user_id)))
    row = work.row(query)
    if row is None:
        raise NotFound("This token has been revoked already.")
    work.change(update(api_tokens).where(api_tokens.c.id == token_id).values(revoked_at=work.now))
    work.record(Event.TOKEN_REVOKED, f"token:{token_id}", {"name": row.name})


def revoke_all(work: Work, user_id: int) -> None:
    """End all tokens of a person; the caller records why."""
    work.change(update(api_tokens).where(api_tokens.c.id.in_(_living(user_id))).values(revoked_at=work.now))
