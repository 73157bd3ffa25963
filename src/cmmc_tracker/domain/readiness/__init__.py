"""What an assessor would raise first: small checks over a snapshot, one a file, each with its clause.

A check finds; it promises nothing. "None of our n checks is open" is said as just that, never as a percentage
(rules.md, section 11). Adding a check is adding a file and a line to `CHECKS`.
"""

from collections.abc import Sequence

from cmmc_tracker.domain.readiness import (
    assets,
    barred,
    deficiencies,
    drafts,
    empty_scope,
    equivalence,
    inherited,
    late_plans,
    matrices,
    methods,
    narratives,
    no_longer_eligible,
    official,
    old_evidence,
    old_findings,
    one_kind,
    one_method,
    owners,
    plan_review,
    plans_of_action,
    providers,
    reasons,
    responsibility,
    ssp_gate,
    stale,
    training,
    unconfirmed,
    undefined,
    undone,
    unevidenced,
    unplanned,
)
from cmmc_tracker.domain.readiness.check import Check, Finding, Level
from cmmc_tracker.domain.snapshot import Snapshot

# In the order in which they are shown: by number, and the number never changes.
CHECKS: tuple[Check, ...] = (
    unevidenced.CHECK,
    drafts.CHECK,
    stale.CHECK,
    old_evidence.CHECK,
    methods.CHECK,
    reasons.CHECK,
    unconfirmed.CHECK,
    ssp_gate.CHECK,
    plan_review.CHECK,
    unplanned.CHECK,
    late_plans.CHECK,
    deficiencies.CHECK,
    inherited.CHECK,
    providers.CHECK,
    matrices.CHECK,
    assets.CHECK,
    narratives.CHECK,
    training.CHECK,
    one_kind.CHECK,
    undone.CHECK,
    one_method.CHECK,
    no_longer_eligible.CHECK,
    barred.CHECK,
    owners.CHECK,
    plans_of_action.CHECK,
    old_findings.CHECK,
    responsibility.CHECK,
    official.CHECK,
    empty_scope.CHECK,
    undefined.CHECK,
    equivalence.CHECK,
)

__all__ = ["CHECKS", "Check", "Finding", "Level", "found", "sentence"]


def sentence(found: Sequence[Finding], switched_off: frozenset[int] = frozenset()) -> str:
    """The gate in words: how many of our checks are open. It is no forecast, and never a percentage."""
    asked = len(CHECKS) - len(switched_off)
    tail = (
        f" {len(switched_off)} more {'is' if len(switched_off) == 1 else 'are'} switched off." if switched_off else ""
    )
    numbers = {one.check for one in found}
    if not numbers:
        return f"None of our {asked} checks is open; this predicts no finding of an assessor.{tail}"
    parts = ((Level.STOPS, "stop a status"), (Level.RISK, "an assessor would raise"), (Level.HINT, "are hints"))
    counted = ((sum(check.number in numbers for check in CHECKS if check.level is one), said) for one, said in parts)
    told = ", ".join(f"{n} {_singular(said) if n == 1 else said}" for n, said in counted if n)
    return f"{len(numbers)} of our {asked} checks {'is' if len(numbers) == 1 else 'are'} open: {told}.{tail}"


def _singular(said: str) -> str:
    return {"stop a status": "stops a status", "are hints": "is a hint"}.get(said, said)


def found(snapshot: Snapshot, switched_off: frozenset[int] = frozenset()) -> list[Finding]:
    """What the checks find, those that are switched off left out, in their order."""
    return [one for check in CHECKS if check.number not in switched_off for one in check.look(snapshot)]
