"""Items of both plans as they are read: the register of a system, and one item with its reviews and history.

Everything is read in a fixed number of statements whatever the amount of data.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, select

from cmmc_tracker.domain import catalog, plans
from cmmc_tracker.domain.assessment import Status, requirement_status
from cmmc_tracker.domain.catalog import Requirement
from cmmc_tracker.domain.lifecycle import PoamClock
from cmmc_tracker.domain.permissions import Access, Action, allow
from cmmc_tracker.domain.plans import ItemKind, ItemStatus, Milestone, Plan
from cmmc_tracker.domain.poam import Verdict, eligibility, eligible
from cmmc_tracker.domain.special import Basis
from cmmc_tracker.errors import NotFound
from cmmc_tracker.services import audit, closeouts
from cmmc_tracker.services.assessment import standing
from cmmc_tracker.services.audit import AuditEntry
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import (
    findings,
    milestones,
    plan_items,
    plan_reviews,
    recorded_statuses,
    specials,
    users,
)


@dataclass(frozen=True, slots=True)
class Item:
    """An item with what the rules say of it today."""

    id: int
    plan: Plan
    status: ItemStatus
    requirement: Requirement
    requirement_status: Status
    verdict: Verdict  # whether the requirement may stand on a POA&M as it is valued today
    excepted: bool  # a temporary deficiency of the requirement is recorded
    frozen: bool  # a recorded status names it
    late: tuple[str, ...]  # sentences
    beyond: bool  # planned to be done after the last day of the closeout
    created_at: datetime
    created_by: str
    ready_by: str
    ready_by_id: int | None
    closed_at: datetime | None
    closed_by: str
    closing_note: str
    version: int

    @property
    def counts(self) -> bool:
        """Whether it stands on the POA&M of a Conditional status, as the rules have it today."""
        works = self.status is not ItemStatus.CLOSED and self.requirement_status is Status.NOT_MET
        return works and self.plan.kind is ItemKind.POAM and self.verdict.allowed

    @property
    def mended(self) -> bool:
        """Whether its requirement is MET by now, so that it can be closed; of a deficiency it is MET all along."""
        met = self.requirement_status in {Status.MET, Status.NOT_APPLICABLE}
        return met and self.status is not ItemStatus.CLOSED and not self.excepted

    @property
    def no_longer(self) -> bool:
        """Whether it stands on the POA&M though the rules do not let it any more, as judging may bring about."""
        works = self.status is not ItemStatus.CLOSED and self.requirement_status is Status.NOT_MET
        return works and self.plan.kind is ItemKind.POAM and not self.verdict.allowed


@dataclass(frozen=True, slots=True)
class Unplanned:
    """A requirement that is NOT MET and has no item where it should: on the POA&M if that is possible."""

    requirement: Requirement
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Register:
    """Both plans of a system."""

    items: tuple[Item, ...]
    unplanned: tuple[Unplanned, ...]
    excepted: frozenset[str]  # requirements with a temporary deficiency
    clock: PoamClock | None

    def narrowed(self, *, kind: str = "", state: str = "", text: str = "") -> list[Item]:
        """The items that fit a filter; `state` is `open`, `overdue`, `barred` (no longer eligible) or `closed`."""
        wanted = text.strip().casefold()
        return [
            one
            for one in self.items
            if (not kind or one.plan.kind == kind)
            and (not state or _STATES[state](one))
            and (not wanted or wanted in f"{one.requirement.id} {one.requirement.title} {one.plan.weakness}".casefold())
        ]


_STATES: Mapping[str, Callable[[Item], bool]] = {
    "open": lambda one: one.status is not ItemStatus.CLOSED,
    "overdue": lambda one: bool(one.late) or one.beyond,
    "barred": lambda one: one.no_longer,
    "closed": lambda one: one.status is ItemStatus.CLOSED,
}
STATES = tuple(_STATES)


@dataclass(frozen=True, slots=True)
class Review:
    """A look at how an item gets on."""

    reviewed_on: date
    progress: str
    recorded_by: str


@dataclass(frozen=True, slots=True)
class Detail:
    """One item with everything about it."""

    item: Item
    reviews: tuple[Review, ...]
    history: tuple[AuditEntry, ...]
    clock: PoamClock | None
    objectives: tuple[tuple[str, Status], ...]  # of its requirement


@dataclass(frozen=True, slots=True)
class _Standing:
    """What decides about items: read once for all of them."""

    system: Access
    today: date
    statuses: Mapping[str, Mapping[str, Status]]  # by requirement and letter
    partial: frozenset[str]
    excepted: frozenset[str]
    frozen: frozenset[int]
    clock: PoamClock | None

    def objectives(self, requirement: Requirement) -> tuple[tuple[str, Status], ...]:
        """The letters and statuses of a requirement's objectives, in catalog order."""
        found = self.statuses[requirement.id]
        return tuple((o.letter, found[o.letter]) for o in requirement.objectives)

    def status(self, requirement: Requirement) -> Status:
        """A requirement's status."""
        return requirement_status(status for _, status in self.objectives(requirement))


