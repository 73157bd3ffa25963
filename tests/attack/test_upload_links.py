"""The guest's door under attack: guessing, forging, overfilling, reading more than the request, using a link twice."""

import io
import logging
import re
import zipfile
from contextlib import ExitStack, closing
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, select
from werkzeug.test import TestResponse

from cmmc_tracker.domain.permissions import Actor
from cmmc_tracker.gate.reception import FORM_BYTES
from cmmc_tracker.gate.uploads import LINK_AT_ONCE, LINK_SPARE
from cmmc_tracker.services import quarantine
from cmmc_tracker.services.requests import links
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import artifacts, audit, blobs
from tests.attack.raw import MIB, answers, connected, exchange, served, until
from tests.conftest import Clock, Person
from tests.services.asked import ask, link
from tests.services.evidence import acting

UNKNOWN = "/link/" + "x" * 43
REFERENCE = re.compile(r"<code>[0-9a-f]{8}</code>")


@pytest.fixture
def ada(tracker: Tracker, admin: Person) -> Actor:
    """Ada asks an outside provider."""
    return acting(tracker, admin.id, "ada")


@pytest.fixture
def path(tracker: Tracker, ada: Actor) -> str:
    """An open link: two files, one megabyte."""
    made = ask(tracker, ada, first_due="2028-03-31", wanted="Firewall rules,\nas exported")
    return "/link/" + link(tracker, ada, made, most_files="2", megabytes="1")


def _send(guest: Person, path: str, *files: tuple[str, bytes], **more: Any) -> TestResponse:
    """Send files as the page does; the body is made here, for the test client keeps a large one in a file."""
    token = more.pop("token", None) or guest.token_of(path)
    body = _multipart(token, *files)
    sent = {"Content-Type": "multipart/form-data; boundary=B", **more.pop("headers", {})}
    return guest.client.post(path, input_stream=io.BytesIO(body), content_length=len(body), headers=sent, **more)


def _multipart(token: str, *files: tuple[str, bytes]) -> bytes:
    place = "--B\r\nContent-Disposition: form-data; name="
    parts = [f'{place}"csrf_token"\r\n\r\n{token}\r\n'.encode()]
    parts += [f'{place}"file"; filename="{name}"\r\n\r\n'.encode() + content + b"\r\n" for name, content in files]
    return b"".join([*parts, b"--B--\r\n"])


def _nothing_was_kept(tracker: Tracker) -> bool:
    with tracker.read() as work:
        rows = work.rows(select(blobs.c.sha256)) + work.rows(select(artifacts.c.id))
    return not rows and tracker.blobs.sweep(lambda _sha256: False) == []


def test_the_page_shows_the_request_and_nothing_else_and_needs_no_script(path: str, stranger: Person) -> None:
    page = stranger.get(path)
    assert page.status_code == 200
    assert "Firewall rules,\nas exported" in page.text
    assert "31 Mar 2028" in page.text
    assert "At most 2 files, together 1 MB" in page.text
    for secret in ("Main enclave", "main", "ada", "Northwind", "3.1.1", "<nav", "<script", "request", 'href="/'):
        text = re.sub(r"</?main[^>]*>|name=\"main\"|id=\"main\"|<link[^>]*>|csrf_token", "", page.text)
        assert secret not in text, secret


def test_its_answers_are_kept_by_no_cache_told_to_no_other_site_and_found_by_no_search(
    path: str, stranger: Person
) -> None:
    for address in (path, UNKNOWN, "/link/short", "/link/a/b"):
        headers = stranger.get(address).headers
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cache-Control"] == "no-store"
        assert "noindex" in headers["X-Robots-Tag"]
    assert "Set-Cookie" not in stranger.get(UNKNOWN).headers


def _expired(tracker: Tracker, ada: Actor, clock: Clock) -> None:
    clock.offset += timedelta(days=8)


def _revoked(tracker: Tracker, ada: Actor, clock: Clock) -> None:
    with tracker.write(ada) as work:
        links.revoke(work, 1, 1)


