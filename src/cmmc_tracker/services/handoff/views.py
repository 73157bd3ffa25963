"""Views of a package for assessors: given to an account or as a link, listed, taken back. What opens is in `opening`.

A view is of one package and has an end. An account's needs a second factor; a link is given only for a package that may
be released, never where CUI may be stored, and opens with a second word that goes to its holder another way.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, func, insert, select, update

from cmmc_tracker.domain.accounts import name_key
from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.handoff.viewing import MOST_WRONG_WORDS, Wanted
from cmmc_tracker.domain.permissions import Access, Action, Organization, allow
from cmmc_tracker.domain.requests import LinkState, link_state
from cmmc_tracker.errors import Conflict, Invalid, NotFound
from cmmc_tracker.services import codes, sessions
from cmmc_tracker.services.artifact_views import COMMAND_LINE
from cmmc_tracker.services.artifacts import actor_id
from cmmc_tracker.services.handoff import packages
from cmmc_tracker.services.handoff.packages import Package
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import audit, package_views, users

MOST_VIEWS = 50  # of one package that are open at a time
LOOKS = (
    *(Event.PACKAGE_LOOKED_AT, Event.PACKAGE_FILE_TAKEN, Event.PACKAGE_DOWNLOADED),
    *(Event.PACKAGE_UNLOCKED, Event.PACKAGE_WORD_REFUSED),
)


@dataclass(frozen=True, slots=True)
class View:
    """A view as the contractor's people see it; what makes a link secret is nowhere."""

    id: int
    whom: str
    is_link: bool
    may_download: bool
    created_at: datetime
    created_by: str
    until: date
    state: LinkState
    locked: bool  # closed by too many wrong words


@dataclass(frozen=True, slots=True)
class Made:
    """A link that was just made: nobody can read its token or its word again."""

    id: int
    token: str
    word: str


@dataclass(frozen=True, slots=True)
class Look:
    """Something that somebody looked at or took away."""

    at: datetime
    who: str
    address: str
    action: str
    what: Mapping[str, Any]


def give(work: Work, system: Access, package_id: int, wanted: Wanted) -> int:
    """Let an assessor's account look at a package; returns the view's number.

    Raises `Invalid` at `whom` for who is none, `Conflict` for who looks at a package already.
    """
    allow(work.actor, Action.PACKAGE_SHARE, system)
    package = packages.one(work, system, package_id)
    able = and_(users.c.disabled_at.is_(None), users.c.deleted_at.is_(None))
    who = work.row(select(users).where(users.c.name_key == name_key(wanted.whom), able))
    if who is None or who.organization != Organization.ASSESSOR:
        raise Invalid({"whom": f"There is no account of an assessor called {wanted.whom[:80]!r} that can sign in."})
    work.alone(f"views-of:{who.id}")
    held = work.row(select(package_views.c.package_id).where(package_views.c.user_id == who.id, _open(work)))
    if held is not None:
        raise Conflict(
            f"{who.name} looks at a package already, and an assessor's account is for one at a time: "
            "take that view back first."
        )
    values = {"user_id": who.id, "whom": who.name}
    return _insert(work, system, package, wanted, values)


def make_link(work: Work, system: Access, package_id: int, wanted: Wanted) -> Made:
    """Let whoever has a link and its second word look at a package.

    Raises `Conflict` for a package that is not marked releasable, and where CUI may be stored.
    """
    allow(work.actor, Action.PACKAGE_SHARE, system)
    package = packages.one(work, system, package_id)
    if system.cui:
        raise Conflict(
            "CUI may be stored in this system, so nobody looks at its packages without an account "
            "(settings, and docs/assessors.md)."
        )
    if not package.releasable:
        raise Conflict("This package is not marked as one that may be released, so no link to it is made.")
    token, word = secrets.token_urlsafe(48), codes.made()
    held = {"token_hash": sessions.token_hash(token), "whom": wanted.whom}
    key = _insert(work, system, package, wanted, {**held, "word_hash": codes.hashed(held["token_hash"], word)})
    return Made(key, token, word)


