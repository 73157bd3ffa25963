"""When evidence falls due: a cadence, counted in calendar months from the time that the evidence covers. Pure.

A month's end that the target month has not becomes its last day, so 29 February becomes 28 February (rules.md,
section 6). The due day itself still counts; from the day after it the evidence is overdue, and so stale.
"Periodically" means once a year at least (32 CFR 170.4): what has no cadence is told as aged after twelve months.
"""

import calendar
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache


class Cadence(StrEnum):
    """How often evidence must be made anew."""

    ONCE = "once"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"
    HALF_YEARLY = "half_yearly"
    YEARLY = "yearly"
    ON_CHANGE = "on_change"

    @property
    def label(self) -> str:
        """The cadence as people read it."""
        return _LABELS[self]

    @property
    def months(self) -> int | None:
        """How many months lie between two; None where no day can be named."""
        return _MONTHS.get(self)


_LABELS = {
    Cadence.ONCE: "once",
    Cadence.MONTHLY: "every month",
    Cadence.QUARTERLY: "every quarter",
    Cadence.HALF_YEARLY: "every half year",
    Cadence.YEARLY: "every year",
    Cadence.ON_CHANGE: "when something changes",
}
_MONTHS = {Cadence.MONTHLY: 1, Cadence.QUARTERLY: 3, Cadence.HALF_YEARLY: 6, Cadence.YEARLY: 12}
SOON = timedelta(days=30)
AGED_MONTHS = 12


class Freshness(StrEnum):
    """How fresh evidence is on a day."""

    FRESH = "fresh"
    SOON = "soon"
    OVERDUE = "overdue"
    AGED = "aged"

    @property
    def label(self) -> str:
        """The word that stands beside the evidence."""
        return {"fresh": "fresh", "soon": "due soon", "overdue": "overdue", "aged": "older than a year"}[self.value]


@dataclass(frozen=True, slots=True)
class Dates:
    """What is known of the time of evidence: what it covers, when it was collected, when the tracker received it."""

    covers_from: date | None
    covers_until: date | None
    collected_on: date | None
    received_on: date

    @property
    def base(self) -> date:
        """The day up to which the evidence speaks: the end of what it covers, else the best that is known."""
        return self.covers_until or self.collected_on or self.covers_from or self.received_on


@lru_cache(maxsize=4_096)  # hundreds of things have the same few days
def months_after(day: date, months: int) -> date:
    """The same day so many months later, or the month's last day where it has none."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def due(cadence: Cadence, dates: Dates) -> date | None:
    """The last day on which the evidence is still fresh; None where its cadence names no day."""
    return months_after(dates.base, cadence.months) if cadence.months else None


def freshness(due_on: date | None, dates: Dates, on: date) -> Freshness:
    """How fresh evidence is on a day; without a due day it ages after twelve months."""
    if due_on is None:
        return Freshness.AGED if months_after(dates.base, AGED_MONTHS) < on else Freshness.FRESH
    if due_on < on:
        return Freshness.OVERDUE
    return Freshness.SOON if due_on - on <= SOON else Freshness.FRESH


def following(cadence: Cadence, day: date) -> date | None:
    """The due day after one that was met; None for what is asked for once."""
    return months_after(day, cadence.months) if cadence.months else None
