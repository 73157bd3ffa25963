"""NOT MET, and no plan to mend it."""

from collections.abc import Iterator

from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.domain.readiness.check import Check, Finding, Level
from cmmc_tracker.domain.snapshot import Snapshot


def _look(snapshot: Snapshot) -> Iterator[Finding]:
    if snapshot.level == 1:
        return
    for state in snapshot.requirements:
        if state.requirement.id not in snapshot.planned and state.status is Status.NOT_MET:
            sentence = "It is NOT MET, and stands neither on the POA&M nor on the operational plan."
            yield Finding(10, sentence, state.requirement.id, person=state.owner)


CHECK = Check(
    10,
    "NOT MET without a plan",
    Level.RISK,
    "Each NOT MET requirement has a plan of action (32 CFR 170.24(c)(2)(i)(B)(6); 3.12.2).",
    _look,
)
