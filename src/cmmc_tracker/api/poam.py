"""The POA&M and the operational plan of action."""

from datetime import date, datetime
from typing import Any

from pydantic import Field

from cmmc_tracker.api.registry import Asked, Given, Shown, kept_unless, one_of, operation
from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.domain.lifecycle import PoamClock
from cmmc_tracker.domain.plans import ItemKind, ItemStatus, act_between
from cmmc_tracker.errors import Invalid
from cmmc_tracker.gate import doors
from cmmc_tracker.gate.etag import expected_version
from cmmc_tracker.services.plans import closing, keeping, reading
from cmmc_tracker.services.plans.reading import Item


class StepGiven(Given):
    """One step of the remediation."""

    text: str
    due_on: str | None = None
    owner: str | None = None
    done_on: str | None = None


class NewItem(Given):
    """An item; `operational` keeps it as an operational plan, which does not count for a Conditional status."""

    requirement: str
    weakness: str
    planned_completion: str | None = None
    milestones: list[StepGiven] = Field(default_factory=list)
    resources: str = ""
    owner: str = ""
    operational: bool = False


_STEP = {name: {"type": "string"} for name in ("text", "due_on", "owner", "done_on")}
_STEPS = {"type": "array", "items": {"type": "object", "required": ["text"], "properties": _STEP}}


class ItemChange(Given):
    """What an item says: only what is given changes; null clears the day.

    `status` moves it on: in_progress, ready, closed (by a second person; `closing_note` says what closes it), or open
    again.
    """

    weakness: str | None = kept_unless({"type": "string"})
    planned_completion: str | None = None
    milestones: list[StepGiven] | None = kept_unless(_STEPS)
    resources: str | None = kept_unless({"type": "string"})
    owner: str | None = kept_unless({"type": "string"})
    operational: bool | None = kept_unless({"type": "boolean"})
    status: str | None = kept_unless({"type": "string", **one_of(ItemStatus)})
    closing_note: str | None = kept_unless({"type": "string"})


class WantedItems(Asked):
    """Which items to list: by kind, by state (open, overdue, barred, closed) and by words."""

    kind: str = ""
    state: str = ""
    q: str = ""


class StepShown(Shown):
    """One step of the remediation."""

    text: str
    due_on: date | None
    owner: str
    done_on: date | None


class ItemShown(Shown):
    """An item. `eligible` and `clause` tell whether its requirement may stand on a POA&M as it is valued today."""

    id: int
    requirement: str
    title: str
    kind: ItemKind
    status: ItemStatus
    weakness: str
    eligible: bool
    counts: bool
    clause: str
    reason: str
    requirement_status: Status
    planned_completion: date | None
    milestones: list[StepShown]
    resources: str
    owner: str
    overdue: list[str]
    frozen: bool
    created_at: datetime
    created_by: str
    ready_by: str | None
    closed_at: datetime | None
    closed_by: str | None
    closing_note: str
    version: int


class CloseoutShown(Shown):
    """The 180 days of the Conditional status that is recorded (32 CFR 170.21(b))."""

    status_on: date
    last_day: date
    days_left: int


class ItemsShown(Shown):
    """The items that fit, and the requirements that are NOT MET without a plan."""

    items: list[ItemShown]
    unplanned: list[str]
    closeout: CloseoutShown | None


def item_shown(item: Item) -> ItemShown:
    """An item as it is answered."""
    plan = item.plan
    return ItemShown(
        id=item.id,
        requirement=item.requirement.id,
        title=item.requirement.title,
        kind=plan.kind,
        status=item.status,
        weakness=plan.weakness,
        eligible=item.verdict.allowed,
        counts=item.counts,
        clause=item.verdict.clause,
        reason=item.verdict.reason,
        requirement_status=item.requirement_status,
        planned_completion=plan.planned_completion,
        milestones=[StepShown(text=s.text, due_on=s.due_on, owner=s.owner, done_on=s.done_on) for s in plan.milestones],
        resources=plan.resources,
        owner=plan.owner,
        overdue=list(item.late),
        frozen=item.frozen,
        created_at=item.created_at,
        created_by=item.created_by,
        ready_by=item.ready_by or None,
        closed_at=item.closed_at,
        closed_by=item.closed_by or None,
        closing_note=item.closing_note,
        version=item.version,
    )


