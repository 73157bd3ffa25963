"""Making the database itself forget what was deleted: a deleted row's bytes stay in its files until this is done.

SQLite keeps them in free pages, in the segments of the search index and in the write-ahead log; PostgreSQL in dead
rows. What PostgreSQL's own log (WAL) and its archives hold is out of reach: they are the operator's (docs/spill.md).
"""

import sqlite3
import time
from contextlib import closing

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from cmmc_tracker.storage.database import sqlite_file

PATIENCE = 20.0  # seconds that other connections are waited for
_BUSY = (
    "The database is in use, so its free space was not cleared yet: what was deleted may still stand in its files. Run "
    "`cmmc-tracker spill --clean` when less is going on, or with the server stopped."
)
_NO_ROOM = (
    "There is no room to write the database anew, so what was deleted may still stand in its files. Free some space "
    "(as much as the database takes), then run `cmmc-tracker spill --clean`."
)
# All tables that hold what people wrote or what files say; `audit` is left: it may not be deleted from.
_REWRITTEN = (
    text("VACUUM (FULL) blob_texts"),
    text("VACUUM (FULL) artifact_search"),
    text("VACUUM (FULL) artifact_files"),
    text("VACUUM (FULL) artifact_versions"),
    text("VACUUM (FULL) artifacts"),
    text("VACUUM (FULL) imports"),
    text("VACUUM (FULL) links"),
    text("VACUUM (FULL) remarks"),
    text("VACUUM (FULL) package_files"),  # a front binder that showed the picture
    text("VACUUM (FULL) package_questions"),
    text("VACUUM (FULL) freezes"),  # the picture of a package that was being made
)


def forget_deleted(engine: Engine, patience: float = PATIENCE) -> str:
    """Write the database anew without what was deleted; returns what is to be said where that was not possible."""
    file = sqlite_file(engine)
    try:
        return _sqlite(engine, patience) if file is not None else _postgresql(engine)
    except (sqlite3.OperationalError, DBAPIError) as error:
        return _NO_ROOM if "full" in str(error).lower() or "no space" in str(error).lower() else _BUSY


def _sqlite(engine: Engine, patience: float) -> str:
    with closing(engine.raw_connection()) as pooled:
        connection = pooled.driver_connection
        assert connection is not None  # noqa: S101 a narrowing for the type checker: it was just opened
        # One segment for all words: what was deleted from the index stands in the older segments.
        connection.execute("INSERT INTO artifact_search (artifact_search) VALUES ('optimize')")
        connection.execute("VACUUM")
        until = time.monotonic() + patience
        while connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
            if time.monotonic() > until:  # a reader of before holds the log's old pages
                return _BUSY
            time.sleep(0.1)
    return ""


def _postgresql(engine: Engine) -> str:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = 0"))  # a large table is written anew for minutes
        for statement in _REWRITTEN:
            connection.execute(statement)
    return ""
