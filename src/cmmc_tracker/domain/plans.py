"""Items of the POA&M and of the operational plan: what one says, whether it may stand there, when it may be closed.

Two things with one shape (32 CFR 170.21; 3.12.2, 170.4): a POA&M item carries a requirement that was found NOT MET and
may wait under a Conditional status, for at most 180 days; an operational item mends whatever else there is to mend and
has no such clock. Neither changes a score (170.24(c)(2)(i)(B)(6)). Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from cmmc_tracker.domain.artifacts import EARLIEST, parse_day
from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.domain.catalog import Requirement, parse_requirement_id
from cmmc_tracker.domain.poam import eligibility
from cmmc_tracker.domain.text import clean_line, clean_text
from cmmc_tracker.errors import Conflict, Invalid

LONGEST = 5_000
LONGEST_STEP = 500
MOST_MILESTONES = 50


class ItemKind(StrEnum):
    """On which of the two plans an item stands."""

    POAM = "poam"
    OPERATIONAL = "operational"

    @property
    def label(self) -> str:
        """The plan as people call it."""
        return "POA&M" if self is ItemKind.POAM else "operational plan"


class ItemStatus(StrEnum):
    """Where the work on an item stands."""

    OPEN = "open"
    IN_PROGRESS = "in_progress"
    READY = "ready"  # mended, as its owner says; waits for the second person
    CLOSED = "closed"

    @property
    def label(self) -> str:
        """The status as people read it."""
        return _LABELS[self]

    @property
    def works(self) -> bool:
        """Whether somebody still works on it."""
        return self in {ItemStatus.OPEN, ItemStatus.IN_PROGRESS}


_LABELS = {
    ItemStatus.OPEN: "open",
    ItemStatus.IN_PROGRESS: "in progress",
    ItemStatus.READY: "ready to be closed",
    ItemStatus.CLOSED: "closed",
}


class Act(StrEnum):
    """What moves an item on."""

    START = "start"
    READY = "ready"
    CLOSE = "close"
    REOPEN = "reopen"


# Every move there is; a ready item is started again when what was done was not enough.
MOVES: Mapping[tuple[ItemStatus, Act], ItemStatus] = {
    (ItemStatus.OPEN, Act.START): ItemStatus.IN_PROGRESS,
    (ItemStatus.READY, Act.START): ItemStatus.IN_PROGRESS,
    (ItemStatus.OPEN, Act.READY): ItemStatus.READY,
    (ItemStatus.IN_PROGRESS, Act.READY): ItemStatus.READY,
    (ItemStatus.READY, Act.CLOSE): ItemStatus.CLOSED,
    (ItemStatus.CLOSED, Act.REOPEN): ItemStatus.OPEN,
}


def moved(status: ItemStatus, act: Act) -> ItemStatus:
    """The status after an act; raises `Conflict` for one that is not possible now."""
    after = MOVES.get((status, act))
    if after is None:
        hint = " Say first that it is mended: mark it as ready." if act is Act.CLOSE and status.works else ""
        raise Conflict(f"This is not possible while the item is {status.label}.{hint} Nothing was changed.")
    return after


def act_between(before: ItemStatus, after: ItemStatus) -> Act:
    """The act that leads from one status to another; raises `Conflict` where none does."""
    act = next((one for (status, one), to in MOVES.items() if status is before and to is after), None)
    if act is None:
        raise Conflict(f"An item that is {before.label} cannot become {after.label} at once. Nothing was changed.")
    return act


@dataclass(frozen=True, slots=True)
class Milestone:
    """One step of the remediation."""

    text: str
    due_on: date | None
    owner: str
    done_on: date | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What an item says."""

    requirement: str
    weakness: str
    planned_completion: date | None
    milestones: tuple[Milestone, ...]
    resources: str
    owner: str
    kind: ItemKind


