"""An installation as it is: the database opened for reading only, neither made nor migrated; the store where it is."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, Engine, NullPool, create_engine, inspect, make_url, text

from cmmc_tracker.storage.addresses import Address
from cmmc_tracker.storage.database import make_engine
from cmmc_tracker.storage.store import Blobs
from cmmc_tracker.storage.stores import store_of


def sqlite_path(url: str) -> Path | None:
    """The file that a SQLite URL names, or None for PostgreSQL."""
    parsed = make_url(url)
    return Path(parsed.database or "").absolute() if parsed.get_backend_name() == "sqlite" else None


@contextmanager
def reading(url: str) -> Iterator[Engine]:
    """An engine that cannot write a SQLite file; on PostgreSQL the reading transactions see to that.

    Its connections are closed at the end. Raises `Misconfigured` for a URL that names no database.
    """
    file = sqlite_path(url)
    engine = create_engine("sqlite://", creator=_opener(file), poolclass=NullPool) if file else make_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()


def _opener(file: Path) -> Callable[[], sqlite3.Connection]:
    def opened() -> sqlite3.Connection:
        # Beside a running server its journal is there to be read. Without one, reading as usual would leave an empty
        # journal behind, because a reader may not clear it away.
        way = "mode=ro" if file.with_name(file.name + "-wal").exists() else "mode=ro&immutable=1"
        return sqlite3.connect(f"file:{quote(str(file))}?{way}", uri=True, timeout=5, check_same_thread=False)

    return opened


def revision(connection: Connection) -> str | None:
    """The migration that the database stands at; None for an empty database or another program's."""
    if "alembic_version" not in inspect(connection).get_table_names():
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def server_version(connection: Connection) -> str:
    """PostgreSQL's version."""
    return str(connection.execute(text("SHOW server_version")).scalar_one())


def has_write_ahead_journal(file: Path) -> bool:
    """Whether a SQLite file says so in its header (bytes 18 and 19, "file format" in SQLite's documentation)."""
    with file.open("rb") as opened:
        return opened.read(20)[18:] == b"\x02\x02"


def damage(connection: Connection) -> str:
    """The first fault that SQLite finds in its file, or empty when there is none."""
    found = str(connection.execute(text("PRAGMA quick_check(1)")).scalar_one())
    return "" if found == "ok" else found


def incoming(root: Path) -> Path:
    """The folder of a store in which uploads begin."""
    return root / ".incoming"


def store(address: Address, engine: Engine, data_dir: Path) -> Blobs | None:
    """The store that is there, or None; raises `Misconfigured` for one that may not be written."""
    there = incoming(address).is_dir() if isinstance(address, Path) else data_dir.is_dir()
    return store_of(address, engine, data_dir) if there else None
