"""What goes for good: when, what is left of it, what stays for another, and two at once."""

import contextlib
import threading
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from cmmc_tracker.domain.permissions import Actor
from cmmc_tracker.errors import Conflict, Forbidden, NotFound
from cmmc_tracker.services import links, trash, verify
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import (
    artifact_files,
    artifacts,
    audit,
    blob_texts,
    blobs,
    imports,
    tombstones,
)
from tests.conftest import ON_POSTGRESQL, OPERATOR, Clock
from tests.services.evidence import FIRST, made, other_system, received, seen, somebody, versioned
from tests.services.trash_steps import found_ids, hash_of, pin_version, purge_now, put_away, stored_names, take_back


@pytest.fixture
def bo(tracker: Tracker) -> Actor:
    """Bo works in `main`."""
    return somebody(tracker, "bo")


def test_only_what_lay_in_the_trash_for_longer_than_thirty_days_goes(tracker: Tracker, bo: Actor, clock: Clock) -> None:
    old, young = made(tracker, bo), made(tracker, bo)
    put_away(tracker, bo, old)
    clock.forward(days=2)
    put_away(tracker, bo, young)
    clock.forward(days=29)
    assert purge_now(tracker) == ([old], [])
    with tracker.read(OPERATOR) as work:
        assert [one.id for one in work.rows(select(artifacts.c.id).where(artifacts.c.purged_at.is_(None)))] == [young]


@pytest.mark.parametrize(("on", "goes"), [("2026-03-31T23:59", False), ("2026-04-01T00:01", True)])
def test_on_the_last_day_that_the_page_names_it_can_still_be_restored(
    tracker: Tracker, bo: Actor, clock: Clock, on: str, goes: bool
) -> None:
    def now_is(text: str) -> None:
        clock.offset = datetime.fromisoformat(text).replace(tzinfo=UTC) - datetime.now(UTC)

    artifact = made(tracker, bo)
    now_is("2026-03-01T00:00:30")
    put_away(tracker, bo, artifact)
    with tracker.read(bo) as work:
        assert trash.listed(work)[0].until == date(2026, 3, 31)
    now_is(on)
    assert purge_now(tracker) == ([artifact] if goes else [], [])


def test_what_was_restored_and_put_there_again_meanwhile_does_not_go(tracker: Tracker, bo: Actor, clock: Clock) -> None:
    artifact = made(tracker, bo)
    put_away(tracker, bo, artifact)
    clock.forward(days=31)
    with tracker.read(OPERATOR) as work:
        ids = trash.purgeable(work)
    take_back(tracker, bo, artifact)
    gone, held = trash.purge(tracker, OPERATOR, ids)
    assert (gone, [one for one, _ in held]) == ([], [artifact])
    put_away(tracker, bo, artifact)
    gone, held = trash.purge(tracker, OPERATOR, ids)
    assert (gone, [one for one, _ in held]) == ([], [artifact])
    take_back(tracker, bo, artifact)


def test_what_goes_leaves_a_tombstone_with_name_size_and_hash_of_every_file(
    tracker: Tracker, bo: Actor, clock: Clock, tmp_path: Path
) -> None:
    artifact = made(tracker, bo, ("a.txt", b"one"), ("b.txt", b"three"), title="Firewall", to=(FIRST,))
    versioned(tracker, bo, artifact, ("a.txt", b"newer"))
    put_away(tracker, bo, artifact)
    clock.forward(days=31)
    assert purge_now(tracker) == ([artifact], [])
    with tracker.read(OPERATOR) as work:
        order = (tombstones.c.number, tombstones.c.position)
        stones = work.rows(select(tombstones).order_by(*order))
        assert [(s.number, s.filename, s.size, s.sha256, s.media_type) for s in stones] == [
            (1, "a.txt", 3, hash_of(b"one"), "text/plain"),
            (1, "b.txt", 5, hash_of(b"three"), "text/plain"),
            (2, "a.txt", 5, hash_of(b"newer"), "text/plain"),
        ]
        for table in (artifact_files, blobs, blob_texts):
            assert work.rows(select(table)) == []
        told = work.rows(select(audit).where(audit.c.action == "artifact:purged"))
        assert len(told) == 1
        assert hash_of(b"one") in told[0].detail
    assert stored_names(tmp_path) == []
    assert found_ids(tracker, bo, "firewall") == []
    with pytest.raises(NotFound, match="purged"):
        take_back(tracker, bo, artifact)
    assert verify.run(tracker).problems == []


