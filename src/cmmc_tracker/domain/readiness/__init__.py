"""What an assessor would raise first: small checks over a snapshot, one a file, each with its clause.

A check finds; it promises nothing. "None of our n checks is open" is said as just that, never as a percentage
(rules.md, section 11). Adding a check is adding a file and a line to `CHECKS`.
"""

from cmmc_tracker.domain.readiness import (
    assets,
    deficiencies,
    drafts,
    inherited,
    late_plans,
    matrices,
    methods,
    narratives,
    old_evidence,
    one_kind,
    plan_review,
    providers,
    reasons,
    ssp_gate,
    stale,
    training,
    unconfirmed,
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
)

__all__ = ["CHECKS", "Check", "Finding", "Level", "found"]


def found(snapshot: Snapshot, switched_off: frozenset[int] = frozenset()) -> list[Finding]:
    """What the checks find, those that are switched off left out, in their order."""
    return [one for check in CHECKS if check.number not in switched_off for one in check.look(snapshot)]
