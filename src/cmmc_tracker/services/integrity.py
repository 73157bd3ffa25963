"""Whether the bytes are still those that were received: checked one by one, remembered, and told on every dashboard.

What is held elsewhere is hashed by `held.recheck`, where it is; how it stood then is told here with the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, update

from cmmc_tracker.domain.audit import Event
from cmmc_tracker.errors import Busy, NotFound
from cmmc_tracker.services.artifacts import IN_USE
from cmmc_tracker.services.work import Tracker, Work
from cmmc_tracker.storage.tables import artifact_files, artifacts, blobs, held_files

PERIOD = timedelta(days=30)
INTACT = "intact"
UNREADABLE = "unreadable"  # as it was last tried; nobody knows what the bytes are
AGAIN = timedelta(minutes=10)  # then what could not be read, or was missing, is tried once more
_TOLD = {"altered": "Altered", "missing": "Missing", "unreadable": "Unreadable"}


@dataclass(frozen=True, slots=True)
class Damaged:
    """A content that is not what was received, and an artifact that has it; `location`: where it is held elsewhere."""

    sha256: str
    state: str
    artifact_id: int
    title: str
    number: int
    location: str = ""

    @property
    def told(self) -> str:
        """The state as a word at the beginning of a line."""
        return _TOLD.get(self.state, self.state)


@dataclass(frozen=True, slots=True)
class Summary:
    """How the store stands: all contents, those checked within the period, the newest check, how many are damaged.

    `held_damaged` is how many files were not found as they were registered where they are held elsewhere.
    """

    contents: int
    checked: int
    newest: datetime | None
    damaged: int
    held_damaged: int


def due(tracker: Tracker, most: int) -> list[tuple[str, int]]:
    """The contents (hash, bytes) whose last check is longer ago than the period, the oldest first.

    Those that could not be read, or were not there, come again soon: a disk or a bucket that was away is no loss.
    """
    with tracker.read() as work:
        again = and_(blobs.c.check_state.in_((UNREADABLE, "missing")), blobs.c.checked_at < work.now - AGAIN)
        late = or_(blobs.c.checked_at.is_(None), blobs.c.checked_at < work.now - PERIOD, again)
        order = (blobs.c.checked_at.is_not(None), blobs.c.checked_at)
        query = select(blobs.c.sha256, blobs.c.size).where(late).order_by(*order).limit(most)
        return [(row.sha256, row.size) for row in work.rows(query)]


def look(tracker: Tracker, sha256: str, size: int) -> tuple[str, str]:
    """The state of the bytes (`intact`, `altered`, `missing`, `unreadable`), and what is to be said of it."""
    try:
        actual = tracker.blobs.check(sha256)
        there = tracker.blobs.size(sha256)
    except NotFound:
        return "missing", f"({size:,} bytes)"
    except (OSError, Busy) as error:
        return UNREADABLE, getattr(error, "strerror", None) or str(error)
    if actual != sha256:
        return "altered", f"they now hash to {actual}"
    return (INTACT, "") if there == size else ("altered", f"there are {there:,} bytes, and {size:,} are recorded")


def check(tracker: Tracker, sha256: str, size: int) -> tuple[str, str]:
    """Hash one content again and remember how it stands; a change for the worse or the better goes into the log.

    Raises `Busy` or `OSError` where it is the whole store that cannot be read: that says nothing of this content.
    """
    state, said = look(tracker, sha256, size)
    if state == UNREADABLE:
        tracker.blobs.ping()
    with tracker.write() as work:
        note(work, [(sha256, state)])
    return state, said


def note(work: Work, found: Sequence[tuple[str, str]]) -> list[bool]:
    """Remember how contents (hash, state) stand; returns whether each does stand so.

    What was purged while it was looked at is no loss: it has no row any more, or it came anew since and has bytes.
    """
    query = select(blobs.c.sha256, blobs.c.check_state).where(blobs.c.sha256.in_([sha256 for sha256, _ in found]))
    before = {row.sha256: row.check_state or INTACT for row in work.rows(query)}
    stand = [sha256 in before and (state != "missing" or not _is_there(work, sha256)) for sha256, state in found]
    by_state: dict[str, list[str]] = {}
    for (sha256, state), stands in zip(found, stand, strict=True):
        if stands:
            by_state.setdefault(state, []).append(sha256)
            if state != before[sha256]:
                event = Event.INTEGRITY_RESTORED if state == INTACT else Event.INTEGRITY_BROKEN
                detail = {"before": before[sha256], "now": state}
                work.record(event, f"blob:{sha256}", detail, actor="integrity check")
    for state, hashes in by_state.items():
        values = {"checked_at": work.now, "check_state": state}
        work.bookkeep(update(blobs).where(blobs.c.sha256.in_(hashes)).values(values))
    return stand


def _is_there(work: Work, sha256: str) -> bool:
    try:
        work.blobs.size(sha256)
    except NotFound:
        return False
    return True


def figures(work: Work) -> tuple[ColumnElement[Any], ...]:
    """How the store stands, as the columns of another query, in the order of `Summary`."""
    recently = work.now - PERIOD - timedelta(days=1)  # a day of grace for what is just being checked
    every = select(func.count()).select_from(blobs)
    return (
        every.scalar_subquery(),
        every.where(blobs.c.checked_at >= recently).scalar_subquery(),
        select(func.max(blobs.c.checked_at)).scalar_subquery(),
        every.where(blobs.c.check_state.in_(tuple(_TOLD))).scalar_subquery(),
        _held_damaged(func.count()).scalar_subquery(),
    )


def _held_damaged(*columns: Any) -> Select[Any]:
    """Columns of what is held elsewhere and was not found there as registered, of the versions that count."""
    current = and_(
        held_files.c.artifact_id == artifacts.c.id, held_files.c.number == artifacts.c.current_version, IN_USE
    )
    query = select(*columns).select_from(held_files).join(artifacts, current)
    return query.where(held_files.c.check_state.in_(tuple(_TOLD)))


def damaged(work: Work, most: int = 20) -> list[Damaged]:
    """The damaged contents with the artifacts that depend on them; for administrators, whatever their systems."""
    query = (
        select(blobs.c.sha256, blobs.c.check_state, artifacts.c.id, artifacts.c.title, artifact_files.c.number)
        .join(artifact_files, artifact_files.c.sha256 == blobs.c.sha256)
        .join(artifacts, artifacts.c.id == artifact_files.c.artifact_id)
        .where(blobs.c.check_state.in_(tuple(_TOLD)))
        .order_by(artifacts.c.id, artifact_files.c.number)
        .limit(most)
    )
    columns = (held_files.c.sha256, held_files.c.check_state, artifacts.c.id, artifacts.c.title, held_files.c.number)
    held = _held_damaged(*columns, held_files.c.location).order_by(artifacts.c.id).limit(most)
    return [Damaged(*tuple(row)) for statement in (query, held) for row in work.rows(statement)]
