"""What a monitor asks of an installation: how evidence, jobs, backups, the log and the disks stand. Numbers only."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from cmmc_tracker.domain.audit import Event
from cmmc_tracker.services import audit_stream, integrity
from cmmc_tracker.services.audit_stream import Stream
from cmmc_tracker.services.backups import standing
from cmmc_tracker.services.integrity import Summary
from cmmc_tracker.services.work import Tracker, Work
from cmmc_tracker.storage import disk
from cmmc_tracker.storage.tables import artifacts, audit, blobs, leases

REFUSALS = (Event.LOGIN_FAILED, Event.LOGIN_REFUSED, Event.PASSWORD_REFUSED, Event.REQUEST_REFUSED, Event.TOKEN_REFUSED)
FRESH_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Place:
    """Bytes of a disk that something of the installation lies on."""

    name: str
    free: int
    total: int


@dataclass(frozen=True, slots=True)
class Figures:
    """How an installation stands. Instants are aware; None where there was none yet."""

    store: Summary
    texts_waiting: int
    oldest_check: datetime | None  # of the content that was not checked for the longest time (or not yet: when it came)
    jobs: dict[str, datetime]
    last_backup: datetime | None
    newest_entry: int
    refusals: dict[str, int]
    quarantined: int
    places: tuple[Place, ...]
    stream_behind: int | None = None  # None: there is no stream
    stream_failures: int = 0


def read(tracker: Tracker, places: dict[str, Path], stream: Stream | None) -> Figures:
    """All figures, in one reading transaction."""
    rooms = tuple(_place(name, path) for name, path in places.items())
    with tracker.read() as work:
        waiting = select(func.count()).select_from(blobs).where(blobs.c.text_state == "waiting")
        there = (artifacts.c.deleted_at.is_(None), artifacts.c.quarantined_at.is_not(None))
        held = select(func.count()).select_from(artifacts).where(*there)
        oldest = select(func.min(func.coalesce(blobs.c.checked_at, blobs.c.stored_at)))
        columns = (*integrity.figures(work), *(one.scalar_subquery() for one in (waiting, held, oldest)))
        row = work.db.execute(select(*columns)).one()
        sent = audit_stream.standing(work, stream) if stream else None
        return Figures(
            store=Summary(*row[:5]),
            texts_waiting=row[5],
            oldest_check=row[7],
            jobs=_jobs(work),
            last_backup=standing.last(work).made_at,
            newest_entry=work.db.execute(select(func.coalesce(func.max(audit.c.id), 0))).scalar_one(),
            refusals=_refusals(work),
            quarantined=row[6],
            places=rooms,
            stream_behind=sent.behind if sent else None,
            stream_failures=sent.failures if sent else 0,
        )


def _jobs(work: Work) -> dict[str, datetime]:
    query = select(leases.c.name, leases.c.done_at).where(leases.c.done_at.is_not(None)).order_by(leases.c.name)
    return {row.name: row.done_at for row in work.rows(query)}


def _refusals(work: Work) -> dict[str, int]:
    query = select(audit.c.action, func.count().label("times")).where(audit.c.action.in_(REFUSALS))
    found = {row.action: row.times for row in work.rows(query.group_by(audit.c.action))}
    return {event.value: found.get(event.value, 0) for event in REFUSALS}


def _place(name: str, path: Path) -> Place:
    room = disk.room(path)
    return Place(name, room.free, room.total)


@dataclass(slots=True)
class Kept:
    """The last figures, for some seconds: many scrapes at once ask the database once."""

    ask: Callable[[], Figures]
    seconds: float = FRESH_SECONDS
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _found: Any = None
    _at: float = 0.0

    def get(self) -> Figures:
        """The figures, not older than that; raises what asking raises."""
        with self._lock:
            if self._found is None or time.monotonic() - self._at > self.seconds:
                self._found, self._at = self.ask(), time.monotonic()
            found: Figures = self._found
            return found
