"""Judging objectives, saying how a requirement is implemented, and the pictures that pages and calls show of it.

Everything is read in a fixed number of statements whatever the amount of data.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, func, select, tuple_, update

from cmmc_tracker.domain import catalog, scoring
from cmmc_tracker.domain.artifacts import ArtifactStatus
from cmmc_tracker.domain.assessment import Implementation, Judgement, Status, requirement_status
from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.catalog import Objective, ObjectiveId, Requirement
from cmmc_tracker.domain.permissions import Access, Action, allow
from cmmc_tracker.domain.plans import ItemKind, ItemStatus
from cmmc_tracker.errors import NotFound, Stale
from cmmc_tracker.services import artifact_views, finding_rows
from cmmc_tracker.services.artifacts import IN_USE
from cmmc_tracker.services.finding_rows import Finding
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import artifacts, findings, implementations, links, plan_items


@dataclass(frozen=True, slots=True)
class Line:
    """One requirement in the list."""

    requirement: Requirement
    status: Status
    objectives: tuple[Status, ...]  # in catalog order
    artifacts: int
    partial: bool
    unproven: int  # objectives marked MET without an approved artifact

    @property
    def findings(self) -> Iterator[tuple[Objective, Status]]:
        """The objectives with their statuses."""
        return zip(self.requirement.objectives, self.objectives, strict=True)

    @property
    def met(self) -> int:
        """How many objectives are MET or NOT APPLICABLE: equivalent in the rule (32 CFR 170.24(b)(3))."""
        return sum(s in {Status.MET, Status.NOT_APPLICABLE} for s in self.objectives)


@dataclass(frozen=True, slots=True)
class ImplementationState:
    """How a system implements a requirement, as people wrote it."""

    status: str
    narrative: str
    responsibility: str
    partial: bool
    version: int


@dataclass(frozen=True, slots=True)
class RequirementState:
    """One requirement with all that stands about it in one system."""

    requirement: Requirement
    status: Status
    findings: tuple[Finding, ...]
    implementation: ImplementationState

    def finding(self, letter: str) -> Finding:
        """The finding of one objective; raises `NotFound`."""
        found = next((f for f in self.findings if f.objective.letter == letter), None)
        if found is None:
            raise NotFound(f"{self.requirement.id} has no objective [{letter[:5]}].")
        return found


@dataclass(frozen=True, slots=True)
class Standing:
    """Each objective's status by requirement and letter; requirements whose partial switch is on, or with an open item.

    The items are those of the POA&M; the operational plan does not count.
    """

    statuses: Mapping[str, Mapping[str, Status]]
    partial: frozenset[str]
    planned: frozenset[str]


@dataclass(frozen=True, slots=True)
class Picture:
    """A system's requirements and its score, read in one go."""

    lines: tuple[Line, ...]
    score: scoring.Score


@dataclass(frozen=True, slots=True)
class LineFilter:
    """Which requirements to list; an empty field does not narrow."""

    family: str = ""
    status: str = ""
    text: str = ""
    without_evidence: bool = False
    unproven: bool = False  # has an objective that is marked MET without an approved artifact


