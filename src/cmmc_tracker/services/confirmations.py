"""What waits for a second person: findings to confirm and items to close, for those who may and did not make them.

The same conditions as `specials.confirm` and `plans.closing`: who made a finding, or did the work, is not asked unless
nobody else in the system could do it (our decision; docs/rules.md, 4.9). A spill is not listed: who confirms one is
asked by whoever runs the machine (`spill_confirming`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.domain.permissions import Access, Right
from cmmc_tracker.domain.plans import ItemStatus
from cmmc_tracker.domain.special import Basis
from cmmc_tracker.services.artifact_views import COMMAND_LINE
from cmmc_tracker.services.artifacts import actor_id
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import findings, memberships, plan_items, specials, users

MOST = 400


@dataclass(frozen=True, slots=True)
class ToConfirm:
    """Findings of one requirement that one person made alike, by their letters."""

    system: Access
    requirement: str
    letters: tuple[str, ...]
    status: Status  # N/A, or MET by a temporary deficiency
    made_by: str
    made_at: datetime | None


@dataclass(frozen=True, slots=True)
class ToClose:
    """An item of a plan that is mended, as somebody says."""

    system: Access
    id: int
    requirement: str
    weakness: str
    ready_by: str


def to_confirm(work: Work) -> list[ToConfirm]:
    """The findings that the actor may confirm as the second person, by system, requirement and who made them."""
    homes = {one.system_id: one for one in work.actor.systems.values()} if work.actor else {}
    grouped: dict[tuple[int, str, str, str], list[Any]] = {}
    order = (findings.c.system_id, findings.c.requirement, findings.c.letter)
    query = _findings(work).add_columns(users.c.name.label("judge"))
    query = query.join(users, users.c.id == findings.c.judged_by, isouter=True).order_by(*order).limit(MOST)
    for row in work.rows(query):
        grouped.setdefault((row.system_id, row.requirement, row.status, row.judge or ""), []).append(row)
    return [
        ToConfirm(
            homes[system_id],
            requirement,
            tuple(row.letter for row in rows),
            Status(status),
            judge or COMMAND_LINE,
            max((row.judged_at for row in rows if row.judged_at), default=None),
        )
        for (system_id, requirement, status, judge), rows in grouped.items()
    ]


def to_close(work: Work) -> list[ToClose]:
    """The items that are mended and that the actor may close, oldest first."""
    homes = {one.system_id: one for one in work.actor.systems.values()} if work.actor else {}
    query = _items(work).add_columns(users.c.name.label("readier"))
    query = query.join(users, users.c.id == plan_items.c.ready_by, isouter=True).order_by(plan_items.c.id).limit(MOST)
    return [
        ToClose(homes[row.system_id], row.id, row.requirement, row.weakness, row.readier or COMMAND_LINE)
        for row in work.rows(query)
    ]


def counted(work: Work) -> ColumnElement[int]:
    """How many of both wait for the actor, as a column of another query."""
    lists = [make(work).subquery() for make in (_findings, _items)]
    first, second = (select(func.count()).select_from(one).scalar_subquery() for one in lists)
    return first + second


def _findings(work: Work) -> Select[Any]:
    me, ids = actor_id(work), work.actor.system_ids(Right.JUDGE) if work.actor else []
    special = and_(*(specials.c[name] == findings.c[name] for name in ("system_id", "requirement", "letter")))
    deficient = and_(findings.c.status == Status.MET, specials.c.basis == Basis.TEMPORARY_DEFICIENCY)
    others = and_(findings.c.judged_by.is_distinct_from(me), specials.c.recorded_by.is_distinct_from(me))
    another = _able(work, findings.c.system_id, memberships.c.may_judge).where(
        memberships.c.user_id.is_distinct_from(findings.c.judged_by),
        memberships.c.user_id.is_distinct_from(specials.c.recorded_by),
    )
    return (
        select(findings.c.system_id, findings.c.requirement, findings.c.letter)
        .add_columns(findings.c.status, findings.c.judged_at)
        .join(specials, special, isouter=True)
        .where(
            findings.c.system_id.in_(ids),
            findings.c.confirmed_at.is_(None),
            or_(findings.c.status == Status.NOT_APPLICABLE, deficient),
            or_(others, ~another.correlate(findings, specials).exists()),
        )
    )


def _items(work: Work) -> Select[Any]:
    me = actor_id(work)
    approving = plan_items.c.system_id.in_(_ids(work, Right.APPROVE))
    judging = plan_items.c.system_id.in_(_ids(work, Right.JUDGE))
    approver = _able(work, plan_items.c.system_id, memberships.c.may_approve)
    judge = _able(work, plan_items.c.system_id, memberships.c.may_judge)
    unled = and_(judging, ~approver.correlate(plan_items).exists())
    is_owner = func.lower(plan_items.c.owner) == func.lower(work.actor.name if work.actor else "")
    mine = or_(plan_items.c.ready_by.is_not_distinct_from(me), and_(plan_items.c.owner != "", is_owner))
    others = memberships.c.user_id.is_distinct_from(me)
    alone = or_(
        and_(approving, ~approver.where(others).correlate(plan_items).exists()),
        and_(unled, ~judge.where(others).correlate(plan_items).exists()),
    )
    return select(plan_items.c.system_id, plan_items.c.id, plan_items.c.requirement, plan_items.c.weakness).where(
        plan_items.c.status == ItemStatus.READY, or_(approving, unled), or_(~mine, alone)
    )


def _ids(work: Work, right: Right) -> Sequence[int]:
    return work.actor.system_ids(right) if work.actor else []


def _able(work: Work, system_id: Any, right: Any) -> Select[Any]:
    """The people of a system who have the right and can sign in today."""
    return (
        select(memberships.c.user_id)
        .join(users, users.c.id == memberships.c.user_id)
        .where(
            memberships.c.system_id == system_id,
            right,
            or_(memberships.c.until.is_(None), memberships.c.until > work.now),
            users.c.disabled_at.is_(None),
            users.c.deleted_at.is_(None),
        )
    )
