"""Artifacts: kinds, states, the three dates, and what a person may say of one. Pure.

The time that evidence covers, the day it was collected and the instant the tracker received it are three things;
the last is never editable. An approval holds for the bytes that were approved: a new version lets it lapse.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from cmmc_tracker.domain.freshness import Cadence
from cmmc_tracker.domain.text import clean_line, clean_text, is_visible, normal
from cmmc_tracker.errors import Conflict, Forbidden, Invalid

LONGEST_TITLE = 300
LONGEST_DESCRIPTION = 20_000
LONGEST_LOCATOR = 300
LONGEST_SHOWS = 2_000
LONGEST_NAME = 200
LONGEST_ENDING = 20  # what is longer is no ending: the number then comes last
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


class Act(StrEnum):
    """What people do about an artifact's state."""

    SUBMIT = "submit"
    WITHDRAW = "withdraw"
    APPROVE = "approve"
    RETURN = "return"
    RETIRE = "retire"
    REVIVE = "revive"

    @property
    def label(self) -> str:
        """The act as a button says it."""
        return _ACT_LABELS[self]


_ACT_LABELS = {
    Act.SUBMIT: "Hand in for review",
    Act.WITHDRAW: "Take back",
    Act.APPROVE: "Approve",
    Act.RETURN: "Send back",
    Act.RETIRE: "Retire",
    Act.REVIVE: "Use again",
}
_MOVES = {
    (ArtifactStatus.DRAFT, Act.SUBMIT): ArtifactStatus.IN_REVIEW,
    (ArtifactStatus.IN_REVIEW, Act.WITHDRAW): ArtifactStatus.DRAFT,
    (ArtifactStatus.IN_REVIEW, Act.APPROVE): ArtifactStatus.APPROVED,
    (ArtifactStatus.IN_REVIEW, Act.RETURN): ArtifactStatus.DRAFT,
    (ArtifactStatus.DRAFT, Act.RETIRE): ArtifactStatus.SUPERSEDED,
    (ArtifactStatus.APPROVED, Act.RETIRE): ArtifactStatus.SUPERSEDED,
    (ArtifactStatus.SUPERSEDED, Act.REVIVE): ArtifactStatus.DRAFT,
}
VERDICTS = frozenset({Act.APPROVE, Act.RETURN})


@dataclass(frozen=True, slots=True)
class Standing:
    """What decides which acts are open to a person: the artifact's state, and what the person is to it."""

    status: ArtifactStatus
    contributes: bool
    approves: bool  # has the right to approve in the system, or is the artifact's reviewer
    sent_it: bool  # sent the version that stands for approval
    may_approve_own: bool  # the installation lets people approve what they sent themselves
    review: bool  # the installation asks for a review of evidence


def acts(standing: Standing) -> list[Act]:
    """The acts that are open to the person now, in the order that they are offered."""
    return [act for status, act in _MOVES if status is standing.status and _hindrance(standing, act) is None]


def moved(standing: Standing, act: Act) -> ArtifactStatus:
    """The state after an act.

    Raises `Conflict` when it is not possible in this state, `Forbidden` when it is not this person's to do: a verdict
    is given by who may approve and did not send the version (unless the installation allows that).
    """
    after = _MOVES.get((standing.status, act))
    if after is None:
        raise Conflict(f"This is not possible while the artifact is {standing.status.label}.")
    hindrance = _hindrance(standing, act)
    if hindrance:
        raise Forbidden(hindrance)
    return ArtifactStatus.APPROVED if act is Act.REVIVE and not standing.review else after


def _hindrance(standing: Standing, act: Act) -> str | None:
    if act not in VERDICTS:
        return None if standing.contributes else "You may not contribute to this system. Ask an administrator."
    if not standing.approves:
        return "Only the artifact's reviewer, or who may approve in this system, gives a verdict."
    if act is Act.APPROVE and standing.sent_it and not standing.may_approve_own:
        return "You sent this version, so somebody else must approve it."
    return None


def first_status(*, review: bool) -> ArtifactStatus:
    """The state of new evidence, and of evidence with a new version: approved at once where no review is asked for."""
    return ArtifactStatus.DRAFT if review else ArtifactStatus.APPROVED


def manifest(files: Iterable[tuple[str, int | None, str]]) -> str:
    """The one hash of a version: SHA-256 over a line a file, in order, of its SHA-256, size in bytes and name.

    Of a file that is held elsewhere the size is `-` where it is not known, and the name is `Held.manifest_name`.
    """
    lines = "".join(f"{sha256} {'-' if size is None else size} {name}\n" for sha256, size, name in files)
    return hashlib.sha256(lines.encode()).hexdigest()


def distinct_names(names: Iterable[str]) -> list[str]:
    """The names, each once: a second `image.png` becomes `image (2).png`.

    Names that differ only in capitals or in Unicode's form count as one: on some disks they are.
    """
    found: list[str] = []
    taken: set[str] = set()
    for name in names:
        stem, dot, ending = name.rpartition(".")
        if not stem or len(ending) > LONGEST_ENDING:
            stem, dot, ending = name, "", ""
        number, one = 1, name
        while normal(one, "NFKC").casefold() in taken:
            number += 1
            tail = f" ({number}){dot}{ending}"
            one = stem[: LONGEST_NAME - len(tail)] + tail
        taken.add(normal(one, "NFKC").casefold())
        found.append(one)
    return found


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


def _cadence(value: Any) -> Cadence:
    text = _text(value) or Cadence.ONCE
    if text not in set(Cadence):
        raise ValueError(f"This cadence is not known; choose one of {', '.join(Cadence)}.")
    return Cadence(text)


def _person(value: Any) -> str:
    name = clean_line(_text(value))
    if len(name) > 80:
        raise ValueError("There is nobody of that name here.")
    return name


def _description(value: Any) -> str:
    text = clean_text(_text(value))
    if len(text) > LONGEST_DESCRIPTION:
        raise ValueError(f"A description has at most {LONGEST_DESCRIPTION:,} characters; this one has {len(text):,}.")
    return text


def parse_day(value: Any) -> date | None:
    """A day written as 2026-11-24, None for nothing; raises `ValueError` with the sentence for the person."""
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
    "covers_from": parse_day,
    "covers_until": parse_day,
    "collected_on": parse_day,
    "cadence": _cadence,
    "owner": _person,
    "reviewer": _person,
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
