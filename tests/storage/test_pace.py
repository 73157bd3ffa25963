"""How long PostgreSQL is waited for, by whom, and by how many at once."""

import contextlib
import threading
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from cmmc_tracker.app import JOB_CONNECTIONS, house_of
from cmmc_tracker.config import Settings
from cmmc_tracker.errors import Busy
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.database import locked, make_engine, translated
from tests.conftest import ON_POSTGRESQL
from tests.databases import Databases


@pytest.fixture
def url(databases: Databases) -> Iterator[str]:
    """A database of a server."""
    yield databases.lend()
    databases.take_back()


@contextlib.contextmanager
def _engine(url: str, **how: int) -> Iterator[Engine]:
    engine = make_engine(url, **how)
    try:
        yield engine
    finally:
        engine.dispose()


def _shown(engine: Engine, name: str) -> str:
    with engine.connect() as connection:
        return str(connection.execute(text(f"SHOW {name}")).scalar_one())


def test_a_statement_of_a_request_is_ended_and_told_and_a_commands_is_not(url: str) -> None:
    with _engine(url, statement_ms=100) as served:
        begun = time.monotonic()
        with pytest.raises(Busy), translated(), served.connect() as connection:
            connection.execute(text("SELECT pg_sleep(20)"))
        assert time.monotonic() - begun < 5
        assert _shown(served, "idle_in_transaction_session_timeout") == "5min"
    with _engine(url) as command:
        for name in ("statement_timeout", "idle_in_transaction_session_timeout"):
            assert _shown(command, name) == "0"
        assert _shown(command, "lock_timeout") == "15s"


def test_each_thread_of_a_server_has_a_connection_and_one_more(url: str) -> None:
    with _engine(url, threads=12) as engine, contextlib.ExitStack() as all_at_once:
        for _ in range(24):
            all_at_once.enter_context(engine.connect())
        assert engine.pool.checkedout() == 24  # type: ignore[attr-defined] of the kind of pool that it is


def test_who_waits_for_a_migration_waits_longer_than_for_a_row(url: str) -> None:
    with _engine(url, busy_ms=50, statement_ms=50) as engine:
        entered = threading.Event()

        def second() -> None:
            with locked(engine, None):
                entered.set()

        with locked(engine, None):
            thread = threading.Thread(target=second)
            thread.start()
            assert not entered.wait(0.3)
        thread.join(10)
        assert entered.is_set()
        assert _shown(engine, "statement_timeout") == "50ms"


def test_the_jobs_have_few_connections_of_their_own_and_take_their_time(settings: Settings, tracker: Tracker) -> None:
    hurried = make_engine(settings.database_url, statement_ms=1_000)
    house = house_of(settings, Tracker(hurried, tracker.blobs))
    engine = house.tracker.engine
    assert engine is not hurried
    assert engine.pool.size() == JOB_CONNECTIONS  # type: ignore[attr-defined]
    if ON_POSTGRESQL:
        assert _shown(engine, "statement_timeout") == "0"
    engine.dispose()
    hurried.dispose()
