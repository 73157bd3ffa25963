"""From objective to requirement, and what a person may say of either. Pure.

32 CFR 170.24(b): an objective is MET, NOT MET or NOT APPLICABLE; "not assessed" is ours, for what nobody has
looked at yet.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar

from cmmc_tracker.domain.catalog import ObjectiveId, Requirement
from cmmc_tracker.domain.text import clean_line, clean_text
from cmmc_tracker.errors import Invalid

LONGEST_NOTE = 20_000
LONGEST_SAID = 5_000
LONGEST_NARRATIVE = 100_000
SSP = "CA.L2-3.12.4"
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class Status(StrEnum):
    """How an objective or a requirement stands."""

    MET = "met"
    NOT_MET = "not_met"
    NOT_APPLICABLE = "not_applicable"
    NOT_ASSESSED = "not_assessed"

    @property
    def label(self) -> str:
        """The word of the field."""
        return _LABELS[self]

    @property
    def sign(self) -> str:
        """A sign beside the word, so that colour never stands alone."""
        return _SIGNS[self]


_LABELS = {
    Status.MET: "MET",
    Status.NOT_MET: "NOT MET",
    Status.NOT_APPLICABLE: "N/A",
    Status.NOT_ASSESSED: "not assessed",
}
_SIGNS = {Status.MET: "●", Status.NOT_MET: "▲", Status.NOT_APPLICABLE: "–", Status.NOT_ASSESSED: "○"}


class Method(StrEnum):
    """How an assessor looks at an objective (NIST SP 800-171A)."""

    EXAMINE = "examine"
    INTERVIEW = "interview"
    TEST = "test"

    @property
    def field(self) -> str:
        """The field that says what was looked at in this way, who was asked, what was tried."""
        return {"examine": "examined", "interview": "interviewed", "test": "tested"}[self.value]


class ImplementationStatus(StrEnum):
    """How far the organization has come with a requirement."""

    IMPLEMENTED = "implemented"
    PARTIAL = "partial"
    PLANNED = "planned"
    INHERITED = "inherited"
    ALTERNATIVE = "alternative"
    NOT_APPLICABLE = "not_applicable"


class Responsibility(StrEnum):
    """Who does what a requirement asks."""

    OWN = "own"
    PROVIDER = "provider"
    SHARED = "shared"


def requirement_status(statuses: Iterable[Status]) -> Status:
    """A requirement's status from those of its objectives.

    NOT MET when any is NOT MET, whatever the others are (32 CFR 170.24(b)(2)); not assessed when any is not
    assessed (our decision); NOT APPLICABLE when all are (170.24(b)(3)); else MET: an objective that is not
    applicable is equivalent to one that is met (170.24(b)(1), (b)(3)).
    """
    found = tuple(statuses)  # not a set: hashing a member of an enum costs more than looking through a few
    if Status.NOT_MET in found:
        return Status.NOT_MET
    if Status.NOT_ASSESSED in found or not found:
        return Status.NOT_ASSESSED
    if Status.MET in found:
        return Status.MET
    return Status.NOT_APPLICABLE


@dataclass(frozen=True, slots=True)
class Judgement:
    """What somebody found for one objective."""

    status: Status
    note: str
    methods: tuple[Method, ...]
    said: Mapping[str, str] = field(default_factory=dict)  # by `Method.field`; what is not given stays as it was

    @property
    def asks_for_reason(self) -> bool:
        """NOT MET without a reason is saved, but the page asks for one (32 CFR 170.24(b)(2))."""
        return self.status is Status.NOT_MET and not self.note

    @classmethod
    def parse(
        cls,
        objective: ObjectiveId,
        status: Any,
        note: Any,
        methods: Iterable[Any],
        said: Mapping[str, Any] | None = None,
    ) -> "Judgement":
        """Check a judgement; raises `Invalid` naming `status`, `note`, `methods` or a field of `said`.

        A method of which it is said what was looked at, who was asked or what was tried is one that was used.

        NOT APPLICABLE needs a written reason, and no objective of 3.12.4 can be it: a system security plan must
        exist (32 CFR 170.24(c)(2)(i)(B)(5)).
        """
        wrong: dict[str, str] = {}
        if status not in set(Status):
            wrong["status"] = f"The status must be one of {', '.join(Status)}."
        text = _checked(note, LONGEST_NOTE, "note", wrong)
        given = list(methods)
        if any(m not in set(Method) for m in given):
            wrong["methods"] = f"Each method must be one of {', '.join(Method)}."
        told = _told(said or {}, wrong)
        given += [m for m in Method if told.get(m.field)]
        if status == Status.NOT_APPLICABLE and objective.requirement == SSP:
            wrong["status"] = (
                "No objective of 3.12.4 can be not applicable: a system security plan must exist "
                "(32 CFR 170.24(c)(2)(i)(B)(5))."
            )
        elif status == Status.NOT_APPLICABLE and not text and "note" not in wrong:
            wrong["note"] = "Not applicable needs a written reason; the system security plan must name it too."
        if wrong:
            raise Invalid(wrong)
        return cls(Status(status), text, tuple(m for m in Method if m in given), told)


def _told(said: Mapping[str, Any], wrong: dict[str, str]) -> dict[str, str]:
    named = (m.field for m in Method if m.field in said)
    return {name: clean_line(_checked(said[name], LONGEST_SAID, name, wrong)) for name in named}


def _checked(value: Any, longest: int, name: str, wrong: dict[str, str]) -> str:
    if not isinstance(value, str):
        wrong[name] = "This must be text."
        return ""
    if _CONTROL.search(value):
        wrong[name] = "This has a control character in it that cannot be kept; please type it again."
        return ""
    text = clean_text(value)
    if len(text) > longest:
        wrong[name] = f"This has at most {longest:,} characters; this one has {len(text):,}."
    return text


class Implementation:
    """How the organization implements a requirement, for the system security plan."""

    COLUMNS: ClassVar[Mapping[str, str]] = {
        "narrative": "narrative",
        "implementation_status": "status",
        "responsibility": "responsibility",
        "partial": "partial",
    }

    @staticmethod
    def parse(given: Mapping[str, Any], requirement: Requirement) -> dict[str, Any]:
        """The changes that were given, checked; missing keys stay missing. Raises `Invalid` naming each wrong one."""
        wrong: dict[str, str] = {}
        changes: dict[str, Any] = {}
        if "narrative" in given:
            changes["narrative"] = _checked(given["narrative"], LONGEST_NARRATIVE, "narrative", wrong)
        for name, words in (("implementation_status", ImplementationStatus), ("responsibility", Responsibility)):
            if name in given:
                if given[name] in set(words):
                    changes[name] = words(given[name])
                else:
                    wrong[name] = f"This must be one of {', '.join(words)}."
        if "partial" in given:
            changes["partial"] = given["partial"]
            if not isinstance(given["partial"], bool):
                wrong["partial"] = "This must be true or false."
            elif given["partial"] and requirement.partial is None:
                wrong["partial"] = "Only 3.5.3 and 3.13.11 can count in part (32 CFR 170.24(c)(2)(i)(B)(4))."
        if wrong:
            raise Invalid(wrong)
        return changes
