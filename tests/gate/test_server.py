"""The server as it runs: strangers' bodies, stalled clients, workers that die, ports that are taken."""

import http.client
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from cmmc_tracker.gate import server as gate
from tests import warm
from tests.conftest import PASSWORD


@dataclass
class Running:
    """A server of the test's own."""

    process: subprocess.Popen[str]
    port: int
    folder: Path
    lines: list[str]

    def connect(self) -> socket.socket:
        """A raw connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def ask(
        self, method: str, path: str, body: bytes = b"", **headers: str
    ) -> tuple[int, bytes, http.client.HTTPMessage]:
        """One request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request(method, path, body or None, {k.replace("_", "-"): v for k, v in headers.items()})
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, content, answer.headers

    def bytes_on_disk(self) -> int:
        """Everything below the data folder but the database."""
        parts = ("uploads", "spool")
        return sum(p.stat().st_size for part in parts for p in (self.folder / part).rglob("*") if p.is_file())

    def signed_in(self) -> dict[str, str]:
        """The headers of somebody who is signed in."""
        _, page, headers = self.ask("GET", "/login")
        cookie = headers["Set-Cookie"].split(";")[0]
        form = f"username=ada&password={PASSWORD}&csrf_token={_token(page)}".encode()
        kind = "application/x-www-form-urlencoded"
        status, _, headers = self.ask("POST", "/login", form, Cookie=cookie, Content_Type=kind)
        assert status == 302
        cookie = _session(headers)
        _, page, headers = self.ask("GET", "/", Cookie=cookie)
        cookie = _session(headers) if headers["Set-Cookie"] else cookie
        return {"Cookie": cookie, "X-CSRF-Token": _token(page)}


def _session(headers: http.client.HTTPMessage) -> str:
    """The session's cookie among those that an answer sets."""
    return next(one.split(";")[0] for one in headers.get_all("Set-Cookie", []) if one.startswith("session="))


def _token(page: bytes) -> str:
    return page.decode().split('name="csrf_token" value="')[1][:64]


