"""Reading the audit log: filtered pages newest first, the export, and the checks of its chain.

Nothing here writes an entry but `begin_export`, and that through `Work.record`: `work.py` alone appends to the log.
"""

import json
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, func, or_, select

from cmmc_tracker.domain.audit import GENESIS, START, Entry, Event, Walked, digest, first_break, stamp, walk
from cmmc_tracker.domain.permissions import Action, allow
from cmmc_tracker.services.work import Tracker, Work
from cmmc_tracker.storage.tables import audit

PAGE = 50
EXPORT_STEP = 1_000
LOOK = 2_000  # how many entries a look at the page checks at most: some 50 ms
WHOLE_SECONDS = 25.0  # how long a request checks the whole log at most: proxies wait for 30 or 60 seconds
_REWRITTEN = "it is not what this server process saw there before: the log was written anew or cut short"
_TEXT_COLUMNS = (audit.c.actor, audit.c.entity, audit.c.address)


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One entry as it is shown; `sound` tells whether its content still gives its hash."""

    id: int
    at: str
    actor: str
    address: str
    action: str
    entity: str
    detail: dict[str, Any]
    hash: str
    sound: bool


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """What to show; an empty field does not narrow. `cursor` is the last id seen.

    `actor`, `action` and `entity` are exact, or end with `*`. `text` stands anywhere in the person, the thing, the
    address or the detail; capitals do not matter.
    """

    actor: str = ""
    action: str = ""
    entity: str = ""
    since: datetime | None = None
    until: datetime | None = None
    text: str = ""
    cursor: int | None = None

    def as_dict(self) -> dict[str, str]:
        """What narrows, as the audit log keeps it."""
        days = {"since": self.since and stamp(self.since), "until": self.until and stamp(self.until)}
        given = {"actor": self.actor, "action": self.action, "entity": self.entity, "text": self.text, **days}
        return {name: value for name, value in given.items() if value}


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest entry. Its hash stands for the whole log: whoever keeps it elsewhere can tell a log written anew."""

    entry: int
    hash: str
    at: str


def page(work: Work, wanted: AuditFilter, limit: int = PAGE) -> tuple[list[AuditEntry], int | None]:
    """Entries that fit, newest first, and the cursor of the next page or None. Administrators only."""
    allow(work.actor, Action.AUDIT_READ)
    query = select(audit).where(*_conditions(wanted)).order_by(audit.c.id.desc()).limit(limit + 1)
    if wanted.cursor is not None:
        query = query.where(audit.c.id < wanted.cursor)
    rows = work.rows(query)
    entries = [_shown(row) for row in rows[:limit]]
    return entries, (entries[-1].id if len(rows) > limit else None)


def _conditions(wanted: AuditFilter) -> Iterator[ColumnElement[bool]]:
    for column, value in ((audit.c.actor, wanted.actor), (audit.c.action, wanted.action)):
        if value:
            yield _fits(column, value)
    if wanted.entity:
        yield _fits(audit.c.entity, wanted.entity)
    if wanted.since:
        yield audit.c.at >= stamp(wanted.since)
    if wanted.until:
        yield audit.c.at < stamp(wanted.until)
    if wanted.text:
        yield or_(*_mentions(wanted.text))


def _fits(column: ColumnElement[str], value: str) -> ColumnElement[bool]:
    """Exactly, or how it begins. Not by LIKE, which leaves capitals out of account on SQLite only."""
    begin = value[:-1]
    return func.substr(column, 1, len(begin)) == begin if value.endswith("*") else column == value


def _mentions(text: str) -> Iterator[ColumnElement[bool]]:
    """Where a text may stand. SQLite folds the case of ASCII only, so other letters are looked for in both cases."""
    for one in {text} if text.isascii() else {text, text.lower(), text.upper(), text.capitalize()}:
        for column in _TEXT_COLUMNS:
            yield column.icontains(one, autoescape=True)
        # The detail is JSON: a quotation mark or a backslash stands there escaped.
        yield audit.c.detail.icontains(json.dumps(one, ensure_ascii=False)[1:-1], autoescape=True)


def entry_of(row: Row[Any]) -> Entry:
    """A row of the log as it was hashed."""
    return Entry(row.at, row.actor_id, row.actor, row.address, row.action, row.entity, row.detail, row.previous)


def _shown(row: Row[Any]) -> AuditEntry:
    sound = digest(entry_of(row)) == row.hash
    return AuditEntry(
        row.id, row.at, row.actor, row.address, row.action, row.entity, _detail(row.detail), row.hash, sound
    )


def _detail(text: str) -> dict[str, Any]:
    """The detail for display; one that somebody altered may be anything, and is shown all the same."""
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"unreadable": text}


def history(work: Work, *entities: str, limit: int = 50) -> list[AuditEntry]:
    """What happened to these things, newest first; the caller has checked that the reader may see them."""
    query = select(audit).where(audit.c.entity.in_(entities)).order_by(audit.c.id.desc()).limit(limit)
    return [_shown(row) for row in work.rows(query)]


def length(work: Work) -> int:
    """How many entries the log has."""
    return work.db.execute(select(func.count()).select_from(audit)).scalar_one()


def newest(work: Work) -> Newest:
    """The newest entry; of an empty log number 0 with the hash that every chain begins with."""
    row = work.row(select(audit.c.id, audit.c.hash, audit.c.at).order_by(audit.c.id.desc()).limit(1))
    return Newest(row.id, row.hash, row.at) if row else Newest(0, GENESIS, "")


