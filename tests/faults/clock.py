"""The clock jumps a year ahead and two back, while people work."""

from contextlib import closing
from pathlib import Path

from cmmc_tracker.app import build
from cmmc_tracker.config import read
from cmmc_tracker.services import jobs, verify
from cmmc_tracker.services.jobs.house import House
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.blobs import FolderBlobs
from cmmc_tracker.storage.database import make_engine, migrate
from tests.conftest import PASSWORD, Clock, Person, add_account, prepare

_JUMPS = (400, -800, 1, -1, 401)  # days


def _jumps(folder: Path) -> str:
    url = f"sqlite:///{folder}/cmmc.db"
    prepare(url, folder)
    engine, clock = make_engine(url), Clock()
    with closing(engine.raw_connection()):
        migrate(engine)
    tracker = Tracker(engine, FolderBlobs(folder / "uploads"), clock)
    app = build(read({"FLASK_SECRET": "s" * 40, "CMMC_DATA_DIR": str(folder), "DATABASE_URL": url}), tracker)
    add_account(tracker, "ada", "admin")
    sent = 0
    for number, days in enumerate(_JUMPS):
        _work(app, number)
        for _ in range(4):  # wrong tries, whose times must not shut anybody out later
            Person("ada", app.test_client()).sign_in("wrong")
        jobs.turn(House(tracker), f"process {number}")
        sent += 1
        clock.forward(days=days)
        clock.forward(minutes=6)
        assert jobs.take(tracker, jobs.JOBS[3], f"process {number}"), "a lease of another time keeps the jobs away"
        jobs.give_back(tracker, jobs.JOBS[3], f"process {number}", done=False)
    _work(app, sent)
    report = verify.run(tracker)
    assert report.problems == [], report.problems
    engine.dispose()
    return f"{len(_JUMPS)} jumps; sign-in, uploads, judgements and jobs went on at once"


def _work(app: object, number: int) -> None:
    ada = Person("ada", app.test_client())  # type: ignore[attr-defined]
    ada.sign_in(PASSWORD)
    answers = [
        ada.upload(f"{number}.txt", f"it is {number}".encode()),
        ada.call("PATCH", "/systems/main/requirements/3.1.1/objectives/a", {"status": "met", "note": str(number)}),
        ada.call("POST", "/systems/main/packages", {"name": f"frozen {number}", "reason": "the clock jumps"}),
    ]
    *others, frozen = answers
    assert [one.status_code for one in others] == [201, 200], [one.text[:300] for one in answers]
    # A package is never frozen on a day that the tracker knows to be none.
    assert frozen.status_code == 201 or "The clock of the server says" in frozen.text, frozen.text[:300]


CASES = [("the clock jumps", _jumps)]
