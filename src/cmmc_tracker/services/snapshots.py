"""Everything that is known of one system now, as one frozen picture: what checks, reports and packages are made from.

It is read in a fixed number of statements (`STATEMENTS`), whatever the amount of data, in one transaction.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, CompoundSelect, Select, String, and_, bindparam, cast, func, select, union

from cmmc_tracker.domain import catalog
from cmmc_tracker.domain.artifacts import ArtifactStatus, Kind
from cmmc_tracker.domain.assessment import Method, Status
from cmmc_tracker.domain.catalog import ObjectiveId, Requirement
from cmmc_tracker.domain.permissions import Access, Action, allow
from cmmc_tracker.domain.plans import ItemKind, ItemStatus, Milestone, Plan
from cmmc_tracker.domain.snapshot import Evidence, Item, ObjectiveState, RequirementState, Snapshot
from cmmc_tracker.domain.special import Basis, Special
from cmmc_tracker.errors import NotFound
from cmmc_tracker.services.artifact_views import COMMAND_LINE
from cmmc_tracker.services.artifacts import IN_USE
from cmmc_tracker.services.integrity import INTACT
from cmmc_tracker.services.remembering import Kind as Kept
from cmmc_tracker.services.scope import reading as scope
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import (
    artifact_files,
    artifact_versions,
    artifacts,
    assignments,
    blobs,
    defined_values,
    findings,
    held_files,
    implementations,
    links,
    milestones,
    objective_texts,
    plan_items,
    specials,
    systems,
    users,
)

STATEMENTS = 16
_STATUSES = {one.value: one for one in Status}  # each is asked for hundreds of times
_KINDS = {one.value: one for one in Kind}
_STATES = {one.value: one for one in ArtifactStatus}
_METHODS = {one.value: one for one in Method}
_SYSTEM: BindParameter[int] = bindparam("system")
_Place = tuple[str, str]  # a requirement's id and an objective's letter


def of(work: Work, system: Access) -> Snapshot:
    """The system as it stands now. Raises `NotFound` when it went meanwhile."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    return work.remembered(Kept.SNAPSHOT, system.system_id, lambda: _taken(work, system))


def _taken(work: Work, system: Access) -> Snapshot:
    row = work.row(select(systems).where(systems.c.id == system.system_id))
    if row is None:
        raise NotFound("There is no such system, or you are not a member of it.")
    evidence = _evidence(work, system.system_id)
    judged = _objectives(work, system.system_id, evidence)
    described = {one.requirement: one for one in work.rows(_described(), system=system.system_id)}
    texts = _texts(work, system.system_id)
    return Snapshot(
        slug=row.slug,
        name=row.name,
        level=row.level,
        on=work.today,
        in_use_since=row.in_use_since,
        requirements=tuple(
            _requirement(work, r, judged, described[r.id], texts.get(r.id, ()))
            for r in catalog.load(row.level).requirements
        ),
        items=_items(work, system.system_id),
        **scope.snapshot_parts(work, system)._asdict(),
        plan_reviewed_on=row.plan_reviewed_on,
        plan_review_months=row.plan_review_months,
        affirming_official=_official(work, system.system_id),
        defined=_defined(work, system.system_id),
    )


def _requirement(
    work: Work, requirement: Requirement, judged: Mapping[_Place, ObjectiveState], described: Any, texts: Sequence[Any]
) -> RequirementState:
    """Texts by objective are part of the narrative, which is as old as the last thing that was written of it."""
    written = [described.changed_at] if described.narrative and described.changed_at else []
    written += [text.changed_at for text in texts]
    return RequirementState(
        requirement,
        tuple(judged[requirement.id, o.letter] for o in requirement.objectives),
        "\n\n".join(text for text in (described.narrative, *(one.text for one in texts)) if text),
        described.status,
        described.responsibility,
        described.partial,
        work.day(max(written)) if written else None,
        described.owner or "",
    )


def _texts(work: Work, system_id: int) -> Mapping[str, list[Any]]:
    """What was written by objective, by requirement, in the order of the letters."""
    query = select(objective_texts).where(objective_texts.c.system_id == system_id, objective_texts.c.text != "")
    found: dict[str, list[Any]] = defaultdict(list)
    for row in work.rows(query.order_by(objective_texts.c.letter)):
        found[row.requirement].append(row)
    return found


@cache  # here and below: putting a statement together takes longer than running it
def _described() -> Select[Any]:
    """How each requirement is implemented, and who owns it."""
    owner = and_(
        assignments.c.system_id == implementations.c.system_id,
        assignments.c.requirement == implementations.c.requirement,
        assignments.c.duty == "owner",
    )
    return (
        select(implementations, users.c.name.label("owner"))
        .join(assignments, owner, isouter=True)
        .join(users, users.c.id == assignments.c.user_id, isouter=True)
        .where(implementations.c.system_id == _SYSTEM)
    )


def _objectives(
    work: Work, system_id: int, evidence: Mapping[_Place, Sequence[Evidence]]
) -> Mapping[_Place, ObjectiveState]:
    rows = work.rows(_judged(), system=system_id)
    return {(row.requirement, row.letter): _objective(work, row, evidence) for row in rows}


@cache
def _judged() -> Select[Any]:
    return (
        select(findings, users.c.name.label("judge"), specials.c.basis, specials.c.description, specials.c.mitigation)
        .add_columns(specials.c.reference, specials.c.reviewed_on)
        .join(users, users.c.id == findings.c.judged_by, isouter=True)
        .join(
            specials,
            and_(
                specials.c.system_id == findings.c.system_id,
                specials.c.requirement == findings.c.requirement,
                specials.c.letter == findings.c.letter,
            ),
            isouter=True,
        )
        .where(findings.c.system_id == _SYSTEM)
    )


