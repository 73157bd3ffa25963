"""Limits on tries: so many in a period for one key, counted where all workers see it.

A try takes its place before the password is looked at and gives it back when it was right, so tries at the same
instant cannot slip through together. While right and wrong are not known yet, a further try waits for a moment
instead of being refused: an office behind one address can sign in at nine o'clock.

Where Redis counts and does not answer, the database counts in its place. It knows what was wrong before, for that is
written there too; and it goes on counting for as long as the longest tries count, for Redis may come back empty.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import Any, Protocol, cast

from limits import RateLimitItemPerSecond
from limits.errors import ConfigurationError, StorageError
from limits.storage import Storage, storage_from_string
from limits.strategies import MovingWindowRateLimiter
from sqlalchemy import delete, insert, select, update

from cmmc_tracker.errors import Busy, Misconfigured, TooMany
from cmmc_tracker.services.work import Tracker, Work
from cmmc_tracker.storage.tables import limit_hits

_PATIENCE = 4.0  # seconds that a try waits for others that are being checked
_REDIS_SECONDS = 2.0  # without an answer, then it is away
log = logging.getLogger("cmmc_tracker")
_LONGEST = timedelta(hours=1)  # no limit counts what is older
_ABANDONED = timedelta(seconds=15)  # a place taken for longer belongs to a worker that died: it counts


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `tries` in `seconds` for one key of this `name`; `message` is what the person is told."""

    name: str
    tries: int
    seconds: int
    message: str


SIGN_IN = Limit("sign-in", 5, 300, "Too many login attempts. Please wait a few minutes, then try again.")
SET_UP = Limit("set-up", 10, 300, "Too many tries of a set-up link. Please wait a few minutes, then try again.")
ACCESS_REFUSED = Limit("access-refused", 60, 300, "")
REFUSAL_NOTED = Limit("refusal-noted", 1, 300, "")
TOKEN_USE = Limit("token", 30, 300, "Too many requests with a token that is not valid. Please wait a few minutes.")
UPLOAD_LINK = Limit("upload-link", 10, 300, "Too many tries of an upload link. Please wait a few minutes.")
PACKAGE_LINK = Limit("package-link", 10, 300, "Too many tries of a link. Please wait a few minutes.")
PACKAGE_SEARCH = Limit("package-search", 60, 300, "Too many searches. Please wait a few minutes, then search again.")
PASSWORD_CHANGE = Limit("password", 5, 300, "Too many tries of the current password. Please wait a few minutes.")


class Place(Protocol):
    """A try that is under way."""

    def give_back(self) -> None:
        """The try was right: it does not count."""

    def settle(self) -> None:
        """The try was wrong: it counts from its beginning."""


class Limiter(Protocol):
    """Counts tries."""

    def take(self, limit: Limit, key: str) -> Place:
        """Take a place for a try, or raise `TooMany` with the seconds to wait."""


@dataclass(frozen=True, slots=True)
class DatabaseLimiter:
    """Counts in the database: survives a restart, shared by all workers and nodes of it."""

    tracker: Tracker
    sleep: Callable[[float], None] = time.sleep

    def note(self, limit: Limit, key: str) -> None:
        """Write down a wrong try that another counter counts, so that this one knows of it should it be needed."""
        with self.tracker.write() as work:
            work.bookkeep(delete(limit_hits).where(limit_hits.c.at <= work.now - _LONGEST))
            work.bookkeep(insert(limit_hits).values(key=_key(limit, key), at=work.now, settled=True))

    def take(self, limit: Limit, key: str) -> Place:
        """Take a place for a try, or raise `TooMany` with the seconds to wait."""
        waited = 0.0
        while True:
            with self.tracker.write() as work:
                hit = _place(work, limit, _key(limit, key), last_chance=waited >= _PATIENCE)
            if isinstance(hit, TooMany):
                raise hit  # out here: what was set right of the clock's stays so
            if hit is not None:
                return _DatabasePlace(self.tracker, hit)
            self.sleep(0.05)
            waited += 0.05


def _key(limit: Limit, key: str) -> str:
    return f"{limit.name}:{key}"[:200]


def _place(work: Work, limit: Limit, key: str, *, last_chance: bool) -> int | TooMany | None:
    """The number of the place taken, a refusal, or None when it must be asked again."""
    work.alone(key)
    since = work.now - timedelta(seconds=limit.seconds)
    old = limit_hits.c.at <= work.now - _LONGEST
    work.bookkeep(delete(limit_hits).where(old | ((limit_hits.c.key == key) & (limit_hits.c.at <= since))))
    # Of a clock that ran ahead and was set right: it counts from now, and nobody waits until that day.
    work.bookkeep(
        update(limit_hits).where((limit_hits.c.key == key) & (limit_hits.c.at > work.now)).values(at=work.now)
    )
    columns = (limit_hits.c.at, limit_hits.c.settled)
    rows = work.rows(select(*columns).where(limit_hits.c.key == key).order_by(limit_hits.c.at))
    wrong = [row.at for row in rows if row.settled or row.at < work.now - _ABANDONED]
    if len(wrong) >= limit.tries or (len(rows) >= limit.tries and last_chance):
        oldest = (wrong or [row.at for row in rows])[0]
        wait = (oldest - since).total_seconds()
        return TooMany(limit.message, max(1, ceil(wait)))
    if len(rows) >= limit.tries:
        return None
    made = work.bookkeep(insert(limit_hits).values(key=key, at=work.now, settled=False)).inserted_primary_key
    return int(made[0]) if made else None


