"""Small requests that cost much: of processor time, of memory, of the server's threads and connections."""

import io
import re
import socket
import struct
import threading
import time
import tracemalloc
from contextlib import ExitStack, closing, suppress
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event

from cmmc_tracker.domain import uploads
from cmmc_tracker.domain.accounts import name_key
from cmmc_tracker.domain.artifacts import parse_facts
from cmmc_tracker.domain.text import clean_line, clean_text
from cmmc_tracker.errors import Invalid, TrackerError
from cmmc_tracker.gate import reception
from cmmc_tracker.gate.guests import AT_ONCE
from cmmc_tracker.gate.uploads import SMALL, TAKES_FILES, most_of
from cmmc_tracker.services import settings, tokens
from cmmc_tracker.services.tokens import Wanted
from cmmc_tracker.services.work import Tracker
from tests.attack.raw import MIB, answers, connected, exchange, served, signs, until
from tests.conftest import OPERATOR, Person

# Accents in the wrong order: Unicode's normal form sorts them, in a time that grows with the square.
ACCENTS = "a" + "\u0315" * 12_000 + "\u0300" * 12_000  # 48 KB, less than a stranger may send


def _seconds(what: Any) -> float:
    began = time.process_time()
    what()
    return time.process_time() - began


@pytest.mark.parametrize("clean", [name_key, clean_line, clean_text, uploads.clean_name])
def test_text_in_no_normal_form_costs_no_seconds(clean: Any) -> None:

    # Whoever holds the interpreter's lock that long holds up everybody.
    assert _seconds(lambda: clean(ACCENTS)) < 0.1


def test_a_title_that_is_too_long_is_refused_before_it_is_looked_at(clock: Any) -> None:
    def given() -> None:
        with pytest.raises(Invalid):
            parse_facts({"title": ACCENTS}, clock().date())

    assert _seconds(given) < 0.1


def _zip_of_names(count: int) -> bytes:
    entry = struct.Struct("<4s4B4HL2L5H2L")
    names = [b"%08x" % n for n in range(count)]
    table = b"".join(
        entry.pack(b"PK\x01\x02", 20, 0, 20, 0, 0, 0, 0, 33, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0) + name for name in names
    )
    local = struct.pack("<4s2B4HL2L2H", b"PK\x03\x04", 20, 0, 0, 0, 0, 33, 0, 0, 0, 8, 0)
    low = count & 0xFFFF
    return local + table + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, low, low, len(table), len(local), 0)


def test_a_zip_of_a_million_names_is_not_read_into_memory() -> None:

    file = io.BytesIO(_zip_of_names(60_000))
    tracemalloc.start()
    try:
        uploads.check_content("a.zip", file, len(file.getvalue()))
        _, peak = tracemalloc.get_traced_memory()
    except TrackerError:
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3 * len(file.getvalue())


def test_a_file_without_a_name_is_not_held_in_memory(user: Person) -> None:

    head = b'--B\r\nContent-Disposition: form-data; name="file"; filename=""\r\n\r\n'
    body = head + b"x" * (24 * MIB) + b"\r\n--B--\r\n"
    sent = {"X-CSRF-Token": user.token, "Content-Type": "multipart/form-data; boundary=B"}
    source = io.BytesIO(body)
    tracemalloc.start()
    try:
        answer = user.client.post("/api/v1/artifacts", input_stream=source, headers=sent, content_length=len(body))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert answer.status_code in {413, 422}
    assert peak < 16 * MIB


def test_a_json_body_of_many_megabytes_is_too_large(user: Person) -> None:

    body = b'{"narrative":[' + b"[]," * 1_500_000 + b"[]]}"
    sent = {"X-CSRF-Token": user.token, "Content-Type": "application/json"}
    answer = user.client.patch("/api/v1/systems/main/requirements/3.1.1", data=body, headers=sent)
    assert answer.status_code == 413


