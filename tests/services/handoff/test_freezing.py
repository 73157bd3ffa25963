"""Freezing by a job: in turns, taken up after a kill, all or nothing, failing with a sentence."""

import hashlib
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select, update

from cmmc_tracker.domain.handoff.package import Asked, Purpose
from cmmc_tracker.domain.permissions import Actor
from cmmc_tracker.domain.providers import ProviderEntry
from cmmc_tracker.errors import Conflict, Forbidden, NotFound, Stale
from cmmc_tracker.services import audit, spill, trash
from cmmc_tracker.services.handoff import freezing, packages, sealing, stream
from cmmc_tracker.services.handoff.freezing import Freeze
from cmmc_tracker.services.jobs import JOBS
from cmmc_tracker.services.scope import providers
from cmmc_tracker.services.spill_plan import Wanted as Spilled
from cmmc_tracker.services.spill_plan import plan
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import freezes, package_files, pins, users
from tests.conftest import OPERATOR, Clock
from tests.services.evidence import FIRST, SECOND, acting, give, linked_artifact, made, other_system, somebody

ASKED = Asked("Of record", Purpose.FINAL, "as it is", releasable=True)


@pytest.fixture
def bo(tracker: Tracker, monkeypatch: pytest.MonkeyPatch) -> Actor:
    """Bo works in `main`, which has three artifacts, more than are hashed at once."""
    monkeypatch.setattr(freezing, "AT_ONCE", 10)
    person = somebody(tracker, "bo")
    for n in range(3):
        linked_artifact(tracker, person, f"Policy {n}", (f"{n}.txt", f"what we do {n}".encode()), FIRST)
    return person


def ask(tracker: Tracker, bo: Actor) -> Freeze:
    found = freezing.ask(tracker, bo, "127.0.0.1", bo.systems["main"], ASKED)
    assert isinstance(found, Freeze)
    return found


def state(tracker: Tracker, bo: Actor, freeze: Freeze) -> Freeze:
    with tracker.read(bo) as work:
        return freezing.one(work, bo.systems["main"], freeze.id)


def all_turns(tracker: Tracker) -> int:
    turns = 0
    while freezing.wanted(tracker):
        freezing.turn(tracker)
        turns += 1
    return turns


def frozen(tracker: Tracker, bo: Actor) -> list[packages.Package]:
    with tracker.read(bo) as work:
        return packages.listed(work, bo.systems["main"])


def test_what_is_little_is_frozen_at_once(tracker: Tracker, bo: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freezing, "AT_ONCE", 1_000)
    found = freezing.ask(tracker, bo, "", bo.systems["main"], ASKED)
    assert isinstance(found, packages.Package)
    assert not freezing.wanted(tracker)


def test_what_is_much_is_frozen_by_the_job_as_it_stood_when_it_was_asked_for(tracker: Tracker, bo: Actor) -> None:
    waiting = ask(tracker, bo)
    assert (waiting.state, waiting.bytes, waiting.bytes_done, frozen(tracker, bo)) == ("waiting", 36, 0, [])
    linked_artifact(tracker, bo, "Later", ("later.txt", b"what came later"), SECOND)
    all_turns(tracker)
    done = state(tracker, bo, waiting)
    (made,) = frozen(tracker, bo)
    assert (done.state, done.package_id, done.bytes_done) == ("done", made.id, 36)
    assert (made.artifacts, made.bytes, made.frozen_by, made.releasable) == (3, 36, "bo", True)
    with tracker.read() as work:
        (entry,) = (one for one in audit.history(work, made.holder) if one.action == "package:frozen")
    assert (entry.actor, entry.address) == ("bo", "127.0.0.1")
    assert len(b"".join(stream.opened(tracker, made).pieces())) == stream.opened(tracker, made).size


def test_the_job_is_one_of_the_house(tracker: Tracker) -> None:
    assert "freezes" in {job.name for job in JOBS}


