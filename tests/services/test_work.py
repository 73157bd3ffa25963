"""One transaction, and the audit chain that it appends to."""

import threading

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import DBAPIError

from cmmc_tracker.domain.audit import Event
from cmmc_tracker.errors import Stale
from cmmc_tracker.services import audit
from cmmc_tracker.services.work import Tracker, Work
from cmmc_tracker.storage.tables import audit as audit_table
from cmmc_tracker.storage.tables import settings


def test_leaving_cleanly_commits(tracker: Tracker) -> None:
    with tracker.write() as work:
        work.change(insert(settings).values(name="a", value=1))
        work.record(Event.SETTINGS_CHANGED, "setting:a")
    with tracker.read() as work:
        assert work.row(select(settings.c.value).where(settings.c.name == "a")).value == 1


def test_an_error_rolls_back_the_change_and_its_audit_entry(tracker: Tracker) -> None:
    with tracker.read() as work:
        before = audit.length(work)
    with pytest.raises(ZeroDivisionError), tracker.write() as work:
        _change_and_fail(work)
    with tracker.read() as work:
        assert work.row(select(settings).where(settings.c.name == "a")) is None
        assert audit.length(work) == before


def _change_and_fail(work: Work) -> None:
    work.change(insert(settings).values(name="a", value=1))
    work.record(Event.SETTINGS_CHANGED, "setting:a")
    raise ZeroDivisionError


def test_a_change_without_an_audit_entry_fails_and_is_rolled_back(tracker: Tracker) -> None:
    with pytest.raises(AssertionError, match="recorded nothing"), tracker.write() as work:
        work.change(insert(settings).values(name="a", value=1))
    with tracker.read() as work:
        assert work.row(select(settings).where(settings.c.name == "a")) is None


def test_an_update_that_finds_another_version_is_stale(tracker: Tracker) -> None:
    with pytest.raises(Stale), tracker.write() as work:
        work.change_one(update(settings).where(settings.c.name == "nothing").values(value=2))


def test_entries_form_one_chain(tracker: Tracker) -> None:
    for number in range(5):
        with tracker.write() as work:
            work.record(Event.SETTINGS_CHANGED, f"setting:{number}", {"é": number})
            work.record(Event.SETTINGS_CHANGED, f"setting:{number}b")
    with tracker.read() as work:
        assert audit.broken(work) is None
        assert audit.length(work) == 11


def test_two_writers_at_once_append_to_one_unbroken_chain(tracker: Tracker) -> None:
    def write(name: str) -> None:
        for number in range(10):
            with tracker.write() as work:
                work.record(Event.SETTINGS_CHANGED, f"setting:{name}{number}")

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with tracker.read() as work:
        assert audit.broken(work) is None
        assert audit.length(work) == 41


@pytest.mark.parametrize("statement", ["UPDATE audit SET actor = 'nobody'", "DELETE FROM audit"])
def test_the_database_itself_refuses_to_alter_the_log(tracker: Tracker, statement: str) -> None:
    with pytest.raises(DBAPIError, match="append-only"), tracker.engine.connect() as connection, connection.begin():
        connection.execute(text(statement))


def test_an_altered_entry_is_found(tracker: Tracker) -> None:
    for number in range(3):
        with tracker.write() as work:
            work.record(Event.SETTINGS_CHANGED, f"setting:{number}")
    _tamper(tracker, "UPDATE audit SET actor = 'mallory' WHERE id = 3")
    with tracker.read() as work:
        assert audit.broken(work) == (3, "its content is not what was recorded")


def test_an_entry_that_was_taken_out_is_found(tracker: Tracker) -> None:
    for number in range(3):
        with tracker.write() as work:
            work.record(Event.SETTINGS_CHANGED, f"setting:{number}")
    _tamper(tracker, "DELETE FROM audit WHERE id = 2")
    with tracker.read() as work:
        found = audit.broken(work)
    assert found is not None
    assert found[0] == 3


def _tamper(tracker: Tracker, statement: str) -> None:
    """Alter the log as somebody with the database's own rights could: without its triggers."""
    with tracker.engine.connect() as connection, connection.begin():
        if connection.dialect.name == "sqlite":
            connection.execute(text("DROP TRIGGER audit_no_update"))
            connection.execute(text("DROP TRIGGER audit_no_delete"))
        else:
            connection.execute(text("ALTER TABLE audit DISABLE TRIGGER ALL"))
        connection.execute(text(statement))


def test_the_times_of_one_work_are_the_same_instant(tracker: Tracker) -> None:
    with tracker.write() as work:
        work.record(Event.SETTINGS_CHANGED, "setting:a")
        work.record(Event.SETTINGS_CHANGED, "setting:b")
    with tracker.read() as work:
        rows = work.rows(select(audit_table.c.at).order_by(audit_table.c.id.desc()).limit(2))
    assert rows[0].at == rows[1].at
    assert rows[0].at.endswith("Z")
