"""The audit log on its way to a collector (a SIEM): in order, each entry at least once, from a cursor in the database.

The cursor moves after a batch was taken: whoever dies between sends it again. It stands beside the hash of its entry. A
log that does not hold that entry any more (it was restored from an older backup, or written anew) is sent again from
its beginning: the collector then has two hashes for one number, and that is to be seen.
"""

import hashlib
import logging
import platform
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version
from urllib.parse import urlsplit

from sqlalchemy import insert, select, update

from cmmc_tracker.domain.audit import GENESIS
from cmmc_tracker.domain.audit_stream import Form, Numbered, Sender, cef, cef_in_syslog, rfc5424
from cmmc_tracker.services import audit as log_of
from cmmc_tracker.services.work import Tracker, Work
from cmmc_tracker.storage import syslog
from cmmc_tracker.storage.syslog import File, Receiver
from cmmc_tracker.storage.tables import audit, audit_streams

BATCH = 500
_FIRST_WAIT = timedelta(seconds=2)  # after one failure; twice that after each further one
_LONGEST_WAIT = timedelta(minutes=5)
log = logging.getLogger("cmmc_tracker")


@dataclass(frozen=True, slots=True)
class Stream:
    """Where the log goes, as which kind of message, and who says that it sends."""

    address: str
    receiver: Receiver
    form: Form
    sender: Sender

    @property
    def name(self) -> str:
        """What the cursor of this address is called: another address gets the whole log."""
        return hashlib.sha256(self.address.encode()).hexdigest()

    @property
    def shown(self) -> str:
        """The address without options, for people."""
        return self.address.partition("?")[0]


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a stream is: the last entry that was taken and the newest of the log; since when and why it fails."""

    entry: int
    hash: str
    newest: int
    sent_at: datetime | None = None
    failed_at: datetime | None = None
    failures: int = 0
    why: str = ""

    @property
    def behind(self) -> int:
        """How many entries wait."""
        return max(0, self.newest - self.entry)


def stream_to(address: str, form: str, public_url: str) -> Stream:
    """The stream that the settings name; raises `ValueError` for an address that is none."""
    receiver = syslog.receiver(address)
    forms: dict[str, Form] = {"rfc5424": rfc5424, "cef": cef if isinstance(receiver, File) else cef_in_syslog}
    host = urlsplit(public_url).hostname or platform.node()
    return Stream(address, receiver, forms[form], Sender(host, version("cmmc-tracker")))


def standing(work: Work, stream: Stream) -> Standing:
    """How far the stream is; of one that never sent anything: at the beginning."""
    newest = log_of.newest(work).entry
    row = work.row(select(audit_streams).where(audit_streams.c.name == stream.name))
    if row is None:
        return Standing(0, GENESIS, newest)
    return Standing(row.entry, row.hash, newest, row.sent_at, row.failed_at, row.failures, row.why)


def is_due(found: Standing, now: datetime) -> bool:
    """Whether something is to be sent, and the wait after a failure is over."""
    if not found.behind:
        return False
    if found.failed_at is None or not found.failures:
        return True
    wait: timedelta = min(_FIRST_WAIT * 2 ** min(found.failures - 1, 10), _LONGEST_WAIT)
    return now >= found.failed_at + wait


def send(tracker: Tracker, stream: Stream) -> bool:
    """Send the next batch; returns whether it was taken and more waits. A failure is remembered for who looks."""
    with tracker.read() as work:
        found = _unbroken(work, standing(work, stream))
        rows = work.rows(select(audit).where(audit.c.id > found.entry).order_by(audit.c.id).limit(BATCH))
        batch = [Numbered(row.id, log_of.entry_of(row), row.hash) for row in rows]
    if not batch:
        return False
    try:
        stream.receiver.send([stream.form(one, stream.sender, stream.receiver.most) for one in batch])
    except OSError as error:
        _failed(tracker, stream, found, error)
        return False
    last = batch[-1]
    with tracker.write() as work:
        values = {"entry": last.number, "hash": last.hash, "sent_at": work.now, "failed_at": None}
        _keep(work, stream, **values, failures=0, why="")
    if found.failures:
        log.info("The audit stream to %s goes on with entry %d", stream.shown, batch[0].number)
    return last.number < found.newest


def _unbroken(work: Work, found: Standing) -> Standing:
    """The same, or the beginning where the log does not hold the entry that was sent last."""
    row = work.row(select(audit.c.hash).where(audit.c.id == found.entry))
    if found.entry == 0 or (row is not None and row.hash == found.hash):
        return found
    log.error("The audit log is not the one whose entry %d was streamed; it is sent from its beginning", found.entry)
    return Standing(0, GENESIS, found.newest, found.sent_at, found.failed_at, found.failures, found.why)


def _failed(tracker: Tracker, stream: Stream, found: Standing, error: OSError) -> None:
    why = (error.strerror or str(error) or type(error).__name__)[:300]
    with tracker.write() as work:
        values = {"entry": found.entry, "hash": found.hash, "failed_at": work.now}
        _keep(work, stream, **values, failures=found.failures + 1, why=why)
    if not found.failures:
        log.warning("The audit stream to %s fails, entries wait: %s", stream.shown, why)


def _keep(work: Work, stream: Stream, **values: object) -> None:
    mine = update(audit_streams).where(audit_streams.c.name == stream.name).values(**values)
    if work.bookkeep(mine).rowcount == 0:
        work.bookkeep(insert(audit_streams).values(name=stream.name, **values))
