"""The register of changes to the environment: what the yearly affirmation rests on (32 CFR 170.22; 170.4). Pure.

A status holds while nothing has changed that it rests on; so each change says what it asks for, and when that was done.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from cmmc_tracker.domain.artifacts import EARLIEST, parse_day
from cmmc_tracker.domain.text import clean_text, is_visible
from cmmc_tracker.errors import Invalid

LONGEST = 5_000


class ChangeKind(StrEnum):
    """What a change asks for."""

    COVERED = "covered"
    PLAN = "plan"
    ASSESSMENT = "assessment"

    @property
    def label(self) -> str:
        """What it asks for, in a few words."""
        return _KINDS[self][0]

    @property
    def follows(self) -> str:
        """When a change is of this kind."""
        return _KINDS[self][1]

    @property
    def asks(self) -> bool:
        """Whether something is to be done about it."""
        return self is not ChangeKind.COVERED


_KINDS = {
    ChangeKind.COVERED: (
        "covered by the affirmation",
        "Nothing that the assessment rests on is other than it was: a machine was replaced by one like it.",
    ),
    ChangeKind.PLAN: (
        "the plan must change",
        "The system is still the one that was assessed, but the plan describes it otherwise.",
    ),
    ChangeKind.ASSESSMENT: (
        "new assessment",
        "The boundary or the architecture is another: what was assessed is not what is there (32 CFR 170.16).",
    ),
}


@dataclass(frozen=True, slots=True)
class Change:
    """What happened, and what was done about it; `settled_on` None: it is open, or asks for nothing."""

    happened_on: date
    kind: ChangeKind
    text: str
    settled_on: date | None
    settled: str

    @property
    def is_open(self) -> bool:
        """Whether what it asks for was not done yet."""
        return self.kind.asks and self.settled_on is None


def parse(given: Mapping[str, Any], today: date) -> tuple[date, ChangeKind, str]:
    """Read a change: the day, the kind, what changed. Raises `Invalid` naming each wrong field."""
    wrong: dict[str, str] = {}
    happened = _day(given.get("happened_on"), today, "happened_on", wrong)
    kind = given.get("kind", "")
    if kind not in set(ChangeKind):
        wrong["kind"] = "Say what the change asks for."
    text = _text(given.get("text"), "text", "Say what changed.", wrong)
    if wrong or happened is None:
        raise Invalid(wrong)
    return happened, ChangeKind(kind), text


def parse_settled(given: Mapping[str, Any], happened_on: date, today: date) -> tuple[date, str]:
    """Read what was done about a change, and when. Raises `Invalid` naming each wrong field."""
    wrong: dict[str, str] = {}
    day = _day(given.get("settled_on"), today, "settled_on", wrong)
    if day is not None and day < happened_on:
        wrong["settled_on"] = "That is before the change itself."
    text = _text(given.get("settled"), "settled", "Say what was done about it.", wrong)
    if wrong or day is None:
        raise Invalid(wrong)
    return day, text


def _day(value: Any, today: date, field: str, wrong: dict[str, str]) -> date | None:
    try:
        day = parse_day(value)
    except ValueError as error:
        wrong[field] = str(error)
        return None
    if day is None:
        wrong[field] = "Say on which day."
    elif not EARLIEST <= day <= today:
        wrong[field] = "This day is still to come." if day > today else f"This is before {EARLIEST:%Y}."
    return day


def _text(value: Any, field: str, missing: str, wrong: dict[str, str]) -> str:
    text = clean_text(value) if isinstance(value, str) else ""
    if not is_visible(text):
        wrong[field] = missing
    elif len(text) > LONGEST:
        wrong[field] = f"This has at most {LONGEST:,} characters; this one has {len(text):,}."
    return text
