"""Two at once."""

import hashlib
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import event, select
from werkzeug.test import TestResponse

from cmmc_tracker.domain.assessment import Judgement, Status
from cmmc_tracker.domain.catalog import ObjectiveId
from cmmc_tracker.domain.permissions import Access, Actor, Role
from cmmc_tracker.services import accounts, assessment, links, passwords, sessions, systems, verify
from cmmc_tracker.services.links import Target
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import limit_hits, users
from tests.conftest import ON_POSTGRESQL, OPERATOR, PASSWORD, Person, person

NEW = "Quite-Another-Battery-7"


def _meanwhile(what: Callable[[], TestResponse]) -> tuple[threading.Thread, list[TestResponse]]:
    """Start it in a thread, and give it the time to come to where it must wait."""
    answers: list[TestResponse] = []
    thread = threading.Thread(target=lambda: answers.append(what()))
    thread.start()
    time.sleep(0.4)
    return thread, answers


def test_two_accounts_of_one_name_at_once(tracker: Tracker, admin: Person) -> None:
    who = accounts.candidate("dora", PASSWORD, "user")
    form = {"username": "dora", "password": PASSWORD, "role": "user"}
    with tracker.write(OPERATOR) as work:
        accounts.create(work, who)
        thread, answers = _meanwhile(lambda: admin.post("/admin/users", form))
    thread.join(20)
    assert [one.status_code for one in answers] == [422]


def test_one_link_twice_at_once(tracker: Tracker, user: Person, actor: Actor, main: Access) -> None:

    user.upload("a.txt", b"hello")
    with tracker.write(actor) as work:
        links.link(work, 1, Target(main, ObjectiveId("AC.L2-3.1.1", "a")))
        thread, answers = _meanwhile(lambda: user.call("PUT", "/artifacts/1/objectives/3.1.1[a]", {}))
    thread.join(20)
    assert [one.status_code for one in answers] == [204]


def test_the_same_file_twice_at_once_is_two_artifacts_and_stored_once(
    app: Flask, tracker: Tracker, user: Person, tmp_path: Path
) -> None:
    other, content = person(app, tracker, "eva"), b"the same bytes" * 5_000
    both, answers = threading.Barrier(4), []

    def send(who: Person, name: str) -> None:
        mine = Person(who.name, app.test_client())
        mine.sign_in()
        both.wait()
        answers.append(mine.upload(name, content))

    threads = [
        threading.Thread(target=send, args=(who, f"{n}.txt")) for n, who in enumerate((user, other, user, other))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [one.status_code for one in answers] == [201] * 4
    assert {one.get_json()["id"] for one in answers} == {1, 2, 3, 4}
    found = verify.run(tracker)
    assert (found.problems, found.blobs) == ([], 1)
    sha256 = hashlib.sha256(content).hexdigest()
    kept = [path for path in (tmp_path / "uploads").rglob("*") if path.is_file() and path.stat().st_size]
    assert [(path.name, path.read_bytes()) for path in kept] == [(sha256, content)]


def test_two_systems_of_one_name_at_once(tracker: Tracker, user: Person) -> None:
    with tracker.write(OPERATOR) as work:
        systems.create(work, "Lab", 2)
        thread, answers = _meanwhile(lambda: user.call("POST", "/systems", {"name": "Lab", "level": 2}))
    thread.join(20)
    assert [one.status_code for one in answers] == [201]


def test_a_password_that_an_administrator_just_set_is_not_overwritten(
    tracker: Tracker, user: Person, admin: Person, monkeypatch: pytest.MonkeyPatch
) -> None:

    real = passwords.hashed

    def slowly(password: str) -> str:
        monkeypatch.setattr(passwords, "hashed", real)
        accounts.reset_password(tracker, OPERATOR, "", user.id, NEW)
        return real(password)

    monkeypatch.setattr(passwords, "hashed", slowly)
    thiefs = "The-Thiefs-Own-Battery-3"
    form = {"old_password": PASSWORD, "new_password": thiefs, "password_repeat": thiefs}
    user.post("/profile/password", form)
    with tracker.read() as work:
        kept = work.row(select(users.c.password_hash).where(users.c.id == user.id))
    assert kept is not None
    assert passwords.matches(kept.password_hash, NEW)


def test_a_database_that_stays_locked_is_told_as_busy(
    app: Flask, tracker: Tracker, user: Person, admin: Person
) -> None:

    # `BEGIN IMMEDIATE` goes straight to the driver, so its error is none of SQLAlchemy's.
    def impatient(connection: object, *_: object) -> None:
        cursor = connection.cursor()  # type: ignore[attr-defined]
        cursor.execute("SET lock_timeout = 200" if ON_POSTGRESQL else "PRAGMA busy_timeout = 200")
        cursor.close()
        connection.commit()  # type: ignore[attr-defined]

    event.listen(tracker.engine, "checkout", impatient)
    path = "/systems/main/requirements/3.1.1/objectives/a"
    with tracker.write(OPERATOR) as work:
        systems_of = systems.all_of(work)
        found = Judgement(Status.MET, "", ())
        assessment.judge(work, systems_of["main"], ObjectiveId("AC.L2-3.1.1", "a"), found)
        thread, answers = _meanwhile(lambda: user.call("PATCH", path, {"status": "not_met"}))
        thread.join(20)
    assert [one.status_code for one in answers] == [503]


def test_of_two_administrators_who_disable_each_other_one_stays(tracker: Tracker, app: Flask, admin: Person) -> None:
    other = person(app, tracker, "eva", "admin")
    with tracker.write(Actor(admin.id, "ada", Role.ADMIN)) as work:
        accounts.disable(work, other.id)
        thread, answers = _meanwhile(lambda: other.post(f"/admin/users/{admin.id}/disable"))
    thread.join(20)
    assert answers[0].status_code in {302, 409}
    with tracker.read(OPERATOR) as work:
        assert [one.name for one in accounts.everyone(work) if one.disabled_at is None] == ["ada"]


def test_wrong_tries_at_the_same_instant_do_not_pass_the_limit_together(app: Flask, tracker: Tracker) -> None:
    people = [Person("bo", app.test_client()) for _ in range(9)]
    tokens = [one.token_of("/login") for one in people]
    answers: list[int] = []

    def one_try(who: Person, token: str) -> None:
        answers.append(who.post("/login", {"username": "bo", "password": "no"}, token=token).status_code)

    threads = [threading.Thread(target=one_try, args=pair) for pair in zip(people, tokens, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(answers) == [401] * 5 + [429] * 4
    with tracker.read() as work:
        assert len(work.rows(select(limit_hits.c.id).where(limit_hits.c.key.startswith("sign-in:")))) == 5


def test_a_session_that_was_ended_opens_nothing(tracker: Tracker, user: Person) -> None:
    with tracker.write(OPERATOR) as work:
        sessions.end_all(work, user.id)
        accounts.disable(work, user.id)
    assert user.get("/api/v1/systems").status_code == 401
