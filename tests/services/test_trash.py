"""The trash: back again within thirty days, or gone for good and a tombstone in its place; nothing that is held."""

import contextlib
import hashlib
import threading
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from cmmc_tracker.domain.permissions import Actor
from cmmc_tracker.errors import Conflict, Forbidden, NotFound, Stale
from cmmc_tracker.services import artifact_list, links, reviews, trash, verify
from cmmc_tracker.services.artifact_list import ArtifactFilter
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import (
    artifact_files,
    artifacts,
    audit,
    blob_texts,
    blobs,
    imports,
    pins,
    tombstones,
)
from tests.conftest import ON_POSTGRESQL, OPERATOR, Clock
from tests.services.evidence import FIRST, SECOND, made, other_system, received, seen, somebody, switch, versioned


@pytest.fixture
def bo(tracker: Tracker) -> Actor:
    """Bo works in `main`."""
    return somebody(tracker, "bo")


def _removed(tracker: Tracker, actor: Actor, artifact_id: int) -> None:
    with tracker.write(actor) as work:
        trash.remove(work, artifact_id)


def _restored(tracker: Tracker, actor: Actor, artifact_id: int) -> None:
    with tracker.write(actor) as work:
        trash.restore(work, artifact_id)


def _purged(tracker: Tracker) -> tuple[list[int], list[tuple[int, str]]]:
    with tracker.read(OPERATOR) as work:
        ids = trash.purgeable(work)
    return trash.purge(tracker, OPERATOR, ids)


def _pin(tracker: Tracker, artifact_id: int, until: date, number: int = 1, holder: str = "package:4") -> None:
    with tracker.write(OPERATOR) as work:
        values = {"artifact_id": artifact_id, "number": number, "holder": holder, "until": until}
        work.bookkeep(insert(pins).values(**values))


def _found(tracker: Tracker, actor: Actor, text: str = "") -> list[int]:
    with tracker.read(actor) as work:
        return [one.id for one in artifact_list.page(work, ArtifactFilter(text=text))[0]]


def _stored(tmp_path: Path) -> list[str]:
    return sorted(p.name for p in (tmp_path / "uploads").rglob("*") if p.is_file() and p.name != ".gate")


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_what_is_in_the_trash_is_found_nowhere_and_its_bytes_stay(tracker: Tracker, bo: Actor, tmp_path: Path) -> None:
    artifact = made(tracker, bo, title="Firewall")
    _removed(tracker, bo, artifact)
    assert _found(tracker, bo) == _found(tracker, bo, "firewall") == []
    with pytest.raises(NotFound):
        seen(tracker, bo, artifact)
    with pytest.raises(NotFound):
        _removed(tracker, bo, artifact)
    assert _stored(tmp_path) == [_hash(b"hello")]


def test_restoring_brings_back_links_search_and_state(tracker: Tracker, bo: Actor) -> None:
    artifact = made(tracker, bo, title="Firewall", to=(FIRST, SECOND), cadence="yearly", owner="bo")
    versioned(tracker, bo, artifact)
    before = seen(tracker, bo, artifact)
    _removed(tracker, bo, artifact)
    _restored(tracker, bo, artifact)
    after = seen(tracker, bo, artifact)
    assert after.links == before.links
    assert [one.locator for one in after.links] == ["p. 1", "p. 1"]
    assert (after.status, after.versions, after.due_on, after.owner) == (
        before.status,
        before.versions,
        before.due_on,
        "bo",
    )
    assert _found(tracker, bo, "firewall") == [artifact]


def test_restoring_what_is_not_in_the_trash_or_of_another_system_finds_nothing(tracker: Tracker, bo: Actor) -> None:
    artifact = made(tracker, bo)
    for one in (artifact, 99):
        with pytest.raises(NotFound):
            _restored(tracker, bo, one)
    _removed(tracker, bo, artifact)
    with pytest.raises(NotFound):
        _restored(tracker, Actor(bo.id, "zed", bo.role), artifact)
    looker = somebody(tracker, "dan", may_contribute=False)
    with pytest.raises(Forbidden):
        _restored(tracker, looker, artifact)


def test_the_trash_lists_what_the_person_may_restore_and_until_when(tracker: Tracker, bo: Actor, clock: Clock) -> None:
    first, second = made(tracker, bo, title="First"), made(tracker, bo, title="Second")
    looker = somebody(tracker, "dan", may_contribute=False)
    for one in (first, second):
        _removed(tracker, bo, one)
    with tracker.read(bo) as work:
        found = trash.listed(work)
    assert [(one.title, one.deleted_by) for one in found] == [("Second", "bo"), ("First", "bo")]
    assert found[0].until == found[0].deleted_at.date() + timedelta(days=30)
    for nobody in (looker, Actor(bo.id, "zed", bo.role)):
        with tracker.read(nobody) as work:
            assert trash.listed(work) == []