def _insert(work: Work, system: Access, package: Package, wanted: Wanted, values: dict[str, Any]) -> int:
    work.alone(f"views:{package.id}")
    living = select(func.count()).select_from(package_views).where(package_views.c.package_id == package.id)
    if work.db.execute(living.where(_open(work))).scalar_one() >= MOST_VIEWS:
        raise Conflict(f"This package has {MOST_VIEWS} open views; take back one that is not needed any more.")
    key = work.change(
        insert(package_views).values(
            package_id=package.id,
            may_download=wanted.may_download,
            created_at=work.now,
            created_by=actor_id(work),
            expires_at=wanted.expires_at(work.zone),
            **values,
        )
    ).inserted_primary_key
    assert key is not None  # noqa: S101 a narrowing for the type checker
    told = {"system": system.slug, "number": package.number, "view": key[0], "whom": values["whom"]}
    told |= {"by": "account" if "user_id" in values else "link", "until": wanted.until.isoformat()}
    work.record(Event.PACKAGE_VIEW_GIVEN, package.holder, {**told, "may_download": wanted.may_download})
    return int(key[0])


def _open(work: Work) -> Any:
    return and_(package_views.c.revoked_at.is_(None), package_views.c.expires_at > work.now)


def revoke(work: Work, system: Access, package_id: int, view_id: int) -> None:
    """Take a view back: it opens nothing from now on. Again is no error."""
    allow(work.actor, Action.PACKAGE_SHARE, system)
    package = packages.one(work, system, package_id)
    where = and_(package_views.c.id == view_id, package_views.c.package_id == package.id)
    row = work.row(select(package_views).where(where))
    if row is None:
        raise NotFound("This package has no such view.")
    living = and_(where, package_views.c.revoked_at.is_(None))
    taken = update(package_views).where(living).values(revoked_at=work.now, revoked_by=actor_id(work))
    if work.change(taken).rowcount:
        told = {"system": system.slug, "number": package.number, "view": view_id, "whom": row.whom}
        work.record(Event.PACKAGE_VIEW_REVOKED, package.holder, told)
    else:
        work.changed = False


def listed(work: Work, system: Access, package_id: int) -> list[View]:
    """The views of a package, newest first."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    query = with_maker().where(package_views.c.package_id == package_id)
    return [
        View(
            row.id,
            row.whom,
            row.token_hash is not None,
            row.may_download,
            row.created_at,
            row.maker or COMMAND_LINE,
            last_day(work, row.expires_at),
            state_of(row, work.now),
            row.wrong_words >= MOST_WRONG_WORDS,
        )
        for row in work.rows(query.order_by(package_views.c.id.desc()))
    ]


def last_day(work: Work, expires_at: datetime) -> date:
    """The last day of a view that ends then, where the organization is."""
    return work.day(expires_at - timedelta(microseconds=1))


def with_maker() -> Select[Any]:
    """Every view, with who made it as `maker`, `disabled_at` and `deleted_at`."""
    makers = users.alias("maker")
    query = select(package_views, makers.c.name.label("maker"), makers.c.disabled_at, makers.c.deleted_at)
    return query.join(makers, makers.c.id == package_views.c.created_by, isouter=True)


def state_of(row: Any, now: datetime) -> LinkState:
    """How a view stands; its row is one of `with_maker`. A link dies with the account that made it, a view does not."""
    return link_state(
        now,
        expires_at=row.expires_at,
        used_at=None,
        revoked_at=row.revoked_at,
        has_maker=row.token_hash is None or (row.disabled_at is None and row.deleted_at is None),
    )


def looks(work: Work, system: Access, package_id: int, most: int = 200) -> list[Look]:
    """What was looked at and taken away, newest first, as the audit log has it."""
    package = packages.one(work, system, package_id)
    query = select(audit).where(audit.c.entity == package.holder, audit.c.action.in_(LOOKS))
    rows = work.rows(query.order_by(audit.c.id.desc()).limit(most))
    return [
        Look(datetime.fromisoformat(row.at), row.actor, row.address, row.action, json.loads(row.detail)) for row in rows
    ]
