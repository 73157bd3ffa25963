"""Artifacts as they are read: one with its versions, files and links; pages of many; an objective's evidence."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select

from cmmc_tracker.domain.artifacts import ArtifactStatus, Kind
from cmmc_tracker.domain.catalog import ObjectiveId
from cmmc_tracker.errors import Invalid, NotFound
from cmmc_tracker.services.artifacts import shown_to, visible
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage import search
from cmmc_tracker.storage.tables import artifact_files, artifact_versions, artifacts, blobs, links, users

COMMAND_LINE = "command line"


@dataclass(frozen=True, slots=True)
class File:
    """One file of one version."""

    position: int
    filename: str
    media_type: str
    size: int
    sha256: str
    warnings: tuple[str, ...] = ()  # what its examination found, in sentences


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an artifact, its files in order."""

    number: int
    note: str
    received_at: datetime
    received_by: str
    files: tuple[File, ...]


@dataclass(frozen=True, slots=True)
class LinkedObjective:
    """A link from an artifact to an objective of a system."""

    system: str
    system_id: int
    objective: ObjectiveId
    locator: str
    shows: str


@dataclass(frozen=True, slots=True)
class Artifact:
    """One artifact as people see it; `versions` are newest first and hold at least the current one."""

    id: int
    system_id: int
    title: str
    kind: Kind
    description: str
    status: ArtifactStatus
    covers_from: date | None
    covers_until: date | None
    collected_on: date | None
    created_at: datetime
    created_by: str
    current_version: int
    version: int
    versions: tuple[Version, ...]
    links: tuple[LinkedObjective, ...]
    same_bytes: tuple[tuple[int, str], ...] = ()  # other artifacts (id, title) with the same current bytes

    @property
    def current(self) -> Version:
        """The version that counts now."""
        return next(v for v in self.versions if v.number == self.current_version)


@dataclass(frozen=True, slots=True)
class ArtifactName:
    """An artifact where it is named in a list of evidence."""

    id: int
    title: str
    kind: Kind
    status: ArtifactStatus


@dataclass(frozen=True, slots=True)
class ArtifactFilter:
    """What to list; an empty field does not narrow. `cursor` is the last id of the page before."""

    text: str = ""
    kind: str = ""
    status: str = ""
    family: str = ""
    objective: ObjectiveId | None = None
    system_id: int | None = None
    unlinked: bool = False
    limit: int = 25
    cursor: int | None = None


def one(work: Work, artifact_id: int) -> Artifact:
    """One artifact with all its versions and its links; raises `NotFound` for what the actor may not know of."""
    row = visible(work, artifact_id)
    versions = _versions(work, artifact_versions.c.artifact_id == artifact_id)
    linked = _links(work, [artifact_id])
    by = _names(work, [row.created_by])
    current = next(v for v in versions[artifact_id] if v.number == row.current_version)
    return _artifact(row, by, tuple(versions[artifact_id]), linked[artifact_id], _twins(work, artifact_id, current))


def page(work: Work, wanted: ArtifactFilter) -> tuple[list[Artifact], int | None]:
    """Artifacts that fit, newest first, with their current version, and the cursor of the next page or None."""
    query = select(artifacts).where(shown_to(work.actor), *_conditions(work, wanted))
    order: ColumnElement[int] = artifacts.c.id
    if wanted.text:
        query, order = search.narrowed(work.db, query, artifacts.c.id, wanted.text)
    if wanted.cursor is not None:
        query = query.where(order < wanted.cursor)
    rows = work.rows(query.order_by(order.desc()).limit(wanted.limit + 1))
    more, rows = len(rows) > wanted.limit, rows[: wanted.limit]
    found = _filled(work, rows)
    return found, (found[-1].id if more else None)


