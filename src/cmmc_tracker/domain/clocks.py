"""The clocks of an assessment: what ends when (32 CFR 170.15 to 170.18, 170.21, 170.22; NIST SP 800-171A 3.12.4). Pure.

All days are days of the calendar where the organization is (`TIME_ZONE`); the caller brings "today". A last day still
counts, whatever the clock: the thing is over from the day after. Years are calendar years, and 29 February becomes 28
February where a year has none (our decision; docs/rules.md). Only a system with a status date has running clocks.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from cmmc_tracker.domain.freshness import months_after
from cmmc_tracker.errors import Invalid

POAM_DAYS = 180
WARN_BEFORE = (90, 60, 30, 7)  # days that are left of the closeout
BOOK_ASSESSOR_AT = (90, 120)  # days that are gone: an assessor for the closeout is booked by then
RETENTION_YEARS = 6
LONGEST_REVIEW_MONTHS = 12  # "periodically" is at least once a year (170.4)
DEFICIENCY_REVIEW_DAYS = 90  # our decision: a temporary deficiency is looked at again within


class AssessmentKind(StrEnum):
    """Which assessment a status comes from, and so who did it."""

    LEVEL_1_SELF = "level_1_self"
    LEVEL_2_SELF = "level_2_self"
    LEVEL_2_C3PAO = "level_2_c3pao"
    LEVEL_3_DIBCAC = "level_3_dibcac"

    @property
    def level(self) -> int:
        """The CMMC level."""
        return _KINDS[self][0]

    @property
    def label(self) -> str:
        """The level and who assessed, as a CMMC Status says it."""
        return _KINDS[self][1]

    @property
    def is_self(self) -> bool:
        """Whether the organization assesses itself: then it closes out by itself, too (170.21(b)(1))."""
        return self in {AssessmentKind.LEVEL_1_SELF, AssessmentKind.LEVEL_2_SELF}

    @property
    def valid_years(self) -> int:
        """For how many years a status of this kind holds: one at Level 1 (170.15(a)(1)), three above."""
        return 1 if self.level == 1 else 3


_KINDS = {
    AssessmentKind.LEVEL_1_SELF: (1, "Level 1 (Self)"),
    AssessmentKind.LEVEL_2_SELF: (2, "Level 2 (Self)"),
    AssessmentKind.LEVEL_2_C3PAO: (2, "Level 2 (C3PAO)"),
    AssessmentKind.LEVEL_3_DIBCAC: (3, "Level 3 (DIBCAC)"),
}


def years_after(day: date, years: int) -> date:
    """The same day so many years later; 29 February becomes 28 February where there is none."""
    return months_after(day, 12 * years)


def closeout_last_day(conditional_on: date) -> date:
    """The last day on which a POA&M can be closed out: 180 days after the Conditional status date (170.21(b))."""
    return conditional_on + timedelta(days=POAM_DAYS)


@dataclass(frozen=True, slots=True)
class Closeout:
    """The 180 days of a Conditional status, on one day."""

    last_day: date
    days_left: int  # 0 on the last day, negative after it

    @property
    def is_over(self) -> bool:
        """Whether the Conditional status has expired: from the 181st day on."""
        return self.days_left < 0

    @property
    def warning(self) -> int | None:
        """The narrowest of 90, 60, 30 and 7 days that the closeout is within, None while there is more time."""
        return None if self.is_over else next((n for n in reversed(WARN_BEFORE) if self.days_left <= n), None)

    @property
    def book_assessor(self) -> bool:
        """Whether it is time to have an assessor booked: half of the days are gone."""
        return not self.is_over and POAM_DAYS - self.days_left >= BOOK_ASSESSOR_AT[0]

    @property
    def left(self) -> str:
        """How many days are left, in words: the last day still counts."""
        return {0: "the last day", 1: "1 day left"}.get(self.days_left, f"{self.days_left} days left")

    @property
    def sentence(self) -> str:
        """How it stands, in one sentence."""
        day = f"{self.last_day:%-d %b %Y}"
        if self.is_over:
            return f"The POA&M had to be closed out by {day}; the Conditional status has expired (32 CFR 170.21(b))."
        left = {0: "today is the last day", 1: "1 day is left"}.get(self.days_left, f"{self.days_left} days are left")
        return f"The POA&M must be closed out by {day}: {left} (32 CFR 170.21(b))."


def closeout(conditional_on: date, today: date) -> Closeout:
    """How the 180 days stand today."""
    last = closeout_last_day(conditional_on)
    return Closeout(last, (last - today).days)


def valid_until(kind: AssessmentKind, first_status_on: date) -> date:
    """The last day of a status.

    `first_status_on` is the date of the Conditional status where there was one: a closeout starts no new period
    (170.16(a)(1), 170.17(a)(1), 170.18(a)(1)).
    """
    return years_after(first_status_on, kind.valid_years)


def retained_until(status_on: date) -> date:
    """The last day of artifact retention: six years from the status date (170.17(c)(4) and its like)."""
    return years_after(status_on, RETENTION_YEARS)


def affirmation_due(status_on: date, affirmed_on: list[date]) -> date:
    """The last day for the next affirmation (170.22(a)(3)).

    `status_on` is the date of the status in force, `affirmed_on` the days of the affirmations made on it so far. The
    first is due with the status itself; each next one at the earlier of the status date's anniversary and a year after
    the last one, so that neither can slip.
    """
    if not affirmed_on:
        return status_on
    last, years = max(affirmed_on), len(affirmed_on)
    while years_after(status_on, years) <= last:  # one was late: the anniversary that it missed is over
        years += 1
    return min(years_after(status_on, years), years_after(last, 1))


def review_due(reviewed_on: date, months: int) -> date:
    """The last day for the next review of the system security plan (3.12.4[g], [h]).

    Raises `Invalid` for an interval that is not 1 to 12 months: "periodically" is at least once a year (170.4).
    """
    if not 1 <= months <= LONGEST_REVIEW_MONTHS:
        raise Invalid({"review_months": "The system security plan is reviewed every 1 to 12 months (32 CFR 170.4)."})
    return months_after(reviewed_on, months)


def business_days_after(day: date, days: int) -> date:
    """The day so many business days later; Saturdays and Sundays do not count, holidays do, for nobody told of them.

    For the re-evaluation of NOT MET requirements in a C3PAO assessment, 10 business days (170.17(c)(2)).
    """
    while days:
        day += timedelta(days=1)
        days -= day.weekday() < 5
    return day