def test_removing_a_version_that_somebody_changed_meanwhile_is_stale(tracker: Tracker, bo: Actor) -> None:
    artifact = made(tracker, bo)
    version = seen(tracker, bo, artifact).version
    versioned(tracker, bo, artifact)
    with pytest.raises(Stale), tracker.write(bo) as work:
        trash.remove(work, artifact, version)
    assert _found(tracker, bo) == [artifact]


def test_only_what_lay_in_the_trash_for_longer_than_thirty_days_goes(tracker: Tracker, bo: Actor, clock: Clock) -> None:
    old, young = made(tracker, bo), made(tracker, bo)
    _removed(tracker, bo, old)
    clock.forward(days=2)
    _removed(tracker, bo, young)
    clock.forward(days=29)
    assert _purged(tracker) == ([old], [])
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
    _removed(tracker, bo, artifact)
    with tracker.read(bo) as work:
        assert trash.listed(work)[0].until == date(2026, 3, 31)
    now_is(on)
    assert _purged(tracker) == ([artifact] if goes else [], [])


def test_what_was_restored_and_put_there_again_meanwhile_does_not_go(tracker: Tracker, bo: Actor, clock: Clock) -> None:
    artifact = made(tracker, bo)
    _removed(tracker, bo, artifact)
    clock.forward(days=31)
    with tracker.read(OPERATOR) as work:
        ids = trash.purgeable(work)
    _restored(tracker, bo, artifact)
    gone, held = trash.purge(tracker, OPERATOR, ids)
    assert (gone, [one for one, _ in held]) == ([], [artifact])
    _removed(tracker, bo, artifact)
    gone, held = trash.purge(tracker, OPERATOR, ids)
    assert (gone, [one for one, _ in held]) == ([], [artifact])
    _restored(tracker, bo, artifact)


def test_what_goes_leaves_a_tombstone_with_name_size_and_hash_of_every_file(
    tracker: Tracker, bo: Actor, clock: Clock, tmp_path: Path
) -> None:
    artifact = made(tracker, bo, ("a.txt", b"one"), ("b.txt", b"three"), title="Firewall", to=(FIRST,))
    versioned(tracker, bo, artifact, ("a.txt", b"newer"))
    _removed(tracker, bo, artifact)
    clock.forward(days=31)
    assert _purged(tracker) == ([artifact], [])
    with tracker.read(OPERATOR) as work:
        order = (tombstones.c.number, tombstones.c.position)
        stones = work.rows(select(tombstones).order_by(*order))
        assert [(s.number, s.filename, s.size, s.sha256, s.media_type) for s in stones] == [
            (1, "a.txt", 3, _hash(b"one"), "text/plain"),
            (1, "b.txt", 5, _hash(b"three"), "text/plain"),
            (2, "a.txt", 5, _hash(b"newer"), "text/plain"),
        ]
        for table in (artifact_files, blobs, blob_texts):
            assert work.rows(select(table)) == []
        told = work.rows(select(audit).where(audit.c.action == "artifact:purged"))
        assert len(told) == 1
        assert _hash(b"one") in told[0].detail
    assert _stored(tmp_path) == []
    assert _found(tracker, bo, "firewall") == []
    with pytest.raises(NotFound, match="purged"):
        _restored(tracker, bo, artifact)
    assert verify.run(tracker).problems == []


def test_bytes_stay_where_another_artifact_has_the_same(
    tracker: Tracker, bo: Actor, clock: Clock, tmp_path: Path
) -> None:
    goes, stays = made(tracker, bo, ("a.txt", b"both"), ("b.txt", b"mine")), made(tracker, bo, ("c.txt", b"both"))
    _removed(tracker, bo, goes)
    clock.forward(days=31)
    assert _purged(tracker) == ([goes], [])
    assert _stored(tmp_path) == [_hash(b"both")]
    assert seen(tracker, bo, stays).current.files[0].sha256 == _hash(b"both")
    assert verify.run(tracker).problems == []
    _removed(tracker, bo, stays)
    clock.forward(days=31)
    assert _purged(tracker) == ([stays], [])
    assert _stored(tmp_path) == []


