"""Judging objectives, saying how a requirement is implemented, and the pictures that pages and calls show of it.

Everything is read in a fixed number of statements whatever the amount of data.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, Select, String, Update, and_, bindparam, case, cast, func, select, update

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
from cmmc_tracker.services.remembering import Kind
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import artifacts, findings, implementations, links, plan_items

_Place = tuple[str, str]  # a requirement's id and an objective's letter


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
    """All requirements of a system and its score: two statements."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    return work.remembered(Kind.PICTURE, system.system_id, lambda: _picture(work, system))


def _picture(work: Work, system: Access) -> Picture:
    known = catalog.load(system.level)
    stands = standing(work, system.system_id)
    linked, proven = _linked(work, system.system_id)
    lines = []
    for requirement in known.requirements:
        found = stands.statuses[requirement.id]
        ordered = tuple(found[o.letter] for o in requirement.objectives)
        unproven = sum(
            status is Status.MET and (requirement.id, letter) not in proven for letter, status in found.items()
        )
        many, partial = len(linked.get(requirement.id, ())), requirement.id in stands.partial
        lines.append(Line(requirement, requirement_status(ordered), ordered, many, partial, unproven))
    score = scoring.score(
        known,
        {line.requirement.id: line.objectives for line in lines},
        partial=stands.partial,
        planned=stands.planned,
        met_without_evidence=sum(line.unproven for line in lines),
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
    read = work.rows(finding_rows.query(), system=system.system_id, of=requirement.id)
    rows = {row.letter: row for row in read}
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
    at = {"system": system.system_id, "of": objective.requirement, "letter": objective.letter}
    row = work.row(finding_rows.query(of_one=True), **at)
    if row is None:
        raise _no_such(objective)
    evidence = artifact_views.of_requirement(work, system.system_id, objective.requirement, objective.letter)
    return finding_rows.made(known, row, evidence.get(objective.letter, []))


@cache
def _implemented() -> Select[Any]:
    here = (implementations.c.system_id == bindparam("system"), implementations.c.requirement == bindparam("of"))
    return select(implementations).where(*here)


def _implementation(work: Work, system_id: int, requirement: str) -> ImplementationState:
    row = work.row(_implemented(), system=system_id, of=requirement)
    if row is None:
        raise NotFound("There is no such requirement in this system.")
    return ImplementationState(row.status, row.narrative, row.responsibility, row.partial, row.version)


@cache  # putting it together takes longer than running it
def _row() -> Select[Any]:
    here = (findings.c.system_id == bindparam("system"), findings.c.requirement == bindparam("of"))
    return select(findings).where(*here, findings.c.letter == bindparam("letter"))


def judged(work: Work, system: Access, objective: ObjectiveId) -> Any:
    """An objective's row as it stands, without its evidence: one statement. Raises `NotFound`."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    row = work.row(_row(), system=system.system_id, of=objective.requirement, letter=objective.letter)
    if row is None:
        raise _no_such(objective)
    return row


def _no_such(objective: ObjectiveId) -> NotFound:
    return NotFound(f"There is no objective {objective} in this system.")


def judge(work: Work, system: Access, objective: ObjectiveId, judgement: Judgement, version: int | None = None) -> None:
    """Set what was found for one objective; a confirmation goes. `version` is the one that the judge has seen.

    Raises `Stale` when somebody else judged it since, `NotFound` for an objective that this level has not.
    """
    allow(work.actor, Action.OBJECTIVE_JUDGE, system)
    row = judged(work, system, objective)
    values: dict[str, Any] = {"status": judgement.status, "note": judgement.note, "methods": list(judgement.methods)}
    values |= judgement.said
    before = {name: getattr(row, name) for name in values}
    if before == values and version in {None, row.version}:
        return
    if version not in {None, row.version}:
        raise _stale(row)
    judgement_of = {"judged_at": work.now, "judged_by": _actor_id(work)}
    unconfirmed = {"confirmed_at": None, "confirmed_by": None}  # what was confirmed was another judgement
    new = {f"new_{name}": value for name, value in (values | judgement_of | unconfirmed).items()}
    at = {"system": system.system_id, "of": objective.requirement, "at": objective.letter, "seen": row.version}
    work.change_one(_set(tuple(new)), **at, **new)
    work.record(
        Event.OBJECTIVE_JUDGED,
        f"objective:{system.slug}/{objective}",
        {"before": before, "after": values},
    )


@cache
def _set(names: tuple[str, ...]) -> Update:
    """The change of one finding as it was seen; each name is a column's, with `new_` before it."""
    here = (findings.c.system_id == bindparam("system"), findings.c.requirement == bindparam("of"))
    seen = (findings.c.letter == bindparam("at"), findings.c.version == bindparam("seen"))
    values: dict[str, BindParameter[Any]] = {name.removeprefix("new_"): bindparam(name) for name in names}
    return update(findings).where(*here, *seen).values(**values, version=findings.c.version + 1)


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


def _linked(work: Work, system_id: int) -> tuple[Mapping[str, set[str]], Collection[_Place]]:
    """The artifacts linked to each requirement; the objectives with an approved one (32 CFR 170.24(b)(1)).

    An objective's numbers come as one text: thousands of rows would take longer than all the rest.
    """
    numbers = func.aggregate_strings(cast(links.c.artifact_id, String), ",").label("numbers")
    approved = func.max(case((artifacts.c.status == ArtifactStatus.APPROVED, 1), else_=0)).label("approved")
    query = (
        select(links.c.requirement, links.c.letter, numbers, approved)
        .join(artifacts, artifacts.c.id == links.c.artifact_id)
        .where(links.c.system_id == system_id, IN_USE)
        .group_by(links.c.requirement, links.c.letter)
    )
    found: dict[str, set[str]] = defaultdict(set)
    proven = set()
    rows: list[Any] = work.rows(query)
    for requirement, letter, joined, is_proven in rows:
        found[requirement].update(joined.split(","))
        if is_proven:
            proven.add((requirement, letter))
    return found, proven
