"""Requirements that the plan says nothing of."""

from collections.abc import Iterator

from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.domain.readiness.check import Check, Finding, Level
from cmmc_tracker.domain.snapshot import Snapshot


def _look(snapshot: Snapshot) -> Iterator[Finding]:
    if snapshot.level == 1:
        return
    for state in snapshot.requirements:
        if not state.narrative and state.status in {Status.MET, Status.NOT_APPLICABLE}:
            sentence = f"It is {state.status.label}, and the security plan does not say how."
            yield Finding(17, sentence, state.requirement.id, person=state.owner)


CHECK = Check(
    17,
    "Nothing in the security plan",
    Level.RISK,
    "The plan says how each requirement is implemented (3.12.4[e]).",
    _look,
)
