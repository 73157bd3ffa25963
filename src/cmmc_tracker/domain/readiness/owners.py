"""Requirements that nobody answers for."""

from collections.abc import Iterator

from cmmc_tracker.domain.readiness.check import Check, Finding, Level
from cmmc_tracker.domain.snapshot import Snapshot


def _look(snapshot: Snapshot) -> Iterator[Finding]:
    for state in snapshot.requirements:
        if not state.owner:
            yield Finding(24, "Nobody is named who answers for it.", state.requirement.id, subject="people")


CHECK = Check(
    24,
    "No owner",
    Level.HINT,
    "Practice, not rule: an assessor asks who does it, and wants to talk to them (docs/rules.md).",
    _look,
)