@pytest.mark.parametrize("end", [_expired, _revoked])
def test_a_link_that_ended_and_one_that_never_was_look_alike(
    path: str, stranger: Person, tracker: Tracker, ada: Actor, clock: Clock, end: Any
) -> None:
    token = stranger.token_of(path)
    end(tracker, ada, clock)
    ended, never, odd = (stranger.get(one) for one in (path, UNKNOWN, "/link/short"))
    assert {one.status_code for one in (ended, never, odd)} == {404}
    assert len({REFERENCE.sub("", one.text) for one in (ended, never, odd)}) == 1
    assert "There is nothing behind this link" in ended.text
    assert 'href="/"' not in ended.text, "a guest has no dashboard to go to"
    assert _send(stranger, path, ("a.txt", b"late"), token=token).status_code == 404
    assert _nothing_was_kept(tracker)


def test_guessing_is_limited_for_an_address_and_a_right_link_of_it_waits_too(path: str, stranger: Person) -> None:
    for number in range(10):
        assert stranger.get(f"/link/{number:043d}").status_code == 404
    for one in (UNKNOWN, path):
        answer = stranger.get(one)
        assert answer.status_code == 429
        assert int(answer.headers["Retry-After"]) > 0
    elsewhere = {"REMOTE_ADDR": "192.0.2.9"}
    assert stranger.client.get(path, environ_base=elsewhere).status_code == 200


def test_the_token_stands_in_no_log(
    path: str, stranger: Person, tracker: Tracker, caplog: pytest.LogCaptureFixture
) -> None:
    token = path.removeprefix("/link/")
    with caplog.at_level(logging.DEBUG):
        stranger.get(path)
        _send(stranger, path, ("run.exe", b"MZ"))
        stranger.client.post(path, data={"csrf_token": "0" * 64})
        _send(stranger, path, ("a.txt", b"rules"))
        stranger.get(path)
    assert token not in caplog.text
    with tracker.read() as work:
        assert token not in " ".join(f"{row.detail} {row.actor} {row.entity}" for row in work.rows(select(audit)))


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "same-site"}],
)
def test_another_site_cannot_send_by_a_link_nor_anybody_without_the_pages_token(
    path: str, stranger: Person, tracker: Tracker, headers: dict[str, str]
) -> None:
    good = stranger.token_of(path)
    assert _send(stranger, path, ("a.txt", b"forged"), token=good, headers=headers).status_code == 403
    assert _send(stranger, path, ("a.txt", b"forged"), token="0" * 64).status_code == 403
    assert _nothing_was_kept(tracker)
    answer = _send(stranger, path, ("a.txt", b"forged"), token="0" * 64)
    assert f'href="{path}"' in answer.text, "the link is still good, and the page says how to go on"
    assert _send(stranger, path, ("a.txt", b"rules")).status_code == 200


def test_a_hidden_origin_from_another_site_stays_another_site(
    path: str, stranger: Person, admin: Person, tracker: Tracker
) -> None:
    for forged in ({"Sec-Fetch-Site": "cross-site", "Origin": "null"}, {"Origin": "null"}):
        assert _send(stranger, path, ("a.txt", b"forged"), headers=forged).status_code == 403
    assert _nothing_was_kept(tracker)
    assert admin.post("/systems/main/requests", headers={"Origin": "null"}).status_code == 403


@pytest.mark.parametrize(
    ("files", "status", "said"),
    [
        ([("a.txt", b"good"), ("run.exe", b"MZ\x90")], 415, "None of the files was kept"),
        ([("a.txt", b"good"), ("pic.png", b"no picture")], 415, "None of the files was kept"),
        ([("page.html", b"<script>")], 415, "None of the files was kept"),
        ([("a.txt", b"good"), ("empty.txt", b"")], 422, "empty"),
        ([("a.txt", b"1"), ("b.txt", b"2"), ("c.txt", b"3")], 422, "at most 2 files"),
        ([("a.txt", b"x" * MIB), ("b.txt", b"y" * 9)], 422, "All files together may have 1 MB"),
        ([("a.txt", b"x" * (MIB + LINK_SPARE))], 413, "larger than the tracker takes"),
        ([], 422, "choose the files"),
    ],
    ids=["program", "disguised", "page", "empty", "too many", "together too large", "too large", "none"],
)
def test_what_does_not_fit_is_refused_as_a_whole_and_the_link_stays_good(
    path: str, stranger: Person, tracker: Tracker, files: list[tuple[str, bytes]], status: int, said: str
) -> None:
    answer = _send(stranger, path, *files)
    assert answer.status_code == status
    assert said in answer.text
    assert _nothing_was_kept(tracker)
    done = _send(stranger, path, ("a.txt", b"rules"), ("b.txt", b"more"))
    assert done.status_code == 200
    assert "Thank you" in done.text


