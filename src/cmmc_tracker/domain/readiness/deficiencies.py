"""Temporary deficiencies that nobody has looked at for long."""

from collections.abc import Iterator

from cmmc_tracker.domain.clocks import DEFICIENCY_REVIEW_DAYS
from cmmc_tracker.domain.readiness.check import Check, Finding, Level
from cmmc_tracker.domain.snapshot import Snapshot


def _look(snapshot: Snapshot) -> Iterator[Finding]:
    for state, one in snapshot.objectives():
        if one.special is not None and one.special.stale(snapshot.on):
            sentence = f"Its temporary deficiency had no review within {DEFICIENCY_REVIEW_DAYS} days."
            yield Finding(12, sentence, state.requirement.id, one.letter, state.owner)


CHECK = Check(
    12,
    "Deficiencies without a review",
    Level.RISK,
    "A temporary deficiency has deficiency reviews that show progress (32 CFR 170.24(b)(1)(ii)).",
    _look,
)
