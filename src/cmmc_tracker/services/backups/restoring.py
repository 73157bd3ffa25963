"""Restoring a backup into an empty installation, of whichever database.

The manifest and the tables are checked before anything is touched. Contents come first, each hashed on its way: a
restore that was broken off goes on where it stood, for the database is filled in one transaction at the very end.
"""

from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from hashlib import sha256 as hashing
from pathlib import Path

from sqlalchemy import Connection, func, select

from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.permissions import Actor
from cmmc_tracker.errors import Conflict, NoSpace, NotFound
from cmmc_tracker.services import findable, verify
from cmmc_tracker.services.backups import ahead, reading
from cmmc_tracker.services.backups.ahead import Batch
from cmmc_tracker.services.backups.reading import Backup
from cmmc_tracker.services.verify import Report
from cmmc_tracker.services.work import Tracker, Work
from cmmc_tracker.storage import disk
from cmmc_tracker.storage.database import translated
from cmmc_tracker.storage.places import MANIFEST
from cmmc_tracker.storage.rebuilding import knows, number_on, rebuilt
from cmmc_tracker.storage.store import Incoming
from cmmc_tracker.storage.tables import artifacts, packages, users

Moved = Callable[[int], None]


@dataclass(slots=True)
class Restored:
    """What came back, and what `verify` says of it. `problems` is what the backup itself lacks."""

    name: str
    rows: int = 0
    contents: int = 0
    bytes: int = 0
    report: Report = field(default_factory=Report)
    problems: list[str] = field(default_factory=list)


def run(
    tracker: Tracker, actor: Actor, backup: Backup, store: Path | None, moved: Moved = lambda _bytes: None
) -> Restored:
    """Restore a backup.

    Parameters: `store` is the folder whose disk must have room, None where the store is no folder; `moved` is told the
    bytes of each content, for the progress bar.
    Raises before anything is touched for a backup that is not whole, and for an installation that is not empty.
    """
    if not knows(backup.manifest.revision):
        raise Conflict(f"{backup.name} was made by a newer version of the tracker than this one; use that version.")
    _refuse_altered(backup)
    with tracker.read() as work:
        _refuse_filled(work, backup)
    done = Restored(backup.name)
    if store is not None:
        _room(backup, store)
    _contents(tracker, backup, done, moved)
    with translated(), rebuilt(tracker.engine, backup.manifest.revision, _refuse_rows) as fresh:
        _rows(fresh.db, backup, done)
        fresh.finish()
        with tracker.within(fresh.db, actor) as work:
            findable.remember_all(work)  # the index has another form in each database, and is no part of a backup
            manifest = hashing(backup.shelf.read(backup.name, MANIFEST)).hexdigest()
            work.record(Event.BACKUP_RESTORED, f"backup:{backup.name}", {"manifest": manifest, "rows": done.rows})
    done.report = verify.run(tracker)
    return done


def _refuse_altered(backup: Backup) -> None:
    if wrong := reading.altered(backup, lambda _bytes: None):
        raise Conflict(f"{wrong[0]}. Nothing was restored.")


def _refuse_filled(work: Work, backup: Backup) -> None:
    """An installation is empty without people, evidence and files; what a broken-off restore left is no hindrance."""
    _refuse_rows(work.db)
    there = set(work.blobs.names())
    if there and not there <= {sha256 for sha256, _ in backup.contents()}:
        raise Conflict("The store (UPLOAD_PATH) holds files already; a backup is restored into an empty installation.")


def _refuse_rows(db: Connection) -> None:
    for table in (users, artifacts, packages):
        if db.execute(select(func.count()).select_from(table)).scalar_one():
            raise Conflict(
                f"The database has rows in {table.name} already; a backup is restored into an empty installation. "
                "Nothing was changed."
            )


def _room(backup: Backup, store: Path) -> None:
    free, needed = disk.room(store).free, backup.manifest.blob_bytes
    if needed > free:
        raise NoSpace(f"The backup's files take {needed:,} bytes, and {free:,} are free. Nothing was restored.")


def _contents(tracker: Tracker, backup: Backup, done: Restored, moved: Moved) -> None:
    most = tracker.blobs.most_together
    for batch, found in ahead.done(lambda batch: _put(tracker, backup, batch), backup.contents(), most):
        for (sha256, size), said in zip(batch, found, strict=True):
            if said:
                done.problems.append(f"The content {sha256} was not restored: {said}")
            else:
                done.contents += 1
                done.bytes += size
        moved(sum(size for _, size in batch))


def _put(tracker: Tracker, backup: Backup, batch: Batch) -> list[str]:
    """Put some contents into the store, and wait for the disk once; returns why each could not be had, or nothing."""
    with ExitStack() as held:
        incomings = [held.enter_context(closing(tracker.blobs.receive())) for _ in batch]
        said = [_read(backup, incoming, *one) for incoming, one in zip(incomings, batch, strict=True)]
        tracker.blobs.keep([incoming for incoming, why in zip(incomings, said, strict=True) if not why])
    return said


def _read(backup: Backup, incoming: Incoming, sha256: str, size: int) -> str:
    """Read one content from the backup; returns why it could not be had, or nothing."""
    try:
        with backup.shelf.open_blob(sha256) as source:
            while data := source.read(1_048_576):
                incoming.write(data)
    except (NotFound, Conflict) as error:
        return error.message
    if (incoming.sha256, incoming.size) != (sha256, size):
        return f"it was altered, and now hashes to {incoming.sha256}"
    return ""


def _rows(db: Connection, backup: Backup, done: Restored) -> None:
    for one in backup.manifest.tables:
        lines = backup.lines(one.name)
        found = lines.put(db) if lines.table == one.table else 0
        if found != one.rows:
            raise Conflict(f"{one.table}: {found:,} rows came, and {one.rows:,} are recorded. Nothing was restored.")
        if "id" in lines.columns:
            number_on(db, lines.table)
        done.rows += found
