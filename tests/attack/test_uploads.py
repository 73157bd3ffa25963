"""Hostile uploads: paths that climb, files of two kinds, uploads that fail half way, and too many at once."""

import errno
import fcntl
import hashlib
import io
import multiprocessing
import os
import signal
import socket
import threading
import zlib
from collections.abc import Callable, Iterator
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
from cmmc_tracker.errors import NoSpace
from cmmc_tracker.gate.uploads import AT_ONCE
from cmmc_tracker.services import artifacts, intake, verify
from cmmc_tracker.services.intake import Together
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.blobs import FolderBlobs, FolderIncoming
from cmmc_tracker.storage.scanner import Clamd, Patience
from tests.conftest import Person, person, png
from tests.domain.test_examination import pdf, picture, zipped

SECRET = b"what nobody else may read"


def left(folder: Path) -> list[str]:
    """Every file of the store, temporary ones and slots too."""
    return sorted(p.name for p in (folder / "uploads").rglob("*") if p.is_file() and p.name != ".gate")


def under_way(folder: Path) -> list[str]:
    return sorted(p.name for p in (folder / "uploads" / ".incoming").iterdir() if p.name != ".gate")


# Paths

CLIMBING = [
    "/uploads/1/1/../../../cmmc.db",
    "/uploads/../cmmc.db",
    "/uploads/1/1/%2e%2e%2f%2e%2e%2fcmmc.db",
    "/uploads/1/1/..%2f..%2fcmmc.db",
    "/uploads/1/1/%252e%252e%252fcmmc.db",
    "/uploads/1/1/..%255c..%255ccmmc.db",
    "/uploads/1/1/..\\..\\cmmc.db",
    "/uploads/1/1/..%5c..%5ccmmc.db",
    "/uploads/1/1//etc/passwd",
    "/uploads//etc/passwd",
    "/uploads/%2fetc%2fpasswd",
    "/uploads/1/1/%2fetc%2fpasswd",
    "/uploads/1/1/C:%5cWindows%5cwin.ini",
    "/uploads/1/1/a.txt%00",
    "/uploads/1/1/a.txt%00.png",
    "/uploads/1/1/%00",
    "/uploads/1/1/a.txt/",
    "/uploads/1/1/A.TXT",
    "/uploads/1/1/%61.txt%20",
    "/uploads/1/1/%c0%ae%c0%ae%c0%afcmmc.db",
    "/uploads/1/1/%ff%fe",
    "/uploads/1/1/" + "%2e%2e%2f" * 300,
    "/uploads/1/1",
    "/uploads/1/0/a.txt",
    "/uploads/1/-1/a.txt",
    "/uploads/1/99999999999999999999/a.txt",
    "/uploads/../../a.txt",
    "/uploads/.incoming/x",
    "/uploads/1/1/.incoming",
    "/uploads/e3/e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
]


@pytest.mark.parametrize("path", CLIMBING)
def test_no_path_leads_out_of_the_store_or_tells_what_is_there(user: Person, tmp_path: Path, path: str) -> None:
    user.upload("a.txt", SECRET)
    answer = user.client.get(path, buffered=True)
    assert answer.status_code == 404
    assert SECRET not in answer.data
    assert str(tmp_path) not in answer.text
    assert b"root:" not in answer.data
    assert b"SQLite" not in answer.data


def test_the_right_path_is_the_only_one_that_works(user: Person) -> None:
    user.upload("a.txt", SECRET)
    assert user.get("/uploads/1/1/a.txt").data == SECRET
    assert user.get("/uploads/1/1/%61.txt").data == SECRET


def test_the_hash_of_bytes_opens_nothing(user: Person) -> None:
    made = user.upload("a.txt", SECRET).get_json()["current_version"]
    sha256 = made["sha256"]
    for path in (f"/uploads/{sha256}", f"/uploads/{sha256[:2]}/{sha256}", f"/uploads/1/1/{sha256}"):
        assert user.get(path).status_code == 404


@pytest.mark.parametrize("planted", ["file", "folder"])
def test_a_link_planted_in_the_store_leads_nowhere(user: Person, tmp_path: Path, planted: str) -> None:
    sha256 = user.upload("a.txt", SECRET).get_json()["current_version"]["sha256"]
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / sha256).write_bytes(b"outside")
    folder = tmp_path / "uploads" / sha256[:2]
    (folder / sha256).unlink()
    if planted == "file":
        (folder / sha256).symlink_to(outside / sha256)
    else:
        folder.rmdir()
        folder.symlink_to(outside)
    for path in ("/uploads/1/1/a.txt", "/api/v1/artifacts/1/versions/1/content"):
        answer = user.get(path)
        assert answer.status_code == 404
        assert b"outside" not in answer.data


