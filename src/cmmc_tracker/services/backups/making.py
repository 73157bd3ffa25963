"""Making a backup while people work.

The tables are written in one reading transaction: one instant. Then the contents that they name are copied, unless they
lie there from an earlier backup; the store never alters one, so they need no instant. A content that was purged between
the two is no loss: then the tables are written anew, as they are without it.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from itertools import islice

from sqlalchemy import func, select

from cmmc_tracker.domain.audit import Event, stamp
from cmmc_tracker.domain.backups import PASSING, FileOf, Keep, Lacking, Manifest, instant_of, kept, name_of
from cmmc_tracker.domain.permissions import Actor
from cmmc_tracker.errors import Conflict, NotFound, TrackerError
from cmmc_tracker.services import audit
from cmmc_tracker.services.backups import ahead, reading
from cmmc_tracker.services.backups.ahead import Batch, Content
from cmmc_tracker.services.backups.reading import Backup
from cmmc_tracker.services.work import Tracker, Work
from cmmc_tracker.storage import rows
from cmmc_tracker.storage.backups import Put, Shelf
from cmmc_tracker.storage.database import HEAD
from cmmc_tracker.storage.places import MANIFEST, Place
from cmmc_tracker.storage.tables import blobs, metadata

TRIES = 3  # how often the tables are written anew because something was purged meanwhile
_PIECE = 500
Moved = Callable[[int], None]


@dataclass(slots=True)
class Made:
    """A backup that was made. `problems` is what it lacks, in sentences; `removed` the older ones that went."""

    name: str
    manifest: str = ""  # its hash
    contents: int = 0
    bytes: int = 0
    copied: int = 0
    copied_bytes: int = 0
    entries: int = 0
    head: str = ""
    problems: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    freed: int = 0  # contents that no backup needs any more


def run(
    tracker: Tracker,
    actor: Actor,
    place: Place,
    *,
    told: Mapping[str, str],
    passphrase: str = "",
    keep: Keep | None = None,
    moved: Moved = lambda _bytes: None,
) -> Made:
    """Make a backup in a place, encrypted where there is a passphrase.

    Parameters: `told` is what is kept of the settings, `moved` is told the bytes of each content.

    What the store lacks is named in `problems`, and the rest is kept. Raises what stops the whole; then the manifest is
    not written.
    """
    with _noted(tracker, actor, place):
        shelf = Shelf.made(place, passphrase)
        with shelf.alone(), _cleared(shelf):
            made = _made(tracker, actor, shelf, told, moved)
            if keep is not None and not made.problems:
                try:
                    _prune(shelf, keep, made)
                except TrackerError as error:
                    text = f"The backup is whole, but older ones were not cleared away: {error.message}"
                    made.problems.append(text)
            return made


def _made(tracker: Tracker, actor: Actor, shelf: Shelf, told: Mapping[str, str], moved: Moved) -> Made:
    for _ in range(TRIES):
        made, draft = _tables(tracker, shelf, told)
        lacking = _contents(tracker, shelf, draft, made, moved)
        if not _purged(tracker, lacking):
            break
        shelf.remove(made.name)
    else:
        raise Conflict("Contents went while they were copied, again and again. Try when less is going on.")
    whole = replace(draft, lacking=tuple(lacking))
    made.manifest = shelf.write(made.name, MANIFEST, whole.text().encode()).sha256
    made.problems = [f"The content {one.sha256}: {one.why}" for one in lacking]
    with tracker.write(actor) as work:
        detail = {"manifest": made.manifest, "contents": made.contents, "lacking": len(lacking), "head": made.head}
        detail |= {"encrypted": shelf.is_sealed}
        work.record(Event.BACKUP_MADE, f"backup:{made.name}", detail)
    return made


@contextmanager
def _noted(tracker: Tracker, actor: Actor, place: Place) -> Iterator[None]:
    """Say in the log that a backup failed, and why: the dashboard tells it until one is made."""
    try:
        yield
    except (TrackerError, OSError) as error:
        why = error.message if isinstance(error, TrackerError) else str(error)
        with suppress(TrackerError, OSError), tracker.write(actor) as work:
            work.record(Event.BACKUP_FAILED, f"backup:{place}", {"why": why[:500]})
        raise


@contextmanager
def _cleared(shelf: Shelf) -> Iterator[None]:
    """Leave nothing of a backup that failed but the contents it copied: the next one needs them."""
    before = set(shelf.names())
    try:
        yield
    except BaseException:
        with suppress(TrackerError, OSError):
            for one in set(shelf.names()) - before:
                if not shelf.is_whole(one):
                    shelf.remove(one)
        raise


def _tables(tracker: Tracker, shelf: Shelf, told: Mapping[str, str]) -> tuple[Made, Manifest]:
    """Write all tables as they are at one instant; the manifest is not yet written."""
    with tracker.read() as work:
        made = Made(name_of(work.now), entries=audit.length(work), head=audit.head(work))
        shelf.begin(made.name)
        files = list(_written(work, shelf, made.name))
        figures = select(func.count(), func.coalesce(func.sum(blobs.c.size), 0)).select_from(blobs)
        made.contents, made.bytes = map(int, work.db.execute(figures).one())
        settings = json.dumps(told, indent=1, sort_keys=True).encode()
        files.append(shelf.write(made.name, "settings.json", settings))
        return made, Manifest(
            made_at=stamp(work.now),
            program=version("cmmc-tracker"),
            revision=HEAD,
            database=work.db.dialect.name,
            entries=made.entries,
            head=made.head,
            blobs=made.contents,
            blob_bytes=made.bytes,
            files=tuple(files),
        )


def _written(work: Work, shelf: Shelf, name: str) -> Iterator[FileOf]:
    for table in metadata.sorted_tables:
        if table.name not in PASSING:
            yield shelf.write_lines(name, f"{table.name}.jsonl.gz", rows.written(work.db, table))


def _contents(tracker: Tracker, shelf: Shelf, draft: Manifest, made: Made, moved: Moved) -> list[Lacking]:
    """Copy what is not there yet. Names are seen to at the end: nothing counts on them before the manifest."""
    lacking: list[Lacking] = []
    missing = _missing(shelf, Backup(shelf, made.name, draft).contents(), moved)
    for batch, said in ahead.done(lambda batch: _copied(tracker, shelf, batch), missing, shelf.place.most_together):
        for (sha256, size), why in zip(batch, said, strict=True):
            if why:
                lacking.append(Lacking(sha256, why))
            else:
                made.copied += 1
                made.copied_bytes += size
        moved(sum(size for _, size in batch))
    shelf.settle()
    return lacking


def _missing(shelf: Shelf, contents: Iterator[Content], moved: Moved) -> Iterator[Content]:
    """The contents that are not there yet; those that are count as moved."""
    while piece := list(islice(contents, _PIECE)):
        todo = [one for one in piece if not shelf.has(*one)]
        moved(sum(size for _, size in piece) - sum(size for _, size in todo))
        yield from todo


def _copied(tracker: Tracker, shelf: Shelf, batch: Batch) -> list[str]:
    """Copy some contents, and wait for the disk once; returns why each could not be had, or nothing."""
    with shelf.together() as put:
        return [_copy(tracker, put, sha256) for sha256, _ in batch]


def _copy(tracker: Tracker, put: Put, sha256: str) -> str:
    """Copy one content; returns why it could not be had, or nothing. A full disk stops the whole instead."""
    try:
        source = tracker.blobs.open(sha256)
    except NotFound:
        return "it is missing from the store"
    try:
        with source:
            found = put(source, sha256)
    except TrackerError:
        raise
    except OSError as error:
        return f"it cannot be read: {error.strerror or error}"
    return "" if found == sha256 else f"it was altered in the store, and now hashes to {found}"


def _purged(tracker: Tracker, lacking: list[Lacking]) -> bool:
    """Whether one of those has no row any more: it was purged while the backup was made."""
    with tracker.read() as work:
        return any(work.row(select(blobs.c.sha256).where(blobs.c.sha256 == one.sha256)) is None for one in lacking)


def _prune(shelf: Shelf, keep: Keep, made: Made) -> None:
    """Remove what need not be kept, and what was cut short; then the contents that no backup names.

    Nothing goes while the manifest of a backup that stays cannot be believed: its contents would not be known.
    """
    whole = [one for one in shelf.names() if shelf.is_whole(one)]
    stay = kept([at for one in whole if (at := instant_of(one))], keep)
    staying = [reading.named(shelf, one) for one in whole if instant_of(one) in stay]
    needed = frozenset(sha256 for backup in staying for sha256, _ in backup.contents())
    names = {backup.name for backup in staying}
    for one in shelf.names():
        if one not in names:
            shelf.remove(one)
            made.removed.append(one)
    made.freed = shelf.clear(needed)
