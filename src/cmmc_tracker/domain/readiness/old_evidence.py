"""Evidence from before the system was in use."""

from collections.abc import Iterator

from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.domain.readiness.check import Check, Finding, Level
from cmmc_tracker.domain.snapshot import Snapshot


def _look(snapshot: Snapshot) -> Iterator[Finding]:
    begun = snapshot.in_use_since
    if begun is None:
        return
    for state, one in snapshot.objectives():
        if one.status is Status.MET and one.evidence and all(e.base < begun for e in one.evidence):
            sentence = f"All its evidence is from before the system was in use ({begun:%-d %b %Y})."
            yield Finding(4, sentence, state.requirement.id, one.letter, state.owner)


CHECK = Check(
    4,
    "Evidence older than the system",
    Level.RISK,
    "Evidence is of the system that is assessed (32 CFR 170.19(c)).",
    _look,
)
