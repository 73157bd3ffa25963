"""What lets an objective count as MET though it is not plainly so: exceptions, deficiencies, providers, adjudications.

Each is a record beside the finding, never a finding of its own (32 CFR 170.24(b)(1); 170.4). Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from cmmc_tracker.domain.artifacts import parse_day
from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.domain.clocks import DEFICIENCY_REVIEW_DAYS
from cmmc_tracker.domain.text import clean_text
from cmmc_tracker.errors import Conflict, Invalid

LONGEST = 5_000


class Basis(StrEnum):
    """On what an objective is MET; `plain` is the everyday case: it is implemented, and evidence shows it."""

    PLAIN = "plain"
    ENDURING_EXCEPTION = "enduring_exception"
    TEMPORARY_DEFICIENCY = "temporary_deficiency"
    INHERITED = "inherited"
    ADJUDICATED = "adjudicated"

    @property
    def label(self) -> str:
        """The basis as people read it."""
        return _LABELS[self]

    @property
    def clause(self) -> str:
        """The clause that lets it count."""
        return _CLAUSES[self]

    def carries(self, status: Status) -> bool:
        """Whether it bears that finding: it lets count as MET, and an adjudication may say N/A too.

        A record beside another finding is kept, and is without effect until the finding is MET again (our decision).
        """
        return status is Status.MET or (self is Basis.ADJUDICATED and status is Status.NOT_APPLICABLE)


_LABELS = {
    Basis.PLAIN: "implemented",
    Basis.ENDURING_EXCEPTION: "enduring exception",
    Basis.TEMPORARY_DEFICIENCY: "temporary deficiency",
    Basis.INHERITED: "inherited from a provider",
    Basis.ADJUDICATED: "adjudicated by the DoD CIO",
}
_CLAUSES = {
    Basis.PLAIN: "32 CFR 170.24(b)(1)",
    Basis.ENDURING_EXCEPTION: "32 CFR 170.24(b)(1)(i)",
    Basis.TEMPORARY_DEFICIENCY: "32 CFR 170.24(b)(1)(ii)",
    Basis.INHERITED: "32 CFR 170.19(c)(2)",
    Basis.ADJUDICATED: "32 CFR 170.24(c)(2)(i)(B)(8)",
}


@dataclass(frozen=True, slots=True)
class Special:
    """The record: what is special, what makes up for it, where the plan says so, when it was last looked at."""

    basis: Basis
    description: str
    mitigation: str
    reference: str  # the section of the security plan, the item of the operational plan, the provider's matrix line
    reviewed_on: date | None

    def stale(self, today: date) -> bool:
        """Whether a temporary deficiency has had no review for more than 90 days (our decision)."""
        if self.basis is not Basis.TEMPORARY_DEFICIENCY:
            return False
        return self.reviewed_on is None or today - self.reviewed_on > timedelta(days=DEFICIENCY_REVIEW_DAYS)


# What each record needs, beside a description of what is special.
_NEEDS = {
    Basis.ENDURING_EXCEPTION: {
        "mitigation": "Say what makes up for it: the security plan describes the exception with its mitigations.",
        "reference": "Name the section of the security plan that describes it.",
    },
    Basis.TEMPORARY_DEFICIENCY: {
        "mitigation": "Say what protects the system until it is mended.",
        "reference": "Name the item of the operational plan of action that mends it.",
        "reviewed_on": "Give the day of its last deficiency review: the plan has reviews, and they show progress.",
    },
    Basis.INHERITED: {"reference": "Name the provider and the line of its responsibility matrix."},
    Basis.ADJUDICATED: {"reference": "Name the adjudication and the section of the security plan that has it."},
}


def parse(given: Mapping[str, Any], today: date) -> Special:
    """Read a record from a form; raises `Invalid` naming each field that it needs and has not."""
    wrong: dict[str, str] = {}
    if given.get("basis") not in set(Basis):
        raise Invalid({"basis": f"The basis must be one of {', '.join(Basis)}."})
    basis = Basis(given["basis"])
    if basis is Basis.PLAIN:
        return Special(basis, "", "", "", None)
    texts = {name: _text(given.get(name), name, wrong) for name in ("description", "mitigation", "reference")}
    reviewed_on = _reviewed(given.get("reviewed_on"), today, wrong)
    if not texts["description"]:
        wrong.setdefault("description", "Say what is special about this, and for which assets.")
    present = {**texts, "reviewed_on": reviewed_on}
    for name, sentence in _NEEDS[basis].items():
        if not present[name]:
            wrong.setdefault(name, f"{sentence} ({basis.clause})")
    if wrong:
        raise Invalid(wrong)
    return Special(basis, texts["description"], texts["mitigation"], texts["reference"], reviewed_on)


def needs_second(status: Status, basis: Basis | None) -> bool:
    """Whether a finding is one that a second person confirms: N/A, and MET by a temporary deficiency (our decision)."""
    if status is Status.NOT_APPLICABLE:
        return True
    return basis is Basis.TEMPORARY_DEFICIENCY and basis.carries(status)


def check_deficiency(*, has_been_met: bool) -> None:
    """Raise `Conflict` for a temporary deficiency of what has never been MET (170.24(b)(1)(ii); 170.4).

    It arises after implementation: an unfinished first implementation is NOT MET.
    """
    if not has_been_met:
        raise Conflict(
            "This was never MET here, so it is no temporary deficiency: that arises after a requirement was "
            "implemented. What is not implemented yet is NOT MET; give it a plan instead.",
            Basis.TEMPORARY_DEFICIENCY.clause,
        )


def _text(value: Any, name: str, wrong: dict[str, str]) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        wrong[name] = "This must be text."
        return ""
    text = clean_text(value)
    if len(text) > LONGEST:
        wrong[name] = f"This has at most {LONGEST:,} characters; this one has {len(text):,}."
    return text


def _reviewed(value: Any, today: date, wrong: dict[str, str]) -> date | None:
    try:
        day = parse_day(value)
    except ValueError as error:
        wrong["reviewed_on"] = str(error)
        return None
    if day is not None and day > today:
        wrong["reviewed_on"] = "A review cannot have been in the future."
    return day
