"""A POA&M as a spreadsheet: its columns as people name them, and what each row would do to the plans. Pure.

A row names a requirement and what is weak. It changes the item whose number it carries, else the one open item of that
requirement on that plan; else it adds one, where the rules let it stand. An empty cell changes nothing, nothing is
taken away because a sheet does not have it, and a sheet closes no item: closing is an act of a second person.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from cmmc_tracker.domain import plans
from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.domain.catalog import Catalog, parse_requirement_id
from cmmc_tracker.domain.plans import ItemKind, ItemStatus, Milestone, Plan
from cmmc_tracker.errors import Conflict, Invalid, NotFound
from cmmc_tracker.importers import columns
from cmmc_tracker.importers.columns import Columns
from cmmc_tracker.importers.register_dates import Order, iso, order_of
from cmmc_tracker.importers.register_table import compact, plain, refused

MOST_ROWS = 500
_SHOWN = 60
_SYNONYMS = {
    "id": "itemid item poamid poamitemid poamitem id number no",
    "kind": "kind plan plantype kindofplan typeofplan",
    "requirement": "requirement requirementid requirementnumber securityrequirement control controls controlid "
    "controlnumber securitycontrol securitycontrolnumber practice practiceid cmmcpractice cmmcid nistid nistcontrol",
    "weakness": "weakness weaknesses deficiency weaknessordeficiency weaknessdeficiency weaknessdescription finding "
    "controlvulnerabilitydescription vulnerability vulnerabilitydescription gap issue description",
    "owner": "responsible owner responsibleperson responsibleparty responsibleoffice responsibleofficeorganization "
    "responsiblepersonoroffice officeorg pointofcontact poc assignedto assignee",
    "resources": "resources resourcesrequired resourcerequired requiredresources funding cost budget",
    "planned_completion": "scheduledcompletiondate scheduledcompletion completiondate plannedcompletion "
    "plannedcompletiondate targetdate targetcompletiondate duedate due estimatedcompletiondate",
    "milestones": "milestones milestoneswithdates milestoneswithcompletiondates milestone milestonewithcompletiondates "
    "remediationsteps remediation remediationplan actions correctiveactions planofaction",
    "status": "status state itemstatus",
}
_HEADINGS = {word: name for name, words in _SYNONYMS.items() for word in words.split()}
FIELDS = {
    "id": "Item ID",
    "kind": "Kind of plan",
    "requirement": "Requirement",
    "weakness": "Weakness or deficiency",
    "owner": "Responsible",
    "resources": "Resources required",
    "planned_completion": "Scheduled completion date",
    "milestones": "Milestones",
    "status": "Status",
}
NEEDED = {name: FIELDS[name] for name in ("requirement", "weakness")}
_TEXTS = ("weakness", "owner", "resources")
_CLOSED = frozenset(["completed", "complete", "closed", "done", "cancelled", "canceled"])


class Act(StrEnum):
    """What a row would do."""

    ADD = "add"
    CHANGE = "change"
    NOTHING = "nothing"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Present:
    """An item that is there."""

    id: int
    version: int
    status: ItemStatus
    frozen: bool
    plan: Plan


@dataclass(frozen=True, slots=True)
class Standing:
    """How a requirement stands: what decides whether an item of it may be added."""

    status: Status
    partial: bool
    excepted: bool


@dataclass(frozen=True, slots=True)
class Known:
    """What a plan may rely on."""

    catalog: Catalog
    standing: Mapping[str, Standing]
    items: Sequence[Present]
    today: date | None = None  # no step was done after it


@dataclass(slots=True)
class RowPlan:
    """What one row would do, or why it does nothing; `changes` are (field, before, after) as people read them."""

    number: int
    name: str
    act: Act = Act.NOTHING
    item_id: int | None = None
    version: int = 0
    given: dict[str, Any] = field(default_factory=dict)
    changes: list[tuple[str, str, str]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SheetPlan:
    """What a sheet would do: its rows, and the columns that are not used."""

    rows: tuple[RowPlan, ...]
    left_out: tuple[str, ...]

    def count(self, act: Act) -> int:
        """How many rows do that."""
        return sum(row.act == act for row in self.rows)

    @property
    def doing(self) -> list[RowPlan]:
        """The rows that would add or change an item."""
        return [row for row in self.rows if row.act in {Act.ADD, Act.CHANGE}]


def guess(rows: Sequence[list[str]]) -> Columns:
    """Which row is the header and which column is what, by the words of the header."""
    return columns.guess(rows, lambda cell: _HEADINGS.get(compact(cell)), lambda found: NEEDED.keys() <= set(found))


def plan(rows: Sequence[list[str]], known: Known, chosen: Columns) -> SheetPlan:
    """What the sheet would do, its columns being those that were chosen.

    Raises `Invalid` naming the columns that are missing, or `file` where there are too many rows.
    """
    columns.check(chosen, NEEDED)
    at, places = chosen.header, chosen.columns
    filled = [(number, cells) for number, cells in enumerate(rows[at + 1 :], at + 2) if any(cells)]
    if len(filled) > MOST_ROWS:
        raise refused(f"The sheet has {len(filled):,} items; at most {MOST_ROWS} are taken at once.")
    order = order_of(_cell(cells, places, "planned_completion") for _, cells in filled)
    found, taken = [], dict[Any, int]()
    for number, cells in filled:
        said = {name: _cell(cells, places, name) for name in places}
        row = _row(number, said, known, order)
        target = row.item_id or (row.given.get("requirement"), row.given.get("operational"))
        if row.act in {Act.ADD, Act.CHANGE} and taken.setdefault(target, number) != number:
            row.act = Act.REFUSE
            row.problems.append(f"Row {taken[target]} is about the same item already.")
        found.append(row)
    return SheetPlan(tuple(found), columns.left_out(rows, chosen))


def _cell(cells: Sequence[str], places: Mapping[str, int], name: str) -> str:
    position = places.get(name, len(cells))
    return plain(cells[position]) if position < len(cells) else ""


def _row(number: int, said: Mapping[str, str], known: Known, order: Order | None) -> RowPlan:
    row = RowPlan(number, said["requirement"][:_SHOWN])
    try:
        requirement = known.catalog.requirement(parse_requirement_id(said["requirement"], known.catalog.level))
        row.name = requirement.id
        row.given = {"requirement": requirement.id, **_given(said, order)}
    except (Invalid, NotFound) as error:
        return _refuse(row, error.message)
    except ValueError as error:
        return _refuse(row, str(error))
    if compact(said.get("status", "")) in _CLOSED:
        row.notes.append("Its status is not taken: an item is closed here by a second person.")
    before = _present(said.get("id", ""), row.given, known)
    try:
        return _change(row, before, known.today) if before else _add(row, known)
    except Invalid as error:
        return _refuse(row, *error.fields.values())
    except Conflict as error:
        return _refuse(row, error.message)


def _refuse(row: RowPlan, *problems: str) -> RowPlan:
    row.act = Act.REFUSE
    row.problems += problems
    return row


def _given(said: Mapping[str, str], order: Order | None) -> dict[str, Any]:
    """What a row says, as `plans.parse` takes it; empty cells say nothing."""
    given: dict[str, Any] = {name: said[name] for name in _TEXTS if said.get(name)}
    if said.get("planned_completion"):
        given["planned_completion"] = iso(said["planned_completion"], order)
    if said.get("milestones"):
        given["milestones"] = list(_steps(said["milestones"]))
    if said.get("kind"):
        given["operational"] = "oper" in compact(said["kind"])
    return given


def _steps(text: str) -> Iterator[dict[str, str]]:
    """Steps, one a line: `Buy a firewall; due 2027-01-31; Bo; done 2027-02-01`, as `told` writes them."""
    for line in text.splitlines():
        step: dict[str, str] = {}
        for part in (one.strip() for one in line.split(";")):
            word, _, day = part.partition(" ")
            if word.casefold() in {"due", "done"} and day[:4].isdigit():
                step[f"{word.casefold()}_on"] = day
            elif "text" not in step:
                step["text"] = part
            elif part:
                step["owner"] = f"{step['owner']}; {part}" if "owner" in step else part
        if step.get("text"):
            yield step


def told(steps: Sequence[Milestone]) -> str:
    """Steps as the sheet has them, one a line."""
    return "\n".join(
        "; ".join(
            [
                one.text.replace(";", ","),
                *([f"due {one.due_on}"] if one.due_on else []),
                *([one.owner.replace(";", ",")] if one.owner else []),
                *([f"done {one.done_on}"] if one.done_on else []),
            ]
        )
        for one in steps
    )


def _present(number: str, given: Mapping[str, Any], known: Known) -> Present | None:
    """The item that a row is about: the one of its number, else the one open item of its requirement on its plan."""
    same = [one for one in known.items if one.plan.requirement == given["requirement"]]
    by_number = next((one for one in same if str(one.id) == number.strip()), None)
    if by_number is not None:
        return by_number
    kind = ItemKind.OPERATIONAL if given.get("operational") else ItemKind.POAM
    works = [one for one in same if one.status is not ItemStatus.CLOSED and one.plan.kind is kind]
    return works[0] if len(works) == 1 else None


def _add(row: RowPlan, known: Known) -> RowPlan:
    wanted = plans.parse(row.given, level=known.catalog.level, today=known.today)
    _check(wanted, known)
    row.act = Act.ADD
    row.changes = [(name, "", value) for name, value in _shown(wanted).items() if value]
    return row


def _check(wanted: Plan, known: Known) -> None:
    stands = known.standing[wanted.requirement]
    plans.check_placement(
        wanted,
        known.catalog.requirement(wanted.requirement),
        stands.status,
        partial=stands.partial,
        excepted=stands.excepted,
    )


def _change(row: RowPlan, before: Present, today: date | None) -> RowPlan:
    row.item_id, row.version = before.id, before.version
    wanted = plans.parse(row.given, before.plan, today=today)
    was, now = _shown(before.plan), _shown(wanted)
    row.changes = [(name, was[name], now[name]) for name in now if was[name] != now[name]]
    if not row.changes:
        return row
    if before.status is ItemStatus.CLOSED:
        return _refuse(row, "This item is closed; reopen it first.")
    if wanted.kind is not before.plan.kind:
        return _refuse(row, "A sheet does not move an item from one plan to the other; do that on its page.")
    row.act = Act.CHANGE
    return row


def _shown(one: Plan) -> dict[str, str]:
    return {
        "plan": one.kind.label,
        "weakness": one.weakness,
        "responsible": one.owner,
        "resources": one.resources,
        "to be done by": str(one.planned_completion or ""),
        "milestones": told(one.milestones),
    }
