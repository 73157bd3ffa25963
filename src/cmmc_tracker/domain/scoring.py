"""The score of a Level 2 assessment (32 CFR 170.24(c)(2)), with the reason for every point lost. Pure.

`110 − the values of all requirements that are NOT MET`; it may be negative, −203 is the least. What is not
assessed counts as NOT MET at full value, and the score is then provisional.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from cmmc_tracker.domain import status as statuses
from cmmc_tracker.domain.assessment import SSP, Status, requirement_status
from cmmc_tracker.domain.catalog import Catalog, Requirement
from cmmc_tracker.domain.poam import THRESHOLD, eligibility

MAX = 110
MIN = -203
VALUE_CLAUSE = "32 CFR 170.24(c)(2)(i)(B)"
SSP_CLAUSE = "32 CFR 170.24(c)(2)(i)(B)(5)"
# "No plan" and "not up to date" are the two halves of the clause: objectives [a] and [h] of 3.12.4.
SSP_GATE = ("a", "h")


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

    threshold: int
    possible: bool
    blocking: tuple[str, ...]
    missing: tuple[str, ...]  # NOT MET, eligible, no item yet


@dataclass(frozen=True, slots=True)
class Loss:
    """A requirement that is open, what it costs, and why. `full` is its whole value, None for 3.12.4."""

    requirement_id: str
    title: str
    points: int
    full: int | None
    status: Status
    partial: bool
    not_met: tuple[str, ...]
    not_assessed: tuple[str, ...]
    reason: str
    clause: str


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
    ssp_documented: bool
    poam: PoamVerdict
    met_without_final_evidence: int
    status: str
    status_reason: str
    losses: tuple[Loss, ...]
    gate: Loss | None  # 3.12.4 while it is open: it costs no points, but the score itself
    max: int = MAX
    min: int = MIN


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
    tally = dict.fromkeys(Status, 0)
    unassessed, total = 0, MAX
    open_ids: list[str] = []
    losses: list[Loss] = []
    gate: Loss | None = None
    blocking: list[str] = []
    missing: list[str] = []
    for requirement in catalog.requirements:
        found = findings.get(requirement.id) or (Status.NOT_ASSESSED,) * len(requirement.objectives)
        status = requirement_status(found)
        tally[status] += 1
        if status is Status.MET or status is Status.NOT_APPLICABLE:
            continue
        unassessed += sum(one is Status.NOT_ASSESSED for one in found)
        open_ids.append(requirement.id)
        # The partial value needs a finding: what is not assessed costs its full value.
        halved = status is Status.NOT_MET and requirement.partial is not None and requirement.id in partial
        loss = _loss(requirement, status, found, halved=halved)
        total -= loss.points
        if requirement.weight is None:
            gate = loss
        else:
            losses.append(loss)
        if not eligibility(requirement, partial=halved).allowed:
            blocking.append(requirement.id)
        elif status is Status.NOT_MET and requirement.id not in planned:
            missing.append(requirement.id)
    losses.sort(key=lambda loss: -loss.points)
    reason = _gate_reason(catalog, findings)
    value = None if reason else total
    status_name, status_reason = statuses.supported(
        value, unassessed=unassessed, open_requirements=len(open_ids), blocking=len(blocking), reason=reason
    )
    return Score(
        level=catalog.level,
        score=value,
        provisional=unassessed > 0,
        reason=reason,
        hint=total if reason else None,
        counts=Counts(
            tally[Status.MET], tally[Status.NOT_MET], tally[Status.NOT_APPLICABLE], tally[Status.NOT_ASSESSED]
        ),
        unassessed_objectives=unassessed,
        ssp_documented=reason is None,
        poam=PoamVerdict(
            THRESHOLD, value is not None and value >= THRESHOLD and not blocking, tuple(blocking), tuple(missing)
        ),
        met_without_final_evidence=met_without_evidence,
        status=status_name,
        status_reason=status_reason,
        losses=tuple(losses),
        gate=gate,
    )


def _gate_reason(catalog: Catalog, findings: Mapping[str, Sequence[Status]]) -> str | None:
    """Why there is no score: no system security plan, or none that is up to date (170.24(c)(2)(i)(B)(5))."""
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


def _loss(requirement: Requirement, status: Status, found: Sequence[Status], *, halved: bool) -> Loss:
    letters = [o.letter for o in requirement.objectives]
    not_met = tuple(x for x, one in zip(letters, found, strict=True) if one is Status.NOT_MET)
    not_assessed = tuple(x for x, one in zip(letters, found, strict=True) if one is Status.NOT_ASSESSED)
    points, clause, extra = requirement.weight or 0, VALUE_CLAUSE, ""
    if requirement.partial is not None and halved:
        points, clause = requirement.partial.points, requirement.partial.clause
        extra = f"; {requirement.partial.when}, so {points} points instead of {requirement.weight}"
    said = [
        f"{_brackets(some)} {word}" for some, word in ((not_met, "not met"), (not_assessed, "not assessed")) if some
    ]
    if not not_met and len(not_assessed) == len(letters):
        said = ["not assessed yet"]
    return Loss(
        requirement.id,
        requirement.title,
        points,
        requirement.weight,
        status,
        halved,
        not_met,
        not_assessed,
        f"{', '.join(said)}{extra}.",
        SSP_CLAUSE if requirement.weight is None else clause,
    )


def _brackets(letters: Sequence[str]) -> str:
    return " ".join(f"[{letter}]" for letter in letters)
