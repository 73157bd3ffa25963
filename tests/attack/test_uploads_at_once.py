"""Hostile uploads: too many at once, and files that are slow to look into."""

import fcntl
import hashlib
import io
import multiprocessing
import signal
import socket
import threading
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from cmmc_tracker.app import build
from cmmc_tracker.config import Settings
from cmmc_tracker.gate.uploads import AT_ONCE
from cmmc_tracker.services import intake
from cmmc_tracker.services.intake import Together
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.blobs import FolderBlobs
from cmmc_tracker.storage.scanner import Clamd, Patience
from tests.attack.uploads import Watched, body_of, left, sent, under_way
from tests.conftest import Person, person
from tests.domain.samples import pdf, picture

# Too many at once


class Waiting(Watched):
    """A body that stops half way until it is told to go on."""

    def __init__(self, body: bytes) -> None:
        self.there, self.go_on = threading.Event(), threading.Event()
        super().__init__(body, self._stop)

    def _stop(self) -> None:
        self.there.set()
        assert self.go_on.wait(20)


def test_one_person_has_only_so_many_uploads_under_way_and_others_are_not_hindered(
    app: Flask, user: Person, admin: Person, tmp_path: Path
) -> None:
    body = body_of("a.txt", b"x" * 300_000)
    bodies = [Waiting(body) for _ in range(AT_ONCE)]
    statuses: list[int] = []

    def upload(one: Waiting) -> None:
        again = Person(user.name, app.test_client(), user.id, user.token)
        cookie = user.client.get_cookie("session")
        assert cookie is not None
        again.client.set_cookie("session", cookie.value)
        statuses.append(sent(again, one, len(body)).status_code)

    threads = [threading.Thread(target=upload, args=(one,)) for one in bodies]
    for thread in threads:
        thread.start()
    try:
        assert all(one.there.wait(20) for one in bodies)
        before = under_way(tmp_path)
        refused = user.upload("one-more.txt", b"x")
        assert refused.status_code == 429
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
        assert f"{AT_ONCE} uploads under way" in refused.get_json()["detail"]
        assert under_way(tmp_path) == before
        data = {"csrf_token": user.token, "system": "main", "file": (io.BytesIO(b"x"), "b.txt")}
        assert user.client.post("/artifacts/upload", data=data).status_code == 429
        assert admin.upload("hers.txt", b"y").status_code == 201
        assert user.get("/artifacts").status_code == 200
    finally:
        for one in bodies:
            one.go_on.set()
        for thread in threads:
            thread.join(20)
    assert statuses == [201] * AT_ONCE
    assert under_way(tmp_path) == []
    assert user.upload("one-more.txt", b"x").status_code == 201


def test_a_failed_upload_gives_its_place_back(user: Person) -> None:
    for _ in range(AT_ONCE + 2):
        assert user.upload("a.exe", b"MZ").status_code == 415
    assert user.upload("a.txt", b"x").status_code == 201


def _hold(root: Path, owner: str, held: "multiprocessing.Queue[int]") -> None:
    slots = [FolderBlobs(root).slot(owner, AT_ONCE) for _ in range(AT_ONCE + 1)]
    held.put(sum(slot is not None for slot in slots))
    signal.pause()


def test_places_are_counted_over_all_workers_and_a_killed_one_holds_none(
    user: Person, tracker: Tracker, tmp_path: Path
) -> None:
    context = multiprocessing.get_context("fork")
    held: multiprocessing.Queue[int] = context.Queue()
    worker = context.Process(target=_hold, args=(tmp_path / "uploads", f"user:{user.id}", held))
    worker.start()
    try:
        assert held.get(timeout=20) == AT_ONCE
        assert user.upload("a.txt", b"x").status_code == 429
        assert tracker.blobs.sweep(lambda _: True) == []
    finally:
        worker.kill()
        worker.join(20)
    assert user.upload("a.txt", b"x").status_code == 201
    tracker.blobs.sweep(lambda _: True)
    assert under_way(tmp_path) == []


def test_a_place_that_is_given_back_while_another_takes_it_is_held_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FolderBlobs(tmp_path / "uploads")
    first = store.slot("somebody", 1)
    assert first is not None
    real, left = fcntl.flock, [first]

    def flock(descriptor: int, operation: int) -> None:
        if operation == fcntl.LOCK_EX | fcntl.LOCK_NB and left:
            left.pop().close()  # between opening and locking
        real(descriptor, operation)

    monkeypatch.setattr("cmmc_tracker.storage.blobs.fcntl.flock", flock)
    second = store.slot("somebody", 1)
    assert second is not None
    assert store.slot("somebody", 1) is None
    second.close()
    assert under_way(tmp_path) == []


