"""The PostgreSQL databases of the tests: one a worker, lent to a test, cleared behind it, lent to the next.

To make a database takes longer than most tests. So each worker makes one from a migrated template and puts it back
into the template's state after each test: other connections are ended, the database gets another name (what a test
left running finds it no more), rows go, the template's rows and sequences come back. A database whose schema a test
altered is thrown away instead. `tests/storage/test_clearing.py` holds that nothing is forgotten.
"""

import secrets
from collections.abc import Callable
from graphlib import TopologicalSorter
from typing import LiteralString

import psycopg
from psycopg import sql
from sqlalchemy import make_url

# All that a test could alter of the schema: columns, indexes and constraints, triggers and whether they are on, code.
_SCHEMA: LiteralString = """
    SELECT md5(string_agg(line, ';' ORDER BY line)) FROM (
        SELECT concat_ws(' ', attrelid::regclass, attname, atttypid, atttypmod, attnotnull) AS line
        FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        WHERE relnamespace = 'public'::regnamespace AND NOT attisdropped
        UNION ALL
        SELECT concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(oid)) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace
        UNION ALL
        SELECT concat_ws(' ', adrelid::regclass, adnum, pg_get_expr(adbin, adrelid)) FROM pg_attrdef
        UNION ALL
        SELECT concat_ws(' ', tgrelid::regclass, tgname, tgenabled, tgtype, tgfoid) FROM pg_trigger
        UNION ALL
        SELECT concat_ws(' ', oid, proname, prosrc) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    ) AS lines
"""
_TABLES: LiteralString = """
    SELECT oid, relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
"""
_REFERENCES: LiteralString = """
    SELECT conrelid, confrelid FROM pg_constraint WHERE contype = 'f' AND conrelid <> confrelid
"""
_SEQUENCES: LiteralString = "SELECT sequencename, last_value FROM pg_sequences"
_OTHERS: LiteralString = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()
"""


class Databases:
    """A worker's template and the database that its tests use one after the other."""

    def __init__(self, server: str, prepare: Callable[[str], None]) -> None:
        """Makes the template on `server` (a URL; its role may create databases); `prepare` fills the one at a URL."""
        self._url = make_url(server)
        self._server = self._connect(self._url.database or "postgres")
        self._server.autocommit = True
        self._template = f"cmmc_template_{secrets.token_hex(6)}"
        self._do("CREATE DATABASE {}", self._template)
        self._current: str | None = None
        prepare(self.template)
        with self._connect(self._template) as template:
            self._schema = _schema(template)
            self._tables = _tables(template)
            self._filled = {name: rows for name in self._tables if (rows := _rows(template, name))}
            self._sequences = _sequences(template)

    @property
    def template(self) -> str:
        """The address of the template."""
        return self._address(self._template)

    def lend(self) -> str:
        """The address of a database in the template's state, which `take_back` must be called for."""
        if self._current is None:
            self._current = _new_name()
            self._do("CREATE DATABASE {} TEMPLATE {}", self._current, self._template)
            # A test loses nothing that matters when the machine loses power.
            self._do("ALTER DATABASE {} SET synchronous_commit = off", self._current)
        return self._address(self._current)

    def take_back(self) -> None:
        """End whatever still uses the lent database, and put it back into the template's state, under another name."""
        assert self._current is not None
        before, self._current = self._current, _new_name()
        self._server.execute(_OTHERS, [before])
        try:
            self._do("ALTER DATABASE {} RENAME TO {}", before, self._current)
        except psycopg.errors.ObjectInUse:  # somebody was quick to come back
            self._drop(before)
            self._current = None
            return
        with self._connect(self._current) as database:
            same = _schema(database) == self._schema
            if same:
                self._clear(database)
        if not same:
            self._drop(self._current)
            self._current = None

    def close(self) -> None:
        """Leave nothing on the server."""
        for name in filter(None, (self._current, self._template)):
            self._drop(name)
        self._server.close()

    def _clear(self, database: psycopg.Connection) -> None:
        some = sql.SQL(" UNION ALL ").join(
            sql.SQL("SELECT {} WHERE EXISTS (SELECT FROM {})").format(name, sql.Identifier(name))
            for name in self._tables
        )
        filled = {name for (name,) in database.execute(some)}
        steps = [
            sql.SQL("ALTER TABLE audit DISABLE TRIGGER audit_no_change"),
            *(sql.SQL("DELETE FROM {}").format(sql.Identifier(n)) for n in reversed(self._tables) if n in filled),
            sql.SQL("ALTER TABLE audit ENABLE TRIGGER audit_no_change"),
        ]
        database.execute(sql.SQL(";").join(steps))
        for name, rows in self._filled.items():
            with database.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(name))) as copy:
                copy.write(rows)
        for name, _ in _sequences(database).items() - self._sequences.items():
            stood = self._sequences[name]
            database.execute("SELECT setval(%s, %s, %s)", [name, stood or 1, stood is not None])

    def _connect(self, name: str) -> psycopg.Connection:
        return psycopg.connect(self._address(name), connect_timeout=5)

    def _address(self, name: str) -> str:
        return self._url.set(drivername="postgresql", database=name).render_as_string(hide_password=False)

    def _do(self, statement: LiteralString, *names: str) -> None:
        self._server.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

    def _drop(self, name: str) -> None:
        self._do("DROP DATABASE {} WITH (FORCE)", name)


def _new_name() -> str:
    return f"cmmc_test_{secrets.token_hex(6)}"


def _schema(database: psycopg.Connection) -> str:
    row = database.execute(_SCHEMA).fetchone()
    assert row is not None
    return str(row[0])


def _tables(database: psycopg.Connection) -> list[str]:
    """The tables, each after those that it refers to."""
    names: dict[int, str] = dict(database.execute(_TABLES).fetchall())
    order: TopologicalSorter[int] = TopologicalSorter(dict.fromkeys(names, ()))
    for referring, referred in database.execute(_REFERENCES):
        order.add(referring, referred)
    return [names[number] for number in order.static_order()]


def _sequences(database: psycopg.Connection) -> dict[str, int | None]:
    """The numbers that were given out last."""
    return {str(name): number for name, number in database.execute(_SEQUENCES)}


def _rows(database: psycopg.Connection, name: str) -> bytes:
    with database.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(name))) as copy:
        return b"".join(map(bytes, copy))
