"""kill -9 at random instants: of the server while everything is written, of a backup, a restore and an upgrade."""

import contextlib
import gzip
import io
import random
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from cmmc_tracker.storage.database import HEAD
from tests.crash import processes
from tests.crash.__main__ import rounds
from tests.faults.site import PASSWORD, Answers, Site

OLD = Path(__file__).parent.parent / "storage/data/before/0001.db.gz"
Case = tuple[str, Callable[[Path], str]]


def cases(number: int) -> list[Case]:
    """So many kills of the server, and some of each command."""
    some = max(3, number // 10)
    return [
        (f"kill -9: {some} times a backup", lambda folder: _backup(folder, some)),
        (f"kill -9: {some} times a restore", lambda folder: _restore(folder, some)),
        (f"kill -9: {some} times an upgrade", lambda folder: _upgrade(folder, some)),
        (f"kill -9: {number} times the server", lambda _folder: _server(number)),
    ]


def _server(number: int) -> str:
    with contextlib.redirect_stdout(io.StringIO()):
        drill = rounds(number, random.SystemRandom().randrange(2**32))
    cut = drill.remains.cut
    return (
        f"{len(drill.ledger.uploads)} uploads and all else there; {drill.removed} leftovers cleared; fell into "
        f"{cut.purges} purges, {cut.checks} checks, {cut.archives} archives, {cut.registers} registers, "
        f"{cut.freezes} freezes"
    )


def _cut(environment: dict[str, str], chance: random.Random, seconds: float, *words: str) -> bool:
    """Begin a command and kill it some time later; tells whether it was killed before its end."""
    process = processes.start(environment, *words)
    time.sleep(chance.uniform(0.15, seconds))
    killed = process.poll() is None
    processes.kill(process)
    return killed


def _filled(folder: Path) -> Site:
    site = Site(folder / "data")
    with site.served():
        site.prepare()
        site.write_all(Answers(), 8)
    return site


def _timed(environment: dict[str, str], *words: str) -> float:
    begun = time.monotonic()
    processes.run(environment, *words)
    return time.monotonic() - begun


def _backup(folder: Path, times: int) -> str:
    site, chance = _filled(folder), random.Random(3)
    seconds = _timed(site.environment, "backup", str(folder / "first"))
    cut = 0
    for _ in range(times):
        cut += _cut(site.environment, chance, seconds, "backup", str(folder / "again"))
    processes.run(site.environment, "backup", str(folder / "again"))
    processes.run(site.environment, "backup", "check", str(folder / "again"))
    site.content()
    return f"{cut} fell into it; the next one was whole and proved"


def _restore(folder: Path, times: int) -> str:
    site, chance = _filled(folder), random.Random(4)
    processes.run(site.environment, "backup", str(folder / "kept"))
    seconds = _timed(site.environment | {"CMMC_DATA_DIR": str(folder / "first")}, "restore", str(folder / "kept"))
    other = site.environment | {"CMMC_DATA_DIR": str(folder / "other")}
    cut = 0
    for _ in range(times):
        killed = _cut(other, chance, seconds, "restore", str(folder / "kept"))
        cut += killed
        if not killed or _people(folder / "other/cmmc.db"):  # it came to its end: begin anew
            other["CMMC_DATA_DIR"] += "-"
    with contextlib.suppress(AssertionError):
        processes.run(other, "restore", str(folder / "kept"))
    processes.verify(other)
    site.environment = other
    site.content()
    return f"{cut} fell into it; it went on and ended whole"


def _people(file: Path) -> int:
    if not file.exists():
        return 0
    with closing(sqlite3.connect(file)) as database:
        try:
            return int(database.execute("SELECT count(*) FROM users").fetchone()[0])
        except sqlite3.OperationalError:
            return 0


def _upgrade(folder: Path, times: int) -> str:
    chance, old = random.Random(5), gzip.decompress(OLD.read_bytes())
    environment = Site(folder / "own").environment | {"CMMC_DATA_DIR": str(folder)}
    file = folder / "cmmc.db"
    file.write_bytes(old)
    seconds = _timed(environment, "user", "list")
    cut = 0
    for _ in range(times):
        for left in folder.glob("cmmc.db*"):
            left.unlink()
        file.write_bytes(old)
        cut += _cut(environment, chance, seconds, "user", "list")
        with closing(sqlite3.connect(file)) as database:
            (revision,) = database.execute("SELECT version_num FROM alembic_version").fetchone()
            assert revision in {"0001", HEAD}, f"a kill left the database at {revision}"
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        name = f"p{chance.randrange(10**9)}"
        processes.run(environment, "user", "add", name, "--role", "user", "--password-stdin", given=PASSWORD)
    return f"{cut} fell into it; each time either version, then upgraded"