def test_somebody_else_s_file_is_not_there_for_an_outsider(user: Person, outsider: Person, stranger: Person) -> None:
    user.upload("a.txt", SECRET)
    answer = outsider.get("/uploads/1/1/a.txt")
    assert answer.status_code == 404
    guess = outsider.get("/uploads/7/1/a.txt")
    assert answer.text.split("reference")[0] == guess.text.split("reference")[0]
    assert outsider.get("/api/v1/artifacts/1/versions/1/content").status_code == 404
    assert stranger.get("/uploads/1/1/a.txt").status_code == 302


# Files of two kinds

HTML = b"<html><script>alert(document.domain)</script></html>"


@pytest.mark.parametrize(
    ("name", "content", "kind", "inline"),
    [
        ("a.txt", HTML, "text/plain; charset=utf-8", True),
        ("a.txt", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "text/plain; charset=utf-8", True),
        ("a.txt", b"+ADw-script+AD4-alert(1)+ADw-/script+AD4-", "text/plain; charset=utf-8", True),
        ("a.txt", ("\ufeff" + HTML.decode()).encode("utf-16-le"), "text/plain; charset=utf-8", True),
        ("a.csv", HTML, "text/csv; charset=utf-8", False),
        ("a.md", HTML, "text/markdown; charset=utf-8", False),
        ("a.png", png() + HTML, "image/png", True),
        ("a.gif", b"GIF89a" + HTML + zipped("x.class"), "image/gif", True),
        ("a.pdf", HTML + pdf(b""), "application/pdf", True),
        ("a.zip", zipped("index.html", content=HTML), "application/zip", False),
        ("a.PnG", png(), "image/png", True),
        ("a.exe.pdf", pdf(b""), "application/pdf", True),
        ("index.html.txt", HTML, "text/plain; charset=utf-8", True),
    ],
)
def test_a_file_of_two_kinds_is_sent_as_its_name_says_and_can_run_nothing(
    user: Person, name: str, content: bytes, kind: str, inline: bool
) -> None:
    assert user.upload(name, content, title="t").status_code == 201
    for path in (f"/uploads/1/1/{name}", "/api/v1/artifacts/1/versions/1/content"):
        answer = user.get(path)
        assert answer.data == content
        assert answer.headers.getlist("Content-Type") == [kind]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Disposition"].split(";")[0] == ("inline" if inline else "attachment")
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script-src" not in policy
        assert policy.startswith("sandbox;") is (kind != "application/pdf")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.pdf.exe", pdf(b"")),
        ("a.png.svg", png()),
        ("a.html", HTML),
        ("a.xhtml", HTML),
        ("a.png\0.html", HTML),
        ("a.docm", zipped("word/document.xml")),
        ("a.", b"x"),
        ("a.txt.", b"x"),
        ("a.png;.txt.js", b"x"),
        ("a.png", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        ("a.jpg", png()),
        ("a.docx", zipped("a.txt")),
        ("a.doc", b"{\\rtf1 x}"),
    ],
)
def test_what_is_not_taken_is_refused_whatever_its_name_pretends(
    user: Person, tmp_path: Path, name: str, content: bytes
) -> None:
    assert user.upload(name, content, title="t").status_code == 415
    assert left(tmp_path) == []


@pytest.mark.parametrize("name", ['a"; filename="x.html.txt', "a;b=c.txt", "ä\u2028€.txt", "'%0d%0aX-Evil: 1.txt"])
def test_no_name_adds_a_header_or_another_name(user: Person, name: str) -> None:
    assert user.upload(name, b"x", title="t").status_code == 201
    answer = user.get("/api/v1/artifacts/1/versions/1/content")
    disposition = answer.headers["Content-Disposition"]
    assert "X-Evil" not in answer.headers
    assert "\n" not in disposition
    assert "\r" not in disposition
    assert len(answer.headers.getlist("Content-Disposition")) == 1


# Uploads that fail half way


def body_of(name: str, content: bytes, end: bytes = b"\r\n--b--\r\n") -> bytes:
    return (
        b'--b\r\nContent-Disposition: form-data; name="title"\r\n\r\nt\r\n'
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n\r\n%s%s' % (name.encode(), content, end)
    )


def sent(person: Person, stream: Any, length: int | None) -> TestResponse:
    """An upload whose body comes from a stream."""
    environ: dict[str, Any] = {"wsgi.input": stream, "CONTENT_TYPE": "multipart/form-data; boundary=b"}
    environ |= {"CONTENT_LENGTH": str(length)} if length is not None else {"wsgi.input_terminated": True}
    headers = {"X-CSRF-Token": person.token}
    return person.client.post("/api/v1/artifacts", headers=headers, environ_overrides=environ)


class Watched(io.RawIOBase):
    """A body that calls back once, when a part of it was read, then goes on."""

    def __init__(self, body: bytes, midway: Callable[[], None]) -> None:
        super().__init__()
        self._body, self._midway, self._calls = io.BytesIO(body), midway, 0
        self.taken = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._calls += 1
        if self._calls == 3:
            self._midway()
        piece = self._body.read(min(len(buffer), 70_000))
        buffer[: len(piece)] = piece
        self.taken += len(piece)
        return len(piece)