def test_a_place_is_never_held_twice(tmp_path: Path) -> None:
    store = FolderBlobs(tmp_path / "uploads")
    inside, most, wrong = [0], 2, []
    lock = threading.Lock()

    def take() -> None:
        for _ in range(60):
            slot = store.slot("somebody", most)
            if slot is None:
                continue
            with closing(slot):
                with lock:
                    inside[0] += 1
                    if inside[0] > most:
                        wrong.append(inside[0])
                with lock:
                    inside[0] -= 1

    def sweep() -> None:
        for _ in range(20):
            store.sweep(lambda _: True)

    threads = [threading.Thread(target=take) for _ in range(8)] + [threading.Thread(target=sweep)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert wrong == []
    assert under_way(tmp_path) == []


# Files that are slow to look into

SLOW = b"%PDF-1.7\n" + (b"/ObjStm>>stream\n" + zlib.compress(b"/J" * 6_000) + b" ") * 2_000


def send(person: Person, *files: tuple[str, bytes], **fields: str) -> TestResponse:
    """Upload by the page."""
    data: dict[str, Any] = {"csrf_token": person.token, "system": "main", **fields}
    data["file"] = [(io.BytesIO(content), name) for name, content in files]
    return person.client.post("/artifacts/upload", data=data)


def warnings_of(person: Person, number: int) -> str:
    return " ".join(person.call("GET", f"/artifacts/{number}").get_json()["current_version"]["warnings"])


def sharing(monkeypatch: pytest.MonkeyPatch, **less: float) -> None:
    """Give every request less than it has."""
    monkeypatch.setattr("cmmc_tracker.gate.forms.Together", partial(Together, **less))


def test_the_files_of_one_upload_share_the_time_to_be_examined_and_those_beyond_it_say_so(
    user: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    sharing(monkeypatch, seconds=0.01)
    files = [(f"{number}.pdf", SLOW + b"%d" % number) for number in range(4)]
    assert send(user, *files, ("5.txt", b"text")).status_code == 302
    assert "Not all of it could be examined" in warnings_of(user, 1)
    assert [warnings_of(user, number).split(":")[0] for number in (2, 3, 4)] == ["It was not examined"] * 3
    assert warnings_of(user, 5) == ""
    user.upload("again.pdf", pdf(b"/S/JavaScript"))
    assert warnings_of(user, 6) == "It holds JavaScript, which a PDF program may run."


def test_a_picture_beyond_the_time_of_its_upload_is_not_kept_with_its_location(
    user: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sharing(monkeypatch, seconds=0.01)
    answer = send(user, ("1.pdf", SLOW), ("a.jpg", picture("JPEG")), strip_location="yes")
    assert answer.status_code == 503
    assert "location was not taken out" in answer.text
    assert left(tmp_path) == [hashlib.sha256(SLOW).hexdigest()]


def test_one_worker_looks_into_one_file_at_a_time() -> None:
    inside, most = [0], [0]
    lock = threading.Lock()

    def look() -> None:
        with intake._turn(Together()) as has_turn:
            assert has_turn
            with lock:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
            threading.Event().wait(0.02)
            with lock:
                inside[0] -= 1

    threads = [threading.Thread(target=look) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert (inside, most) == ([0], [1])


def test_whoever_waits_too_long_for_the_turn_has_the_file_kept_unexamined_and_nobody_else_waits(
    user: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    sharing(monkeypatch, patience=0.05)
    with intake._turn(Together()):
        assert user.get("/artifacts").status_code == 200
        assert user.upload("a.pdf", pdf(b"/S/JavaScript")).status_code == 201
    assert warnings_of(user, 1).startswith("It was not examined")
    user.upload("b.pdf", pdf(b"/S/JavaScript"))
    assert "JavaScript" in warnings_of(user, 2)


@contextmanager
def hung_daemon() -> Iterator[tuple[str, list[socket.socket]]]:
    """A scanner that takes connections and never says a word; its address, and who came."""
    came: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def take() -> None:
            while True:
                try:
                    came.append(listening.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=take)
        thread.start()
        try:
            yield f"tcp://127.0.0.1:{listening.getsockname()[1]}", came
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(20)
            for one in came:
                one.close()


def test_a_scanner_that_hangs_is_asked_once_for_all_files_of_an_upload(
    settings: Settings, tracker: Tracker, tmp_path: Path
) -> None:
    with hung_daemon() as (url, came):
        scanner = Clamd(url, Patience(connect=1.0, step=0.2, whole=0.3))
        dee = person(build(settings, replace(tracker, scanner=scanner)), tracker, "dee", "admin")
        answer = send(dee, *((f"{number}.txt", b"text") for number in range(6)))
        assert answer.status_code == 503
        assert answer.text.count("virus scanner cannot be asked") == 6
        assert len(came) == 1
        assert left(tmp_path) == []
        assert send(dee, ("a.txt", b"text")).status_code == 503
        assert len(came) == 2  # another request asks again
