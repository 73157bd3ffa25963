"""Keeping items: making one, changing what it says, its reviews, taking it away."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import and_, delete, func, insert, select, update

from cmmc_tracker.domain import catalog, plans
from cmmc_tracker.domain.artifacts import parse_day
from cmmc_tracker.domain.assessment import Status, requirement_status
from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.permissions import Access, Action, allow
from cmmc_tracker.domain.plans import ItemKind, ItemStatus, Milestone, Plan
from cmmc_tracker.domain.special import Basis
from cmmc_tracker.domain.text import clean_text
from cmmc_tracker.errors import Conflict, Invalid, NotFound, Stale
from cmmc_tracker.services.plans import reading
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import findings, implementations, milestones, plan_items, plan_reviews, specials

MOST_ITEMS = 2_000
MOST_REVIEWS = 500  # of one item: more than one on each of its 180 days
_FROZEN = (
    "A recorded status names this item, and the list of its POA&M items is frozen since that day. Close the item when "
    "it is mended; it cannot be {}."
)
_QUICKER = "Somebody else changed this item meanwhile. Nothing of yours was saved; look at it first."
_CLOSED = "This item is closed. Nothing was changed; reopen it first if the work goes on."


def add(work: Work, system: Access, given: Mapping[str, Any]) -> int:
    """Put a requirement on a plan; returns the item's number.

    Raises `Invalid` for wrong fields, then `Conflict` for an item that the rules forbid, with the clause.
    """
    allow(work.actor, Action.POAM_EDIT, system)
    plan = plans.parse(given, level=system.level, today=work.today)
    check(work, system, plan)
    return insert_item(work, system, plan)


def insert_item(work: Work, system: Access, plan: Plan) -> int:
    """Keep an item that was checked; raises `Conflict` where there are too many."""
    work.alone(f"plans:{system.system_id}")
    kept = select(func.count()).where(plan_items.c.system_id == system.system_id)
    if work.db.execute(kept).scalar_one() >= MOST_ITEMS:
        raise Conflict(f"The plans of a system have at most {MOST_ITEMS:,} items. Remove some first.")
    made = work.change(
        insert(plan_items).values(
            system_id=system.system_id,
            created_at=work.now,
            created_by=work.actor.id if work.actor else None,
            **_columns(plan),
        )
    ).inserted_primary_key
    assert made is not None  # noqa: S101 a narrowing for the type checker
    item_id = int(made[0])
    _put_steps(work, item_id, plan.milestones)
    work.record(Event.POAM_ITEM_ADDED, f"poam_item:{item_id}", {"system": system.slug, "after": told(plan)})
    return item_id


def check(work: Work, system: Access, plan: Plan) -> None:
    """Raise for an item that may not stand where it should, as the requirement is judged now."""
    requirement = _known(system, plan.requirement)
    where = and_(findings.c.system_id == system.system_id, findings.c.requirement == requirement.id)
    found = {row.letter: row.status for row in work.rows(select(findings.c.letter, findings.c.status).where(where))}
    partial = work.row(
        select(implementations.c.partial).where(
            implementations.c.system_id == system.system_id, implementations.c.requirement == requirement.id
        )
    )
    deficiency = and_(
        specials.c.system_id == system.system_id,
        specials.c.requirement == requirement.id,
        specials.c.basis == Basis.TEMPORARY_DEFICIENCY,
    )
    plans.check_placement(
        plan,
        requirement,
        requirement_status(Status(status) for status in found.values()),
        partial=bool(partial and partial.partial),
        excepted=work.row(select(specials.c.letter).where(deficiency).limit(1)) is not None,
    )


def _known(system: Access, requirement: str) -> Any:
    try:
        return catalog.load(system.level).requirement(requirement)
    except NotFound as error:
        raise Invalid({"requirement": error.message}) from None


def edit(work: Work, system: Access, item_id: int, given: Mapping[str, Any], version: int | None) -> None:
    """Change what an item says, or move it to the other plan; nothing when nothing differs.

    Only a move is checked against the rules: an item that became ineligible can still be worked on. Raises `Stale`
    when somebody changed it since `version`, `Conflict` for one that is closed, or frozen where it would move.
    """
    row = row_of(work, system, item_id, version)
    before = reading.plan_of(row, steps_of(work, item_id))
    plan = plans.parse(given, before, system.level, today=work.today)
    if plan == before:
        return
    if row.status == ItemStatus.CLOSED:
        raise Conflict(_CLOSED)
    if plan.kind is not before.kind:
        _refuse_frozen(work, system, item_id, "moved to the other plan")
        check(work, system, plan)
    bump(work, row, **_columns(plan))
    if plan.milestones != before.milestones:
        work.change(delete(milestones).where(milestones.c.item_id == item_id))
        _put_steps(work, item_id, plan.milestones)
    was, now = told(before), told(plan)
    differing = [name for name in now if was[name] != now[name]]
    detail = {"before": {name: was[name] for name in differing}, "after": {name: now[name] for name in differing}}
    work.record(Event.POAM_ITEM_EDITED, f"poam_item:{item_id}", {"system": system.slug, **detail})


def remove(work: Work, system: Access, item_id: int, version: int | None) -> None:
    """Take an item away with its milestones and reviews; what it said stands in the log."""
    row = row_of(work, system, item_id, version)
    _refuse_frozen(work, system, item_id, "removed")
    said = told(reading.plan_of(row, steps_of(work, item_id)))
    work.change(delete(plan_reviews).where(plan_reviews.c.item_id == item_id))
    work.change(delete(milestones).where(milestones.c.item_id == item_id))
    work.change_one(delete(plan_items).where(plan_items.c.id == item_id, plan_items.c.version == row.version))
    work.record(Event.POAM_ITEM_REMOVED, f"poam_item:{item_id}", {"system": system.slug, "before": said})


def _refuse_frozen(work: Work, system: Access, item_id: int, act: str) -> None:
    work.alone(f"status:{system.slug}")  # nobody records a status that names it until this is done
    if reading.is_frozen(work, system.system_id, item_id):
        raise Conflict(_FROZEN.format(act), "32 CFR 170.21(b)")


def review(work: Work, system: Access, item_id: int, given: Mapping[str, Any], version: int | None) -> None:
    """Record a deficiency review, or another look at how an item gets on (170.24(b)(1)(ii))."""
    row = row_of(work, system, item_id, version)
    wrong: dict[str, str] = {}
    progress = clean_text(str(given.get("progress") or ""))
    if not progress:
        wrong["progress"] = "Say what progress there is: the reviews show it."
    elif len(progress) > plans.LONGEST:
        wrong["progress"] = f"This has at most {plans.LONGEST:,} characters; this one has {len(progress):,}."
    try:
        day = parse_day(given.get("reviewed_on")) or work.today
    except ValueError as error:
        wrong["reviewed_on"] = str(error)
    else:
        if not work.day(row.created_at) <= day <= work.today:
            wrong["reviewed_on"] = "A review is of a day since the item was made, and not in the future."
    if wrong:
        raise Invalid(wrong)
    if work.db.execute(select(func.count()).where(plan_reviews.c.item_id == item_id)).scalar_one() >= MOST_REVIEWS:
        raise Conflict(f"An item has at most {MOST_REVIEWS} reviews. Nothing was saved; close it, or plan it anew.")
    work.change(
        insert(plan_reviews).values(
            item_id=item_id,
            reviewed_on=day,
            progress=progress,
            recorded_at=work.now,
            recorded_by=work.actor.id if work.actor else None,
        )
    )
    bump(work, row)
    detail = {"system": system.slug, "reviewed_on": day, "progress": progress}
    work.record(Event.POAM_ITEM_REVIEWED, f"poam_item:{item_id}", detail)


def row_of(work: Work, system: Access, item_id: int, version: int | None, action: Action = Action.POAM_EDIT) -> Any:
    """The row of an item that stands as the person saw it; raises `NotFound`, `Forbidden` or `Stale`."""
    row = work.row(select(plan_items).where(plan_items.c.id == item_id, plan_items.c.system_id == system.system_id))
    if row is None:
        raise NotFound("There is no such item on the plans of this system.")
    allow(work.actor, action, system)
    if version not in {None, row.version}:
        raise Stale(_QUICKER)
    return row


def bump(work: Work, row: Any, **values: Any) -> None:
    """Change an item, if it still stands as it was read."""
    named = update(plan_items).where(plan_items.c.id == row.id, plan_items.c.version == row.version)
    work.change_one(named.values(version=plan_items.c.version + 1, **values))


def steps_of(work: Work, item_id: int) -> list[Milestone]:
    """The milestones of one item."""
    query = select(milestones).where(milestones.c.item_id == item_id).order_by(milestones.c.position)
    return [Milestone(row.text, row.due_on, row.owner, row.done_on) for row in work.rows(query)]


def _put_steps(work: Work, item_id: int, steps: tuple[Milestone, ...]) -> None:
    if steps:
        work.change(insert(milestones), [{"item_id": item_id, "position": n, **_step(s)} for n, s in enumerate(steps)])


def _step(step: Milestone) -> dict[str, Any]:
    return {"text": step.text, "due_on": step.due_on, "owner": step.owner, "done_on": step.done_on}


def _columns(plan: Plan) -> dict[str, Any]:
    return {
        "requirement": plan.requirement,
        "kind": plan.kind,
        "weakness": plan.weakness,
        "resources": plan.resources,
        "owner": plan.owner,
        "planned_completion": plan.planned_completion,
    }


def told(plan: Plan) -> dict[str, Any]:
    """An item as the log keeps it."""
    return {**_columns(plan), "kind": ItemKind(plan.kind).value, "milestones": [_step(one) for one in plan.milestones]}
