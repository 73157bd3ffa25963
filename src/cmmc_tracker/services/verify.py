"""`verify`: bytes against hashes, rows against bytes, packages, and the audit chain; leftovers of crashes are cleared.

It may run beside a server: whether an upload still lives is told by the lock that it holds until its row is
committed, never by age.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, func, or_, select

from cmmc_tracker.domain.artifacts import manifest
from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.held import Held
from cmmc_tracker.services import audit, held, integrity, trash
from cmmc_tracker.services.handoff import checking
from cmmc_tracker.services.work import Tracker, Work
from cmmc_tracker.storage.tables import artifact_files, artifact_versions, artifacts, blobs, held_files, tombstones

THREADS = 4
PIECE, PIECE_BYTES = 500, 256 * 1_048_576


@dataclass(slots=True)
class Report:
    """What verify found. `problems` empty means that everything is as it was recorded."""

    blobs: int = 0
    bytes: int = 0
    held: int = 0  # files that are held elsewhere, and are checked there
    entries: int = 0
    head: str = ""
    heads: dict[str, int | None] = field(default_factory=dict)  # heads kept elsewhere, and the entry of each
    removed: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def total(tracker: Tracker) -> int:
    """How many bytes a verify will read, for the progress bar."""
    with tracker.read() as work:
        return int(work.db.execute(select(func.coalesce(func.sum(blobs.c.size), 0))).scalar_one())


def run(
    tracker: Tracker,
    progress: Callable[[int], None] = lambda _bytes: None,
    heads: Collection[str] = (),
    *,
    resume: bool = False,
) -> Report:
    """Check everything; `progress` is told the bytes of each blob as it is done.

    `heads` are hashes of the log's newest entry, as somebody kept them elsewhere: each must still be one of its hashes.
    With `resume`, contents that were found intact within the last day are taken as checked.
    """
    report = Report(held=held.count(tracker))
    _check_blobs(tracker, report, progress, resume=resume)
    _check_versions(tracker, report)
    _check_manifests(tracker, report)
    report.problems += checking.problems(tracker)
    _check_chain(tracker, heads, report)
    report.removed = tracker.blobs.sweep(trash.Knowing(tracker))
    if report.removed:
        with tracker.write() as work:
            work.record(Event.LEFTOVERS_REMOVED, "store:", {"names": report.removed[:100]}, actor="verify")
    return report


def _check_blobs(tracker: Tracker, report: Report, progress: Callable[[int], None], *, resume: bool) -> None:
    """Hash in several threads, for hashing lets the others run; what was found is remembered piece by piece."""
    with ThreadPoolExecutor(THREADS) as pool:
        for rows in _known(tracker):
            todo = [row for row in rows if not (resume and _is_fresh(tracker, row))]
            seen = list(pool.map(lambda row: integrity.look(tracker, row.sha256, row.size), todo))
            with tracker.write() as work:
                noted = integrity.note(work, [(row.sha256, state) for row, (state, _) in zip(todo, seen, strict=True)])
            for row, (state, said), stands in zip(todo, seen, noted, strict=True):
                if stands and state != integrity.INTACT:
                    used = _used_by(tracker, row.sha256)
                    report.problems.append(f"{state.capitalize()}: the bytes {row.sha256} of {used}: {said}")
            report.blobs += len(rows)
            report.bytes += sum(row.size for row in rows)
            progress(sum(row.size for row in rows))


def _is_fresh(tracker: Tracker, row: Any) -> bool:
    checked_at: datetime | None = row.checked_at
    fresh = checked_at is not None and checked_at > tracker.clock() - timedelta(days=1)
    return fresh and row.check_state == integrity.INTACT


def _known(tracker: Tracker) -> Iterator[list[Any]]:
    """All contents, in pieces of some number and some bytes, so that a stop loses little and the bar moves."""
    last, query = "", select(blobs.c.sha256, blobs.c.size, blobs.c.checked_at, blobs.c.check_state)
    while True:
        with tracker.read() as work:
            rows = work.rows(query.where(blobs.c.sha256 > last).order_by(blobs.c.sha256).limit(PIECE))
        if not rows:
            return
        total, piece = 0, []
        for row in rows:
            piece.append(row)
            total += row.size
            if total > PIECE_BYTES:
                yield piece
                total, piece = 0, []
        if piece:
            yield piece
        last = rows[-1].sha256


def _used_by(tracker: Tracker, sha256: str) -> str:
    query = (
        select(artifacts.c.id, artifacts.c.title, artifact_files.c.number)
        .join(artifact_files, artifact_files.c.artifact_id == artifacts.c.id)
        .where(artifact_files.c.sha256 == sha256)
        .order_by(artifacts.c.id)
        .limit(5)
    )
    with tracker.read() as work:
        rows = work.rows(query)
    return ", ".join(f"artifact {r.id} “{r.title}” version {r.number}" for r in rows) or "no artifact"


def _check_versions(tracker: Tracker, report: Report) -> None:
    """Every artifact has its current version, and every version a file, here or elsewhere, or a spilled one's stone."""
    kept = [
        select(table.c.sha256)
        .where(
            table.c.artifact_id == artifact_versions.c.artifact_id,
            table.c.number == artifact_versions.c.number,
        )
        .exists()
        for table in (artifact_files, held_files, tombstones)
    ]
    bare = (
        select(artifact_versions.c.artifact_id, artifact_versions.c.number)
        .join(artifacts, artifacts.c.id == artifact_versions.c.artifact_id)
        .where(~or_(*kept), artifacts.c.purged_at.is_(None))
        .order_by(artifact_versions.c.artifact_id)
    )
    of_artifact = and_(
        artifact_versions.c.artifact_id == artifacts.c.id, artifact_versions.c.number == artifacts.c.current_version
    )
    lost = (
        select(artifacts.c.id, artifacts.c.current_version)
        .join(artifact_versions, of_artifact, isouter=True)
        .where(artifact_versions.c.number.is_(None))
        .order_by(artifacts.c.id)
    )
    with tracker.read() as work:
        found = [(r.artifact_id, r.number) for r in work.rows(bare)]
        found += [(r.id, r.current_version) for r in work.rows(lost)]
    report.problems += [f"Lost: artifact {artifact} has no file for its version {number}" for artifact, number in found]


