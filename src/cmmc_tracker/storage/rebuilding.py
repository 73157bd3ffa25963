"""Filling a database anew from a backup: emptied, set up as it was when the backup was made, filled, migrated; in one
transaction, so that it is either as before or whole."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, column, delete, func, inspect, select, table, text

from cmmc_tracker.storage.database import locked, migrations, sqlite_file
from cmmc_tracker.storage.tables import audit, metadata


@dataclass(frozen=True, slots=True)
class Fresh:
    """A database in the schema of the backup, without a row."""

    db: Connection
    config: Any

    def finish(self) -> None:
        """Bring what was filled in up to this version's schema."""
        command.upgrade(self.config, "head")


def knows(revision: str) -> bool:
    """Whether a migration is one of this version's."""
    return revision in {one.revision for one in ScriptDirectory.from_config(migrations()).walk_revisions()}


@contextmanager
def rebuilt(engine: Engine, revision: str, allowed: Callable[[Connection], None]) -> Iterator[Fresh]:
    """A transaction in which the database, up to date before, is set up anew at a revision; commits on leaving cleanly.

    `allowed` is asked within it, before anything is touched, and raises where the database is not empty.
    """
    with (
        locked(engine, sqlite_file(engine)),
        engine.connect().execution_options(writes=True) as db,
        db.begin(),
    ):
        allowed(db)
        _clear(db)
        config = migrations()
        config.attributes["connection"] = db
        command.upgrade(config, revision)
        _without_rows(db)
        yield Fresh(db, config)


def _clear(db: Connection) -> None:
    """Drop what an empty installation has: its log tells only that it was set up, and may not be deleted from."""
    db.execute(text("DROP TABLE artifact_search"))
    metadata.drop_all(db)
    db.execute(text("DROP TABLE alembic_version"))
    if db.dialect.name == "postgresql":
        db.execute(text("DROP FUNCTION audit_append_only"))


def _without_rows(db: Connection) -> None:
    """Take out what migrations put in by themselves."""
    there = set(inspect(db).get_table_names())
    for one in reversed(metadata.sorted_tables):
        if one is not audit and one.name in there:
            db.execute(delete(table(one.name)))


def number_on(db: Connection, name: str) -> None:
    """Let PostgreSQL number the rows of a table on from its highest; SQLite does so by itself."""
    if db.dialect.name == "postgresql":
        last = db.execute(select(func.max(column("id"))).select_from(table(name, column("id")))).scalar()
        sequence = text("SELECT setval(CAST(pg_get_serial_sequence(:name, 'id') AS regclass), :last)")
        db.execute(sequence, {"name": name, "last": last})