def test_bytes_stay_where_another_artifact_has_the_same(
    tracker: Tracker, bo: Actor, clock: Clock, tmp_path: Path
) -> None:
    goes, stays = made(tracker, bo, ("a.txt", b"both"), ("b.txt", b"mine")), made(tracker, bo, ("c.txt", b"both"))
    put_away(tracker, bo, goes)
    clock.forward(days=31)
    assert purge_now(tracker) == ([goes], [])
    assert stored_names(tmp_path) == [hash_of(b"both")]
    assert seen(tracker, bo, stays).current.files[0].sha256 == hash_of(b"both")
    assert verify.run(tracker).problems == []
    put_away(tracker, bo, stays)
    clock.forward(days=31)
    assert purge_now(tracker) == ([stays], [])
    assert stored_names(tmp_path) == []


def test_bytes_of_what_is_only_in_the_trash_stay_as_well(
    tracker: Tracker, bo: Actor, clock: Clock, tmp_path: Path
) -> None:
    first, second = made(tracker, bo), made(tracker, bo)
    put_away(tracker, bo, first)
    clock.forward(days=20)
    put_away(tracker, bo, second)
    clock.forward(days=20)
    assert purge_now(tracker) == ([first], [])
    take_back(tracker, bo, second)
    assert verify.run(tracker).problems == []
    assert stored_names(tmp_path) == [hash_of(b"hello")]


def test_bytes_that_an_import_still_waits_for_stay(tracker: Tracker, bo: Actor, clock: Clock, tmp_path: Path) -> None:
    artifact = made(tracker, bo, ("a.txt", b"both"))
    with tracker.write(bo) as work:
        values = {"system_id": bo.systems["main"].system_id, "kind": "archive", "sha256": hash_of(b"both")}
        work.db.execute(
            insert(imports).values(**values, filename="a.txt", media_type="text/plain", created_at=work.now)
        )
    put_away(tracker, bo, artifact)
    clock.forward(days=31)
    assert purge_now(tracker) == ([artifact], [])
    assert stored_names(tmp_path) == [hash_of(b"both")]
    assert verify.run(tracker).problems == []


def test_what_is_held_goes_neither_into_the_trash_nor_for_good_before_its_date(
    tracker: Tracker, bo: Actor, clock: Clock, tmp_path: Path
) -> None:
    today = clock().date()
    artifact, other = made(tracker, bo), made(tracker, bo, ("c.txt", b"other"))
    pin_version(tracker, artifact, today + timedelta(days=10), holder="package:3")
    pin_version(tracker, artifact, today + timedelta(days=40))
    with pytest.raises(Conflict, match="held by package:4 until") as refused:
        put_away(tracker, bo, artifact)
    assert refused.value.clause == "32 CFR 170.17(c)(4)"
    pin_version(tracker, other, today + timedelta(days=40))
    clock.forward(days=41)
    put_away(tracker, bo, artifact)
    put_away(tracker, bo, other)
    pin_version(tracker, artifact, clock().date() + timedelta(days=31), holder="package:5")
    clock.forward(days=31)
    gone, held = purge_now(tracker)
    assert gone == [other]
    assert [(one, "package:5" in why) for one, why in held] == [(artifact, True)]
    assert stored_names(tmp_path) == [hash_of(b"hello")]
    clock.forward(days=1)
    assert purge_now(tracker) == ([artifact], [])
    assert stored_names(tmp_path) == []


def test_a_purge_again_does_nothing(tracker: Tracker, bo: Actor, clock: Clock) -> None:
    artifact = made(tracker, bo)
    put_away(tracker, bo, artifact)
    clock.forward(days=31)
    assert purge_now(tracker) == ([artifact], [])
    assert purge_now(tracker) == ([], [])
    gone, held = trash.purge(tracker, OPERATOR, [artifact, 99])
    assert (gone, [one for one, _ in held]) == ([], [artifact, 99])
    with tracker.read() as work:
        assert len(work.rows(select(tombstones))) == 1


def test_nobody_but_an_administrator_purges(tracker: Tracker, bo: Actor, clock: Clock, tmp_path: Path) -> None:
    artifact = made(tracker, bo)
    put_away(tracker, bo, artifact)
    clock.forward(days=31)
    with pytest.raises(Forbidden):
        trash.purge(tracker, bo, [artifact])
    take_back(tracker, bo, artifact)
    assert stored_names(tmp_path) == [hash_of(b"hello")]


