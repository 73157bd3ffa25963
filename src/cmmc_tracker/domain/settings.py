"""What an administrator sets for the whole installation, with its bounds. Pure.

What the environment says (`config.py`) needs a restart; these do not. One place lists them all: `FIELDS`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import timedelta
from typing import Any

from cmmc_tracker.domain.text import clean_line
from cmmc_tracker.errors import Invalid

MOST_HOURS = 24
REFUSE, MARK = "refuse", "mark"
_MAIL = re.compile(r"[\w.+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+", re.ASCII)
_WEB = re.compile(r"https://[A-Za-z0-9.-]{1,253}(?::\d{1,5})?(?:/[\w./?&=%+~-]{0,500})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Preferences:
    """The installation's settings; the defaults are those of a new install."""

    session_idle_minutes: int = 30
    session_longest_hours: int = 12
    second_factor_required: bool = False
    scanner_away: str = REFUSE
    security_contact: str = ""
    review_required: bool = False
    approve_own: bool = False
    cui_allowed: bool = False
    cui_quarantine: bool = False
    organization: str = ""

    @property
    def idle(self) -> timedelta:
        """How long a session may rest."""
        return timedelta(minutes=self.session_idle_minutes)

    @property
    def longest(self) -> timedelta:
        """How long a session may last in all."""
        return timedelta(hours=self.session_longest_hours)

    def as_dict(self) -> dict[str, Any]:
        """The settings as they are kept and recorded."""
        return asdict(self)


def kept(value: Mapping[str, Any]) -> Preferences:
    """The settings from what was kept; what an older version did not know has its default."""
    known = {field.name for field in fields(Preferences)}
    return Preferences(**{name: one for name, one in value.items() if name in known})


def parse(form: Mapping[str, str]) -> Preferences:
    """The settings from a form; raises `Invalid` naming every wrong field. An absent switch is off."""
    values: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for name, read in FIELDS.items():
        try:
            values[name] = read(form.get(name, "").strip())
        except ValueError as error:
            wrong[name] = str(error)
    if wrong:
        raise Invalid(wrong)
    return Preferences(**values)


def _whole(low: int, high: int, unit: str) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not (text.isascii() and text.isdecimal() and len(text) < 6) or not low <= int(text) <= high:
            raise ValueError(f"This must be a whole number of {unit} from {low} to {high}.")
        return int(text)

    return read


def _switch(text: str) -> bool:
    if text not in {"", "on"}:
        raise ValueError("This is either on or left out.")
    return text == "on"


def _away(text: str) -> str:
    if text not in {REFUSE, MARK}:
        raise ValueError("Choose whether files are refused or marked while the scanner cannot be asked.")
    return text


def _contact(text: str) -> str:
    contact = clean_line(text)
    if not contact:
        return ""
    if _MAIL.fullmatch(contact.removeprefix("mailto:")):
        return "mailto:" + contact.removeprefix("mailto:")
    if not _WEB.fullmatch(contact):
        raise ValueError("Give a mail address, or an address that begins with https://.")
    return contact


def _line(most: int) -> Callable[[str], str]:
    def read(text: str) -> str:
        line = clean_line(text)
        if len(line) > most:
            raise ValueError(f"This has at most {most} characters; this one has {len(line)}.")
        return line

    return read


FIELDS: Mapping[str, Callable[[str], Any]] = {
    "session_idle_minutes": _whole(5, 120, "minutes"),
    "session_longest_hours": _whole(1, MOST_HOURS, "hours"),
    "second_factor_required": _switch,
    "scanner_away": _away,
    "security_contact": _contact,
    "review_required": _switch,
    "approve_own": _switch,
    "cui_allowed": _switch,
    "cui_quarantine": _switch,
    "organization": _line(200),
}