def test_a_bomb_is_kept_unopened_in_quarantine_and_named(
    path: str, stranger: Person, tracker: Tracker, ada: Actor
) -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros.txt", b"\0" * (200 * MIB))
    assert _send(stranger, path, ("a.zip", bomb.getvalue())).status_code == 200
    with tracker.read(ada) as work:
        (held,) = quarantine.listed(work)
    assert held.files[0].file.warnings


def test_after_files_came_the_link_opens_no_more_and_they_are_nobodys(
    path: str, admin: Person, tracker: Tracker
) -> None:
    # Ada herself, signed in: by a link she is a guest like any other.
    token = admin.token_of("/")
    assert _send(admin, path, ("a.txt", b"rules"), token=token).status_code == 200
    assert admin.get(path).status_code == 404
    assert _send(admin, path, ("b.txt", b"again"), token=token).status_code == 404
    with tracker.read() as work:
        row = work.db.execute(select(artifacts)).one()
        used = work.db.execute(select(audit).where(audit.c.action == "upload_link:used")).one()
    assert row.created_by is None
    assert row.quarantined_at is not None
    assert used.actor.startswith("upload link 1 of request 1")
    assert used.actor_id is None


def test_a_program_with_a_token_is_no_guest(path: str, stranger: Person) -> None:
    assert stranger.get(path, headers={"Authorization": "Bearer cmmc_" + "x" * 43}).status_code == 401


@pytest.fixture
def statements(tracker: Tracker) -> list[str]:
    """What the database was asked."""
    seen: list[str] = []
    event.listen(tracker.engine, "before_cursor_execute", lambda *given: seen.append(given[2]))
    return seen


def _head(path: str, length: int, more: bytes = b"") -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n".encode() + more + b"\r\n"


@pytest.mark.parametrize("bad", [UNKNOWN, "/link/short", "/link/"])
def test_a_large_body_with_a_bad_link_is_refused_by_its_header_unread(
    app: Flask, path: str, statements: list[str], bad: str
) -> None:
    with served(app) as server:
        statements.clear()
        got = exchange(server, _head(bad, 900_000))
    assert answers(got) == [404]
    if bad != UNKNOWN:
        assert statements == [], "what cannot be a link costs no look"


def test_a_large_body_with_a_good_link_is_taken_in_up_to_what_the_link_takes(
    app: Flask, path: str, stranger: Person
) -> None:
    token = stranger.token_of(path)
    cookie = stranger.client.get_cookie("session")
    assert cookie is not None
    body = _multipart(token, ("a.txt", b"x" * (FORM_BYTES + 1)))
    signs = f"Cookie: session={cookie.value}\r\nContent-Type: multipart/form-data; boundary=B\r\n".encode()
    with served(app) as server:
        assert answers(exchange(server, _head(path, MIB + LINK_SPARE + 1, signs))) == [413]
        foreign = signs + b"Sec-Fetch-Site: cross-site\r\n"
        assert answers(exchange(server, _head(path, len(body), foreign))) == [403]
        got = exchange(server, _head(path, len(body), signs + b"Connection: close\r\n") + body)
    assert answers(got) == [200]
    assert b"Thank you" in got


def test_one_link_has_only_so_many_bodies_under_way(app: Flask, path: str) -> None:
    with served(app) as server, ExitStack() as held:
        for _ in range(LINK_AT_ONCE):
            held.enter_context(closing(connected(server))).sendall(_head(path, 900_000) + b"x")
        until(lambda: len(server.active_channels) == LINK_AT_ONCE)
        assert answers(exchange(server, _head(path, 900_000))) == [429]
