"""Locks over processes and nodes: shared and alone, let go with their holder, never waited for without end."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, text

from cmmc_tracker.errors import Busy
from cmmc_tracker.storage import locks
from cmmc_tracker.storage.database import make_engine
from cmmc_tracker.storage.locks import DatabaseLocks, Locks, locks_of
from tests.databases import Databases


@pytest.fixture
def server(databases: Databases) -> Iterator[Engine]:
    """A database of a server."""
    made = make_engine(databases.lend())
    yield made
    made.dispose()
    databases.take_back()


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    """The database whose locks they are, or beside which they lie."""
    if request.param == "postgresql":
        found: Engine = request.getfixturevalue("server")
        return found
    return make_engine(f"sqlite:///{tmp_path}/cmmc.db")


@pytest.fixture
def both(engine: Engine, tmp_path: Path) -> tuple[Locks, Locks]:
    """The locks as two nodes know them."""
    return locks_of(engine, tmp_path / "locks"), locks_of(engine, tmp_path / "locks")


def test_what_others_hold_together_nobody_holds_alone_and_the_other_way_round(both: tuple[Locks, Locks]) -> None:
    one, two = both
    with contextlib.closing(one.shared("a")), contextlib.closing(two.shared("a")):
        assert two.alone("a") is None
        other = two.alone("b")
        assert other is not None
        other.close()
    mine = one.alone("a")
    assert mine is not None
    assert two.alone("a") is None
    mine.close()
    theirs = two.alone("a")
    assert theirs is not None
    theirs.close()


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_a_lock_of_the_database_is_let_go_before_its_session_ends(
    both: tuple[Locks, Locks], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = both
    held = one.alone("a")
    assert held is not None
    with monkeypatch.context() as patch:
        patch.setattr(Connection, "close", lambda _connection: None)  # the server does not know of its end yet
        held.close()
    theirs = two.alone("a")
    assert theirs is not None
    theirs.close()
    held.close()


def test_who_waits_for_a_lock_of_the_database_is_told_in_the_end_and_leaves_no_connection(
    server: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(locks._SESSION, "lock_timeout", 200)
    found = DatabaseLocks(server)
    held = found.alone("a")
    assert held is not None
    with server.connect() as connection:
        count = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        before = connection.execute(count).scalar_one()
        for _ in range(3):
            with pytest.raises(Busy):
                found.shared("a")
        connection.rollback()
        assert connection.execute(count).scalar_one() == before
    held.close()
    found.shared("a").close()


def test_both_sides_of_a_lock_of_the_database_miss_the_other_soon(server: Engine) -> None:
    with contextlib.closing(DatabaseLocks(server)._opened()) as connection:
        shown = {name: connection.execute(text(f"SHOW {name}")).scalar_one() for name in locks._SESSION}
        info = connection.connection.driver_connection.info
        given, over_socket = info.get_parameters(), info.host.startswith("/")
    assert shown["lock_timeout"] == "2min"
    assert (given["keepalives_idle"], given["tcp_user_timeout"]) == ("10", "10000")
    assert over_socket or shown["tcp_keepalives_idle"] == "10"
