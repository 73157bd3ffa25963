"""Pages, calls, saving, the score, lists and search."""

import http.client
import json
import timeit
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from flask.testing import FlaskClient
from sqlalchemy import event

from bench import fill, stage
from bench.stage import Line, Server, getter, median
from cmmc_tracker.app import build
from cmmc_tracker.config import read
from cmmc_tracker.domain import catalog
from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.domain.scoring import score
from cmmc_tracker.opening import open_tracker
from cmmc_tracker.services.work import Tracker

PAGES = {
    "requirements list, HTML": "/systems/main/requirements",
    "requirements list, JSON": "/api/v1/systems/main/requirements",
    "dashboard": "/",
}


def opened(folder: Path, url: str | None = None) -> Tracker:
    """The installation of a folder."""
    return open_tracker(read(stage.environment(folder, url)))


def measure(folder: Path, hello: float, url: str | None = None) -> Iterator[Line]:
    """Pages and saving with 320 objectives judged and 2,000 links."""
    name = "PostgreSQL" if url else "SQLite"
    tracker = opened(folder, url)
    fill.people(tracker)
    fill.judged(tracker)
    fill.evidence(tracker, 1_000, 2_000)
    yield from statements(folder, tracker, name, url)
    tracker.engine.dispose()
    env = stage.environment(folder, url)
    with stage.started(stage.product(), env) as server:
        stage.sign_in(server)
        for what, path in PAGES.items():
            taken = median(getter(server, path), 60)
            yield _ratio(f"{what} ({name})", taken, hello, 25)
        fsync = stage.fsync_seconds(folder)
        saved = median(saver(server), 60)
        limit = 12 * hello + fsync
        yield Line(
            f"saving one objective ({name})",
            "12 × hello + one fsync",
            f"{saved * 1e3:.2f} ms of {limit * 1e3:.2f} ms ({(saved - fsync) / hello:.1f} × hello + fsync)",
            saved <= limit,
        )


def _ratio(what: str, taken: float, base: float, limit: float, unit: str = "hello") -> Line:
    ratio = taken / base
    return Line(what, f"{limit} × {unit}", f"{ratio:.1f} × ({taken * 1e3:.2f} ms)", ratio <= limit)


def statements(folder: Path, tracker: Tracker, name: str, url: str | None) -> Iterator[Line]:
    """How many SQL statements each page takes."""
    client = signed_in(folder, tracker, url)
    with counted(tracker) as seen:
        for what, path in PAGES.items():
            seen.clear()
            assert client.get(path).status_code == 200
            yield Line(f"statements of the {what} ({name})", "6", str(len(seen)), len(seen) <= 6)


def signed_in(folder: Path, tracker: Tracker, url: str | None = None) -> FlaskClient:
    """Ada's browser, without a server between."""
    client = build(read(stage.environment(folder, url)), tracker).test_client()
    page = client.get("/login").text
    token = page.split('name="csrf_token" value="')[1][:64]
    client.post("/login", data={"csrf_token": token, "username": "ada", "password": stage.PASSWORD})
    return client


@contextmanager
def counted(tracker: Tracker) -> Iterator[list[str]]:
    """The statements that are sent while a block runs."""
    seen: list[str] = []

    def count(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    event.listen(tracker.engine, "before_cursor_execute", count)
    yield seen
    event.remove(tracker.engine, "before_cursor_execute", count)


def saver(server: Server) -> Callable[[], None]:
    """Judges one objective anew over one connection, so that something is recorded."""
    connection: http.client.HTTPConnection = server.connect()
    count = iter(range(10_000))
    headers = {**server.headers, "Content-Type": "application/json"}

    def save() -> None:
        body = json.dumps({"status": "met", "note": f"note {next(count)}"})
        connection.request("PATCH", "/api/v1/systems/main/requirements/AC.L2-3.1.1/objectives/a", body, headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200

    return save


def score_alone() -> Iterator[Line]:
    """The domain's part of the score."""
    known = catalog.load(2)
    statuses = list(Status)
    mixed = {
        r.id: tuple(statuses[(n + i) % 4] for i in range(len(r.objectives))) for n, r in enumerate(known.requirements)
    }
    number = 500
    taken = min(timeit.repeat(lambda: score(known, mixed), number=number, repeat=5)) / number
    yield Line("score, domain part, all statuses mixed", "200 µs", f"{taken * 1e6:.0f} µs", taken < 200e-6)


def many(folder: Path, url: str | None = None) -> Iterator[Line]:
    """The first page and the search at 1,000 and at 100,000 artifacts."""
    name = "PostgreSQL" if url else "SQLite"
    tracker = opened(folder, url)
    fill.people(tracker)
    fill.evidence(tracker, 1_000, 500)
    few = _lists(folder, url)
    fill.evidence(tracker, 99_000, 0)
    tracker.engine.dispose()
    much = _lists(folder, url)
    for what, limit in (("first 25 artifacts", 2), ("text search", 4)):
        ratio = much[what] / few[what]
        yield Line(
            f"{what} at 100,000 against 1,000 ({name})",
            f"{limit} ×",
            f"{ratio:.2f} × ({few[what] * 1e3:.2f} → {much[what] * 1e3:.2f} ms)",
            ratio <= limit,
        )


def _lists(folder: Path, url: str | None) -> dict[str, float]:
    env = stage.environment(folder, url)
    with stage.started(stage.product(), env) as server:
        stage.sign_in(server)
        return {
            "first 25 artifacts": median(getter(server, "/api/v1/artifacts"), 40),
            "text search": max(
                median(getter(server, f"/api/v1/artifacts?q={query}"), 40)
                for query in ("number42", "firewall+review", "quart", "bench")
            ),
        }
