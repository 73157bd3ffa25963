"""Hostile uploads: files of two kinds, and uploads that fail half way."""

import errno
import hashlib
import io
import os
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from cmmc_tracker.errors import NoSpace
from cmmc_tracker.services import links, verify
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.blobs import FolderBlobs, FolderIncoming
from tests.attack.uploads import SECRET, Watched, body_of, left, sent, under_way
from tests.conftest import Person, png
from tests.domain.samples import pdf, picture, zipped

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
        patch.setattr(links, "create_linked", fails)
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
