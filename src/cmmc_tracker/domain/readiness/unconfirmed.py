"""What a second person has not confirmed."""

from collections.abc import Iterator

from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.domain.readiness.check import Check, Finding, Level
from cmmc_tracker.domain.snapshot import Snapshot
from cmmc_tracker.domain.special import needs_second


def _look(snapshot: Snapshot) -> Iterator[Finding]:
    for state, one in snapshot.objectives():
        if not one.confirmed and needs_second(one.status, one.special.basis if one.special else None):
            what = "N/A" if one.status is Status.NOT_APPLICABLE else "a temporary deficiency"
            sentence = f"It counts as {what}, and no second person has confirmed that."
            yield Finding(7, sentence, state.requirement.id, one.letter, state.owner)


CHECK = Check(
    7,
    "Not confirmed by a second person",
    Level.HINT,
    "N/A and temporary deficiencies are looked at by two people here (our decision; docs/rules.md).",
    _look,
)
