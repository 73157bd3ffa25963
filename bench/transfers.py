"""Uploads and downloads of 95 MB, their memory, and the start."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tools import visitor

from bench import fill, stage
from bench.pages import opened
from bench.stage import MIB, Line, Server, getter, median

SIZE = 95 * 1_000_000
_HEAD = (
    b'--b\r\nContent-Disposition: form-data; name="title"\r\n\r\nbench\r\n'
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="bench.txt"\r\n'
    b"Content-Type: text/plain\r\n\r\n"
)
_TAIL = b"\r\n--b--\r\n"


def measure(folder: Path) -> Iterator[Line]:
    """Uploads, downloads, memory."""
    tracker = opened(folder)
    fill.people(tracker)
    number = fill.file(tracker, os.urandom(MIB) * 90)
    path = tracker.blobs.place(_sha256(tracker, number))
    tracker.engine.dispose()
    env = stage.environment(folder)
    with (
        stage.started(stage.product(), env) as server,
        stage.started(stage.bare(), {**env, "BARE_FILE": str(path)}) as bare,
    ):
        stage.sign_in(server)
        content = f"/api/v1/artifacts/{number}/versions/1/content"
        yield from _uploads(server, bare)
        yield from _downloads(server, bare, content)
        yield from _memory(server)


def _sha256(tracker: object, number: int) -> str:
    from cmmc_tracker.services import artifact_views  # noqa: PLC0415

    with tracker.read(fill.operator(tracker)) as work:  # type: ignore[attr-defined,arg-type]
        return artifact_views.one(work, number).current.files[0].sha256


def _body(seed: int) -> bytes:
    """95 MB of text that no other upload has."""
    line = f"{seed:>20} ".encode() * 50_000
    return (line * (SIZE // len(line) + 1))[:SIZE]


def sender(
    server: Server, path: str, kind: str, wrap: tuple[bytes, bytes], who: Mapping[str, str]
) -> Callable[[], float]:
    """Sends a fresh 95 MB each time; returns the seconds from the first byte to the answer."""
    count = iter(range(time.time_ns() % 10**9, 2 * 10**9))

    def send() -> float:
        body = wrap[0] + _body(next(count)) + wrap[1]
        connection = server.connect()
        began = time.perf_counter()
        connection.request("POST", path, body, {**who, "Content-Type": kind})
        answer = connection.getresponse()
        content = answer.read()
        taken = time.perf_counter() - began
        connection.close()
        assert answer.status in {200, 201}, content[:300]
        return taken

    return send


def _uploads(server: Server, bare: Server) -> Iterator[Line]:
    ours = sender(server, "/api/v1/artifacts", "multipart/form-data; boundary=b", (_HEAD, _TAIL), server.headers)
    raw = sender(bare, "/upload", "application/octet-stream", (b"", b""), {})
    ours(), raw()
    pairs = [(ours(), raw()) for _ in range(7)]
    mine, theirs = (sorted(p[i] for p in pairs)[3] for i in (0, 1))
    ratio = mine / theirs
    yield Line(
        "upload of 95 MB, multipart",
        "1.7 × a bare route that streams the raw body with SHA-256 and fsync",
        f"{ratio:.2f} × ({mine * 1e3:.0f} ms against {theirs * 1e3:.0f} ms)",
        ratio <= 1.7,
    )


def _downloads(server: Server, bare: Server, content: str) -> Iterator[Line]:
    mine = median(getter(server, content), 7)
    theirs = median(getter(bare, "/download"), 7)
    share = theirs / mine
    yield Line("download of 94 MB", "50 % of plain send_file", f"{share:.0%} ({mine * 1e3:.0f} ms)", share >= 0.5)


def _memory(server: Server) -> Iterator[Line]:
    # Two people: one may have six uploads under way.
    people = [visitor.sign_in(server.port, name, stage.PASSWORD) for name in ("ada", "bob")]
    kind = "multipart/form-data; boundary=b"
    senders = [sender(server, "/api/v1/artifacts", kind, (_HEAD, _TAIL), who) for who in people]
    for clients in (1, 8):
        before = server.memory()
        peak = before
        with ThreadPoolExecutor(clients) as pool:
            sent = [pool.submit(senders[number % 2]) for number in range(clients)]
            while not all(one.done() for one in sent):
                peak = max(peak, server.memory())
                time.sleep(0.02)
        for one in sent:
            one.result()
        grown = (peak - before) / MIB
        yield Line(f"memory grown by {clients} upload(s) of 95 MB at once", "24 MB", f"{grown:.1f} MB", grown < 24)


def start(folder: Path) -> Iterator[Line]:
    """From the command to ready, and what a worker weighs."""
    env = stage.environment(folder)
    subprocess.run([sys.executable, "-m", "cmmc_tracker", "score"], env=env, check=True, capture_output=True)

    began = time.perf_counter()
    with stage.started(stage.product(), env) as server:
        ready = time.perf_counter() - began
        getter(server, "/healthz")()
        workers = server.processes()[1:]
        resident = max(p.memory_info().rss for p in workers) / MIB
        proportional = max(p.memory_full_info().pss for p in workers) / MIB
    yield Line("start, command to ready", "1.2 s", f"{ready:.2f} s", ready < 1.2)
    yield Line(
        "a worker's memory", "110 MB", f"{resident:.0f} MB resident, {proportional:.0f} MB of its own", resident < 110
    )