def test_bytes_of_what_is_only_in_the_trash_stay_as_well(
    tracker: Tracker, bo: Actor, clock: Clock, tmp_path: Path
) -> None:
    first, second = made(tracker, bo), made(tracker, bo)
    _removed(tracker, bo, first)
    clock.forward(days=20)
    _removed(tracker, bo, second)
    clock.forward(days=20)
    assert _purged(tracker) == ([first], [])
    _restored(tracker, bo, second)
    assert verify.run(tracker).problems == []
    assert _stored(tmp_path) == [_hash(b"hello")]


def test_bytes_that_an_import_still_waits_for_stay(tracker: Tracker, bo: Actor, clock: Clock, tmp_path: Path) -> None:
    artifact = made(tracker, bo, ("a.txt", b"both"))
    with tracker.write(bo) as work:
        values = {"system_id": bo.systems["main"].system_id, "kind": "archive", "sha256": _hash(b"both")}
        work.bookkeep(insert(imports).values(**values, filename="a.txt", media_type="text/plain", created_at=work.now))
    _removed(tracker, bo, artifact)
    clock.forward(days=31)
    assert _purged(tracker) == ([artifact], [])
    assert _stored(tmp_path) == [_hash(b"both")]
    assert verify.run(tracker).problems == []


def test_what_is_held_goes_neither_into_the_trash_nor_for_good_before_its_date(
    tracker: Tracker, bo: Actor, clock: Clock, tmp_path: Path
) -> None:
    today = clock().date()
    artifact, other = made(tracker, bo), made(tracker, bo, ("c.txt", b"other"))
    _pin(tracker, artifact, today + timedelta(days=10), holder="package:3")
    _pin(tracker, artifact, today + timedelta(days=40))
    with pytest.raises(Conflict, match="held by package:4 until") as refused:
        _removed(tracker, bo, artifact)
    assert refused.value.clause == "32 CFR 170.17(c)(4)"
    _pin(tracker, other, today + timedelta(days=40))
    clock.forward(days=41)
    _removed(tracker, bo, artifact)
    _removed(tracker, bo, other)
    _pin(tracker, artifact, clock().date() + timedelta(days=31), holder="package:5")
    clock.forward(days=31)
    gone, held = _purged(tracker)
    assert gone == [other]
    assert [(one, "package:5" in why) for one, why in held] == [(artifact, True)]
    assert _stored(tmp_path) == [_hash(b"hello")]
    clock.forward(days=1)
    assert _purged(tracker) == ([artifact], [])
    assert _stored(tmp_path) == []


def test_a_purge_again_does_nothing(tracker: Tracker, bo: Actor, clock: Clock) -> None:
    artifact = made(tracker, bo)
    _removed(tracker, bo, artifact)
    clock.forward(days=31)
    assert _purged(tracker) == ([artifact], [])
    assert _purged(tracker) == ([], [])
    gone, held = trash.purge(tracker, OPERATOR, [artifact, 99])
    assert (gone, [one for one, _ in held]) == ([], [artifact, 99])
    with tracker.read() as work:
        assert len(work.rows(select(tombstones))) == 1


def test_nobody_but_an_administrator_purges(tracker: Tracker, bo: Actor, clock: Clock, tmp_path: Path) -> None:
    artifact = made(tracker, bo)
    _removed(tracker, bo, artifact)
    clock.forward(days=31)
    with pytest.raises(Forbidden):
        trash.purge(tracker, bo, [artifact])
    _restored(tracker, bo, artifact)
    assert _stored(tmp_path) == [_hash(b"hello")]


def test_bytes_that_a_crash_left_behind_a_purge_are_cleared_by_verify(
    tracker: Tracker, bo: Actor, clock: Clock, tmp_path: Path
) -> None:
    artifact = made(tracker, bo)
    _removed(tracker, bo, artifact)
    clock.forward(days=31)
    with tracker.write(OPERATOR) as work:
        assert trash._purge_one(work, artifact) == [_hash(b"hello")]
    assert _stored(tmp_path) == [_hash(b"hello")]
    report = verify.run(tracker)
    assert (report.problems, report.removed) == ([], [_hash(b"hello")])
    assert _stored(tmp_path) == []


