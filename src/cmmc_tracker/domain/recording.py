"""What a person says when a CMMC Status or an affirmation that stands in SPRS is recorded here. Pure.

The tracker never claims to submit anything: it keeps what was submitted, and what that rested on.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from cmmc_tracker.domain.artifacts import parse_day
from cmmc_tracker.domain.clocks import AssessmentKind
from cmmc_tracker.domain.lifecycle import Act, Stage
from cmmc_tracker.domain.text import clean_line, clean_text
from cmmc_tracker.errors import Conflict, Invalid

RECORDING = (Act.RECORD_CONDITIONAL, Act.RECORD_FINAL, Act.CLOSE_OUT)
FIRST_DAY = date(2024, 12, 16)  # 32 CFR part 170 took effect: no status is older
LONGEST_UID = 40
LONGEST_LINE = 200
LONGEST_SCOPE = 4_000
STAGES = {Act.RECORD_CONDITIONAL: Stage.CONDITIONAL, Act.RECORD_FINAL: Stage.FINAL, Act.CLOSE_OUT: Stage.FINAL}
_POAM = "32 CFR 170.21(a)"
_SHOWN = 5  # requirements that a refusal names
_WORDS = {Stage.CONDITIONAL: "Conditional", Stage.FINAL: "Final"}


@dataclass(frozen=True, slots=True)
class StatusGiven:
    """A status as it was posted."""

    act: Act
    kind: AssessmentKind
    status_on: date
    uid: str
    assessor: str
    scope: str
    package: int

    @property
    def stage(self) -> Stage:
        """The stage that it brings."""
        return STAGES[self.act]

    @classmethod
    def parse(cls, given: Mapping[str, Any], level: int, today: date) -> "StatusGiven":
        """Read a form; raises `Invalid` naming each wrong field."""
        wrong: dict[str, str] = {}
        if given.get("act") not in set(RECORDING):
            wrong["act"] = "Choose what is to be recorded."
        kinds = {kind.value for kind in AssessmentKind if kind.level == level}
        if given.get("kind") not in kinds:
            wrong["kind"] = f"Choose an assessment of Level {level}."
        status_on = _past(given.get("status_on"), "status_on", today, wrong)
        uid = _line(given.get("uid"), "uid", LONGEST_UID, wrong)
        assessor = _line(given.get("assessor"), "assessor", LONGEST_LINE, wrong)
        scope = clean_text(str(given.get("scope") or ""))
        if len(scope) > LONGEST_SCOPE:
            wrong["scope"] = f"This has at most {LONGEST_SCOPE:,} characters; this one has {len(scope):,}."
        package = str(given.get("package") or "")
        if not package.isdecimal() or len(package) > 15:
            wrong["package"] = "Choose the package of record: what the status rests on, frozen."
        if wrong or status_on is None:
            raise Invalid(wrong)
        return cls(Act(given["act"]), AssessmentKind(given["kind"]), status_on, uid, assessor, scope, int(package))


def check_supports(given: StatusGiven, supports: str) -> None:
    """Raise `Conflict` where the package of record does not support the stage: the record would be a false one.

    Where nothing is NOT MET there is nothing for a POA&M, and no Conditional status: that is Final (170.16(a)(1)).
    """
    wanted = _WORDS[given.stage]
    if supports.startswith(wanted):
        return
    clause = _POAM if given.stage is Stage.CONDITIONAL else "32 CFR 170.24(b)"
    if given.stage is Stage.CONDITIONAL and supports.startswith("Final"):
        raise Conflict(
            f"Nothing is NOT MET in the package of record, so it supports {supports}. A Conditional status is one with "
            "a POA&M; record the Final one.",
            clause,
        )
    raise Conflict(
        f"The package of record supports {supports}, not a {wanted} status. Judge what changed, freeze a new package, "
        "and record the status on that.",
        clause,
    )


def check_poam(not_met: Sequence[str], frozen: Collection[str], present: Collection[str]) -> None:
    """Raise `Conflict` for a Conditional status with a requirement that is NOT MET and on no POA&M (170.21(a)(2)).

    All are requirement ids: `not_met` of the package of record, `frozen` those with an open item of the POA&M in that
    package, `present` those that have one now. Its list of items is what the closeout looks at (170.21(b)), so each
    stands in both.
    """
    missing = [one for one in not_met if one not in present]
    if missing:
        raise Conflict(
            f"{_named(missing)} {'is' if len(missing) == 1 else 'are'} NOT MET in the package of record and "
            f"{'has' if len(missing) == 1 else 'have'} no item on the POA&M. "
            "Add the items, freeze a new package, and record the status on that.",
            _POAM,
        )
    missing = [one for one in not_met if one not in frozen]
    if missing:
        raise Conflict(
            f"The package of record was frozen before {_named(missing)} stood on the POA&M. Freeze a new package, and "
            "record the status on that.",
            _POAM,
        )


def _named(ids: Sequence[str]) -> str:
    shown = ", ".join(ids[:_SHOWN])
    return f"{shown} and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else shown


def check_new(given: StatusGiven, number: int, rested: int, status_on: date) -> None:
    """Raise `Conflict` for a package, by its number, that is of an assessment before the last record.

    `rested` is the number of the package that the last record rests on, `status_on` its day. Another status on the same
    package would begin its years, or its 180 days, anew without a new assessment; a closeout begins none.
    """
    clause = "32 CFR 170.16(a)(1), 170.17(a)(1), 170.18(a)(1), 170.21(b)"
    if number < rested:
        raise Conflict(
            f"Package {number} is older than package {rested}, which the last record rests on. Freeze anew.", clause
        )
    if number == rested and given.act is not Act.CLOSE_OUT and given.status_on != status_on:
        raise Conflict(
            f"The last record rests on package {rested} already. Another status date needs a new assessment, and a "
            "package that was frozen after it.",
            clause,
        )


@dataclass(frozen=True, slots=True)
class AffirmationGiven:
    """An affirmation as the official submitted it in SPRS."""

    affirmed_on: date
    package: int | None

    @classmethod
    def parse(cls, given: Mapping[str, Any], today: date) -> "AffirmationGiven":
        """Read a form; raises `Invalid` naming each wrong field."""
        wrong: dict[str, str] = {}
        affirmed_on = _past(given.get("affirmed_on"), "affirmed_on", today, wrong)
        package = str(given.get("package") or "")
        if package and (not package.isdecimal() or len(package) > 15):
            wrong["package"] = "Choose one of the packages, or none."
        if given.get("submitted") != "on":
            wrong["submitted"] = "Say that you submitted it in SPRS: this only records it."
        if wrong or affirmed_on is None:
            raise Invalid(wrong)
        return cls(affirmed_on, int(package) if package else None)


def _past(value: Any, name: str, today: date, wrong: dict[str, str]) -> date | None:
    try:
        day = parse_day(value)
    except ValueError as error:
        wrong[name] = str(error)
        return None
    if day is None:
        wrong[name] = "Give the day."
    elif not FIRST_DAY <= day <= today:
        wrong[name] = "This day is in the future." if day > today else "No CMMC Status is older than 16 December 2024."
    return day


def _line(value: Any, name: str, longest: int, wrong: dict[str, str]) -> str:
    line = clean_line(str(value or ""))
    if len(line) > longest:
        wrong[name] = f"This has at most {longest} characters; this one has {len(line):,}."
    return line
