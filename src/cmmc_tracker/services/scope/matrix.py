"""The lines of responsibility matrices: of a provider, of a requirement; changed one by one, and what is missing."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from sqlalchemy import Select, and_, bindparam, delete, insert, select, update

from cmmc_tracker.domain.assessment import Responsibility
from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.catalog import ObjectiveId
from cmmc_tracker.domain.matrix import CARRYING, CIRCLE, DUTIES, Gap, LineEntry, gaps, is_circle
from cmmc_tracker.domain.permissions import Access, Action, allow
from cmmc_tracker.domain.scope import PROVIDER_CLAUSE, Duty
from cmmc_tracker.domain.special import Basis
from cmmc_tracker.errors import Conflict, NotFound, Stale
from cmmc_tracker.services.artifacts import IN_USE
from cmmc_tracker.services.scope import reading, rows
from cmmc_tracker.services.scope.providers import check_document
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import artifacts, implementations, matrix_lines, providers, specials

_DRAFT = "This provider is a draft. Confirm it first; then its matrix can be filled in. Nothing was changed."


@dataclass(frozen=True, slots=True)
class KeptLine:
    """A line as it stands, with its provider and the title of its evidence."""

    provider_id: int
    provider: str
    objective: ObjectiveId
    entry: LineEntry
    version: int
    document: str

    @property
    def duty(self) -> str:
        """Whose duty it is, as people read it."""
        return DUTIES[self.entry.duty]


def of_provider(work: Work, system: Access, provider_id: int) -> dict[ObjectiveId, KeptLine]:
    """The lines of a provider, in one statement."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    query = _lines().where(matrix_lines.c.provider_id == provider_id)
    return {line.objective: line for line in map(_kept, work.rows(query, system=system.system_id))}


def of_requirement(work: Work, system: Access, requirement: str) -> Mapping[str, list[KeptLine]]:
    """The lines of all providers that concern a requirement, by letter, in one statement. Drafts have none."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    query = _lines().where(matrix_lines.c.requirement == requirement)
    found: dict[str, list[KeptLine]] = defaultdict(list)
    for row in work.rows(query.order_by(providers.c.name, matrix_lines.c.letter), system=system.system_id):
        found[row.letter].append(_kept(row))
    return dict(found)


@cache  # putting it together takes longer than running it
def _lines() -> Select[Any]:
    document = and_(artifacts.c.id == matrix_lines.c.artifact_id, IN_USE)
    query = select(matrix_lines, providers.c.name.label("provider"), artifacts.c.title.label("document"))
    query = query.join(providers, providers.c.id == matrix_lines.c.provider_id)
    return query.join(artifacts, document, isouter=True).where(providers.c.system_id == bindparam("system"))


def _kept(row: Any) -> KeptLine:
    entry = LineEntry(Duty(row.duty), row.text, row.artifact_id)
    objective = ObjectiveId(row.requirement, row.letter)
    return KeptLine(row.provider_id, row.provider, objective, entry, row.version, row.document or "")


@dataclass(frozen=True, slots=True)
class Claims:
    """What the assessment claims of providers: objectives judged as inherited, and whose a requirement is."""

    inherited: frozenset[ObjectiveId]
    responsibilities: Mapping[str, Responsibility]


def claims(work: Work, system: Access) -> Claims:
    """What is claimed of providers in a system, in two statements."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    query = select(specials.c.requirement, specials.c.letter)
    mine = query.where(specials.c.system_id == system.system_id, specials.c.basis == Basis.INHERITED)
    inherited = frozenset(ObjectiveId(row.requirement, row.letter) for row in work.rows(mine))
    said = select(implementations.c.requirement, implementations.c.responsibility)
    theirs = implementations.c.responsibility != Responsibility.OWN
    of_it = work.rows(said.where(implementations.c.system_id == system.system_id, theirs))
    return Claims(inherited, {row.requirement: Responsibility(row.responsibility) for row in of_it})


