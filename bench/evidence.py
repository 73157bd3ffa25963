"""Evidence in masses: small uploads, a thousand links, search in 2 GB of text, all bytes hashed again, a long PDF."""

import hashlib
import http.client
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import typst

from bench import fill, stage
from bench.pages import opened
from bench.stage import MIB, Line, Server, getter, median
from cmmc_tracker.domain.catalog import parse_objective_id
from cmmc_tracker.services import bulk, integrity
from cmmc_tracker.services.bulk import Chosen
from cmmc_tracker.services.links import Target

SMALL = 100 * 1_024
MANY = 1_000
QUERIES = ("number42", "firewall+review", "quart", "reviewed+0042", "approvals", "kind:record+training")


def uploads(folder: Path, hello: float) -> Iterator[Line]:
    """A thousand files of 100 KiB over one connection, and the same bytes by a plain loop."""
    tracker = opened(folder)
    fill.people(tracker)
    tracker.engine.dispose()
    contents = [f"{n:>20} ".encode() * (SMALL // 21) for n in range(MANY)]
    with stage.started(stage.product(), stage.environment(folder)) as server:
        stage.sign_in(server)
        began = time.perf_counter()
        connection = server.connect()
        for n, content in enumerate(contents):
            _upload(connection, server, f"log {n}", f"log-{n}.txt", content)
        ours = (time.perf_counter() - began) / MANY
    plain = _plain(folder / "plain", contents) / MANY
    limit = 15 * hello + plain
    yield Line(
        f"upload of {MANY:,} files of 100 KiB, a file",
        "15 × hello + the bytes written, fsynced and hashed",
        f"{ours * 1e3:.2f} ms of {limit * 1e3:.2f} ms ({(ours - plain) / hello:.1f} × hello + {plain * 1e3:.2f} ms)",
        ours <= limit,
    )


def _upload(connection: http.client.HTTPConnection, server: Server, title: str, name: str, content: bytes) -> None:
    head = (
        f'--b\r\nContent-Disposition: form-data; name="title"\r\n\r\n{title}\r\n'
        f'--b\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    ).encode()
    headers = {**server.headers, "Content-Type": "multipart/form-data; boundary=b"}
    connection.request("POST", "/api/v1/artifacts", head + content + b"\r\n--b--\r\n", headers)
    answer = connection.getresponse()
    said = answer.read()
    assert answer.status == 201, said[:300]


def _plain(folder: Path, contents: list[bytes]) -> float:
    folder.mkdir()
    began = time.perf_counter()
    for n, content in enumerate(contents):
        with (folder / str(n)).open("wb") as file:
            file.write(content)
            hashlib.sha256(content).hexdigest()
            file.flush()
            os.fsync(file.fileno())
    return time.perf_counter() - began


def links(folder: Path, url: str | None = None) -> Iterator[Line]:
    """A thousand artifacts linked to an objective in one Work, and acts on as many."""
    name = "PostgreSQL" if url else "SQLite"
    tracker = opened(folder, url)
    fill.evidence(tracker, 5 * MANY, 0)
    actor = fill.operator(tracker)
    objectives = iter("abcdef")
    taken: list[float] = []
    for turn in range(5):
        chosen = [Chosen(turn * MANY + n, 1) for n in range(1, MANY + 1)]
        target = Target(actor.systems["main"], parse_objective_id(f"AC.L2-3.1.1[{next(objectives)}]"), "", "")
        began = time.perf_counter()
        with tracker.write(actor) as work:
            assert bulk.link(work, chosen, [target]) == MANY
        taken.append(time.perf_counter() - began)
    middle = sorted(taken)[2]
    yield Line(f"bulk link of 1,000 artifacts ({name})", "0.5 s", f"{middle:.2f} s", middle < 0.5)
    began = time.perf_counter()
    with tracker.write(actor) as work:
        bulk.edit(work, chosen, {"kind": "log"})
    edited = time.perf_counter() - began
    yield Line(f"the kind of 1,000 artifacts set at once ({name})", "3 s", f"{edited:.2f} s", edited < 3)
    tracker.engine.dispose()


def search(folder: Path, url: str | None = None) -> Iterator[Line]:
    """Search with 20 KB of text behind each artifact: p95 at 100,000 (PostgreSQL: 10,000) against 1,000."""
    name, much = ("PostgreSQL", 10_000) if url else ("SQLite", 100_000)
    tracker = opened(folder, url)
    fill.people(tracker)
    fill.texts(tracker, 1_000)
    few = _p95(folder, url)
    fill.texts(tracker, much - 1_000)
    tracker.engine.dispose()
    many = _p95(folder, url)
    ratio = many / few
    yield Line(
        f"search in 20 KB of text each, p95 at {much:,} against 1,000 ({name})",
        "4 ×",
        f"{ratio:.2f} × ({few * 1e3:.1f} → {many * 1e3:.1f} ms)",
        ratio < 4,
    )


def _p95(folder: Path, url: str | None) -> float:
    taken = []
    with stage.started(stage.product(), stage.environment(folder, url)) as server:
        stage.sign_in(server)
        reads = [getter(server, f"/artifacts?q={query}") for query in QUERIES]
        for read in reads:
            read()
        for _ in range(20):
            for read in reads:
                began = time.perf_counter()
                read()
                taken.append(time.perf_counter() - began)
    return sorted(taken)[int(len(taken) * 0.95)]


def rehash(folder: Path) -> Iterator[Line]:
    """All bytes hashed again by the job's own function, against `sha256sum` of the same files."""
    tracker = opened(folder)
    actor = fill.operator(tracker)
    for _ in range(40):
        fill.file(tracker, os.urandom(MIB) * 16)
    with tracker.read(actor):
        due = integrity.due(tracker, 100)
    files = [str(tracker.blobs.place(sha256)) for sha256, _ in due]
    size = sum(size for _, size in due)
    me = psutil.Process()
    idle, peak = me.memory_full_info().uss, [0]
    integrity.look(tracker, *due[0])

    def ours() -> None:
        for sha256, each in due:
            assert integrity.check(tracker, sha256, each)[0] == "intact"

    with _Watched(lambda: peak.__setitem__(0, max(peak[0], me.memory_full_info().uss))):
        mine = median(ours, 3)
    theirs = median(lambda: subprocess.run(["sha256sum", *files], check=True, stdout=subprocess.DEVNULL), 3)
    share, grown = theirs / mine, (peak[0] - idle) / MIB
    yield Line("re-hashing", "85 % of sha256sum", f"{share:.0%} ({size / mine / 1e6:,.0f} MB/s)", share >= 0.85)
    yield Line("memory grown by re-hashing", "32 MB", f"{grown:.1f} MB", grown <= 32)
    tracker.engine.dispose()


class _Watched:
    """Looks at something every 20 ms while a block runs."""

    def __init__(self, look: Callable[[], object]) -> None:
        self._look, self._over = look, threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(0.02):
            self._look()


def long_pdf(folder: Path) -> Iterator[Line]:
    """The dashboard while the text of a PDF of 500 pages is read, against the dashboard alone."""
    tracker = opened(folder)
    fill.people(tracker)
    fill.judged(tracker)
    content = _pages(500)
    with stage.started(stage.product(), stage.environment(folder)) as server:
        stage.sign_in(server)
        read = getter(server, "/")
        alone = median(read, 200)
        _upload(server.connect(), server, "handbook", "handbook.pdf", content)
        taken: list[float] = []
        deadline = time.monotonic() + 120
        while not (state := _text_state(tracker)) and time.monotonic() < deadline:
            for _ in range(5):
                began = time.perf_counter()
                read()
                taken.append(time.perf_counter() - began)
        assert state == "done", state
        assert len(taken) > 20
    tracker.engine.dispose()
    ratio = sorted(taken)[len(taken) // 2] / alone
    yield Line(
        "dashboard while a PDF of 500 pages is read",
        "1.25 ×",
        f"{ratio:.2f} × ({alone * 1e3:.2f} ms alone, {len(taken)} reads meanwhile)",
        ratio <= 1.25,
    )


def _text_state(tracker: object) -> str:
    """How the reading of the one content ended, or nothing while it waits."""
    with tracker.engine.connect() as db:  # type: ignore[attr-defined]
        state = db.exec_driver_sql("SELECT text_state FROM blobs").scalar_one()
    return "" if state == "waiting" else str(state)


def _pages(number: int) -> bytes:
    words = "The organization limits system access to authorized users and reviews accounts each quarter. " * 15
    source = "#pagebreak()\n".join(f"= Page {n}\n{words}\n" for n in range(number))
    with tempfile.TemporaryDirectory() as place:
        written = Path(place) / "pages.typ"
        written.write_text(source)
        return bytes(typst.compile(str(written)))