@dataclass(frozen=True, slots=True)
class _DatabasePlace:
    tracker: Tracker
    hit: int

    def give_back(self) -> None:
        with self.tracker.write() as work:
            work.bookkeep(delete(limit_hits).where(limit_hits.c.id == self.hit))

    def settle(self) -> None:
        with self.tracker.write() as work:
            work.bookkeep(update(limit_hits).where(limit_hits.c.id == self.hit).values(settled=True))


def storage_of(url: str, seconds: float) -> Storage:
    """What counts at an address, asked once and for so many seconds; raises `ConfigurationError` without its driver."""
    patience: dict[str, Any] = {}
    if not url.startswith("memory:"):
        patience = {"socket_timeout": seconds, "socket_connect_timeout": seconds, "retry": None}
    return cast("Storage", storage_from_string(url, wrap_exceptions=True, **patience))


class SharedLimiter:
    """Counts in memory or Redis (`RATE_LIMIT_URL`), by the moving window of the `limits` library.

    The window counts what was wrong; a counter beside it counts the tries that are under way. Both are asked in the
    order that can only count a try twice, never not at all.
    """

    def __init__(self, url: str, sleep: Callable[[float], None] = time.sleep, seconds: float = _REDIS_SECONDS) -> None:
        try:
            self.storage = storage_of(url, seconds)
        except ConfigurationError:
            raise Misconfigured(
                "RATE_LIMIT_URL names Redis, but its driver is missing or too old: pip install 'cmmc-tracker[redis]'"
            ) from None
        self.window = MovingWindowRateLimiter(self.storage)
        self._sleep = sleep

    def take(self, limit: Limit, key: str) -> Place:
        """Take a place for a try, or raise `TooMany` with the seconds to wait."""
        item = RateLimitItemPerSecond(limit.tries, limit.seconds, namespace=limit.name)
        place = _SharedPlace(self, item, key, f"under-way/{limit.name}/{key}")
        waited = 0.0
        while True:
            with _reached():
                under_way = place.enter()
                reset_time, remaining = self.window.get_window_stats(item, key)
            if remaining >= under_way:
                return place
            place.give_back()
            if remaining == 0 or waited >= _PATIENCE:
                raise TooMany(limit.message, max(1, ceil(reset_time - time.time())))
            self._sleep(0.05)
            waited += 0.05


@dataclass(frozen=True, slots=True)
class _SharedPlace:
    limiter: SharedLimiter
    item: RateLimitItemPerSecond
    key: str
    counter: str

    def enter(self) -> int:
        """Count this try as under way; returns how many are, this one too."""
        return self.limiter.storage.incr(self.counter, int(_ABANDONED.total_seconds()))

    def give_back(self) -> None:
        """The try was right: it does not count."""
        with _reached():
            left = self.limiter.storage.incr(self.counter, int(_ABANDONED.total_seconds()), -1)
            if left < 0:  # the counter had run out meanwhile, and this place with it
                self.enter()

    def settle(self) -> None:
        """The try was wrong: it counts in the window before it stops counting as under way."""
        with _reached():
            self.limiter.window.hit(self.item, self.key)
        self.give_back()


def limiter_of(url: str, tracker: Tracker) -> Limiter:
    """The limiter that the settings name: the database's, one in memory, or Redis with the database behind it."""
    database = DatabaseLimiter(tracker)
    if not url:
        return database
    shared = SharedLimiter(url)
    return shared if url.startswith("memory:") else CoveredLimiter(shared, database)


class CoveredLimiter:
    """Counts in Redis, and in the database while Redis is away and for five minutes more."""

    def __init__(self, shared: Limiter, database: DatabaseLimiter, clock: Callable[[], float] = time.monotonic) -> None:
        self._shared, self.database, self._clock = shared, database, clock
        self._back_at = 0.0  # on that clock

    def take(self, limit: Limit, key: str) -> Place:
        """Take a place for a try, or raise `TooMany` with the seconds to wait."""
        if self._clock() >= self._back_at:
            try:
                return _CoveredPlace(self, self._shared.take(limit, key), limit, key)
            except Busy:
                self.lost()
        return self.database.take(limit, key)

    def lost(self) -> None:
        """Redis did not answer."""
        if self._clock() >= self._back_at:
            log.warning("Redis does not answer: tries of sign-in are counted in the database for %d s", SIGN_IN.seconds)
        self._back_at = self._clock() + SIGN_IN.seconds


@dataclass(frozen=True, slots=True)
class _CoveredPlace:
    limiter: CoveredLimiter
    place: Place
    limit: Limit
    key: str

    def give_back(self) -> None:
        try:
            self.place.give_back()
        except Busy:  # its counter there ends by itself
            self.limiter.lost()

    def settle(self) -> None:
        self.limiter.database.note(self.limit, self.key)  # first: it counts, whatever becomes of Redis
        try:
            self.place.settle()
        except Busy:
            self.limiter.lost()


@contextmanager
def _reached() -> Iterator[None]:
    try:
        yield
    except StorageError as error:
        raise Busy("The counter of sign-in tries cannot be reached, so nobody can sign in just now.") from error
