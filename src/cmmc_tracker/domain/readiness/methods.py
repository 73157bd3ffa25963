"""A finding that does not say how it was made."""

from collections.abc import Iterator

from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.domain.readiness.check import Check, Finding, Level
from cmmc_tracker.domain.snapshot import Snapshot


def _look(snapshot: Snapshot) -> Iterator[Finding]:
    for state, one in snapshot.objectives():
        if one.status in {Status.MET, Status.NOT_MET} and not one.methods:
            sentence = f"It is {one.status.label}, and nothing says whether that was examined, asked or tested."
            yield Finding(5, sentence, state.requirement.id, one.letter, one.judged_by)


CHECK = Check(
    5,
    "No method of assessment",
    Level.RISK,
    "A finding rests on examining, interviewing or testing (NIST SP 800-171A).",
    _look,
)
