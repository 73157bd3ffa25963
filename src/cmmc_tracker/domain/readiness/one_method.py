"""Found in one way only, where a document and people, or a document and a try, are usual."""

from collections.abc import Iterator

from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.domain.readiness.check import Check, Finding, Level
from cmmc_tracker.domain.snapshot import Snapshot


def _look(snapshot: Snapshot) -> Iterator[Finding]:
    for state in snapshot.requirements:
        used = {method for one in state.objectives for method in one.methods}
        if len(used) == 1 and state.status is Status.MET:
            sentence = f"All its objectives were found in one way: {next(iter(used))}."
            yield Finding(21, sentence, state.requirement.id, state.objectives[0].letter, state.owner)


CHECK = Check(
    21,
    "One method of assessment",
    Level.HINT,
    "Practice, not rule: read what is written, and ask or try whether it is so (NIST SP 800-171A; docs/rules.md).",
    _look,
)
