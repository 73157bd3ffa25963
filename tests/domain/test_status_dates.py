"""The days of a status that people are reminded of: which there are, when each warns, and that each is told once."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmmc_tracker.domain.clocks import AssessmentKind
from cmmc_tracker.domain.lifecycle import Recorded, Stage, standing
from cmmc_tracker.domain.status_dates import WARN, Deadline, StatusDate, dates_of, told

DAY = date(2025, 11, 10)
LAST = date(2026, 5, 9)  # 180 days later
CLOSEOUT = StatusDate(Deadline.CLOSEOUT, 3, LAST, DAY)


def on(days_left: int) -> date:
    return LAST - timedelta(days=days_left)


def status(stage: Stage, day: date, today: date, *affirmed: date) -> list[tuple[Deadline, date]]:
    recorded = Recorded(AssessmentKind.LEVEL_2_SELF, stage, day, day)
    found = dates_of(recorded, standing(recorded, affirmed, today), 3, day)
    return [(one.deadline, one.last_day) for one in found]


@pytest.mark.parametrize(
    ("days_left", "since"),
    [
        *((180, None), (91, None), (90, on(90)), (61, on(90)), (60, on(60)), (31, on(60)), (30, on(30)), (8, on(30))),
        *((7, on(7)), (0, on(7)), (-1, on(-1)), (-400, on(-1))),
    ],
)
def test_170_21_b_a_closeout_warns_at_90_60_30_and_7_days_and_when_it_is_over(
    days_left: int, since: date | None
) -> None:
    assert CLOSEOUT.warns_since(on(days_left)) == since


def test_a_conditional_status_has_its_closeout_and_until_it_is_made_its_affirmation() -> None:
    assert status(Stage.CONDITIONAL, DAY, DAY) == [(Deadline.AFFIRMATION, DAY), (Deadline.CLOSEOUT, LAST)]
    found = status(Stage.CONDITIONAL, DAY, DAY, DAY)
    assert found == [(Deadline.CLOSEOUT, LAST), (Deadline.AFFIRMATION, date(2026, 11, 10))]
    assert status(Stage.CONDITIONAL, DAY, on(-1)) == [(Deadline.CLOSEOUT, LAST)], "it has expired"


def test_170_22_a_final_status_has_its_next_affirmation_and_the_end_of_its_years() -> None:
    ends = date(2028, 11, 10)
    assert status(Stage.FINAL, DAY, DAY, DAY) == [(Deadline.AFFIRMATION, date(2026, 11, 10)), (Deadline.END, ends)]
    lapsed = status(Stage.FINAL, DAY, date(2026, 11, 11), DAY)
    assert lapsed == [(Deadline.AFFIRMATION, date(2026, 11, 10)), (Deadline.END, ends)]
    assert status(Stage.FINAL, DAY, ends + timedelta(days=1), DAY) == [(Deadline.END, ends)]


def test_a_leap_day_s_affirmation_is_due_on_28_february() -> None:
    leap = date(2028, 2, 29)
    assert status(Stage.FINAL, leap, leap, leap)[0] == (Deadline.AFFIRMATION, date(2029, 2, 28))


def test_a_warning_is_told_in_the_first_mail_since_it_stands_and_in_no_other_by_itself() -> None:
    assert not CLOSEOUT.is_news(on(91), None)
    assert CLOSEOUT.is_news(on(90), None)
    assert CLOSEOUT.is_news(on(85), on(91)), "nobody was told on the day itself: the machine was off"
    assert not CLOSEOUT.is_news(on(85), on(90))
    assert told([CLOSEOUT], on(85), on(90), anyway=False) == []


def test_what_can_still_be_kept_goes_along_with_other_mail_and_what_is_over_does_not() -> None:
    assert told([CLOSEOUT], on(85), on(86), anyway=True) == [CLOSEOUT]
    assert told([CLOSEOUT], on(100), None, anyway=True) == [], "there is more time"
    assert told([CLOSEOUT], on(-1), on(0), anyway=False) == [CLOSEOUT]
    assert told([CLOSEOUT], on(-2), on(-1), anyway=True) == []
    lapsed = StatusDate(Deadline.AFFIRMATION, 3, LAST, DAY)
    assert told([lapsed], on(-2), on(-1), anyway=True) == [lapsed], "it can still be affirmed"


def test_who_comes_to_answer_for_it_is_told_what_stands_already() -> None:
    late = StatusDate(Deadline.CLOSEOUT, 3, LAST, known_since=on(20))
    assert late.is_news(on(20), on(25))
    assert late.is_news(on(19), on(20)), "the mail of that day may have gone out before"
    assert not late.is_news(on(18), on(19))


@given(st.sampled_from(Deadline), st.sets(st.integers(-30, 200)))
def test_however_often_the_machine_is_off_each_warning_is_told_at_most_once(deadline: Deadline, off: set[int]) -> None:
    one = StatusDate(deadline, 3, LAST, on(400))
    mails: list[date] = []
    last: date | None = on(390)
    for days_left in range(200, -30, -1):
        today = on(days_left)
        if days_left not in off and told([one], today, last, anyway=False):
            mails.append(today)
            last = today
    warnings = [one.warns_since(day) for day in mails]
    assert len(set(warnings)) == len(warnings)
    assert None not in warnings
    if not off:
        assert warnings == [*(on(days) for days in WARN[deadline]), on(-1)]
