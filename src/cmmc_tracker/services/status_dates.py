"""Who answers for the days of a recorded status, and so is reminded of them.

Our decision (docs/rules.md, 6): the affirming official and whoever may approve in the system, or may judge where nobody
may approve; of a closeout also the owners of what stands open on the POA&M. They are told on My work and by mail.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import func, or_, select

from cmmc_tracker.domain.accounts import name_key
from cmmc_tracker.domain.assignments import Duty
from cmmc_tracker.domain.permissions import Access, Right
from cmmc_tracker.domain.plans import ItemKind, ItemStatus
from cmmc_tracker.domain.status_dates import Deadline, StatusDate, dates_of
from cmmc_tracker.services import closeouts
from cmmc_tracker.services.artifacts import actor_id
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import assignments, memberships, plan_items, users


@dataclass(frozen=True, slots=True)
class SystemDate:
    """A last day of the status of a system that the actor knows."""

    system: Access
    date: StatusDate


def of_my_systems(work: Work) -> list[SystemDate]:
    """The last days of the newest status of each of the actor's systems, the soonest first: two statements."""
    mine = {one.system_id: one for one in work.actor.systems.values()} if work.actor else {}
    found = []
    for system_id, stands in closeouts.standings(work, list(mine)).items():
        known_since = work.day(stands.row.recorded_at)
        for one in dates_of(closeouts.recorded(stands.row), stands.standing, stands.row.id, known_since):
            found.append(SystemDate(mine[system_id], one))
    return sorted(found, key=lambda one: (one.date.last_day, one.system.slug))


def answered_for(work: Work) -> list[SystemDate]:
    """Those of them that warn today, and that the actor answers for."""
    warning = [one for one in of_my_systems(work) if one.date.warns_since(work.today)]
    if not warning:
        return []
    ids = sorted({one.system.system_id for one in warning})
    official, approved, owned = _official_since(work, ids), _with_approvers(work, ids), _owned(work, ids)
    found = []
    for one in warning:
        system, since = one.system, official.get(one.system.system_id)
        leads = Right.APPROVE in system.rights or (system.system_id not in approved and Right.JUDGE in system.rights)
        if since is not None:
            found.append(replace(one, date=replace(one.date, known_since=max(one.date.known_since, since))))
        elif leads or (one.date.deadline is Deadline.CLOSEOUT and system.system_id in owned):
            found.append(one)
    return found


def _official_since(work: Work, ids: Sequence[int]) -> Mapping[int, date]:
    """The systems that the actor is the affirming official of, and since when."""
    mine = (assignments.c.user_id == actor_id(work), assignments.c.duty == Duty.AFFIRMING_OFFICIAL)
    query = select(assignments.c.system_id, assignments.c.assigned_at).where(assignments.c.system_id.in_(ids), *mine)
    return {row.system_id: work.day(row.assigned_at) for row in work.rows(query)}


def _with_approvers(work: Work, ids: Sequence[int]) -> set[int]:
    """The systems in which somebody who can sign in today may approve."""
    query = (
        select(memberships.c.system_id)
        .join(users, users.c.id == memberships.c.user_id)
        .where(
            memberships.c.system_id.in_(ids),
            memberships.c.may_approve,
            or_(memberships.c.until.is_(None), memberships.c.until > work.now),
            users.c.disabled_at.is_(None),
            users.c.deleted_at.is_(None),
        )
        .distinct()
    )
    return {row.system_id for row in work.rows(query)}


def _owned(work: Work, ids: Sequence[int]) -> set[int]:
    """The systems with an open item of the POA&M that is the actor's: by its own owner, or that of its requirement."""
    me = actor_id(work)
    owner = (
        select(func.count())
        .where(
            assignments.c.system_id == plan_items.c.system_id,
            assignments.c.requirement == plan_items.c.requirement,
            assignments.c.duty == Duty.OWNER,
            assignments.c.user_id == me,
        )
        .correlate(plan_items)
        .scalar_subquery()
    )
    query = select(plan_items.c.system_id, plan_items.c.owner, owner.label("mine")).where(
        plan_items.c.system_id.in_(ids),
        plan_items.c.kind == ItemKind.POAM,
        plan_items.c.status != ItemStatus.CLOSED,
    )
    own = name_key(work.actor.name) if work.actor else ""
    found: dict[int, list[Any]] = defaultdict(list)
    for row in work.rows(query):
        found[row.system_id].append(row)
    return {one for one, rows in found.items() if any(row.mine or (own and name_key(row.owner) == own) for row in rows)}
