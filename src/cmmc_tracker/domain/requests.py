"""Requests for evidence: when it is due round by round, how each round stands, what may be asked for. Pure.

A request is for one objective, of a member or of an outsider. Each time that the evidence is due is a round. Round k is
due so many months after the *first* due day, never after the round before it: so 31 January goes on with 28 February
and 31 March. Rounds exist up to the first whose due day is not over; so a first miss is seen before there is any file.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from cmmc_tracker.domain.artifacts import LONGEST_TITLE, parse_day
from cmmc_tracker.domain.freshness import Cadence, months_after
from cmmc_tracker.domain.text import clean_line, clean_text, is_visible
from cmmc_tracker.errors import Invalid

MOST_ROUNDS = 120  # looked at, the newest: ten years of months
LONGEST_WANTED = 2_000
LONGEST_WHY = 300
LONGEST_OUTSIDE = 200
LONGEST_DAYS, MOST_FILES = 30, 20  # of an upload link
USUAL_DAYS, USUAL_FILES, USUAL_MEGABYTES = 7, 10, 25
MIB = 1_048_576
_YEARS_AHEAD = 5
_DUE = ", due "


class RoundState(StrEnum):
    """How one round of a request stands."""

    OPEN = "open"
    SENT = "sent"
    MET = "met"
    WAIVED = "waived"
    MISSED = "missed"

    @property
    def label(self) -> str:
        """The state as people read it."""
        return _LABELS[self]


_LABELS = {
    RoundState.OPEN: "open",
    RoundState.SENT: "sent, waits for approval",
    RoundState.MET: "met",
    RoundState.WAIVED: "waived",
    RoundState.MISSED: "missed",
}


@dataclass(frozen=True, slots=True)
class Mark:
    """What is known of a round: somebody answered it, its artifact was approved, it was waived."""

    answered: bool = False
    met: bool = False
    waived: bool = False


@dataclass(frozen=True, slots=True)
class Round:
    """One time that the evidence is due."""

    number: int
    due_on: date
    state: RoundState

    @property
    def awaits(self) -> bool:
        """Whether something is still to be sent for it."""
        return self.state in {RoundState.OPEN, RoundState.MISSED}


@dataclass(frozen=True, slots=True)
class Schedule:
    """When the evidence of a request is due; a closed request has no rounds after its last day."""

    first_due: date
    cadence: Cadence
    closed_on: date | None = None

    def due(self, number: int) -> date:
        """The last day on which round `number`, counted from 1, is in time."""
        return months_after(self.first_due, (number - 1) * (self.cadence.months or 0))

    def newest(self, today: date) -> int:
        """The number of the first round whose due day is not over; of a request for once there is only round 1."""
        step, day = self.cadence.months, min(today, self.closed_on or today)
        if step is None or self.first_due >= day:
            return 1
        between = (day.year - self.first_due.year) * 12 + day.month - self.first_due.month
        whole, rest = divmod(between, step)
        # Of the months without such a day the last one counts, and then no day of that month is later.
        return whole + 1 if rest == 0 and self.first_due.day >= day.day else whole + 2

    def rounds(self, marks: Mapping[int, Mark], today: date) -> list[Round]:
        """The rounds that exist, oldest first, at most `MOST_ROUNDS`, with how each stands today."""
        newest = self.newest(today)
        day = min(today, self.closed_on or today)
        found = []
        for number in range(max(1, newest - MOST_ROUNDS + 1), newest + 1):
            due_on = self.due(number)
            state = state_of(marks.get(number, Mark()), due_on, day)
            if self.closed_on is None or state is not RoundState.OPEN:
                found.append(Round(number, due_on, state))
        return found

    def ahead(self, today: date, until: date) -> list[tuple[int, date]]:
        """The rounds after those that exist, up to a day: their numbers and due days."""
        found: list[tuple[int, date]] = []
        if self.cadence.months is None or self.closed_on is not None:
            return found
        number = self.newest(today) + 1
        while (due_on := self.due(number)) <= until and len(found) < MOST_ROUNDS:
            found.append((number, due_on))
            number += 1
        return found


def state_of(mark: Mark, due_on: date, today: date) -> RoundState:
    """How a round stands: what was approved or waived stays so; the due day itself still counts as in time."""
    if mark.met:
        return RoundState.MET
    if mark.waived:
        return RoundState.WAIVED
    if mark.answered:
        return RoundState.SENT
    return RoundState.MISSED if due_on < today else RoundState.OPEN


def title_of(wanted: str, due_on: date, cadence: Cadence) -> str:
    """A title for what is sent: what was wanted, and of which round where there are several."""
    first = clean_line(wanted.split("\n", 1)[0])
    tail = f"{_DUE}{due_on.isoformat()}" if cadence.months else ""
    return first[: LONGEST_TITLE - len(tail)].rstrip() + tail


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person asks for, checked: of a member by name (`person`) or of somebody without an account (`outside`)."""

    wanted: str
    person: str
    outside: str
    cadence: Cadence
    first_due: date


