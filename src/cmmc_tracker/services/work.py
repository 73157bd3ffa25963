"""Work: one transaction, the store, who acts, and when. Leaving it cleanly commits; an exception rolls back.

Whatever changes rows says so in the audit log, in the same transaction: a Work that changed rows and recorded
nothing fails. The entries are appended at the very end, after the last change: the chain has one tail, and
holding its lock while waiting for a row could stop two writers for good.

Two Works that change the same things in another order can stop each other; PostgreSQL then lets one go on and raises
in the other, which is `Overtaken`. `again` is the one place that does such a thing anew.

A trap: raising rolls back, so it would erase the record of a refusal. A refusal is written in its own Work.
"""

import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from typing import Any, TypeVar

from sqlalchemy import (
    CompoundSelect,
    Connection,
    Delete,
    Engine,
    Executable,
    Insert,
    Row,
    Select,
    Update,
    insert,
    select,
    text,
)
from sqlalchemy.engine import CursorResult

from cmmc_tracker.domain.audit import GENESIS, Entry, Event, canonical, digest, stamp
from cmmc_tracker.domain.permissions import Actor
from cmmc_tracker.errors import Overtaken, Stale
from cmmc_tracker.services.remembering import Kind, Memory, Stand
from cmmc_tracker.storage import tables
from cmmc_tracker.storage.database import begun, is_own_schema, translated
from cmmc_tracker.storage.scanner import Scanner
from cmmc_tracker.storage.store import Blobs

_CHAIN_LOCK = 0x41554454  # an advisory lock's number on PostgreSQL: "AUDT"
TRIES = 4
# Where counts are kept that nobody made, such as when something was last looked at: the audit log does not tell of
# them, so nothing that people rely on may be worked out of them (`remembered`).
UNRECORDED = frozenset(
    {
        *("account_tries", "api_tokens", "audit_streams", "blob_texts", "blobs", "freezes", "held_files", "imports"),
        *("leases", "limit_hits", "package_views", "second_factors", "sessions", "setup_links", "users"),
    }
)
_T = TypeVar("_T")
_kept: ContextVar[int] = ContextVar("kept", default=0)  # Works that were committed by this thread


@dataclass(slots=True)
class Work:
    """One transaction. `now` is the same instant for everything done in it; `zone` is where the organization is."""

    db: Connection
    blobs: Blobs
    actor: Actor | None
    address: str
    now: datetime
    zone: tzinfo = UTC
    entries: list[Entry] = field(default_factory=list)
    changed: bool = False
    memory: Memory | None = None  # of a Work that only reads: one that writes sees its own changes before the log does
    _stand: Stand | None = None

    @property
    def today(self) -> date:
        """The day of the calendar where the organization is: what every clock of an assessment counts in."""
        return self.day(self.now)

    def day(self, instant: datetime) -> date:
        """The day on which something happened, where the organization is."""
        return instant.astimezone(self.zone).date()

    def ping(self) -> None:
        """Ask the database for nothing, to see that it answers."""
        self.db.execute(select(1))

    def alone(self, name: str) -> None:
        """Let only one Work at a time go on from here for that name: what it then looks up stays true.

        On SQLite a writing Work is alone from its beginning.
        """
        if self.db.dialect.name == "postgresql":
            self.db.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": name})

    def rows(self, statement: Select[Any] | CompoundSelect[Any], **values: Any) -> list[Row[Any]]:
        """All rows of a query; `values` are of its bound parameters, where it was put together beforehand."""
        return list(self.db.execute(statement, values).all())  # fetched at once: row by row takes twice as long

    def row(self, statement: Select[Any], **values: Any) -> Row[Any] | None:
        """The first row of a query, or None; `values` as in `rows`."""
        return self.db.execute(statement, values).first()

    def remembered(self, kind: Kind, of: Any, make: Callable[[], _T]) -> _T:
        """What `make` reads and works out of the records, once for as long as nothing new is recorded.

        `of` names which one, with all that it depends on besides the records and the day: hashable. Who asks has
        been allowed to. What is given back is shared, and must not be changed.
        """
        if self.memory is None:
            return make()
        if self._stand is None:
            tail = self.row(select(tables.audit.c.id, tables.audit.c.hash).order_by(tables.audit.c.id.desc()).limit(1))
            self._stand = Stand(tail.id, tail.hash, self.today) if tail else Stand(0, GENESIS, self.today)
        return self.memory.once(self._stand, kind, of, make)

    def change(self, statement: Executable, values: list[dict[str, Any]] | None = None) -> CursorResult[Any]:
        """Run a statement that changes what people rely on; the Work then owes an audit entry."""
        self.changed = True
        result: CursorResult[Any]
        result = self.db.execute(statement, values) if values is not None else self.db.execute(statement)
        return result

    def change_one(self, statement: Executable, **values: Any) -> None:
        """Run an UPDATE that names the version it read; raises `Stale` when no row had it. `values` as in `rows`."""
        self.changed = True
        if self.db.execute(statement, values).rowcount == 0:
            raise Stale(
                "Somebody else changed this while you were at it. Nothing of yours was saved; "
                "look at what is there now, then save again."
            )

    def bookkeep(self, statement: Insert | Update | Delete) -> CursorResult[Any]:
        """Run a statement that no person did: counters, last-seen times. Only in the tables of `UNRECORDED`."""
        if (name := getattr(statement.table, "name", "")) not in UNRECORDED:
            raise AssertionError(f"a change of {name} is to be recorded: what is remembered is made of it")
        result: CursorResult[Any] = self.db.execute(statement)
        return result

    def record(self, event: Event, entity: str, detail: Mapping[str, Any] | None = None, actor: str = "") -> None:
        """Say in the audit log what this Work did. `entity` is `kind:id`; `actor` names one who has no account."""
        via = {"via": self.actor.via} if self.actor and self.actor.via else {}
        self.entries.append(
            Entry(
                at=stamp(self.now),
                actor_id=self.actor.id if self.actor else None,
                actor=(self.actor.name if self.actor else actor)[:80],
                address=self.address[:64],
                action=event,
                entity=entity[:120],
                detail=canonical({**(detail or {}), **via}),
                previous="",
            )
        )


