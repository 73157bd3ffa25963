"""Who is let look at a package from outside, and what they may ask. Pure."""

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

from cmmc_tracker.domain.artifacts import parse_day
from cmmc_tracker.domain.catalog import known_objective, known_requirement
from cmmc_tracker.domain.text import clean_line, clean_text, is_visible
from cmmc_tracker.errors import Invalid, TrackerError

LONGEST_DAYS = 366
LONGEST_WHOM = 200
LONGEST_QUESTION = 5_000
MOST_WRONG_WORDS = 10  # a link closes with the tenth


@dataclass(frozen=True, slots=True)
class Wanted:
    """A view that is to be given: to whom (an account's name, or whom a link is for), its last day, and whether files
    may be taken away."""

    whom: str
    until: date
    may_download: bool

    @classmethod
    def parse(cls, given: Mapping[str, Any], today: date) -> "Wanted":
        """Read JSON or a form; raises `Invalid` naming each wrong field."""
        wrong: dict[str, str] = {}
        whom, may_download = given.get("whom"), given.get("may_download", False)
        until = None
        if not isinstance(whom, str) or not is_visible(whom) or not len(clean_line(whom)) <= LONGEST_WHOM:
            wrong["whom"] = f"Say who looks, in at most {LONGEST_WHOM} characters."
        try:
            until = parse_day(given.get("until"))
        except ValueError as error:
            wrong["until"] = str(error)
        else:
            wrong |= _out_of_bounds(until, today)
        if not isinstance(may_download, bool):
            wrong["may_download"] = "This must be true or false."
        if wrong or until is None:
            raise Invalid(wrong)
        return cls(clean_line(str(whom)), until, may_download)

    def expires_at(self, zone: tzinfo) -> datetime:
        """When the view ends by itself: with its last day, where the organization is."""
        return datetime.combine(self.until + timedelta(days=1), time(), zone).astimezone(UTC)


def _out_of_bounds(until: date | None, today: date) -> dict[str, str]:
    if until is None:
        return {"until": "Say the last day on which the package can be looked at."}
    if until < today:
        return {"until": "This day is over; choose today or a later one."}
    if until > today + timedelta(days=LONGEST_DAYS):
        return {"until": f"A view lasts at most {LONGEST_DAYS} days; choose an earlier day."}
    return {}


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of an assessor, and what it is about: a requirement, one objective of it, an artifact, or the whole
    package."""

    text: str
    requirement: str | None
    letter: str | None
    artifact: int | None

    @classmethod
    def parse(cls, given: Mapping[str, str], level: int) -> "Asked":
        """Read a form; raises `Invalid` naming each wrong field."""
        wrong: dict[str, str] = {}
        requirement, letter = given.get("requirement", "").strip(), given.get("letter", "").strip()
        artifact = given.get("artifact", "").strip()
        try:
            text = parse_said(given.get("text", ""), "text")
        except Invalid as error:
            text, wrong = "", dict(error.fields)
        try:
            if letter:
                requirement, letter = astuple(known_objective(requirement, letter, level))
            elif requirement:
                requirement = known_requirement(requirement, level)
        except TrackerError:
            wrong["requirement"] = "This is no objective of the package."
        if artifact and not (artifact.isascii() and artifact.isdecimal() and len(artifact) < 19 and not requirement):
            wrong["artifact"] = "This is no artifact of the package."
        if wrong:
            raise Invalid(wrong)
        return cls(text, requirement or None, letter or None, int(artifact) if artifact else None)


def parse_said(text: str, field: str) -> str:
    """What somebody asks or answers; raises `Invalid` at the field for nothing and for a very long one."""
    said = clean_text(text)
    if "\0" in text or len(said) > LONGEST_QUESTION or not is_visible(said):
        raise Invalid({field: f"Please write it, in at most {LONGEST_QUESTION:,} characters."})
    return said
