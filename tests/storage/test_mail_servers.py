"""Mail servers that stall, leave, drip, lie and never end: each costs a bounded time and says why."""

import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cmmc_tracker.errors import Busy
from cmmc_tracker.storage.mail import Message, Refused, Smtp
from tests.storage.smtp_server import HELLO, QUICK, SENDER, Box, scripted
from tests.storage.test_scanner import free_port, pretending


def _silent(connection: socket.socket) -> None:
    connection.settimeout(10)
    connection.recv(1)


def _dripping(connection: socket.socket) -> None:
    for _ in range(40):
        connection.sendall(b"2")
        time.sleep(0.2)


def _dripping_lines(connection: socket.socket) -> None:
    for _ in range(40):
        connection.sendall(b"220-wait\r\n")
        time.sleep(0.2)


def _leaving(connection: socket.socket) -> None:
    connection.sendall(b"220 hello\r\n")
    connection.recv(20)


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
@pytest.mark.parametrize("serve", [_silent, _dripping, _dripping_lines, _leaving])
def test_a_server_that_stalls_or_leaves_costs_a_bounded_time(
    serve: Callable[[socket.socket], None], scheme: str
) -> None:
    with pretending(serve) as url:
        begun = time.monotonic()
        with pytest.raises((Busy, Refused)) as told:
            Smtp(url.replace("tcp", scheme), SENDER, QUICK).send(HELLO)
        assert time.monotonic() - begun < 5.0
        assert scheme == "smtps" or isinstance(told.value, Busy)


def test_a_server_that_drips_within_a_message_costs_a_bounded_time() -> None:
    def serve(connection: socket.socket) -> None:
        connection.sendall(b"220 hello\r\n")
        connection.recv(100)
        connection.sendall(b"250 OK\r\n")
        connection.recv(100)
        _dripping(connection)

    with pretending(serve) as url:
        begun = time.monotonic()
        found = Smtp(url.replace("tcp", "smtp"), SENDER, QUICK).send_all([HELLO] * 5)
        assert time.monotonic() - begun < 5.0
    assert [type(one) for one in found] == [Busy] * 5


def test_what_was_taken_stays_taken_however_the_server_says_good_bye() -> None:
    for bye in (b"500 no\r\n", b"", b"x" * 20):
        with pretending(_taking(bye)) as url:
            assert Smtp(url.replace("tcp", "smtp"), SENDER, QUICK).send_all([HELLO]) == [None]


def _taking(bye: bytes) -> Callable[[socket.socket], None]:
    def serve(connection: socket.socket) -> None:
        connection.settimeout(10)
        connection.sendall(b"220 hello\r\n")
        inside = False
        with connection.makefile("rb") as stream:
            for line in stream:
                if inside:
                    inside = line != b".\r\n"
                    answer = b"" if inside else b"250 OK\r\n"
                else:
                    inside = line.upper().startswith(b"DATA")
                    answer = bye if line.upper().startswith(b"QUIT") else b"354 go\r\n" if inside else b"250 OK\r\n"
                connection.sendall(answer)

    return serve


@pytest.mark.parametrize(
    ("greeting", "kind"),
    [
        *((b"SSH-2.0-OpenSSH", Busy), (b"HTTP/1.1 400 Bad Request", Busy), (b"\xff\x00", Busy), (b"", Busy)),
        *((b"554 not for you", Refused), (b"421 later", Busy), (b"x" * 20_000, Refused)),
    ],
)
def test_something_else_at_the_address_is_told_in_signs_that_do_no_harm(greeting: bytes, kind: type) -> None:
    with pretending(scripted(greeting=greeting)) as url, pytest.raises(kind) as told:
        Smtp(url.replace("tcp", "smtp"), SENDER, QUICK).send(HELLO)
    assert told.value.message.isprintable()


def test_what_a_server_says_is_quoted_short_and_printable(box: Box, plain: str) -> None:
    box.answers["ada@example.com"] = "550-\x1b[31mred\r\n550 \u202e" + "x" * 300
    with pytest.raises(Refused) as told:
        Smtp(plain, SENDER).send(HELLO)
    assert told.value.message.isascii()
    assert told.value.message.isprintable()
    assert len(told.value.message) < 200


@pytest.mark.parametrize("challenge", [b"334 ?????", b"334 x", b"334 " + b"QUFB" * 20])
def test_a_sign_in_that_never_ends_ends(challenge: bytes) -> None:
    def serve(connection: socket.socket) -> None:
        connection.settimeout(10)
        connection.sendall(b"220 hello\r\n")
        connection.recv(100)
        connection.sendall(b"250-x\r\n250 AUTH LOGIN\r\n")
        while connection.recv(100):
            connection.sendall(challenge + b"\r\n")

    with pretending(serve) as url, pytest.raises(Busy):
        Smtp(url.replace("tcp://", "smtp://tracker:hunter2@"), SENDER, QUICK).send(HELLO)


def test_no_connection_and_no_thread_outlives_a_call(box: Box, plain: str) -> None:
    def open_now() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = open_now()
    box.answers["gone@example.com"] = "421 bye"
    for _ in range(5):
        Smtp(plain, SENDER).send_all([HELLO, Message("gone@example.com", "x", "x")])
        Smtp(plain, SENDER).check()
        with pytest.raises(Refused):
            Smtp(plain.replace("smtp:", "smtps:"), SENDER).send(HELLO)
        with pytest.raises(Refused):
            Smtp(plain + "?tls=starttls", SENDER).send(HELLO)
        with pytest.raises(Busy):
            Smtp(f"smtp://127.0.0.1:{free_port()}", SENDER).send(HELLO)
    until = time.monotonic() + 5
    while open_now() > before and time.monotonic() < until:
        time.sleep(0.05)  # the server's own halves are closed by its own thread
    assert open_now() <= before
    assert not [one for one in threading.enumerate() if isinstance(one, threading.Timer) and not one.finished.is_set()]
