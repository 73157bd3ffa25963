"""Artifacts as they are read: one with its versions, files and links; pages of many; an objective's evidence."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, func, select, union_all

from cmmc_tracker.domain.artifacts import ArtifactStatus, Kind
from cmmc_tracker.domain.catalog import ObjectiveId
from cmmc_tracker.domain.freshness import Cadence, Dates, Freshness, freshness
from cmmc_tracker.errors import NotFound
from cmmc_tracker.services import cui, members
from cmmc_tracker.services.artifacts import IN_USE, shown_to, visible
from cmmc_tracker.services.integrity import INTACT
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import artifact_files, artifact_versions, artifacts, blobs, held_files, links, users

COMMAND_LINE = "command line"
# What is read of a file of the store, from its own row and from that of its bytes.
OF_FILE = (
    *(artifact_files.c[name] for name in ("position", "filename", "media_type", "sha256", "warnings")),
    *(blobs.c[name] for name in ("size", "check_state", "checked_at", "text_state", "text_why")),
)


@dataclass(frozen=True, slots=True)
class File:
    """One file of one version.

    Of one that is held elsewhere there are no bytes: it has a `location`, and its name, type and size may not be known.
    """

    position: int
    filename: str | None
    media_type: str | None
    size: int | None
    sha256: str
    warnings: tuple[str, ...] = ()  # what its examination found, in sentences
    check_state: str = ""  # how the bytes stood when they were last hashed again; empty: not since they came
    checked_at: datetime | None = None
    text_state: str = "waiting"
    text_why: str = ""
    location: str = ""  # empty for what the store has

    @property
    def is_held(self) -> bool:
        """Whether it stays where it is, and only its hash is here."""
        return bool(self.location)

    @property
    def name(self) -> str:
        """What it is called where it is named: its file name, or where it is held."""
        return self.filename or f"held at {self.location}"

    @property
    def is_damaged(self) -> bool:
        """Whether the bytes were found not to be those that were received."""
        return self.check_state not in {"", INTACT}


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an artifact, its files in order."""

    number: int
    note: str
    received_at: datetime
    received_by: str
    files: tuple[File, ...]
    manifest_sha256: str

    @property
    def size(self) -> int | None:
        """The bytes of all its files together; None where one of them is not known."""
        sizes = [one.size for one in self.files if one.size is not None]
        return sum(sizes) if len(sizes) == len(self.files) else None

    @property
    def location(self) -> str:
        """Where it is held; empty for what the store has."""
        return self.files[0].location


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
    owner: str
    reviewer: str
    cadence: Cadence
    due_on: date | None
    approved_by: str  # empty where no review was asked for
    approved_at: datetime | None
    freshness: Freshness  # today
    origin: str = ""  # the folders and the name that it came with, where it came in folders
    same_bytes: tuple[tuple[int, str], ...] = ()  # other artifacts (id, title) with the same current bytes
    quarantined: bool = False
    marked: bool = False  # a file's name or text of the current version carries a marking of CUI

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
    freshness: Freshness
    location: str = ""  # where it is held, if it is
    marked: bool = False  # as an artifact's


def one(work: Work, artifact_id: int) -> Artifact:
    """One artifact with all its versions and its links; raises `NotFound` for what the actor may not know of."""
    return _whole(work, visible(work, artifact_id))


def made(work: Work, artifact_id: int) -> Artifact:
    """An artifact that the actor just made or changed in this Work, also where it went into quarantine with that."""
    return _whole(work, work.db.execute(select(artifacts).where(artifacts.c.id == artifact_id)).one())


def _whole(work: Work, row: Any) -> Artifact:
    artifact_id = row.id
    versions = _versions(work, artifact_versions.c.artifact_id == artifact_id)
    linked = _links(work, [artifact_id])
    by = _people(work, [row])
    current = next(v for v in versions[artifact_id] if v.number == row.current_version)
    return replace(
        _artifact(work, row, by, tuple(versions[artifact_id]), linked[artifact_id]),
        same_bytes=_twins(work, artifact_id, current),
        marked=bool(cui.marked(work, [artifact_id])),
    )


def filled(work: Work, rows: list[Any]) -> list[Artifact]:
    """Rows of artifacts with their current versions, links and people."""
    if not rows:
        return []
    ids = [row.id for row in rows]
    current = and_(artifact_versions.c.artifact_id == artifacts.c.id, artifacts.c.id.in_(ids))
    versions = _versions(work, current, artifact_versions.c.number == artifacts.c.current_version)
    linked, by, marked = _links(work, ids), _people(work, rows), cui.marked(work, ids)
    found = [_artifact(work, row, by, tuple(versions[row.id]), linked[row.id]) for row in rows]
    return [replace(one, marked=one.id in marked) for one in found]