def parse(given: Mapping[str, Any], before: Plan | None = None, level: int = 2, *, today: date | None = None) -> Plan:
    """Read an item of a system of that level from JSON or a form; what is not given stays as it was `before`.

    No step was done after `today`.

    Raises `Invalid` naming each wrong field at once, `milestones` as a whole with the number of the wrong one.
    """
    wrong: dict[str, str] = {}
    operational = given.get("operational", before is not None and before.kind is ItemKind.OPERATIONAL)
    if not isinstance(operational, bool):
        wrong["operational"] = "This must be true or false."
    values: dict[str, Any] = {
        "requirement": _requirement(given, before, wrong, level),
        "weakness": _text(given, "weakness", before, wrong, LONGEST),
        "resources": _text(given, "resources", before, wrong, LONGEST),
        "owner": _line(given.get("owner", before.owner if before else ""), "owner", wrong, 80),
        "planned_completion": _completion(given, before, wrong),
        "milestones": _milestones(given, before, wrong, today),
    }
    if not values["weakness"]:
        wrong.setdefault("weakness", "Say what is weak: what the assessment found, in plain words.")
    if wrong:
        raise Invalid(wrong)
    return Plan(kind=ItemKind.OPERATIONAL if operational else ItemKind.POAM, **values)


def check_placement(plan: Plan, requirement: Requirement, status: Status, *, partial: bool, excepted: bool) -> None:
    """Raise `Conflict`, with its clause, for an item that may not stand where it should.

    `partial` is the requirement's partial switch, `excepted` whether a temporary deficiency of it is recorded: then it
    is MET, and its plan is an operational one (170.24(b)(1)(ii)).
    """
    if plan.kind is ItemKind.OPERATIONAL:
        if status is Status.NOT_MET or excepted:
            return
        raise Conflict(
            f"{requirement.id} is {status.label} and has no temporary deficiency, so there is nothing to plan here.",
            "32 CFR 170.24(b)(1)(ii)",
        )
    if status is not Status.NOT_MET:
        raise Conflict(
            f"{requirement.id} is {status.label}; a POA&M item is for a requirement that is NOT MET.",
            "32 CFR 170.21(a)",
        )
    verdict = eligibility(requirement, partial=partial)
    if not verdict.allowed:
        raise Conflict(
            f"{requirement.id} may not stand on a POA&M: {verdict.reason}. Keep it as an operational plan instead: "
            "that mends it too, but does not count for a Conditional status.",
            verdict.clause,
        )


@dataclass(frozen=True, slots=True)
class Closing:
    """What decides whether an item may be closed."""

    statuses: Sequence[Status]  # of the requirement's objectives
    unproven: Sequence[str]  # letters of those that are MET without an approved artifact
    closer_is_owner: bool
    alone: bool  # nobody else in the system could close it, or a setting lets people approve their own


def check_closing(closing: Closing) -> None:
    """Raise `Conflict` for an item that may not be closed: all objectives are MET with evidence, by a second person.

    The evidence is final, no draft (170.24(b)(1)); the second person is our decision, and given up where there is one
    person only.
    """
    not_met = sum(one not in {Status.MET, Status.NOT_APPLICABLE} for one in closing.statuses)
    if not_met:
        plural = "objective is" if not_met == 1 else "objectives are"
        raise Conflict(f"{not_met} {plural} not MET yet. Judge them first; then close the item.", "32 CFR 170.21(b)")
    if closing.unproven:
        letters = " ".join(f"[{one}]" for one in closing.unproven)
        raise Conflict(f"{letters} have no approved evidence yet. Link it, then close the item.", "32 CFR 170.24(b)(1)")
    if closing.closer_is_owner and not closing.alone:
        raise Conflict("You did the work on this item, so somebody else must close it.")


def drafted_weakness(notes: Mapping[str, str]) -> str:
    """A first text for an item, from what was noted of the objectives that are NOT MET, by letter."""
    return "\n".join(f"[{letter}] {note or 'is NOT MET.'}" for letter, note in notes.items())[:LONGEST]