def test_a_purge_that_fails_half_way_leaves_everything_as_it_was(
    tracker: Tracker, bo: Actor, clock: Clock, tmp_path: Path
) -> None:
    artifact = made(tracker, bo, title="Firewall", to=(FIRST,))
    _removed(tracker, bo, artifact)
    clock.forward(days=31)
    with contextlib.suppress(KeyboardInterrupt), tracker.write(OPERATOR) as work:
        trash._purge_one(work, artifact)
        raise KeyboardInterrupt
    _restored(tracker, bo, artifact)
    assert _found(tracker, bo, "firewall") == [artifact]
    assert len(seen(tracker, bo, artifact).links) == 1
    assert verify.run(tracker).problems == []


def test_a_purge_while_the_same_bytes_are_uploaded_loses_nothing(
    tracker: Tracker, bo: Actor, clock: Clock, tmp_path: Path
) -> None:
    artifact = made(tracker, bo)
    _removed(tracker, bo, artifact)
    clock.forward(days=31)
    with received(tracker, bo, ("again.txt", b"hello")) as kept:
        assert _purged(tracker) == ([artifact], [])
        assert verify.run(tracker).removed == []
        assert _stored(tmp_path) == [_hash(b"hello")]
        with tracker.write(bo) as work:
            again = links.create_linked(work, bo.systems["main"], kept, {"title": "Again"})
    assert seen(tracker, bo, again).current.files[0].sha256 == _hash(b"hello")
    assert tracker.blobs.check(_hash(b"hello")) == _hash(b"hello")
    assert verify.run(tracker).problems == []


def test_an_upload_that_is_committed_while_a_purge_waits_keeps_its_bytes(
    tracker: Tracker, bo: Actor, clock: Clock, tmp_path: Path
) -> None:
    artifact = made(tracker, bo)
    _removed(tracker, bo, artifact)
    clock.forward(days=31)
    outcome: list[object] = []
    with received(tracker, bo, ("again.txt", b"hello")) as kept:
        with tracker.write(bo) as work:
            again = links.create_linked(work, bo.systems["main"], kept, {"title": "Again"})
            thread = threading.Thread(target=lambda: outcome.append(_purged(tracker)))
            thread.start()
            thread.join(0.4)
        thread.join(20)
    assert outcome == [([artifact], [])]
    assert seen(tracker, bo, again).current.files[0].sha256 == _hash(b"hello")
    assert _stored(tmp_path) == [_hash(b"hello")]
    assert verify.run(tracker).problems == []


@pytest.mark.skipif(not ON_POSTGRESQL, reason="on SQLite a purge cannot begin before the restoring has ended")
def test_a_restoring_under_way_holds_one_artifact_back_and_the_purge_goes_on(
    tracker: Tracker, bo: Actor, clock: Clock
) -> None:
    first, second = made(tracker, bo), made(tracker, bo, ("b.txt", b"two"))
    _removed(tracker, bo, first)
    _removed(tracker, bo, second)
    clock.forward(days=31)
    outcome: list[tuple[list[int], list[tuple[int, str]]]] = []
    with tracker.write(bo) as work:
        trash.restore(work, first)
        thread = threading.Thread(target=lambda: outcome.append(_purged(tracker)))
        thread.start()
        thread.join(0.5)
    thread.join(20)
    assert [(gone, [one for one, _ in held]) for gone, held in outcome] == [([second], [first])]
    assert seen(tracker, bo, first).title == "Log review"
    assert verify.run(tracker).problems == []


def test_a_restored_artifact_keeps_its_approval(tracker: Tracker, bo: Actor) -> None:
    switch(tracker, review_required=True)
    eva = somebody(tracker, "eva", may_approve=True)
    artifact = made(tracker, bo)
    for who, act in ((bo, "submit"), (eva, "approve")):
        with tracker.write(who) as work:
            reviews.decide(work, artifact, reviews.Verdict.parse(act, "", None))
    _removed(tracker, bo, artifact)
    _restored(tracker, bo, artifact)
    assert seen(tracker, bo, artifact).approved_by == "eva"


def test_what_is_gone_is_gone_in_every_system_that_it_was_shared_with(
    tracker: Tracker, bo: Actor, clock: Clock
) -> None:
    lab = other_system(tracker, bo.id)
    both = Actor(bo.id, "bo", bo.role, {**bo.systems, "lab": lab})
    artifact = made(tracker, bo)
    with tracker.write(both) as work:
        links.link(work, artifact, links.Target(lab, FIRST))
    member = Actor(None, "dan", bo.role, {"lab": lab})
    assert _found(tracker, member) == [artifact]
    _removed(tracker, bo, artifact)
    assert _found(tracker, member) == []
    with pytest.raises(NotFound):
        _restored(tracker, member, artifact)