def _filled(work: Work, rows: list[Any]) -> list[Artifact]:
    if not rows:
        return []
    ids = [row.id for row in rows]
    current = and_(artifact_versions.c.artifact_id == artifacts.c.id, artifacts.c.id.in_(ids))
    versions = _versions(work, current, artifact_versions.c.number == artifacts.c.current_version)
    linked, by = _links(work, ids), _names(work, [row.created_by for row in rows])
    return [_artifact(row, by, tuple(versions[row.id]), linked[row.id]) for row in rows]


def _conditions(work: Work, wanted: ArtifactFilter) -> list[Any]:
    found = []
    if wanted.kind:
        if wanted.kind not in set(Kind):
            raise Invalid({"kind": f"This kind is not known; choose one of {', '.join(Kind)}."})
        found.append(artifacts.c.kind == wanted.kind)
    if wanted.status:
        if wanted.status not in set(ArtifactStatus):
            raise Invalid({"status": f"This status is not known; choose one of {', '.join(ArtifactStatus)}."})
        found.append(artifacts.c.status == wanted.status)
    if wanted.system_id is not None:
        found.append(artifacts.c.system_id == wanted.system_id)
    return [*found, *_linked_conditions(work, wanted)]


def _linked_conditions(work: Work, wanted: ArtifactFilter) -> list[Any]:
    mine = links.c.system_id.in_(work.actor.system_ids() if work.actor else [])
    any_link = select(links.c.artifact_id).where(links.c.artifact_id == artifacts.c.id, mine)
    found: list[Any] = []
    if wanted.family:
        found.append(any_link.where(links.c.requirement.startswith(f"{wanted.family}.", autoescape=True)).exists())
    if wanted.objective:
        at = and_(links.c.requirement == wanted.objective.requirement, links.c.letter == wanted.objective.letter)
        found.append(any_link.where(at).exists())
    if wanted.unlinked:
        found.append(~any_link.exists())
    return found


def of_requirement(
    work: Work, system_id: int, requirement: str, letter: str | None = None
) -> Mapping[str, list[tuple[ArtifactName, str, str]]]:
    """The evidence of a requirement, or of one of its objectives: letter -> (artifact, locator, shows) as linked."""
    query = (
        select(links.c.letter, links.c.locator, links.c.shows, artifacts.c.id, artifacts.c.title)
        .add_columns(artifacts.c.kind, artifacts.c.status)
        .join(artifacts, artifacts.c.id == links.c.artifact_id)
        .where(links.c.system_id == system_id, links.c.requirement == requirement, artifacts.c.deleted_at.is_(None))
        .order_by(links.c.linked_at, links.c.artifact_id)
    )
    if letter is not None:
        query = query.where(links.c.letter == letter)
    found: dict[str, list[tuple[ArtifactName, str, str]]] = defaultdict(list)
    for row in work.rows(query):
        name = ArtifactName(row.id, row.title, Kind(row.kind), ArtifactStatus(row.status))
        found[row.letter].append((name, row.locator, row.shows))
    return found


def file_of(work: Work, artifact_id: int, number: int, position: int = 1) -> File:
    """One file of one version; raises `NotFound` for what the actor may not know of."""
    visible(work, artifact_id)
    files = _files(work, artifact_files.c.artifact_id == artifact_id, artifact_files.c.number == number)
    found = next((f for f in files[artifact_id, number] if f.position == position), None)
    if found is None:
        raise NotFound("There is no such version of this artifact.")
    return found


def file_named(work: Work, artifact_id: int, number: int, name: str) -> File:
    """The file of that name in a version; raises `NotFound`."""
    visible(work, artifact_id)
    files = _files(work, artifact_files.c.artifact_id == artifact_id, artifact_files.c.number == number)
    found = next((f for f in files[artifact_id, number] if f.filename == name), None)
    if found is None:
        raise NotFound("There is no such file.")
    return found


def count(work: Work) -> int:
    """How many artifacts the actor may see."""
    return work.db.execute(select(func.count()).select_from(artifacts).where(shown_to(work.actor))).scalar_one()


