"""Slow clients: byte by byte, or not at all. Others are answered meanwhile, and the slow one is let go."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import Any

import pytest
from flask import Flask

from cmmc_tracker.errors import Busy
from cmmc_tracker.gate import reception
from cmmc_tracker.storage.database import make_engine, translated
from tests.attack.raw import answers, connected, served, signs, until
from tests.conftest import Person

HEADER = b"GET /login HTTP/1.1\r\nHost: h\r\nX: " + b"a" * 5_000
FORM = b"POST /login HTTP/1.1\r\nHost: h\r\nContent-Length: 5000\r\n\r\n" + b"a" * 5_000


@contextmanager
def _dripping(one: socket.socket, sent: bytes, pause: float = 0.02) -> Iterator[None]:
    """Send byte by byte in the background until left, or until the other side has enough."""
    done = threading.Event()

    def drip() -> None:
        with suppress(OSError):
            for byte in sent:
                if done.wait(pause):
                    return
                one.sendall(bytes([byte]))

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(5)


def _answered(server: Any) -> bool:
    with closing(connected(server)) as other:
        began = time.monotonic()
        other.sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        return b" 200 " in other.recv(1_000) and time.monotonic() - began < 1


@pytest.mark.parametrize("sent", [HEADER, FORM], ids=["header", "form"])
def test_who_sends_byte_by_byte_holds_up_nobody(app: Flask, sent: bytes) -> None:
    with served(app, threads=1) as server:
        slow = [connected(server) for _ in range(20)]
        with _dripping(slow[0], sent):
            for one in slow[1:]:
                one.sendall(sent[:100])
            assert all(_answered(server) for _ in range(5))
        for one in slow:
            one.close()


@pytest.mark.parametrize("sent", [HEADER, FORM], ids=["header", "form"])
def test_who_sends_a_header_or_a_form_byte_by_byte_is_let_go(app: Flask, sent: bytes) -> None:
    # Each byte is a sign of life; what counts is when the request began, else one client holds a connection for ever.
    with (
        served(app, channel_timeout=1, cleanup_interval=1) as server,
        closing(connected(server)) as one,
        _dripping(one, sent),
    ):
        until(lambda: len(server.active_channels) == 1)
        began = time.monotonic()
        until(lambda: not server.active_channels, 8.0)
        assert not server.active_channels
        assert time.monotonic() - began < 6


def test_who_uploads_slowly_is_not_let_go(app: Flask, user: Person) -> None:
    head = b"POST /api/v1/artifacts HTTP/1.1\r\n" + signs(user) + b"Content-Length: 900000\r\n\r\n"
    with (
        served(app, channel_timeout=1, cleanup_interval=1) as server,
        closing(connected(server)) as one,
    ):
        one.sendall(head)
        with _dripping(one, b"x" * 5_000):
            time.sleep(4)
            assert len(server.active_channels) == 1


@pytest.mark.parametrize("body", [b"Content-Length: 900000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n80000\r\n"])
def test_a_large_body_that_dribbles_is_told_so_and_let_go(
    app: Flask, user: Person, monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    monkeypatch.setattr(reception, "FREE_SECONDS", 1.0)
    monkeypatch.setattr(reception, "LINGER_SECONDS", 0.3)
    with served(app) as server, closing(connected(server)) as one:
        one.sendall(b"POST /api/v1/artifacts HTTP/1.1\r\n" + signs(user) + body + b"x" * 5_000)
        began = time.monotonic()
        with _dripping(one, b"x" * 5_000):
            assert answers(one.recv(2_000)) == [408]
            assert 0.9 < time.monotonic() - began < 4
            until(lambda: not server.active_channels)
            assert not server.active_channels


def test_a_burst_at_its_beginning_does_not_pay_for_ever(
    app: Flask, user: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reception, "FREE_SECONDS", 0.1)
    monkeypatch.setattr(reception, "LEAST_PER_SECOND", 50_000)
    head = b"POST /api/v1/artifacts HTTP/1.1\r\n" + signs(user) + b"Content-Length: 900000\r\n\r\n"
    with served(app) as server, closing(connected(server)) as one:
        one.sendall(head + b"x" * 100_000)
        with _dripping(one, b"x" * 5_000):
            began = time.monotonic()
            assert answers(one.recv(2_000)) == [408]
            assert 1.5 < time.monotonic() - began < 4


def test_a_large_body_that_keeps_the_pace_is_taken_in_whole(
    app: Flask, user: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reception, "FREE_SECONDS", 0.2)
    head = b"POST /api/v1/artifacts HTTP/1.1\r\n" + signs(user) + b"Content-Length: 200000\r\n\r\n"
    with served(app) as server, closing(connected(server)) as one:
        one.sendall(head)
        for _ in range(10):
            one.sendall(b"x" * 20_000)
            time.sleep(0.15)
        assert answers(one.recv(2_000)) == [422]


def test_a_database_server_that_is_gone_without_a_word_is_noticed_soon(postgres_server: str) -> None:
    engine = make_engine(postgres_server)
    try:
        with engine.connect() as connection:
            driver: Any = connection.connection.dbapi_connection
            said = driver.info.get_parameters()
            waits = [int(said[name]) for name in ("tcp_user_timeout", "keepalives_idle", "keepalives_interval")]
        assert waits == [10_000, 10, 5]
    finally:
        engine.dispose()


def test_who_finds_every_connection_to_the_database_in_use_is_not_kept_waiting(postgres_server: str) -> None:
    engine = make_engine(postgres_server)
    with ExitStack() as held:
        held.callback(engine.dispose)
        for _ in range(20):
            held.enter_context(engine.connect())
        began = time.monotonic()
        with pytest.raises(Busy), translated():
            engine.connect()
        assert time.monotonic() - began < 8


def test_requests_one_after_the_other_on_one_connection_are_not_cut(app: Flask) -> None:
    with (
        served(app, channel_timeout=1, cleanup_interval=1) as server,
        closing(connected(server)) as one,
    ):
        for _ in range(8):
            one.sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
            got = b""
            while b"alive" not in got:
                got += one.recv(1_000)
            time.sleep(0.4)
        assert len(server.active_channels) == 1


def test_who_connects_and_says_nothing_is_let_go(app: Flask) -> None:
    with served(app, channel_timeout=1, cleanup_interval=1) as server:
        silent = [connected(server) for _ in range(30)]
        assert _answered(server)
        until(lambda: not server.active_channels, 8.0)
        assert not server.active_channels
        for one in silent:
            one.close()