def parse_asked(given: Mapping[str, Any], today: date, due_before: date | None = None) -> Asked:
    """Read what was typed; raises `Invalid` naming each wrong field at once.

    `due_before` is the first due day of a request that is edited: it may stay, also when it is over.
    """
    wrong: dict[str, str] = {}
    typed = _short(given, "wanted", LONGEST_WANTED)
    wanted = clean_text(typed)
    if not is_visible(wanted):
        wrong["wanted"] = "Please say what is wanted, such as “Log review of the quarter, signed”."
    elif len(wanted) > LONGEST_WANTED or len(typed) > 2 * LONGEST_WANTED:
        wrong["wanted"] = f"This has at most {LONGEST_WANTED:,} characters; put details into a remark."
    person, outside = (clean_line(_short(given, name, LONGEST_OUTSIDE)) for name in ("person", "outside"))
    if bool(person) == bool(outside):
        wrong["person"] = "Choose a member, or name somebody without an account; one of the two."
    elif len(outside) > LONGEST_OUTSIDE or (outside and not is_visible(outside)):
        wrong["outside"] = f"A name has at most {LONGEST_OUTSIDE} characters."
    cadence, first_due = Cadence.ONCE, today
    try:
        cadence = _cadence(str(given.get("cadence") or Cadence.ONCE))
    except ValueError as error:
        wrong["cadence"] = str(error)
    try:
        first_due = _first_due(given.get("first_due", ""), today, due_before)
    except ValueError as error:
        wrong["first_due"] = str(error)
    if wrong:
        raise Invalid(wrong)
    return Asked(wanted, person, outside, cadence, first_due)


def _short(given: Mapping[str, Any], name: str, most: int) -> str:
    """What was typed, cut where cleaning more of it would only cost time: it is too long already."""
    return str(given.get(name) or "")[: 2 * most + 1]


def _cadence(text: str) -> Cadence:
    if text not in set(Cadence):
        raise ValueError("This cadence is not known; choose one of the list.")
    if text == Cadence.ON_CHANGE:
        raise ValueError("Nobody knows the day of a change beforehand: ask once, or choose how often.")
    return Cadence(text)


def _first_due(value: Any, today: date, before: date | None) -> date:
    day = parse_day(value)
    if day is None:
        raise ValueError("Please say until when it is wanted.")
    if day == before:
        return day
    if day < today:
        raise ValueError("This day is over; choose today or a later one.")
    if day > months_after(today, 12 * _YEARS_AHEAD):
        raise ValueError(f"This is more than {_YEARS_AHEAD} years ahead; choose an earlier day.")
    return day


def parse_why(text: str, field: str) -> str:
    """A reason that somebody must give; raises `Invalid` at the field."""
    why = clean_line(text[: 2 * LONGEST_WHY + 1])
    if not is_visible(why) or len(why) > LONGEST_WHY:
        raise Invalid({field: f"Please say why, in at most {LONGEST_WHY} characters."})
    return why


class LinkState(StrEnum):
    """How an upload link stands."""

    OPEN = "open"
    USED = "used"
    REVOKED = "revoked"
    EXPIRED = "expired"
    ORPHANED = "orphaned"

    @property
    def label(self) -> str:
        """The state as people read it."""
        return "closed: who made it cannot sign in any more" if self is LinkState.ORPHANED else self.value


@dataclass(frozen=True, slots=True)
class LinkWanted:
    """How long an upload link lives and what may come by it."""

    days: int
    most_files: int
    most_bytes: int


def parse_link(given: Mapping[str, str], most_bytes: int) -> LinkWanted:
    """Read the bounds of a new link; `most_bytes` is what the installation takes in one request. Raises `Invalid`."""
    room = max(1, most_bytes // MIB)
    bounds = {
        "days": (USUAL_DAYS, LONGEST_DAYS, "A link lives 1 to {} days."),
        "most_files": (USUAL_FILES, MOST_FILES, "By one link come 1 to {} files."),
        "megabytes": (min(USUAL_MEGABYTES, room), room, "All files together have 1 to {} MB here."),
    }
    wrong, found = {}, {}
    for name, (usual, most, message) in bounds.items():
        text = given.get(name, "").strip() or str(usual)
        if text.isascii() and text.isdecimal() and len(text) < 7 and 1 <= int(text) <= most:
            found[name] = int(text)
        else:
            wrong[name] = message.format(most)
    if wrong:
        raise Invalid(wrong)
    return LinkWanted(found["days"], found["most_files"], found["megabytes"] * MIB)


def link_state(
    now: datetime,
    *,
    expires_at: datetime,
    used_at: datetime | None,
    revoked_at: datetime | None,
    has_maker: bool,
) -> LinkState:
    """How a link stands now; what happened to it first told is what was done on purpose."""
    if used_at is not None:
        return LinkState.USED
    if revoked_at is not None:
        return LinkState.REVOKED
    if expires_at <= now:
        return LinkState.EXPIRED
    return LinkState.OPEN if has_maker else LinkState.ORPHANED
