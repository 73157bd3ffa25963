"""The database: engine, pragmas, transactions, and migration under a lock.

A write transaction takes its place at once (`BEGIN IMMEDIATE`), so that two writers on SQLite wait for each
other instead of failing half way. `synchronous=FULL`: what was acknowledged survives a power cut.
"""

import fcntl
import logging
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    DBAPIError,
    DisconnectionError,
    InterfaceError,
    NoResultFound,
    NoSuchModuleError,
    OperationalError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import ConnectionPoolEntry

from cmmc_tracker.errors import Busy, Conflict, Misconfigured, NoSpace, Overtaken, TrackerError
from cmmc_tracker.storage import copies

log = logging.getLogger("cmmc_tracker")
HEAD = "0014"  # the newest migration; a test compares it with the migrations folder
_MIGRATION_LOCK = 0x434D4D43  # an advisory lock's number on PostgreSQL: "CMMC"
_BUSY_MS = 15_000
_RESTED_SECONDS = 5.0
_POOL_SECONDS = 5
_THREADS = 10  # that use an engine at once where nobody says how many
SERVED_MS = 60_000  # for which a statement of a server's request may run; commands and jobs take the time they need
_IDLE_MS = 300_000  # after which a served transaction that asks nothing is ended, with the locks it holds
# A server that is gone without a word is noticed in these times: what was sent must be received, silence is probed.
STANDSTILL = {"tcp_user_timeout": 10_000, "keepalives_idle": 10, "keepalives_interval": 5}
_BUSY = "The database cannot answer just now. Nothing was changed; please try again in a moment."
_UNKNOWN = (
    "The database went away just when this was being kept, so it is not known whether it was. Look at what is there "
    "now before you send it again."
)
_OVERTAKEN = "Others changed the same things at the same instant. Nothing of yours was saved; please try again."
_GONE = (
    "What this belongs to was taken away at the same instant. Nothing of yours was saved; go back and look at what is "
    "there now."
)
_LACKS = "23503"  # a row names one that is not there: foreign key violation (the same appendix)
_GIVES_WAY = {"40001", "40P01"}  # serialization failure, deadlock ("PostgreSQL Error Codes", appendix A of its manual)
_DAMAGED = "The database cannot be read: its file is damaged. Nothing was changed; an administrator must restore it."


def make_engine(url: str, busy_ms: int = _BUSY_MS, *, threads: int = _THREADS, statement_ms: int = 0) -> Engine:
    """An engine for a SQLite or PostgreSQL URL; raises `Misconfigured` when it cannot be one.

    Parameters: `busy_ms` is how long a lock that somebody else holds is waited for before `Busy` is told; `threads` how
    many use the engine at once, each of which may need a second connection beside its own; `statement_ms` how long a
    statement may run on PostgreSQL, 0 for as long as it takes. What people wrote stands in no error of the engine: that
    may come into the log.
    """
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            return _sqlite(url, parsed.database, busy_ms, threads)
        return _postgresql(parsed, busy_ms, threads, statement_ms)
    except (ArgumentError, NoSuchModuleError) as error:
        raise Misconfigured(f"DATABASE_URL cannot be used: {error}") from None
    except ModuleNotFoundError:
        raise Misconfigured(
            "DATABASE_URL names PostgreSQL, but its driver is missing: pip install 'cmmc-tracker[postgres]'"
        ) from None


