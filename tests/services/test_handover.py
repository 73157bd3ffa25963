"""Handing all open duties of a person to another one."""

import pytest
from sqlalchemy import select

from cmmc_tracker.domain.permissions import Actor
from cmmc_tracker.errors import Forbidden, Invalid, NotFound
from cmmc_tracker.services import accounts, artifact_list, duties, handover, members, remarks, reviews
from cmmc_tracker.services.artifact_list import ArtifactFilter
from cmmc_tracker.services.requests import reading
from cmmc_tracker.services.reviews import Verdict
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import artifacts, audit
from tests.conftest import OPERATOR, Clock
from tests.services.asked import TODAY, ask, look, now_is
from tests.services.evidence import FIRST, acting, give, made, other_system, seen, somebody, switch


@pytest.fixture
def cal(tracker: Tracker, clock: Clock) -> Actor:
    """Cal leaves."""
    now_is(clock, TODAY)
    return somebody(tracker, "cal")


@pytest.fixture
def eva(tracker: Tracker, cal: Actor) -> Actor:
    """Eva takes over."""
    return somebody(tracker, "eva")


def _own(tracker: Tracker, giver: Actor, to: str) -> handover.HandedOver:
    with tracker.write(giver) as work:
        return handover.hand_over_own(work, to)


def _count(tracker: Tracker, *ids: int | None) -> list[int]:
    with tracker.read() as work:
        found = handover.open_duties(work, [one for one in ids if one])
        return [found[one] for one in ids if one]


def _busy(tracker: Tracker, cal: Actor) -> tuple[int, int, int]:
    """One duty of each kind: evidence owned, evidence reviewed, a request, a question."""
    bo = somebody(tracker, "bo")
    owned = made(tracker, bo, title="owned by cal", owner="cal")
    reviewed = made(tracker, bo, title="reviewed", reviewer="cal")
    asked = ask(tracker, bo, person="cal")
    with tracker.write(bo) as work:
        remarks.write_on_objective(work, bo.systems["main"], FIRST, "Where is the plan?", "cal")
    return owned, reviewed, asked


def test_everything_open_goes_at_once_and_the_receiver_finds_it(tracker: Tracker, cal: Actor, eva: Actor) -> None:
    owned, reviewed, asked = _busy(tracker, cal)
    assert _count(tracker, cal.id, eva.id) == [4, 0]
    done = _own(tracker, cal, "eva")
    assert (sum(done.went.values()), done.stayed) == (4, [])
    assert done.said == ("Handed over to eva: evidence to keep fresh: 1, reviews: 1, requests: 1, questions: 1.")
    assert _count(tracker, cal.id, eva.id) == [0, 4]
    assert (seen(tracker, eva, owned).owner, seen(tracker, eva, reviewed).reviewer) == ("eva", "eva")
    assert look(tracker, eva, asked).person == "eva"
    with tracker.read(eva) as work:
        assert [one.text for one in duties.questions(work)] == ["Where is the plan?"]
        assert [one.id for one in reading.mine(work)] == [asked]
        assert [one.id for one in artifact_list.page(work, ArtifactFilter(text="eva"))[0]] == [reviewed, owned]


def test_what_is_done_already_stays_with_who_did_it(tracker: Tracker, cal: Actor, eva: Actor) -> None:
    artifact = made(tracker, cal, owner="cal")
    with tracker.write(cal) as work:
        reviews.decide(work, artifact, Verdict.parse("retire", "", None))
    assert _own(tracker, cal, "eva").said == "Nothing was handed over."
    assert seen(tracker, cal, artifact).owner == "cal"


def test_again_hands_nothing_over(tracker: Tracker, cal: Actor, eva: Actor) -> None:
    _busy(tracker, cal)
    _own(tracker, cal, "eva")
    assert not _own(tracker, cal, "eva").went


