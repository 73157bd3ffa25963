"""The tests' PostgreSQL databases: what one test leaves behind never reaches the next."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    Date,
    DateTime,
    Integer,
    LargeBinary,
    func,
    insert,
    select,
    text,
)

from cmmc_tracker.storage import tables
from cmmc_tracker.storage.database import make_engine
from tests.conftest import prepare
from tests.databases import Databases

# What the schema's checks want; every other column takes any value of its kind.
_WANTED = {
    "users.role": "user",
    "users.organization": "ours",
    "imports.kind": "archive",
    "systems.level": 2,
    "findings.status": "met",
    "remarks.requirement": "AC.L2-3.1.1",
    "assignments.duty": "owner",
    "changes.kind": "covered",
    "matrix_lines.duty": "shared",
    "freezes.purpose": "start",
    "freezes.state": "waiting",
    "package_views.token_hash": "left",
    "package_views.word_hash": "left",
    "packages.purpose": "start",
    "plan_items.kind": "poam",
    "recorded_statuses.stage": "final",
    "scope_entries.kind": "person",
}


@pytest.fixture(scope="module")
def lender(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """Databases of these tests alone, so that they cannot spoil those of others."""
    folder = tmp_path_factory.mktemp("lender")
    made = Databases(postgres_server, lambda url: prepare(url, folder))
    yield made
    made.close()


def _state(url: str) -> dict[str, Any]:
    """Every row of every table, and where every sequence stands."""
    with psycopg.connect(url) as database:
        names = [name for (name,) in database.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
        rows: dict[str, Any] = {}
        for name in names:
            query = sql.SQL("SELECT t::text FROM {} AS t ORDER BY 1").format(sql.Identifier(name))
            rows[name] = database.execute(query).fetchall()
        return {**rows, "": sorted(database.execute("SELECT sequencename, last_value FROM pg_sequences"), key=str)}


def _value(db: Connection, column: Column[Any]) -> Any:
    wanted = _WANTED.get(str(column))
    if wanted is not None or column.nullable or column.server_default is not None:
        return wanted
    for key in column.foreign_keys:
        return db.execute(select(func.max(key.column))).scalar_one()
    kinds: tuple[tuple[type, Any], ...] = (
        (Boolean, True),
        (Date, date(2026, 1, 1)),
        (DateTime, datetime(2026, 1, 1, tzinfo=UTC)),
        (Integer, 9_001),
        (JSON, {}),
        (LargeBinary, b"left"),
    )
    kind = getattr(column.type, "impl", column.type)
    return next((value for of, value in kinds if isinstance(kind, of)), "left"[: getattr(kind, "length", None)])


def _fill(url: str) -> None:
    """One more row in every table."""
    engine = make_engine(url)
    with engine.begin() as db:
        for table in tables.metadata.sorted_tables:
            numbered = table.autoincrement_column
            values = {c.name: _value(db, c) for c in table.c if c is not numbered or c.foreign_keys}
            db.execute(insert(table).values({name: value for name, value in values.items() if value is not None}))
        db.execute(text("INSERT INTO artifact_search SELECT id, to_tsvector('left') FROM artifacts"))
        db.execute(text("INSERT INTO alembic_version VALUES ('left')"))
    engine.dispose()


def test_after_a_test_every_table_and_sequence_stands_as_in_the_template(lender: Databases) -> None:
    template = _state(lender.template)
    url = lender.lend()
    assert _state(url) == template
    _fill(url)
    filled = _state(url)
    assert [name for name, there in filled.items() if there == template[name]] == []
    lender.take_back()
    assert _state(lender.lend()) == template
    lender.take_back()


def test_what_a_test_altered_or_removed_of_the_template_is_there_again(lender: Databases) -> None:
    template = _state(lender.template)
    with psycopg.connect(lender.lend()) as database:
        database.execute("UPDATE systems SET name = 'altered'")
        database.execute("DELETE FROM findings")
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    lender.take_back()
    assert _state(lender.lend()) == template
    lender.take_back()


@pytest.mark.parametrize(
    "altering",
    [
        "ALTER TABLE artifact_files RENAME TO gone",
        "ALTER TABLE artifacts DROP COLUMN kind",
        "ALTER TABLE users DROP CONSTRAINT ck_users_role",
        "ALTER TABLE audit DISABLE TRIGGER audit_no_change",
        "DROP TRIGGER audit_no_change ON audit",
        "CREATE OR REPLACE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "ALTER TABLE users ALTER COLUMN role SET DEFAULT 'admin'",
        "DROP TABLE settings",
        "CREATE TABLE recipes (name TEXT)",
        "DROP INDEX ix_artifact_search_words",
        "CREATE VIEW everybody AS SELECT name FROM users",
        "DROP SEQUENCE users_id_seq CASCADE",
    ],
)
def test_a_test_that_altered_the_schema_spoils_it_for_no_other(lender: Databases, altering: str) -> None:
    spoiled = lender.lend()
    with psycopg.connect(spoiled) as database:
        before = _schema(database)
        database.execute(altering)
        assert _schema(database) != before
    lender.take_back()
    with psycopg.connect(lender.lend()) as database:
        assert _schema(database) == before
    lender.take_back()


def _schema(database: psycopg.Connection) -> list[Any]:
    """The names of all that there is, the code and the triggers that are on."""
    return database.execute(
        "SELECT relname, relkind::text, 'r' FROM pg_class WHERE relnamespace = 'public'::regnamespace "
        "UNION ALL SELECT attname, attrelid::text, 'a' FROM pg_attribute WHERE NOT attisdropped "
        "UNION ALL SELECT conname, contype::text, 'c' FROM pg_constraint "
        "UNION ALL SELECT pg_get_expr(adbin, adrelid), adrelid::text, 'd' FROM pg_attrdef "
        "UNION ALL SELECT tgname, tgenabled::text, 't' FROM pg_trigger "
        "UNION ALL SELECT proname, prosrc, 'p' FROM pg_proc ORDER BY 1, 2, 3"
    ).fetchall()


def test_what_a_test_left_running_is_ended_and_finds_the_database_no_more(lender: Databases) -> None:
    url = lender.lend()
    left = psycopg.connect(url)
    left.execute("UPDATE systems SET name = 'of the test before'")  # a transaction that holds its rows
    lender.take_back()
    with psycopg.connect(lender.lend()) as next_one:
        assert next_one.execute("SELECT name FROM systems").fetchall() == [("Main enclave",)]
        with pytest.raises(psycopg.OperationalError, match="terminat"):
            left.execute("SELECT 1")
        with pytest.raises(psycopg.OperationalError, match="does not exist"):
            psycopg.connect(url)
    left.close()
    lender.take_back()


def test_nothing_stays_on_the_server_afterwards(postgres_server: str, tmp_path: Path) -> None:
    made = Databases(postgres_server, lambda url: prepare(url, tmp_path))
    names = {url.rsplit("/", 1)[1] for url in (made.template, made.lend())}
    made.close()
    with psycopg.connect(postgres_server) as server:
        there = {name for (name,) in server.execute("SELECT datname FROM pg_database")}
    assert len(names) == 2
    assert not names & there
