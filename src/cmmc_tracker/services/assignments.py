"""Naming who answers for what in a system: owners and reviewers of requirements, the affirming official."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, delete, insert, select

from cmmc_tracker.domain.assignments import Duty, Wanted
from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.permissions import Access, Action, allow
from cmmc_tracker.errors import Forbidden, Stale
from cmmc_tracker.services import members
from cmmc_tracker.services.artifacts import actor_id
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import assignments, users


@dataclass(frozen=True, slots=True)
class Assigned:
    """One assignment; `gone` tells that the person cannot sign in any more."""

    duty: Duty
    requirement: str  # empty for the system as a whole
    user_id: int
    person: str
    title: str
    contact: str
    since: datetime
    gone: bool


@dataclass(frozen=True, slots=True)
class People:
    """All assignments of a system. `version` stands for all of them together: whoever changes one has seen them."""

    official: Assigned | None
    by_duty: Mapping[Duty, Mapping[str, Assigned]]  # by requirement
    version: int

    def owner(self, requirement: str) -> Assigned | None:
        """Who answers for a requirement."""
        return self.by_duty[Duty.OWNER].get(requirement)


@cache  # putting it together takes longer than running it
def _all() -> Select[Any]:
    return (
        select(assignments, users.c.name, users.c.disabled_at, users.c.deleted_at)
        .join(users, users.c.id == assignments.c.user_id)
        .where(assignments.c.system_id == bindparam("system"))
        .order_by(assignments.c.duty, assignments.c.requirement)
    )


def of(work: Work, system: Access) -> People:
    """Who answers for what: one statement."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    rows = work.rows(_all(), system=system.system_id)
    found: dict[Duty, dict[str, Assigned]] = {duty: {} for duty in Duty}
    for row in rows:
        found[Duty(row.duty)][row.requirement] = _assigned(row)
    return People(found[Duty.AFFIRMING_OFFICIAL].get(""), found, _version(rows))


def _assigned(row: Any) -> Assigned:
    gone = row.disabled_at is not None or row.deleted_at is not None
    duty = Duty(row.duty)
    return Assigned(duty, row.requirement, row.user_id, row.name, row.title, row.contact, row.assigned_at, gone)


def _version(rows: list[Any]) -> int:
    told = "\n".join(f"{r.duty} {r.requirement} {r.user_id} {r.title} {r.contact}" for r in rows)
    return zlib.crc32(told.encode()) % 1_000_000_000


def may_assign(work: Work, system: Access) -> bool:
    """Whether the actor may name people here."""
    try:
        allow(work.actor, Action.ASSIGNMENT_MAKE, system)
    except Forbidden:
        return False
    return True


def assign(work: Work, system: Access, wanted: Wanted, seen: int | None) -> int:
    """Give somebody a duty for each of the requirements, in the place of who had it; returns how many changed.

    Raises `Invalid` at `person` for who is no member, and for an affirming official who is not of our own organization
    (32 CFR 170.4: a representative of the one that seeks assessment), `Stale` when the assignments changed since
    version `seen`.
    """
    allow(work.actor, Action.ASSIGNMENT_MAKE, system)
    work.alone(f"assignments:{system.slug}")
    now = of(work, system)
    if seen not in {None, now.version}:
        raise Stale("Somebody else changed who answers for what meanwhile. Nothing was saved; look, then save again.")
    official = wanted.duty is Duty.AFFIRMING_OFFICIAL
    person = members.named(work, system.system_id, wanted.person, "person", ours=official)
    held = now.by_duty[wanted.duty]
    changing = [one for one in wanted.requirements if _differs(held.get(one), person, wanted)]
    if not changing:
        return 0
    here = (assignments.c.system_id == system.system_id, assignments.c.duty == wanted.duty)
    work.change(delete(assignments).where(*here, assignments.c.requirement.in_(changing)))
    if person is not None:
        common = {"system_id": system.system_id, "duty": wanted.duty, "user_id": person}
        said = {"title": wanted.title, "contact": wanted.contact}
        made = {"assigned_at": work.now, "assigned_by": actor_id(work)}
        work.change(insert(assignments), [{**common, **said, **made, "requirement": one} for one in changing])
    _record(work, system, wanted, {one: held[one].person for one in changing if one in held}, changing)
    return len(changing)


def _differs(held: Assigned | None, person: int | None, wanted: Wanted) -> bool:
    if held is None or person is None:
        return (held is None) != (person is None)
    return (held.user_id, held.title, held.contact) != (person, wanted.title, wanted.contact)


def _record(work: Work, system: Access, wanted: Wanted, before: Mapping[str, str], changing: list[str]) -> None:
    """One entry however many requirements: what each had, and who has them now."""
    after = {"person": wanted.person, "title": wanted.title, "contact": wanted.contact} if wanted.person else None
    detail = {"duty": wanted.duty, "requirements": [one for one in changing if one], "before": before, "after": after}
    event = Event.ASSIGNMENT_MADE if wanted.person else Event.ASSIGNMENT_ENDED
    work.record(event, f"system:{system.slug}", detail)
