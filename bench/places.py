"""Where a measurement takes place: a folder, and a database of its own."""

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError

SERVER = os.environ.get("TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/postgres")


@contextmanager
def folder() -> Iterator[Path]:
    """A folder of one measurement."""
    with tempfile.TemporaryDirectory(prefix="bench ") as name:
        yield Path(name)


@contextmanager
def database() -> Iterator[str | None]:
    """A PostgreSQL database of its own, or None where no server answers."""
    engine = create_engine(SERVER.replace("postgresql://", "postgresql+psycopg://"), isolation_level="AUTOCOMMIT")
    name = f"cmmc_bench_{secrets.token_hex(4)}"
    try:
        with engine.connect() as connection:
            connection.execute(text(f'CREATE DATABASE "{name}"'))
    except SQLAlchemyError:
        yield None
        return
    try:
        yield SERVER.rsplit("/", 1)[0] + f"/{name}"
    finally:
        with engine.connect() as connection:
            connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