def picture(work: Work, system: Access) -> Picture:
    """All requirements of a system and its score: three statements."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    known = catalog.load(system.level)
    stands = standing(work, system.system_id)
    counts = _artifact_counts(work, system.system_id)
    unproven = _unproven(work, system.system_id)
    lines = []
    for requirement in known.requirements:
        found = stands.statuses[requirement.id]
        ordered = tuple(found[o.letter] for o in requirement.objectives)
        status = requirement_status(ordered)
        lines.append(
            Line(
                requirement,
                status,
                ordered,
                counts.get(requirement.id, 0),
                requirement.id in stands.partial,
                unproven.get(requirement.id, 0),
            )
        )
    score = scoring.score(
        known,
        {line.requirement.id: line.objectives for line in lines},
        partial=stands.partial,
        planned=stands.planned,
        met_without_evidence=sum(unproven.values()),
    )
    return Picture(tuple(lines), score)


def narrowed(lines: Sequence[Line], wanted: LineFilter) -> list[Line]:
    """The lines that fit a filter; the text is looked for in numbers, titles and summaries."""
    text = wanted.text.strip().casefold()
    return [
        line
        for line in lines
        if (not wanted.family or line.requirement.family == wanted.family.upper())
        and (not wanted.status or line.status == wanted.status)
        and (not wanted.without_evidence or line.artifacts == 0)
        and (not wanted.unproven or line.unproven)
        and (not text or text in _searchable(line.requirement))
    ]


def _searchable(requirement: Requirement) -> str:
    summaries = " ".join(o.summary for o in requirement.objectives)
    return f"{requirement.id} {requirement.title} {summaries}".casefold()


def one(work: Work, system: Access, requirement_id: str) -> RequirementState:
    """One requirement with its objectives, their findings and evidence; raises `NotFound` for an unknown one."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    requirement = catalog.load(system.level).requirement(requirement_id)
    here = and_(findings.c.system_id == system.system_id, findings.c.requirement == requirement.id)
    rows = {row.letter: row for row in work.rows(finding_rows.query(here))}
    evidence = artifact_views.of_requirement(work, system.system_id, requirement.id)
    found = tuple(finding_rows.made(o, rows[o.letter], evidence.get(o.letter, [])) for o in requirement.objectives)
    return RequirementState(
        requirement,
        requirement_status(f.status for f in found),
        found,
        _implementation(work, system.system_id, requirement.id),
    )


def finding(work: Work, system: Access, objective: ObjectiveId) -> Finding:
    """One objective as it stands, with its evidence: two statements. Raises `NotFound`."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    known = catalog.load(system.level).objective(str(objective))
    row = work.row(finding_rows.query(_finding_at(system.system_id, objective)))
    if row is None:
        raise NotFound(f"There is no objective {objective} in this system.")
    evidence = artifact_views.of_requirement(work, system.system_id, objective.requirement, objective.letter)
    return finding_rows.made(known, row, evidence.get(objective.letter, []))


def _implementation(work: Work, system_id: int, requirement: str) -> ImplementationState:
    row = work.row(select(implementations).where(_implementation_at(system_id, requirement)))
    if row is None:
        raise NotFound("There is no such requirement in this system.")
    return ImplementationState(row.status, row.narrative, row.responsibility, row.partial, row.version)


def judge(work: Work, system: Access, objective: ObjectiveId, judgement: Judgement, version: int | None = None) -> None:
    """Set what was found for one objective; a confirmation goes. `version` is the one that the judge has seen.

    Raises `Stale` when somebody else judged it since, `NotFound` for an objective that this level has not.
    """
    allow(work.actor, Action.OBJECTIVE_JUDGE, system)
    where = _finding_at(system.system_id, objective)
    row = work.row(select(findings).where(where))
    if row is None:
        raise NotFound(f"There is no objective {objective} in this system.")
    values: dict[str, Any] = {"status": judgement.status, "note": judgement.note, "methods": list(judgement.methods)}
    values |= judgement.said
    before = {name: getattr(row, name) for name in values}
    if before == values and version in {None, row.version}:
        return
    if version not in {None, row.version}:
        raise _stale(row)
    bump = {"judged_at": work.now, "judged_by": _actor_id(work), "version": findings.c.version + 1}
    unconfirmed = {"confirmed_at": None, "confirmed_by": None}  # what was confirmed was another judgement
    work.change_one(
        update(findings).where(where, findings.c.version == row.version).values(**values, **bump, **unconfirmed)
    )
    work.record(
        Event.OBJECTIVE_JUDGED,
        f"objective:{system.slug}/{objective}",
        {"before": before, "after": values},
    )


def _stale(row: Any) -> Stale:
    return Stale(
        f"Somebody else judged this objective while you were at it: it is now "
        f"{Status(row.status).label}{f', with the note “{row.note[:200]}”' if row.note else ''}. "
        "Nothing of yours was saved; look at what is there now, then save again."
    )


def implement(
    work: Work, system: Access, requirement_id: str, changes: Mapping[str, Any], version: int | None = None
) -> None:
    """Change how a system implements a requirement; `changes` as `Implementation.parse` gives them.

    Partial credit is switched by who may judge: it decides about points, and about what may stand on a POA&M.
    """
    allow(work.actor, Action.IMPLEMENTATION_EDIT, system)
    requirement = catalog.load(system.level).requirement(requirement_id)
    where = _implementation_at(system.system_id, requirement.id)
    row = work.row(select(implementations).where(where))
    if row is None:
        raise NotFound("There is no such requirement in this system.")
    columns = {Implementation.COLUMNS[name]: value for name, value in changes.items()}
    differing = {name: value for name, value in columns.items() if getattr(row, name) != value}
    if "partial" in differing:
        allow(work.actor, Action.OBJECTIVE_JUDGE, system)
    if not differing and version in {None, row.version}:
        return
    bump = {"changed_at": work.now, "changed_by": _actor_id(work), "version": implementations.c.version + 1}
    expected = row.version if version is None else version
    work.change_one(
        update(implementations).where(where, implementations.c.version == expected).values(**differing, **bump)
    )
    before = {name: getattr(row, name) for name in differing}
    work.record(
        Event.REQUIREMENT_EDITED,
        f"requirement:{system.slug}/{requirement.id}",
        {"before": before, "after": differing},
    )


def _actor_id(work: Work) -> int | None:
    return work.actor.id if work.actor else None


def _finding_at(system_id: int, objective: ObjectiveId) -> Any:
    return and_(
        findings.c.system_id == system_id,
        findings.c.requirement == objective.requirement,
        findings.c.letter == objective.letter,
    )


def _implementation_at(system_id: int, requirement: str) -> Any:
    return and_(implementations.c.system_id == system_id, implementations.c.requirement == requirement)


def standing(work: Work, system_id: int) -> Standing:
    """How a system's requirements stand, in one statement."""
    found: dict[str, dict[str, Status]] = defaultdict(dict)
    partial, planned = set(), set()
    items = (
        select(plan_items.c.requirement)
        .where(
            plan_items.c.system_id == system_id,
            plan_items.c.kind == ItemKind.POAM,
            plan_items.c.status != ItemStatus.CLOSED,
        )
        .distinct()
        .subquery()
    )
    query = (
        select(
            *(findings.c.requirement, findings.c.letter, findings.c.status, implementations.c.partial),
            items.c.requirement.label("planned"),
        )
        .join(
            implementations,
            and_(
                implementations.c.system_id == findings.c.system_id,
                implementations.c.requirement == findings.c.requirement,
            ),
        )
        .join(items, items.c.requirement == findings.c.requirement, isouter=True)
        .where(findings.c.system_id == system_id)
    )
    known = {status.value: status for status in Status}  # asked 320 times
    for row in work.rows(query):
        requirement = row.requirement
        found[requirement][row.letter] = known[row.status]
        if row.partial:
            partial.add(requirement)
        if row.planned:
            planned.add(requirement)
    return Standing(found, frozenset(partial), frozenset(planned))


