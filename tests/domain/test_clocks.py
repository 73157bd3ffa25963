"""The clocks, clause by clause: what ends when, and that a last day still counts."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmmc_tracker.domain import clocks
from cmmc_tracker.domain.clocks import AssessmentKind
from cmmc_tracker.errors import Invalid

DAYS = st.dates(date(2020, 1, 1), date(2060, 12, 31))


def test_170_21_b_the_example_of_the_rule_ends_on_9_may() -> None:
    assert clocks.closeout_last_day(date(2025, 11, 10)) == date(2026, 5, 9)


@pytest.mark.parametrize(
    ("day", "left", "over", "warning"),
    [
        (date(2025, 11, 10), 180, False, None),
        (date(2026, 2, 7), 91, False, None),
        (date(2026, 2, 8), 90, False, 90),
        (date(2026, 3, 10), 60, False, 60),
        (date(2026, 4, 9), 30, False, 30),
        (date(2026, 5, 2), 7, False, 7),
        (date(2026, 5, 9), 0, False, 7),
        (date(2026, 5, 10), -1, True, None),
    ],
)
def test_170_21_b_a_conditional_status_expires_on_the_181st_day(
    day: date, left: int, over: bool, warning: int | None
) -> None:
    found = clocks.closeout(date(2025, 11, 10), day)
    assert (found.days_left, found.is_over, found.warning) == (left, over, warning)
    assert ("expired" in found.sentence) is over


@pytest.mark.parametrize(("gone", "booked"), [(89, False), (90, True), (180, True), (181, False)])
def test_an_assessor_is_to_be_booked_when_90_days_are_gone(gone: int, booked: bool) -> None:
    begun = date(2026, 1, 1)
    assert clocks.closeout(begun, begun + timedelta(days=gone)).book_assessor is booked


@given(DAYS)
def test_170_21_b_a_leap_year_changes_no_count_of_days(day: date) -> None:
    assert (clocks.closeout_last_day(day) - day).days == 180
    assert not clocks.closeout(day, day + timedelta(days=180)).is_over
    assert clocks.closeout(day, day + timedelta(days=181)).is_over


@pytest.mark.parametrize(
    ("kind", "day", "last"),
    [
        (AssessmentKind.LEVEL_1_SELF, date(2026, 3, 1), date(2027, 3, 1)),
        (AssessmentKind.LEVEL_2_SELF, date(2026, 3, 1), date(2029, 3, 1)),
        (AssessmentKind.LEVEL_2_C3PAO, date(2028, 2, 29), date(2031, 2, 28)),
        (AssessmentKind.LEVEL_3_DIBCAC, date(2026, 12, 31), date(2029, 12, 31)),
    ],
)
def test_170_15_to_18_a_status_holds_one_year_at_level_1_and_three_above(
    kind: AssessmentKind, day: date, last: date
) -> None:
    assert clocks.valid_until(kind, day) == last


def test_170_17_c_4_artifacts_are_kept_six_years() -> None:
    assert clocks.retained_until(date(2026, 5, 4)) == date(2032, 5, 4)
    assert clocks.retained_until(date(2028, 2, 29)) == date(2034, 2, 28)


@pytest.mark.parametrize(
    ("affirmed", "due"),
    [
        ([], date(2026, 1, 10)),  # with the status itself
        ([date(2026, 1, 15)], date(2027, 1, 10)),  # the anniversary, though the first one came five days late
        ([date(2026, 1, 10), date(2026, 12, 20)], date(2027, 12, 20)),  # made early: a year after it
        ([date(2026, 1, 10), date(2027, 1, 10)], date(2028, 1, 10)),
        ([date(2026, 1, 10), date(2028, 3, 1)], date(2029, 1, 10)),  # one was missed: the next anniversary
    ],
)
def test_170_22_a_3_the_next_affirmation_is_due_at_the_earlier_of_anniversary_and_a_year(
    affirmed: list[date], due: date
) -> None:
    assert clocks.affirmation_due(date(2026, 1, 10), affirmed) == due


@given(DAYS, st.lists(st.integers(0, 500), min_size=1, max_size=6))
def test_170_22_a_3_an_affirmation_is_never_due_later_than_a_year_after_the_last_one(
    status_on: date, gaps: list[int]
) -> None:
    made, day = [], status_on
    for gap in gaps:
        day += timedelta(days=gap)
        made.append(day)
    due = clocks.affirmation_due(status_on, made)
    assert made[-1] < due <= clocks.years_after(made[-1], 1)


def test_3_12_4_g_the_plan_is_reviewed_within_a_year() -> None:
    assert clocks.review_due(date(2026, 1, 31), 1) == date(2026, 2, 28)
    assert clocks.review_due(date(2026, 1, 31), 12) == date(2027, 1, 31)
    for months in (0, 13, -1):
        with pytest.raises(Invalid, match="1 to 12 months"):
            clocks.review_due(date(2026, 1, 31), months)


def test_170_17_c_2_ten_business_days_leave_out_weekends() -> None:
    assert clocks.business_days_after(date(2026, 11, 27), 1) == date(2026, 11, 30)  # Friday to Monday
    assert clocks.business_days_after(date(2026, 11, 28), 10) == date(2026, 12, 11)


def test_170_21_b_1_who_assessed_itself_closes_out_by_itself() -> None:
    assert [one.is_self for one in AssessmentKind] == [True, True, False, False]