def register(work: Work, system: Access) -> Register:
    """All items of a system, and what has none: seven statements."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    stands = _standing(work, system)
    found = tuple(_items(work, stands, _rows(work, system)))
    return Register(found, tuple(_unplanned(stands, found)), stands.excepted, stands.clock)


def of_requirement(work: Work, system: Access, requirement: str) -> list[Item]:
    """The items of one requirement, the newest first."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    rows = _rows(work, system, plan_items.c.requirement == requirement)
    return list(reversed(_items(work, _standing(work, system), rows))) if rows else []


def one(work: Work, system: Access, item_id: int) -> Item:
    """One item; raises `NotFound` for one that this system has not."""
    return _one(work, system, item_id)[0]


def _one(work: Work, system: Access, item_id: int) -> tuple[Item, _Standing]:
    allow(work.actor, Action.SYSTEM_VIEW, system)
    stands = _standing(work, system)
    found = _items(work, stands, _rows(work, system, plan_items.c.id == item_id))
    if not found:
        raise NotFound("There is no such item on the plans of this system.")
    return found[0], stands


def detail(work: Work, system: Access, item_id: int) -> Detail:
    """One item with its reviews and its history; raises `NotFound`."""
    item, stands = _one(work, system, item_id)
    query = (
        select(plan_reviews, users.c.name)
        .join(users, users.c.id == plan_reviews.c.recorded_by, isouter=True)
        .where(plan_reviews.c.item_id == item_id)
        .order_by(plan_reviews.c.reviewed_on.desc(), plan_reviews.c.id.desc())
    )
    reviews = tuple(Review(row.reviewed_on, row.progress, row.name or "") for row in work.rows(query))
    history = tuple(audit.history(work, f"poam_item:{item_id}"))
    return Detail(item, reviews, history, stands.clock, stands.objectives(item.requirement))


