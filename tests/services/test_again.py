"""Two changes that stop each other: one gives way, is done anew and kept; nothing is kept twice."""

import threading
from functools import partial
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import event, insert, select, text, update

from cmmc_tracker.api import systems
from cmmc_tracker.domain.audit import Event
from cmmc_tracker.errors import Busy, Overtaken
from cmmc_tracker.services import audit
from cmmc_tracker.services.work import TRIES, Tracker, Work, again
from cmmc_tracker.storage.tables import settings
from tests.conftest import ON_POSTGRESQL, Person
from tests.services.evidence import give
from tests.web.test_documents import send, template

PATCH = "/systems/main/requirements/3.1.1/objectives/a"
needs_postgresql = pytest.mark.skipif(not ON_POSTGRESQL, reason="SQLite has one writer at a time")


@needs_postgresql
def test_of_two_that_stop_each_other_both_are_kept(tracker: Tracker) -> None:
    with tracker.write() as work:
        work.db.execute(insert(settings), [{"name": name, "value": 0} for name in "ab"])
    together, times = threading.Barrier(2), []

    def both(first: str, second: str) -> None:
        with tracker.write() as work:
            work.db.execute(text("SET LOCAL deadlock_timeout = '20ms'"))
            _add(work, first)
            times.append(first)
            if len(times) <= 2:
                together.wait(10)
            _add(work, second)
            work.record(Event.SETTINGS_CHANGED, f"setting:{first}")

    threads = [threading.Thread(target=again, args=(partial(both, *pair),)) for pair in ("ab", "ba")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    with tracker.read() as work:
        query = select(settings.c.value).where(settings.c.name.in_(list("ab")))
        assert [row.value for row in work.rows(query)] == [2, 2]
        assert audit.broken(work) is None
    assert len(times) == 3


def _add(work: Work, name: str) -> None:
    more = text("(value::text::int + 1)::text::json")
    work.change(update(settings).where(settings.c.name == name).values(value=more))


def test_what_was_kept_is_not_done_again_and_what_was_not_only_so_often(tracker: Tracker) -> None:
    done: list[int] = []

    def half() -> None:
        with tracker.write() as work:
            work.record(Event.SETTINGS_CHANGED, "setting:a")
        done.append(1)
        raise Overtaken("gave way")

    def never() -> None:
        done.append(1)
        raise Overtaken("gave way")

    for act, times in ((half, 1), (never, TRIES)):
        done.clear()
        with pytest.raises(Overtaken):
            again(act)
        assert len(done) == times


def test_a_request_that_gave_way_is_answered_as_if_nothing_had_been(
    app: Flask, user: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, times = systems.assessment.judge, []

    def gives_way(*given: object) -> object:
        times.append(1)
        if len(times) == 1:
            raise Overtaken("gave way")
        return real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(systems.assessment, "judge", gives_way)
    answer = user.call("PATCH", PATCH, {"status": "met", "note": "seen"})
    assert (answer.status_code, answer.get_json()["note"], len(times)) == (200, "seen", 2)


def test_an_upload_that_gave_way_is_told_and_not_taken_twice(
    user: Person, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    times = []

    def gives_way(*_given: object, **_more: object) -> None:
        times.append(1)
        raise Overtaken("gave way")

    monkeypatch.setattr("cmmc_tracker.services.artifacts.create", gives_way)
    monkeypatch.setattr("cmmc_tracker.services.links.create_linked", gives_way)
    assert user.upload("a.txt", b"hello").status_code == 503
    assert len(times) == 1
    assert list((tmp_path / "uploads/.incoming").glob("[0-9a-f]*")) == []


def test_a_file_that_was_read_and_let_go_before_the_change_gave_way_is_not_read_again(
    user: Person, tracker: Tracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    give(tracker, user.id, may_approve=True)
    times = []

    def gives_way(*_given: object) -> None:
        times.append(1)
        raise Overtaken("gave way")

    monkeypatch.setattr("cmmc_tracker.services.exports.put_template", gives_way)
    assert send(user, template("{{system.name}}")).status_code == 503
    assert len(times) == 1


@needs_postgresql
def test_a_commit_whose_connection_is_lost_is_not_said_to_have_changed_nothing(tracker: Tracker) -> None:
    with pytest.raises(Busy, match="not known whether"):
        _recorded_and_cut(tracker)


def _recorded_and_cut(tracker: Tracker) -> None:
    with tracker.write() as work:
        work.record(Event.SETTINGS_CHANGED, "setting:a")
        own = work.db.execute(text("SELECT pg_backend_pid()")).scalar_one()

        def cut(_connection: object) -> None:
            with tracker.engine.connect() as other:
                other.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": own})

        event.listen(tracker.engine, "commit", cut, once=True)
