"""MET, and nothing that shows it is final."""

from collections.abc import Iterator

from cmmc_tracker.domain.artifacts import ArtifactStatus
from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.domain.readiness.check import Check, Finding, Level
from cmmc_tracker.domain.snapshot import Snapshot


def _look(snapshot: Snapshot) -> Iterator[Finding]:
    for state, one in snapshot.objectives():
        if one.status is not Status.MET or not one.evidence:
            continue
        if not any(e.status is ArtifactStatus.APPROVED for e in one.evidence):
            sentence = "It is MET, and none of its evidence is approved."
            yield Finding(2, sentence, state.requirement.id, one.letter, state.owner)


CHECK = Check(
    2,
    "Only drafts as evidence",
    Level.RISK,
    "Evidence is final: drafts, working papers and unapproved policies do not count (32 CFR 170.24(b)(1)).",
    _look,
)
