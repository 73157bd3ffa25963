"""Versions of the system security plan: the whole document as it stood, hashed, approved by a second person."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, insert, or_, select, update

from cmmc_tracker.domain.audit import Event, canonical
from cmmc_tracker.domain.permissions import Access, Action, Right, allow
from cmmc_tracker.domain.plan_document import LONGEST_NOTE, Document, parse_text
from cmmc_tracker.errors import Conflict, NotFound
from cmmc_tracker.services import settings
from cmmc_tracker.services.ssp import reading
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import memberships, plan_versions, users

CLAUSE = "3.12.4; our decision: what one person made, another approves"
OWN = (
    "You made this version, so somebody else who may approve in this system approves it. Nothing was changed; "
    "ask one of them."
)


@dataclass(frozen=True, slots=True)
class Version:
    """A version where it is listed."""

    number: int
    note: str
    sha256: str
    made_at: datetime
    made_by: str
    approved_at: datetime | None
    approved_by: str

    @property
    def alone(self) -> bool:
        """Whether who made it approved it, too: nobody else could, or the settings let people."""
        return self.approved_at is not None and self.approved_by == self.made_by


@dataclass(frozen=True, slots=True)
class Kept:
    """A version with what it says."""

    version: Version
    document: Document
    intact: bool  # its text still has the hash that was recorded


def make(work: Work, system: Access, note: str) -> int:
    """Keep the plan of today as a version; returns its number. The audit log holds its hash.

    Raises `Conflict` when nothing differs from the version before.
    """
    allow(work.actor, Action.IMPLEMENTATION_EDIT, system)
    said = parse_text(note, LONGEST_NOTE, "note")
    work.alone(f"plan:{system.system_id}")
    document = reading.document(work, system)
    content = canonical(document.as_json())
    last = _last(work, system.system_id)
    if last is not None and _without_day(last.content) == _without_day(content):
        raise Conflict(f"Nothing in the plan has changed since version {last.number}. No version was made.")
    number, sha256 = (last.number if last else 0) + 1, hashlib.sha256(content.encode()).hexdigest()
    values = {"system_id": system.system_id, "number": number, "note": said, "content": content}
    made = {"content_sha256": sha256, "made_at": work.now, "made_by": work.actor.id if work.actor else None}
    work.change(insert(plan_versions).values(**values, **made))
    detail = {"before": {}, "after": {"number": number, "note": said, "content_sha256": sha256}}
    work.record(Event.PLAN_VERSIONED, f"plan:{system.slug}/{number}", detail)
    return number


def _last(work: Work, system_id: int) -> Any:
    query = select(plan_versions).where(plan_versions.c.system_id == system_id)
    return work.row(query.order_by(plan_versions.c.number.desc()).limit(1))


def _without_day(content: str) -> Any:
    return {name: value for name, value in json.loads(content).items() if name != "on"}


def listed(work: Work, system: Access) -> list[Version]:
    """The versions of a plan, newest first."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    return [_version(row) for row in work.rows(_query(system.system_id).order_by(plan_versions.c.number.desc()))]


def one(work: Work, system: Access, number: int) -> Kept:
    """One version with what it says; raises `NotFound`."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    query = _query(system.system_id, plan_versions.c.content).where(plan_versions.c.number == number)
    row = work.row(query) if number < 2**31 else None
    if row is None:
        raise NotFound(f"The plan has no version {number}.")
    intact = hashlib.sha256(row.content.encode()).hexdigest() == row.content_sha256
    return Kept(_version(row), Document.from_json(json.loads(row.content)), intact)


def _query(system_id: int, *more: Any) -> Any:
    maker, approver = users.alias("maker"), users.alias("approver")
    columns = [column for column in plan_versions.c if column.name != "content"]
    return (
        select(*columns, *more, maker.c.name.label("maker"), approver.c.name.label("approver"))
        .join(maker, maker.c.id == plan_versions.c.made_by, isouter=True)
        .join(approver, approver.c.id == plan_versions.c.approved_by, isouter=True)
        .where(plan_versions.c.system_id == system_id)
    )


def _version(row: Any) -> Version:
    by = row.maker or "command line", row.approver or ("command line" if row.approved_at else "")
    return Version(row.number, row.note, row.content_sha256, row.made_at, by[0], row.approved_at, by[1])


def approve(work: Work, system: Access, number: int) -> None:
    """Approve a version; one that is approved already stays as it is.

    Raises `Conflict` for who made it, where somebody else could approve it, and for a version that is not the newest.
    """
    allow(work.actor, Action.PLAN_APPROVE, system)
    work.alone(f"plan:{system.system_id}")
    query = select(plan_versions).where(plan_versions.c.system_id == system.system_id)
    row = work.row(query.where(plan_versions.c.number == number)) if number < 2**31 else None
    if row is None:
        raise NotFound(f"The plan has no version {number}.")
    if row.approved_at is not None:
        return
    newest = _last(work, system.system_id).number
    if newest != number:
        raise Conflict(f"Version {newest} is newer than version {number}. Nothing was approved; look at the newer one.")
    me = work.actor.id if work.actor else None
    alone = row.made_by == me
    if alone and _others(work, system.system_id, me):
        raise Conflict(OWN, CLAUSE)
    where = and_(plan_versions.c.id == row.id, plan_versions.c.approved_at.is_(None))
    work.change_one(update(plan_versions).where(where).values(approved_at=work.now, approved_by=me))
    detail = {"before": {"approved": False}, "after": {"approved": True, "content_sha256": row.content_sha256}}
    work.record(Event.PLAN_APPROVED, f"plan:{system.slug}/{number}", {**detail, "alone": alone})


def may_approve(work: Work, system: Access, version: Version) -> bool:
    """Whether the actor may approve this version now: for the page, which offers nothing that would be refused."""
    if Right.APPROVE not in system.rights or version.approved_at is not None or work.actor is None:
        return False
    return version.made_by != work.actor.name or not _others(work, system.system_id, work.actor.id)


def _others(work: Work, system_id: int, me: int | None) -> bool:
    """Whether anybody else can sign in today who may approve in this system, and the settings ask for them."""
    if settings.current(work).approve_own:
        return False
    query = (
        select(func.count())
        .select_from(memberships.join(users, users.c.id == memberships.c.user_id))
        .where(
            memberships.c.system_id == system_id,
            memberships.c.may_approve.is_(True),
            or_(memberships.c.until.is_(None), memberships.c.until > work.now),
            users.c.disabled_at.is_(None),
            users.c.deleted_at.is_(None),
            users.c.id != (me or 0),
        )
    )
    return bool(work.db.execute(query).scalar_one())
