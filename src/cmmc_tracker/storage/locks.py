"""Locks between all processes of an installation, for a store that has none of its own.

They end with the process that holds them, however it ends, so nothing has to be counted down or cleared away. On SQLite
all processes are on one machine: the lock is a file's. On PostgreSQL they may be on many: the lock is the database's
(an advisory lock of a session, PostgreSQL's manual 13.3.5), on a connection of its own, for one of the pool's would be
missing where many people upload at once. Such a connection says nothing for as long as an upload takes, so both sides
probe whether the other is there: a node that is gone lets go in half a minute, and a network that forgets silent
connections does not take a lock away unseen.
"""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, Engine, NullPool, create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from cmmc_tracker.storage.blobs import Descriptor
from cmmc_tracker.storage.database import STANDSTILL, sqlite_file, translated
from cmmc_tracker.storage.store import Held

# Of a lock's session: how long it waits, in milliseconds, and in seconds how soon the server misses a node.
_SESSION = {
    "lock_timeout": 120_000,
    "tcp_keepalives_idle": 10,
    "tcp_keepalives_interval": 5,
    "tcp_keepalives_count": 4,
}
_FILES = 1_024  # so many files at most; two names may share one, and then wait for each other


class Locks(Protocol):
    """Locks by name."""

    def shared(self, name: str) -> Held:
        """Held together with others; waits for who holds it alone."""

    def alone(self, name: str) -> Held | None:
        """Held alone, or None when somebody holds it."""


def locks_of(engine: Engine, folder: Path) -> Locks:
    """The locks of an installation; `folder` is on this machine and for its owner only."""
    return FileLocks(folder) if sqlite_file(engine) is not None else DatabaseLocks(engine)


class FileLocks:
    """Locks for the processes of one machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def shared(self, name: str) -> Held:
        """Held together with others; waits for who holds it alone."""
        descriptor = self._opened(name)
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        return Descriptor(descriptor)

    def alone(self, name: str) -> Held | None:
        """Held alone, or None when somebody holds it."""
        descriptor = self._opened(name)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return Descriptor(descriptor)

    def _opened(self, name: str) -> int:
        path = self._folder / f"lock-{_number(name) % _FILES}"
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


class DatabaseLocks:
    """Locks for the processes of many machines."""

    def __init__(self, engine: Engine) -> None:
        options = " ".join(f"-c {name}={value}" for name, value in _SESSION.items())
        given = {"connect_timeout": 5, "options": options, **STANDSTILL}
        self._engine = create_engine(engine.url, poolclass=NullPool, connect_args=given)

    def shared(self, name: str) -> Held:
        """Held together with others; waits for who holds it alone, and raises `Busy` after two minutes."""
        connection = self._opened()
        with _kept(connection), translated():
            connection.execute(text("SELECT pg_advisory_lock_shared(:n)"), {"n": _number(name)})
        return _OfSession(connection)

    def alone(self, name: str) -> Held | None:
        """Held alone, or None when somebody holds it."""
        connection = self._opened()
        with _kept(connection), translated():
            statement = text("SELECT pg_try_advisory_lock(:n)")
            if connection.execute(statement, {"n": _number(name)}).scalar_one():
                return _OfSession(connection)
        connection.close()
        return None

    def _opened(self) -> Connection:
        with translated():
            return self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")


class _OfSession:
    """A lock that a session of the database holds."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def close(self) -> None:
        """Let go, and only then end the session: the server would learn of its end some moments later."""
        try:
            self._connection.execute(text("SELECT pg_advisory_unlock_all()"))
        except SQLAlchemyError:
            pass  # the session is gone, and the lock with it
        finally:
            self._connection.close()


@contextmanager
def _kept(connection: Connection) -> Iterator[None]:
    """Close the connection where something fails: nobody else has it, so nobody else would."""
    try:
        yield
    except BaseException:
        connection.close()
        raise


def _number(name: str) -> int:
    """A name as a signed number of 64 bits, which is what PostgreSQL's locks are called by."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
