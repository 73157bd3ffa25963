"""What to mend first: the fewest requirements on the way to a Conditional status, and then to a Final one. Pure.

A Conditional status needs a least score, and nothing open that may not stand on a POA&M (32 CFR 170.21(a)). So every
barred requirement must be mended; what then is open may all wait, and of that the dearest are mended until the score is
high enough: no other choice needs fewer, for each of these gives at most as many points. Where points are alike, what
has the fewest open objectives comes first. The least number is exact; which of several ways of that length costs least
work no score can know.
"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from cmmc_tracker.domain import scoring
from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.domain.catalog import Catalog
from cmmc_tracker.domain.scoring import Loss, Score


@dataclass(frozen=True, slots=True)
class Step:
    """A requirement to mend, and the score after it and all before it; None while there still is none."""

    loss: Loss
    barred: bool  # it may not stand on a POA&M
    after: int | None

    @property
    def requirement_id(self) -> str:
        """Such as `AC.L2-3.1.1`."""
        return self.loss.requirement_id

    @property
    def open_objectives(self) -> int:
        """How many of its objectives are NOT MET or not assessed."""
        return len(self.loss.not_met) + len(self.loss.not_assessed)


@dataclass(frozen=True, slots=True)
class Advice:
    """The way, in order. `assess` must be assessed before any status, though it need not be mended for Conditional."""

    to_conditional: tuple[Step, ...] | None  # None where the level knows no Conditional status
    to_final: tuple[Step, ...]  # what is left after that
    assess: tuple[str, ...]


def advise(score: Score) -> Advice:
    """The cheapest way from a score as it stands."""
    lost = ([score.gate] if score.gate else []) + list(score.losses)
    barred = set(score.poam.blocking)
    must = _ordered(one for one in lost if one.requirement_id in barred)
    may_wait = _ordered(one for one in lost if one.requirement_id not in barred)
    steps = _walked(score, [*must, *may_wait], barred)
    if score.poam.threshold is None:
        return Advice(None, steps, ())
    total = _total(score) + sum(one.points for one in must)
    least = len(must)
    for one in may_wait:
        if total >= score.poam.threshold:
            break
        total += one.points
        least += 1
    waiting = [step for step in steps[least:] if step.loss.not_assessed]
    return Advice(steps[:least], steps[least:], tuple(step.requirement_id for step in waiting))


def _ordered(losses: Iterable[Loss]) -> list[Loss]:
    # The plan first: without it there is no score. Then by points; the sort keeps the catalog's order within.
    return sorted(losses, key=lambda one: (not one.requirement.is_gate, -one.points, _open(one)))


def _open(loss: Loss) -> int:
    return len(loss.not_met) + len(loss.not_assessed)


def _total(score: Score) -> int:
    """The score, or what it would be once the security plan is in place; 0 where the level has none."""
    found = score.hint if score.score is None else score.score
    return found or 0


def _walked(score: Score, lost: Sequence[Loss], barred: AbstractSet[str]) -> tuple[Step, ...]:
    total, steps = _total(score), []
    has_score = score.score is not None or score.level == 2  # the gate comes first, so after it there is one
    for one in lost:
        total += one.points
        steps.append(Step(one, one.requirement_id in barred, total if has_score else None))
    return tuple(steps)


def what_if(
    catalog: Catalog,
    findings: Mapping[str, Sequence[Status]],
    partial: AbstractSet[str],
    mended: AbstractSet[str],
    planned: AbstractSet[str] = frozenset(),
) -> Score:
    """The score as it would be with these requirements MET; nothing else changes, and nothing is saved."""
    known = {one.id: len(one.objectives) for one in catalog.requirements if one.id in mended}
    changed = {**findings, **{number: [Status.MET] * length for number, length in known.items()}}
    return scoring.score(catalog, changed, partial, planned)
