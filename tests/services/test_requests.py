"""Requests for evidence: whom they are put to, when they are missed, waived, closed and changed."""

from datetime import date

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as limits
from hypothesis import strategies as st
from sqlalchemy import select, update

from cmmc_tracker.domain.freshness import Cadence
from cmmc_tracker.domain.permissions import Actor
from cmmc_tracker.domain.requests import RoundState
from cmmc_tracker.errors import Conflict, Forbidden, Invalid, NotFound, Stale
from cmmc_tracker.services import accounts, duties
from cmmc_tracker.services.requests import asking, reading
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import requests
from tests.conftest import OPERATOR, Clock, add_account
from tests.services.asked import TODAY, answer, ask, count_of, events_of, look, mine_of, now_is, states
from tests.services.evidence import FIRST, acting, give, other_system, seen, somebody


@pytest.fixture
def ada(tracker: Tracker, clock: Clock) -> Actor:
    """Ada asks, on the Ides of March; she may approve."""
    now_is(clock, TODAY)
    return somebody(tracker, "ada", may_approve=True)


@pytest.fixture
def cal(tracker: Tracker, ada: Actor) -> Actor:
    """Cal is asked."""
    return somebody(tracker, "cal")


def test_who_is_asked_finds_it_under_my_work_and_what_was_missed(
    tracker: Tracker, clock: Clock, ada: Actor, cal: Actor
) -> None:
    made_ = ask(tracker, ada, person="cal")
    assert mine_of(tracker, cal) == [made_]
    assert mine_of(tracker, ada) == []
    assert look(tracker, cal, made_).due_on == date(2026, 3, 31)
    now_is(clock, date(2026, 4, 1))
    found = look(tracker, cal, made_)
    assert states(found) == ["missed", "open"]
    assert (found.missed, found.due_on) == (1, date(2026, 3, 31))
    assert events_of(tracker, f"evidence_request:{made_}") == ["evidence_request:made"]


def test_a_missed_round_is_waived_with_a_reason_and_the_request_goes_on(
    tracker: Tracker, clock: Clock, ada: Actor, cal: Actor
) -> None:
    made_ = ask(tracker, ada, person="cal")

    def waive(number: int, why: str) -> None:
        with tracker.write(ada) as work:
            asking.waive(work, made_, number, why, None)

    with pytest.raises(Conflict, match="Only a missed round"):
        waive(1, "not yet")
    now_is(clock, date(2026, 4, 1))
    with pytest.raises(Invalid):
        waive(1, " ")
    waive(1, "the server was replaced")
    waive(1, "again: no error")
    found = look(tracker, cal, made_)
    assert states(found) == ["waived", "open"]
    assert (found.rounds[0].waived_by, found.rounds[0].waived_why) == ("ada", "the server was replaced")
    assert found.closed_at is None
    assert events_of(tracker, f"evidence_request:{made_}").count("evidence_request:waived") == 1


def test_waiving_what_was_asked_once_closes_it(tracker: Tracker, clock: Clock, ada: Actor, cal: Actor) -> None:
    made_ = ask(tracker, ada, person="cal", cadence="once")
    now_is(clock, date(2026, 4, 1))
    with tracker.write(ada) as work:
        asking.waive(work, made_, 1, "out of scope", None)
    assert look(tracker, ada, made_).closed_at is not None


def test_a_request_is_closed_with_a_reason_once_and_takes_nothing_more(
    tracker: Tracker, ada: Actor, cal: Actor
) -> None:
    made_ = ask(tracker, ada, person="cal")
    with tracker.write(ada) as work, pytest.raises(Invalid):
        asking.close(work, made_, "", None)
    for _ in range(2):
        with tracker.write(ada) as work:
            asking.close(work, made_, "we moved to another system", None)
    found = look(tracker, cal, made_)
    assert (found.closed_by, found.close_reason) == ("ada", "we moved to another system")
    assert mine_of(tracker, cal) == []
    with pytest.raises(Conflict, match="closed"):
        answer(tracker, cal, made_)
    assert events_of(tracker, f"evidence_request:{made_}").count("evidence_request:closed") == 1


def test_the_same_asked_twice_in_a_day_is_one_request(tracker: Tracker, ada: Actor, cal: Actor) -> None:
    assert ask(tracker, ada, person="cal") == ask(tracker, ada, person="cal")
    assert ask(tracker, ada, person="cal", wanted="Another one") != ask(tracker, ada, person="cal")


def test_a_change_is_saved_from_the_version_that_was_seen_and_days_stay_once_somebody_answered(
    tracker: Tracker, ada: Actor, cal: Actor
) -> None:
    somebody(tracker, "eva")
    made_ = ask(tracker, ada, person="cal")
    fields = {"wanted": "Log review", "person": "eva", "first_due": "2026-03-31", "cadence": "monthly"}

    def edit(version: int | None, **changes: str) -> None:
        with tracker.write(ada) as work:
            asking.edit(work, made_, {**fields, **changes}, version)

    edit(1)
    found = look(tracker, ada, made_)
    assert (found.person, found.cadence, found.version) == ("eva", Cadence.MONTHLY, 2)
    edit(2)
    assert look(tracker, ada, made_).version == 2, "nothing differs, nothing is written"
    with pytest.raises(Stale):
        edit(1, wanted="Something else")
    answer(tracker, cal, made_)
    with pytest.raises(Conflict, match="days stay"):
        edit(None, first_due="2026-04-30")
    edit(None, wanted="Something else")
    assert look(tracker, ada, made_).wanted == "Something else"


