"""The pile of triage: what lies in it, in which order, and where one stopped."""

import pytest

from cmmc_tracker.domain.artifacts import Act
from cmmc_tracker.domain.permissions import Actor
from cmmc_tracker.services import quarantine, reviews, trash, triage
from cmmc_tracker.services.contents import suggestions_for
from cmmc_tracker.services.reviews import Verdict
from cmmc_tracker.services.triage import Counts, Pile
from cmmc_tracker.services.work import Tracker
from tests.services.evidence import FIRST, acting, made, other_system, seen, somebody


@pytest.fixture
def bo(tracker: Tracker) -> Actor:
    """Bo works in `main`."""
    return somebody(tracker, "bo")


def walked(tracker: Tracker, actor: Actor, *, oldest_first: bool = False) -> list[int]:
    """The artifacts of the pile as somebody comes by them who only goes on."""
    found: list[int] = []
    with tracker.read(actor) as work:
        pile = triage.pile_of(work, oldest_first=oldest_first)
        one = triage.shown(work, pile, None)
        while one and len(found) < 20:
            found.append(one.id)
            following = triage.step(work, pile, one.id)
            one = triage.shown(work, pile, following) if following else None
    return found


def test_the_pile_is_what_is_linked_to_nothing_newest_first(tracker: Tracker, bo: Actor) -> None:
    first, _, third = made(tracker, bo), made(tracker, bo, to=(FIRST,)), made(tracker, bo)
    assert walked(tracker, bo) == [third, first]
    assert walked(tracker, bo, oldest_first=True) == [first, third]


def test_what_is_gone_held_back_or_retired_is_not_in_the_pile(tracker: Tracker, bo: Actor) -> None:
    gone, held, retired, left = (made(tracker, bo) for _ in range(4))
    with tracker.write(bo) as work:
        trash.remove(work, gone)
        quarantine.hold(work, held, "It came from outside.")
        reviews.decide(work, retired, Verdict(Act.RETIRE))
    assert walked(tracker, bo) == [left]


def test_the_pile_holds_only_what_the_person_may_edit(tracker: Tracker, bo: Actor) -> None:
    made(tracker, bo)
    assert walked(tracker, somebody(tracker, "eve", may_contribute=False)) == []
    cal = somebody(tracker, "cal")
    lab = other_system(tracker, cal.id)
    assert cal.id is not None
    member = acting(tracker, cal.id, "cal")
    with tracker.read(member) as work:
        assert set(triage.pile_of(work).systems) == {member.systems["main"].system_id, lab.system_id}
        assert triage.pile_of(work, "lab") == Pile((lab.system_id,))
        assert triage.shown(work, triage.pile_of(work, "lab"), None) is None
    only = Actor(cal.id, "cal", cal.role, {"lab": member.systems["lab"]})
    assert walked(tracker, only) == []


def test_one_comes_back_to_where_one_stopped(tracker: Tracker, bo: Actor) -> None:
    first, second, third = (made(tracker, bo) for _ in range(3))
    with tracker.write(bo) as work:
        triage.remember(work, second)
    with tracker.read(bo) as work:
        pile = triage.pile_of(work)
        stopped = triage.shown(work, pile, None)
        assert stopped is not None
        assert stopped.id == second
        assert triage.step(work, pile, second, back=True) == third
        assert triage.step(work, pile, first) is None
    with tracker.write(bo) as work:
        trash.remove(work, second)
    with tracker.read(bo) as work:
        following = triage.shown(work, pile, None)
        assert following is not None
        assert following.id == first


def test_what_was_just_linked_stays_in_view_until_one_goes_on(tracker: Tracker, bo: Actor) -> None:
    linked = made(tracker, bo, to=(FIRST,))
    left = made(tracker, bo)
    with tracker.read(bo) as work:
        pile = triage.pile_of(work)
        looked_at = triage.shown(work, pile, linked)
        assert looked_at is not None
        assert looked_at.id == linked
        assert triage.counts(work, pile, linked) == Counts(waiting=1, after=0, linked=1)
        assert triage.counts(work, Pile(pile.systems, oldest_first=True), linked) == Counts(1, 1, 1)
        assert triage.step(work, pile, linked, back=True) == left


def test_folders_speak_at_the_suggestions_and_nothing_is_linked_by_them(tracker: Tracker, bo: Actor) -> None:
    number = made(tracker, bo, ("scan.txt", b"x"), path="evidence\\3.1.1\\scan.txt", title="scan")
    artifact = seen(tracker, bo, number)
    assert artifact.origin == "evidence/3.1.1/scan.txt"
    assert artifact.links == ()
    with tracker.read(bo) as work:
        found = suggestions_for(work, artifact, bo.systems["main"])
    assert {one.objective.requirement for one in found} == {"AC.L2-3.1.1"}
    assert {one.reason for one in found} == {"names AC.L2-3.1.1, from the folder “3.1.1”"}


def test_an_artifact_is_found_by_the_folder_that_it_came_in(tracker: Tracker, bo: Actor) -> None:
    from cmmc_tracker.services import artifact_list
    from cmmc_tracker.services.artifact_list import ArtifactFilter

    number = made(tracker, bo, path="Quarterly zeppelin/scan.txt")
    with tracker.read(bo) as work:
        found, _ = artifact_list.page(work, ArtifactFilter(text="zeppelin"))
    assert [one.id for one in found] == [number]
