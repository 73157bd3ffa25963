"""The days of a recorded CMMC Status that people are reminded of, and when each is worth a mail. Pure.

A warning stands from the day on which so many days are left (`WARN`), and once more from the day after the last one. It
is told in the first mail since; nobody is told the same warning twice, and a machine that was off tells it later.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from cmmc_tracker.domain import clocks
from cmmc_tracker.domain.lifecycle import Recorded, Stage, Standing


class Deadline(StrEnum):
    """Which clock of a status runs out."""

    CLOSEOUT = "closeout"
    AFFIRMATION = "affirmation"
    END = "end"

    @property
    def label(self) -> str:
        """What is to be done by the day."""
        return _LABELS[self]

    @property
    def clause(self) -> str:
        """The clause that sets the day."""
        return _CLAUSES[self]


_LABELS = {
    Deadline.CLOSEOUT: "POA&M to be closed out",
    Deadline.AFFIRMATION: "Affirmation to be submitted",
    Deadline.END: "Status that ends: a new assessment",
}
_CLAUSES = {
    Deadline.CLOSEOUT: "32 CFR 170.21(b)",
    Deadline.AFFIRMATION: "32 CFR 170.22(a)(3)",
    Deadline.END: "32 CFR 170.15 to 170.18",
}
# Days that are left when a warning begins. Of the closeout the rule's own days; the others are our decision.
WARN: Mapping[Deadline, tuple[int, ...]] = {
    Deadline.CLOSEOUT: clocks.WARN_BEFORE,
    Deadline.AFFIRMATION: (60, 30, 7),
    Deadline.END: (180, 90, 30, 7),
}


@dataclass(frozen=True, slots=True)
class StatusDate:
    """A last day of a system's status; `known_since` is when it was recorded, or somebody came to answer for it."""

    deadline: Deadline
    status_id: int
    last_day: date  # it still counts
    known_since: date

    def days_left(self, today: date) -> int:
        """0 on the last day, negative after it."""
        return (self.last_day - today).days

    def warns_since(self, today: date) -> date | None:
        """The day on which the warning began that stands today; None while there is more time."""
        left = self.days_left(today)
        if left < 0:
            return self.last_day + timedelta(days=1)
        passed = [days for days in WARN[self.deadline] if left <= days]
        return self.last_day - timedelta(days=min(passed)) if passed else None

    def is_news(self, today: date, last_mail_on: date | None) -> bool:
        """Whether the warning of today stood in no mail yet: it is worth one by itself."""
        since = self.warns_since(today)
        if since is None:
            return False
        return last_mail_on is None or last_mail_on < since or last_mail_on <= self.known_since

    def goes_along(self, today: date) -> bool:
        """Whether it stands in a mail that goes out anyway: while it can still be kept, or made good."""
        can_be_mended = self.days_left(today) >= 0 or self.deadline is Deadline.AFFIRMATION
        return can_be_mended and self.warns_since(today) is not None

    def left(self, today: date) -> str:
        """How many days are left, in words."""
        days = self.days_left(today)
        return "over" if days < 0 else {0: "today", 1: "1 day left"}.get(days, f"{days} days left")


def told(dates: Iterable[StatusDate], today: date, last_mail_on: date | None, *, anyway: bool) -> list[StatusDate]:
    """What stands in the mail of today: none where nothing is news and no mail goes out `anyway`, for other things."""
    known = list(dates)
    if not anyway and not any(one.is_news(today, last_mail_on) for one in known):
        return []
    return [one for one in known if one.is_news(today, last_mail_on) or one.goes_along(today)]


def dates_of(recorded: Recorded, standing: Standing, status_id: int, known_since: date) -> list[StatusDate]:
    """The last days of a status as it stands; the soonest first.

    Conditional: its closeout (170.21(b)), and the affirmation while none was made. Final: the next affirmation and the
    end of its years. What has expired or ended names the day on which it did.
    """
    days: dict[Deadline, date | None] = {}
    if recorded.stage is Stage.CONDITIONAL:
        days[Deadline.CLOSEOUT] = clocks.closeout_last_day(recorded.status_on)
        days[Deadline.AFFIRMATION] = standing.affirmation_due
    elif standing.stage is Stage.ENDED:
        days[Deadline.END] = standing.valid_until
    else:
        days[Deadline.AFFIRMATION] = standing.affirmation_due
        days[Deadline.END] = standing.valid_until
    found = [StatusDate(one, status_id, day, known_since) for one, day in days.items() if day is not None]
    return sorted(found, key=lambda one: one.last_day)
