"""Temporary deficiencies that no operational plan mends, or that nobody has looked at for long."""

from collections.abc import Iterator

from cmmc_tracker.domain.clocks import DEFICIENCY_REVIEW_DAYS
from cmmc_tracker.domain.plans import ItemKind, ItemStatus
from cmmc_tracker.domain.readiness.check import Check, Finding, Level
from cmmc_tracker.domain.snapshot import Snapshot
from cmmc_tracker.domain.special import Basis


def _look(snapshot: Snapshot) -> Iterator[Finding]:
    works = (one.plan for one in snapshot.items if one.status is not ItemStatus.CLOSED)
    mended = {plan.requirement for plan in works if plan.kind is ItemKind.OPERATIONAL}
    for state, one in snapshot.objectives():
        special = one.special
        if special is None or special.basis is not Basis.TEMPORARY_DEFICIENCY:
            continue
        if special.basis.carries(one.status) and state.requirement.id not in mended:
            sentence = "It is MET by a temporary deficiency, and no open item of the operational plan mends it."
            yield Finding(12, sentence, state.requirement.id, one.letter, state.owner)
        if special.stale(snapshot.on):
            sentence = f"Its temporary deficiency had no review within {DEFICIENCY_REVIEW_DAYS} days."
            yield Finding(12, sentence, state.requirement.id, one.letter, state.owner)


CHECK = Check(
    12,
    "Deficiencies without a plan or a review",
    Level.RISK,
    "A temporary deficiency has an operational plan of action with deficiency reviews (32 CFR 170.24(b)(1)(ii)).",
    _look,
)
