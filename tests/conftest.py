"""The cast and the stage: an installation on the database under test, and people with browsers that keep CSRF on.

`TEST_DATABASE` chooses SQLite or PostgreSQL. Each test has a database of an empty install to itself (a copied SQLite
file; PostgreSQL's are lent by `tests/databases.py`), and its own store.
"""

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Executable, create_engine, delete, text
from werkzeug.test import TestResponse

from cmmc_tracker import config
from cmmc_tracker.app import build
from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.permissions import Access, Actor, Role
from cmmc_tracker.gate import versions
from cmmc_tracker.reports.registry import REPORTS
from cmmc_tracker.services import accounts, passwords, systems
from cmmc_tracker.services.handoff import documents
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.blobs import FolderBlobs
from cmmc_tracker.storage.database import make_engine, migrate
from cmmc_tracker.storage.tables import memberships
from tests import quick
from tests.databases import Databases

PASSWORD = "Correct-Horse-Battery-9"
ON_POSTGRESQL = os.environ.get("TEST_DATABASE", "sqlite") == "postgresql"
_SERVERS = ("postgresql://postgres@127.0.0.1:5432/postgres", "postgresql://root@127.0.0.1:5432/postgres")
REAL_METHOD = passwords.method
_TOKEN = re.compile(r'name="csrf_token" value="([0-9a-f]{64})"')


@pytest.fixture(scope="session", autouse=True)
def _own_environment() -> Iterator[None]:
    """No setting of whoever runs the tests reaches the product."""
    patch = pytest.MonkeyPatch()
    for variable in config.VARIABLES:
        patch.delenv(variable.name, raising=False)
    yield
    patch.undo()


@pytest.fixture(scope="session", autouse=True)
def _cheap_hashes() -> Iterator[None]:
    """Passwords are hashed cheaply here; `test_passwords.py` looks at the real thing."""
    patch = pytest.MonkeyPatch()
    patch.setattr(passwords, "method", lambda: "pbkdf2:sha256:1")
    yield
    patch.undo()


