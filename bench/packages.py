"""Packages: a thousand artifacts against `zip -0`, a sparse one of five gibibytes, `verify.py`, others meanwhile."""

import hashlib
import io
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from bench import fill, stage
from bench.pages import opened
from bench.stage import MIB, Line, Server, getter, median
from cmmc_tracker.domain import catalog
from cmmc_tracker.domain.handoff.package import Asked, Purpose
from cmmc_tracker.services import links
from cmmc_tracker.services.artifacts import Received
from cmmc_tracker.services.handoff import freezing, packages, stream
from cmmc_tracker.services.handoff.packages import Package
from cmmc_tracker.services.links import Target
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.blobs import FolderBlobs

ASKED = Asked("Bench", Purpose.READINESS, "To measure.", releasable=False)
LARGE = 5 * 1024 * MIB
ROUNDS = 5
PAGE = "/systems/main/requirements"


def many(folder: Path) -> Iterator[Line]:
    """A package of 1,000 artifacts of 100 KiB, against `zip -0` of the same files and their hashes; and `verify.py`."""
    tracker = opened(folder)
    for number in range(1_000):
        fill.linked_file(tracker, f"{number:>20} ".encode() * (100 * 1_024 // 21), number)
    actor = fill.operator(tracker)
    began = time.perf_counter()
    made = packages.freeze(tracker, actor, "", actor.systems["main"], ASKED)
    yield Line("freezing 1,000 artifacts", "none given", f"{time.perf_counter() - began:.2f} s", True)
    target = folder / "package.zip"
    ours, theirs, first, grown = _in_turn(tracker, made, target)
    share = theirs / ours
    said = f"{share:.0%} ({ours:.2f} s; load {os.getloadavg()[0]:.1f})"
    yield Line("package of 1,000 × 100 KiB", "80 % of zip -0 and hashing", said, share >= 0.8)
    yield Line("first byte of a package", "0.5 s", f"{first:.3f} s", first <= 0.5)
    yield Line("memory grown by sending a package", "32 MB", f"{grown:.1f} MB", grown <= 32)
    yield from _verified(target)
    tracker.engine.dispose()


def large(folder: Path) -> Iterator[Line]:
    """One artifact of 5 GiB, a hole on the disk: frozen by the job, sent by the server, while others read pages."""
    tracker = opened(folder)
    fill.people(tracker)
    _sparse(tracker)
    actor = fill.operator(tracker)
    with _peak() as grown:
        freezing.ask(tracker, actor, "", actor.systems["main"], ASKED)
        began = time.perf_counter()
        while freezing.wanted(tracker):
            freezing.turn(tracker)
        taken = time.perf_counter() - began
    yield Line("memory grown by freezing 5 GiB", "32 MB", f"{grown[0]:.1f} MB ({taken:.1f} s)", grown[0] <= 32)
    with tracker.read(actor) as work:
        made = packages.listed(work, actor.systems["main"])[0]
    with _peak() as grown:
        for _ in stream.opened(tracker, made).pieces():
            pass
    yield Line("memory grown by sending 5 GiB", "32 MB", f"{grown[0]:.1f} MB", grown[0] <= 32)
    tracker.engine.dispose()
    with stage.started(stage.product(), stage.environment(folder)) as server:
        stage.sign_in(server)
        alone = median(getter(server, PAGE), 30)
        with _downloading(server, made):
            meanwhile = median(getter(server, PAGE), 30)
        yield _meanwhile("a package of 5 GiB is sent", alone, meanwhile)


def _meanwhile(what: str, alone: float, meanwhile: float) -> Line:
    ratio = meanwhile / alone
    said = f"{ratio:.2f} × ({alone * 1e3:.1f} → {meanwhile * 1e3:.1f} ms)"
    return Line(f"another page while {what}", "1.5 ×", said, ratio <= 1.5)


@contextmanager
def _downloading(server: Server, made: Package) -> Iterator[None]:
    """Somebody takes the package, as fast as it comes, until this ends."""
    connection = server.connect()
    connection.request("GET", f"/systems/main/packages/{made.id}/download", headers=server.headers)
    answer = connection.getresponse()
    assert answer.status == 200
    is_over = threading.Event()

    def take() -> None:
        while not is_over.is_set() and answer.read(MIB):
            pass

    thread = threading.Thread(target=take)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
        connection.close()


@contextmanager
def _peak() -> Iterator[list[float]]:
    """How far this process grew meanwhile, in MiB, at its most."""
    me, found, is_over = psutil.Process(), [0.0], threading.Event()
    before = me.memory_info().rss

    def watch() -> None:
        while not is_over.wait(0.02):
            found[0] = max(found[0], (me.memory_info().rss - before) / MIB)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield found
    finally:
        is_over.set()
        thread.join()


def _sparse(tracker: Tracker) -> None:
    """An artifact whose content is a hole of 5 GiB in the store."""
    fill.linked_file(tracker, b"beside", 0)
    assert isinstance(tracker.blobs, FolderBlobs)
    beside = tracker.blobs.path(hashlib.sha256(b"beside").hexdigest())
    digest, hole = hashlib.sha256(), bytes(MIB)
    for _ in range(LARGE // MIB):
        digest.update(hole)
    sha256 = digest.hexdigest()
    place = beside.parent.parent / sha256[:2] / sha256
    place.parent.mkdir(exist_ok=True)
    place.touch(0o400)
    place.chmod(0o600)
    os.truncate(place, LARGE)
    actor = fill.operator(tracker)
    target = Target(actor.systems["main"], catalog.parse_objective_id("AC.L2-3.1.1[a]"), "", "")
    received = Received("disk.bin", "application/octet-stream", sha256, LARGE)
    with tracker.write(actor) as work:
        links.create_linked(work, actor.systems["main"], [received], {"title": "Image of a disk"}, [target])


def _written(tracker: Tracker, made: Package, target: Path) -> tuple[float, float, float]:
    """Seconds of the whole, seconds to the first byte, MiB grown."""
    first = 0.0
    with _peak() as grown:
        began = time.perf_counter()
        with target.open("wb") as file:
            for piece in stream.opened(tracker, made).pieces():
                first = first or time.perf_counter() - began
                file.write(piece)
        ours = time.perf_counter() - began
    return ours, first, grown[0]


def _in_turn(tracker: Tracker, made: Package, target: Path) -> tuple[float, float, float, float]:
    """Seconds of ours, of `zip -0` with hashing, and to the first byte, as medians; the most MiB grown.

    In turn, the disk quiet before each: one run alone measured what else the machine wrote just then.
    """
    place = target.parent / "unpacked"
    _written(tracker, made, target)
    subprocess.run([sys.executable, "-m", "zipfile", "-e", str(target), str(place)], check=True)
    ours, theirs = [], []
    for _ in range(ROUNDS):
        target.unlink()
        os.sync()
        ours.append(_written(tracker, made, target))
        os.sync()
        theirs.append(_zipped(place))
    whole, first, grown = zip(*ours, strict=True)
    return statistics.median(whole), statistics.median(theirs), statistics.median(first), max(grown)


def _zipped(place: Path) -> float:
    """The same files packed by `zip -0`, and hashed."""
    theirs = place.parent / "theirs.zip"
    theirs.unlink(missing_ok=True)
    began = time.perf_counter()
    subprocess.run(["zip", "-0", "-q", "-r", str(theirs), "."], check=True, cwd=place)
    for one in place.rglob("*"):
        if one.is_file():
            hashlib.file_digest(io.BytesIO(one.read_bytes()), "sha256")
    return time.perf_counter() - began


def _verified(target: Path) -> Iterator[Line]:
    program = target.parent / "unpacked" / "verify.py"
    files = [str(one) for one in program.parent.rglob("*") if one.is_file()]
    mine = median(lambda: _quiet([sys.executable, "-I", "-S", str(program)]), 3)
    theirs = median(lambda: _quiet(["sha256sum", *files]), 3)
    share = theirs / mine
    yield Line("verify.py", "85 % of sha256sum", f"{share:.0%} ({mine:.2f} s)", share >= 0.85)


def _quiet(command: list[str]) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ})