def overdue(plan: Plan, status: ItemStatus, today: date) -> list[str]:
    """What is late about an item, as sentences."""
    if status is ItemStatus.CLOSED:
        return []
    late = [
        f"“{step.text}” was due on {step.due_on:%-d %b %Y}."
        for step in plan.milestones
        if step.due_on and step.due_on < today and step.done_on is None
    ]
    if plan.planned_completion and plan.planned_completion < today:
        late.insert(0, f"It was to be done by {plan.planned_completion:%-d %b %Y}.")
    return late


def beyond(plan: Plan, last_day: date | None) -> bool:
    """Whether a POA&M item is planned to be done after the last day of the closeout (170.21(b))."""
    return bool(
        plan.kind is ItemKind.POAM and last_day and plan.planned_completion and plan.planned_completion > last_day
    )


def _requirement(given: Mapping[str, Any], before: Plan | None, wrong: dict[str, str], level: int) -> str:
    if before is not None:
        return before.requirement  # an item is of one requirement for good
    value = given.get("requirement")
    try:
        return parse_requirement_id(value if isinstance(value, str) else "", level)
    except Invalid as error:
        wrong |= error.fields
        return ""


def _completion(given: Mapping[str, Any], before: Plan | None, wrong: dict[str, str]) -> date | None:
    if "planned_completion" not in given:
        return before.planned_completion if before else None
    return _day(given["planned_completion"], "planned_completion", wrong)


def _milestones(
    given: Mapping[str, Any], before: Plan | None, wrong: dict[str, str], today: date | None
) -> tuple[Milestone, ...]:
    if "milestones" not in given:
        return before.milestones if before else ()
    value = given["milestones"]
    if not isinstance(value, list) or len(value) > MOST_MILESTONES or not all(isinstance(v, Mapping) for v in value):
        wrong["milestones"] = f"Milestones are a list of at most {MOST_MILESTONES}, each with text, due_on and owner."
        return ()
    return tuple(_milestone(one, number, wrong, today) for number, one in enumerate(value, 1))


def _milestone(value: Mapping[str, Any], number: int, wrong: dict[str, str], today: date | None) -> Milestone:
    said: dict[str, str] = {}
    text = _line(value.get("text"), "text", said, LONGEST_STEP)
    if not text:
        said.setdefault("text", "Say what is to be done.")
    step = Milestone(
        text,
        _day(value.get("due_on"), "due_on", said),
        _line(value.get("owner"), "owner", said, 80),
        _day(value.get("done_on"), "done_on", said),
    )
    if step.done_on and today and step.done_on > today:
        said.setdefault("done_on", "It cannot have been done on a day that is still to come.")
    if said:
        wrong.setdefault("milestones", f"Milestone {number}: {' '.join(said.values())}")
    return step


def _day(value: Any, name: str, wrong: dict[str, str]) -> date | None:
    try:
        day = parse_day(value)
    except ValueError as error:
        wrong[name] = str(error)
        return None
    if day is not None and not EARLIEST <= day <= date(2100, 1, 1):
        wrong[name] = "This date cannot be right."
        return None
    return day


def _line(value: Any, name: str, wrong: dict[str, str], longest: int) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        wrong[name] = "This must be text."
        return ""
    line = clean_line(value)
    if len(line) > longest:
        wrong[name] = f"This has at most {longest} characters; this one has {len(line):,}."
    return line


def _text(given: Mapping[str, Any], name: str, before: Plan | None, wrong: dict[str, str], longest: int) -> str:
    if name not in given:
        return str(getattr(before, name)) if before else ""
    if not isinstance(given[name], str):
        wrong[name] = "This must be text."
        return ""
    text = clean_text(given[name])
    if len(text) > longest:
        wrong[name] = f"This has at most {longest:,} characters; this one has {len(text):,}."
    return text
