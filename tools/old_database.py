"""Keeps what a version's databases look like, for the tests of the upgrade: run it at a release.

    python -m tools.old_database FOLDER

fills an empty installation of each database with the demo and writes it into FOLDER (SQLite's file, PostgreSQL as SQL),
which is `tests/storage/data/before`, under the name of the newest migration. PostgreSQL's address is that of the tests.
Files that are there stay: what a released version wrote does not change any more.

They are kept small: documents of packages that are larger than some kilobytes are left empty. No migration reads them.
"""

import gzip
import os
import re
import secrets
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import psycopg
from psycopg import sql

SERVER = os.environ.get("TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/postgres")


# 8,192 bytes: above that a document of a package is left empty.
_THINNED = "UPDATE package_files SET content = substr(content, 1, 0) WHERE length(content) > 8192"


def _filled(folder: Path, url: str) -> None:
    environment = {**os.environ, "CMMC_DATA_DIR": str(folder), "DATABASE_URL": url, "FLASK_SECRET": secrets.token_hex()}
    subprocess.run([sys.executable, "-m", "cmmc_tracker", "demo"], env=environment, check=True)


def _of_sqlite(file: Path) -> bytes:
    """The file itself, written anew: its search index has inner tables that no SQL brings back."""
    packed = file.with_suffix(".packed")
    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        database.execute(_THINNED)
        database.execute("VACUUM INTO ?", (str(packed),))
    return packed.read_bytes()


def _of_postgresql(name: str) -> bytes:
    url = SERVER.rpartition("/")[0] + f"/{name}"
    with psycopg.connect(url) as database:
        database.execute(_THINNED)
    command = ["pg_dump", "--inserts", "--no-owner", "--no-privileges", "--dbname", url]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    # Lines for psql alone, and the setting that would leave a connection without a schema.
    return re.sub(r"^(\\|SELECT pg_catalog.set_config\('search_path').*\n", "", text, flags=re.M).encode()


def _kept(file: Path, content: bytes) -> None:
    if not file.exists():
        file.write_bytes(gzip.compress(content, 9, mtime=0))


def main(folder: Path) -> None:
    """Fill, dump and keep both."""
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        _filled(place / "sqlite", f"sqlite:///{place}/sqlite/cmmc.db")
        with closing(sqlite3.connect(place / "sqlite/cmmc.db")) as database:
            revision = str(database.execute("SELECT version_num FROM alembic_version").fetchone()[0])
        _kept(folder / f"{revision}.db.gz", _of_sqlite(place / "sqlite/cmmc.db"))
        name = f"cmmc_old_{secrets.token_hex(4)}"
        with psycopg.connect(SERVER, autocommit=True) as server:
            server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            try:
                _filled(place / "postgresql", SERVER.rpartition("/")[0] + f"/{name}")
                _kept(folder / f"{revision}.sql.gz", _of_postgresql(name))
            finally:
                server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