def gaps_of(work: Work, system: Access) -> list[Gap]:
    """What is claimed of a provider without a line that says so, in three statements."""
    claimed = claims(work, system)
    lines = reading.matrix_lines_of(work, system)
    return gaps(lines, claimed.inherited, claimed.responsibilities, system.level)


def carried_elsewhere(work: Work, system: Access, provider_id: int) -> set[ObjectiveId]:
    """The objectives that other providers than this one carry."""
    query = select(matrix_lines.c.requirement, matrix_lines.c.letter)
    query = query.join(providers, providers.c.id == matrix_lines.c.provider_id)
    others = and_(providers.c.system_id == system.system_id, providers.c.id != provider_id)
    found = work.rows(query.where(others, matrix_lines.c.duty.in_(CARRYING)))
    return {ObjectiveId(row.requirement, row.letter) for row in found}


def opened(work: Work, system: Access, provider_id: int) -> Any:
    """The row of a provider whose matrix may be changed, by one at a time.

    Raises `NotFound`, `Forbidden`, and `Conflict` for a draft.
    """
    allow(work.actor, Action.SCOPE_EDIT, system)
    work.alone(f"matrix:{system.system_id}")
    row = rows.found(work, providers, system, provider_id)
    if row.draft:
        raise Conflict(_DRAFT)
    return row


def put(
    work: Work, system: Access, provider_id: int, objective: ObjectiveId, entry: LineEntry, *, seen: int | None
) -> None:
    """Say whose duty an objective is; `seen` 0 or None: no line was there.

    Raises `Stale` when somebody else changed it since, `Conflict` with the clause for what would close a circle.
    """
    provider = opened(work, system, provider_id)
    row = work.row(select(matrix_lines).where(is_line(provider_id, objective)))
    if (row.version if row else 0) != (seen or 0):
        raise Stale("Somebody else changed this line meanwhile. Nothing of yours was saved.")
    said = asdict(entry)
    before = {name: getattr(row, name) for name, value in said.items() if getattr(row, name) != value} if row else {}
    if row is not None and not before:
        return
    if is_circle(objective, entry.duty, claims(work, system).inherited, carried_elsewhere(work, system, provider_id)):
        raise Conflict(CIRCLE, PROVIDER_CLAUSE)
    if row is None or row.artifact_id != entry.artifact_id:
        check_document(work, system, entry.artifact_id, "artifact_id")
    if row is None:
        key = {"provider_id": provider_id, "requirement": objective.requirement, "letter": objective.letter}
        work.change(insert(matrix_lines).values(**key, **said))
    else:
        changed = update(matrix_lines).where(is_line(provider_id, objective), matrix_lines.c.version == row.version)
        work.change_one(changed.values(version=matrix_lines.c.version + 1, **said))
    after = {name: said[name] for name in before} if row else said
    _record(work, system, provider, {"objective": str(objective), "before": before, "after": after})


def remove(work: Work, system: Access, provider_id: int, objective: ObjectiveId, seen: int | None) -> None:
    """Take a line away; the log keeps what it said. Raises `Stale` when somebody else changed it since."""
    provider = opened(work, system, provider_id)
    row = work.row(select(matrix_lines).where(is_line(provider_id, objective)))
    if row is None:
        raise NotFound("There is no such line; somebody may have taken it away.")
    if row.version != (seen or 0):
        raise Stale("Somebody else changed this line meanwhile. It was not taken away.")
    work.change(delete(matrix_lines).where(is_line(provider_id, objective)))
    before = {name: getattr(row, name) for name in LineEntry.__slots__}
    _record(work, system, provider, {"objective": str(objective), "before": before, "after": {}})


def is_line(provider_id: int, objective: ObjectiveId) -> Any:
    return and_(
        matrix_lines.c.provider_id == provider_id,
        matrix_lines.c.requirement == objective.requirement,
        matrix_lines.c.letter == objective.letter,
    )


def _record(work: Work, system: Access, provider: Any, detail: Mapping[str, Any]) -> None:
    said = {"system": system.slug, "provider": provider.name, **detail}
    work.record(Event.MATRIX_CHANGED, f"provider:{provider.id}", said)
