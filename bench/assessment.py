"""Assessment by the rule: the checks of a full system, its pages, the portfolio."""

import statistics
import time
import timeit
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import insert

from bench import fill, stage
from bench.pages import counted, opened, saver, signed_in
from bench.stage import Line, Server, getter, median
from cmmc_tracker.domain import catalog
from cmmc_tracker.domain.readiness import found
from cmmc_tracker.domain.scoring import score
from cmmc_tracker.domain.ssp import contradictions
from cmmc_tracker.services import snapshots, systems
from cmmc_tracker.services.ssp.contradictions import cited
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage import tables

ASSETS = 2_000
PAGES = {
    "score page": "/systems/main/score",
    "readiness page": "/systems/main/readiness",
    "contradictions page": "/systems/main/ssp/contradictions",
    "POA&M page": "/systems/main/poam",
}


def _filled(folder: Path, url: str | None = None) -> Tracker:
    """320 objectives judged, 5,000 links, 2,000 assets."""
    tracker = opened(folder, url)
    fill.people(tracker)
    fill.judged(tracker)
    fill.evidence(tracker, 1_000, 5_000)
    with tracker.engine.connect().execution_options(writes=True) as db, db.begin():
        asset = {"system_id": 1, "category": "cui", "draft": False, "created_at": fill.NOW}
        db.execute(insert(tables.assets), [{**asset, "name": f"Workstation {n}"} for n in range(ASSETS)])
    return tracker


def rules(folder: Path, hello: float, url: str | None = None) -> Iterator[Line]:
    """The domain's part of score, checks and contradictions together; their pages."""
    name = "PostgreSQL" if url else "SQLite"
    tracker = _filled(folder, url)
    if url is None:
        yield _domain(tracker)
    client = signed_in(folder, tracker, url)
    with counted(tracker) as seen:
        for what, path in PAGES.items():
            seen.clear()
            assert client.get(path).status_code == 200, path
            yield Line(f"statements of the {what} ({name})", "30", str(len(seen)), len(seen) <= 30)
    tracker.engine.dispose()
    with stage.started(stage.product(), stage.environment(folder, url)) as server:
        stage.sign_in(server)
        for what, path in PAGES.items():
            taken = median(getter(server, path), 20)
            ratio = taken / hello
            yield Line(f"{what} ({name})", "40 × hello", f"{ratio:.1f} × ({taken * 1e3:.1f} ms)", ratio <= 40)
        for what, path in PAGES.items():
            taken = _just_changed(server, path)
            said = f"{taken / hello:.1f} × ({taken * 1e3:.1f} ms)"
            yield Line(f"{what}, the first after a change ({name})", "none given", said, True)


def _just_changed(server: Server, path: str, times: int = 12) -> float:
    """The median seconds of a page of which nothing is remembered, because something was recorded just before."""
    read, save = getter(server, path), saver(server)
    taken = []
    for _ in range(times):
        save()
        began = time.perf_counter()
        read()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def _domain(tracker: Tracker) -> Line:
    actor = fill.operator(tracker)
    with tracker.read(actor) as work:
        system = actor.systems["main"]
        snapshot, artifacts = snapshots.of(work, system), cited(work, system)
    known = catalog.load(2)
    statuses = {one.requirement.id: tuple(o.status for o in one.objectives) for one in snapshot.requirements}

    def all_of_it() -> None:
        score(known, statuses)
        found(snapshot)
        contradictions(snapshot, artifacts)

    taken = min(timeit.repeat(all_of_it, number=20, repeat=5)) / 20
    return Line(
        "score, all checks and contradictions of a full system, domain part",
        "5 ms",
        f"{taken * 1e3:.2f} ms",
        taken < 5e-3,
    )


def portfolio(folder: Path) -> Iterator[Line]:
    """The page over 50 systems against that over one."""
    tracker = opened(folder)
    fill.people(tracker)
    one = _portfolio(folder)
    with tracker.write(fill.operator(tracker)) as work:
        for number in range(49):
            access = systems.create(work, f"System {number}", 2)
            systems.enrol(work, access.system_id, 1)
    tracker.engine.dispose()
    fifty = _portfolio(folder)
    ratio = fifty / one
    said = f"{ratio:.2f} × ({one * 1e3:.1f} → {fifty * 1e3:.1f} ms)"
    yield Line("portfolio of 50 systems against one", "3 ×", said, ratio <= 3)


def _portfolio(folder: Path) -> float:
    with stage.started(stage.product(), stage.environment(folder)) as server:
        stage.sign_in(server)
        return median(getter(server, "/systems"), 20)
