"""The life of a recorded CMMC Status: what may be recorded when, and what time does to it. Pure.

A status exists in SPRS (32 CFR 170.4); the tracker keeps what was recorded there, and tells what the calendar has made
of it since. `MOVES` is the whole machine: each move with its clause. What the findings of today support is `status.py`;
the two are shown side by side and never change one another.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from cmmc_tracker.domain import clocks
from cmmc_tracker.domain.clocks import AssessmentKind, Closeout
from cmmc_tracker.errors import Conflict

NO_STATUS = "No CMMC Status"


class Stage(StrEnum):
    """Where a system's status stands on a day."""

    NONE = "none"
    CONDITIONAL = "conditional"
    FINAL = "final"
    EXPIRED = "expired"  # Conditional, not closed out within 180 days
    LAPSED = "lapsed"  # an affirmation is missing
    ENDED = "ended"  # its years are over


class Act(StrEnum):
    """What changes a stage: the first four are people's, the last three are the calendar's."""

    RECORD_CONDITIONAL = "record_conditional"
    RECORD_FINAL = "record_final"
    CLOSE_OUT = "close_out"
    AFFIRM = "affirm"
    EXPIRE = "expire"
    LAPSE = "lapse"
    END = "end"


@dataclass(frozen=True, slots=True)
class Move:
    """The stage after an act, and the clause that says so."""

    after: Stage
    clause: str


_FIRST = "32 CFR 170.16(a)(1), 170.17(a)(1), 170.18(a)(1)"
_CONDITIONAL = "32 CFR 170.21(a)"
_CLOSEOUT = "32 CFR 170.21(b)"
_AFFIRMATION = "32 CFR 170.22(a)(3)"
_OVER = (Stage.NONE, Stage.EXPIRED, Stage.LAPSED, Stage.ENDED)
MOVES: Mapping[tuple[Stage, Act], Move] = {
    **{(stage, Act.RECORD_CONDITIONAL): Move(Stage.CONDITIONAL, _CONDITIONAL) for stage in (*_OVER, Stage.FINAL)},
    # A Conditional status is not renewed by another one: the 180 days cannot be extended.
    **{(stage, Act.RECORD_FINAL): Move(Stage.FINAL, _FIRST) for stage in (*_OVER, Stage.FINAL, Stage.CONDITIONAL)},
    (Stage.CONDITIONAL, Act.CLOSE_OUT): Move(Stage.FINAL, _CLOSEOUT),
    (Stage.CONDITIONAL, Act.EXPIRE): Move(Stage.EXPIRED, _CLOSEOUT),
    (Stage.CONDITIONAL, Act.AFFIRM): Move(Stage.CONDITIONAL, _AFFIRMATION),
    (Stage.FINAL, Act.AFFIRM): Move(Stage.FINAL, _AFFIRMATION),
    (Stage.FINAL, Act.LAPSE): Move(Stage.LAPSED, _AFFIRMATION),
    (Stage.LAPSED, Act.AFFIRM): Move(Stage.FINAL, _AFFIRMATION),
    (Stage.FINAL, Act.END): Move(Stage.ENDED, _FIRST),
    (Stage.LAPSED, Act.END): Move(Stage.ENDED, _FIRST),
}
_NO_RENEWAL = (
    "There is a Conditional status already, and its 180 days cannot be extended: close its POA&M out, or record a "
    "Final status from a new assessment."
)
_TOO_LATE = (
    "The 180 days are over, so the Conditional status has expired. A new assessment is needed; no extension exists."
)
_REFUSED = {
    (Stage.CONDITIONAL, Act.RECORD_CONDITIONAL): (_NO_RENEWAL, _CLOSEOUT),
    (Stage.EXPIRED, Act.CLOSE_OUT): (_TOO_LATE, _CLOSEOUT),
}


@dataclass(frozen=True, slots=True)
class Recorded:
    """A status as it was recorded: `status_on` is its own date, `first_status_on` of the Conditional one before it."""

    kind: AssessmentKind
    stage: Stage  # conditional or final
    status_on: date
    first_status_on: date


@dataclass(frozen=True, slots=True)
class Standing:
    """What a recorded status is on a day."""

    stage: Stage
    name: str
    reason: str
    clause: str
    valid_until: date | None = None
    affirmation_due: date | None = None


@dataclass(frozen=True, slots=True)
class PoamClock:
    """The 180 days of a recorded Conditional status, as they stand on a day."""

    kind: AssessmentKind
    status_on: date
    closeout: Closeout


def poam_clock(recorded: Recorded | None, today: date) -> PoamClock | None:
    """The clock of the POA&M, from the newest record; None where no Conditional status is the newest (170.21(b)).

    It goes on to tell that the days are over until something else is recorded: nothing else ends it.
    """
    if recorded is None or recorded.stage is not Stage.CONDITIONAL:
        return None
    return PoamClock(recorded.kind, recorded.status_on, clocks.closeout(recorded.status_on, today))


def moved(stage: Stage, act: Act, *, level: int = 2) -> Move:
    """The move that an act makes; raises `Conflict`, with the clause, for one that the rule does not know."""
    if level == 1 and act in {Act.RECORD_CONDITIONAL, Act.CLOSE_OUT}:
        raise Conflict(
            "Level 1 knows no Conditional status: a POA&M is permitted there at no time.", "32 CFR 170.21(a)(1)"
        )
    found = MOVES.get((stage, act))
    if found is None:
        sentence, clause = _REFUSED.get(
            (stage, act), (f"This is not possible while the status is {stage.value}.", _FIRST)
        )
        raise Conflict(sentence, clause)
    return found


def standing(recorded: Recorded | None, affirmed_on: Sequence[date], today: date) -> Standing:
    """What a recorded status is today, after what the calendar did to it.

    `affirmed_on` are the days of the affirmations made on this record. The order matters: a Conditional status that was
    not closed out has expired; what is older than its years has ended; then only an affirmation can be missing.
    """
    if recorded is None:
        return Standing(Stage.NONE, NO_STATUS, "No status has been recorded.", _FIRST)
    ends = clocks.valid_until(recorded.kind, recorded.first_status_on)
    due = clocks.affirmation_due(recorded.status_on, list(affirmed_on))
    if recorded.stage is Stage.CONDITIONAL:
        return _conditional(recorded, ends, due, today)
    if today > ends:
        years = "year" if recorded.kind.valid_years == 1 else f"{recorded.kind.valid_years} years"
        reason = f"It held for {years}, until {ends:%-d %b %Y}; a new assessment is needed."
        return Standing(Stage.ENDED, NO_STATUS, reason, _FIRST, ends)
    name = f"Final {recorded.kind.label}"
    if today > due:
        reason = f"The affirmation that was due by {due:%-d %b %Y} has not been recorded, so {name} has lapsed."
        return Standing(Stage.LAPSED, NO_STATUS, reason, _AFFIRMATION, ends, due)
    reason = f"Recorded on {recorded.status_on:%-d %b %Y}; it holds until {ends:%-d %b %Y}."
    return Standing(Stage.FINAL, name, reason, _FIRST, ends, due)


def _conditional(recorded: Recorded, ends: date, due: date, today: date) -> Standing:
    clock = clocks.closeout(recorded.status_on, today)
    if clock.is_over:
        return Standing(Stage.EXPIRED, NO_STATUS, clock.sentence, _CLOSEOUT)
    return Standing(Stage.CONDITIONAL, f"Conditional {recorded.kind.label}", clock.sentence, _CLOSEOUT, ends, due)