def _closeout_shown(clock: PoamClock | None) -> CloseoutShown | None:
    if clock is None:
        return None
    return CloseoutShown(
        status_on=clock.status_on, last_day=clock.closeout.last_day, days_left=clock.closeout.days_left
    )


@operation(
    "GET", "/systems/{slug}/poam", "Both plans of a system", answer=ItemsShown, query=WantedItems, failures=(404, 422)
)
def list_items(slug: str, query: WantedItems) -> ItemsShown:
    """The items that fit the filter, oldest first."""
    wrong = {}
    if query.kind not in {"", *ItemKind}:
        wrong["kind"] = f"The kind must be one of {', '.join(ItemKind)}."
    if query.state not in {"", *reading.STATES}:
        wrong["state"] = f"The state must be one of {', '.join(reading.STATES)}."
    if wrong:
        raise Invalid(wrong)
    with doors.open_read() as work:
        found = reading.register(work, doors.system(slug))
    return ItemsShown(
        items=[item_shown(one) for one in found.narrowed(kind=query.kind, state=query.state, text=query.q[:200])],
        unplanned=[one.requirement.id for one in found.unplanned],
        closeout=_closeout_shown(found.clock),
    )


@operation(
    "POST",
    "/systems/{slug}/poam",
    "Put a requirement on a plan",
    status=201,
    answer=ItemShown,
    body=NewItem,
    failures=(400, 404, 409, 422),
)
def create_item(slug: str, body: NewItem) -> ItemShown:
    """Make an item; what the rules forbid answers 409 with the clause."""
    system = doors.system(slug)
    with doors.open_write() as work:
        made = keeping.add(work, system, body.given())
        return item_shown(reading.one(work, system, made))


@operation("GET", "/systems/{slug}/poam/{item_id}", "One item", answer=ItemShown, failures=(404,))
def show_item(slug: str, item_id: int) -> ItemShown:
    """One item as it stands today."""
    with doors.open_read() as work:
        return item_shown(reading.one(work, doors.system(slug), item_id))


@operation(
    "PATCH",
    "/systems/{slug}/poam/{item_id}",
    "Change an item, or move it on",
    answer=ItemShown,
    body=ItemChange,
    failures=(400, 404, 409, 412, 422),
    versioned=True,
)
def change_item(slug: str, item_id: int, body: ItemChange) -> ItemShown:
    """Change what an item says; then, where a status is given, move it on. All of it is done, or nothing."""
    system, version = doors.system(slug), expected_version()
    given = _some(body)
    status, note = given.pop("status", None), given.pop("closing_note", "")
    if status is not None and status not in set(ItemStatus):
        raise Invalid({"status": f"The status must be one of {', '.join(ItemStatus)}."})
    with doors.open_write() as work:
        work.alone(f"poam_item:{item_id}")  # what is not given is kept as it stands now
        if given:
            keeping.edit(work, system, item_id, given, version)
        before = reading.one(work, system, item_id)
        if status not in {None, before.status}:
            seen = version if not given else None
            closing.act(work, system, item_id, act_between(before.status, ItemStatus(status)), seen, note=note)
        elif not given:
            keeping.row_of(work, system, item_id, version)
        return item_shown(reading.one(work, system, item_id))


def _some(body: ItemChange) -> dict[str, Any]:
    given = body.given()
    if not given:
        raise Invalid({"body": "Nothing to change was given."})
    nulls = [name for name, value in given.items() if value is None and name != "planned_completion"]
    if nulls:
        raise Invalid(dict.fromkeys(nulls, "This cannot be null; leave it out to keep it."))
    return given


@operation(
    "DELETE",
    "/systems/{slug}/poam/{item_id}",
    "Take an item away",
    status=204,
    failures=(404, 409, 412),
    versioned=True,
)
def delete_item(slug: str, item_id: int) -> None:
    """Take an item away; one that a recorded status names stays."""
    system = doors.system(slug)
    with doors.open_write() as work:
        keeping.remove(work, system, item_id, expected_version())
