"""Backup and restore of many files, against copying them: `cp -a` of the store, every file then fsynced."""

import hashlib
import os
import subprocess
import time
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
PASSPHRASE = "correct horse battery staple"


def measure(folder: Path) -> Iterator[Line]:
    """The first backup, the second, the restore; the first encrypted as well."""
    tracker = _filled(folder / "before")
    copied = _took(lambda: _copied(folder / "before/uploads", folder / "plain"))
    first = _took(lambda: _back_up(tracker, folder / "copies"))
    second = _took(lambda: _back_up(tracker, folder / "copies"))
    sealed = _took(lambda: _back_up(tracker, folder / "sealed", PASSPHRASE))
    empty = opened(folder / "after")
    backup = reading.opened(FolderPlace(folder / "copies"))
    restored = _took(lambda: restoring.run(empty, fill.operator(empty), backup, folder))
    for one in (tracker, empty):
        one.engine.dispose()
    yield _ratio("first backup", 70, copied, first)
    yield _ratio("first backup, encrypted", 50, copied, sealed)
    yield Line(f"second backup of {MANY:,} unchanged files", "2 s", f"{second:.2f} s", second < 2)
    yield _ratio("restore, with its verify", 60, copied, restored)


def _ratio(what: str, least: int, copied: float, took: float) -> Line:
    ratio = 100 * copied / took
    measured = f"{ratio:.0f}% ({took:.1f} s against {copied:.1f} s)"
    return Line(f"{what} of {MANY:,} files of 100 KiB", f"{least} % of cp -a with fsync", measured, ratio >= least)


def _took(act: Callable[[], object]) -> float:
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
    for path in target.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            os.fsync(descriptor)
            os.close(descriptor)


def _back_up(tracker: Tracker, place: Path, passphrase: str = "") -> None:
    done = making.run(tracker, fill.operator(tracker), FolderPlace(place), told={}, passphrase=passphrase)
    if done.problems:
        raise RuntimeError(done.problems[0])
