"""Failures into answers: a reference that is in the log, no trace, and a database that is away, locked or broken."""

import errno
import logging
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.pool import QueuePool

from cmmc_tracker.app import build
from cmmc_tracker.config import Settings
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.blobs import FolderBlobs
from cmmc_tracker.storage.database import make_engine
from tests.conftest import ON_POSTGRESQL, Person

PAGES = ["/", "/artifacts", "/profile", "/systems/main/requirements"]
CALLS = ["/api/v1/systems", "/api/v1/artifacts", "/api/v1/systems/main/score"]
TRACES = ("Traceback", "sqlite3", "psycopg", "sqlalchemy", "SELECT", "site-packages", ".py")


def _is_told(who: Person, caplog: pytest.LogCaptureFixture) -> None:
    """Pages and calls say 503 in a few words; what needs no database goes on."""
    for path in (*PAGES, *CALLS):
        answer = who.get(path)
        assert answer.status_code == 503, path
        assert len(answer.data) < 8_000, path
        assert not any(trace in answer.text for trace in TRACES), path
        assert (answer.mimetype == "application/problem+json") == path.startswith("/api/"), path
        reference = re.search(r"(?:reference <code>|\"reference\":\s?\")([0-9a-f]{8})", answer.text)
        assert reference, path
        assert reference[1] in caplog.text, path
    assert who.call("POST", "/systems", {"name": "x", "level": 2}).status_code == 503
    assert who.get("/static/app.css").status_code == 200
    assert who.get("/healthz").status_code == 200
    assert (who.get("/readyz").status_code, who.get("/readyz").text) == (503, "not ready\n")
    assert who.get("/no/such/page").status_code in {404, 503}


@pytest.fixture
def impatient(settings: Settings, tracker: Tracker, tmp_path: Path, user: Person) -> Iterator[Person]:
    """The same person before an app that waits for a lock for a moment only, instead of fifteen seconds."""
    engine = make_engine(settings.database_url, busy_ms=100)
    yield _before(build(settings, Tracker(engine, FolderBlobs(tmp_path / "uploads"))), user)
    engine.dispose()


def _before(app: Flask, user: Person) -> Person:
    """The person with the same cookie before another app."""
    cookie = user.client.get_cookie("session")
    assert cookie is not None
    made = Person(user.name, app.test_client(), token=user.token)
    made.client.set_cookie("session", cookie.value)
    return made


def test_while_a_write_waits_too_long_reading_goes_on(impatient: Person, tracker: Tracker) -> None:
    with tracker.engine.connect().execution_options(writes=True) as other, other.begin():
        if ON_POSTGRESQL:
            other.execute(text("LOCK TABLE systems IN EXCLUSIVE MODE"))
        assert impatient.call("POST", "/systems", {"name": "x", "level": 2}).status_code == 503
        assert impatient.get("/").status_code == 200
    assert impatient.call("POST", "/systems", {"name": "x", "level": 2}).status_code == 201


def test_a_refusal_stays_a_refusal_while_it_cannot_be_written_down(impatient: Person, tracker: Tracker) -> None:
    with tracker.engine.connect().execution_options(writes=True) as other, other.begin():
        if ON_POSTGRESQL:
            other.execute(text("LOCK TABLE audit IN ACCESS EXCLUSIVE MODE"))
        assert impatient.get("/admin/users").status_code == 403


def test_a_database_that_nobody_else_may_even_read_is_told(
    impatient: Person, tracker: Tracker, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    if ON_POSTGRESQL:
        with tracker.engine.connect() as other, other.begin():
            other.execute(text("LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE"))
            assert impatient.get("/").status_code == 503
            assert impatient.get("/api/v1/systems").status_code == 503
            assert impatient.get("/static/app.css").status_code == 200
    else:
        tracker.engine.dispose()
        with closing(sqlite3.connect(tmp_path / "cmmc.db", isolation_level=None)) as other:
            other.execute("PRAGMA locking_mode = EXCLUSIVE")
            other.execute("BEGIN EXCLUSIVE")
            _is_told(impatient, caplog)
            other.execute("ROLLBACK")
    assert impatient.get("/").status_code == 200


def _away(settings: Settings, tmp_path: Path, user: Person) -> Person:
    """The same person before an app whose database cannot be had."""
    url = "postgresql://nobody@127.0.0.1:1/none" if ON_POSTGRESQL else f"sqlite:///{tmp_path}/no/such/folder/cmmc.db"
    return _before(build(settings, Tracker(make_engine(url), FolderBlobs(tmp_path / "uploads"))), user)


def test_a_database_that_cannot_be_reached_is_told(
    settings: Settings, user: Person, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    _is_told(_away(settings, tmp_path, user), caplog)


def test_somebody_who_signs_in_while_the_database_is_away_is_told(
    settings: Settings, user: Person, tmp_path: Path
) -> None:
    away = _away(settings, tmp_path, user)
    away.client.delete_cookie("session")
    page = away.get("/login")
    assert page.status_code == 200
    token = page.text.split('name="csrf_token" value="')[1][:64]
    assert away.post("/login", {"username": "bo", "password": "x"}, token=token).status_code == 503
    assert away.get("/api/v1/systems", headers={"Authorization": "Bearer x"}).status_code == 503


@pytest.mark.parametrize("garbage", [b"this is no database " * 1_000, b"SQLite format 3\0" + b"\xff" * 8_000])
def test_a_database_file_that_is_garbage_is_told(
    settings: Settings, user: Person, tmp_path: Path, caplog: pytest.LogCaptureFixture, garbage: bytes
) -> None:
    caplog.set_level(logging.INFO)
    (tmp_path / "broken.db").write_bytes(garbage)
    app = build(settings, Tracker(make_engine(f"sqlite:///{tmp_path}/broken.db"), FolderBlobs(tmp_path / "uploads")))
    _is_told(_before(app, user), caplog)


def test_a_pool_that_has_no_connection_left_is_told(
    user: Person, tracker: Tracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = tracker.engine.pool
    assert isinstance(pool, QueuePool)
    monkeypatch.setattr(pool, "_timeout", 0.1)
    held = [tracker.engine.connect() for _ in range(20)]
    try:
        assert user.get("/").status_code == 503
        assert user.get("/api/v1/systems").status_code == 503
    finally:
        for one in held:
            one.close()
    assert user.get("/").status_code == 200


def test_a_failure_in_the_middle_of_a_write_leaves_nothing_of_it(
    user: Person, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("cmmc_tracker.services.work._append", broken)
    answer = user.call("POST", "/systems", {"name": "half", "level": 2})
    monkeypatch.undo()
    assert answer.status_code == 500
    assert "secret detail" not in answer.text
    assert "secret detail" in caplog.text
    assert [one["slug"] for one in user.get("/api/v1/systems").get_json()["items"]] == ["main"]


@pytest.mark.parametrize(("code", "status", "said"), [(errno.ENOSPC, 507, "full"), (errno.EIO, 503, "cannot be read")])
def test_a_disk_that_fails_beside_the_store_is_told_as_that(
    user: Person, monkeypatch: pytest.MonkeyPatch, code: int, status: int, said: str
) -> None:
    def fails(*_given: object) -> None:
        raise OSError(code, "the disk says")

    monkeypatch.setattr("cmmc_tracker.services.assessment.judge", fails)
    answer = user.call("PATCH", "/systems/main/requirements/3.1.1/objectives/a", {"status": "met"})
    assert answer.status_code == status
    assert said in answer.get_json()["detail"]
    assert "Nothing of this was kept" in answer.get_json()["detail"]