def _check_manifests(tracker: Tracker, report: Report, step: int = 1_000) -> None:
    """Every version's hash is that of its files, and an approval is of the bytes that stand there."""
    last = 0
    while True:
        with tracker.read() as work:
            query = select(artifacts.c.id).where(artifacts.c.id > last).order_by(artifacts.c.id).limit(step)
            ids = [row.id for row in work.rows(query)]
            if not ids:
                return
            files, versions = _files_of(work, ids), _versions_of(work, ids)
        for row in versions:
            found = files.get((row.artifact_id, row.number))
            if found is not None and manifest(found) != row.manifest_sha256:
                report.problems.append(
                    f"Altered: artifact {row.artifact_id} version {row.number} has not the files that its hash names"
                )
            approved = row.number == row.current_version and row.approved_sha256
            if approved and row.approved_sha256 != row.manifest_sha256:
                report.problems.append(f"Altered: artifact {row.artifact_id} is approved, but not with these bytes")
        last = ids[-1]


def _files_of(work: Work, ids: list[int]) -> dict[tuple[int, int], list[tuple[str, int | None, str]]]:
    query = select(artifact_files, blobs.c.size).join(blobs, blobs.c.sha256 == artifact_files.c.sha256)
    query = query.where(artifact_files.c.artifact_id.in_(ids)).order_by(
        artifact_files.c.artifact_id, artifact_files.c.number, artifact_files.c.position
    )
    found: dict[tuple[int, int], list[tuple[str, int | None, str]]] = defaultdict(list)
    for row in work.rows(query):
        found[row.artifact_id, row.number].append((row.sha256, row.size, row.filename))
    elsewhere = select(held_files).where(held_files.c.artifact_id.in_(ids))
    for row in work.rows(elsewhere.order_by(*held_files.primary_key.columns)):
        name = Held(row.location, row.sha256, row.size, row.filename).manifest_name
        found[row.artifact_id, row.number].append((row.sha256, row.size, name))
    return found


def _versions_of(work: Work, ids: list[int]) -> list[Any]:
    query = select(artifact_versions, artifacts.c.current_version, artifacts.c.approved_sha256)
    query = query.join(artifacts, artifacts.c.id == artifact_versions.c.artifact_id)
    return work.rows(query.where(artifact_versions.c.artifact_id.in_(ids)).order_by(artifact_versions.c.artifact_id))


def _check_chain(tracker: Tracker, heads: Collection[str], report: Report) -> None:
    with tracker.read() as work:
        report.entries = audit.length(work)
        report.head = audit.head(work)
        report.heads = audit.standing(work, heads)
        found = audit.broken(work)
    if found:
        report.problems.append(f"Audit log: entry {found[0]} breaks the chain: {found[1]}")
    report.problems += [
        f"Audit log: it has no entry with the hash {one}: it was written anew or cut short since that head was kept, "
        "or the head is another installation's"
        for one, entry in report.heads.items()
        if entry is None
    ]
