"""MET, and nothing shows it."""

from collections.abc import Iterator

from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.domain.readiness.check import Check, Finding, Level
from cmmc_tracker.domain.snapshot import Snapshot


def _look(snapshot: Snapshot) -> Iterator[Finding]:
    for state, one in snapshot.objectives():
        if one.status is Status.MET and not one.evidence:
            sentence = "It is MET, and no evidence is linked to it."
            yield Finding(1, sentence, state.requirement.id, one.letter, state.owner)


CHECK = Check(1, "MET without evidence", Level.RISK, "Evidence must show what is MET (32 CFR 170.24(b)(1)).", _look)
