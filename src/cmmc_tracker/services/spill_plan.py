"""What a spill would take out, and what it cannot reach; nothing is changed here. The doing is `spill.py`."""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import and_, or_, select

from cmmc_tracker.domain.audit import stamp
from cmmc_tracker.domain.permissions import Action, allow
from cmmc_tracker.domain.text import clean_line
from cmmc_tracker.errors import Invalid, NotFound, TrackerError
from cmmc_tracker.importers import archive
from cmmc_tracker.services.work import Tracker, Work
from cmmc_tracker.storage.tables import artifact_files, artifact_versions, artifacts, audit, blobs, imports, pins

LONGEST_REASON, LONGEST_LOCATION = 300, 1_000
_LARGEST = 1_099_511_627_776  # bytes: as large as any; of a waiting archive only files of a spilled size are read
Version = tuple[int, int]  # an artifact and the number of its version


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be spilled, why, and where the evidence is kept from now on, if anywhere."""

    artifact_id: int
    number: int | None
    reason: str
    location: str = ""

    @classmethod
    def parse(cls, artifact_id: int, number: int | None, reason: str, location: str = "") -> "Wanted":
        """Read from text; raises `Invalid` for a reason that is missing or too long."""
        why, where = clean_line(reason), clean_line(location)
        wrong = {}
        if not why or len(why) > LONGEST_REASON:
            wrong["reason"] = f"Say why, in at most {LONGEST_REASON} characters, without what was spilled itself."
        if len(where) > LONGEST_LOCATION:
            wrong["keep_as"] = f"A location has at most {LONGEST_LOCATION:,} characters."
        if wrong:
            raise Invalid(wrong)
        return cls(artifact_id, number, why, where)


@dataclass(frozen=True, slots=True)
class Pin:
    """A package, or whatever else holds a version, and until when it was to stay."""

    artifact_id: int
    number: int
    holder: str
    until: date


@dataclass(frozen=True, slots=True)
class Plan:
    """What a spill takes out: `versions` of the artifact with all their bytes, whose `hashes` are spilled.

    `elsewhere` are other versions that have some of the same bytes: they go whole, for half a version is none.
    """

    title: str
    versions: tuple[Version, ...]
    elsewhere: tuple[Version, ...]
    hashes: tuple[str, ...]
    imports: tuple[int, ...]  # sent, waiting to be confirmed, with these bytes in them
    unread: tuple[int, ...]  # archives that wait and cannot be looked into
    pins: tuple[Pin, ...]
    backups: tuple[str, ...]  # what the log says of backups since it came

    @property
    def all_versions(self) -> tuple[Version, ...]:
        """Those of the artifact, and those elsewhere."""
        return (*self.versions, *self.elsewhere)


def plan(tracker: Tracker, actor: Any, wanted: Wanted) -> Plan:
    """What would go; changes nothing. Raises `NotFound` for no such artifact or version, and for one that is gone."""
    with tracker.read(actor) as work:
        allow(work.actor, Action.ARTIFACT_SPILL)
        title, versions = _chosen(work, wanted)
        sizes = _contents(work, versions)
        elsewhere = elsewhere_of(work, sizes, versions)
        waiting = work.rows(select(imports.c.id, imports.c.kind, imports.c.sha256))
        held = _pins(work, (*versions, *elsewhere))
        backups = _backups(work, (*versions, *elsewhere))
    having, unread = _imports_with(tracker, waiting, sizes)
    return Plan(title, versions, elsewhere, tuple(sorted(sizes)), having, unread, held, backups)


def _chosen(work: Work, wanted: Wanted) -> tuple[str, tuple[Version, ...]]:
    row = work.row(select(artifacts.c.title).where(artifacts.c.id == wanted.artifact_id))
    if row is None:
        raise NotFound(f"There is no artifact {wanted.artifact_id}.")
    query = select(artifact_files.c.number).where(artifact_files.c.artifact_id == wanted.artifact_id).distinct()
    numbers = [one.number for one in work.rows(query.order_by(artifact_files.c.number))]
    if wanted.number is not None:
        numbers = [one for one in numbers if one == wanted.number]
    if not numbers:
        which = "" if wanted.number is None else f"version {wanted.number} of "
        raise NotFound(f"Nothing is kept of {which}artifact {wanted.artifact_id}; it may have gone already.")
    return row.title, tuple((wanted.artifact_id, one) for one in numbers)


def _of(versions: Collection[Version]) -> Any:
    """The condition that a file belongs to one of these versions."""
    numbers: dict[int, list[int]] = defaultdict(list)
    for artifact_id, number in versions:
        numbers[artifact_id].append(number)
    return or_(
        *(
            and_(artifact_files.c.artifact_id == artifact_id, artifact_files.c.number.in_(some))
            for artifact_id, some in numbers.items()
        )
    )


def _contents(work: Work, versions: Collection[Version]) -> dict[str, int]:
    """The hashes of their files, and how many bytes each has."""
    if not versions:
        return {}
    query = select(blobs.c.sha256, blobs.c.size).join(artifact_files, artifact_files.c.sha256 == blobs.c.sha256)
    return {row.sha256: row.size for row in work.rows(query.where(_of(versions)).distinct())}


def elsewhere_of(work: Work, hashes: Collection[str], versions: Collection[Version]) -> tuple[Version, ...]:
    """Other versions, of this artifact too, with some of the same bytes; those of the trash and quarantine count."""
    query = select(artifact_files.c.artifact_id, artifact_files.c.number).distinct()
    query = query.where(artifact_files.c.sha256.in_(list(hashes)))
    rows = work.rows(query.order_by(artifact_files.c.artifact_id, artifact_files.c.number))
    return tuple((row.artifact_id, row.number) for row in rows if (row.artifact_id, row.number) not in versions)


def _pins(work: Work, versions: Collection[Version]) -> tuple[Pin, ...]:
    ids = {artifact_id for artifact_id, _ in versions}
    query = select(pins).where(pins.c.artifact_id.in_(ids)).order_by(pins.c.holder, pins.c.artifact_id, pins.c.number)
    held = (Pin(row.artifact_id, row.number, row.holder, row.until) for row in work.rows(query))
    return tuple(one for one in held if (one.artifact_id, one.number) in versions)


def _backups(work: Work, versions: Collection[Version]) -> tuple[str, ...]:
    """Each backup that the log knows of since the first of them came."""
    ids = {artifact_id for artifact_id, _ in versions}
    query = select(artifact_versions).where(artifact_versions.c.artifact_id.in_(ids))
    came = min(row.received_at for row in work.rows(query) if (row.artifact_id, row.number) in versions)
    made = audit.c.action.startswith("backup:")
    since = select(audit.c.at, audit.c.entity, audit.c.detail).where(made, audit.c.at >= stamp(came))
    return tuple(f"{row.at[:16]} {row.entity} {row.detail}" for row in work.rows(since.order_by(audit.c.id)))


def _imports_with(
    tracker: Tracker, waiting: Sequence[Any], sizes: dict[str, int]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The waiting imports that are these bytes or hold them, and those that cannot be looked into."""
    having, unread = [], []
    for row in waiting:
        try:
            is_one = row.sha256 in sizes or (row.kind == "archive" and _holds(tracker, row.sha256, sizes))
        except (TrackerError, OSError):
            unread.append(row.id)
            continue
        if is_one:
            having.append(row.id)
    return tuple(having), tuple(unread)


def _holds(tracker: Tracker, sha256: str, sizes: dict[str, int]) -> bool:
    """Whether an archive has a file with one of these hashes; only files of a fitting size are unpacked."""
    with tracker.blobs.open(sha256) as file:
        size = file.seek(0, 2)
        found = archive.plan(file, size, most_each=_LARGEST, most_together=_LARGEST)
        for one in found.entries:
            if one.size in sizes.values():
                digest = hashlib.sha256()
                for piece in archive.read(file, one):
                    digest.update(piece)
                if digest.hexdigest() in sizes:
                    return True
    return False


def told_elsewhere(found: Plan) -> str:
    """Which other versions have the same bytes, as the beginning of a sentence."""
    named = ", ".join(f"artifact {artifact_id} version {number}" for artifact_id, number in found.elsewhere)
    return f"{named} {'has' if len(found.elsewhere) == 1 else 'have'}"