def _artifact_counts(work: Work, system_id: int) -> Mapping[str, int]:
    query = (
        select(links.c.requirement, func.count(links.c.artifact_id.distinct()).label("n"))
        .join(artifacts, artifacts.c.id == links.c.artifact_id)
        .where(links.c.system_id == system_id, IN_USE)
        .group_by(links.c.requirement)
    )
    return {row.requirement: row.n for row in work.rows(query)}


def _unproven(work: Work, system_id: int) -> Mapping[str, int]:
    """By requirement, how many objectives are MET without an approved artifact (32 CFR 170.24(b)(1))."""
    # By itself, not for each finding: PostgreSQL makes it once and looks up in it, whatever it knows of the tables. A
    # correlated EXISTS took seconds for some hundred artifacts until the tables had been analyzed.
    supported = (
        select(links.c.requirement, links.c.letter)
        .join(artifacts, artifacts.c.id == links.c.artifact_id)
        .where(
            links.c.system_id == system_id,
            IN_USE,
            artifacts.c.status == ArtifactStatus.APPROVED,
        )
    )
    unsupported = tuple_(findings.c.requirement, findings.c.letter).not_in(supported)
    query = (
        select(findings.c.requirement, func.count().label("n"))
        .where(findings.c.system_id == system_id, findings.c.status == Status.MET, unsupported)
        .group_by(findings.c.requirement)
    )
    return {row.requirement: row.n for row in work.rows(query)}