def _objective(work: Work, row: Any, evidence: Mapping[_Place, Sequence[Evidence]]) -> ObjectiveState:
    status = _STATUSES[row.status]
    return ObjectiveState(
        row.letter,
        status,
        row.note,
        tuple(_METHODS[one] for one in row.methods),
        work.day(row.judged_at) if row.judged_at else None,
        row.judge or (COMMAND_LINE if row.judged_at else ""),
        row.confirmed_at is not None,
        _special(row, status),
        tuple(evidence.get((row.requirement, row.letter), ())),
        row.examined,
        row.interviewed,
        row.tested,
    )


def _special(row: Any, status: Status) -> Special | None:
    """On what it counts as MET; a record beside another finding is kept, and has no effect (rules.md, section 1)."""
    if row.basis is None:
        return None
    basis = Basis(row.basis)
    if not basis.carries(status):
        return None
    return Special(basis, row.description, row.mitigation, row.reference, row.reviewed_on)


def _evidence(work: Work, system_id: int) -> Mapping[_Place, list[Evidence]]:
    """What is linked to each objective: an artifact is read once, however many objectives it is linked to.

    The numbers of an objective's artifacts come as one text: thousands of rows would take longer than all the rest.
    """
    known = _artifacts(work, system_id)
    found = {}
    for row in work.rows(_linked(), system=system_id):
        linked = sorted(map(int, row.numbers.split(",")))
        found[row.requirement, row.letter] = [known[one] for one in linked if one in known]
    return found


@cache
def _linked() -> Select[Any]:
    numbers = func.aggregate_strings(cast(links.c.artifact_id, String), ",").label("numbers")
    query = select(links.c.requirement, links.c.letter, numbers).where(links.c.system_id == _SYSTEM)
    return query.group_by(links.c.requirement, links.c.letter)


def _artifacts(work: Work, system_id: int) -> Mapping[int, Evidence]:
    """The artifacts in use that are linked here, by number."""
    damaged = _damaged(work, system_id)
    rows: list[Any] = work.rows(_in_use(), system=system_id)
    return {
        number: Evidence(
            number, title, _KINDS[kind], _STATES[state], day or work.day(received), due_on, number in damaged
        )
        for number, title, kind, state, due_on, day, received in rows
    }


@cache
def _in_use() -> Select[Any]:
    """The day that each speaks up to is `Dates.base`."""
    linked = select(links.c.artifact_id).where(links.c.system_id == _SYSTEM)
    current = and_(
        artifact_versions.c.artifact_id == artifacts.c.id, artifact_versions.c.number == artifacts.c.current_version
    )
    base = func.coalesce(artifacts.c.covers_until, artifacts.c.collected_on, artifacts.c.covers_from).label("base")
    return (
        select(artifacts.c.id, artifacts.c.title, artifacts.c.kind, artifacts.c.status, artifacts.c.due_on, base)
        .add_columns(artifact_versions.c.received_at)
        .join(artifact_versions, current)
        .where(artifacts.c.id.in_(linked), IN_USE)
    )


def _damaged(work: Work, system_id: int) -> frozenset[int]:
    """The linked artifacts of which a file of the current version was found not to be what was received."""
    return frozenset(row.artifact_id for row in work.rows(_broken(), system=system_id))


@cache
def _broken() -> CompoundSelect[Any]:
    linked = select(links.c.artifact_id).where(links.c.system_id == _SYSTEM)
    kept, held = artifact_files, held_files
    broken = [blobs.c.check_state.not_in(("", INTACT)), held.c.check_state.not_in(("", INTACT))]
    of_store = select(kept.c.artifact_id).join(blobs, blobs.c.sha256 == kept.c.sha256).where(broken[0])
    elsewhere = select(held.c.artifact_id).where(broken[1])
    queries = []
    for query, files in ((of_store, kept), (elsewhere, held)):
        current = and_(artifacts.c.id == files.c.artifact_id, artifacts.c.current_version == files.c.number)
        queries.append(query.join(artifacts, current).where(files.c.artifact_id.in_(linked)))
    return union(*queries)


def _items(work: Work, system_id: int) -> tuple[Item, ...]:
    steps: dict[int, list[Milestone]] = defaultdict(list)
    query = (
        select(milestones)
        .join(plan_items, plan_items.c.id == milestones.c.item_id)
        .where(plan_items.c.system_id == system_id)
        .order_by(milestones.c.item_id, milestones.c.position)
    )
    for row in work.rows(query):
        steps[row.item_id].append(Milestone(row.text, row.due_on, row.owner, row.done_on))
    rows = work.rows(select(plan_items).where(plan_items.c.system_id == system_id).order_by(plan_items.c.id))
    return tuple(Item(row.id, _plan(row, tuple(steps[row.id])), ItemStatus(row.status)) for row in rows)


def _plan(row: Any, steps: tuple[Milestone, ...]) -> Plan:
    return Plan(
        requirement=row.requirement,
        weakness=row.weakness,
        planned_completion=row.planned_completion,
        milestones=steps,
        resources=row.resources,
        owner=row.owner,
        kind=ItemKind(row.kind),
    )


def _official(work: Work, system_id: int) -> str:
    query = select(users.c.name).join(assignments, assignments.c.user_id == users.c.id)
    row = work.row(query.where(assignments.c.system_id == system_id, assignments.c.duty == "affirming_official"))
    return row.name if row else ""


def _defined(work: Work, system_id: int) -> frozenset[ObjectiveId]:
    query = select(defined_values.c.requirement, defined_values.c.letter)
    rows = work.rows(query.where(defined_values.c.system_id == system_id, defined_values.c.value != ""))
    return frozenset(ObjectiveId(row.requirement, row.letter) for row in rows)