@cache  # putting it together takes longer than running it
def _linked(*, to_one: bool) -> Select[Any]:
    here = [links.c.system_id == bindparam("system"), links.c.requirement == bindparam("of")]
    if to_one:
        here.append(links.c.letter == bindparam("letter"))
    return (
        select(links.c.letter, links.c.locator, links.c.shows, artifacts.c.id, artifacts.c.title)
        .add_columns(artifacts.c.kind, artifacts.c.status, artifacts.c.due_on, artifact_versions.c.received_at)
        .add_columns(artifacts.c.covers_from, artifacts.c.covers_until, artifacts.c.collected_on, held_files.c.location)
        .join(artifacts, artifacts.c.id == links.c.artifact_id)
        .join(
            artifact_versions,
            and_(
                artifact_versions.c.artifact_id == artifacts.c.id,
                artifact_versions.c.number == artifacts.c.current_version,
            ),
        )
        .join(
            held_files,
            and_(
                held_files.c.artifact_id == artifacts.c.id,
                held_files.c.number == artifacts.c.current_version,
                held_files.c.position == 1,
            ),
            isouter=True,
        )
        .where(*here, IN_USE)
        .order_by(links.c.linked_at, links.c.artifact_id)
    )


def of_requirement(
    work: Work, system_id: int, requirement: str, letter: str | None = None
) -> Mapping[str, list[tuple[ArtifactName, str, str]]]:
    """The evidence of a requirement, or of one of its objectives: letter -> (artifact, locator, shows) as linked."""
    found: dict[str, list[tuple[ArtifactName, str, str]]] = defaultdict(list)
    one = {} if letter is None else {"letter": letter}
    rows = work.rows(_linked(to_one=letter is not None), system=system_id, of=requirement, **one)
    marked = cui.marked(work, [row.id for row in rows])
    for row in rows:
        fresh = freshness(row.due_on, _dates(row, work.day(row.received_at)), work.today)
        name = ArtifactName(
            *(row.id, row.title, Kind(row.kind), ArtifactStatus(row.status), fresh, row.location or ""),
            row.id in marked,
        )
        found[row.letter].append((name, row.locator, row.shows))
    return found


def file_of(work: Work, artifact_id: int, number: int, position: int = 1) -> File:
    """One file of one version; raises `NotFound` for what the actor may not know of."""
    visible(work, artifact_id)
    found = next((f for f in _files(work, artifact_id, number) if f.position == position), None)
    if found is None:
        raise NotFound("There is no such version of this artifact.")
    return found


def file_named(work: Work, artifact_id: int, number: int, name: str) -> File:
    """The file of that name in a version; raises `NotFound`."""
    visible(work, artifact_id)
    found = next((f for f in _files(work, artifact_id, number) if f.filename == name), None)
    if found is None:
        raise NotFound("There is no such file.")
    return found


def counted(work: Work) -> ColumnElement[int]:
    """How many artifacts the actor may see, as a column of another query."""
    return select(func.count()).select_from(artifacts).where(shown_to(work.actor)).scalar_subquery()


def _artifact(
    work: Work,
    row: Any,
    by: Mapping[int | None, str],
    versions: tuple[Version, ...],
    linked: list[LinkedObjective],
) -> Artifact:
    received = next(v.received_at for v in versions if v.number == row.current_version)
    dates = _dates(row, work.day(received))
    is_home = work.actor is not None and work.actor.by_id(row.system_id) is not None  # its people are for its members
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
        owner=by.get(row.owner_id, "") if is_home else "",
        reviewer=by.get(row.reviewer_id, "") if is_home else "",
        cadence=Cadence(row.cadence),
        due_on=row.due_on,
        approved_by=by.get(row.approved_by, ""),
        approved_at=row.approved_at,
        freshness=freshness(row.due_on, dates, work.today),
        origin=row.origin if is_home else "",
        quarantined=row.quarantined_at is not None,
    )


def _dates(row: Any, received_on: date) -> Dates:
    return Dates(row.covers_from, row.covers_until, row.collected_on, received_on)


def _people(work: Work, rows: Iterable[Any]) -> Mapping[int | None, str]:
    ids = {i for row in rows for i in (row.created_by, row.owner_id, row.reviewer_id, row.approved_by)}
    return members.names(work, ids)


