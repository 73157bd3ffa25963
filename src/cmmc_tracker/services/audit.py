"""Reading the audit log: filtered pages, newest first, and the check of the whole chain."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from cmmc_tracker.domain.audit import GENESIS, Entry, first_break, stamp
from cmmc_tracker.domain.permissions import Action, allow
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import audit

PAGE = 50
_FIELDS = (audit.c.at, audit.c.actor_id, audit.c.actor, audit.c.address, audit.c.action, audit.c.entity)


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One entry as it is shown."""

    id: int
    at: str
    actor: str
    address: str
    action: str
    entity: str
    detail: dict[str, Any]
    hash: str


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """What to show; an empty field does not narrow. `entity` may end with `*`; `cursor` is the last id seen."""

    actor: str = ""
    action: str = ""
    entity: str = ""
    since: datetime | None = None
    until: datetime | None = None
    cursor: int | None = None


def page(work: Work, wanted: AuditFilter, limit: int = PAGE) -> tuple[list[AuditEntry], int | None]:
    """Entries that fit, newest first, and the cursor of the next page or None. Administrators only."""
    allow(work.actor, Action.AUDIT_READ)
    query = select(audit.c.id, *_FIELDS, audit.c.detail, audit.c.hash).order_by(audit.c.id.desc()).limit(limit + 1)
    if wanted.actor:
        query = query.where(audit.c.actor == wanted.actor)
    if wanted.action:
        query = query.where(audit.c.action == wanted.action)
    if wanted.entity.endswith("*"):
        query = query.where(audit.c.entity.startswith(wanted.entity[:-1], autoescape=True))
    elif wanted.entity:
        query = query.where(audit.c.entity == wanted.entity)
    if wanted.since:
        query = query.where(audit.c.at >= stamp(wanted.since))
    if wanted.until:
        query = query.where(audit.c.at < stamp(wanted.until))
    if wanted.cursor is not None:
        query = query.where(audit.c.id < wanted.cursor)
    rows = work.rows(query)
    entries = [
        AuditEntry(r.id, r.at, r.actor, r.address, r.action, r.entity, json.loads(r.detail), r.hash)
        for r in rows[:limit]
    ]
    return entries, (entries[-1].id if len(rows) > limit else None)


def history(work: Work, *entities: str, limit: int = 50) -> list[AuditEntry]:
    """What happened to these things, newest first; the caller has checked that the reader may see them."""
    query = select(audit).where(audit.c.entity.in_(entities)).order_by(audit.c.id.desc()).limit(limit)
    return [
        AuditEntry(r.id, r.at, r.actor, r.address, r.action, r.entity, json.loads(r.detail), r.hash)
        for r in work.rows(query)
    ]


def length(work: Work) -> int:
    """How many entries the log has."""
    return work.db.execute(select(func.count()).select_from(audit)).scalar_one()


def head(work: Work) -> str:
    """The hash of the newest entry: whoever keeps it elsewhere can tell a log that was written anew."""
    row = work.row(select(audit.c.hash).order_by(audit.c.id.desc()).limit(1))
    return str(row.hash) if row else GENESIS


def broken(work: Work, step: int = 2_000) -> tuple[int, str] | None:
    """The first break of the chain (id, reason), or None. Reads the log in pieces: it may be long."""
    return first_break(_all(work, step))


def _all(work: Work, step: int) -> Iterator[tuple[int, Entry, str]]:
    last = 0
    while rows := work.rows(select(audit).where(audit.c.id > last).order_by(audit.c.id).limit(step)):
        for r in rows:
            entry = Entry(r.at, r.actor_id, r.actor, r.address, r.action, r.entity, r.detail, r.previous)
            yield r.id, entry, r.hash
        last = rows[-1].id
