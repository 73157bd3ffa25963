"""The database: migrations with data, locks, and what is told when it cannot be used."""

import multiprocessing
import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, insert, inspect, select, text

from cmmc_tracker.errors import Busy, Misconfigured
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage import copies, tables
from cmmc_tracker.storage.blobs import FolderBlobs
from cmmc_tracker.storage.database import HEAD, make_engine, migrate

# The search index is SQL of each database's own and not part of the metadata.
_SEARCH = "artifact_search"


def test_the_migrations_end_at_the_schema_that_the_code_uses(tracker: Tracker) -> None:
    with tracker.engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={"include_name": lambda name, *_: not str(name).startswith((_SEARCH, "ix_artifact_search"))},
        )
        assert compare_metadata(context, tables.metadata) == []


def test_head_is_the_newest_migration() -> None:
    assert ScriptDirectory("src/cmmc_tracker/storage/migrations").get_current_head() == HEAD


def test_migrating_again_changes_nothing(tracker: Tracker) -> None:
    with tracker.engine.connect() as connection:
        before = inspect(connection).get_table_names()
    migrate(tracker.engine)
    with tracker.engine.connect() as connection:
        assert inspect(connection).get_table_names() == before


def test_a_database_of_a_newer_version_is_refused_and_left_alone(tracker: Tracker) -> None:
    with tracker.engine.connect() as connection, connection.begin():
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Misconfigured, match="newer version"):
        migrate(tracker.engine)
    with tracker.engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == "9999"


def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "other.db") as other:
        other.execute("CREATE TABLE recipes (name TEXT)")
    with pytest.raises(Misconfigured, match="another program"):
        migrate(make_engine(f"sqlite:///{tmp_path}/other.db"))


def test_a_file_that_is_no_database_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "cmmc.db").write_bytes(b"not a database" * 100)
    with pytest.raises(Misconfigured, match="DATABASE_URL") as refused:
        migrate(make_engine(f"sqlite:///{tmp_path}/cmmc.db"))
    assert "\n" not in refused.value.message


def test_a_postgresql_server_that_does_not_answer_is_told_in_one_line() -> None:
    with pytest.raises(Misconfigured, match="DATABASE_URL") as refused:
        migrate(make_engine("postgresql://nobody@127.0.0.1:1/none"))
    assert "\n" not in refused.value.message


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite:///"])
def test_a_database_in_memory_is_refused_because_workers_would_not_share_it(url: str) -> None:
    with pytest.raises(Misconfigured, match="needs a file"):
        make_engine(url)


def test_the_copy_made_before_a_migration_is_whole_and_private(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/cmmc.db"
    engine = make_engine(url)
    migrate(engine)
    with Tracker(engine, FolderBlobs(tmp_path / "u")).write() as work:
        work.db.execute(insert(tables.settings).values(name="kept", value=1))
    copies.made(engine, tmp_path / "cmmc.db", None)
    found = list(tmp_path.glob("cmmc.db.before-upgrade-*"))
    assert len(found) == 1
    assert found[0].stat().st_mode & 0o777 == 0o600
    with create_engine(f"sqlite:///{found[0]}").connect() as connection:
        assert "kept" in connection.execute(select(tables.settings.c.name)).scalars().all()


def _start(url: str, results: "multiprocessing.Queue[str]") -> None:
    try:
        migrate(make_engine(url))
        results.put("done")
    except Exception as error:
        results.put(repr(error))


def test_what_was_acknowledged_survives_a_power_cut(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path}/cmmc.db")
    full = 2  # https://sqlite.org/pragma.html#pragma_synchronous
    with engine.connect() as connection:
        assert connection.execute(text("PRAGMA synchronous")).scalar_one() == full
        assert connection.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"
    engine.dispose()


def test_four_starts_at_once_on_an_empty_database_all_succeed(tmp_path: Path) -> None:
    results: multiprocessing.Queue[str] = multiprocessing.get_context("spawn").Queue()
    url = f"sqlite:///{tmp_path}/cmmc.db"
    starts = [multiprocessing.get_context("spawn").Process(target=_start, args=(url, results)) for _ in range(4)]
    for start in starts:
        start.start()
    assert [results.get(timeout=60) for _ in starts] == ["done"] * 4
    for start in starts:
        start.join()


def test_a_new_database_file_and_its_folder_are_for_their_owner_only(tmp_path: Path) -> None:
    migrate(make_engine(f"sqlite:///{tmp_path}/state/cmmc.db"))
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "state" / "cmmc.db").stat().st_mode & 0o777 == 0o600


def test_a_lost_table_is_told_without_a_trace(tracker: Tracker) -> None:
    with tracker.engine.connect() as connection, connection.begin():
        connection.execute(text("DROP TABLE settings"))
    if tracker.engine.dialect.name == "sqlite":
        with pytest.raises(Busy), tracker.read() as work:
            work.rows(select(tables.settings))


def test_instants_come_back_in_utc_and_naive_ones_are_refused(tracker: Tracker) -> None:
    with tracker.read() as work:
        created = work.rows(select(tables.systems.c.created_at))[0].created_at
    assert created.utcoffset().total_seconds() == 0
