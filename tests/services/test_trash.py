"""The trash: what is in it is found nowhere, and comes back whole."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event

from cmmc_tracker.domain.permissions import Actor
from cmmc_tracker.errors import Forbidden, NotFound, Stale
from cmmc_tracker.services import reviews, trash
from cmmc_tracker.services.work import Tracker
from tests.conftest import Clock
from tests.services.evidence import FIRST, SECOND, made, seen, somebody, switch, versioned
from tests.services.trash_steps import found_ids, hash_of, put_away, stored_names, take_back


@pytest.fixture
def bo(tracker: Tracker) -> Actor:
    """Bo works in `main`."""
    return somebody(tracker, "bo")


def test_what_is_in_the_trash_is_found_nowhere_and_its_bytes_stay(tracker: Tracker, bo: Actor, tmp_path: Path) -> None:
    artifact = made(tracker, bo, title="Firewall")
    put_away(tracker, bo, artifact)
    assert found_ids(tracker, bo) == found_ids(tracker, bo, "firewall") == []
    with pytest.raises(NotFound):
        seen(tracker, bo, artifact)
    with pytest.raises(NotFound):
        put_away(tracker, bo, artifact)
    assert stored_names(tmp_path) == [hash_of(b"hello")]


def test_restoring_brings_back_links_search_and_state(tracker: Tracker, bo: Actor) -> None:
    artifact = made(tracker, bo, title="Firewall", to=(FIRST, SECOND), cadence="yearly", owner="bo")
    versioned(tracker, bo, artifact)
    before = seen(tracker, bo, artifact)
    put_away(tracker, bo, artifact)
    take_back(tracker, bo, artifact)
    after = seen(tracker, bo, artifact)
    assert after.links == before.links
    assert [one.locator for one in after.links] == ["p. 1", "p. 1"]
    assert (after.status, after.versions, after.due_on, after.owner) == (
        before.status,
        before.versions,
        before.due_on,
        "bo",
    )
    assert found_ids(tracker, bo, "firewall") == [artifact]


def test_restoring_what_is_not_in_the_trash_or_of_another_system_finds_nothing(tracker: Tracker, bo: Actor) -> None:
    artifact = made(tracker, bo)
    for one in (artifact, 99):
        with pytest.raises(NotFound):
            take_back(tracker, bo, one)
    put_away(tracker, bo, artifact)
    with pytest.raises(NotFound):
        take_back(tracker, Actor(bo.id, "zed", bo.role), artifact)
    looker = somebody(tracker, "dan", may_contribute=False)
    with pytest.raises(Forbidden):
        take_back(tracker, looker, artifact)


def test_the_trash_lists_what_the_person_may_restore_and_until_when(tracker: Tracker, bo: Actor, clock: Clock) -> None:
    first, second = made(tracker, bo, title="First"), made(tracker, bo, title="Second")
    looker = somebody(tracker, "dan", may_contribute=False)
    for one in (first, second):
        put_away(tracker, bo, one)
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
    assert found_ids(tracker, bo) == [artifact]


def test_a_restored_artifact_keeps_its_approval(tracker: Tracker, bo: Actor) -> None:
    switch(tracker, review_required=True)
    eva = somebody(tracker, "eva", may_approve=True)
    artifact = made(tracker, bo)
    for who, act in ((bo, "submit"), (eva, "approve")):
        with tracker.write(who) as work:
            reviews.decide(work, artifact, reviews.Verdict.parse(act, "", None))
    put_away(tracker, bo, artifact)
    take_back(tracker, bo, artifact)
    assert seen(tracker, bo, artifact).approved_by == "eva"


def test_the_contents_of_a_store_are_known_in_few_statements_also_one_whose_row_came_meanwhile(
    tracker: Tracker, bo: Actor
) -> None:
    early, late = sorted((b"one", b"two"), key=hash_of)
    made(tracker, bo, ("a.txt", b"zero"))
    made(tracker, bo, ("b.txt", late))
    asked: list[str] = []
    event.listen(tracker.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    knowing = trash.Knowing(tracker)
    hashes = sorted((hash_of(b"zero"), hash_of(late)))
    assert [knowing(one) for one in hashes] == [True, True]
    assert sum("FROM blobs" in one for one in asked) == 1
    assert not knowing("f" * 64)
    knowing = trash.Knowing(tracker)
    assert not knowing("0" * 64)
    made(tracker, bo, ("c.txt", early))
    assert knowing(hash_of(early))
