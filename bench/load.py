"""`make load`: a busy Monday. So many people for so long on the mix of an assessment week, on one node.

    python -m bench.load [--seconds 180] [--people 200] [--pause 3] [--on sqlite,postgresql] [--workers 2]
    python -m bench.load --scale [--seconds 30]     # 1, 2 and 4 processes; writes its table into docs/scale.md

People pause between two acts (`--pause`, seconds in the mean). Afterwards each objective's saves are counted against
its versions, uploads are read back, and `verify` must be content. Client, server and database share this machine; the
shares of the processor and what else ran are told. Exit 1 for an error, a lost save, memory that grew, or a `verify`
that is not content.
"""

import argparse
import hashlib
import itertools
import os
import statistics
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import psutil
from sqlalchemy import select
from tools import visitor

from bench import fill, stage
from bench.pages import opened
from bench.places import database, folder
from bench.stage import PASSWORD, Line, Server
from bench.visits import READING, WEEK, Book, quantile, together
from cmmc_tracker.services import accounts
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import findings

ARTIFACTS = 200
LONG, GROWTH = 120, 1.15  # in runs of so many seconds memory may grow by so much after its first quarter
CLIENTS, TURNS, TURN = 8, 3, 10.0  # seconds of a turn
MIXES = {"reading": READING, "the week's": WEEK}
SCALE = Path(__file__).parents[1] / "docs/scale.md"
_BEGIN, _END = "<!-- processes -->", "<!-- end of processes -->"
_DATABASE = ("postgres", "postgres:")


@dataclass
class Run:
    """One run: what people met, and what the machine did."""

    book: Book
    seconds: float
    memory: list[int] = field(default_factory=list)  # bytes of the server, a sample a second
    shares: dict[str, float] = field(default_factory=dict)  # of all cores: who used how much
    problems: list[str] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.book.all()) / self.seconds


def prepared(place: Path, url: str | None, people: int) -> None:
    """Accounts, 320 judged objectives, and evidence with bytes."""
    tracker = opened(place, url)
    one = accounts.candidate("person", PASSWORD, "user")
    with tracker.write(fill.operator(tracker)) as work:
        for number in range(people):
            accounts.create(work, replace(one, name=f"person{number}"))
    fill.judged(tracker)
    for number in range(ARTIFACTS):
        fill.linked_file(tracker, os.urandom(10_000).hex().encode(), number)
    tracker.engine.dispose()


def run(place: Path, url: str | None, given: argparse.Namespace, workers: int, mix: dict[str, int]) -> Run:
    """People work on one server; then look at what they left."""
    env = stage.environment(place, url)
    command = [*stage.product(), "--workers", str(workers)]
    before = _versions(place, url)
    with stage.started(command, env, quiet=True) as server:
        with ThreadPoolExecutor(4) as pool:
            names = [f"person{number}" for number in range(given.people)]
            people = list(pool.map(lambda name: visitor.sign_in(server.port, name, PASSWORD), names))
        with _watched(server) as (memory, shares):
            begun = time.monotonic()
            book = together(server, people, mix, seconds=given.seconds, pause=given.pause, artifacts=ARTIFACTS)
            done = Run(book, time.monotonic() - begun, memory, shares)
        done.problems += _lost(book, before, _versions(place, url))
        done.problems += _unread(server, people[0], book)
    said = subprocess.run(
        [sys.executable, "-m", "cmmc_tracker", "verify"], env=env, capture_output=True, text=True, check=False
    )
    if said.returncode:
        done.problems.append(f"verify: {said.stderr[-500:]}")
    done.problems += [f"{len(book.errors)} errors, such as {book.errors[0]}"] if book.errors else []
    first, last = _early_and_late(memory)
    if given.seconds >= LONG and last > first * GROWTH:
        done.problems.append(f"memory grew from {first:.0f} to {last:.0f} MB")
    return done


def _versions(place: Path, url: str | None) -> dict[tuple[str, str], int]:
    tracker = opened(place, url)
    found = _saved(tracker)
    tracker.engine.dispose()
    return found


def _saved(tracker: Tracker) -> dict[tuple[str, str], int]:
    query = select(findings.c.requirement, findings.c.letter, findings.c.version)
    with tracker.read() as work:
        return {(row.requirement, row.letter): row.version for row in work.rows(query)}


