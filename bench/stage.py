"""The stage of the measurements: an installation, the real server, a bare one to compare with, a client."""

import hashlib
import http.client
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from tools import visitor

PASSWORD = "Correct-Horse-Battery-9"
MIB = 1_048_576


@dataclass
class Line:
    """One promise: what, its limit, what was measured, whether it holds."""

    promise: str
    limit: str
    measured: str
    met: bool


@dataclass
class Server:
    """A running server: its address and its processes."""

    port: int
    process: subprocess.Popen[str]
    headers: dict[str, str] = field(default_factory=dict)

    def connect(self) -> http.client.HTTPConnection:
        """A connection that stays open."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)

    def processes(self) -> list[psutil.Process]:
        """The parent and its workers."""
        parent = psutil.Process(self.process.pid)
        return [parent, *parent.children(recursive=True)]

    def memory(self) -> int:
        """What all processes together hold, shared pages counted once, in bytes."""
        found = 0
        for one in self.processes():
            with suppress(psutil.NoSuchProcess):  # a child that reads a file is there for a moment only
                found += one.memory_full_info().pss
        return found


def median(measure: Callable[[], object], times: int) -> float:
    """The median seconds of a call, after two that do not count."""
    measure()
    measure()
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        measure()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def environment(folder: Path, url: str | None = None) -> dict[str, str]:
    """The environment of an installation in a folder."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("FLASK_", "CMMC_"))}
    kept.pop("UPLOAD_PATH", None)
    kept |= {"CMMC_DATA_DIR": str(folder), "FLASK_SECRET": "b" * 40, "MAX_UPLOAD_MB": "110"}
    if url:
        kept["DATABASE_URL"] = url
    return kept


@contextmanager
def started(command: list[str], env: dict[str, str], *, quiet: bool = False) -> Iterator[Server]:
    """A server that prints its address first; ended at the end. `quiet`: its lines for each request go nowhere."""
    log = subprocess.DEVNULL if quiet else None
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=log, text=True)
    assert process.stdout is not None
    port = int(process.stdout.readline().rsplit(":", 1)[1].split("/")[0])
    server = Server(port, process)
    try:
        connection = server.connect()
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                connection.request("GET", "/healthz")
                connection.getresponse().read()
                connection.close()
                break
            except OSError:
                connection.close()
                time.sleep(0.01)
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)
        process.stdout.close()


def product() -> list[str]:
    """The command that serves the product on a free port."""
    return [sys.executable, "-m", "cmmc_tracker", "serve", "--port", "0"]


def bare() -> list[str]:
    """The command that serves the routes to compare with."""
    return [sys.executable, "-m", "bench.bare"]


def sign_in(server: Server) -> None:
    """Sign Ada in; the server's headers then carry her session."""
    server.headers = visitor.sign_in(server.port, "ada", PASSWORD)


def getter(server: Server, path: str) -> Callable[[], int]:
    """Reads a path over one connection that stays open; returns the bytes of the answer."""
    connection = server.connect()

    def read() -> int:
        connection.request("GET", path, headers=server.headers)
        answer = connection.getresponse()
        content = answer.read()
        assert answer.status == 200, (path, answer.status, content[:200])
        return len(content)

    return read


def fsync_seconds(folder: Path, size: int = 4_096) -> float:
    """The median of writing a little file and syncing it."""

    def once() -> None:
        with (folder / "fsync").open("wb") as file:
            file.write(b"x" * size)
            file.flush()
            os.fsync(file.fileno())

    return median(once, 15)


def sha256_rate() -> float:
    """Bytes a second of SHA-256."""
    data = b"x" * (16 * MIB)
    return len(data) / median(lambda: hashlib.sha256(data).hexdigest(), 7)