@pytest.fixture(autouse=True)
def _packages_without_what_takes_long(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package has its tables only, but in tests that ask for `every_document`: setting pages takes a second."""
    if "every_document" not in request.fixturenames:
        quick = {name: one for name, one in REPORTS.items() if not name.endswith((".pdf", ".docx"))}
        monkeypatch.setattr(documents, "REPORTS", quick)


@pytest.fixture
def every_document() -> None:
    """Packages of this test have all their documents."""


@pytest.fixture(scope="session", autouse=True)
def _nothing_is_done_twice() -> Iterator[None]:
    """What each test would do again is done once for all (`quick.py`)."""
    patch = pytest.MonkeyPatch()
    for shared in (
        quick.share_templates,
        quick.share_addresses,
        quick.write_files_without_waiting,
        quick.keep_bodies_in_memory,
    ):
        shared(patch)
    yield
    patch.undo()


@pytest.fixture(scope="session")
def postgres_server() -> str:
    """The address of the PostgreSQL server that tests may make databases on."""
    for url in (os.environ.get("TEST_POSTGRES_URL"), *_SERVERS):
        if url is None:
            continue
        engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"), isolation_level="AUTOCOMMIT")
        try:
            with engine.connect():
                return url
        except Exception:
            continue
        finally:
            engine.dispose()
    pytest.fail("no PostgreSQL server answers; set TEST_POSTGRES_URL")


def prepare(url: str, folder: Path) -> None:
    """Make an empty install of a database."""
    engine = make_engine(url)
    migrate(engine)
    systems.prepare(Tracker(engine, FolderBlobs(folder / "uploads")))
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    engine.dispose()


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with an empty install, that each test's database is copied from."""
    folder = tmp_path_factory.mktemp("template")
    prepare(f"sqlite:///{folder}/cmmc.db", folder)
    return folder / "cmmc.db"


@pytest.fixture(scope="session")
def databases(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """What lends PostgreSQL databases with an empty install."""
    folder = tmp_path_factory.mktemp("databases")
    made = Databases(postgres_server, lambda url: prepare(url, folder))
    yield made
    made.close()


@pytest.fixture
def database_url(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """A database of the test's own, empty but for the system `main`."""
    if ON_POSTGRESQL:
        databases: Databases = request.getfixturevalue("databases")
        yield databases.lend()
        databases.take_back()
        return
    shutil.copy(request.getfixturevalue("template"), tmp_path / "cmmc.db")
    yield f"sqlite:///{tmp_path}/cmmc.db"


@dataclass
class Clock:
    """A clock that goes on by the real time's pace from where a test sets it."""

    offset: timedelta = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.offset

    def forward(self, **by: float) -> None:
        """Let time pass."""
        self.offset += timedelta(**by)


@pytest.fixture
def clock() -> Clock:
    """The installation's clock."""
    return Clock()


@pytest.fixture
def tracker(database_url: str, tmp_path: Path, clock: Clock) -> Iterator[Tracker]:
    """An installation without a web server."""
    engine = make_engine(database_url)
    quick.wait_for_no_disk(engine)
    quick.share_statements(engine)
    yield Tracker(engine, FolderBlobs(tmp_path / "uploads"), clock)
    engine.dispose()


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> config.Settings:
    """Settings of the installation under test."""
    given = {"FLASK_SECRET": "s" * 40, "CMMC_DATA_DIR": str(tmp_path), "DATABASE_URL": database_url}
    return config.read(given)


@pytest.fixture
def app(settings: config.Settings, tracker: Tracker) -> Flask:
    """The web application over the installation. It looks at its schema once: what counts statements counts no look."""
    made = build(settings, tracker)
    made.extensions[versions.EXTENSION].seconds = float("inf")
    return made


@dataclass
class Person:
    """Somebody with a browser of their own. `post` and the API calls carry the CSRF token as pages do."""

    name: str
    client: FlaskClient
    id: int = 0
    token: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def sign_in(self, password: str = PASSWORD) -> TestResponse:
        """Sign in through the page, and take the new session's token from the next page."""
        answer = self.post("/login", {"username": self.name, "password": password}, token=self.token_of("/login"))
        self.token = self.token_of("/profile")
        return answer

    def token_of(self, path: str) -> str:
        """The CSRF token in a page."""
        found = _TOKEN.search(self.client.get(path, follow_redirects=True).text)
        assert found, f"no CSRF token in {path}"
        return found[1]

    def get(self, path: str, **more: Any) -> TestResponse:
        """Read a page or a call."""
        return self.client.get(path, buffered=True, **more)

    def post(self, path: str, data: Any = None, *, token: str | None = None, **more: Any) -> TestResponse:
        """Send a form."""
        form = {"csrf_token": self.token if token is None else token, **(data or {})}
        return self.client.post(path, data=form, **more)

    def call(self, method: str, path: str, json: Any = None, **more: Any) -> TestResponse:
        """Call the API with JSON."""
        headers = {"X-CSRF-Token": self.token, **more.pop("headers", {})}
        return self.client.open(f"/api/v1{path}", method=method, json=json, headers=headers, **more)

    def upload(self, name: str, content: bytes, **fields: Any) -> TestResponse:
        """Upload a file by the API."""
        import io

        data = {"title": name, **fields, "file": (io.BytesIO(content), name)}
        return self.client.post("/api/v1/artifacts", data=data, headers={"X-CSRF-Token": self.token})


OPERATOR = Actor(None, "command line", Role.ADMIN)


def put(tracker: Tracker, *changes: Executable) -> None:
    """Set rows as no act of the program would, and tell the log of it, by which readers know that something changed."""
    with tracker.write(OPERATOR) as work:
        for change in changes:
            work.change(change)
        work.record(Event.SYSTEM_CHANGED, "system:main", {"by": "a test"})


def add_account(tracker: Tracker, name: str, role: str = "user") -> int:
    """An account with the cast's password, a member of `main`."""
    who = accounts.candidate(name, PASSWORD, role)
    with tracker.write(OPERATOR) as work:
        return accounts.create(work, who)


def person(app: Flask, tracker: Tracker, name: str, role: str = "user") -> Person:
    """Somebody signed in."""
    made = Person(name, app.test_client(), add_account(tracker, name, role))
    made.sign_in()
    return made


@pytest.fixture
def admin(app: Flask, tracker: Tracker) -> Person:
    """Ada runs the tracker and works in `main`."""
    return person(app, tracker, "ada", "admin")


@pytest.fixture
def user(app: Flask, tracker: Tracker) -> Person:
    """Bo works in `main`."""
    return person(app, tracker, "bo")


@pytest.fixture
def outsider(app: Flask, tracker: Tracker) -> Person:
    """Cal has an account, but is a member of no system."""
    made = person(app, tracker, "cal")
    with tracker.write(OPERATOR) as work:
        work.db.execute(delete(memberships).where(memberships.c.user_id == made.id))
    return made


@pytest.fixture
def stranger(app: Flask) -> Person:
    """Nobody knows this one."""
    return Person("", app.test_client())


@pytest.fixture
def actor(tracker: Tracker) -> Actor:
    """Whoever works at the command line, with all systems."""
    with tracker.read() as work:
        return replace(OPERATOR, systems=systems.all_of(work))


@pytest.fixture
def main(actor: Actor) -> Access:
    """The system that a new install has."""
    return actor.systems["main"]


def png(width: int = 8, height: int = 8, color: str = "navy") -> bytes:
    """A small real picture; other colours are other bytes."""
    import io

    from PIL import Image

    file = io.BytesIO()
    Image.new("RGB", (width, height), color).save(file, "PNG")
    return file.getvalue()
