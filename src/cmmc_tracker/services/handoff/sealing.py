"""Sealing a package: what its zip holds is made once, at the freeze, and kept to the byte.

So the same package is the same zip in six years, whatever version of the tracker gives it out; its manifest has a hash
that can be reported; and every place in the zip is known before the first byte is sent.
"""

import hashlib
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

from sqlalchemy import func, insert, select, update

from cmmc_tracker.domain.handoff.package import canonical
from cmmc_tracker.errors import Conflict, NotFound
from cmmc_tracker.reports.handoff import manifest
from cmmc_tracker.reports.handoff.manifest import Extra
from cmmc_tracker.reports.registry import REPORTS
from cmmc_tracker.services import integrity
from cmmc_tracker.services.handoff import diagrams, documents, log_extract
from cmmc_tracker.services.work import Tracker, Work
from cmmc_tracker.storage.tables import package_files

PIECE = 1_048_576
THREADS = 4
_AT_ONCE = 32  # files that wait for their hash: a failure is told soon, and the bar moves
_CLAUSE = "32 CFR 170.17(c)(4)"
_SHOWING = [f"{documents.FOLDER}/{name}" for name, one in REPORTS.items() if one.shows]
Moved = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Sealed:
    """A file of a package's zip; `content` where it was made for it and is looked at.

    `is_made`: the database has its bytes, not the store.
    """

    path: str
    size: int
    sha256: str
    crc32: int
    content: bytes | None = None
    is_made: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    """A snapshot that can be sealed: what was made of it, and the CRC-32 of each content that was hashed again."""

    snapshot: Mapping[str, Any]
    made: Sequence[Extra]
    sums: Mapping[str, int]


def prepared(tracker: Tracker, snapshot: Mapping[str, Any], moved: Moved = lambda _bytes: None) -> Prepared:
    """Hash every file of a snapshot again, and make its documents; raises `Conflict` as `checked` does."""
    sums = checked(tracker, snapshot, moved)
    return Prepared(snapshot, made_before(tracker, snapshot), sums)


def look(tracker: Tracker, sha256: str, size: int) -> tuple[str, int]:
    """The state of a content, as `integrity` names it, and the CRC-32 of its bytes: read once, all of it."""
    found, checksum, there = hashlib.sha256(), 0, 0
    try:
        with closing(tracker.blobs.open(sha256)) as source:
            while piece := source.read(PIECE):
                found.update(piece)
                checksum = zlib.crc32(piece, checksum)
                there += len(piece)
    except NotFound:
        return "missing", 0
    except OSError:
        return "unreadable", 0
    return (integrity.INTACT if (found.hexdigest(), there) == (sha256, size) else "altered"), checksum


def contents(snapshot: Mapping[str, Any]) -> dict[str, int]:
    """The contents that a snapshot needs, each once, with its size in bytes; in the order of their paths."""
    return {file["sha256"]: file["size"] for file in snapshot["files"]}


def checked(tracker: Tracker, snapshot: Mapping[str, Any], moved: Moved = lambda _bytes: None) -> dict[str, int]:
    """Hash every file again; returns the CRC-32 of each content.

    `moved` is told the bytes as they are done. Raises `Conflict` naming the files that are not what was received.
    """
    found, wrong = {}, {}
    waiting = iter(contents(snapshot).items())
    with ThreadPoolExecutor(THREADS) as pool:
        while some := list(islice(waiting, _AT_ONCE)):
            seen = pool.map(lambda one: look(tracker, *one), some)
            for (sha256, size), (state, crc32) in zip(some, seen, strict=True):
                found[sha256] = crc32
                if state != integrity.INTACT:
                    wrong[sha256] = state
                moved(size)
    refuse_damaged(snapshot, wrong)
    return found


def refuse_damaged(snapshot: Mapping[str, Any], wrong: Mapping[str, str]) -> None:
    """Raise `Conflict` naming the files of contents that are `missing`, `altered` or `unreadable`."""
    files = [one for one in snapshot["files"] if one["sha256"] in wrong]
    if files:
        named = "; ".join(
            f"{one['original']} (artifact {one['artifact']}): {wrong[one['sha256']]}" for one in files[:10]
        )
        many = "1 file are" if len(files) == 1 else f"{len(files):,} files are"
        raise Conflict(
            f"Nothing was frozen. The bytes of {many} not those that were received: {named}. Restore them first.",
            _CLAUSE,
        )


def made_before(tracker: Tracker, snapshot: Mapping[str, Any]) -> list[Extra]:
    """What can be made before the package has a number: logs, checker, documents, the record.

    All is of the snapshot alone, but for the extract of the audit log up to the head that the snapshot names, and the
    pictures of the diagrams whose hashes it names.
    """
    opening = manifest.opening(snapshot)
    with tracker.read() as work:
        extract = log_extract.of(work, snapshot)
    drawn = diagrams.of(tracker.blobs, snapshot)
    return [*opening, *documents.of(snapshot, extract, drawn), Extra(manifest.RECORDS, canonical(snapshot).encode())]