def _uploaded(user: Person, content: bytes) -> int:
    """The number of a new artifact; its body is made here, for the test client keeps a large one in a file."""
    head = b'--B\r\nContent-Disposition: form-data; name="title"\r\n\r\nbig\r\n--B\r\n'
    head += b'Content-Disposition: form-data; name="file"; filename="big.txt"\r\n\r\n'
    body = head + content + b"\r\n--B--\r\n"
    sent = {"X-CSRF-Token": user.token, "Content-Type": "multipart/form-data; boundary=B"}
    source = io.BytesIO(body)
    answer = user.client.post("/api/v1/artifacts", input_stream=source, headers=sent, content_length=len(body))
    return int(answer.get_json()["id"])


@pytest.mark.parametrize(("asked", "times"), [("", 1), ("Range: bytes=1-\r\n", 1), ("", 2)])
def test_downloads_that_nobody_reads_hold_up_nobody_else(app: Flask, user: Person, asked: str, times: int) -> None:

    # A request that is being served is not ended by the channel's timeout.
    number = _uploaded(user, b"0123456789abcdef" * 2_500_000)
    cookie = user.client.get_cookie("session")
    assert cookie is not None
    with served(app) as server:
        stalled = [connected(server) for _ in range(3)]
        for one in stalled:
            path = f"/api/v1/artifacts/{number}/versions/1/content"
            request = f"GET {path} HTTP/1.1\r\nHost: h\r\nCookie: session={cookie.value}\r\n{asked}\r\n"
            one.sendall(request.encode() * times)
        time.sleep(1.0)
        with closing(connected(server)) as other:
            other.sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
            try:
                answer = other.recv(100)
            except TimeoutError:
                answer = b"none"
        for one in stalled:
            one.close()
    assert b" 200 " in answer


