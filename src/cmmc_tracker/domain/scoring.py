"""The score of an assessment (32 CFR 170.24(c)), with the reason for every point lost. Pure.

Level 2: `110 − the values of all requirements that are NOT MET`; it may be negative, −203 is the least. Level 3: one
point for each of its 24 requirements that is MET. Level 1 has no score: it is MET as a whole, or not. What is not
assessed counts as NOT MET at full value, and the score is then provisional.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from cmmc_tracker.domain import status as statuses
from cmmc_tracker.domain.assessment import SSP, Status, requirement_status
from cmmc_tracker.domain.catalog import Catalog, Requirement
from cmmc_tracker.domain.poam import THIRD_THRESHOLD, THRESHOLD, eligible

MAX = 110
MIN = -203
THIRD_MAX = 24
VALUE_CLAUSE = "32 CFR 170.24(c)(2)(i)(B)"
SSP_CLAUSE = "32 CFR 170.24(c)(2)(i)(B)(5)"
# "No plan" and "not up to date" are the two halves of the clause: objectives [a] and [h] of 3.12.4.
SSP_GATE = ("a", "h")
_NO_SCORE = "Level 1 has no score: it is MET as a whole, or NOT MET (32 CFR 170.24(c)(1))."


@dataclass(frozen=True, slots=True)
class Scale:
    """What a level's score can be, from which score a Conditional status is possible, and the clause of its points."""

    max: int | None
    min: int | None
    threshold: int | None
    clause: str


SCALES = {
    1: Scale(None, None, None, "32 CFR 170.24(c)(1)"),
    2: Scale(MAX, MIN, THRESHOLD, VALUE_CLAUSE),
    3: Scale(THIRD_MAX, 0, THIRD_THRESHOLD, "32 CFR 170.24(c)(3)"),
}


@dataclass(frozen=True, slots=True)
class Counts:
    """How many requirements stand how."""

    met: int
    not_met: int
    not_applicable: int
    not_assessed: int


@dataclass(frozen=True, slots=True)
class PoamVerdict:
    """Whether a POA&M is possible. `blocking` and `missing` are requirement ids in catalog order."""

    threshold: int | None  # None at Level 1, where none is permitted at any time (170.21(a)(1))
    possible: bool
    blocking: tuple[str, ...]
    missing: tuple[str, ...]  # NOT MET, eligible, no item yet


@dataclass(frozen=True, slots=True)
class Loss:
    """A requirement that is open, and what it costs. Why is worked out when it is asked for: a score is not."""

    requirement: Requirement
    points: int
    status: Status
    found: tuple[Status, ...]  # of its objectives, in catalog order
    partial: bool  # counted at its partial value

    @property
    def requirement_id(self) -> str:
        """Such as `AC.L2-3.1.1`."""
        return self.requirement.id

    @property
    def title(self) -> str:
        """The requirement's title."""
        return self.requirement.title

    @property
    def not_met(self) -> tuple[str, ...]:
        """The letters of the objectives that are NOT MET."""
        return self._letters(Status.NOT_MET)

    @property
    def not_assessed(self) -> tuple[str, ...]:
        """The letters of the objectives that are not assessed."""
        return self._letters(Status.NOT_ASSESSED)

    def _letters(self, status: Status) -> tuple[str, ...]:
        objectives = self.requirement.objectives
        return tuple(o.letter for o, one in zip(objectives, self.found, strict=True) if one is status)

    @property
    def clause(self) -> str:
        """The clause that takes the points."""
        if self.requirement.is_gate:
            return SSP_CLAUSE
        level = int(self.requirement.id[4])
        return self.requirement.partial.clause if self.partial and self.requirement.partial else SCALES[level].clause

    @property
    def reason(self) -> str:
        """Why, in one sentence."""
        parts = ((self.not_met, "not met"), (self.not_assessed, "not assessed"))
        said = ", ".join(f"{' '.join(f'[{x}]' for x in letters)} {word}" for letters, word in parts if letters)
        if len(self.not_assessed) == len(self.found):
            said = "not assessed yet"
        if self.partial and self.requirement.partial:
            said += f"; {self.requirement.partial.when}, so {self.points} points instead of {self.requirement.weight}"
        return f"{said}."


