"""How long a package is kept: later, never sooner; a legal hold outlasts every date, and says who and why."""

import threading
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select, update

from cmmc_tracker.domain.handoff.package import Asked, Purpose
from cmmc_tracker.domain.permissions import Actor, Role
from cmmc_tracker.errors import Conflict, Forbidden, Invalid, NotFound, Stale
from cmmc_tracker.services import audit, quarantine, trash
from cmmc_tracker.services.handoff import holds, packages
from cmmc_tracker.services.handoff.packages import Package
from cmmc_tracker.services.work import Tracker, Work
from cmmc_tracker.storage.tables import artifacts, pins
from tests.conftest import OPERATOR, Clock
from tests.services.evidence import FIRST, linked_artifact, other_system, somebody
from tests.services.trash_steps import purge_now, put_away

TODAY = datetime.now(UTC).date()
ASKED = Asked("Of record", Purpose.FINAL, "as it is", releasable=False)


@pytest.fixture
def admin(tracker: Tracker) -> Actor:
    """Ada runs the machine and works in `main`."""
    ada = somebody(tracker, "ada")
    return Actor(ada.id, ada.name, Role.ADMIN, ada.systems)


@pytest.fixture
def frozen(tracker: Tracker, admin: Actor) -> Package:
    """A package that pins artifact 1."""
    linked_artifact(tracker, admin, "Access policy", ("policy.txt", b"what we do"), FIRST)
    return packages.freeze(tracker, admin, "", admin.systems["main"], ASKED)


def later(tracker: Tracker, admin: Actor, package: Package, day: object, version: int | None = None) -> Package:
    with tracker.write(admin) as work:
        return holds.keep_until(work, admin.systems["main"], package.id, day, version)


def test_a_later_day_holds_the_package_and_each_of_its_pins(tracker: Tracker, admin: Actor, frozen: Package) -> None:
    day = frozen.retained_until + timedelta(days=700)
    kept = later(tracker, admin, frozen, day.isoformat(), frozen.version)
    assert (kept.retained_until, kept.version) == (day, frozen.version + 1)
    with tracker.read() as work:
        assert [row.until for row in work.rows(select(pins))] == [day]
        (entry,) = (one for one in audit.history(work, frozen.holder) if one.action == "package:kept_longer")
    assert entry.detail["before"] == frozen.retained_until.isoformat()
    assert entry.detail["now"] == day.isoformat()


@pytest.mark.parametrize("days", [-1, 0])
def test_it_cannot_be_made_shorter(tracker: Tracker, admin: Actor, frozen: Package, days: int) -> None:
    day = frozen.retained_until + timedelta(days=days)
    with pytest.raises(Conflict, match="never shorter") as refused:
        later(tracker, admin, frozen, day.isoformat())
    assert "170.17(c)(4)" in str(refused.value.clause)
    with tracker.read(admin) as work:
        assert packages.one(work, admin.systems["main"], frozen.id).retained_until == frozen.retained_until


@pytest.mark.parametrize("given", ["", None, "soon", "2033-02-30", f"{TODAY.year + 101}-12-31", 2033])
def test_what_is_no_day_within_a_hundred_years_is_refused(
    tracker: Tracker, admin: Actor, frozen: Package, given: object
) -> None:
    with pytest.raises(Invalid) as refused:
        later(tracker, admin, frozen, given)
    assert list(refused.value.fields) == ["retained_until"]


def test_two_at_once_do_not_overwrite_each_other(tracker: Tracker, admin: Actor, frozen: Package) -> None:
    later(tracker, admin, frozen, (frozen.retained_until + timedelta(days=1)).isoformat(), frozen.version)
    with pytest.raises(Stale):
        later(tracker, admin, frozen, (frozen.retained_until + timedelta(days=9)).isoformat(), frozen.version)


def place(tracker: Tracker, admin: Actor, package: Package, reason: object = "Case 7") -> Package:
    with tracker.write(admin) as work:
        return holds.place(work, admin.systems["main"], package.id, reason)


def lift(tracker: Tracker, admin: Actor, package: Package, number: int, why: object = "Closed") -> Package:
    with tracker.write(admin) as work:
        return holds.lift(work, admin.systems["main"], package.id, number, why)