def _lost(book: Book, before: dict[tuple[str, str], int], after: dict[tuple[str, str], int]) -> Iterator[str]:
    for one, number in book.saved.items():
        found = after[one] - before.get(one, 0)
        if found != number:
            yield f"{one[0]}[{one[1]}] was saved {number} times and has {found} more versions"


def _unread(server: Server, headers: dict[str, str], book: Book) -> Iterator[str]:
    connection = server.connect()
    for number, sha256 in book.uploaded.items():
        connection.request("GET", f"/api/v1/artifacts/{number}/versions/1/content", headers=headers)
        if hashlib.sha256(connection.getresponse().read()).hexdigest() != sha256:
            yield f"artifact {number} came back altered"
    connection.close()


@contextmanager
def _watched(server: Server) -> Iterator[tuple[list[int], dict[str, float]]]:
    """Memory of the server, a sample a second, and at the end who used how much of all cores."""
    memory: list[int] = []
    shares: dict[str, float] = {}
    over, begun = threading.Event(), time.monotonic()
    used = _used(server)

    def sample() -> None:
        while not over.wait(1):
            memory.append(server.memory())

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield memory, shares
    finally:
        over.set()
        thread.join()
        whole = (time.monotonic() - begun) * (os.cpu_count() or 1)
        # Of processes that ended meanwhile nothing is known any more: at least so much.
        shares |= {name: max(0.0, seconds - used[name]) / whole for name, seconds in _used(server).items()}


def _used(server: Server) -> dict[str, float]:
    """Seconds of the processor so far: server, database, this client, and the whole machine."""
    own = psutil.Process().cpu_times()
    served = []
    for one in server.processes():
        with suppress(psutil.NoSuchProcess):
            served.append(one.cpu_times())
    of_database = 0.0
    for one in psutil.process_iter(["name", "cpu_times"]):
        times = one.info["cpu_times"]
        if one.info["name"] in _DATABASE and times:
            of_database += times.user + times.system
    machine = psutil.cpu_times()
    return {
        "server": sum(one.user + one.system for one in served),
        "database": of_database,
        "client": own.user + own.system,
        "all": sum(machine) - machine.idle - machine.iowait,
    }


def told(name: str, done: Run) -> Iterator[str]:
    """A run as lines of a table."""
    yield f"{name}: {len(done.book.all()):,} requests in {done.seconds:.0f} s, {done.rate:.0f} a second"
    for kind, seconds in [*sorted(done.book.seconds.items()), ("all", done.book.all())]:
        marks = "  ".join(f"{quantile(seconds, share) * 1e3:7.0f}" for share in (0.5, 0.95, 0.99))
        yield f"  {kind:<16} {len(seconds):>7,}   p50 p95 p99 [ms]  {marks}   most {max(seconds) * 1e3:.0f}"
    first, last = _early_and_late(done.memory)
    yield f"  memory of the server: {first:.0f} MB in the second quarter, {last:.0f} MB in the last"
    yield "  processor: " + ", ".join(f"{name} {share:.0%}" for name, share in done.shares.items())
    yield f"  {sum(done.book.saved.values()):,} saves of {len(done.book.saved)} objectives, none lost" * (
        not done.problems
    )
    yield from (f"  WRONG: {problem}" for problem in done.problems)


