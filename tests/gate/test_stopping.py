"""A stop over real sockets: not ready first, then what runs is finished and sent, then the end. The server is the real
one, its application a small one that takes its time."""

import contextlib
import http.client
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cmmc_tracker.errors import NotSignedIn
from cmmc_tracker.gate import server
from cmmc_tracker.gate.guests import Guest
from cmmc_tracker.gate.reception import House
from cmmc_tracker.gate.server import Site

LARGE = 3_000_000


@dataclass
class Running:
    """A server process of the test's own."""

    pid: int
    port: int

    def ask(self, path: str, method: str = "GET", body: bytes = b"") -> tuple[int, bytes]:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(method, path, body or None)
        answer = connection.getresponse()
        found = answer.status, answer.read()
        connection.close()
        return found

    def stop(self, number: signal.Signals = signal.SIGTERM) -> float:
        """Tell it to stop; returns when."""
        os.kill(self.pid, number)
        return time.monotonic()

    def wait(self) -> tuple[int, float]:
        """Its exit status, and when it ended."""
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        return os.waitstatus_to_exitcode(status), time.monotonic()

    def eventually(self, path: str, status: int) -> None:
        """Until that path is answered so."""
        deadline = time.monotonic() + 20
        while self.ask(path)[0] != status:
            assert time.monotonic() < deadline
            time.sleep(0.02)


def _admitted(_method: str, path: str, _headers: Mapping[str, str]) -> Guest:
    if path != "/upload":
        raise NotSignedIn("no")
    return Guest("somebody", LARGE * 2)


Starter = Callable[..., Running]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Starter]:
    """Starts servers, and ends those that a test leaves."""
    begun: list[Running] = []

    def started(
        drain_seconds: int = 0, workers: int = 1, slow_forks: float = 0.0, jobs: Callable[[], None] | None = None
    ) -> Running:
        listening = server.listen("127.0.0.1", 0)
        stopping = threading.Event()

        def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            path = environ["PATH_INFO"]
            if path == "/slow":
                time.sleep(2)
            if path == "/upload":
                environ["wsgi.input"].read()
            ready = path != "/readyz" or not stopping.is_set()
            body = b"x" * LARGE if path in {"/slow", "/large"} else b"done"
            start_response("200 OK" if ready else "503 no", [("Content-Length", str(len(body)))])
            return [body]

        site = Site(
            app=app,
            house=House(_admitted, LARGE * 2, {}),
            spool=tmp_path / "spool",
            workers=workers,
            threads=4,
            trusts_proxies=False,
            after_fork=lambda: None,
            stopping=stopping,
            drain_seconds=drain_seconds,
            jobs=jobs or ((lambda: time.sleep(60)) if slow_forks else None),
        )
        pid = os.fork()
        if pid == 0:
            if slow_forks:
                os.register_at_fork(after_in_child=lambda: time.sleep(slow_forks))
            os._exit(server.serve(site, listening))
        running = Running(pid, listening.getsockname()[1])
        listening.close()
        begun.append(running)
        if not slow_forks:
            running.eventually("/readyz", 200)
        return running

    yield started
    for one in begun:
        if one.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(one.pid, signal.SIGKILL)
            os.waitpid(one.pid, 0)


def _in_thread(ask: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    answers: list[Any] = []

    def run() -> None:
        try:
            answers.append(ask())
        except OSError as error:
            answers.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, answers


def test_a_request_that_runs_is_finished_and_its_whole_answer_sent(start: Starter) -> None:
    running = start()
    thread, answers = _in_thread(lambda: running.ask("/slow"))
    time.sleep(0.5)
    told = running.stop()
    status, ended = running.wait()
    thread.join()
    assert answers == [(200, b"x" * LARGE)]
    assert status == 0
    assert 0.5 < ended - told < 9
    with pytest.raises(ConnectionRefusedError):
        running.ask("/readyz")


def test_it_says_not_ready_first_and_answers_everything_else_until_the_time_is_over(start: Starter) -> None:
    running = start(drain_seconds=3, workers=2)
    told = running.stop()
    running.eventually("/readyz", 503)
    assert running.ask("/page") == (200, b"done")
    thread, answers = _in_thread(lambda: running.ask("/slow"))
    status, ended = running.wait()
    thread.join()
    assert answers == [(200, b"x" * LARGE)]
    assert status == 0
    assert ended - told >= 2.9


def test_told_twice_it_waits_no_longer(start: Starter) -> None:
    running = start(drain_seconds=60)
    running.stop(signal.SIGINT)
    running.eventually("/readyz", 503)
    told = running.stop(signal.SIGINT)
    status, ended = running.wait()
    assert (status, ended - told < 8) == (0, True)


def test_an_upload_that_is_coming_in_is_taken_and_answered(start: Starter) -> None:
    running = start()
    with socket.create_connection(("127.0.0.1", running.port), timeout=20) as sender:
        sender.sendall(b"POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % LARGE)
        sender.sendall(b"x" * (LARGE // 2))
        time.sleep(0.3)
        running.stop()
        time.sleep(0.7)
        sender.sendall(b"x" * (LARGE - LARGE // 2))
        assert sender.recv(65_536).startswith(b"HTTP/1.1 200 ")
    assert running.wait()[0] == 0


def test_who_only_holds_a_connection_or_half_a_form_is_not_waited_for(start: Starter) -> None:
    running = start()
    with socket.create_connection(("127.0.0.1", running.port)) as idle, socket.socket() as half:
        half.connect(("127.0.0.1", running.port))
        half.sendall(b"POST /form HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
        idle.sendall(b"GET /page HTTP/1.1\r\nHost: x\r\n\r\n")
        assert idle.recv(65_536).startswith(b"HTTP/1.1 200 ")
        told = running.stop()
        status, ended = running.wait()
    assert (status, ended - told < 5) == (0, True)


def test_who_reads_nothing_holds_a_stop_up_for_the_grace_only(start: Starter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_GRACE_SECONDS", 1.5)
    running = start()
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        deaf.connect(("127.0.0.1", running.port))
        for _ in range(4):
            deaf.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(0.5)
        told = running.stop()
        status, ended = running.wait()
    assert status == 0
    assert 1.0 < ended - told < 8


def test_what_a_worker_is_told_before_it_came_to_listen_is_heard(start: Starter) -> None:
    running = start(slow_forks=1.0)
    children = Path(f"/proc/{running.pid}/task/{running.pid}/children")
    deadline = time.monotonic() + 20
    while len(children.read_text().split()) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    told = running.stop()
    status, ended = running.wait()
    assert status == 0
    assert ended - told < server._GRACE_SECONDS - 2  # past that they are ended without having heard


def test_a_job_that_lets_no_exception_out_just_then_is_told_again(start: Starter, tmp_path: Path) -> None:
    begun = tmp_path / "begun"

    def deaf_once() -> None:
        with contextlib.suppress(SystemExit):
            begun.touch()
            time.sleep(60)
        time.sleep(60)

    running = start(jobs=deaf_once)
    deadline = time.monotonic() + 20
    while not begun.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    told = running.stop()
    status, ended = running.wait()
    assert status == 0
    assert ended - told < server._GRACE_SECONDS - 2