def _artifact(
    row: Any,
    by: Mapping[int, str],
    versions: tuple[Version, ...],
    linked: list[LinkedObjective],
    same_bytes: tuple[tuple[int, str], ...] = (),
) -> Artifact:
    return Artifact(
        id=row.id,
        system_id=row.system_id,
        title=row.title,
        kind=Kind(row.kind),
        description=row.description,
        status=ArtifactStatus(row.status),
        covers_from=row.covers_from,
        covers_until=row.covers_until,
        collected_on=row.collected_on,
        created_at=row.created_at,
        created_by=by.get(row.created_by, COMMAND_LINE),
        current_version=row.current_version,
        version=row.version,
        versions=versions,
        links=tuple(linked),
        same_bytes=same_bytes,
    )


def _names(work: Work, ids: Iterable[int | None]) -> Mapping[int, str]:
    wanted = {i for i in ids if i is not None}
    return {r.id: r.name for r in work.rows(select(users.c.id, users.c.name).where(users.c.id.in_(wanted)))}


def _versions(work: Work, *where: Any) -> Mapping[int, list[Version]]:
    query = (
        select(artifact_versions, users.c.name, artifact_files, blobs.c.size)
        .join(artifacts, artifacts.c.id == artifact_versions.c.artifact_id)
        .join(users, users.c.id == artifact_versions.c.received_by, isouter=True)
        .join(
            artifact_files,
            and_(
                artifact_files.c.artifact_id == artifact_versions.c.artifact_id,
                artifact_files.c.number == artifact_versions.c.number,
            ),
        )
        .join(blobs, blobs.c.sha256 == artifact_files.c.sha256)
        .where(*where)
        .order_by(artifact_versions.c.artifact_id, artifact_versions.c.number.desc(), artifact_files.c.position)
    )
    grouped: dict[tuple[int, int], list[Any]] = defaultdict(list)
    for row in work.rows(query):
        grouped[row.artifact_id, row.number].append(row)
    found: dict[int, list[Version]] = defaultdict(list)
    for (artifact_id, number), rows in grouped.items():
        first = rows[0]
        files = tuple(map(_file, rows))
        found[artifact_id].append(Version(number, first.note, first.received_at, first.name or COMMAND_LINE, files))
    return found


def _files(work: Work, *where: Any) -> Mapping[tuple[int, int], list[File]]:
    query = select(artifact_files, blobs.c.size).join(blobs, blobs.c.sha256 == artifact_files.c.sha256).where(*where)
    found: dict[tuple[int, int], list[File]] = defaultdict(list)
    for r in work.rows(query.order_by(artifact_files.c.position)):
        found[r.artifact_id, r.number].append(_file(r))
    return found


def _file(row: Any) -> File:
    return File(row.position, row.filename, row.media_type, row.size, row.sha256, tuple(row.warnings))


def _links(work: Work, ids: list[int]) -> Mapping[int, list[LinkedObjective]]:
    mine = {access.system_id: slug for slug, access in work.actor.systems.items()} if work.actor else {}
    query = select(links).where(links.c.artifact_id.in_(ids), links.c.system_id.in_(mine))
    found: dict[int, list[LinkedObjective]] = defaultdict(list)
    for r in work.rows(query.order_by(links.c.system_id, links.c.linked_at, links.c.requirement, links.c.letter)):
        objective = ObjectiveId(r.requirement, r.letter)
        found[r.artifact_id].append(LinkedObjective(mine[r.system_id], r.system_id, objective, r.locator, r.shows))
    return found


def _twins(work: Work, artifact_id: int, current: Version) -> tuple[tuple[int, str], ...]:
    same = and_(
        artifact_files.c.artifact_id == artifacts.c.id,
        artifact_files.c.number == artifacts.c.current_version,
        artifact_files.c.sha256.in_([f.sha256 for f in current.files]),
    )
    query = select(artifacts.c.id, artifacts.c.title).join(artifact_files, same).distinct()
    rows = work.rows(query.where(shown_to(work.actor), artifacts.c.id != artifact_id).order_by(artifacts.c.id).limit(5))
    return tuple((row.id, row.title) for row in rows)
