"""kill -9 at random instants: of the server while everything is written, of a backup, a restore and an upgrade."""

import contextlib
import gzip
import io
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import inspect, text

from cmmc_tracker.storage.database import make_engine
from tests.crash import processes
from tests.crash.__main__ import rounds
from tests.crash.checks import settle
from tests.faults.servers import Cluster, cluster
from tests.faults.site import PASSWORD, Answers, Site

OLD = Path(__file__).parent.parent / "storage/data/before/0001.db.gz"
Renew = Callable[[], str]  # makes the database of 0001 anew; its address
FEW = 50
Fresh = Callable[[str], dict[str, str]]  # the settings of an installation's own database, by its name
Case = tuple[str, Callable[[Path], str]]


def cases(number: int) -> list[Case]:
    """So many kills of the server, and some of each command."""
    some = max(3, number // 10)
    return [
        (f"kill -9: {some} times a backup, SQLite", lambda folder: _backup(folder, some)),
        (f"kill -9: {some} times a backup, PostgreSQL", lambda folder: _there(_backup, folder, some)),
        (f"kill -9: {some} times a restore, SQLite", lambda folder: _restore(folder, some)),
        (f"kill -9: {some} times a restore, PostgreSQL", lambda folder: _there(_restore, folder, some)),
        (f"kill -9: {some} times an upgrade, SQLite", lambda folder: _upgrade(folder, some, _file(folder))),
        (f"kill -9: {some} times an upgrade, PostgreSQL", lambda folder: _upgrade_there(folder, some)),
        (f"kill -9: {number} times the server, SQLite", lambda _folder: _server(number)),
        (f"kill -9: {some} times the server, PostgreSQL", lambda _folder: _server(some, postgresql=True)),
    ]


def _server(number: int, *, postgresql: bool = False) -> str:
    """Each installation is killed fifty times at most: all that it ever acknowledged is read again each time."""
    uploads = removed = 0
    fell: Counter[str] = Counter()
    for begun in range(0, number, FEW):
        with contextlib.redirect_stdout(io.StringIO()):
            drill = rounds(min(FEW, number - begun), random.SystemRandom().randrange(2**32), postgresql=postgresql)
        uploads += len(drill.ledger.uploads)
        removed += drill.removed
        fell.update(asdict(drill.remains.cut))
    into = ", ".join(f"{times} {what}" for what, times in fell.items())
    return f"{uploads} uploads and all else there; {removed} leftovers cleared; fell into {into}"


def _cut(environment: dict[str, str], chance: random.Random, seconds: float, *words: str) -> bool:
    """Begin a command and kill it some time later; tells whether it was killed before its end."""
    process = processes.start(environment, *words)
    time.sleep(chance.uniform(0.15, seconds))
    killed = process.poll() is None
    processes.kill(process)
    return killed


def _timed(environment: dict[str, str], *words: str) -> float:
    begun = time.monotonic()
    processes.run(environment, *words)
    return time.monotonic() - begun


def _in_the_folder(_name: str) -> dict[str, str]:
    """SQLite's file lies in the data folder: nothing needs to be set."""
    return {}


def _there(act: Callable[[Path, int, Fresh], str], folder: Path, times: int) -> str:
    """The same on PostgreSQL: each installation has a database of its own in one server."""
    with cluster() as server:
        return act(folder, times, lambda name: {"DATABASE_URL": _database(server, name)})


def _database(server: Cluster, name: str, script: str = "") -> str:
    """A new database of that name, with what a script puts there; returns its address."""
    url = server.url.rpartition("/")[0] + f"/{name}"
    with psycopg.connect(server.url, autocommit=True) as own:
        own.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        own.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    if script:
        with psycopg.connect(url, autocommit=True) as fresh:
            fresh.execute(script)  # type: ignore[arg-type]
    return url


def _filled(folder: Path, fresh: Fresh) -> Site:
    site = Site(folder / "data", **fresh("data"))
    with site.served():
        site.prepare()
        site.write_all(Answers(), 8)
    return site


def _backup(folder: Path, times: int, fresh: Fresh = _in_the_folder) -> str:
    site, chance = _filled(folder, fresh), random.Random(3)
    seconds = _timed(site.environment, "backup", str(folder / "first"))
    cut = 0
    for _ in range(times):
        cut += _cut(site.environment, chance, seconds, "backup", str(folder / "again"))
    processes.run(site.environment, "backup", str(folder / "again"))
    processes.run(site.environment, "backup", "check", str(folder / "again"))
    site.content()
    return f"{cut} fell into it; the next one was whole and proved"


def _restore(folder: Path, times: int, fresh: Fresh = _in_the_folder) -> str:
    site, chance = _filled(folder, fresh), random.Random(4)
    processes.run(site.environment, "backup", str(folder / "kept"))

    def empty(name: str) -> dict[str, str]:
        return site.environment | {"CMMC_DATA_DIR": str(folder / name)} | fresh(name)

    seconds = _timed(empty("first"), "restore", str(folder / "kept"))
    other, cut, ended = empty("other"), 0, 0
    for _ in range(times):
        cut += _cut(other, chance, seconds, "restore", str(folder / "kept"))
        if _people(other):  # it came to its end
            processes.verify(other)
            ended += 1
            other = empty(f"other{ended}")
    processes.run(other, "restore", str(folder / "kept"))
    processes.verify(other)
    site.environment = other
    site.content()
    return f"{cut} fell into it, {ended} came to their end; it went on and ended whole"


def _people(environment: dict[str, str]) -> int:
    """How many accounts an installation has, where it has a database that can have any."""
    file = Path(environment["CMMC_DATA_DIR"], "cmmc.db")
    if "DATABASE_URL" not in environment and not file.exists():
        return 0
    engine = make_engine(environment.get("DATABASE_URL", f"sqlite:///{file}"))
    try:
        with settle(engine) as connection:
            there = inspect(connection).has_table("users")
            return connection.execute(text("SELECT count(*) FROM users")).scalar_one() if there else 0
    finally:
        engine.dispose()


def _upgrade(folder: Path, times: int, renew: Renew) -> str:
    """Whatever instant it is killed at: either version whole, the lock free, and the next start goes through."""
    chance, environment = random.Random(5), Site(folder / "own").environment
    environment |= {"CMMC_DATA_DIR": str(folder), "DATABASE_URL": renew()}
    before = _state(environment["DATABASE_URL"])
    seconds = _timed(environment, "user", "list")
    after = _state(environment["DATABASE_URL"])
    assert before["revision"] != after["revision"]
    cut = upgraded = copying = 0
    for _ in range(times):
        renew()
        cut += _cut(environment, chance, seconds, "user", "list")
        found = _state(environment["DATABASE_URL"])
        assert found in (before, after), f"a kill left the database at {found['revision']}, or at no version"
        upgraded += found == after
        copying += bool(list(folder.glob("*.unfinished")))
        name = f"p{chance.randrange(10**9)}"
        processes.run(environment, "user", "add", name, "--role", "user", "--password-stdin", given=PASSWORD)
        assert not list(folder.glob("*.unfinished")), "a copy that a kill cut short was left"
    return f"{cut} fell into it, {copying} into its copy; stood {upgraded} times at the new version; then upgraded"


def _state(url: str) -> dict[str, object]:
    """The version, and the columns and number of rows of each table."""
    engine = make_engine(url)
    with settle(engine) as connection:
        found = inspect(connection)
        state: dict[str, object] = {
            name: (
                sorted(str(one["name"]) for one in found.get_columns(name)),
                connection.execute(text(f'SELECT count(*) FROM "{name}"')).scalar_one(),
            )
            for name in found.get_table_names()
        }
        state["revision"] = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
        if engine.dialect.name == "sqlite":
            assert connection.execute(text("PRAGMA integrity_check")).scalars().all() == ["ok"]
    engine.dispose()
    return state


def _file(folder: Path) -> Renew:
    old = gzip.decompress(OLD.read_bytes())

    def renew() -> str:
        for left in folder.glob("cmmc.db*"):
            left.unlink()
        (folder / "cmmc.db").write_bytes(old)
        return f"sqlite:///{folder}/cmmc.db"

    return renew


def _upgrade_there(folder: Path, times: int) -> str:
    script = gzip.decompress(OLD.with_name("0001.sql.gz").read_bytes()).decode()
    with cluster() as server:
        return _upgrade(folder, times, lambda: _database(server, "old", script))