def _versions(work: Work, *where: Any) -> Mapping[int, list[Version]]:
    of_version = and_(
        artifact_files.c.artifact_id == artifact_versions.c.artifact_id,
        artifact_files.c.number == artifact_versions.c.number,
    )
    query = (
        select(artifact_versions, users.c.name, *OF_FILE)
        .join(artifacts, artifacts.c.id == artifact_versions.c.artifact_id)
        .join(users, users.c.id == artifact_versions.c.received_by, isouter=True)
        .join(artifact_files, of_version, isouter=True)
        .join(blobs, blobs.c.sha256 == artifact_files.c.sha256, isouter=True)
        .where(*where)
        .order_by(artifact_versions.c.artifact_id, artifact_versions.c.number.desc(), artifact_files.c.position)
    )
    grouped: dict[tuple[int, int], list[Any]] = defaultdict(list)
    for row in work.rows(query):
        grouped[row.artifact_id, row.number].append(row)
    elsewhere = held(work, {artifact_id for (artifact_id, _), rows in grouped.items() if rows[0].position is None})
    found: dict[int, list[Version]] = defaultdict(list)
    for (artifact_id, number), rows in grouped.items():
        first = rows[0]
        files = elsewhere[artifact_id, number] if first.position is None else list(map(file_from, rows))
        if files:
            by = first.name or COMMAND_LINE
            version = Version(number, first.note, first.received_at, by, tuple(files), first.manifest_sha256)
            found[artifact_id].append(version)
    return found


def _files(work: Work, artifact_id: int, number: int) -> list[File]:
    """The files of one version, in order: those in the store, or those that are held elsewhere."""
    query = select(*OF_FILE).join(blobs, blobs.c.sha256 == artifact_files.c.sha256)
    query = query.where(artifact_files.c.artifact_id == artifact_id, artifact_files.c.number == number)
    rows = work.rows(query.order_by(artifact_files.c.position))
    return list(map(file_from, rows)) if rows else held(work, {artifact_id})[artifact_id, number]


def held(work: Work, ids: Collection[int]) -> Mapping[tuple[int, int], list[File]]:
    """The files of these artifacts that are held elsewhere, by version; nothing is asked where there is none to ask."""
    found: dict[tuple[int, int], list[File]] = defaultdict(list)
    query = select(held_files).where(held_files.c.artifact_id.in_(ids)).order_by(held_files.c.position)
    for row in work.rows(query) if ids else ():
        found[row.artifact_id, row.number].append(
            File(
                row.position,
                row.filename,
                row.media_type,
                row.size,
                row.sha256,
                check_state=row.check_state,
                checked_at=row.checked_at,
                text_state="none",
                location=row.location,
            )
        )
    return found


def file_from(row: Any) -> File:
    """A file, from a row with the columns `OF_FILE`."""
    return File(
        row.position,
        row.filename,
        row.media_type,
        row.size,
        row.sha256,
        tuple(row.warnings),
        row.check_state,
        row.checked_at,
        row.text_state,
        row.text_why,
    )


def _links(work: Work, ids: list[int]) -> Mapping[int, list[LinkedObjective]]:
    mine = {access.system_id: slug for slug, access in work.actor.systems.items()} if work.actor else {}
    query = select(links).where(links.c.artifact_id.in_(ids), links.c.system_id.in_(mine))
    found: dict[int, list[LinkedObjective]] = defaultdict(list)
    for r in work.rows(query.order_by(links.c.system_id, links.c.linked_at, links.c.requirement, links.c.letter)):
        objective = ObjectiveId(r.requirement, r.letter)
        found[r.artifact_id].append(LinkedObjective(mine[r.system_id], r.system_id, objective, r.locator, r.shows))
    return found


# Made once: to make an alias costs more than most queries.
_THERE = artifacts.alias("there")
_SAME = tuple(
    (table, and_(_THERE.c.id == table.c.artifact_id, _THERE.c.current_version == table.c.number))
    for table in (artifact_files, held_files)
)


def _twins(work: Work, artifact_id: int, current: Version) -> tuple[tuple[int, str], ...]:
    hashes = [f.sha256 for f in current.files]
    same = [select(t.c.artifact_id).join(_THERE, joined).where(t.c.sha256.in_(hashes)) for t, joined in _SAME]
    query = select(artifacts.c.id, artifacts.c.title).where(artifacts.c.id.in_(union_all(*same)))
    rows = work.rows(query.where(shown_to(work.actor), artifacts.c.id != artifact_id).order_by(artifacts.c.id).limit(5))
    return tuple((row.id, row.title) for row in rows)
