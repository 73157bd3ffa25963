"""What uses an artifact besides its objectives: texts of the security plan, items of both plans, packages, providers.

`dependents` tells of the objectives and what breaks for them. All of it is of the systems of the actor alone, and takes
four statements whatever there is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import String, and_, cast, literal, or_, select, union_all

from cmmc_tracker.domain.catalog import ObjectiveId
from cmmc_tracker.domain.plan_document import SectionName
from cmmc_tracker.domain.plans import ItemKind, ItemStatus
from cmmc_tracker.domain.ssp import Subject
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import (
    implementations,
    links,
    matrix_lines,
    objective_texts,
    packages,
    pins,
    plan_items,
    plan_sections,
    providers,
)


@dataclass(frozen=True, slots=True)
class Citation:
    """A text of the plan that refers to it: a section, or what is written of a requirement or an objective."""

    system: str
    section: SectionName | None
    requirement: str = ""
    letter: str = ""

    @property
    def anchor(self) -> str:
        """Where it stands in the plan as a document."""
        return self.section or self.requirement

    @property
    def label(self) -> str:
        """Its place, for people."""
        if self.section:
            return self.section.label
        return f"{self.requirement}[{self.letter}]" if self.letter else self.requirement


@dataclass(frozen=True, slots=True)
class OnPlan:
    """An item of a plan of action whose requirement it is evidence for."""

    system: str
    id: int
    requirement: str
    kind: ItemKind
    status: ItemStatus


@dataclass(frozen=True, slots=True)
class InPackage:
    """A package that holds one of its versions; until then it cannot go."""

    system: str
    id: int
    number: int
    name: str
    version: int
    until: date


@dataclass(frozen=True, slots=True)
class OfProvider:
    """A provider whose matrix it is, which points to it in lines of that matrix, or whose FedRAMP basis it proves."""

    system: str
    id: int
    name: str
    is_matrix: bool
    is_proof: bool
    objectives: tuple[ObjectiveId, ...]  # of the lines

    @property
    def parts(self) -> list[str]:
        """What of the provider speaks of it."""
        parts = (("FedRAMP basis", self.is_proof), ("responsibility matrix", self.is_matrix or bool(self.objectives)))
        return [part for part, speaks in parts if speaks]


@dataclass(frozen=True, slots=True)
class Uses:
    """All of them, each in its order."""

    cited: tuple[Citation, ...]
    items: tuple[OnPlan, ...]
    packages: tuple[InPackage, ...]
    providers: tuple[OfProvider, ...]

    @property
    def left_dangling(self) -> list[str]:
        """What goes on speaking of it when it is retired, in words; packages keep their version and lose nothing."""
        texts = [f"the security plan at {one.label}" for one in self.cited]
        return [*texts, *(f"the {part} of {one.name}" for one in self.providers for part in one.parts)]


def of_artifact(work: Work, artifact_id: int) -> Uses:
    """What uses an artifact in the systems of the actor; whether it may be seen is asked by whoever shows it."""
    slugs = {access.system_id: slug for slug, access in work.actor.systems.items()} if work.actor else {}
    return Uses(
        _cited(work, artifact_id, slugs),
        _items(work, artifact_id, slugs),
        _packages(work, artifact_id, slugs),
        _providers(work, artifact_id, slugs),
    )


def _cited(work: Work, artifact_id: int, slugs: Mapping[int, str]) -> tuple[Citation, ...]:
    reference, none = f"[[{Subject.ARTIFACT}:{artifact_id}]]", literal("")
    sections, said, of_objectives = plan_sections.c, implementations.c, objective_texts.c
    parts = (
        (sections, sections.text, (sections.section, none, none)),
        (said, said.narrative, (none, said.requirement, none)),
        (of_objectives, of_objectives.text, (none, of_objectives.requirement, of_objectives.letter)),
    )
    queries = [
        select(
            columns.system_id, place[0].label("section"), place[1].label("requirement"), place[2].label("letter")
        ).where(columns.system_id.in_(slugs), text.contains(reference, autoescape=True))
        for columns, text, place in parts
    ]
    order = list(SectionName)
    found = [
        Citation(slugs[row.system_id], SectionName(row.section) if row.section else None, row.requirement, row.letter)
        for row in work.db.execute(union_all(*queries))
    ]
    place = {name: number for number, name in enumerate(order)}
    return tuple(
        sorted(
            found,
            key=lambda one: (
                one.system,
                place[one.section] if one.section else len(order),
                one.requirement,
                one.letter,
            ),
        )
    )


def _items(work: Work, artifact_id: int, slugs: Mapping[int, str]) -> tuple[OnPlan, ...]:
    mine = and_(links.c.artifact_id == artifact_id, links.c.system_id == plan_items.c.system_id)
    linked = select(links.c.letter).where(mine, links.c.requirement == plan_items.c.requirement)
    query = select(plan_items).where(plan_items.c.system_id.in_(slugs), linked.exists())
    return tuple(
        OnPlan(slugs[row.system_id], row.id, row.requirement, ItemKind(row.kind), ItemStatus(row.status))
        for row in work.rows(query.order_by(plan_items.c.system_id, plan_items.c.id))
    )


def _packages(work: Work, artifact_id: int, slugs: Mapping[int, str]) -> tuple[InPackage, ...]:
    query = (
        select(packages.c.id, packages.c.system_id, packages.c.number, packages.c.name)
        .add_columns(pins.c.number.label("pinned"), pins.c.until)
        .join(pins, pins.c.holder == literal("package:").concat(cast(packages.c.id, String)))
        .where(pins.c.artifact_id == artifact_id, packages.c.system_id.in_(slugs))
        .order_by(packages.c.system_id, packages.c.number, pins.c.number)
    )
    return tuple(
        InPackage(slugs[row.system_id], row.id, row.number, row.name, row.pinned, row.until) for row in work.rows(query)
    )


def _providers(work: Work, artifact_id: int, slugs: Mapping[int, str]) -> tuple[OfProvider, ...]:
    lines = and_(matrix_lines.c.provider_id == providers.c.id, matrix_lines.c.artifact_id == artifact_id)
    roles = (
        (providers.c.matrix_artifact_id == artifact_id).label("is_matrix"),
        (providers.c.basis_artifact_id == artifact_id).label("is_proof"),
    )
    named = or_(*(column == artifact_id for column in (providers.c.matrix_artifact_id, providers.c.basis_artifact_id)))
    query = (
        select(providers.c.id, providers.c.system_id, providers.c.name, *roles)
        .add_columns(matrix_lines.c.requirement, matrix_lines.c.letter)
        .join(matrix_lines, lines, isouter=True)
        .where(providers.c.system_id.in_(slugs))
        .where(or_(named, matrix_lines.c.artifact_id.is_not(None)))
        .order_by(providers.c.system_id, providers.c.id, matrix_lines.c.requirement, matrix_lines.c.letter)
    )
    found: dict[tuple[str, int, str, bool, bool], list[ObjectiveId]] = {}
    for row in work.rows(query):
        provider = (slugs[row.system_id], row.id, row.name, bool(row.is_matrix), bool(row.is_proof))
        objectives = found.setdefault(provider, [])
        if row.requirement is not None:
            objectives.append(ObjectiveId(row.requirement, row.letter))
    return tuple(OfProvider(*key, tuple(objectives)) for key, objectives in found.items())