def draft(work: Work, system: Access, requirement: str) -> str:
    """A first text for the weakness, from what was noted of the objectives that are NOT MET."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    query = (
        select(findings.c.letter, findings.c.note)
        .where(
            findings.c.system_id == system.system_id,
            findings.c.requirement == requirement,
            findings.c.status == Status.NOT_MET,
        )
        .order_by(findings.c.letter)
    )
    return plans.drafted_weakness({row.letter: row.note for row in work.rows(query)})


def is_frozen(work: Work, system_id: int, item_id: int) -> bool:
    """Whether a recorded status names the item: the list of POA&M items freezes at the status date (170.21(b))."""
    query = select(recorded_statuses.c["items"]).where(recorded_statuses.c.system_id == system_id)
    return any(item_id in row.items for row in work.rows(query))


def _standing(work: Work, system: Access) -> _Standing:
    stands = standing(work, system.system_id)
    excepted = select(specials.c.requirement).where(
        specials.c.system_id == system.system_id, specials.c.basis == Basis.TEMPORARY_DEFICIENCY
    )
    query = select(recorded_statuses).where(recorded_statuses.c.system_id == system.system_id)
    recorded = work.rows(query.order_by(recorded_statuses.c.id))
    today = work.today
    return _Standing(
        system,
        today,
        stands.statuses,
        stands.partial,
        frozenset(row.requirement for row in work.rows(excepted)),
        frozenset(number for row in recorded for number in row.items),
        closeouts.clock_of(recorded[-1] if recorded else None, today),
    )


def _rows(work: Work, system: Access, *where: ColumnElement[bool]) -> list[Any]:
    return work.rows(_listed().where(*where), system=system.system_id)


@cache  # putting it together takes longer than running it
def _listed() -> Select[Any]:
    creator, readier, closer = users.alias("creator"), users.alias("readier"), users.alias("closer")
    return (
        select(
            plan_items,
            creator.c.name.label("creator"),
            readier.c.name.label("readier"),
            closer.c.name.label("closer"),
        )
        .join(creator, creator.c.id == plan_items.c.created_by, isouter=True)
        .join(readier, readier.c.id == plan_items.c.ready_by, isouter=True)
        .join(closer, closer.c.id == plan_items.c.closed_by, isouter=True)
        .where(plan_items.c.system_id == bindparam("system"))
        .order_by(plan_items.c.id)
    )


def _items(work: Work, stands: _Standing, rows: list[Any]) -> list[Item]:
    steps: dict[int, list[Milestone]] = defaultdict(list)
    listed = (
        select(milestones)
        .join(plan_items, plan_items.c.id == milestones.c.item_id)
        .where(plan_items.c.system_id == stands.system.system_id)
        .order_by(milestones.c.item_id, milestones.c.position)
    )
    for row in work.rows(listed):
        steps[row.item_id].append(Milestone(row.text, row.due_on, row.owner, row.done_on))
    known = catalog.load(stands.system.level)
    return [_item(row, known.requirement(row.requirement), steps[row.id], stands) for row in rows]


def plan_of(row: Any, steps: Iterable[Milestone]) -> Plan:
    """What an item's row and its milestones say."""
    return Plan(
        requirement=row.requirement,
        weakness=row.weakness,
        planned_completion=row.planned_completion,
        milestones=tuple(steps),
        resources=row.resources,
        owner=row.owner,
        kind=ItemKind(row.kind),
    )


def _item(row: Any, requirement: Requirement, steps: list[Milestone], stands: _Standing) -> Item:
    plan, status = plan_of(row, steps), ItemStatus(row.status)
    last_day = stands.clock.closeout.last_day if stands.clock else None
    return Item(
        id=row.id,
        plan=plan,
        status=status,
        requirement=requirement,
        requirement_status=stands.status(requirement),
        verdict=eligibility(requirement, partial=requirement.id in stands.partial),
        excepted=requirement.id in stands.excepted,
        frozen=row.id in stands.frozen,
        late=tuple(plans.overdue(plan, status, stands.today)),
        beyond=status is not ItemStatus.CLOSED and plans.beyond(plan, last_day),
        created_at=row.created_at,
        created_by=row.creator or "",
        ready_by=row.readier or "",
        ready_by_id=row.ready_by,
        closed_at=row.closed_at,
        closed_by=row.closer or "",
        closing_note=row.closing_note,
        version=row.version,
    )


def _unplanned(stands: _Standing, items: Sequence[Item]) -> Iterable[Unplanned]:
    """What is NOT MET and has no plan: a POA&M item where 170.21 allows one, else an operational one (rules 2.3)."""
    works = [one for one in items if one.status is not ItemStatus.CLOSED]
    on_poam = {one.requirement.id for one in works if one.plan.kind is ItemKind.POAM}
    planned = {one.requirement.id for one in works}
    for requirement in catalog.load(stands.system.level).requirements:
        partial = requirement.id in stands.partial
        has = on_poam if eligible(requirement, partial=partial) else planned
        if requirement.id not in has and stands.status(requirement) is Status.NOT_MET:
            yield Unplanned(requirement, eligibility(requirement, partial=partial))