def head(work: Work) -> str:
    """The hash of the newest entry."""
    return newest(work).hash


def standing(work: Work, hashes: Iterable[str]) -> dict[str, int | None]:
    """For each head that somebody kept: the entry whose hash it is, or None when this log has no such entry."""
    found: dict[str, int | None] = {}
    for one in hashes:
        row = work.row(select(audit.c.id).where(audit.c.hash == one))
        found[one] = row.id if row else None
    return found


def begin_export(work: Work, wanted: AuditFilter, form: str) -> int:
    """Write down that the log is taken out, and return the newest entry of the export. Administrators only."""
    allow(work.actor, Action.AUDIT_READ)
    last = newest(work).entry
    work.record(Event.AUDIT_EXPORTED, "audit:", {"format": form, "filter": wanted.as_dict(), "up_to": last})
    return last


def exported(
    tracker: Tracker, wanted: AuditFilter, last: int, step: int = EXPORT_STEP
) -> Iterator[tuple[int, Entry, str]]:
    """Entries that fit (id, entry, hash), oldest first, up to `last`; each piece is a Work of its own."""
    conditions, since = list(_conditions(wanted)), 0
    while since < last:
        query = select(audit).where(audit.c.id > since, audit.c.id <= last, *conditions)
        with tracker.read() as work:
            rows = work.rows(query.order_by(audit.c.id).limit(step))
        for row in rows:
            yield row.id, entry_of(row), row.hash
        since = rows[-1].id if rows else last


def broken(work: Work, step: int = 2_000) -> tuple[int, str] | None:
    """The first break of the chain (id, reason), or None. Reads the log in pieces: it may be long."""
    return first_break(_after(work, 0, step))


def _after(work: Work, last: int, step: int) -> Iterator[tuple[int, Entry, str]]:
    while rows := work.rows(select(audit).where(audit.c.id > last).order_by(audit.c.id).limit(step)):
        for row in rows:
            yield row.id, entry_of(row), row.hash
        last = rows[-1].id


@dataclass(frozen=True, slots=True)
class Seen:
    """What a server process knows of the chain: how far it is intact, and when its entries were checked."""

    walked: Walked = START
    begun: datetime | None = None  # when the first entry was checked
    ended: datetime | None = None  # when the last one was
    newest: int = 0

    @property
    def whole(self) -> bool:
        """Whether the check went up to the newest entry."""
        return self.walked.broken is None and self.walked.entry >= self.newest


@dataclass(slots=True)
class Watch:
    """The chain as one server process saw it: what a look at the page checks without reading a million entries.

    It lives in the process's memory, where somebody who alters the database does not reach it. A short log is checked
    whole at every look, a longer one on from where the look before ended; `whole` begins anew. An alteration of an
    entry that was checked before is found by `whole`, by `verify`, or where the entry is shown. `anchor` is the
    furthest entry that was found intact: that it still stands there is asked every time, so that a log which was
    written anew or cut short is found for as long as the process lives.
    """

    seen: Seen = field(default_factory=Seen)
    anchor: Walked = START
    lock: threading.Lock = field(default_factory=threading.Lock)

    def look(self, work: Work, most: int = LOOK) -> Seen:
        """Check at most that many entries and tell what is known now; another check under way is not waited for."""
        if self.lock.acquire(blocking=False):
            try:
                last = newest(work).entry
                anew = last <= most or self.seen.begun is None
                self._keep(self._further(work, Seen(begun=work.now) if anew else self.seen, most, last))
            finally:
                self.lock.release()
        return self.seen

    def whole(self, tracker: Tracker, step: int = 5_000, seconds: float = WHOLE_SECONDS) -> Seen:
        """Check every entry from the first on, in pieces, each in a Work of its own; stops when the time is over."""
        with self.lock:
            found, last, end = Seen(), 0, time.monotonic() + seconds
            while found.begun is None or not (found.whole or found.walked.broken or time.monotonic() > end):
                with tracker.read() as work:
                    last = last or newest(work).entry
                    found = self._further(work, replace(found, begun=found.begun or work.now), step, last)
            self._keep(found)
            return found

    def _further(self, work: Work, seen: Seen, most: int, last: int) -> Seen:
        since = replace(seen.walked, broken=None)
        rows = work.rows(select(audit).where(audit.c.id > since.entry).order_by(audit.c.id).limit(most))
        walked = walk(((row.id, entry_of(row), row.hash) for row in rows), since)
        gone = self._gone(work)
        if gone is None and not rows and since.entry < last:
            gone = last, _REWRITTEN
        if gone and walked.broken is None:
            walked = replace(walked, broken=gone)
        return Seen(walked, seen.begun, work.now, max(last, walked.entry))

    def _gone(self, work: Work) -> tuple[int, str] | None:
        """The anchor, when it does not stand there any more as it did."""
        if self.anchor.entry == 0:
            return None
        row = work.row(select(audit.c.hash).where(audit.c.id == self.anchor.entry))
        return None if row and row.hash == self.anchor.hash else (self.anchor.entry, _REWRITTEN)

    def _keep(self, found: Seen) -> None:
        self.seen = found
        if found.walked.broken is None and found.walked.entry > self.anchor.entry:
            self.anchor = found.walked
