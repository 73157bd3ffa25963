"""Limits on tries: so many in a period for one key, counted where all workers see it.

A try takes its place before the password is looked at and gives it back when it was right, so tries at the same
instant cannot slip through together. While right and wrong are not known yet, a further try waits for a moment
instead of being refused: an office behind one address can sign in at nine o'clock.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import Protocol, cast

from limits import RateLimitItemPerSecond
from limits.errors import ConfigurationError, StorageError
from limits.storage import Storage, storage_from_string
from limits.strategies import MovingWindowRateLimiter
from sqlalchemy import delete, insert, select, update

from cmmc_tracker.errors import Busy, Misconfigured, TooMany
from cmmc_tracker.services.work import Tracker, Work
from cmmc_tracker.storage.tables import limit_hits

_PATIENCE = 4.0  # seconds that a try waits for others that are being checked
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

    def take(self, limit: Limit, key: str) -> Place:
        """Take a place for a try, or raise `TooMany` with the seconds to wait."""
        waited = 0.0
        while True:
            with self.tracker.write() as work:
                hit = _place(work, limit, f"{limit.name}:{key}"[:200], last_chance=waited >= _PATIENCE)
            if hit is not None:
                return _DatabasePlace(self.tracker, hit)
            self.sleep(0.05)
            waited += 0.05


def _place(work: Work, limit: Limit, key: str, *, last_chance: bool) -> int | None:
    """The number of the place taken, or None when it must be asked again; raises `TooMany`."""
    work.alone(key)
    since = work.now - timedelta(seconds=limit.seconds)
    old = limit_hits.c.at <= work.now - _LONGEST
    work.bookkeep(delete(limit_hits).where(old | ((limit_hits.c.key == key) & (limit_hits.c.at <= since))))
    columns = (limit_hits.c.at, limit_hits.c.settled)
    rows = work.rows(select(*columns).where(limit_hits.c.key == key).order_by(limit_hits.c.at))
    wrong = [row.at for row in rows if row.settled or row.at < work.now - _ABANDONED]
    if len(wrong) >= limit.tries or (len(rows) >= limit.tries and last_chance):
        oldest = (wrong or [row.at for row in rows])[0]
        wait = (oldest - since).total_seconds()
        raise TooMany(limit.message, max(1, ceil(wait)))
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


class SharedLimiter:
    """Counts in memory or Redis (`RATE_LIMIT_URL`), by the moving window of the `limits` library.

    The window counts what was wrong; a counter beside it counts the tries that are under way. Both are asked in the
    order that can only count a try twice, never not at all.
    """

    def __init__(self, url: str, sleep: Callable[[float], None] = time.sleep) -> None:
        try:
            self.storage = cast("Storage", storage_from_string(url, wrap_exceptions=True))
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


@contextmanager
def _reached() -> Iterator[None]:
    try:
        yield
    except StorageError as error:
        raise Busy("The counter of sign-in tries cannot be reached, so nobody can sign in just now.") from error