def test_while_a_legal_hold_stands_nothing_goes_whatever_the_day(
    tracker: Tracker, admin: Actor, frozen: Package, clock: Clock
) -> None:
    assert place(tracker, admin, frozen).is_held
    clock.offset += timedelta(days=8 * 366)
    with tracker.write(admin) as work, pytest.raises(Conflict, match="by a legal hold, which stands"):
        trash.remove(work, 1)
    with tracker.write(admin) as work:
        quarantine.hold(work, 1, "It carries a marking.")
    with tracker.write(admin) as work, pytest.raises(Conflict, match="by a legal hold"):
        quarantine.reject(work, 1, "It does not belong here.")
    with tracker.write() as work:  # whatever got it into the trash
        work.db.execute(update(artifacts).values(deleted_at=work.now - timedelta(days=90), quarantined_at=None))
    assert trash.purge(tracker, OPERATOR, [1])[0] == []
    assert not lift(tracker, admin, frozen, 1).is_held
    assert trash.purge(tracker, OPERATOR, [1])[0] == [1]


def test_it_is_kept_for_ever_who_placed_a_hold_and_who_lifted_it(
    tracker: Tracker, admin: Actor, frozen: Package
) -> None:
    place(tracker, admin, frozen, "Case 7")
    place(tracker, admin, frozen, "Case 8")
    assert lift(tracker, admin, frozen, 1, "Settled out of court").is_held  # the other one stands
    with tracker.read(admin) as work:
        standing, lifted = holds.of(work, frozen)
        said = [one.action for one in audit.history(work, frozen.holder)]
    assert (standing.reason, standing.placed_by, standing.lifted_at) == ("Case 8", "ada", None)
    assert (lifted.reason, lifted.lifted_by, lifted.lifted_why) == ("Case 7", "ada", "Settled out of court")
    assert sorted(said) == ["package:frozen", "package:held", "package:held", "package:released"]


def test_a_hold_is_lifted_once_and_only_on_its_own_package(tracker: Tracker, admin: Actor, frozen: Package) -> None:
    other = packages.freeze(tracker, admin, "", admin.systems["main"], ASKED)
    place(tracker, admin, frozen)
    with pytest.raises(NotFound):
        lift(tracker, admin, other, 1)
    lift(tracker, admin, frozen, 1)
    with pytest.raises(Stale):
        lift(tracker, admin, frozen, 1)


@pytest.mark.parametrize("given", ["", " ", None, 7, "x" * 2_001])
def test_a_hold_says_why(tracker: Tracker, admin: Actor, frozen: Package, given: object) -> None:
    with pytest.raises(Invalid):
        place(tracker, admin, frozen, given)


def test_only_administrators_who_are_members_say_how_long(tracker: Tracker, admin: Actor, frozen: Package) -> None:
    bo = somebody(tracker, "bo")
    with tracker.write(bo) as work, pytest.raises(Forbidden):
        holds.place(work, bo.systems["main"], frozen.id, "Case 7")
    with tracker.write(bo) as work, pytest.raises(Forbidden):
        holds.keep_until(work, bo.systems["main"], frozen.id, date(2099, 1, 1).isoformat())
    lab = other_system(tracker)
    with tracker.write(admin) as work, pytest.raises(NotFound):
        holds.place(work, lab, frozen.id, "Case 7")


@pytest.mark.parametrize("act", ["hold", "keep"])
def test_a_hold_and_a_purge_at_the_same_instant_are_one_after_the_other(
    tracker: Tracker, admin: Actor, frozen: Package, clock: Clock, act: str
) -> None:
    """The purge has looked whether anything holds the evidence, and is not over: a hold does not come in between."""
    clock.forward(days=366 * 7)
    put_away(tracker, admin, 1)
    clock.forward(days=31)
    day = (tracker.today + timedelta(days=99)).isoformat()
    done = threading.Event()

    def say() -> None:
        place(tracker, admin, frozen) if act == "hold" else later(tracker, admin, frozen, day)
        done.set()

    other = threading.Thread(target=say)
    with pytest.raises(Stale, match="stopped"), tracker.write(OPERATOR) as work:
        _purge_and_stop(work, other, done)
    other.join()
    assert done.is_set()
    gone, kept = purge_now(tracker)
    assert (gone, [one for one, _ in kept]) == ([], [1])


def _purge_and_stop(work: Work, other: threading.Thread, done: threading.Event) -> None:
    """All that a purge does but its end, with somebody else beginning before that."""
    trash._purge_one(work, 1)
    other.start()
    assert not done.wait(1.0)
    raise Stale("stopped")
