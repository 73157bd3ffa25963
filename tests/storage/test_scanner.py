"""The virus scanner: a real ClamAV daemon with a database of our own, and daemons that misbehave."""

import contextlib
import hashlib
import io
import os
import select
import shutil
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cmmc_tracker.errors import Busy
from cmmc_tracker.storage.scanner import Clamd, Patience, Verdict

BAD = b"a string that only this test takes for a virus\n"
QUICK = Patience(connect=1.0, step=0.5, whole=1.5)
LIMIT = 200_000


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@dataclass(frozen=True)
class Daemon:
    """A running clamd."""

    unix: str
    tcp: str


@contextlib.contextmanager
def clamd(folder: Path) -> Iterator[Daemon]:
    """ClamAV's daemon on two addresses of its own, with one signature of ours; ended at the end."""
    program = shutil.which("clamd") or shutil.which("clamd", path="/usr/sbin:/usr/local/sbin")
    assert program, "no clamd; install clamav-daemon"
    (folder / "database").mkdir()
    (folder / "database" / "own.hdb").write_text(f"{hashlib.md5(BAD).hexdigest()}:{len(BAD)}:Own.Test.Signature\n")
    place, port = folder / "clamd.ctl", free_port()
    (folder / "clamd.conf").write_text(
        f"Foreground yes\nDatabaseDirectory {folder}/database\n"
        f"LocalSocket {place}\nTCPAddr 127.0.0.1\nTCPSocket {port}\nTemporaryDirectory {folder}\n"
        f"LogFile {folder}/clamd.log\nStreamMaxLength {LIMIT}\nSelfCheck 0\n"
        + ("User root\n" if os.geteuid() == 0 else "")
    )
    daemon = subprocess.Popen(
        [program, "--config-file", str(folder / "clamd.conf")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        found = Daemon(f"unix://{place}", f"tcp://127.0.0.1:{port}")
        _wait_for(found, daemon, folder)
        yield found
    finally:
        daemon.terminate()
        try:
            daemon.wait(timeout=20)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()


def _wait_for(daemon: Daemon, process: "subprocess.Popen[bytes]", folder: Path) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        assert process.poll() is None, (folder / "clamd.log").read_text()
        with contextlib.suppress(Busy):
            Clamd(daemon.unix).ping()
            Clamd(daemon.tcp).ping()
            return
        time.sleep(0.1)
    pytest.fail("clamd does not answer")


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """One daemon for the tests of this file."""
    with clamd(tmp_path_factory.mktemp("clamd")) as found:
        yield found


@pytest.mark.parametrize("way", ["unix", "tcp"])
def test_a_clean_file_is_clean_and_a_bad_one_is_named(daemon: Daemon, way: str) -> None:
    scanner = Clamd(getattr(daemon, way))
    assert scanner.scan(io.BytesIO(b"nothing to see here")) == Verdict()
    assert scanner.scan(io.BytesIO(b"x" * 150_000)) == Verdict()
    found = scanner.scan(io.BytesIO(BAD))
    assert found.found.startswith("Own.Test.Signature")
    assert found.unscanned == ""


def test_a_file_is_read_from_its_beginning_wherever_it_stands(daemon: Daemon) -> None:
    file = io.BytesIO(BAD)
    file.seek(20)
    assert Clamd(daemon.unix).scan(file).found


@pytest.mark.parametrize("way", ["unix", "tcp"])
@pytest.mark.parametrize("size", [LIMIT + 1, 3_000_000, 30_000_000])
def test_a_file_that_is_longer_than_the_daemon_takes_is_told_as_unscanned_with_the_setting_s_name(
    daemon: Daemon, way: str, size: int
) -> None:
    told = Clamd(getattr(daemon, way)).scan(io.BytesIO(bytes(size)))
    assert told.found == ""
    assert "StreamMaxLength" in told.unscanned


# Daemons that misbehave


@contextlib.contextmanager
def pretending(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """A daemon on the loopback that does with each connection what it is told."""
    listening = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listening.accept()
                with connection, contextlib.suppress(OSError):
                    serve(connection)

    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield f"tcp://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(timeout=10)
        assert not thread.is_alive()


def heard(connection: socket.socket) -> bytes:
    """What was sent by INSTREAM, the frames taken off; raises `ConnectionError` when the sender leaves half way."""
    with connection.makefile("rb") as stream:

        def take(size: int) -> bytes:
            taken = stream.read(size)
            if len(taken) < size:
                raise ConnectionError
            return taken

        assert take(10) == b"zINSTREAM\0"
        content = b""
        while length := struct.unpack(">I", take(4))[0]:
            content += take(length)
        return content


def answering(answer: bytes) -> Callable[[socket.socket], None]:
    def serve(connection: socket.socket) -> None:
        heard(connection)
        connection.sendall(answer)

    return serve


def test_the_daemon_hears_every_byte_in_order() -> None:
    content = os.urandom(300_001)
    got: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        got.append(heard(connection))
        connection.sendall(b"stream: OK\0")

    with pretending(serve) as url:
        assert Clamd(url).scan(io.BytesIO(content)) == Verdict()
    assert got == [content]


def test_a_name_from_the_daemon_is_made_printable() -> None:
    with pretending(answering(b"stream: Evil\x1b[31m\xe2\x80\xae\r\nName FOUND\0")) as url:
        found = Clamd(url).scan(io.BytesIO(b"x")).found
    assert found.startswith("Evil?[31m")
    assert found.isprintable()
    assert found.isascii()


def test_an_error_about_the_file_is_told_as_unscanned() -> None:
    with pretending(answering(b"stream: Can't allocate memory ERROR\0")) as url:
        told = Clamd(url).scan(io.BytesIO(b"x"))
    assert told == Verdict(unscanned="the virus scanner could not read it (Can't allocate memory)")


@pytest.mark.parametrize(
    "answer",
    [
        *(b"", b"\0", b"stream: \0", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"UNKNOWN COMMAND\0", b"stream: FOUND\0"),
        *(b"OK\0", b"stream: OKAY\0", b"x: stream: OK\0", b"stream: OK" * 2, b"\xff" * 100_000),
    ],
)
def test_what_cannot_be_understood_is_never_taken_for_clean(answer: bytes) -> None:
    with pretending(answering(answer)) as url, pytest.raises(Busy, match="cannot be asked"):
        Clamd(url, QUICK).scan(io.BytesIO(b"x"))


def _silent(connection: socket.socket) -> None:
    heard(connection)
    connection.settimeout(10)
    connection.recv(1)


def _deaf(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    poll = select.poll()
    poll.register(connection, select.POLLRDHUP)
    poll.poll(10_000)


def _dripping(connection: socket.socket) -> None:
    heard(connection)
    for _ in range(40):
        connection.sendall(b"s")
        time.sleep(0.2)


def _leaving(connection: socket.socket) -> None:
    connection.recv(20)


@pytest.mark.parametrize("serve", [_silent, _deaf, _dripping, _leaving])
def test_a_daemon_that_stalls_or_leaves_costs_a_bounded_time(serve: Callable[[socket.socket], None]) -> None:
    with pretending(serve) as url:
        begun = time.monotonic()
        with pytest.raises(Busy):
            Clamd(url, QUICK).scan(io.BytesIO(bytes(20_000_000)))
        assert time.monotonic() - begun < 5.0


def test_nobody_there_is_told_at_once(tmp_path: Path) -> None:
    for url in (f"tcp://127.0.0.1:{free_port()}", f"unix://{tmp_path}/nothing", f"unix://{tmp_path}"):
        with pytest.raises(Busy, match="Nothing was kept"):
            Clamd(url, QUICK).scan(io.BytesIO(b"x"))
        with pytest.raises(Busy, match="does not answer"):
            Clamd(url, QUICK).ping()


def test_something_else_at_the_address_is_told() -> None:
    with pretending(lambda connection: connection.sendall(b"SSH-2.0\0")) as url, pytest.raises(Busy, match="ClamAV"):
        Clamd(url, QUICK).ping()


def test_no_connection_outlives_a_scan() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pretending(answering(b"stream: OK\0")) as url:
        Clamd(url).scan(io.BytesIO(b"x"))
    with pytest.raises(Busy):
        Clamd(f"tcp://127.0.0.1:{free_port()}").scan(io.BytesIO(b"x"))
    assert len(list(Path("/proc/self/fd").iterdir())) == before