@dataclass(frozen=True, slots=True)
class Tracker:
    """One installation: its database, its store, its clock. Everything that is done opens a Work from it."""

    engine: Engine
    blobs: Blobs
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    scanner: Scanner | None = None  # asked about every upload where an administrator named one
    zone: tzinfo = UTC  # of the organization: its days, not UTC's, are the days of the clocks
    memory: Memory = field(default_factory=Memory)

    @property
    def today(self) -> date:
        """The day of the calendar where the organization is."""
        return self.clock().astimezone(self.zone).date()

    def fits(self) -> bool:
        """Whether the database is of the schema that this version knows."""
        with translated(), begun(self.engine, writes=False) as db, db.begin():
            return is_own_schema(db)

    @contextmanager
    def read(self, actor: Actor | None = None, address: str = "") -> Iterator[Work]:
        """A transaction that only reads: one consistent picture."""
        with translated(), begun(self.engine, writes=False) as db, db.begin():
            yield Work(db, self.blobs, actor, address, self.clock(), self.zone, memory=self.memory)

    @contextmanager
    def write(self, actor: Actor | None = None, address: str = "") -> Iterator[Work]:
        """A transaction that may change; commits on leaving cleanly, else rolls back."""
        with translated(), begun(self.engine, writes=True) as db:
            with db.begin() as transaction:
                with self.within(db, actor, address) as work:
                    yield work
                with translated(keeping=bool(work.entries)):
                    transaction.commit()
            _kept.set(_kept.get() + 1)

    @contextmanager
    def within(self, db: Connection, actor: Actor | None = None, address: str = "") -> Iterator[Work]:
        """A Work in a transaction that the caller began and ends; its entries are appended on leaving cleanly."""
        work = Work(db, self.blobs, actor, address, self.clock(), self.zone)
        yield work
        if work.changed and not work.entries:
            raise AssertionError("a Work changed rows and recorded nothing in the audit log")
        if work.entries:
            _append(work)


def again(act: Callable[[], _T], may: Callable[[], bool] = lambda: True) -> _T:
    """Do what opens Works; where another change made it give way, do it anew, a few times.

    Not once a Work of it was kept: that would be kept twice. `may` tells whether the rest of it can be done twice.
    """
    for tried in range(1, TRIES + 1):
        before = _kept.get()
        try:
            return act()
        except Overtaken:
            if tried == TRIES or _kept.get() != before or not may():
                raise
            # Not at once and not together: the other one is still at it.
            time.sleep(tried * (10 + secrets.randbelow(40)) / 1_000)
    raise AssertionError("the last try returns or raises")


def _append(work: Work) -> None:
    if work.db.dialect.name == "postgresql":
        # On SQLite a write transaction is alone anyway; here the chain's tail needs a lock of its own.
        work.db.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": _CHAIN_LOCK})
    tail = work.row(select(tables.audit.c.hash).order_by(tables.audit.c.id.desc()).limit(1))
    previous = tail.hash if tail else GENESIS
    values = []
    for entry in work.entries:
        linked = Entry(**{**_fields(entry), "previous": previous})
        previous = digest(linked)
        values.append({**_fields(linked), "hash": previous})
    work.db.execute(insert(tables.audit), values)


def _fields(entry: Entry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in Entry.__slots__}
