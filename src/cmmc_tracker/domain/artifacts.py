"""Artifacts: kinds, states, the three dates, and what a person may say of one. Pure.

The time that evidence covers, the day it was collected and the instant the tracker received it are three things;
the last is never editable.
"""

import re
from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Any

from cmmc_tracker.domain.text import clean_line, clean_text, is_visible
from cmmc_tracker.errors import Invalid

LONGEST_TITLE = 300
LONGEST_DESCRIPTION = 20_000
LONGEST_LOCATOR = 300
LONGEST_SHOWS = 2_000
EARLIEST = date(1990, 1, 1)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


class Kind(StrEnum):
    """What sort of evidence an artifact is."""

    POLICY = "policy"
    PROCEDURE = "procedure"
    PLAN = "plan"
    SCREENSHOT = "screenshot"
    CONFIGURATION_EXPORT = "configuration_export"
    LOG = "log"
    RECORD = "record"
    DIAGRAM = "diagram"
    TRAINING_RECORD = "training_record"
    CONTRACT = "contract"
    OTHER = "other"

    @property
    def label(self) -> str:
        """The kind as people read it."""
        return self.value.replace("_", " ").capitalize()


class ArtifactStatus(StrEnum):
    """Where an artifact stands; a draft never supports MET (32 CFR 170.24(b)(1))."""

    DRAFT = "draft"
    IN_REVIEW = "in_review"
    APPROVED = "approved"
    SUPERSEDED = "superseded"

    @property
    def label(self) -> str:
        """The status as people read it."""
        return self.value.replace("_", " ")


def parse_facts(given: Mapping[str, Any], today: date, before: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What a person said of an artifact, checked; only the keys that were given, parsed.

    `before` holds the present values when an artifact is edited: the period is checked as a whole. Dates are
    ISO text or empty. Raises `Invalid` naming each wrong field at once.
    """
    wrong: dict[str, str] = {}
    facts: dict[str, Any] = {}
    for name, parse in _PARSERS.items():
        if name in given:
            try:
                facts[name] = parse(given[name])
            except ValueError as error:
                wrong[name] = str(error)
    whole = {**(before or {}), **facts}
    wrong |= {**_wrong_dates(whole, today), **wrong}
    if wrong:
        raise Invalid(wrong)
    return facts


def _title(value: Any) -> str:
    text = _text(value)
    if len(text) > 4 * LONGEST_TITLE:
        raise ValueError(f"A title has at most {LONGEST_TITLE} characters; this one has {len(text):,}.")
    title = clean_line(text)
    if not is_visible(title):
        raise ValueError("Please give the artifact a title.")
    if len(title) > LONGEST_TITLE:
        raise ValueError(f"A title has at most {LONGEST_TITLE} characters; this one has {len(title):,}.")
    return title


def _kind(value: Any) -> Kind:
    text = _text(value) or Kind.OTHER
    if text not in set(Kind):
        raise ValueError(f"This kind is not known; choose one of {', '.join(Kind)}.")
    return Kind(text)


def _description(value: Any) -> str:
    text = clean_text(_text(value))
    if len(text) > LONGEST_DESCRIPTION:
        raise ValueError(f"A description has at most {LONGEST_DESCRIPTION:,} characters; this one has {len(text):,}.")
    return text


def _day(value: Any) -> date | None:
    text = _text(value).strip()
    if not text:
        return None
    try:
        day = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None:
        raise ValueError(f"{clean_line(text)[:40]!r} is not a date; write it as 2026-11-24.")
    return day


def _text(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError("This must be text.")  # noqa: TRY004 one kind of error a field, told beside it
    if "\0" in value:
        raise ValueError("This has a NUL character in it, which cannot be kept; please type it again.")
    return value


_PARSERS = {
    "title": _title,
    "kind": _kind,
    "description": _description,
    "covers_from": _day,
    "covers_until": _day,
    "collected_on": _day,
}


def _wrong_dates(whole: Mapping[str, Any], today: date) -> dict[str, str]:
    wrong = {}
    for name in ("covers_from", "covers_until", "collected_on"):
        day = whole.get(name)
        if day is not None and day < EARLIEST:
            wrong[name] = f"A date before {EARLIEST.year} cannot be right."
    collected, start, end = (whole.get(n) for n in ("collected_on", "covers_from", "covers_until"))
    if collected is not None and collected > today:
        wrong["collected_on"] = "Evidence cannot have been collected in the future."
    if start is not None and start > today:
        wrong["covers_from"] = "Evidence cannot cover a time that begins in the future."
    if start is not None and end is not None and start > end:
        wrong["covers_from"] = "The covered time begins after it ends."
    if end is not None and end.year > today.year + 20:
        wrong["covers_until"] = "A date this far in the future cannot be right."
    return wrong


def parse_link(locator: Any, shows: Any) -> tuple[str, str]:
    """Where in the artifact an objective's evidence stands, and what it shows there."""
    found, wrong = {}, {}
    for name, value, clean, most in (
        ("locator", locator, clean_line, LONGEST_LOCATOR),
        ("shows", shows, clean_text, LONGEST_SHOWS),
    ):
        try:
            found[name] = clean(_text(value))
        except ValueError as error:
            wrong[name] = str(error)
            continue
        if len(found[name]) > most:
            wrong[name] = f"This has at most {most:,} characters; this one has {len(found[name]):,}."
    if wrong:
        raise Invalid(wrong)
    return found["locator"], found["shows"]