def test_a_refused_sender_who_keeps_silent_is_let_go(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:

    # The server's own timeout does not see a connection that only lingers.
    monkeypatch.setattr(reception, "LINGER_SECONDS", 0.3)
    with served(app, channel_timeout=1, cleanup_interval=1) as server, closing(connected(server)) as one:
        one.sendall(b"POST /login HTTP/1.1\r\nHost: h\r\nContent-Length: 99999\r\n\r\n")
        assert b" 401 " in one.recv(1_000)
        until(lambda: not server.active_channels, 8.0)
        assert not server.active_channels


def test_a_body_beside_a_token_that_is_none_is_refused_by_its_header(app: Flask) -> None:

    with served(app) as server, closing(connected(server)) as one:
        head = b"POST /api/v1/artifacts HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer x\r\nContent-Length: 90000000\r\n"
        one.sendall(head + b"\r\n")
        try:
            answer = one.recv(1_000)
        except TimeoutError:
            answer = b"it waits for the body"
    assert b" 401 " in answer


def test_a_length_of_thousands_of_digits_is_answered(app: Flask) -> None:

    with served(app) as server, closing(connected(server)) as one:
        one.sendall(b"POST /login HTTP/1.1\r\nHost: h\r\nContent-Length: " + b"9" * 5_000 + b"\r\n\r\n")
        answer = one.recv(1_000)
    assert answer.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4"))


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"POST /login HTTP/1.1\r\nHost: h\r\nContent-Length: 99999\r\n\r\n", b" 401 "),
        (
            b"POST /login HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b" 400 ",
        ),
        (b"POST /login HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", b" 400 "),
        (b"POST /login HTTP/1.1\r\nHost: h\r\nContent-Length: -3\r\n\r\n", b" 400 "),
        (b"GET /login HTTP/1.1\r\nHost: h\r\nUser-Agent: a\0b\r\n\r\n", b" 400 "),
    ],
)
def test_what_follows_a_refusal_on_its_connection_is_never_answered(app: Flask, sent: bytes, status: bytes) -> None:
    with served(app) as server, closing(connected(server)) as one:
        one.sendall(sent + b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
        got = b""
        while piece := one.recv(65_536):
            got += piece
    assert status in got[:40]
    assert got.count(b"HTTP/1.") == 1
    assert b"alive" not in got


@pytest.mark.parametrize("piece", [b"\r\n\r\n", b"G\r\n\r\n", b"GET /healthz HTTP/1.1\r\n\r\n"])
def test_a_flood_of_tiny_requests_holds_up_nobody_else(app: Flask, piece: bytes) -> None:

    # Cutting 1 MiB into its requests, one by one, would hold up the one loop that serves all connections.
    flood = piece * (4 * MIB // len(piece))

    def push(to: socket.socket) -> None:
        with suppress(OSError):
            to.sendall(flood)

    with served(app, recv_bytes=MIB, inbuf_overflow=MIB // 2) as server, closing(connected(server)) as other:
        one = socket.create_connection(("127.0.0.1", server.port_of_test))
        thread = threading.Thread(target=push, args=(one,))
        thread.start()
        time.sleep(0.3)
        began = time.monotonic()
        other.settimeout(60)
        other.sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
        answer = other.recv(100)
        waited = time.monotonic() - began
        one.close()
        thread.join(60)
    assert b" 200 " in answer
    assert waited < 1.0


FILES = (
    "/artifacts/upload",
    "/artifacts/1/versions",
    "/api/v1/artifacts",
    "/api/v1/artifacts/1/versions",
    "/artifacts/import",
    "/systems/1/poam/import",
    "/requests/1/answer",
    "/systems/1/ssp/import",
    "/link/1",
    "/systems/1/scope/import",
    "/systems/1/providers/1/import",
    "/systems/1/documents/template",
)


def test_only_the_addresses_that_take_files_have_room_for_them(app: Flask) -> None:
    most = most_of(app)
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<(?:any\((\w+)[^>]*|[^>]*)>", lambda found: found[1] or "1", rule.rule)
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            takes = method == "POST" and path in FILES
            assert (most(method, path) > SMALL) == takes, (method, path)
    assert {rule.endpoint for rule in app.url_map.iter_rules()} >= TAKES_FILES


@pytest.mark.parametrize("path", ["/logout", "/", "/no/such", "/artifacts/1/edit", "/artifacts//upload", "/artifacts"])
def test_a_body_larger_than_its_address_takes_is_refused_by_its_header(app: Flask, user: Person, path: str) -> None:
    head = f"POST {path} HTTP/1.1\r\n".encode() + signs(user)
    with served(app) as server:
        got = exchange(server, head + b"Content-Length: %d\r\n\r\n" % (SMALL + 1))
        assert answers(got) == [413]
        assert b"(2 MB for one request)" in got


def test_a_chunked_body_is_cut_where_its_address_takes_no_more(app: Flask, user: Person) -> None:
    head = b"POST /logout HTTP/1.1\r\n" + signs(user) + b"Transfer-Encoding: chunked\r\n\r\n"
    piece = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    with served(app) as server:
        assert answers(exchange(server, head + b"%x\r\n" % (SMALL + 1))) == [413]
        assert answers(exchange(server, head + piece * (SMALL // 0x10000 + 1))) == [413]


def _begun(server: Any, person: Person, path: str = FILES[2], body: bytes = b"x") -> socket.socket:
    """A connection with a large body under way."""
    one = connected(server)
    one.sendall(f"POST {path} HTTP/1.1\r\n".encode() + signs(person) + b"Content-Length: 100000\r\n\r\n" + body)
    return one


def _is_taken(server: Any, person: Person) -> bool:
    """Whether one more large body is taken in: its header is answered with nothing."""
    with closing(_begun(server, person)) as one:
        one.settimeout(0.4)
        try:
            return not one.recv(2_000)
        except TimeoutError:
            return True


def test_one_person_has_only_so_many_large_bodies_under_way(app: Flask, user: Person, admin: Person) -> None:
    with served(app) as server, ExitStack() as held:
        under_way = [held.enter_context(closing(_begun(server, user, FILES[n % 4]))) for n in range(AT_ONCE)]
        until(lambda: len(server.active_channels) == AT_ONCE)
        one = held.enter_context(closing(_begun(server, user)))
        got = b""
        while b"\r\n\r\n" not in got or len(got.partition(b"\r\n\r\n")[2]) < 100:  # head and body may come apart
            got += one.recv(2_000)
        assert answers(got) == [429]
        assert b"Retry-After: 5" in got
        assert b"uploads under way already" in got
        assert _is_taken(server, admin)
        under_way[0].close()
        until(lambda: _is_taken(server, user))
        assert _is_taken(server, user)


@pytest.mark.parametrize("rest", [b"x" * 99_999, b""], ids=["answered", "lost"])
def test_a_large_body_that_is_answered_or_lost_holds_no_place(app: Flask, user: Person, rest: bytes) -> None:
    with served(app) as server, ExitStack() as held:
        for _ in range(3 * AT_ONCE):
            one = held.enter_context(closing(_begun(server, user)))
            if rest:
                one.sendall(rest)
                assert answers(one.recv(2_000)) == [422]  # the connection stays open
            else:
                one.close()
                until(lambda: not server.active_channels)
        assert _is_taken(server, user)


def test_a_place_is_given_back_also_by_a_body_that_is_cut_or_fails(app: Flask, user: Person) -> None:
    head = b"POST /logout HTTP/1.1\r\n" + signs(user) + b"Transfer-Encoding: chunked\r\n\r\n"
    with served(app) as server:
        for broken in [b"%x\r\n" % (SMALL + 1), b"no number\r\n"] * AT_ONCE:
            assert answers(exchange(server, head + broken)) in ([413], [400])
        until(lambda: not server.active_channels)
        assert _is_taken(server, user)


def test_places_are_the_persons_also_by_token(app: Flask, tracker: Tracker, user: Person) -> None:
    with tracker.write(replace(OPERATOR, id=user.id)) as work:
        token = tokens.make(work, Wanted.parse("program", "write", "30"))
    head = f"POST {FILES[2]} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {token}\r\nContent-Length: 90000\r\n\r\n"
    with served(app) as server, ExitStack() as held:
        for _ in range(AT_ONCE):
            held.enter_context(closing(connected(server))).sendall(head.encode())
        until(lambda: len(server.active_channels) == AT_ONCE)
        assert not _is_taken(server, user)


@pytest.mark.parametrize("by", ["session", "token"])
def test_who_must_set_up_a_second_factor_sends_no_large_body(
    app: Flask, tracker: Tracker, user: Person, by: str
) -> None:
    with tracker.write(replace(OPERATOR, id=user.id)) as work:
        token = tokens.make(work, Wanted.parse("program", "write", "30"))
    with tracker.write(OPERATOR) as work:
        settings.change(work, replace(settings.current(work), second_factor_required=True), None)
    proof = signs(user) if by == "session" else f"Host: h\r\nAuthorization: Bearer {token}\r\n".encode()
    with served(app) as server:
        got = exchange(server, b"POST /api/v1/artifacts HTTP/1.1\r\n" + proof + b"Content-Length: 90000\r\n\r\n")
    assert answers(got) == [403]
    assert b"second factor" in got


@pytest.mark.parametrize(
    "shown",
    [
        "",
        "Cookie: session=x.y.z",
        "Cookie: {visitor}",
        "Authorization: Bearer x",
        "Authorization: Bearer cmmc_" + "a" * 42,
        "Authorization: Bearer cmmc_" + "a" * 44,
        "Authorization: Bearer cmmc_" + "!" * 43,
    ],
)
def test_a_strangers_large_body_costs_the_database_nothing(
    app: Flask, tracker: Tracker, stranger: Person, shown: str
) -> None:
    # The door's thread serves every connection: while it waits for the database, all wait.
    stranger.token_of("/login")
    cookie = stranger.client.get_cookie("session")
    assert cookie is not None
    line = shown.format(visitor=f"session={cookie.value}") + "\r\n" if shown else ""
    asked: list[object] = []
    with served(app) as server:
        event.listen(tracker.engine, "checkout", lambda *given: asked.append(given))
        head = f"POST {FILES[2]} HTTP/1.1\r\nHost: h\r\n{line}Content-Length: 90000\r\n\r\n"
        assert answers(exchange(server, head.encode())) == [401]
        assert asked == []
        full = head.replace(line, "") if line else head
        good = full.replace("Host: h", f"Host: h\r\nAuthorization: Bearer cmmc_{'a' * 43}")
        assert answers(exchange(server, good.encode())) == [401]
        assert asked  # the count counts