def test_nothing_goes_where_the_receiver_does_not_work_and_what_stays_is_told(
    tracker: Tracker, cal: Actor, eva: Actor
) -> None:
    other_system(tracker, cal.id)
    cal = acting(tracker, cal.id or 0, "cal")
    made(tracker, cal, owner="cal")
    with tracker.write(cal) as work:
        remarks.write_on_objective(work, cal.systems["lab"], FIRST, "And here?", "cal")
    done = _own(tracker, cal, "eva")
    assert done.went == {"owned": 1}
    assert done.stayed == ["1 duty stays in Lab: eva does not work there, or may only look."]
    ada = Actor(None, "ada", OPERATOR.role, {})
    with tracker.write(ada) as work:
        told = handover.hand_over_of(work, cal.id or 0, "eva")
    assert told.stayed == ["1 duty stays in another system: eva does not work there, or may only look."]


def test_who_may_only_look_gets_reviews_and_questions_but_no_evidence_to_bring(
    tracker: Tracker, cal: Actor, eva: Actor
) -> None:
    _busy(tracker, cal)
    give(tracker, eva.id or 0, may_contribute=False)
    done = _own(tracker, cal, "eva")
    assert done.went == {"reviewed": 1, "questions": 1}
    assert _count(tracker, cal.id) == [2]


def test_a_review_does_not_go_to_who_sent_what_is_to_be_reviewed(tracker: Tracker, cal: Actor, eva: Actor) -> None:
    switch(tracker, review_required=True)
    artifact = made(tracker, eva, reviewer="cal")
    with tracker.write(eva) as work:
        reviews.decide(work, artifact, Verdict.parse("submit", "", None))
    done = _own(tracker, cal, "eva")
    assert done.stayed == [f"Artifact {artifact} stays: eva sent what is to be reviewed."]
    assert seen(tracker, cal, artifact).reviewer == "cal"


@pytest.mark.parametrize("to", ["", "nobody", "cal", "dis"])
def test_a_receiver_must_be_somebody_else_who_can_sign_in(tracker: Tracker, cal: Actor, eva: Actor, to: str) -> None:
    gone = somebody(tracker, "dis")
    with tracker.write(OPERATOR) as work:
        accounts.disable(work, gone.id or 0)
    with pytest.raises(Invalid) as caught:
        _own(tracker, cal, to)
    assert list(caught.value.fields) == ["to"]


def test_an_administrator_hands_over_for_somebody_who_is_disabled_and_nobody_else_does(
    tracker: Tracker, cal: Actor, eva: Actor
) -> None:
    _, _, asked = _busy(tracker, cal)
    with tracker.write(OPERATOR) as work:
        accounts.disable(work, cal.id or 0)
    assert look(tracker, eva, asked).stuck
    with tracker.write(eva) as work, pytest.raises(Forbidden):
        handover.hand_over_of(work, cal.id or 0, "eva")
    with tracker.write(OPERATOR) as work, pytest.raises(NotFound):
        handover.hand_over_of(work, 999, "eva")
    with tracker.write(OPERATOR) as work:
        assert sum(handover.hand_over_of(work, cal.id or 0, "eva").went.values()) == 4
    assert look(tracker, eva, asked).stuck == ""


def test_the_log_says_who_gave_what_to_whom(tracker: Tracker, cal: Actor, eva: Actor) -> None:
    owned, _, asked = _busy(tracker, cal)
    _own(tracker, cal, "eva")
    with tracker.read() as work:
        row = work.row(select(audit).where(audit.c.action == "duties:handed_over"))
        edits = work.rows(select(audit).where(audit.c.entity == f"artifact:{owned}").order_by(audit.c.id))
        assert work.row(select(artifacts.c.version).where(artifacts.c.id == owned)).version == 2
        assert members.names(work, {cal.id})
    assert row.entity == f"user:{cal.id}"
    assert f'"asked":[{asked}]' in row.detail
    assert '"from":"cal"' in row.detail
    assert '"to":"eva"' in row.detail
    assert edits[-1].action == "artifact:edited"
