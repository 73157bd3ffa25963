"""When evidence falls due, and how fresh it is on a day."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmmc_tracker.domain.freshness import (
    AGED_MONTHS,
    SOON,
    Cadence,
    Dates,
    Freshness,
    due,
    following,
    freshness,
    months_after,
)

DAYS = st.dates(date(1990, 1, 1), date(2100, 12, 31))
REGULAR = st.sampled_from([one for one in Cadence if one.months])
ANY_DAY = date(2026, 11, 24)


def _until(day: date) -> Dates:
    return Dates(None, day, None, ANY_DAY)


@pytest.mark.parametrize(
    ("cadence", "covered_until", "falls_due"),
    [
        (Cadence.MONTHLY, "2026-11-24", "2026-12-24"),
        (Cadence.MONTHLY, "2026-12-24", "2027-01-24"),
        (Cadence.MONTHLY, "2026-01-31", "2026-02-28"),
        (Cadence.MONTHLY, "2026-01-30", "2026-02-28"),
        (Cadence.MONTHLY, "2026-01-29", "2026-02-28"),
        (Cadence.MONTHLY, "2028-01-31", "2028-02-29"),
        (Cadence.MONTHLY, "2026-02-28", "2026-03-28"),
        (Cadence.MONTHLY, "2026-03-31", "2026-04-30"),
        (Cadence.MONTHLY, "2026-12-31", "2027-01-31"),
        (Cadence.QUARTERLY, "2026-11-30", "2027-02-28"),
        (Cadence.QUARTERLY, "2027-11-30", "2028-02-29"),
        (Cadence.QUARTERLY, "2026-12-31", "2027-03-31"),
        (Cadence.QUARTERLY, "2026-10-01", "2027-01-01"),
        (Cadence.HALF_YEARLY, "2026-08-31", "2027-02-28"),
        (Cadence.HALF_YEARLY, "2026-06-30", "2026-12-30"),
        (Cadence.YEARLY, "2026-11-24", "2027-11-24"),
        (Cadence.YEARLY, "2028-02-29", "2029-02-28"),
        (Cadence.YEARLY, "2027-02-28", "2028-02-28"),
        (Cadence.YEARLY, "2027-03-01", "2028-03-01"),
        (Cadence.YEARLY, "2099-02-28", "2100-02-28"),
    ],
)
def test_evidence_falls_due_on_the_same_day_of_a_later_month_or_on_its_last(
    cadence: Cadence, covered_until: str, falls_due: str
) -> None:
    assert due(cadence, _until(date.fromisoformat(covered_until))) == date.fromisoformat(falls_due)


@pytest.mark.parametrize("cadence", [Cadence.ONCE, Cadence.ON_CHANGE])
def test_what_is_asked_for_once_or_on_a_change_has_no_due_day(cadence: Cadence) -> None:
    assert due(cadence, _until(ANY_DAY)) is None
    assert following(cadence, ANY_DAY) is None


def test_months_are_counted_back_over_the_turn_of_the_year_too() -> None:
    assert months_after(date(2026, 1, 31), -2) == date(2025, 11, 30)
    assert months_after(date(2028, 2, 29), -12) == date(2027, 2, 28)
    assert months_after(ANY_DAY, 0) == ANY_DAY


@pytest.mark.parametrize(
    ("dates", "base"),
    [
        (Dates(date(2026, 1, 1), date(2026, 3, 31), date(2026, 4, 2), date(2026, 4, 3)), date(2026, 3, 31)),
        (Dates(date(2026, 1, 1), None, date(2026, 4, 2), date(2026, 4, 3)), date(2026, 4, 2)),
        (Dates(date(2026, 1, 1), None, None, date(2026, 4, 3)), date(2026, 1, 1)),
        (Dates(None, None, None, date(2026, 4, 3)), date(2026, 4, 3)),
    ],
)
def test_evidence_speaks_up_to_the_end_of_what_it_covers_else_the_best_that_is_known(dates: Dates, base: date) -> None:
    assert dates.base == base


@pytest.mark.parametrize(
    ("days_to_go", "found"),
    [(31, Freshness.FRESH), (30, Freshness.SOON), (1, Freshness.SOON), (0, Freshness.SOON), (-1, Freshness.OVERDUE)],
)
def test_the_due_day_itself_still_counts_and_the_next_is_overdue(days_to_go: int, found: Freshness) -> None:
    assert freshness(ANY_DAY + timedelta(days=days_to_go), _until(ANY_DAY), ANY_DAY) is found


@pytest.mark.parametrize(
    ("covered_until", "on", "found"),
    [
        ("2025-11-24", "2026-11-24", Freshness.FRESH),
        ("2025-11-24", "2026-11-25", Freshness.AGED),
        ("2024-02-29", "2025-02-28", Freshness.FRESH),
        ("2024-02-29", "2025-03-01", Freshness.AGED),
        ("2027-01-01", "2026-11-24", Freshness.FRESH),
    ],
)
def test_evidence_without_a_cadence_ages_on_the_day_after_twelve_months(
    covered_until: str, on: str, found: Freshness
) -> None:
    assert freshness(None, _until(date.fromisoformat(covered_until)), date.fromisoformat(on)) is found


@given(REGULAR, DAYS)
def test_nothing_falls_due_before_it_was_made_nor_later_than_its_months_allow(cadence: Cadence, base: date) -> None:
    found = due(cadence, _until(base))
    assert found is not None
    assert cadence.months is not None
    assert found > base
    assert found.day <= base.day
    assert (found.year - base.year) * 12 + found.month - base.month == cadence.months
    assert found.day == base.day or (found + timedelta(days=1)).day == 1


@given(REGULAR, DAYS, DAYS)
def test_newer_evidence_never_falls_due_sooner(cadence: Cadence, one: date, other: date) -> None:
    first, second = (due(cadence, _until(day)) for day in sorted((one, other)))
    assert first is not None
    assert second is not None
    assert first <= second


@given(st.one_of(st.none(), DAYS), DAYS, DAYS, st.integers(0, 800))
def test_evidence_never_grows_fresher_by_waiting(due_on: date | None, base: date, on: date, wait: int) -> None:
    order = [Freshness.FRESH, Freshness.SOON, Freshness.OVERDUE, Freshness.AGED]
    now, later = (freshness(due_on, _until(base), day) for day in (on, on + timedelta(days=wait)))
    assert order.index(now) <= order.index(later)


@given(DAYS)
def test_what_has_no_cadence_and_what_is_due_yearly_grow_stale_on_the_same_day(base: date) -> None:
    yearly = due(Cadence.YEARLY, _until(base))
    assert yearly == months_after(base, AGED_MONTHS)
    for on in (yearly, yearly + timedelta(days=1)):
        stale = freshness(yearly, _until(base), on) is Freshness.OVERDUE
        assert (freshness(None, _until(base), on) is Freshness.AGED) is stale


@given(REGULAR, DAYS)
def test_the_day_after_a_due_day_is_reckoned_like_the_first(cadence: Cadence, day: date) -> None:
    assert following(cadence, day) == due(cadence, _until(day))


def test_soon_is_thirty_days_and_every_word_has_its_label() -> None:
    assert timedelta(days=30) == SOON
    assert [one.label for one in Freshness] == ["fresh", "due soon", "overdue", "older than a year"]
    assert len({one.label for one in Cadence}) == len(Cadence)