@dataclass(frozen=True, slots=True)
class Score:
    """The score and everything that follows from the same findings."""

    level: int
    score: int | None
    provisional: bool
    reason: str | None  # why there is no score
    hint: int | None  # what the score would be once the system security plan is in place
    counts: Counts
    unassessed_objectives: int
    ssp_documented: bool | None  # None where the level has no such gate
    poam: PoamVerdict
    met_without_final_evidence: int
    status: str
    status_reason: str
    losses: tuple[Loss, ...]
    gate: Loss | None  # 3.12.4 while it is open: it costs no points, but the score itself
    max: int | None = MAX
    min: int | None = MIN
    before: str = ""  # what this level asks before its own assessment


def score(
    catalog: Catalog,
    findings: Mapping[str, Sequence[Status]],
    partial: AbstractSet[str] = frozenset(),
    planned: AbstractSet[str] = frozenset(),
    met_without_evidence: int = 0,
) -> Score:
    """Compute the score.

    `findings` maps a requirement's id to the statuses of its objectives in catalog order; a missing one counts as
    not assessed. `partial` holds the requirements whose partial switch is on, `planned` those with a POA&M item;
    plans never change the score (170.24(c)(2)(i)(B)(6)).
    """
    met = not_applicable = not_met = unassessed = 0
    losses: list[Loss] = []
    blocking: list[str] = []
    missing: list[str] = []
    for requirement in catalog.requirements:
        found = tuple(findings.get(requirement.id) or (Status.NOT_ASSESSED,) * len(requirement.objectives))
        status = requirement_status(found)
        if status is Status.MET:
            met += 1
            continue
        if status is Status.NOT_APPLICABLE:
            not_applicable += 1
            continue
        unassessed += found.count(Status.NOT_ASSESSED)
        not_met += status is Status.NOT_MET
        # The partial value needs a finding: what is not assessed costs its full value.
        in_part = requirement.partial if status is Status.NOT_MET and requirement.id in partial else None
        points = in_part.points if in_part else requirement.weight or 0
        losses.append(Loss(requirement, points, status, found, in_part is not None))
        if not eligible(requirement, partial=in_part is not None):
            blocking.append(requirement.id)
        elif status is Status.NOT_MET and requirement.id not in planned:
            missing.append(requirement.id)
    scale = SCALES[catalog.level]
    gate = next((loss for loss in losses if loss.requirement.is_gate), None)
    reason = _NO_SCORE if scale.max is None else _gate_reason(catalog, findings)
    total = None if scale.max is None else scale.max - sum(loss.points for loss in losses)
    value = None if reason else total
    status_name, status_reason = statuses.supported(
        value,
        unassessed=unassessed,
        open_requirements=len(losses),
        blocking=len(blocking),
        reason=reason,
        level=catalog.level,
    )
    possible = value is not None and scale.threshold is not None and value >= scale.threshold and not blocking
    return Score(
        level=catalog.level,
        score=value,
        provisional=unassessed > 0,
        reason=reason,
        hint=total if reason else None,
        counts=Counts(met, not_met, not_applicable, len(losses) - not_met),
        unassessed_objectives=unassessed,
        ssp_documented=reason is None if catalog.level == 2 else None,
        poam=PoamVerdict(scale.threshold, possible, tuple(blocking), tuple(missing)),
        met_without_final_evidence=met_without_evidence,
        status=status_name,
        status_reason=status_reason,
        losses=tuple(sorted((loss for loss in losses if loss is not gate), key=lambda loss: -loss.points)),
        gate=gate,
        max=scale.max,
        min=scale.min,
        before=statuses.BEFORE.get(catalog.level, ""),
    )


def _gate_reason(catalog: Catalog, findings: Mapping[str, Sequence[Status]]) -> str | None:
    """Why there is no score at Level 2: no system security plan, or none that is up to date (170.24(c)(2)(i)(B)(5))."""
    if catalog.level != 2:
        return None
    found = findings.get(SSP)
    letters = [o.letter for o in catalog.requirement(SSP).objectives]
    standing = {
        letter: found[letters.index(letter)] if found else Status.NOT_ASSESSED
        for letter in SSP_GATE
        if not found or found[letters.index(letter)] is not Status.MET
    }
    if not standing:
        return None
    named = " and ".join(f"3.12.4[{letter}] is {status.label}" for letter, status in standing.items())
    return f"Without an up-to-date system security plan there is no score: {named} ({SSP_CLAUSE})."
