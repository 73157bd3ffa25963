"""`verify`: bytes against hashes, rows against bytes, and the audit chain; leftovers of crashes are cleared.

It may run beside a server: whether an upload still lives is told by the lock that it holds until its row is
committed, never by age.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

from sqlalchemy import and_, func, select

from cmmc_tracker.domain.audit import Event
from cmmc_tracker.errors import NotFound
from cmmc_tracker.services import audit
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import artifact_files, artifact_versions, artifacts, blobs


@dataclass(slots=True)
class Report:
    """What verify found. `problems` empty means that everything is as it was recorded."""

    blobs: int = 0
    bytes: int = 0
    entries: int = 0
    head: str = ""
    heads: dict[str, int | None] = field(default_factory=dict)  # heads kept elsewhere, and the entry of each
    removed: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def total(tracker: Tracker) -> int:
    """How many bytes a verify will read, for the progress bar."""
    with tracker.read() as work:
        return int(work.db.execute(select(func.coalesce(func.sum(blobs.c.size), 0))).scalar_one())


def run(tracker: Tracker, progress: Callable[[int], None] = lambda _bytes: None, heads: Collection[str] = ()) -> Report:
    """Check everything; `progress` is told the bytes of each blob as it is done.

    `heads` are hashes of the log's newest entry, as somebody kept them elsewhere: each must still be one of its hashes.
    """
    report = Report()
    for sha256, size in _known(tracker):
        report.blobs += 1
        report.bytes += size
        _check_blob(tracker, sha256, size, report)
        progress(size)
    _check_versions(tracker, report)
    _check_chain(tracker, heads, report)
    report.removed = tracker.blobs.sweep(lambda sha256: _has_row(tracker, sha256))
    if report.removed:
        with tracker.write() as work:
            work.record(Event.LEFTOVERS_REMOVED, "store:", {"names": report.removed[:100]}, actor="verify")
    return report


def _known(tracker: Tracker, step: int = 1_000) -> Iterator[tuple[str, int]]:
    last = ""
    while True:
        with tracker.read() as work:
            query = select(blobs.c.sha256, blobs.c.size).where(blobs.c.sha256 > last).order_by(blobs.c.sha256)
            rows = work.rows(query.limit(step))
        if not rows:
            return
        yield from ((row.sha256, row.size) for row in rows)
        last = rows[-1].sha256


def _check_blob(tracker: Tracker, sha256: str, size: int, report: Report) -> None:
    try:
        actual = tracker.blobs.check(sha256)
        there = tracker.blobs.path(sha256).stat().st_size
    except NotFound:
        report.problems.append(f"Missing: the bytes {sha256} ({size:,} bytes) of {_used_by(tracker, sha256)}")
        return
    except OSError as error:
        report.problems.append(
            f"Unreadable: the bytes {sha256} of {_used_by(tracker, sha256)}: {error.strerror or error}"
        )
        return
    if actual == sha256 and there != size:
        report.problems.append(f"Wrong size: {sha256} has {there:,} bytes, and {size:,} are recorded")
    if actual != sha256:
        report.problems.append(f"Altered: the bytes {sha256} of {_used_by(tracker, sha256)} now hash to {actual}")


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
    """Every artifact has its current version, and every version a file."""
    of_version = and_(
        artifact_files.c.artifact_id == artifact_versions.c.artifact_id,
        artifact_files.c.number == artifact_versions.c.number,
    )
    bare = (
        select(artifact_versions.c.artifact_id, artifact_versions.c.number)
        .join(artifact_files, of_version, isouter=True)
        .where(artifact_files.c.sha256.is_(None))
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


def _has_row(tracker: Tracker, sha256: str) -> bool:
    with tracker.read() as work:
        return work.row(select(blobs.c.sha256).where(blobs.c.sha256 == sha256)) is not None