@pytest.fixture
def server(tmp_path: Path, template: Path) -> Iterator[Running]:
    shutil.copy(template, tmp_path / "cmmc.db")
    environment = {
        **os.environ,
        "CMMC_DATA_DIR": str(tmp_path),
        "FLASK_SECRET": "s" * 40,
        "MAX_UPLOAD_MB": "20",
        "PYTHONUNBUFFERED": "1",
    }
    added = warm.run("user", "add", "ada", "--role", "admin", "--password-stdin", env=environment, typed=PASSWORD)
    assert added.returncode == 0, added.stderr
    command = [sys.executable, "-m", "cmmc_tracker", "serve", "--port", "0"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    first = process.stdout.readline()
    port = int(re.findall(r":(\d+)", first)[0])
    yield Running(process, port, tmp_path, [first])
    process.terminate()
    assert process.wait(timeout=20) == 0
    process.stdout.close()


def _multipart(size: int) -> bytes:
    head = (
        b'--b\r\nContent-Disposition: form-data; name="title"\r\n\r\nt\r\n'
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
    )
    return head + b"x" * size + b"\r\n--b--\r\n"


def test_a_strangers_body_is_refused_by_its_header_and_no_byte_lands_on_disk(server: Running) -> None:
    with server.connect() as stranger:
        stranger.sendall(
            b"POST /api/v1/artifacts HTTP/1.1\r\nHost: x\r\nContent-Length: 15000000\r\n"
            b"Content-Type: multipart/form-data; boundary=b\r\n\r\n"
        )
        answer = stranger.recv(65_536)
        assert answer.startswith(b"HTTP/1.1 401 ")
        assert b"application/problem+json" in answer
        assert b"X-Content-Type-Options: nosniff" in answer
        assert b"waitress" not in answer.lower()
        for _ in range(15):
            stranger.sendall(b"x" * 1_000_000)
            assert server.bytes_on_disk() == 0
    status, content, _ = server.ask("POST", "/artifacts/upload", _multipart(15_000_000))
    assert status == 401
    assert b"<h1>Unauthorized</h1>" in content
    assert server.bytes_on_disk() == 0


@pytest.mark.parametrize("cookie", ["session=forged.abc.def", "session=", "other=1"])
def test_a_forged_cookie_opens_nothing(server: Running, cookie: str) -> None:
    status, _, _ = server.ask("POST", "/api/v1/artifacts", _multipart(200_000), Cookie=cookie)
    assert status == 401


def test_a_strangers_chunked_body_is_refused(server: Running) -> None:
    with server.connect() as stranger:
        stranger.sendall(b"POST /login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert stranger.recv(65_536).startswith(b"HTTP/1.1 401 ")


def test_a_members_bodies_fill_no_disk_where_no_files_are_taken(server: Running) -> None:
    ada = server.signed_in()
    head = (
        f"POST /logout HTTP/1.1\r\nHost: x\r\nCookie: {ada['Cookie']}\r\nX-CSRF-Token: {ada['X-CSRF-Token']}\r\n"
        "Content-Length: 15000000\r\n\r\n"
    )
    for _ in range(10):
        with server.connect() as connection:
            connection.sendall(head.encode())
            assert connection.recv(65_536).startswith(b"HTTP/1.1 413 ")
            connection.sendall(b"x" * 1_000_000)
            assert server.bytes_on_disk() == 0


def test_a_members_uploads_that_are_held_back_fill_the_disk_only_so_far(server: Running) -> None:
    ada = server.signed_in()
    head = (
        f"POST /artifacts/upload HTTP/1.1\r\nHost: x\r\nCookie: {ada['Cookie']}\r\n"
        "Content-Length: 15000000\r\nContent-Type: multipart/form-data; boundary=b\r\n\r\n"
    )
    with ExitStack() as held:
        for _ in range(30):
            held.enter_context(server.connect()).sendall(head.encode() + b"x" * 1_000_000)
        assert server.ask("GET", "/healthz")[0] == 200
        assert server.bytes_on_disk() <= 2 * 6 * 1_000_000  # two workers, six places in each


def test_too_large_is_told_to_somebody_signed_in_also_without_a_length(server: Running) -> None:
    ada = server.signed_in()
    status, content, headers = server.ask("POST", "/api/v1/artifacts", _multipart(25_000_000), **ada)
    assert (status, headers.get_content_type()) == (413, "application/problem+json")
    assert b"20 MB" in content
    with server.connect() as chunked:
        chunked.settimeout(30)
        chunked.sendall(
            f"POST /api/v1/artifacts HTTP/1.1\r\nHost: x\r\nCookie: {ada['Cookie']}\r\n"
            "Transfer-Encoding: chunked\r\n\r\n".encode()
        )
        piece = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
        for _ in range(22):
            try:
                chunked.sendall(piece)
            except OSError:
                break
        assert chunked.recv(65_536).startswith(b"HTTP/1.1 413 ")
    assert server.bytes_on_disk() == 0


def test_a_whole_upload_of_a_member_is_kept(server: Running) -> None:
    ada = server.signed_in()
    status, _, _ = server.ask(
        "POST", "/api/v1/artifacts", _multipart(15_000_000), **ada, Content_Type="multipart/form-data; boundary=b"
    )
    assert status == 201
    assert server.bytes_on_disk() == 15_000_000


@pytest.mark.parametrize("clients", [6, 200])
def test_other_peoples_pages_are_answered_while_uploads_stall(server: Running, clients: int) -> None:
    ada = server.signed_in()
    calm = _time(server, ada)
    stalled = []
    for _ in range(clients):
        connection = server.connect()
        connection.sendall(
            f"POST /api/v1/artifacts HTTP/1.1\r\nHost: x\r\nCookie: {ada['Cookie']}\r\n"
            "Content-Length: 10000000\r\nContent-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n".encode()
        )
        stalled.append(connection)
    try:
        assert _time(server, ada) < max(10 * calm, 0.5)
    finally:
        for connection in stalled:
            connection.close()


def _time(server: Running, ada: dict[str, str]) -> float:
    """The median seconds of a page."""
    taken = []
    for _ in range(7):
        began = time.monotonic()
        status, _, _ = server.ask("GET", "/systems/main/requirements", Cookie=ada["Cookie"])
        taken.append(time.monotonic() - began)
        assert status == 200
    return sorted(taken)[3]


def test_a_lost_connection_leaves_no_row_and_after_verify_no_file(server: Running) -> None:
    ada = server.signed_in()
    with server.connect() as lost:
        lost.sendall(
            f"POST /api/v1/artifacts HTTP/1.1\r\nHost: x\r\nCookie: {ada['Cookie']}\r\n"
            "Content-Length: 5000000\r\nContent-Type: multipart/form-data; boundary=b\r\n\r\n".encode()
        )
        lost.sendall(_multipart(2_000_000))
    time.sleep(0.5)
    _, content, _ = server.ask("GET", "/api/v1/artifacts", Cookie=ada["Cookie"])
    assert b'"items":[]' in content
    assert server.bytes_on_disk() == 0


def test_garbage_is_answered_as_a_bad_request(server: Running) -> None:
    for raw in (
        b"\x00\x01\x02\r\n\r\n",
        b"GET\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        b"GET / HTTP/1.1\r\nA" + b"b" * 70_000,
    ):
        with server.connect() as connection:
            connection.sendall(raw)
            answer = connection.recv(65_536)
            assert re.match(rb"HTTP/1\.\d 4\d\d ", answer), raw[:40]
            assert b"X-Frame-Options: DENY" in answer
    assert server.ask("GET", "/healthz")[0] == 200


def _workers(parent: int) -> list[int]:
    found = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [int(pid) for pid in found]


def _started(parent: int) -> list[int]:
    """Both workers and the process that does the jobs, once they are there."""
    deadline = time.monotonic() + 10
    while len(found := _workers(parent)) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(found) == 3
    return found


@pytest.mark.parametrize("which", [0, 2], ids=["worker", "jobs"])
def test_a_process_that_dies_is_replaced(server: Running, which: int) -> None:
    assert server.ask("GET", "/healthz")[0] == 200
    before = _started(server.process.pid)
    os.kill(before[which], signal.SIGKILL)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and len(set(_workers(server.process.pid)) - {before[which]}) < 3:
        time.sleep(0.05)
    assert len(set(_workers(server.process.pid)) - {before[which]}) == 3
    assert server.ask("GET", "/healthz")[0] == 200


def test_workers_end_when_their_parent_is_killed(server: Running, tmp_path: Path) -> None:
    environment = {**os.environ, "CMMC_DATA_DIR": str(tmp_path / "other"), "FLASK_SECRET": "s" * 40}
    command = [sys.executable, "-m", "cmmc_tracker", "serve", "--port", "0"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    process.stdout.readline()
    workers = _started(process.pid)
    process.kill()
    process.wait()
    process.stdout.close()
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in workers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [pid for pid in workers if Path(f"/proc/{pid}").exists()] == []


def test_a_full_disk_while_a_body_comes_in_is_told_and_nothing_stays(server: Running) -> None:
    ada = server.signed_in()
    for worker in _started(server.process.pid):
        resource.prlimit(worker, resource.RLIMIT_FSIZE, (4_000_000, 4_000_000))
    status, content, _ = server.ask(
        "POST", "/api/v1/artifacts", _multipart(15_000_000), **ada, Content_Type="multipart/form-data; boundary=b"
    )
    assert status == 507
    assert b"no space left" in content
    assert server.bytes_on_disk() == 0
    status, _, _ = server.ask(
        "POST", "/api/v1/artifacts", _multipart(15_000), **ada, Content_Type="multipart/form-data; boundary=b"
    )
    assert status == 201


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_takes_a_moment_also_beside_a_client_that_stalls(server: Running, number: signal.Signals) -> None:
    with server.connect() as stalled:
        stalled.sendall(b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
        assert server.ask("GET", "/healthz")[0] == 200
        begun = time.monotonic()
        server.process.send_signal(number)
        assert server.process.wait(timeout=20) == 0
    assert time.monotonic() - begun < gate._GRACE_SECONDS - 2  # what is waited for at most where something still runs
    with pytest.raises(ConnectionRefusedError):
        server.connect()