def test_a_kill_in_the_middle_leaves_no_package_and_the_next_process_goes_on_from_there(
    tracker: Tracker, bo: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = ask(tracker, bo)
    monkeypatch.setattr(freezing, "SECONDS", -1.0)  # one look at the clock, and the turn is over
    freezing.turn(tracker)
    assert frozen(tracker, bo) == []
    monkeypatch.undo()
    looked: list[str] = []
    real = sealing.look

    def dies(tracker: Tracker, sha256: str, size: int) -> tuple[str, int]:
        looked.append(sha256)
        if len(looked) == 2:
            raise KeyboardInterrupt
        return real(tracker, sha256, size)

    monkeypatch.setattr(sealing, "look", dies)
    with pytest.raises(KeyboardInterrupt):
        freezing.turn(tracker)
    monkeypatch.undo()
    assert frozen(tracker, bo) == []
    with tracker.read() as work:
        assert work.rows(select(pins)) == work.rows(select(package_files)) == []
    all_turns(tracker)
    assert state(tracker, bo, waiting).state == "done"
    assert len(frozen(tracker, bo)) == 1


def test_a_turn_notes_how_far_it_came_and_the_next_hashes_the_rest_only(
    tracker: Tracker, bo: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = ask(tracker, bo)
    ticks = iter([0.0, 0.0, 99.0])
    monkeypatch.setattr(freezing, "time", SimpleNamespace(monotonic=lambda: next(ticks)))  # others ask the time too
    assert freezing.turn(tracker)
    monkeypatch.undo()
    assert (state(tracker, bo, waiting).state, state(tracker, bo, waiting).bytes_done) == ("hashing", 12)
    looked: list[str] = []
    real = sealing.look

    def noting(tracker: Tracker, sha256: str, size: int) -> tuple[str, int]:
        looked.append(sha256)
        return real(tracker, sha256, size)

    monkeypatch.setattr(sealing, "look", noting)
    all_turns(tracker)
    assert len(looked) == 2
    assert state(tracker, bo, waiting).state == "done"


def test_a_process_that_dies_at_the_write_again_and_again_is_given_up(
    tracker: Tracker, bo: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = ask(tracker, bo)

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sealing, "made_before", dies)
    for _ in range(freezing.MOST_TRIES + 2):
        if freezing.wanted(tracker) and state(tracker, bo, waiting).state != "failed":
            try:
                freezing.turn(tracker)
            except KeyboardInterrupt:
                continue
    failed = state(tracker, bo, waiting)
    assert failed.state == "failed"
    assert "was tried 5 times" in failed.message
    assert frozen(tracker, bo) == []


@pytest.mark.parametrize("harm", ["gone", "altered"])
def test_a_file_that_is_not_what_was_received_fails_it_by_name(tracker: Tracker, bo: Actor, harm: str) -> None:
    waiting = ask(tracker, bo)
    path = tracker.blobs.place(hashlib.sha256(b"what we do 1").hexdigest())
    assert path
    path.chmod(0o600)
    path.unlink() if harm == "gone" else path.write_bytes(b"what we DO 1")
    all_turns(tracker)
    failed = state(tracker, bo, waiting)
    assert failed.state == "failed"
    assert "1.txt (artifact 2): " + ("missing" if harm == "gone" else "altered") in failed.message
    assert frozen(tracker, bo) == []
    with tracker.read(bo) as work:
        assert [one.id for one in freezing.listed(work, bo.systems["main"])] == [waiting.id]
        (ended,) = (one for one in audit.history(work, f"freeze:{waiting.id}") if one.action == "package:ended")
    assert ended.detail["reason"] == failed.message


def _leaves(tracker: Tracker, bo: Actor) -> None:
    with tracker.write() as work:
        work.db.execute(update(users).where(users.c.id == bo.id).values(disabled_at=work.now))


def _loses_the_right(tracker: Tracker, bo: Actor) -> None:
    give(tracker, bo.id or 0, may_judge=False)


def _artifact_goes(tracker: Tracker, bo: Actor) -> None:
    with tracker.write(bo) as work:
        trash.remove(work, 2)


@pytest.mark.parametrize(
    ("meanwhile", "said"),
    [(_leaves, "no account"), (_loses_the_right, "may not judge"), (_artifact_goes, "Artifact 2 went")],
)
def test_what_changes_in_between_fails_it_with_why(
    tracker: Tracker, bo: Actor, meanwhile: Callable[[Tracker, Actor], None], said: str
) -> None:
    waiting = ask(tracker, bo)
    meanwhile(tracker, bo)
    all_turns(tracker)
    assert said in state(tracker, bo, waiting).message
    assert frozen(tracker, bo) == []


def test_a_freeze_can_be_given_up_and_ends_once(tracker: Tracker, bo: Actor) -> None:
    waiting = ask(tracker, bo)
    with tracker.write(bo) as work:
        freezing.stop(work, bo.systems["main"], waiting.id)
    assert state(tracker, bo, waiting).message == "It was given up by bo."
    assert not freezing.wanted(tracker)
    with tracker.write(bo) as work, pytest.raises(Stale):
        freezing.stop(work, bo.systems["main"], waiting.id)


def test_given_up_while_the_package_is_written_means_none(
    tracker: Tracker, bo: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = ask(tracker, bo)
    real = sealing.made_before

    def meanwhile(*given: Any) -> object:
        with tracker.write(bo) as work:
            freezing.stop(work, bo.systems["main"], waiting.id)
        return real(*given)

    monkeypatch.setattr(sealing, "made_before", meanwhile)
    freezing.turn(tracker)
    assert frozen(tracker, bo) == []
    assert state(tracker, bo, waiting).message == "It was given up by bo."


def test_nothing_is_asked_for_without_a_reason_where_findings_are_open(tracker: Tracker, bo: Actor) -> None:
    bare = Asked("Of record", Purpose.FINAL, "", releasable=False)
    with pytest.raises(Conflict, match="findings"):
        freezing.ask(tracker, bo, "", bo.systems["main"], bare)
    with tracker.read() as work:
        assert work.rows(select(freezes)) == []


def test_a_spill_ends_what_was_to_be_frozen_with_it_and_leaves_nothing_of_its_picture(
    tracker: Tracker, bo: Actor
) -> None:
    theirs = linked_artifact(tracker, bo, "Drawing of the valve", ("valve.txt", b"secret"), SECOND)
    waiting = ask(tracker, bo)
    freezing.turn(tracker)
    assert len(frozen(tracker, bo)) == 1
    waiting = ask(tracker, bo)
    given = Spilled(theirs, None, "It should never have come.")
    spill.spill(tracker, OPERATOR, given, plan(tracker, OPERATOR, given), everywhere=True)
    ended = state(tracker, bo, waiting)
    assert (ended.state, ended.message) == ("failed", "Evidence of it was spilled. Freeze the system anew.")
    with tracker.read() as work:
        assert work.db.execute(select(freezes.c.snapshot).where(freezes.c.id == waiting.id)).scalar_one() == ""
    assert not freezing.wanted(tracker)
    assert len(frozen(tracker, bo)) == 1


def test_a_spill_of_what_a_provider_names_ends_a_freeze_too_for_its_title_stands_in_the_picture(
    tracker: Tracker, bo: Actor
) -> None:
    theirs = made(tracker, bo, ("valve.txt", b"secret"), title="Drawing of the valve")
    with tracker.write(bo) as work:
        providers.add(work, bo.systems["main"], ProviderEntry("Northwind", basis_artifact_id=theirs))
    waiting = ask(tracker, bo)
    with tracker.read() as work:
        assert "valve" in work.db.execute(select(freezes.c.snapshot).where(freezes.c.id == waiting.id)).scalar_one()
    given = Spilled(theirs, None, "It should never have come.")
    spill.spill(tracker, OPERATOR, given, plan(tracker, OPERATOR, given), everywhere=True)
    assert state(tracker, bo, waiting).state == "failed"
    assert not freezing.wanted(tracker)


def test_a_system_has_so_many_freezes_under_way_and_others_are_not_hindered(
    tracker: Tracker, bo: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(freezing, "MOST_WAITING", 2)
    first, second = ask(tracker, bo), ask(tracker, bo)
    with pytest.raises(Conflict, match="under way"):
        ask(tracker, bo)
    with tracker.write(bo) as work:
        freezing.stop(work, bo.systems["main"], first.id)
    assert ask(tracker, bo).id > second.id


def test_who_became_an_assessor_meanwhile_freezes_nothing_any_more(tracker: Tracker, bo: Actor) -> None:
    waiting = ask(tracker, bo)
    with tracker.write() as work:
        work.db.execute(update(users).where(users.c.id == bo.id).values(organization="assessor"))
    all_turns(tracker)
    assert state(tracker, bo, waiting).state == "failed"
    assert frozen(tracker, bo) == []


def test_who_may_not_freeze_asks_for_nothing_and_gives_nothing_up(tracker: Tracker, bo: Actor) -> None:
    waiting = ask(tracker, bo)
    give(tracker, bo.id or 0, may_judge=False)
    viewer = acting(tracker, bo.id or 0, "bo")
    with pytest.raises(Forbidden):
        ask(tracker, viewer)
    with tracker.write(viewer) as work, pytest.raises(Forbidden):
        freezing.stop(work, viewer.systems["main"], waiting.id)
    assert state(tracker, bo, waiting).is_under_way


def test_a_freeze_of_another_system_is_not_found(tracker: Tracker, bo: Actor) -> None:
    waiting = ask(tracker, bo)
    lab = other_system(tracker, bo.id)
    with tracker.read(bo) as work, pytest.raises(NotFound):
        freezing.one(work, lab, waiting.id)


def test_two_freezes_at_once_are_two_packages_each_with_its_own_number(tracker: Tracker, bo: Actor) -> None:
    failures: list[BaseException] = []

    def one() -> None:
        try:
            packages.freeze(tracker, bo, "", bo.systems["main"], ASKED)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=one) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert [one.number for one in frozen(tracker, bo)] == [3, 2, 1]


# A wrong clock


def test_a_clock_before_any_assessment_could_count_freezes_nothing(tracker: Tracker, bo: Actor, clock: Clock) -> None:
    clock.offset = datetime(2025, 11, 9, 12, tzinfo=UTC) - tracker.clock()
    with pytest.raises(Conflict, match="which cannot be"):
        packages.freeze(tracker, bo, "", bo.systems["main"], ASKED)


def test_a_clock_behind_the_log_is_a_finding_that_stands_in_the_package(
    tracker: Tracker, bo: Actor, clock: Clock
) -> None:
    clock.offset += timedelta(days=400)
    linked_artifact(tracker, bo, "Of next year", ("n.txt", b"n"), FIRST)
    clock.offset -= timedelta(days=400)
    made = packages.freeze(tracker, bo, "", bo.systems["main"], ASKED)
    with tracker.read(bo) as work:
        first = packages.snapshot(work, bo.systems["main"], made.id)["not_ready"][0]
    assert first["check"] == "clock"
    assert "the newest entry of the audit log is of" in first["sentence"]
