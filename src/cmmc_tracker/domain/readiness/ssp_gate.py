"""The system security plan: without it there is no score, and no status with a gap in it."""

from collections.abc import Iterator

from cmmc_tracker.domain.assessment import SSP, Status
from cmmc_tracker.domain.readiness.check import Check, Finding, Level
from cmmc_tracker.domain.snapshot import Snapshot


def _look(snapshot: Snapshot) -> Iterator[Finding]:
    for state in snapshot.requirements:
        if state.requirement.id == SSP:
            for one in state.objectives:
                if one.status is not Status.MET:
                    sentence = f"3.12.4[{one.letter}] is {one.status.label}, and no POA&M may carry it."
                    yield Finding(8, sentence, SSP, one.letter, state.owner)


CHECK = Check(
    8,
    "Gaps in the system security plan",
    Level.STOPS,
    "Without an up-to-date plan nothing is assessed (32 CFR 170.24(c)(2)(i)(B)(5); 170.21(a)(2)(iii)(C)).",
    _look,
)
