"""What a reminder says, when it is told and to what sort of address. Pure.

Mail leaves the house, so it carries ids and dates, never weaknesses. `Duty` has no field that a title, a finding or a
file's name could stand in: a kind, a thing with its number, an objective's identifier, a day, a system's slug.
At most one mail a day for a person, and none while nothing falls due.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from cmmc_tracker.domain.status_dates import Deadline
from cmmc_tracker.domain.text import clean_line

MOST_LINES = 50
LONGEST_NAME = 80
LONGEST_ADDRESS = 254  # RFC 5321, section 4.5.3.1.3, without the angle brackets
_WORK = "/my-work"
_FOOT = "This mail names things by their numbers only. It comes at most once a day, and only when something falls due."
_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")
_ABOUT = re.compile(r"[A-Z]{2}\.L[1-3]-\d{1,2}\.\d{1,2}\.\d{1,2}(?:\[[a-z]\])?")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ATOM = r"[A-Za-z0-9_+&'=/~#-]+"  # without what routes mail onward (% and !) or means more in a header (=?)
_ADDRESS = re.compile(rf"(?=.{{1,64}}@){_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})*")


class Task(StrEnum):
    """What a person is to do."""

    UPLOAD = "upload"
    REVIEW = "review"
    RENEW = "renew"
    ANSWER = "answer"
    CLOSE = "close"
    CLOSE_OUT = "close_out"
    AFFIRM = "affirm"
    ASSESS = "assess"

    @property
    def label(self) -> str:
        """The task as a line of a mail begins with it."""
        return _TASKS[self]


_TASKS = {
    Task.UPLOAD: "Evidence to upload",
    Task.REVIEW: "Evidence to review",
    Task.RENEW: "Evidence that falls due",
    Task.ANSWER: "Question to answer",
    Task.CLOSE: "Item of the plans to close",
    Task.CLOSE_OUT: Deadline.CLOSEOUT.label,
    Task.AFFIRM: Deadline.AFFIRMATION.label,
    Task.ASSESS: Deadline.END.label,
}


class Thing(StrEnum):
    """What a task is about; its value is the word that stands before the number."""

    ARTIFACT = "artifact"
    REQUEST = "request"
    QUESTION = "question"
    ITEM = "item"
    STATUS = "status"


@dataclass(frozen=True, slots=True)
class Duty:
    """One thing that a person has to do: ids and dates only, and `ValueError` for what is none.

    `about` is the requirement or objective that it is for, or empty; without `due_on` it never falls due by itself.
    """

    task: Task
    thing: Thing
    id: int
    system: str
    due_on: date | None = None
    about: str = ""

    def __post_init__(self) -> None:
        if not _SLUG.fullmatch(self.system):
            raise ValueError("a duty names its system by the slug")
        if self.about and not _ABOUT.fullmatch(self.about):
            raise ValueError("a duty is about a requirement or an objective, named by its identifier")


def is_address(text: str) -> bool:
    """Whether the text is one plain mail address: `name@host` in ASCII, and nothing beside it.

    Left out on purpose, though RFC 5322 knows them: quoted names, comments, brackets, and signs that route onward.
    A host with other letters is written in its ASCII form (`xn--…`).
    """
    return len(text) <= LONGEST_ADDRESS and _ADDRESS.fullmatch(text) is not None


def is_time(last_sent_on: date | None, today: date) -> bool:
    """Whether a person may get a mail today: at most one a day, also when the clock was set back."""
    return last_sent_on is None or last_sent_on < today


def due(duties: Iterable[Duty], today: date, horizon_days: int) -> list[Duty]:
    """What is to be told today: the overdue first, then what falls due within the horizon, oldest day first.

    Undated duties come last, and only where something dated is told: alone they would be the same mail every day.
    """
    until = today + timedelta(days=horizon_days)
    known = list(duties)
    if not any(one.due_on is not None and one.due_on <= until for one in known):
        return []
    return sorted((one for one in known if one.due_on is None or one.due_on <= until), key=_order)


def compose(person_name: str, duties: Sequence[Duty], today: date, public_url: str) -> tuple[str, str]:
    """Subject and text of a reminder of these duties; overdue first, at most fifty of them, then how many more.

    Raises `ValueError` without any: there is no mail then. Without `public_url` the mail has no link.
    """
    if not duties:
        raise ValueError("there is nothing to remind of")
    ordered = sorted(duties, key=_order)
    late = sum(_is_late(one, today) for one in ordered)
    name = clean_line(person_name)[:LONGEST_NAME]
    lines = [
        f"Hello {name}," if name else "Hello,",
        "",
        f"on {_day(today)} this waits for you in the CMMC Artifact Tracker.",
        *_told(ordered[:MOST_LINES], today, named=len({one.system for one in ordered}) > 1),
    ]
    if len(ordered) > MOST_LINES:
        lines += ["", f"and {len(ordered) - MOST_LINES} more."]
    if public_url:
        lines += ["", f"Your work: {public_url.rstrip('/')}{_WORK}"]
    lines += ["", _FOOT]
    return _subject(len(ordered), late), "\n".join(lines) + "\n"


def _subject(count: int, late: int) -> str:
    things = "1 thing" if count == 1 else f"{count} things"
    return f"CMMC Artifact Tracker: {things} to do" + (f", {late} overdue" if late else "")


def _told(duties: Sequence[Duty], today: date, *, named: bool) -> list[str]:
    """The lines of the duties, which are in order, below the headings of their groups."""
    lines: list[str] = []
    heading = ""
    for one in duties:
        group = "Without a date" if one.due_on is None else "Overdue" if _is_late(one, today) else "Due soon"
        if group != heading:
            lines += ["", group]
            heading = group
        lines.append(_line(one, today, named=named))
    return lines


def _line(duty: Duty, today: date, *, named: bool) -> str:
    about = f" for {duty.about}" if duty.about else ""
    where = f" in {duty.system}" if named else ""
    when = f", {'was due' if _is_late(duty, today) else 'due'} on {_day(duty.due_on)}" if duty.due_on else ""
    return f"- {duty.task.label}: {duty.thing} {duty.id}{about}{where}{when}"


def _order(duty: Duty) -> tuple[bool, date, str, Task, int]:
    return (duty.due_on is None, duty.due_on or date.max, duty.system, duty.task, duty.id)


def _is_late(duty: Duty, today: date) -> bool:
    """Overdue from the day after; the due day itself still counts."""
    return duty.due_on is not None and duty.due_on < today


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"
