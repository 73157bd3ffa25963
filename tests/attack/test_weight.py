"""Small requests that cost much: of processor time, of memory, of the server's threads and connections.

RED on the day it was written: the tests marked `# red`.
"""

import io
import socket
import struct
import threading
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
import waitress
from flask import Flask

from cmmc_tracker.domain import uploads
from cmmc_tracker.domain.accounts import name_key
from cmmc_tracker.domain.artifacts import clean_line, clean_text, parse_facts
from cmmc_tracker.errors import Invalid, TrackerError
from cmmc_tracker.gate import headers, reception, session
from cmmc_tracker.gate.reception import House, channel_for
from tests.conftest import Person

# Accents in the wrong order: Unicode's normal form sorts them, in a time that grows with the square.
ACCENTS = "a" + "\u0315" * 12_000 + "\u0300" * 12_000  # 48 KB, less than a stranger may send
MIB = 1_048_576


def _seconds(what: Any) -> float:
    began = time.process_time()
    what()
    return time.process_time() - began


@pytest.mark.parametrize("clean", [name_key, clean_line, clean_text, uploads.clean_name])
def test_text_in_no_normal_form_costs_no_seconds(clean: Any) -> None:
    # red: 0.7 s at 48 KB and four times that for twice the length, with the interpreter's lock held all the time.
    # A stranger's eight sign-ins of 64 KB stood both workers still for 16 s; one PATCH of 400 KB costs 51 s.
    assert _seconds(lambda: clean(ACCENTS)) < 0.1


def test_a_title_that_is_too_long_is_refused_before_it_is_looked_at(clock: Any) -> None:  # red
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
    # red: about 450 bytes of memory for each 54 of the file: 100 MB of names take 1 GB and 9 s
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
    # red: `filename=""` goes into a BytesIO, however long it is: 60 MB seen in the worker
    head = b'--B\r\nContent-Disposition: form-data; name="file"; filename=""\r\n\r\n'
    body = head + b"x" * (24 * MIB) + b"\r\n--B--\r\n"
    sent = {"X-CSRF-Token": user.token, "Content-Type": "multipart/form-data; boundary=B"}
    source = io.BytesIO(body)
    tracemalloc.start()
    try:
        answer = user.client.post(
            "/api/v1/artifacts", input_stream=source, headers=sent, content_length=len(body)
        )
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert answer.status_code in {413, 422}
    assert peak < 16 * MIB


def test_a_json_body_of_many_megabytes_is_too_large(user: Person) -> None:
    # red: the whole of MAX_UPLOAD_MB is read and parsed: 30 MB of `[],` took 790 MB and 4 s
    body = b'{"narrative":[' + b"[]," * 1_500_000 + b"[]]}"
    sent = {"X-CSRF-Token": user.token, "Content-Type": "application/json"}
    answer = user.client.patch("/api/v1/systems/main/requirements/3.1.1", data=body, headers=sent)
    assert answer.status_code == 413


@contextmanager
def _served(app: Flask, threads: int = 2, **more: Any) -> Iterator[Any]:
    """The app behind the house's own channels, as `gate/server.py` does it, in a thread of the test."""
    listening = socket.create_server(("127.0.0.1", 0))
    server: Any = waitress.create_server(app, sockets=[listening], threads=threads, map={}, **more)
    house = House(session.cookie_reader(app), 100 * MIB, headers.always(production=False))
    server.channel_class = channel_for(house)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    server.port_of_test = listening.getsockname()[1]
    try:
        yield server
    finally:
        server.trigger.pull_trigger(server.asyncore.close_all)  # in the loop's own thread
        server.task_dispatcher.shutdown(timeout=1)


def _connected(server: Any) -> socket.socket:
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    made.connect(("127.0.0.1", server.port_of_test))
    made.settimeout(5)
    return made


@pytest.mark.parametrize("asked", ["", "Range: bytes=1-\r\n"])
def test_downloads_that_nobody_reads_hold_up_nobody_else(app: Flask, user: Person, asked: str) -> None:
    # red with a Range: Werkzeug hands out pieces, waitress makes the thread wait once 16 MB are not read, and the
    # channel's timeout does not end a request that is being served. 16 phones out of reach stop the default server.
    number = user.upload("big.txt", b"0123456789abcdef" * 1_500_000).get_json()["id"]
    cookie = user.client.get_cookie("session")
    assert cookie is not None
    with _served(app) as server:
        stalled = [_connected(server) for _ in range(3)]
        for one in stalled:
            path = f"/api/v1/artifacts/{number}/versions/1/content"
            one.sendall(f"GET {path} HTTP/1.1\r\nHost: h\r\nCookie: session={cookie.value}\r\n{asked}\r\n".encode())
        time.sleep(1.0)
        with closing(_connected(server)) as other:
            other.sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
            try:
                answer = other.recv(100)
            except TimeoutError:
                answer = b"none"
        for one in stalled:
            one.close()
    assert b" 200 " in answer


def test_a_refused_sender_who_keeps_silent_is_let_go(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    # red: what ends the wait is only looked at when bytes come in, and `writable` is false meanwhile, so the
    # server's own timeout cannot close it either: 2,000 silent strangers and nobody else is let in, for good
    monkeypatch.setattr(reception, "LINGER_SECONDS", 0.3)
    with _served(app, channel_timeout=1, cleanup_interval=1) as server, closing(_connected(server)) as one:
        one.sendall(b"POST /login HTTP/1.1\r\nHost: h\r\nContent-Length: 99999\r\n\r\n")
        assert b" 401 " in one.recv(1_000)
        deadline = time.monotonic() + 8
        while server.active_channels and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not server.active_channels


def test_a_body_beside_a_token_that_is_none_is_refused_by_its_header(app: Flask) -> None:
    # red: any "Bearer x" passes the door, though no token exists: a stranger filled the spool with 80 MB
    with _served(app) as server, closing(_connected(server)) as one:
        head = b"POST /api/v1/artifacts HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer x\r\nContent-Length: 90000000\r\n"
        one.sendall(head + b"\r\n")
        try:
            answer = one.recv(1_000)
        except TimeoutError:
            answer = b"it waits for the body"
    assert b" 401 " in answer


def test_a_length_of_thousands_of_digits_is_answered(app: Flask) -> None:
    # red: `int()` fails in the server's loop; the connection closes without an answer and a trace goes to the log
    with _served(app) as server, closing(_connected(server)) as one:
        one.sendall(b"POST /login HTTP/1.1\r\nHost: h\r\nContent-Length: " + b"9" * 5_000 + b"\r\n\r\n")
        answer = one.recv(1_000)
    assert answer.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4"))


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"POST /login HTTP/1.1\r\nHost: h\r\nContent-Length: 99999\r\n\r\n", b" 401 "),
        (b"POST /login HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b" 401 "),
        (b"POST /login HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", b" 400 "),
        (b"POST /login HTTP/1.1\r\nHost: h\r\nContent-Length: -3\r\n\r\n", b" 400 "),
        (b"GET /login HTTP/1.1\r\nHost: h\r\nUser-Agent: a\0b\r\n\r\n", b" 400 "),
    ],
)
def test_what_follows_a_refusal_on_its_connection_is_never_answered(app: Flask, sent: bytes, status: bytes) -> None:
    with _served(app) as server, closing(_connected(server)) as one:
        one.sendall(sent + b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
        got = b""
        while piece := one.recv(65_536):
            got += piece
    assert status in got[:40]
    assert got.count(b"HTTP/1.") == 1
    assert b"alive" not in got
