"""Databases of every earlier version, full of its demo: upgraded with all that is in them, or left as they were.

`tools/old_database.py` made them, run with each version's own code.
"""

import fcntl
import gzip
import json
import multiprocessing
import os
import re
import secrets
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from alembic import command
from psycopg import sql
from sqlalchemy import Engine, create_engine, event, insert, inspect, make_url, select, text
from sqlalchemy.exc import OperationalError

from cmmc_tracker.domain.audit import Entry, stamp, walk
from cmmc_tracker.errors import Misconfigured
from cmmc_tracker.storage import copies
from cmmc_tracker.storage.database import _MIGRATION_LOCK, HEAD, make_engine, migrate, sqlite_file
from cmmc_tracker.storage.tables import audit, metadata

BEFORE = Path(__file__).parent / "data/before"
REVISIONS = sorted({one.name[:4] for one in BEFORE.glob("*.gz")})
OLD = Callable[[str], Engine]


@pytest.fixture(params=["sqlite", "postgresql"])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OLD]:
    """Brings back the database of a version."""
    engines: list[Engine] = []
    if request.param == "sqlite":

        def bring(revision: str) -> Engine:
            (tmp_path / "cmmc.db").write_bytes(gzip.decompress((BEFORE / f"{revision}.db.gz").read_bytes()))
            engines.append(make_engine(f"sqlite:///{tmp_path}/cmmc.db"))
            return engines[-1]

        yield bring
        engines[-1].dispose()
        return
    server = request.getfixturevalue("postgres_server")
    name = f"cmmc_upgrade_{secrets.token_hex(6)}"
    url = make_url(server).set(database=name).render_as_string(hide_password=False)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

        def restore(revision: str) -> Engine:
            script = gzip.decompress((BEFORE / f"{revision}.sql.gz").read_bytes())
            with psycopg.connect(url, autocommit=True) as fresh:
                fresh.execute(script)  # type: ignore[arg-type]
            engines.append(make_engine(url))
            return engines[-1]

        yield restore
        engines[-1].dispose()
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _rows(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        return {
            name: connection.execute(text(f'SELECT count(*) FROM "{name}"')).scalar_one()
            for name in inspect(connection).get_table_names()
            if not name.startswith(("artifact_search", "alembic_version"))
        }


def _revision(engine: Engine) -> str:
    with engine.connect() as connection:
        return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one())


def test_there_is_one_of_every_version_so_far() -> None:
    """From the first migration on, of both databases. 0008 to 0012 came together: no version ended at those between.
    What comes after the last one here was not released yet.
    """
    assert [*(f"{number:04}" for number in (*range(1, 8), *range(12, int(REVISIONS[-1]) + 1)))] == REVISIONS
    assert REVISIONS[-1] >= "0012"
    assert len(list(BEFORE.glob("*.gz"))) == 2 * len(REVISIONS)


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_database_of_an_earlier_version_is_upgraded_with_all_that_is_in_it(old: OLD, revision: str) -> None:
    engine = old(revision)
    before = _rows(engine)
    assert _revision(engine) == revision
    assert before["audit"] > 30
    assert before["artifacts"] > 5
    migrate(engine)
    assert _revision(engine) == HEAD
    after = _rows(engine)
    assert set(after) == {table.name for table in metadata.sorted_tables}
    assert {name: count for name, count in before.items() if name in after and after[name] < count} == {}
    with engine.connect() as connection:
        for table in metadata.sorted_tables:  # each value can be read as what the code takes it for
            connection.execute(select(table)).all()
        entries = connection.execute(select(audit).order_by(audit.c.id)).mappings().all()
    log = [(row["id"], Entry(**{name: row[name] for name in Entry.__slots__}), row["hash"]) for row in entries]
    assert walk(iter(log)).broken is None
    assert all(json.loads(row["detail"]) is not None for row in entries)