def _postgresql(url: URL, busy_ms: int, threads: int, statement_ms: int) -> Engine:
    limits = {"lock_timeout": busy_ms, "statement_timeout": statement_ms}
    limits["idle_in_transaction_session_timeout"] = _IDLE_MS if statement_ms else 0
    options = " ".join(f"-c {name}={value}" for name, value in limits.items())
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_size=threads,
        max_overflow=threads,
        pool_timeout=_POOL_SECONDS,
        hide_parameters=True,
        connect_args={"connect_timeout": 5, "options": f"-c timezone=UTC {options}", **STANDSTILL},
    )

    @event.listens_for(engine, "checkin")
    def _used(_connection: object, record: ConnectionPoolEntry) -> None:
        record.info["used"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _still_there(connection: Any, record: ConnectionPoolEntry, _proxy: object) -> None:
        """Ask a connection that rested whether it lives; asking each time would double the trips of a page."""
        if time.monotonic() - record.info.get("used", time.monotonic()) > _RESTED_SECONDS:
            try:
                connection.execute("SELECT 1")
                connection.rollback()
            except Exception as error:
                raise DisconnectionError from error

    return engine


def begun(engine: Engine, *, writes: bool) -> Connection:
    """A connection whose transaction will be of that kind.

    A reading one sees a single instant: SQLite's does by nature, PostgreSQL's at REPEATABLE READ.
    """
    connection = engine.connect()
    if engine.dialect.name == "sqlite":
        return connection.execution_options(writes=writes)
    if writes:
        return connection
    return connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def _sqlite(url: str, file: str | None, busy_ms: int, threads: int) -> Engine:
    if not file or file == ":memory:":
        raise Misconfigured("DATABASE_URL cannot be used: SQLite needs a file, so that all workers see the same data")
    engine = create_engine(
        url,
        connect_args={"timeout": busy_ms / 1000},
        pool_size=threads,
        max_overflow=threads,
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # transactions are begun below, by their kind
        with closing(connection.cursor()) as cursor:
            cursor.execute("PRAGMA journal_mode=WAL")
            cursor.execute("PRAGMA synchronous=FULL")
            cursor.execute("PRAGMA foreign_keys=ON")
            cursor.execute("PRAGMA cache_size=-8000")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        driver: Any = connection.connection.dbapi_connection
        try:
            driver.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
        except sqlite3.OperationalError as error:  # straight from the driver: SQLAlchemy does not see it
            raise Busy(_BUSY) from error
        except sqlite3.DatabaseError as error:
            raise Busy(_DAMAGED) from error

    return engine


def sqlite_file(engine: Engine) -> Path | None:
    """The database's file, or None on PostgreSQL."""
    file = engine.url.database
    return Path(file).absolute() if engine.dialect.name == "sqlite" and file else None


@contextmanager
def translated(*, keeping: bool = False) -> Iterator[None]:
    """Turn what a database driver raises into what a person can be told.

    `keeping`: it is a commit. One whose connection is lost may have been kept, and nobody can be told that it was not.
    """
    try:
        yield
    except DBAPIError as error:
        raise (Busy(_UNKNOWN) if keeping and error.connection_invalidated else _told(error)) from error
    except NoResultFound as error:
        raise _gone(error) from error
    except PoolTimeoutError as error:  # more at once than the pool has connections for
        raise Busy(_BUSY) from error


def _told(error: DBAPIError) -> TrackerError:
    if getattr(error.orig, "sqlstate", None) in _GIVES_WAY:
        return Overtaken(_OVERTAKEN)
    said = str(error.orig).lower()
    if getattr(error.orig, "sqlstate", None) == _LACKS or said == "foreign key constraint failed":
        return _gone(error)
    if "full" in said or "no space" in said or said == "disk i/o error":
        return NoSpace(
            "The disk that holds the database is full or damaged. Nothing of this change was kept; free some space."
        )
    if "readonly" in said or "read-only" in said:
        return Busy("The database may not be written: its folder or file is read-only. Nothing was changed.")
    if type(error) is DatabaseError:  # no kind of its own: SQLite's "malformed" and "not a database"
        return Busy(_DAMAGED)
    if isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated:
        return Busy(_BUSY)
    raise error


def _gone(error: SQLAlchemyError) -> TrackerError:
    """What is told of a change whose system, say, was removed after the request had begun; the log has its place."""
    log.warning("Something was asked of a row that is gone", exc_info=error)
    return Conflict(_GONE)


def migrate(engine: Engine, copies_to: Path | None = None) -> None:
    """Bring the schema up to date, under a lock, after a copy of what there is: beside a SQLite file, PostgreSQL's in
    the folder `copies_to`.

    Raises `Misconfigured` for a database of a newer version, one that is not ours, or one that cannot be
    reached or written.
    """
    file = sqlite_file(engine)
    try:
        if file is not None:
            _make_place(file)
        if _revision(engine) == HEAD:
            return
        with locked(engine, file):
            found = _revision(engine)
            if found == HEAD:
                return
            _upgrade(engine, found, file, copies_to)
        if file is not None:
            file.chmod(0o600)
    except DBAPIError as error:
        raise Misconfigured(f"DATABASE_URL: the database cannot be used: {_first_line(error)}") from error
    except OSError as error:
        raise Misconfigured(f"CMMC_DATA_DIR cannot be used: {error.strerror}: {error.filename}") from error


def is_own_schema(connection: Connection) -> bool:
    """Whether the database stands at this version's newest migration."""
    return bool(connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == HEAD)


def _first_line(error: DBAPIError) -> str:
    line = str(error.orig).strip().splitlines()[0][:200]
    return f"{line}: the disk is full or damaged" if line == "disk I/O error" else line


def _make_place(file: Path) -> None:
    if not file.parent.exists():
        file.parent.mkdir(parents=True, mode=0o700)


def _revision(engine: Engine) -> str | None:
    """The migration that the database stands at; None for an empty one."""
    with engine.connect() as connection:
        names = inspect(connection).get_table_names()
        if "alembic_version" in names:
            found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
            return found
    if names:
        raise Misconfigured("DATABASE_URL names a database that belongs to another program; nothing was changed")
    return None


@contextmanager
def locked(engine: Engine, file: Path | None) -> Iterator[None]:
    """One process migrates; the others wait and then find it done."""
    if file is None:
        with engine.connect() as connection:
            _take_time(connection)
            # A second node waits so long for the one that migrates.
            connection.execute(text("SET LOCAL lock_timeout = '10min'"))
            connection.execute(text("SELECT pg_advisory_lock(:n)"), {"n": _MIGRATION_LOCK})
            try:
                yield
            finally:
                connection.execute(text("SELECT pg_advisory_unlock(:n)"), {"n": _MIGRATION_LOCK})
        return
    lock = os.open(file.with_name(file.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _take_time(connection: Connection) -> None:
    """Let this transaction take as long as it needs, and rest as long, whatever holds for others."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))


def migrations() -> Any:
    """Alembic's settings, with the folder of our migrations."""
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", "cmmc_tracker:storage/migrations")
    return config


def _upgrade(engine: Engine, found: str | None, file: Path | None, copies_to: Path | None) -> None:
    # Alembic is imported here only: a start that finds nothing to do is spared its 0.2 s.
    from alembic import command  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = migrations()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise Misconfigured(
            "The database was written by a newer version of the tracker than this one; nothing was changed. "
            "Start the newer version, or restore a backup of before its upgrade."
        )
    copy = copies.made(engine, file, copies_to) if found is not None else None
    try:
        with engine.connect().execution_options(writes=True) as connection, connection.begin():
            _take_time(connection)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except (SQLAlchemyError, OSError) as error:
        if found is None:
            raise
        if copy is not None:  # of what stands there anyway: a start that is tried again and again leaves one at last
            copy.unlink(missing_ok=True)
        # All of it is one transaction, on both databases: a step that fails takes back those before it.
        why = _first_line(error) if isinstance(error, DBAPIError) else str(error).partition("\n")[0][:200]
        raise Misconfigured(
            f"The upgrade of the database from {found} to {HEAD} failed: {why}. Nothing was changed: go on with the "
            "version before, or mend what is named and start again."
        ) from error
