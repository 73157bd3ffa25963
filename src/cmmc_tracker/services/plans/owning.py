"""Whose open items of the plans are: an owner is a text, and the person whose account has that name, in their systems.

Our decision: owners of items may be people without an account, so the text stays a text. Where it is the name of an
account that works in the item's system, the item is one of that person's duties, and goes along when they hand these
over; so does a step that is not done.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select, update

from cmmc_tracker.domain.accounts import name_key
from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.plans import ItemStatus, Milestone
from cmmc_tracker.services.plans.keeping import bump, steps_of, told
from cmmc_tracker.services.plans.reading import plan_of
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import memberships, milestones, plan_items, systems, users


def counted(work: Work, user_ids: Sequence[int]) -> Mapping[int, int]:
    """How many open items each of these people has: one statement."""
    query = (
        select(users.c.id, func.count().label("n"))
        .select_from(users.join(memberships, memberships.c.user_id == users.c.id).join(plan_items, _theirs()))
        .where(users.c.id.in_(user_ids))
        .group_by(users.c.id)
    )
    return {row.id: row.n for row in work.rows(query)}


def of_person(work: Work, user_id: int) -> list[Any]:
    """The rows of somebody's open items, by number: one statement."""
    query = (
        select(plan_items)
        .select_from(users.join(memberships, memberships.c.user_id == users.c.id).join(plan_items, _theirs()))
        .where(users.c.id == user_id)
        .order_by(plan_items.c.id)
    )
    return work.rows(query)


def _theirs() -> ColumnElement[bool]:
    """What makes an item one of a person's: it, or a step of it that is not done, has their name."""
    name = func.lower(users.c.name)
    step = (
        select(milestones.c.item_id)
        .where(
            milestones.c.item_id == plan_items.c.id,
            milestones.c.done_on.is_(None),
            func.lower(milestones.c.owner) == name,
        )
        .correlate(plan_items, users)
        .exists()
    )
    return and_(
        plan_items.c.system_id == memberships.c.system_id,
        plan_items.c.status != ItemStatus.CLOSED,
        or_(func.lower(plan_items.c.owner) == name, step),
    )


def give(work: Work, row: Any, giver: str, receiver: str) -> None:
    """Let an item, and its steps that are not done, be another person's; raises `Stale` where somebody was quicker."""
    key = name_key(giver)
    before = plan_of(row, steps_of(work, row.id))
    steps = tuple(replace(one, owner=receiver) if _waits_for(one, key) else one for one in before.milestones)
    after = replace(before, owner=receiver if name_key(before.owner) == key else before.owner, milestones=steps)
    bump(work, row, owner=after.owner)
    for position, one in enumerate(before.milestones):
        if _waits_for(one, key):
            at = (milestones.c.item_id == row.id, milestones.c.position == position)
            work.change(update(milestones).where(*at).values(owner=receiver))
    slug = work.db.execute(select(systems.c.slug).where(systems.c.id == row.system_id)).scalar_one()
    was, now = told(before), told(after)
    differing = [name for name in now if was[name] != now[name]]
    detail = {"before": {name: was[name] for name in differing}, "after": {name: now[name] for name in differing}}
    work.record(Event.POAM_ITEM_EDITED, f"poam_item:{row.id}", {"system": slug, **detail})


def _waits_for(step: Milestone, key: str) -> bool:
    return step.done_on is None and name_key(step.owner) == key
