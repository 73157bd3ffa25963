"""Log injection: whatever comes from outside makes no second line and no sign that a terminal obeys."""

import io
import json
import logging
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from sqlalchemy import select

from cmmc_tracker.domain.text import clean_line, clean_text
from cmmc_tracker.gate.server import one_line
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import audit
from tests.attack.raw import exchange, served
from tests.conftest import PASSWORD, Person

FORGED = "500 for 'GET' '/' from '10.9.9.9', reference deadbeef"
ENDS = {
    "CR LF": "\r\n",
    "LF": "\n",
    "CR": "\r",
    "NEL": "\x85",
    "line separator": "\u2028",
    "paragraph": "\u2029",
    "vertical tab": "\x0b",
    "form feed": "\x0c",
    "escape": "\x1b[2K\x1b[1G",
    "C1 escape": "\x9b2K",
    "bell": "\x07",
    "backspace": "\b" * 40,
    "NUL": "\0",
    "right to left": "\u202e",
    "isolate": "\u2066",
    "Arabic mark": "\u061c",
}


def _is_clean(text: str) -> bool:
    """Whether it stays on its line and shows itself, in a log as in a terminal."""
    return len(text.splitlines()) <= 1 and not any(
        ord(c) < 32 or 127 <= ord(c) < 160 or c in "\u061c\u202e\u2066" for c in text
    )


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO)
    return caplog


def _messages(lines: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in lines.records if record.name.startswith("cmmc_tracker")]


@pytest.mark.parametrize("end", ENDS)
def test_a_path_makes_no_second_line(user: Person, lines: pytest.LogCaptureFixture, end: str) -> None:
    for path in ("/no", "/api/v1/no", "/artifacts/1", "/uploads/1/1/x"):
        user.client.get(
            f"{path}", environ_overrides={"PATH_INFO": f"{path}{ENDS[end]}{FORGED}".encode().decode("latin-1")}
        )
    said = _messages(lines)
    assert said
    assert all(_is_clean(one) for one in said)


@pytest.mark.parametrize("end", ENDS)
def test_a_method_an_address_and_a_browser_make_no_second_line(
    user: Person, tracker: Tracker, lines: pytest.LogCaptureFixture, end: str
) -> None:
    forged = f"x{ENDS[end]}{FORGED}".encode().decode("latin-1")
    more = {"REMOTE_ADDR": forged, "HTTP_USER_AGENT": forged, "HTTP_REFERER": forged}
    user.client.get("/no", environ_overrides={"REQUEST_METHOD": forged.upper(), **more})
    user.client.get("/admin/users", environ_overrides=more)
    assert all(_is_clean(one) for one in _messages(lines))
    with tracker.read() as work:
        for row in work.rows(select(audit.c.actor, audit.c.address, audit.c.entity)):
            assert all(_is_clean(value) for value in row)


@pytest.mark.parametrize("end", ENDS)
def test_a_name_that_was_tried_makes_no_second_line(
    stranger: Person, tracker: Tracker, lines: pytest.LogCaptureFixture, end: str
) -> None:
    token = stranger.token_of("/login")
    stranger.post("/login", {"username": f"x{ENDS[end]}{FORGED}", "password": "no"}, token=token)
    with tracker.read() as work:
        actors = [row.actor for row in work.rows(select(audit.c.actor).where(audit.c.action == "login:failed"))]
    assert len(actors) == 1
    assert _is_clean(actors[0])
    assert all(_is_clean(one) for one in _messages(lines))


@pytest.mark.parametrize("end", ENDS)
def test_no_name_that_is_kept_makes_a_second_line(
    admin: Person, tracker: Tracker, lines: pytest.LogCaptureFixture, end: str
) -> None:
    forged = f"x{ENDS[end]}y.txt"
    admin.post("/admin/users", {"username": forged, "password": PASSWORD, "role": "user"})
    admin.call("POST", "/systems", {"name": forged, "level": 2})
    file = (io.BytesIO(b"hello"), forged)
    admin.client.post(
        "/api/v1/artifacts",
        data={"csrf_token": admin.token, "title": forged, "system": "main", "file": file},
    )
    wanted = {"token_name": forged, "scope": "read", "days": "3", "confirm_password": PASSWORD}
    admin.post("/profile/tokens", wanted)
    with tracker.read() as work:
        entries = work.rows(select(audit.c.actor, audit.c.entity, audit.c.detail))
    assert entries
    for entry in entries:
        assert _is_clean(entry.actor)
        assert _is_clean(entry.entity)
        written = entry.detail if isinstance(entry.detail, str) else json.dumps(entry.detail)
        assert len(written.splitlines()) <= 1
        assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in written)
    assert all(_is_clean(one) for one in _messages(lines))


@pytest.mark.parametrize("end", ENDS)
def test_text_is_cleaned_of_what_a_terminal_obeys(end: str) -> None:
    line, text = clean_line(f"a{ENDS[end]}b"), clean_text(f"a{ENDS[end]}b")
    assert _is_clean(line)
    assert all(_is_clean(one) for one in text.split("\n"))
    assert line.startswith("a")
    if end in {"CR LF", "LF", "CR", "NEL", "line separator", "paragraph"}:
        assert (line, text) == ("a b", "a\nb")  # words do not grow together


def test_hidden_signs_of_a_tag_are_not_kept() -> None:
    assert clean_line("a\U000e0041\U000e007fb\ufff9c") == "abc"
    assert clean_text("a\U000e0041b") == "ab"


def test_what_the_server_writes_of_a_path_stays_on_its_line(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    def broken(_environ: object, _start: object) -> object:
        raise RuntimeError("broken")

    app.wsgi_app = broken  # type: ignore[method-assign,assignment]
    logger = logging.getLogger("waitress")
    logger.addFilter(one_line)
    try:
        with served(app) as server:
            exchange(server, b"GET /x%0aERROR:%20forged%1b[2K%e2%80%a8 HTTP/1.1\r\nHost: h\r\n\r\n")
    finally:
        logger.removeFilter(one_line)
    said = [record.getMessage() for record in caplog.records if record.name == "waitress"]
    assert any("forged" in one for one in said)
    assert all(_is_clean(one) for one in said)


def test_what_is_refused_at_the_door_is_in_the_log_on_one_line(app: Flask, lines: pytest.LogCaptureFixture) -> None:
    with served(app) as server:
        got = exchange(server, b"POST /x%0d%0aforged%1b[2K HTTP/1.1\r\nHost: h\r\nContent-Length: 900000\r\n\r\n")
    reference = got.split(b"<code>")[1][:8].decode()
    said = [one for one in _messages(lines) if reference in one]
    assert len(said) == 1
    assert said[0].startswith("401 for ")
    assert _is_clean(said[0])


def test_a_download_that_breaks_off_writes_no_link_into_the_log(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    """The library names the path of what broke off, and the path of a package link is its secret."""
    token = "t0ken" * 12

    def broken(_environ: object, start_response: Callable[..., object]) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Length", "10")])
        yield b"a"
        raise RuntimeError("not the file that was frozen")

    app.wsgi_app = broken  # type: ignore[method-assign,assignment]
    logger = logging.getLogger("waitress")
    logger.addFilter(one_line)
    try:
        with served(app) as server:
            exchange(server, f"GET /link/{token}/package/download HTTP/1.1\r\nHost: h\r\n\r\n".encode())
    finally:
        logger.removeFilter(one_line)
    said = [record.getMessage() for record in caplog.records if record.name == "waitress"]
    assert "Exception while serving /link/(left out)" in said
    assert token not in caplog.text
