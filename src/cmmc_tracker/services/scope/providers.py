"""External service providers of a system: listed with what is missing, read, added, changed, taken away."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import and_, func, select

from cmmc_tracker.domain.artifacts import ArtifactStatus
from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.permissions import Access, Action, allow
from cmmc_tracker.domain.providers import ProviderEntry
from cmmc_tracker.domain.readiness import equivalence, matrices
from cmmc_tracker.domain.readiness import providers as bases
from cmmc_tracker.domain.scope import Basis, Held, Provider
from cmmc_tracker.domain.snapshot import Snapshot
from cmmc_tracker.errors import Invalid, NotFound
from cmmc_tracker.services.artifacts import IN_USE
from cmmc_tracker.services.scope import rows
from cmmc_tracker.services.scope.reading import IS_PROVED
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import artifacts, matrix_lines, providers

MOST_DOCUMENTS = 200
_PROOFS = select(artifacts.c.id, artifacts.c.title, artifacts.c.status).where(IN_USE).subquery("proofs")
_NO_DOCUMENT = "There is no such artifact among those of this system."


@dataclass(frozen=True, slots=True)
class KeptProvider:
    """A provider as it stands: how many lines its matrix has, and what speaks against it."""

    id: int
    entry: ProviderEntry
    draft: bool
    version: int
    lines: int
    problems: tuple[tuple[str, str], ...]  # a sentence, and why with the clause
    document: str = ""  # the title of the artifact that the matrix stands in
    proof: str = ""  # the title of the artifact that is evidence of the FedRAMP basis
    proof_is_retired: bool = False


def every(work: Work, system: Access) -> list[KeptProvider]:
    """The providers of a system by name, drafts too, in two statements."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    counting = select(matrix_lines.c.provider_id, func.count().label("lines")).group_by(matrix_lines.c.provider_id)
    mine = counting.join(providers, providers.c.id == matrix_lines.c.provider_id)
    counts = {row.provider_id: row.lines for row in work.rows(mine.where(providers.c.system_id == system.system_id))}
    found = work.rows(_with_document(system))
    return sorted((_kept(work, system, row, counts) for row in found), key=lambda one: one.entry.name.casefold())


