"""The values that the organization defined, in one register: the plan says what stands here and nothing else."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from cmmc_tracker.domain import catalog, defined_values
from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.catalog import ObjectiveId
from cmmc_tracker.domain.defined_values import Asked
from cmmc_tracker.domain.permissions import Access, Action, allow
from cmmc_tracker.services.ssp.writing import put
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import defined_values as table
from cmmc_tracker.storage.tables import users


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


def define(work: Work, system: Access, objective: ObjectiveId, value: str, version: int | None) -> None:
    """Say what a value is; an empty one takes it back.

    Raises `Invalid` for a number that is none or an interval that is too long, `Stale` when somebody was quicker.
    """
    allow(work.actor, Action.IMPLEMENTATION_EDIT, system)
    catalog.load(system.level).objective(str(objective))
    wanted = defined_values.parse(objective, value)
    key = {"system_id": system.system_id, "requirement": objective.requirement, "letter": objective.letter}
    before = put(work, table, key, {"value": wanted}, version)
    if before is not None:
        detail = {"before": dict(before), "after": {"value": wanted}}
        work.record(Event.VALUE_DEFINED, f"objective:{system.slug}/{objective}", detail)
