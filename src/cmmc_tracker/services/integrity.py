"""Whether the bytes are still those that were received: checked one by one, remembered, and told on every dashboard."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select, update

from cmmc_tracker.domain.audit import Event
from cmmc_tracker.errors import NotFound
from cmmc_tracker.services.work import Tracker, Work
from cmmc_tracker.storage.tables import artifact_files, artifacts, blobs

PERIOD = timedelta(days=30)
INTACT = "intact"
_TOLD = {"altered": "Altered", "missing": "Missing", "unreadable": "Unreadable"}


@dataclass(frozen=True, slots=True)
class Damaged:
    """A content that is not what was received, and an artifact that has it."""

    sha256: str
    state: str
    artifact_id: int
    title: str
    number: int

    @property
    def told(self) -> str:
        """The state as a word at the beginning of a line."""
        return _TOLD.get(self.state, self.state)


@dataclass(frozen=True, slots=True)
class Summary:
    """How the store stands: all contents, those checked within the period, the newest check, how many are damaged."""

    contents: int
    checked: int
    newest: datetime | None
    damaged: int


def due(tracker: Tracker, most: int) -> list[tuple[str, int]]:
    """The contents (hash, bytes) whose last check is longer ago than the period, the oldest first."""
    with tracker.read() as work:
        late = or_(blobs.c.checked_at.is_(None), blobs.c.checked_at < work.now - PERIOD)
        order = (blobs.c.checked_at.is_not(None), blobs.c.checked_at)
        query = select(blobs.c.sha256, blobs.c.size).where(late).order_by(*order).limit(most)
        return [(row.sha256, row.size) for row in work.rows(query)]


def look(tracker: Tracker, sha256: str, size: int) -> tuple[str, str]:
    """The state of the bytes (`intact`, `altered`, `missing`, `unreadable`), and what is to be said of it."""
    try:
        actual = tracker.blobs.check(sha256)
        there = tracker.blobs.path(sha256).stat().st_size
    except NotFound:
        return "missing", f"({size:,} bytes)"
    except OSError as error:
        return "unreadable", error.strerror or str(error)
    if actual != sha256:
        return "altered", f"they now hash to {actual}"
    return (INTACT, "") if there == size else ("altered", f"there are {there:,} bytes, and {size:,} are recorded")


def check(tracker: Tracker, sha256: str, size: int) -> tuple[str, str]:
    """Hash one content again and remember how it stands; a change for the worse or the better goes into the log."""
    state, said = look(tracker, sha256, size)
    with tracker.write() as work:
        note(work, sha256, state)
    return state, said


def note(work: Work, sha256: str, state: str) -> None:
    """Remember how a content stands."""
    row = work.row(select(blobs.c.check_state).where(blobs.c.sha256 == sha256))
    if row is None:  # purged while it was hashed
        return
    work.bookkeep(update(blobs).where(blobs.c.sha256 == sha256).values(checked_at=work.now, check_state=state))
    before = row.check_state or INTACT
    if state != before:
        event = Event.INTEGRITY_RESTORED if state == INTACT else Event.INTEGRITY_BROKEN
        work.record(event, f"blob:{sha256}", {"before": before, "now": state}, actor="integrity check")


def figures(work: Work) -> tuple[ColumnElement[Any], ...]:
    """How the store stands, as the columns of another query, in the order of `Summary`."""
    recently = work.now - PERIOD - timedelta(days=1)  # a day of grace for what is just being checked
    every = select(func.count()).select_from(blobs)
    return (
        every.scalar_subquery(),
        every.where(blobs.c.checked_at >= recently).scalar_subquery(),
        select(func.max(blobs.c.checked_at)).scalar_subquery(),
        every.where(blobs.c.check_state.in_(tuple(_TOLD))).scalar_subquery(),
    )


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
    return [_damaged(row) for row in work.rows(query)]


def _damaged(row: Any) -> Damaged:
    return Damaged(row.sha256, row.check_state, row.id, row.title, row.number)
