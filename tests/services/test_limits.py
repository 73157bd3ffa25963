"""Limits on tries where all workers and nodes see them: in the database, in Redis, in memory."""

import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cmmc_tracker.errors import Busy, Misconfigured, NotSignedIn, TooMany
from cmmc_tracker.services import logins
from cmmc_tracker.services.limits import SIGN_IN, DatabaseLimiter, Limit, Limiter, SharedLimiter
from cmmc_tracker.services.logins import Visitor
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.database import make_engine
from tests.conftest import PASSWORD, add_account

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


def test_without_its_counter_nobody_signs_in(tracker: Tracker, tmp_path: Path) -> None:
    add_account(tracker, "bo")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    here = Visitor("192.0.2.7", "192.0.2.7", "a browser")
    with pytest.raises(Busy, match="cannot be reached"):
        logins.sign_in(tracker, SharedLimiter(f"redis://127.0.0.1:{port}/0"), here, "bo", PASSWORD)


def test_without_the_driver_of_redis_the_start_stops_with_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(Misconfigured, match=r"RATE_LIMIT_URL names Redis.*cmmc-tracker\[redis\]"):
        SharedLimiter("redis://127.0.0.1:6379/0")


def test_the_sign_in_limit_is_five_tries_in_five_minutes() -> None:
    assert (SIGN_IN.tries, SIGN_IN.seconds) == (5, 300)
    assert "Too many login attempts" in SIGN_IN.message
