"""Answers to requests for evidence: linked, owned, reviewed, sent back, and two at once."""

from datetime import date

import pytest

from cmmc_tracker.domain.artifacts import ArtifactStatus
from cmmc_tracker.domain.permissions import Actor
from cmmc_tracker.errors import Conflict, NotFound, Stale
from cmmc_tracker.services import trash
from cmmc_tracker.services.requests import answers
from cmmc_tracker.services.requests.answers import Sent
from cmmc_tracker.services.work import Tracker
from tests.conftest import Clock
from tests.services.asked import TODAY, answer, ask, count_of, decides, events_of, look, mine_of, now_is, states
from tests.services.evidence import FIRST, made, seen, somebody, switch, versioned


@pytest.fixture
def ada(tracker: Tracker, clock: Clock) -> Actor:
    """Ada asks, on the Ides of March; she may approve."""
    now_is(clock, TODAY)
    return somebody(tracker, "ada", may_approve=True)


@pytest.fixture
def cal(tracker: Tracker, ada: Actor) -> Actor:
    """Cal is asked."""
    return somebody(tracker, "cal")


def test_a_first_answer_is_linked_owned_by_who_was_asked_and_met_at_once_where_nobody_reviews(
    tracker: Tracker, ada: Actor, cal: Actor
) -> None:
    made_ = ask(tracker, ada, person="cal")
    artifact = answer(tracker, ada, made_, given={"covers_from": "2026-01-01", "covers_until": "2026-03-14"})
    kept = seen(tracker, cal, artifact)
    assert (kept.title, kept.owner) == ("Log review, due 2026-03-31", "cal")
    assert (kept.covers_from, kept.covers_until) == (date(2026, 1, 1), date(2026, 3, 14))
    assert [one.objective for one in kept.links] == [FIRST]
    found = look(tracker, cal, made_)
    assert states(found) == ["met"]
    assert found.closed_at is None, "a repeating request goes on"
    assert mine_of(tracker, cal) == []
    assert events_of(tracker, f"evidence_request:{made_}")[1:] == ["evidence_request:answered", "evidence_request:met"]


def test_a_request_for_once_closes_when_the_artifact_is_approved(tracker: Tracker, ada: Actor, cal: Actor) -> None:
    switch(tracker, review_required=True)
    made_ = ask(tracker, ada, person="cal", cadence="once")
    artifact = answer(tracker, cal, made_)
    assert seen(tracker, cal, artifact).status is ArtifactStatus.IN_REVIEW, "who answers has said that it is finished"
    assert states(look(tracker, cal, made_)) == ["sent"]
    assert look(tracker, cal, made_).closed_at is None
    decides(tracker, ada, artifact, "approve")
    found = look(tracker, cal, made_)
    assert states(found) == ["met"]
    assert found.closed_at is not None


def test_what_was_sent_back_is_answered_by_a_new_version_of_the_same_artifact(
    tracker: Tracker, ada: Actor, cal: Actor
) -> None:
    switch(tracker, review_required=True)
    made_ = ask(tracker, ada, person="cal")
    artifact = answer(tracker, cal, made_)
    decides(tracker, ada, artifact, "return", "the signature is missing")
    assert look(tracker, cal, made_).rounds[0].sent_back
    assert answer(tracker, cal, made_, ("log.txt", b"reviewed and signed")) == artifact
    kept = seen(tracker, cal, artifact)
    assert (kept.current_version, kept.status) == (2, ArtifactStatus.IN_REVIEW)
    decides(tracker, ada, artifact, "approve")
    assert states(look(tracker, cal, made_)) == ["met"]


def test_a_new_version_while_nobody_reviews_meets_a_round_that_waited(tracker: Tracker, ada: Actor, cal: Actor) -> None:
    switch(tracker, review_required=True)
    made_ = ask(tracker, ada, person="cal")
    artifact = answer(tracker, cal, made_)
    switch(tracker, review_required=False)
    versioned(tracker, cal, artifact)
    assert states(look(tracker, cal, made_)) == ["met"]


def test_the_oldest_round_that_awaits_something_is_answered_first_or_the_one_that_is_named(
    tracker: Tracker, clock: Clock, ada: Actor, cal: Actor
) -> None:
    made_ = ask(tracker, ada, person="cal")
    now_is(clock, date(2026, 7, 1))
    assert states(look(tracker, cal, made_)) == ["missed", "missed", "open"]
    answer(tracker, cal, made_, number=2)
    assert states(look(tracker, cal, made_)) == ["missed", "met", "open"]
    answer(tracker, cal, made_)
    late = look(tracker, cal, made_)
    assert states(late) == ["met", "met", "open"]
    assert late.rounds[0].is_late
    with pytest.raises(Conflict, match="met already"):
        answer(tracker, cal, made_, number=1)
    with pytest.raises(NotFound):
        answer(tracker, cal, made_, number=9)


def test_of_two_people_who_answer_at_once_the_second_is_told_and_nothing_is_doubled(
    tracker: Tracker, ada: Actor, cal: Actor
) -> None:
    made_ = ask(tracker, ada, person="cal")
    version = look(tracker, cal, made_).version
    first = answer(tracker, cal, made_, version=version)
    with pytest.raises(Stale):
        answer(tracker, ada, made_, version=version)
    found = look(tracker, cal, made_).rounds[0].answer
    assert found is not None
    assert found.id == first


def test_an_artifact_that_is_here_already_answers_and_is_linked_but_not_two_rounds(
    tracker: Tracker, clock: Clock, ada: Actor, cal: Actor
) -> None:
    artifact = made(tracker, cal, title="The log")
    made_ = ask(tracker, ada, person="cal")

    def answered() -> None:
        with tracker.write(cal) as work:
            answers.answer_with(work, made_, artifact, Sent())

    answered()
    assert states(look(tracker, cal, made_)) == ["met"]
    assert [one.objective for one in seen(tracker, cal, artifact).links] == [FIRST]
    now_is(clock, date(2026, 4, 2))
    with pytest.raises(Conflict, match="no newer version"):
        answered()
    versioned(tracker, cal, artifact)
    answered()
    assert states(look(tracker, cal, made_)) == ["met", "met"]


def test_a_draft_that_is_here_already_meets_the_round_when_it_is_approved(
    tracker: Tracker, ada: Actor, cal: Actor
) -> None:
    switch(tracker, review_required=True)
    artifact = made(tracker, cal, to=(FIRST,))
    made_ = ask(tracker, ada, person="cal", cadence="once")
    with tracker.write(cal) as work:
        answers.answer_with(work, made_, artifact, Sent())
    assert [(one.locator, one.shows) for one in seen(tracker, cal, artifact).links] == [("p. 1", "the list")]
    assert states(look(tracker, cal, made_)) == ["sent"]
    decides(tracker, cal, artifact, "submit")
    decides(tracker, ada, artifact, "approve")
    assert look(tracker, cal, made_).closed_at is not None


def test_an_answer_in_the_trash_is_none_and_one_that_is_restored_is_one_again(
    tracker: Tracker, ada: Actor, cal: Actor
) -> None:
    switch(tracker, review_required=True)
    made_ = ask(tracker, ada, person="cal")
    artifact = answer(tracker, cal, made_)
    with tracker.write(cal) as work:
        trash.remove(work, artifact)
    assert states(look(tracker, cal, made_)) == ["open"]
    assert count_of(tracker, cal) == 1
    with tracker.write(cal) as work:
        assert trash.restore(work, artifact)
    assert states(look(tracker, cal, made_)) == ["sent"]
    assert count_of(tracker, cal) == 0
