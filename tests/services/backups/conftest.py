"""Empty installations to restore into, and a folder for backups."""

import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url

from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.blobs import FolderBlobs
from cmmc_tracker.storage.database import make_engine
from tests.conftest import prepare
from tests.services.backups.steps import Empty


@pytest.fixture
def empty(postgres_server: str, template: Path, tmp_path: Path) -> Iterator[Empty]:
    """Makes installations, as empty as a first start leaves them, of the database that is named."""
    names, engines = [], []
    with psycopg.connect(postgres_server, autocommit=True) as server:

        def make(kind: str) -> Tracker:
            folder = tmp_path / secrets.token_hex(4)
            folder.mkdir()
            url = f"sqlite:///{folder}/cmmc.db"
            if kind == "sqlite":
                shutil.copy(template, folder / "cmmc.db")
            if kind == "postgresql":
                names.append(f"cmmc_backup_{secrets.token_hex(6)}")
                server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(names[-1])))
                url = make_url(postgres_server).set(database=names[-1]).render_as_string(hide_password=False)
                prepare(url, folder)
            engines.append(make_engine(url))
            return Tracker(engines[-1], FolderBlobs(folder / "uploads"))

        yield make
        for one in engines:
            one.dispose()
        for name in names:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def dest(tmp_path: Path) -> Path:
    """Where backups go."""
    return tmp_path / "backups"