def one(work: Work, system: Access, provider_id: int) -> KeptProvider:
    """A provider of the system; raises `NotFound`."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    row = work.row(_with_document(system).where(providers.c.id == provider_id))
    if row is None:
        raise NotFound("There is no such provider; somebody may have taken it away.")
    counting = select(func.count()).where(matrix_lines.c.provider_id == provider_id)
    return _kept(work, system, row, {provider_id: work.db.execute(counting).scalar_one()})


def _with_document(system: Access) -> Any:
    document = and_(artifacts.c.id == providers.c.matrix_artifact_id, IN_USE)
    proof = _PROOFS.c.id == providers.c.basis_artifact_id
    titles = (artifacts.c.title.label("document"), _PROOFS.c.title.label("proof"))
    query = select(providers, IS_PROVED.label("proved"), *titles, _PROOFS.c.status.label("proof_status"))
    joined = query.join(artifacts, document, isouter=True).join(_PROOFS, proof, isouter=True)
    return joined.where(providers.c.system_id == system.system_id)


def _kept(work: Work, system: Access, row: Any, counts: Mapping[int, int]) -> KeptProvider:
    entry = ProviderEntry(
        *(row.name, row.is_cloud, Held(row.holds), row.services, row.contact, row.contract),
        *(Basis(row.basis), row.basis_on, row.basis_link, row.basis_artifact_id, row.cmmc_status),
        *(row.matrix_on, row.matrix_artifact_id, row.note),
    )
    lines = counts.get(row.id, 0)
    plain = Provider(
        *(row.id, entry.name, entry.is_cloud, entry.holds, entry.basis, entry.matrix_on, lines > 0, bool(row.proved))
    )
    against = () if row.draft else problems(system, [plain], work.today).get(row.id, ())
    return KeptProvider(
        *(row.id, entry, row.draft, row.version, lines, tuple(against)),
        *(row.document or "", row.proof or "", row.proof_status == ArtifactStatus.SUPERSEDED),
    )


def problems(system: Access, of: Iterable[Provider], on: date) -> Mapping[int, list[tuple[str, str]]]:
    """What speaks against providers, by number: the checks of readiness that are about them, and nothing else."""
    alone = Snapshot(system.slug, system.name, system.level, on, None, (), providers=tuple(of))
    found: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for check in (bases.CHECK, equivalence.CHECK, matrices.CHECK):
        for finding in check.look(alone):
            found[int(finding.subject.partition(":")[2])].append((finding.sentence, check.why))
    return found


def add(work: Work, system: Access, entry: ProviderEntry) -> int:
    """Add a provider; returns its number. Raises `Invalid` where one of that name is there, or for a wrong document."""
    allow(work.actor, Action.SCOPE_EDIT, system)
    work.alone(f"scope:{system.system_id}")
    _check(work, system, entry)
    rows.check_room(work, providers, system, "name")
    return rows.add(work, providers, system, entry.columns())


def edit(work: Work, system: Access, provider_id: int, entry: ProviderEntry, seen: int | None) -> None:
    """Change a provider, or confirm one that was drafted; raises `Stale`, `Invalid` as `add`."""
    allow(work.actor, Action.SCOPE_EDIT, system)
    work.alone(f"scope:{system.system_id}")
    kept = rows.found(work, providers, system, provider_id)
    _check(work, system, entry, kept)
    rows.change(work, providers, system, (provider_id, seen), entry.columns())


def remove(work: Work, system: Access, provider_id: int, seen: int | None) -> None:
    """Take a provider away with its matrix; the log keeps what was said of it, and each line."""
    allow(work.actor, Action.SCOPE_EDIT, system)
    kept = rows.found(work, providers, system, provider_id)
    record_lines(work, system.slug, kept)
    rows.remove(work, providers, system, provider_id, seen)


def record_lines(work: Work, slug: str, kept: Any) -> None:
    """Keep in the log what the matrix of a provider says that is about to go."""
    lines = work.rows(select(matrix_lines).where(matrix_lines.c.provider_id == kept.id))
    if lines:
        gone = {f"{line.requirement}[{line.letter}]": {"duty": line.duty, "text": line.text} for line in lines}
        detail = {"system": slug, "provider": kept.name, "before": gone, "after": {}}
        work.record(Event.MATRIX_CHANGED, f"provider:{kept.id}", detail)


def _check(work: Work, system: Access, entry: ProviderEntry, kept: Any = None) -> None:
    """What was named before may go on being named, also where it went to the trash meanwhile."""
    same = select(providers.c.id).where(providers.c.system_id == system.system_id, providers.c.name == entry.name)
    if any(kept is None or row.id != kept.id for row in work.rows(same)):
        raise Invalid({"name": "A provider of that name is there already. Give this one another name."})
    for field in ("basis_artifact_id", "matrix_artifact_id"):
        named = getattr(entry, field)
        if kept is None or getattr(kept, field) != named:
            check_document(work, system, named, field)


def check_document(work: Work, system: Access, artifact_id: int | None, field: str) -> None:
    """Raise `Invalid` naming the field unless the artifact is one of the system's."""
    if artifact_id is None:
        return
    mine = and_(artifacts.c.id == artifact_id, artifacts.c.system_id == system.system_id, IN_USE)
    if work.row(select(artifacts.c.id).where(mine)) is None:
        raise Invalid({field: _NO_DOCUMENT})


def titles(work: Work, system: Access) -> dict[int, str]:
    """The titles of the system's artifacts in use by number: what a sheet may name as evidence."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    mine = select(artifacts.c.id, artifacts.c.title).where(IN_USE, artifacts.c.system_id == system.system_id)
    return {row.id: row.title for row in work.rows(mine)}


def documents(work: Work, system: Access) -> list[Any]:
    """The newest artifacts of the system, to choose a document from: number and title."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    mine = select(artifacts.c.id, artifacts.c.title).where(IN_USE, artifacts.c.system_id == system.system_id)
    return work.rows(mine.order_by(artifacts.c.id.desc()).limit(MOST_DOCUMENTS))
