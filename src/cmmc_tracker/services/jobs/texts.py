"""Reading the text of contents, so that they are found and their markings are seen.

Each is read by a child process with limits, outside of any transaction. What breaks the reader is marked, with why, and
is not tried again; nothing else suffers.
"""

import logging
import time
from datetime import timedelta
from typing import Any

from sqlalchemy import and_, delete, func, insert, select, update

from cmmc_tracker.domain import markings
from cmmc_tracker.errors import NotFound, TrackerError
from cmmc_tracker.services import cui, extraction, quarantine
from cmmc_tracker.services.artifacts import IN_USE
from cmmc_tracker.services.findable import remember
from cmmc_tracker.services.jobs.house import House
from cmmc_tracker.services.work import Tracker, Work
from cmmc_tracker.storage.tables import artifact_files, artifacts, blob_texts, blobs

log = logging.getLogger("cmmc_tracker")
SECONDS = 20.0  # of one turn, after which others may take over
PIECE = 20
QUIET = timedelta(seconds=1)
LONGEST_WAIT = timedelta(seconds=30)


def wanted(house: House) -> bool:
    """Whether a content waits for its reader, and no more are just coming in.

    While files come one after the other, reading them would take the processor and the database from those who send
    them; nobody waits longer than `LONGEST_WAIT`.
    """
    waits = blobs.c.text_state == "waiting"
    with house.tracker.read() as work:
        query = select(func.min(blobs.c.stored_at), func.max(blobs.c.stored_at)).where(waits)
        first, last = work.db.execute(query).one()
        just_came = last is not None and timedelta(0) <= work.now - last < QUIET  # not by a clock that ran ahead
        return first is not None and (not just_came or work.now - first > LONGEST_WAIT)


def turn(house: House) -> bool:
    """Read what waits, for some seconds; tells whether more waits."""
    begun = time.monotonic()
    while rows := _waiting(house.tracker):
        for row in rows:
            _read_or_mark(house.tracker, row)
            if time.monotonic() - begun > SECONDS:
                return True
    return False


def _read_or_mark(tracker: Tracker, row: Any) -> None:
    """Whatever a file does to its reader, the next one has its turn."""
    try:
        read(tracker, row.sha256, row.media_type)
    except TrackerError:  # the database or the store: not the file's fault
        raise
    except Exception:
        log.exception("The text of %s could not be read", row.sha256)
        with tracker.write() as work:
            values = {"text_state": "failed", "text_why": "its reader failed"}
            work.bookkeep(update(blobs).where(blobs.c.sha256 == row.sha256).values(**values))


def _waiting(tracker: Tracker, most: int = PIECE) -> list[Any]:
    query = (
        select(blobs.c.sha256, func.min(artifact_files.c.media_type).label("media_type"))
        .join(artifact_files, artifact_files.c.sha256 == blobs.c.sha256)
        .where(blobs.c.text_state == "waiting")
        .group_by(blobs.c.sha256, blobs.c.stored_at)
        .order_by(blobs.c.stored_at)
        .limit(most)
    )
    with tracker.read() as work:
        return work.rows(query)


def read(tracker: Tracker, sha256: str, media_type: str) -> None:
    """Read one content and keep its text; again does no harm."""
    text, cut, state, why = "", False, "done", ""
    try:
        with tracker.blobs.local(sha256) as path:
            found = extraction.extract(path, media_type)
        if found is None:
            state = "none"
        else:
            text, cut = found.text, found.cut
    except extraction.Unextractable as error:
        state, why = "failed", error.why[:300]
    except (NotFound, OSError):
        state, why = "failed", "its bytes cannot be read"
    seen = [{"kind": one.kind, "shown": one.shown, "line": one.line} for one in markings.scan(text)]
    with tracker.write() as work:
        _keep(work, sha256, text, cut=cut, seen=seen)
        users = _users(work, sha256)
    for artifact_id in users:  # each by itself: many may have the same bytes
        with tracker.write() as work:
            remember(work, artifact_id)
            if seen:
                _hold_back(work, artifact_id, sha256)
    # Last, so that whoever dies on the way is followed by somebody who does it all again.
    with tracker.write() as work:
        work.bookkeep(update(blobs).where(blobs.c.sha256 == sha256).values(text_state=state, text_why=why))


def _hold_back(work: Work, artifact_id: int, sha256: str) -> None:
    """Put an artifact into quarantine whose current version carries a marking, where its system may not hold CUI."""
    current = and_(
        artifact_files.c.artifact_id == artifacts.c.id, artifact_files.c.number == artifacts.c.current_version
    )
    query = select(artifacts.c.system_id).join(artifact_files, current)
    row = work.row(query.where(IN_USE, artifacts.c.id == artifact_id, artifact_files.c.sha256 == sha256))
    if row and cui.holds_back(work, row.system_id) and not cui.was_accepted(work, artifact_id, [sha256]):
        quarantine.hold(work, artifact_id, cui.WHY)


def _keep(work: Work, sha256: str, text: str, *, cut: bool, seen: list[dict[str, Any]]) -> None:
    work.alone(f"blob:{sha256}")
    work.bookkeep(delete(blob_texts).where(blob_texts.c.sha256 == sha256))
    # It may have gone while it was being read: then nothing of it stays.
    if (text or seen) and work.row(select(blobs.c.sha256).where(blobs.c.sha256 == sha256)):
        work.bookkeep(insert(blob_texts).values(sha256=sha256, text=text, cut=cut, markings=seen))


def _users(work: Work, sha256: str) -> list[int]:
    query = select(artifact_files.c.artifact_id).where(artifact_files.c.sha256 == sha256).distinct()
    return sorted(row.artifact_id for row in work.rows(query))