def test_the_temporary_file_is_in_the_store_and_for_its_owner_only(user: Person, tmp_path: Path) -> None:
    seen: list[tuple[str, int]] = []

    def midway() -> None:
        seen.extend((p.parent.name, p.stat().st_mode & 0o777) for p in (tmp_path / "uploads" / ".incoming").iterdir())

    body = body_of("a.txt", b"x" * 500_000)
    old = os.umask(0)
    try:
        assert sent(user, Watched(body, midway), len(body)).status_code == 201
    finally:
        os.umask(old)
    assert len(seen) == 3  # the gate, the slot, the file
    assert set(seen) == {(".incoming", 0o600)}
    assert under_way(tmp_path) == []


def test_a_connection_that_breaks_leaves_nothing(user: Person, tmp_path: Path) -> None:
    body = body_of("a.txt", b"x" * 300_000)
    answer = sent(user, io.BytesIO(body[:200_000]), len(body))
    assert answer.status_code == 400
    assert left(tmp_path) == []

    def broken() -> None:
        raise ConnectionResetError

    user.client.application.config["PROPAGATE_EXCEPTIONS"] = False
    answer = sent(user, Watched(body, broken), len(body))
    assert answer.status_code in {400, 500}
    assert left(tmp_path) == []


def test_a_body_without_a_length_is_counted_while_it_is_read(app: Flask, user: Person, tmp_path: Path) -> None:
    app.config["MAX_CONTENT_LENGTH"] = 100_000
    body = body_of("a.txt", b"x" * 5_000_000)
    stream = Watched(body, lambda: None)
    assert sent(user, stream, None).status_code == 413
    assert 100_000 <= stream.taken < 300_000
    assert left(tmp_path) == []
    told = Watched(body, lambda: None)
    assert sent(user, told, len(body)).status_code == 413
    assert told.taken == 0
    assert left(tmp_path) == []


class Full:
    """A disk that has room for so many bytes, then for none."""

    def __init__(self, file: Any, room: int) -> None:
        self._file, self._room = file, room

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def write(self, data: Any) -> int:
        if self._room <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        written: int = self._file.write(data[: self._room])
        self._room -= written
        return written


def test_a_disk_that_fills_up_is_told_and_nothing_stays(
    user: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = FolderBlobs.receive

    def nearly_full(store: FolderBlobs) -> FolderIncoming:
        incoming = made(store)
        incoming._file = Full(incoming._file, 100_000)  # type: ignore[assignment]
        return incoming

    monkeypatch.setattr(FolderBlobs, "receive", nearly_full)
    answer = user.upload("a.txt", b"x" * 300_000)
    assert answer.status_code == 507
    assert "no space left" in answer.get_json()["detail"]
    assert left(tmp_path) == []


def test_a_disk_that_is_full_when_the_location_is_taken_out_leaves_nothing(
    user: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_incoming: FolderIncoming, _stretches: object) -> None:
        raise NoSpace("There is no space left for this file.")

    monkeypatch.setattr(FolderIncoming, "rewrite", full)
    assert user.upload("a.jpg", picture("JPEG"), strip_location="yes").status_code == 507
    assert left(tmp_path) == []


def test_a_failure_while_the_row_is_written_leaves_no_temporary_file_and_verify_clears_the_rest(
    app: Flask, user: Person, tracker: Tracker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> int:
        raise RuntimeError("the database broke")

    app.config["PROPAGATE_EXCEPTIONS"] = False
    with monkeypatch.context() as patch:
        patch.setattr(artifacts, "create", fails)
        assert user.upload("a.txt", SECRET).status_code == 500
    assert under_way(tmp_path) == []
    verify.run(tracker)
    assert left(tmp_path) == []
    assert user.upload("a.txt", SECRET).status_code == 201


def test_a_refused_file_among_others_leaves_nothing(user: Person, tmp_path: Path) -> None:
    data = {"csrf_token": user.token, "system": "main"}
    files = [(io.BytesIO(b"MZ"), "b.exe"), (io.BytesIO(SECRET), "a.txt"), (io.BytesIO(b"x"), "a.pdf")]
    answer = user.client.post("/artifacts/upload", data={**data, "file": files})
    assert answer.status_code == 422
    assert left(tmp_path) == [hashlib.sha256(SECRET).hexdigest()]


def test_a_file_where_none_is_taken_is_refused_before_a_byte_of_it_is_written(user: Person, tmp_path: Path) -> None:
    data = {"csrf_token": user.token, "title": "x", "file": (io.BytesIO(b"x" * 100_000), "a.txt")}
    user.upload("a.txt", SECRET)
    assert user.client.post("/artifacts/1", data=data).status_code == 400
    assert left(tmp_path) == [hashlib.sha256(SECRET).hexdigest()]


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
