"""NOT MET or N/A without the reason that the rule asks for."""

from collections.abc import Iterator

from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.domain.readiness.check import Check, Finding, Level
from cmmc_tracker.domain.snapshot import Snapshot


def _look(snapshot: Snapshot) -> Iterator[Finding]:
    for state, one in snapshot.objectives():
        if one.status in {Status.NOT_MET, Status.NOT_APPLICABLE} and not one.note:
            sentence = f"It is {one.status.label}, and no reason is given."
            yield Finding(6, sentence, state.requirement.id, one.letter, one.judged_by)


CHECK = Check(
    6,
    "No reason given",
    Level.RISK,
    "NOT MET says why the evidence does not conform (32 CFR 170.24(b)(2)); N/A says why it does not apply (3.12.4[d]).",
    _look,
)