def sealed(ready: Prepared, number: int, sha256: str) -> list[Sealed]:
    """The files of the zip in their order: logs and checker, artifacts, documents, README, sums, manifest.

    `sha256` is the snapshot's.
    """
    made, files = ready.made, ready.snapshot["files"]
    first = len(manifest.opening(ready.snapshot))
    closing_ones = manifest.closing(ready.snapshot, number, sha256, list(made))
    artifacts = [Sealed(one["path"], one["size"], one["sha256"], ready.sums[one["sha256"]]) for one in files]
    return [*map(_kept, made[:first]), *artifacts, *map(_kept, (*made[first:], *closing_ones))]


def _kept(one: Extra) -> Sealed:
    digest = hashlib.sha256(one.content).hexdigest()
    return Sealed(one.path, len(one.content), digest, zlib.crc32(one.content), one.content, is_made=True)


def keep(work: Work, package_id: int, files: Sequence[Sealed]) -> None:
    """Write the files of a package down; the caller records it."""
    rows = ({"package_id": package_id, "position": n, **_row(one)} for n, one in enumerate(files, 1))
    while some := list(islice(rows, 500)):
        work.change(insert(package_files), some)


def _row(one: Sealed) -> dict[str, Any]:
    return {name: value for name, value in asdict(one).items() if name != "is_made"}


def members(work: Work, package_id: int) -> list[Sealed]:
    """The files of a package's zip without their contents, in their order; none for one that was never sealed."""
    table = package_files.c
    is_made = table.content.is_not(None).label("is_made")
    query = select(table.path, table.size, table.sha256, table.crc32, is_made).where(table.package_id == package_id)
    rows = work.rows(query.order_by(table.position))
    return [Sealed(row.path, row.size, row.sha256, row.crc32, is_made=bool(row.is_made)) for row in rows]


def content(work: Work, package_id: int, position: int) -> bytes:
    """What was made for a package at that position, from 1."""
    key = (package_files.c.package_id == package_id, package_files.c.position == position)
    return bytes(work.db.execute(select(package_files.c.content).where(*key)).scalar_one())


def manifest_of(work: Work, package_id: int) -> bytes:
    """The manifest of a sealed package; empty for one that is not."""
    named = (package_files.c.package_id == package_id, package_files.c.path == manifest.MANIFEST)
    return bytes(work.db.execute(select(package_files.c.content).where(*named)).scalar() or b"")


def forget_pictures(work: Work, hashes: Collection[str]) -> None:
    """Empty the front binders that may show one of these contents, which are spilled; the caller records it.

    Their packages are given out no more. Their other documents have words of what was spilled, never its bytes.
    """
    having = select(package_files.c.package_id).where(
        package_files.c.sha256.in_(hashes), package_files.c.content.is_(None)
    )
    shows = (package_files.c.path.in_(_SHOWING), package_files.c.package_id.in_(having))
    work.change(update(package_files).where(*shows).values(content=b""))


def emptied(work: Work, package_id: int) -> list[str]:
    """The documents of a package that a spill emptied."""
    kept = package_files.c
    query = select(kept.path).where(kept.package_id == package_id, kept.size > 0, func.length(kept.content) == 0)
    return [row.path for row in work.rows(query)]


def read(tracker: Tracker, package_id: int, position: int, one: Sealed, part: tuple[int, int]) -> Iterator[bytes]:
    """The bytes of a file of the zip, from the first of `part` to the second (exclusive).

    Raises `Conflict` at the end of a whole file whose bytes are not those that were frozen. A part alone says nothing:
    whoever goes on with a broken download checks the whole by its CRC-32 and `verify.py`.
    """
    found = hashlib.sha256()
    for piece in _pieces(tracker, package_id, position, one, part):
        found.update(piece)
        yield piece
    if part[1] - part[0] == one.size and found.hexdigest() != one.sha256:
        raise Conflict(f"{one.path} is not the file that was frozen; the package cannot be given out.")


def _pieces(tracker: Tracker, package_id: int, position: int, one: Sealed, part: tuple[int, int]) -> Iterator[bytes]:
    first, last = part
    if one.is_made:
        with tracker.read() as work:
            own = content(work, package_id, position)
        yield own[first:last]
        return
    left = last - first
    with closing(tracker.blobs.open(one.sha256)) as source:
        source.seek(first)
        while left and (piece := source.read(min(PIECE, left))):
            left -= len(piece)
            yield piece
    if left:
        raise Conflict(f"{one.path} is shorter than the file that was frozen; the package cannot be given out.")
