"""The system security plan as the records of today tell it: one document, in a fixed number of statements."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select

from cmmc_tracker.domain import catalog, defined_values
from cmmc_tracker.domain.assessment import Status, requirement_status
from cmmc_tracker.domain.catalog import ObjectiveId, Requirement
from cmmc_tracker.domain.clocks import review_due
from cmmc_tracker.domain.permissions import Access, Action, allow
from cmmc_tracker.domain.plan_document import (
    AssetLine,
    Document,
    ObjectiveLine,
    Planned,
    ProviderLine,
    RequirementText,
    Section,
    SectionName,
)
from cmmc_tracker.domain.plans import ItemStatus
from cmmc_tracker.domain.ssp import Reference, references
from cmmc_tracker.services.ssp import naming
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage import tables as t


@dataclass(frozen=True, slots=True)
class Review:
    """When the plan was last reviewed as a whole, and by which day it must be again."""

    reviewed_on: date | None
    months: int
    version: int  # of the system's row

    @property
    def due_on(self) -> date | None:
        """The last day on which the next review is in time."""
        return review_due(self.reviewed_on, self.months) if self.reviewed_on else None


@dataclass(frozen=True, slots=True)
class Written:
    """A section, or an objective's text, as it is edited."""

    text: str
    version: int  # 0: nobody has written it yet
    changed_at: datetime | None
    changed_by: str


NOTHING = Written("", 0, None, "")


def document(work: Work, system: Access) -> Document:
    """The plan of today: twelve statements at most, whatever the amount of data."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    known, system_id = catalog.load(system.level), system.system_id
    texts = {row.section: row.text for row in work.rows(_all(t.plan_sections, system_id))}
    found = _Found.read(work, system_id)
    sections = tuple(Section(name, texts.get(name, "")) for name in SectionName)
    requirements = tuple(found.requirement(one) for one in known.requirements)
    names = naming.names(work, system, _referred(sections, requirements))
    return Document(
        name=system.name,
        level=system.level,
        on=work.today.isoformat(),
        sections=sections,
        assets=_assets(work, system_id),
        providers=_providers(work, system_id),
        requirements=requirements,
        names={f"{one.subject}:{one.number}": name for one, name in sorted(names.items())},
    )


def _referred(sections: tuple[Section, ...], requirements: tuple[RequirementText, ...]) -> list[Reference]:
    texts = [one.text for one in sections] + [one.narrative for one in requirements]
    texts += [one.text for requirement in requirements for one in requirement.objectives]
    return list(dict.fromkeys(one for text in texts if "[[" in text for one in references(text)))


@dataclass(frozen=True, slots=True)
class _Found:
    """What is kept of each requirement, by its id."""

    implementations: Mapping[str, Any]
    statuses: Mapping[str, Mapping[str, Status]]
    texts: Mapping[tuple[str, str], str]
    values: Mapping[tuple[str, str], str]
    planned: Mapping[str, list[Planned]]

    @classmethod
    def read(cls, work: Work, system_id: int) -> "_Found":
        statuses: dict[str, dict[str, Status]] = defaultdict(dict)
        columns = select(t.findings.c.requirement, t.findings.c.letter, t.findings.c.status)
        for row in work.rows(columns.where(t.findings.c.system_id == system_id)):
            statuses[row.requirement][row.letter] = Status(row.status)
        planned: dict[str, list[Planned]] = defaultdict(list)
        items = _all(t.plan_items, system_id).where(t.plan_items.c.status != ItemStatus.CLOSED)
        for row in work.rows(items.order_by(t.plan_items.c.id)):
            until = row.planned_completion.isoformat() if row.planned_completion else ""
            planned[row.requirement].append(Planned(row.kind, row.weakness, until))
        rows = work.rows(_all(t.implementations, system_id))
        texts, values = work.rows(_all(t.objective_texts, system_id)), work.rows(_all(t.defined_values, system_id))
        return cls(
            implementations={row.requirement: row for row in rows},
            statuses=statuses,
            texts={(row.requirement, row.letter): row.text for row in texts},
            values={(row.requirement, row.letter): row.value for row in values},
            planned=planned,
        )

    def requirement(self, one: Requirement) -> RequirementText:
        row, statuses = self.implementations[one.id], self.statuses[one.id]
        objectives = tuple(self._objective(one.id, o.letter, statuses[o.letter]) for o in one.objectives)
        return RequirementText(
            id=one.id,
            title=one.title,
            family=one.family,
            status=requirement_status(statuses[o.letter] for o in one.objectives),
            implementation=row.status,
            responsibility=row.responsibility,
            narrative=row.narrative,
            objectives=objectives,
            planned=tuple(self.planned.get(one.id, ())),
        )

    def _objective(self, requirement: str, letter: str, status: Status) -> ObjectiveLine:
        at = (requirement, letter)
        asked = defined_values.asked().get(ObjectiveId(*at))
        value = defined_values.shown(asked, self.values.get(at, "")) if asked else ""
        return ObjectiveLine(letter, status, self.texts.get(at, ""), asked.name if asked else "", value)


def _assets(work: Work, system_id: int) -> tuple[AssetLine, ...]:
    """The assets by category, as the rule lists them, then by name: two statements."""
    groups = {row.name: row.treatment for row in work.rows(_all(t.asset_groups, system_id))}
    query = _all(t.assets, system_id).order_by(t.assets.c.category, func.lower(t.assets.c.name), t.assets.c.id)
    return tuple(
        AssetLine(
            *(row.id, row.name, row.category, row.owner, row.location),
            treatment=row.treatment or groups.get(row.group_name, ""),
            draft=row.draft,
        )
        for row in work.rows(query)
    )


def _providers(work: Work, system_id: int) -> tuple[ProviderLine, ...]:
    rows = work.rows(_all(t.providers, system_id).order_by(func.lower(t.providers.c.name), t.providers.c.id))
    return tuple(ProviderLine(r.id, r.name, r.is_cloud, r.services, r.holds, r.draft) for r in rows)


def _all(table: Any, system_id: int) -> Any:
    return select(table).where(table.c.system_id == system_id)


def review(work: Work, system: Access) -> Review:
    """When the plan was last reviewed."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    query = select(t.systems.c.plan_reviewed_on, t.systems.c.plan_review_months, t.systems.c.version)
    row = work.db.execute(query.where(t.systems.c.id == system.system_id)).one()
    return Review(*row)


def section(work: Work, system: Access, name: SectionName) -> Written:
    """One section, as it is edited."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    query = (
        select(t.plan_sections, t.users.c.name)
        .join(t.users, t.users.c.id == t.plan_sections.c.changed_by, isouter=True)
        .where(t.plan_sections.c.system_id == system.system_id, t.plan_sections.c.section == name)
    )
    row = work.row(query)
    return Written(row.text, row.version, row.changed_at, row.name or "") if row else NOTHING


def objective_texts(work: Work, system: Access, requirement: str) -> Mapping[str, Written]:
    """The texts of a requirement's objectives by their letter, as they are edited; letters without one are missing."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    query = (
        select(t.objective_texts, t.users.c.name)
        .join(t.users, t.users.c.id == t.objective_texts.c.changed_by, isouter=True)
        .where(t.objective_texts.c.system_id == system.system_id, t.objective_texts.c.requirement == requirement)
    )
    return {r.letter: Written(r.text, r.version, r.changed_at, r.name or "") for r in work.rows(query)}


def named_in(work: Work, system: Access, *texts: str) -> Mapping[Reference, str]:
    """The names of what some texts refer to."""
    return naming.names(work, system, {one for text in texts for one in references(text)})