def _early_and_late(memory: list[int]) -> tuple[float, float]:
    """Megabytes in the second quarter, when everything is loaded, and in the last."""
    quarter = max(1, len(memory) // 4)
    return statistics.median(memory[quarter : 2 * quarter] or memory) / 1e6, statistics.median(memory[-quarter:]) / 1e6


def monday(given: argparse.Namespace) -> int:
    """The load itself; returns how many runs were not well."""
    failed = 0
    for name in given.on.split(","):
        with ExitStack() as stack:
            place = stack.enter_context(folder())
            url = stack.enter_context(database()) if name == "postgresql" else None
            if name == "postgresql" and url is None:
                print("PostgreSQL: no server answers; not tried")
                continue
            prepared(place, url, given.people)
            done = run(place, url, given, given.workers, WEEK)
            title = f"{name}, {given.people} people, {given.workers} processes, pauses of {given.pause} s"
            print("\n".join(told(title, done)), flush=True)
            failed += bool(done.problems)
    return failed


def on_sqlite(place: Path, hello: float) -> Line:
    """The week's mix by eight clients on a single node; `hello` are the seconds of one hello."""
    prepared(place, None, CLIENTS)
    done = _median([run(place, None, _without_pauses(TURN), 2, WEEK) for _ in range(TURNS)])
    p95 = quantile(done.book.all(), 0.95)
    ratio = f"{done.rate * hello:.2f} × hello's rate, {p95 / hello:.0f} × its time"
    said = f"{done.rate:.0f} a second at {p95 * 1e3:.0f} ms ({ratio})"
    met = done.rate >= 150 and p95 < 0.15 and not done.problems
    return Line("the week's mix, 8 clients, SQLite, 2 processes", "150 a second at a p95 under 150 ms", said, met)


def on_postgresql(place: Path, url: str) -> Line:
    """Two processes against one, in turn, when people read: the median of the turns' ratios."""
    prepared(place, url, CLIENTS)
    turns = [[run(place, url, _without_pauses(TURN), workers, READING) for workers in (1, 2)] for _ in range(TURNS)]
    one, two = sorted(turns, key=lambda turn: turn[1].rate / turn[0].rate)[TURNS // 2]
    shares = ", ".join(f"{name} {share:.0%}" for name, share in two.shares.items())
    said = f"{two.rate / one.rate:.2f} × ({one.rate:.0f} → {two.rate:.0f} a second; processor: {shares})"
    met = two.rate >= 1.3 * one.rate and not any(done.problems for turn in turns for done in turn)
    return Line("reading, 8 clients, two PostgreSQL processes", "1.3 × one", said, met)


def _without_pauses(seconds: float) -> argparse.Namespace:
    return argparse.Namespace(people=CLIENTS, pause=0.0, seconds=seconds)


def _median(runs: list[Run]) -> Run:
    return sorted(runs, key=lambda one: one.rate)[len(runs) // 2]


def scale(given: argparse.Namespace) -> int:
    """Eight clients without a pause on 1, 2 and 4 processes, in turn; writes the table of the medians."""
    given, wrong = _without_pauses(given.seconds), 0
    machine = f"{os.cpu_count()} cores, load of the machine before it {os.getloadavg()[0]:.1f}"
    each = (
        f"{CLIENTS} clients without pauses, {TURNS} times {given.seconds:.0f} s in turn, told is the median by requests"
    )
    rows = [f"Measured on {datetime.now(UTC):%d %b %Y}: {machine}; {each}."]
    rows += ["", "| database | processes | mix | requests a second | p50 | p95 | p99 | server, database, client, all |"]
    rows += ["|---|---|---|---|---|---|---|---|"]
    for name, counts in (("SQLite", (1, 2)), ("PostgreSQL", (1, 2, 4))):
        with ExitStack() as stack:
            place = stack.enter_context(folder())
            url = stack.enter_context(database()) if name == "PostgreSQL" else None
            if name == "PostgreSQL" and url is None:
                print("PostgreSQL: no server answers; not tried")
                continue
            prepared(place, url, given.people)
            runs: dict[tuple[int, str], list[Run]] = defaultdict(list)
            for _ in range(TURNS):
                for workers, (title, mix) in itertools.product(counts, MIXES.items()):
                    done = run(place, url, given, workers, mix)
                    wrong += bool(done.problems)
                    print("\n".join(told(f"{name}, {workers} processes, {title}", done)), flush=True)
                    runs[workers, title].append(done)
            rows += [_row(name, workers, title, each) for (workers, title), each in runs.items()]
    before, _, rest = SCALE.read_text().partition(_BEGIN)
    SCALE.write_text(f"{before}{_BEGIN}\n" + "\n".join(rows) + f"\n{_END}{rest.partition(_END)[2]}")
    return wrong


def _row(name: str, workers: int, title: str, runs: list[Run]) -> str:
    done, found = _median(runs), [one.rate for one in runs]
    rates = f"{done.rate:.0f} ({min(found):.0f} to {max(found):.0f})"
    marks = " | ".join(f"{quantile(done.book.all(), q) * 1e3:.0f} ms" for q in (0.5, 0.95, 0.99))
    return (
        f"| {name} | {workers} | {title} | {rates} | {marks} | {', '.join(f'{s:.0%}' for s in done.shares.values())} |"
    )


def main() -> None:
    """Read the options, run, tell."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--pause", type=float, default=3)
    parser.add_argument("--on", default="sqlite,postgresql")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--scale", action="store_true")
    given = parser.parse_args()
    print(f"load of the machine before it: {os.getloadavg()[0]:.1f}", flush=True)
    failed = scale(given) if given.scale else monday(given)
    print("0 failed" if not failed else f"{failed} failed")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