def test_bytes_that_a_crash_left_behind_a_purge_are_cleared_by_verify(
    tracker: Tracker, bo: Actor, clock: Clock, tmp_path: Path
) -> None:
    artifact = made(tracker, bo)
    put_away(tracker, bo, artifact)
    clock.forward(days=31)
    with tracker.write(OPERATOR) as work:
        assert trash._purge_one(work, artifact) == [hash_of(b"hello")]
    assert stored_names(tmp_path) == [hash_of(b"hello")]
    report = verify.run(tracker)
    assert (report.problems, report.removed) == ([], [hash_of(b"hello")])
    assert stored_names(tmp_path) == []


def test_a_purge_that_fails_half_way_leaves_everything_as_it_was(
    tracker: Tracker, bo: Actor, clock: Clock, tmp_path: Path
) -> None:
    artifact = made(tracker, bo, title="Firewall", to=(FIRST,))
    put_away(tracker, bo, artifact)
    clock.forward(days=31)
    with contextlib.suppress(KeyboardInterrupt), tracker.write(OPERATOR) as work:
        trash._purge_one(work, artifact)
        raise KeyboardInterrupt
    take_back(tracker, bo, artifact)
    assert found_ids(tracker, bo, "firewall") == [artifact]
    assert len(seen(tracker, bo, artifact).links) == 1
    assert verify.run(tracker).problems == []


def test_a_purge_while_the_same_bytes_are_uploaded_loses_nothing(
    tracker: Tracker, bo: Actor, clock: Clock, tmp_path: Path
) -> None:
    artifact = made(tracker, bo)
    put_away(tracker, bo, artifact)
    clock.forward(days=31)
    with received(tracker, bo, ("again.txt", b"hello")) as kept:
        assert purge_now(tracker) == ([artifact], [])
        assert verify.run(tracker).removed == []
        assert stored_names(tmp_path) == [hash_of(b"hello")]
        with tracker.write(bo) as work:
            again = links.create_linked(work, bo.systems["main"], kept, {"title": "Again"})
    assert seen(tracker, bo, again).current.files[0].sha256 == hash_of(b"hello")
    assert tracker.blobs.check(hash_of(b"hello")) == hash_of(b"hello")
    assert verify.run(tracker).problems == []


def test_an_upload_that_is_committed_while_a_purge_waits_keeps_its_bytes(
    tracker: Tracker, bo: Actor, clock: Clock, tmp_path: Path
) -> None:
    artifact = made(tracker, bo)
    put_away(tracker, bo, artifact)
    clock.forward(days=31)
    outcome: list[object] = []
    with received(tracker, bo, ("again.txt", b"hello")) as kept:
        with tracker.write(bo) as work:
            again = links.create_linked(work, bo.systems["main"], kept, {"title": "Again"})
            thread = threading.Thread(target=lambda: outcome.append(purge_now(tracker)))
            thread.start()
            thread.join(0.4)
        thread.join(20)
    assert outcome == [([artifact], [])]
    assert seen(tracker, bo, again).current.files[0].sha256 == hash_of(b"hello")
    assert stored_names(tmp_path) == [hash_of(b"hello")]
    assert verify.run(tracker).problems == []


@pytest.mark.skipif(not ON_POSTGRESQL, reason="on SQLite a purge cannot begin before the restoring has ended")
def test_a_restoring_under_way_holds_one_artifact_back_and_the_purge_goes_on(
    tracker: Tracker, bo: Actor, clock: Clock
) -> None:
    first, second = made(tracker, bo), made(tracker, bo, ("b.txt", b"two"))
    put_away(tracker, bo, first)
    put_away(tracker, bo, second)
    clock.forward(days=31)
    outcome: list[tuple[list[int], list[tuple[int, str]]]] = []
    with tracker.write(bo) as work:
        trash.restore(work, first)
        thread = threading.Thread(target=lambda: outcome.append(purge_now(tracker)))
        thread.start()
        thread.join(0.5)
    thread.join(20)
    assert [(gone, [one for one, _ in held]) for gone, held in outcome] == [([second], [first])]
    assert seen(tracker, bo, first).title == "Log review"
    assert verify.run(tracker).problems == []


def test_what_is_gone_is_gone_in_every_system_that_it_was_shared_with(
    tracker: Tracker, bo: Actor, clock: Clock
) -> None:
    lab = other_system(tracker, bo.id)
    both = Actor(bo.id, "bo", bo.role, {**bo.systems, "lab": lab})
    artifact = made(tracker, bo)
    with tracker.write(both) as work:
        links.link(work, artifact, links.Target(lab, FIRST))
    member = Actor(None, "dan", bo.role, {"lab": lab})
    assert found_ids(tracker, member) == [artifact]
    put_away(tracker, bo, artifact)
    assert found_ids(tracker, member) == []
    with pytest.raises(NotFound):
        take_back(tracker, member, artifact)