@pytest.mark.parametrize("who", ["nobody", "dis", "view"])
def test_only_somebody_who_can_bring_evidence_is_asked(tracker: Tracker, ada: Actor, who: str) -> None:
    gone = add_account(tracker, "dis")
    with tracker.write(OPERATOR) as work:
        accounts.disable(work, gone)
    somebody(tracker, "view", may_contribute=False)
    with pytest.raises(Invalid) as caught:
        ask(tracker, ada, person=who)
    assert list(caught.value.fields) == ["person"]


def test_a_request_whose_person_is_disabled_says_so_and_can_be_handed_over_or_answered(
    tracker: Tracker, ada: Actor, cal: Actor
) -> None:
    made_ = ask(tracker, ada, person="cal")
    with tracker.write(OPERATOR) as work:
        accounts.disable(work, cal.id or 0)
    assert look(tracker, ada, made_).stuck == "cal cannot sign in any more: hand it over."
    fields = {"wanted": "Better words", "person": "cal", "first_due": "2026-03-31", "cadence": "quarterly"}
    with tracker.write(ada) as work:
        asking.edit(work, made_, fields, None)
    assert look(tracker, ada, made_).wanted == "Better words", "who is asked already may stay"
    artifact = answer(tracker, ada, made_)
    assert seen(tracker, ada, artifact).owner == "ada"
    with tracker.write(ada) as work:
        asking.edit(work, made_, {**fields, "person": "ada"}, None)
    assert look(tracker, ada, made_).stuck == ""


def test_who_lost_the_right_to_contribute_is_told_of_as_such(tracker: Tracker, ada: Actor, cal: Actor) -> None:
    made_ = ask(tracker, ada, person="cal")
    give(tracker, cal.id or 0, may_contribute=False)
    assert look(tracker, ada, made_).stuck.startswith("cal does not contribute to this system any more")


def test_who_may_only_look_changes_nothing_and_strangers_find_nothing(tracker: Tracker, ada: Actor, cal: Actor) -> None:
    made_ = ask(tracker, ada, person="cal")
    viewer = somebody(tracker, "view", may_contribute=False)
    assert look(tracker, viewer, made_).id == made_
    with pytest.raises(Forbidden):
        answer(tracker, viewer, made_)
    with tracker.write(viewer) as work, pytest.raises(Forbidden):
        asking.close(work, made_, "x", None)
    with pytest.raises(Forbidden):
        ask(tracker, viewer, person="cal")
    lab = other_system(tracker, viewer.id)
    stranger = Actor(viewer.id, "view", viewer.role, {"lab": lab})
    with pytest.raises(NotFound):
        look(tracker, stranger, made_)
    with tracker.write(stranger) as work, pytest.raises(NotFound):
        asking.close(work, made_, "x", None)


def test_lists_show_what_presses_most_first_by_their_state(
    tracker: Tracker, clock: Clock, ada: Actor, cal: Actor
) -> None:
    late = ask(tracker, ada, person="cal", first_due="2026-04-10", wanted="late")
    later = ask(tracker, ada, person="cal", first_due="2026-05-01", wanted="later")
    shut = ask(tracker, ada, person="cal", wanted="shut")
    with tracker.write(ada) as work:
        asking.close(work, shut, "done otherwise", None)
    now_is(clock, date(2026, 4, 15))

    def shown(which: str) -> list[int]:
        with tracker.read(ada) as work:
            return [one.id for one in reading.of_system(work, ada.systems["main"], which)]

    assert shown("open") == [late, later]
    assert shown("overdue") == [late]
    assert shown("closed") == [shut]
    with tracker.read(ada) as work:
        assert [r.id for r in reading.of_requirement(work, ada.systems["main"], FIRST.requirement)["a"]] == [
            late,
            later,
        ]
        due = [(one.due_on, one.state) for one in reading.due_rounds(work, date(2026, 8, 31))]
    assert due == [
        (date(2026, 4, 10), RoundState.MISSED),
        (date(2026, 5, 1), RoundState.OPEN),
        (date(2026, 7, 10), RoundState.OPEN),
        (date(2026, 8, 1), RoundState.OPEN),
    ]


@limits(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dates(date(2015, 1, 1), date(2027, 12, 31)),
    st.sampled_from([c for c in Cadence if c is not Cadence.ON_CHANGE]),
    st.dates(date(2026, 1, 1), date(2027, 12, 31)),
)
def test_counting_agrees_with_the_list_on_any_day(
    tracker: Tracker, clock: Clock, first: date, cadence: Cadence, today: date
) -> None:
    now_is(clock, TODAY)
    with tracker.read() as work:
        known = work.row(select(requests.c.id, requests.c.asked_of))
    if known is None:
        cal = somebody(tracker, "cal")
        made_ = ask(tracker, cal, person="cal")
        answer(tracker, cal, made_)
    else:
        cal, made_ = acting(tracker, known.asked_of, "cal"), known.id
    with tracker.write(OPERATOR) as work:
        work.db.execute(update(requests).values(first_due=first, cadence=cadence, closed_at=None))
    now_is(clock, today)
    assert count_of(tracker, cal) == len(mine_of(tracker, cal))


def test_my_work_counts_what_is_asked_of_me(tracker: Tracker, ada: Actor, cal: Actor) -> None:
    ask(tracker, ada, person="cal")
    with tracker.read(cal) as work:
        found = duties.mine(work)
        assert found.count == int(work.db.execute(select(duties.counted(work))).scalar_one()) == 1
        assert [one.wanted for one in found.send] == ["Log review"]
