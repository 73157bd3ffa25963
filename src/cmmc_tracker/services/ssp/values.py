"""The values that the organization defined, in one register: the plan says what stands here and nothing else."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, func, select, tuple_

from cmmc_tracker.domain import catalog, defined_values, said_values
from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.catalog import ObjectiveId
from cmmc_tracker.domain.defined_values import Asked
from cmmc_tracker.domain.permissions import Access, Action, allow
from cmmc_tracker.errors import Invalid
from cmmc_tracker.services.artifacts import IN_USE
from cmmc_tracker.services.ssp.writing import put
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import artifact_files, artifacts, blob_texts, links, users
from cmmc_tracker.storage.tables import defined_values as table

MOST_LOOKED_AT = 50


@dataclass(frozen=True, slots=True)
class Line:
    """A value that is asked for, and what was defined."""

    asked: Asked
    kept: str  # as it was typed: a number without its unit
    version: int  # 0: nobody has defined it yet
    changed_at: datetime | None = None
    changed_by: str = ""

    @property
    def letter(self) -> str:
        """The objective's letter."""
        return self.asked.objective.letter

    @property
    def name(self) -> str:
        """What is to be defined."""
        return self.asked.name

    @property
    def value(self) -> str:
        """The value as the plan says it."""
        return defined_values.shown(self.asked, self.kept)


def register(work: Work, system: Access) -> list[Line]:
    """All values that are asked for, in catalog order: one statement."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    query = (
        select(table, users.c.name)
        .join(users, users.c.id == table.c.changed_by, isouter=True)
        .where(table.c.system_id == system.system_id)
    )
    rows = {ObjectiveId(row.requirement, row.letter): row for row in work.rows(query)}
    found = []
    for objective, asked in defined_values.asked().items():
        row = rows.get(objective)
        known = (row.value, row.version, row.changed_at, row.name or "") if row else ("", 0)
        found.append(Line(asked, *known))
    return found


def of_requirement(work: Work, system: Access, requirement: str) -> list[Line]:
    """The values that a requirement's objectives ask for: one statement, none where nothing is asked for."""
    if not any(one.requirement == requirement for one in defined_values.asked()):
        return []
    return [one for one in register(work, system) if one.asked.objective.requirement == requirement]


def define(
    work: Work, system: Access, given: Mapping[ObjectiveId, str], versions: Mapping[ObjectiveId, int | None]
) -> None:
    """Say what values are, all of them or none; an empty one is taken back.

    Raises `Invalid` by objective for a number that is none or an interval that is too long, `NotFound` for an objective
    that asks for none, `Stale` when somebody was quicker.
    """
    allow(work.actor, Action.IMPLEMENTATION_EDIT, system)
    wanted: dict[ObjectiveId, str] = {}
    wrong: dict[str, str] = {}
    for objective, value in given.items():
        catalog.load(system.level).objective(str(objective))
        try:
            wanted[objective] = defined_values.parse(objective, value)
        except Invalid as error:
            wrong[str(objective)] = error.message
    if wrong:
        raise Invalid(wrong)
    for objective, value in wanted.items():
        key = {"system_id": system.system_id, "requirement": objective.requirement, "letter": objective.letter}
        before = put(work, table, key, {"value": value}, versions.get(objective))
        if before is not None:
            detail = {"before": dict(before), "after": {"value": value}}
            work.record(Event.VALUE_DEFINED, f"objective:{system.slug}/{objective}", detail)


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """An artifact whose text says other numbers of a value than the register, and not that one."""

    artifact_id: int
    title: str
    numbers: tuple[str, ...]


def elsewhere(work: Work, system: Access, register: Sequence[Line]) -> Mapping[ObjectiveId, list[Elsewhere]]:
    """Where the text of evidence that is linked to the objective says something else: one statement at most.

    Bounded: of the newest fifty documents, the beginning of each; see `domain.said_values` for what counts.
    """
    allow(work.actor, Action.SYSTEM_VIEW, system)
    defined = {one.asked.objective: one for one in register if said_values.defined(one.asked, one.kept)}
    found: dict[ObjectiveId, list[Elsewhere]] = defaultdict(list)
    if not defined:
        return found
    for row in work.rows(_texts(system.system_id, list(defined))):
        objective = ObjectiveId(row.requirement, row.letter)
        line = defined[objective]
        numbers = said_values.said(line.asked, row.text)
        if numbers and not set(numbers) & set(said_values.defined(line.asked, line.kept)):
            shown = tuple(defined_values.shown(line.asked, str(number)) for number in numbers[:3])
            found[objective].append(Elsewhere(row.id, row.title, shown))
    return found


def _texts(system_id: int, objectives: Sequence[ObjectiveId]) -> Select[Any]:
    """The beginnings of the texts of the evidence that is linked to these objectives."""
    current = and_(
        artifact_files.c.artifact_id == artifacts.c.id, artifact_files.c.number == artifacts.c.current_version
    )
    beginning = func.substr(blob_texts.c.text, 1, said_values.MOST_CHARACTERS).label("text")
    return (
        select(links.c.requirement, links.c.letter, artifacts.c.id, artifacts.c.title, beginning)
        .join(artifacts, artifacts.c.id == links.c.artifact_id)
        .join(artifact_files, current)
        .join(blob_texts, blob_texts.c.sha256 == artifact_files.c.sha256)
        .where(
            links.c.system_id == system_id,
            tuple_(links.c.requirement, links.c.letter).in_([(one.requirement, one.letter) for one in objectives]),
            IN_USE,
        )
        .order_by(artifacts.c.id.desc(), artifact_files.c.position)
        .limit(MOST_LOOKED_AT)
    )
