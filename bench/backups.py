"""Backup and restore of many files, against copying them: `cp -a` of the store, then fsync of every file and folder.

Both keep the same: bytes and names are on the disk at the end. All are measured in turn, several times, each from files
that the memory holds and with nothing else waiting to be written; what counts are the medians.
"""

import hashlib
import os
import shutil
import statistics
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

from sqlalchemy import insert

from bench import fill
from bench.pages import opened
from bench.stage import Line
from cmmc_tracker.services.backups import making, reading, restoring
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.places import FolderPlace
from cmmc_tracker.storage.tables import blobs

SIZE = 100 * 1_024
MANY = 10_000
ROUNDS = 3
PASSPHRASE = "correct horse battery staple"


def measure(folder: Path) -> Iterator[Line]:
    """The first backup, the second, the restore; the first encrypted as well."""
    tracker = _filled(folder / "before")
    taken: dict[str, list[float]] = defaultdict(list)
    for number in range(ROUNDS):
        made = folder / f"round {number}"
        made.mkdir()
        for what, seconds in _round(tracker, folder / "before/uploads", made):
            taken[what].append(seconds)
        shutil.rmtree(made)
    tracker.engine.dispose()
    copied, first, second, sealed, restored = map(statistics.median, taken.values())
    yield _ratio("first backup", 70, copied, first)
    yield _ratio("first backup, encrypted", 50, copied, sealed)
    yield Line(f"second backup of {MANY:,} unchanged files", "2 s", f"{second:.2f} s", second < 2)
    yield _ratio("restore, with its verify", 60, copied, restored)


def _round(tracker: Tracker, store: Path, folder: Path) -> Iterator[tuple[str, float]]:
    yield "copied", _took(lambda: _copied(store, folder / "plain"))
    yield "first", _took(lambda: _back_up(tracker, folder / "copies"))
    yield "second", _took(lambda: _back_up(tracker, folder / "copies"))
    yield "sealed", _took(lambda: _back_up(tracker, folder / "sealed", PASSPHRASE))
    empty = opened(folder / "after")
    backup = reading.opened(FolderPlace(folder / "copies"))
    yield "restored", _took(lambda: _restored(empty, backup, folder))
    empty.engine.dispose()


def _ratio(what: str, least: int, copied: float, took: float) -> Line:
    ratio = 100 * copied / took
    measured = f"{ratio:.0f}% ({took:.1f} s against {copied:.1f} s)"
    return Line(f"{what} of {MANY:,} files of 100 KiB", f"{least} % of cp -a with fsync", measured, ratio >= least)


def _took(act: Callable[[], object]) -> float:
    os.sync()
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def _filled(folder: Path) -> Tracker:
    """An installation with many files: straight into the store's folder, for they are not what is measured."""
    tracker = opened(folder)
    rows = []
    with tracker.read() as work:
        now = work.now
    for number in range(MANY):
        data = f"{number:>20} ".encode() * (SIZE // 21)
        sha256 = hashlib.sha256(data).hexdigest()
        path = folder / "uploads" / sha256[:2] / sha256
        path.parent.mkdir(mode=0o700, exist_ok=True)
        path.write_bytes(data)
        rows.append({"sha256": sha256, "size": len(data), "stored_at": now})
    with tracker.write(fill.operator(tracker)) as work:
        work.db.execute(insert(blobs), rows)
    os.sync()
    return tracker


def _copied(source: Path, target: Path) -> None:
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)
    for path in [*target.rglob("*"), target]:
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)


def _back_up(tracker: Tracker, place: Path, passphrase: str = "") -> None:
    done = making.run(tracker, fill.operator(tracker), FolderPlace(place), told={}, passphrase=passphrase)
    if done.problems:
        raise RuntimeError(done.problems[0])


def _restored(tracker: Tracker, backup: reading.Backup, folder: Path) -> None:
    done = restoring.run(tracker, fill.operator(tracker), backup, folder)
    if wrong := [*done.problems, *done.report.problems]:
        raise RuntimeError(wrong[0])