@pytest.mark.parametrize("revision", REVISIONS[:1])
def test_a_migration_that_fails_leaves_the_old_state_and_says_so(
    old: OLD, revision: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = old(revision)
    before, upgrade = _rows(engine), command.upgrade

    def fail(config: object, target: str) -> None:
        upgrade(config, target)  # type: ignore[arg-type]
        raise OperationalError("ALTER TABLE", {}, Exception("the disk gave up"))

    with monkeypatch.context() as patch:
        patch.setattr(command, "upgrade", fail)
        with pytest.raises(Misconfigured, match=f"from {revision} to {HEAD} failed: the disk gave up. Nothing was"):
            migrate(engine, tmp_path)
    assert (_revision(engine), _rows(engine)) == (revision, before)
    assert not list(tmp_path.glob("*before-upgrade*"))  # of what stands there anyway: tried often, they fill the disk
    migrate(engine)
    assert _revision(engine) == HEAD


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _upgrade_and_die(url: str, folder: Path, when: str) -> None:
    """An upgrade that is killed: before its copy has its name, or at the 60th statement that writes."""
    engine, written = make_engine(url), 0

    @event.listens_for(engine, "before_cursor_execute")
    def _look(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        nonlocal written
        written += statement.lstrip().startswith(("CREATE", "ALTER", "DROP", "INSERT", "UPDATE"))
        if when == "in the middle" and written == 60:
            _die()

    if when == "at the copy":
        copies.disk.sync_path = lambda _path: _die()
    migrate(engine, folder)


def _shape(engine: Engine) -> dict[str, list[str]]:
    found = inspect(engine)
    return {name: sorted(one["name"] for one in found.get_columns(name)) for name in found.get_table_names()}


def _is_free(engine: Engine) -> bool:
    """Whether anybody may migrate now."""
    file = sqlite_file(engine)
    if file is not None:
        with file.with_name(f"{file.name}.lock").open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    with engine.connect() as connection:  # the connection of the dead one ends when the server sees that it is dead
        return bool(connection.execute(text("SELECT pg_try_advisory_xact_lock(:n)"), {"n": _MIGRATION_LOCK}).scalar())


@pytest.mark.parametrize("when", ["at the copy", "in the middle"])
def test_an_upgrade_that_is_killed_leaves_the_old_state_and_the_next_start_completes_it(
    old: OLD, when: str, tmp_path: Path
) -> None:
    engine = old("0001")
    before = (_rows(engine), _shape(engine))
    given = (engine.url.render_as_string(hide_password=False), tmp_path, when)
    dying = multiprocessing.get_context("spawn").Process(target=_upgrade_and_die, args=given)
    dying.start()
    dying.join(60)
    assert dying.exitcode == -signal.SIGKILL
    until = time.monotonic() + 10
    while not _is_free(engine) and time.monotonic() < until:
        time.sleep(0.02)
    assert _is_free(engine)
    assert _revision(engine) == "0001"
    assert (_rows(engine), _shape(engine)) == before
    whole = [one for one in tmp_path.glob("*before-upgrade*") if not one.name.endswith(".unfinished")]
    assert len(whole) == (0 if when == "at the copy" else 1)  # what was cut short does not pass for a copy
    migrate(engine, tmp_path)
    assert _revision(engine) == HEAD
    assert set(_shape(engine)) >= {table.name for table in metadata.sorted_tables}
    assert not list(tmp_path.glob("*.unfinished"))


def test_before_an_upgrade_a_copy_of_the_file_is_made_that_is_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "cmmc.db").write_bytes(gzip.decompress((BEFORE / "0001.db.gz").read_bytes()))
    engine = make_engine(f"sqlite:///{tmp_path}/cmmc.db")
    before = _rows(engine)
    migrate(engine)
    engine.dispose()
    (copy,) = tmp_path.glob("cmmc.db.before-upgrade-*")
    kept = create_engine(f"sqlite:///{copy}")
    assert (_revision(kept), _rows(kept)) == ("0001", before)
    kept.dispose()
    with closing(sqlite3.connect(copy)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert sqlite_file(engine) == tmp_path / "cmmc.db"


def test_the_documented_way_back_leads_to_the_old_state_also_beside_what_a_kill_left(tmp_path: Path) -> None:
    (tmp_path / "cmmc.db").write_bytes(gzip.decompress((BEFORE / "0001.db.gz").read_bytes()))
    engine = make_engine(f"sqlite:///{tmp_path}/cmmc.db")
    migrate(engine)
    engine.dispose()
    (tmp_path / "cmmc.db-wal").write_bytes(b"of the newer database")
    step = re.search(r"^    (cd /var/lib/cmmc-tracker && .*)$", Path("docs/deploy.md").read_text(), flags=re.M)
    assert step
    (copy,) = tmp_path.glob("cmmc.db.before-upgrade-*")
    written = step[1].replace("/var/lib/cmmc-tracker", str(tmp_path)).replace("INSTANT", copy.name.rpartition("-")[2])
    subprocess.run(["sh", "-c", written], check=True)
    assert _revision(engine) == "0001"
    assert {one.name for one in tmp_path.iterdir()} <= {"cmmc.db", "cmmc.db-wal", "cmmc.db-shm", "cmmc.db.lock"}
    engine.dispose()


@pytest.mark.parametrize("old", ["postgresql"], indirect=True)
def test_before_an_upgrade_postgresql_is_dumped_for_its_owner_only(old: OLD, tmp_path: Path) -> None:
    engine = old("0001")
    before = _rows(engine)
    migrate(engine, tmp_path / "data")
    (copy,) = (tmp_path / "data").glob("postgresql.before-upgrade-*.dump")
    assert copy.stat().st_mode & 0o777 == 0o600
    name = f"cmmc_upgrade_{secrets.token_hex(6)}"
    url = engine.url.set(database=name)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
        subprocess.run(["pg_restore", "--no-owner", f"--dbname={plain}", str(copy)], check=True)
        kept = create_engine(url)
        assert (_revision(kept), _rows(kept)) == ("0001", before)
        kept.dispose()
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.mark.parametrize("old", ["postgresql"], indirect=True)
def test_without_a_dump_postgresql_is_upgraded_only_where_somebody_just_backed_up(
    old: OLD, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = old("0001")
    monkeypatch.setattr("shutil.which", lambda _name: None)
    with pytest.raises(Misconfigured, match=r"pg_dump is not installed .*\. Nothing was changed"):
        migrate(engine, tmp_path)
    assert _revision(engine) == "0001"
    backed_up = insert(audit).values(
        **dict.fromkeys(("actor", "address", "entity", "detail", "previous", "hash"), "x"),
        at=stamp(datetime.now(UTC) - timedelta(hours=23)),
        action="backup:made",
    )
    with engine.connect() as connection, connection.begin():
        connection.execute(backed_up)
    migrate(engine, tmp_path)
    assert _revision(engine) == HEAD
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("old", ["postgresql"], indirect=True)
def test_a_pg_dump_of_an_older_version_and_a_folder_that_takes_nothing_are_told_with_what_to_do(
    old: OLD, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = old("0001")
    (tmp_path / "file").touch()
    with pytest.raises(
        Misconfigured, match=r"could be made first: (Not a directory|File exists)\. Nothing was changed"
    ):
        migrate(engine, tmp_path / "file")
    program = tmp_path / "pg_dump"
    why = "error: aborting because of server version mismatch"
    versions = "detail: server version: 17.1; pg_dump version: 15.2"
    program.write_text(f"#!/bin/sh\nprintf 'pg_dump: {why}\\npg_dump: {versions}\\n' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(Misconfigured) as told:
        migrate(engine, tmp_path / "data")
    assert "mismatch; server version: 17.1; pg_dump version: 15.2. Nothing was changed" in told.value.message
    assert "run `cmmc-tracker backup`, and start this one within a day" in told.value.message
    assert _revision(engine) == "0001"
    assert list((tmp_path / "data").iterdir()) == []


def test_a_dump_that_fails_leaves_nothing_and_says_why_without_the_password(tmp_path: Path) -> None:
    engine = create_engine("postgresql+psycopg://tracker:hunter2@127.0.0.1:1/none")
    why = copies._dumped(engine.url, tmp_path / "copy.dump")
    assert "refused" in why
    assert "hunter2" not in why
    assert list(tmp_path.iterdir()) == []


def test_pg_dump_reads_the_password_from_a_file_that_no_kill_can_leave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "pg_dump"
    # Says what the file of the password holds, who may read it and under how many names it stands in a folder.
    program.write_text(
        '#!/bin/sh\nfor word; do case "$word" in --dbname=*passfile=*) file=/dev/fd/${word##*%2F};; esac; done\n'
        'printf "%s %s\\n" "$(cat "$file")" "$(stat -L -c "%a %h" "$file")" >&2\nexit 1\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    engine = create_engine("postgresql+psycopg://tracker:hun%3Ater2@127.0.0.1:1/none")
    assert copies._dumped(engine.url, tmp_path / "copy.dump") == "*:*:*:*:hun\\:ter2 600 0"
