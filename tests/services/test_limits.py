"""Limits on tries where all workers and nodes see them: in the database, in Redis, in memory."""

import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from cmmc_tracker.errors import Busy, Misconfigured, NotSignedIn, TooMany
from cmmc_tracker.services import logins
from cmmc_tracker.services.limits import (
    SIGN_IN,
    CoveredLimiter,
    DatabaseLimiter,
    Limit,
    Limiter,
    SharedLimiter,
    limiter_of,
)
from cmmc_tracker.services.logins import Visitor
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.database import make_engine
from tests.conftest import PASSWORD, Clock, add_account

FEW = Limit("few", 3, 60, "Too many of them.")


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """A Redis of these tests' own."""
    program = shutil.which("redis-server")
    assert program, "these tests need Redis: apt-get install -y redis-server"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("redis")
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(folder)]
    process = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            break
        except OSError:
            time.sleep(0.05)
    yield f"redis://127.0.0.1:{port}/0", process
    process.terminate()
    process.wait(timeout=10)


@pytest.fixture(params=["database", "memory", "redis"])
def nodes(request: pytest.FixtureRequest, tracker: Tracker, database_url: str) -> Iterator[tuple[Limiter, Limiter]]:
    """Two workers' limiters that count together."""
    if request.param == "database":
        engine = make_engine(database_url)
        yield DatabaseLimiter(tracker), DatabaseLimiter(Tracker(engine, tracker.blobs, tracker.clock))
        engine.dispose()
    elif request.param == "redis":
        url, _ = request.getfixturevalue("redis")
        yield SharedLimiter(url), SharedLimiter(url)
    else:
        alone = SharedLimiter("memory://")
        yield alone, alone


def test_two_nodes_count_together_and_another_key_is_free(nodes: tuple[Limiter, Limiter]) -> None:
    first, second = nodes
    for one in (first, second, first):
        one.take(FEW, "counted-together").settle()
    with pytest.raises(TooMany, match="Too many of them") as refused:
        second.take(FEW, "counted-together")
    assert 1 <= refused.value.retry_after <= 60
    second.take(FEW, "another").give_back()


def test_what_was_right_is_not_counted(nodes: tuple[Limiter, Limiter]) -> None:
    first, second = nodes
    for _ in range(10):
        first.take(FEW, "right").give_back()
    for _ in range(3):
        second.take(FEW, "right").settle()
    with pytest.raises(TooMany):
        first.take(FEW, "right")


def test_tries_at_the_same_instant_never_pass_the_limit(nodes: tuple[Limiter, Limiter]) -> None:
    looked_at, refused = [], []
    together = threading.Barrier(12)

    def attempt(limiter: Limiter) -> None:
        together.wait()
        try:
            place = limiter.take(FEW, "at-once")
        except TooMany:
            refused.append(1)
            return
        looked_at.append(1)
        time.sleep(0.1)
        place.settle()

    threads = [threading.Thread(target=attempt, args=(nodes[n % 2],)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (len(looked_at), len(refused)) == (3, 9)


def test_sign_in_tries_are_counted_in_redis_for_all_nodes(
    tracker: Tracker, redis: tuple[str, "subprocess.Popen[bytes]"]
) -> None:
    add_account(tracker, "bo")
    here = Visitor("192.0.2.7", "192.0.2.7", "a browser")
    for number in range(5):
        with pytest.raises(NotSignedIn):
            logins.sign_in(tracker, SharedLimiter(redis[0]), here, f"nobody{number}", "wrong")
    with pytest.raises(TooMany, match="Too many login attempts"):
        logins.sign_in(tracker, SharedLimiter(redis[0]), here, "bo", PASSWORD)


def _nobody() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"redis://127.0.0.1:{free.getsockname()[1]}/0"


def test_without_redis_the_database_counts(tracker: Tracker, caplog: pytest.LogCaptureFixture) -> None:
    add_account(tracker, "bo")
    here, limiter = Visitor("192.0.2.7", "192.0.2.7", "a browser"), limiter_of(_nobody(), tracker)
    logins.sign_in(tracker, limiter, here, "bo", PASSWORD)
    for number in range(5):
        with pytest.raises(NotSignedIn):
            logins.sign_in(tracker, limiter, here, f"nobody{number}", "wrong")
    with pytest.raises(TooMany, match="Too many login attempts"):
        logins.sign_in(tracker, limiter, here, "bo", PASSWORD)
    assert caplog.text.count("Redis does not answer") == 1


class _Shared:
    """A counter that is there until it is not, and comes back empty."""

    def __init__(self) -> None:
        self.away = False
        self.settled = 0

    def take(self, limit: Limit, _key: str) -> "_Shared":
        self._reached()
        if self.settled >= limit.tries:
            raise TooMany(limit.message, 9)
        return self

    def give_back(self) -> None:
        self._reached()

    def settle(self) -> None:
        self._reached()
        self.settled += 1

    def _reached(self) -> None:
        if self.away:
            raise Busy("gone")


def test_tries_of_before_and_after_redis_went_away_count_together(tracker: Tracker) -> None:
    shared, seconds = _Shared(), [0.0]
    limiter = CoveredLimiter(shared, DatabaseLimiter(tracker), lambda: seconds[0])
    limiter.take(FEW, "a").settle()
    under_way = limiter.take(FEW, "a")
    shared.away = True
    under_way.settle()
    limiter.take(FEW, "a").settle()
    with pytest.raises(TooMany):
        limiter.take(FEW, "a")
    shared.away, shared.settled = False, 0
    seconds[0] = SIGN_IN.seconds - 1.0
    with pytest.raises(TooMany):
        limiter.take(FEW, "a")
    seconds[0] += 1.0
    limiter.take(FEW, "a").give_back()


def test_a_redis_that_says_nothing_is_waited_for_once_and_not_long(tracker: Tracker) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        begun = time.monotonic()
        shared = SharedLimiter(f"redis://127.0.0.1:{silent.getsockname()[1]}/0", seconds=0.2)
        limiter = CoveredLimiter(shared, DatabaseLimiter(tracker))
        for _ in range(3):
            limiter.take(FEW, "a").give_back()
        assert time.monotonic() - begun < 1.0


def test_tries_of_a_clock_that_ran_ahead_make_nobody_wait_until_then(tracker: Tracker, clock: Clock) -> None:
    limiter = DatabaseLimiter(tracker)
    clock.forward(days=400)
    for _ in range(3):
        limiter.take(FEW, "a").settle()
    clock.forward(days=-400)
    with pytest.raises(TooMany) as told:
        limiter.take(FEW, "a")
    assert told.value.retry_after <= 60
    clock.forward(seconds=61)
    limiter.take(FEW, "a").give_back()


def test_without_the_driver_of_redis_the_start_stops_with_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(Misconfigured, match=r"RATE_LIMIT_URL names Redis.*cmmc-tracker\[redis\]"):
        SharedLimiter("redis://127.0.0.1:6379/0")


def test_the_sign_in_limit_is_five_tries_in_five_minutes() -> None:
    assert (SIGN_IN.tries, SIGN_IN.seconds) == (5, 300)
    assert "Too many login attempts" in SIGN_IN.message
