"""Going through the objectives of a system one after the other: which of them, and which comes before and after."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from cmmc_tracker.domain import catalog
from cmmc_tracker.domain.assessment import Method, Status
from cmmc_tracker.domain.assignments import Duty
from cmmc_tracker.domain.catalog import Objective, Requirement
from cmmc_tracker.domain.permissions import Access, Action, allow
from cmmc_tracker.services.artifacts import IN_USE, actor_id
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import artifacts, assignments, findings, links


@dataclass(frozen=True, slots=True)
class Step:
    """One objective on the way."""

    requirement: Requirement
    objective: Objective
    status: Status
    note: str
    methods: tuple[Method, ...]
    said: Mapping[Method, str]  # what was examined, who was interviewed, what was tested
    files: int
    mine: bool


WAYS: Mapping[str, tuple[str, Callable[[Step], bool]]] = {
    "all": ("All", lambda step: True),
    "open": ("Not assessed", lambda step: step.status is Status.NOT_ASSESSED),
    "not-met": ("NOT MET", lambda step: step.status is Status.NOT_MET),
    "bare": ("MET without evidence", lambda step: step.status is Status.MET and not step.files),
    "mine": ("Mine", lambda step: step.mine),
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody is on their way; `number` is its place among those of the way, 0 when it is not one of them."""

    step: Step
    number: int
    of: int
    before: Step | None
    after: Step | None


def steps(work: Work, system: Access) -> list[Step]:
    """All objectives in catalog order: three statements."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    here = system.system_id
    rows = {(r.requirement, r.letter): r for r in work.rows(select(findings).where(findings.c.system_id == here))}
    counted = (
        select(links.c.requirement, links.c.letter, func.count().label("n"))
        .join(artifacts, artifacts.c.id == links.c.artifact_id)
        .where(links.c.system_id == here, IN_USE)
        .group_by(links.c.requirement, links.c.letter)
    )
    files = {(r.requirement, r.letter): r.n for r in work.rows(counted)}
    owned = select(assignments.c.requirement).where(
        assignments.c.system_id == here, assignments.c.duty == Duty.OWNER, assignments.c.user_id == actor_id(work)
    )
    mine = {r.requirement for r in work.rows(owned)}
    return [
        _step(r, o, rows[r.id, o.letter], files.get((r.id, o.letter), 0), r.id in mine)
        for r in catalog.load(system.level).requirements
        for o in r.objectives
    ]


def _step(requirement: Requirement, objective: Objective, row: Any, files: int, mine: bool) -> Step:
    said = {Method.EXAMINE: row.examined, Method.INTERVIEW: row.interviewed, Method.TEST: row.tested}
    methods = tuple(Method(one) for one in row.methods)
    return Step(requirement, objective, Status(row.status), row.note, methods, said, files, mine)


def place(found: Sequence[Step], way: str, at: str = "") -> Place | None:
    """Where `at` is among those of a way, else the first of them; None where there is none at all.

    An objective that was judged meanwhile is not one of "not assessed" any more: what comes after it still does.
    """
    fits = WAYS[way][1]
    index = next((n for n, step in enumerate(found) if step.objective.id == at), None)
    on_way = [n for n, step in enumerate(found) if fits(step)]
    if index is None:
        if not on_way:
            return None
        index = on_way[0]
    before = [n for n in on_way if n < index]
    after = [n for n in on_way if n > index]
    return Place(
        found[index],
        len(before) + 1 if index in on_way else 0,
        len(on_way),
        found[before[-1]] if before else None,
        found[after[0]] if after else None,
    )


def matching(found: Sequence[Step], text: str, most: int = 40) -> list[Step]:
    """The objectives whose number, title or summary has all the words."""
    words = text.casefold().split()
    if not words:
        return []

    def has(step: Step) -> bool:
        said = f"{step.objective.id} {step.requirement.title} {step.objective.summary}".casefold()
        return all(word in said for word in words)

    return [step for step in found if has(step)][:most]
