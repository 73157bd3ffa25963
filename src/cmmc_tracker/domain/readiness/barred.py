"""NOT MET, and no POA&M may carry it: it stands between the system and any status."""

from collections.abc import Iterator

from cmmc_tracker.domain.assessment import SSP, Status
from cmmc_tracker.domain.poam import eligibility
from cmmc_tracker.domain.readiness.check import Check, Finding, Level
from cmmc_tracker.domain.snapshot import Snapshot


def _look(snapshot: Snapshot) -> Iterator[Finding]:
    for state in snapshot.requirements:
        if state.requirement.id == SSP or state.status is not Status.NOT_MET:
            continue  # the security plan has a check of its own
        if snapshot.level == 1 or not eligibility(state.requirement, partial=state.partial).allowed:
            letter = next(one.letter for one in state.objectives if one.status is Status.NOT_MET)
            sentence = "It is NOT MET, and may not wait on a POA&M: no status is to be had before it is MET."
            yield Finding(23, sentence, state.requirement.id, letter, state.owner)


CHECK = Check(
    23,
    "NOT MET and barred from the POA&M",
    Level.STOPS,
    "Only requirements of one point, and few others, may wait (32 CFR 170.21(a)(1), (a)(2)(ii) and (iii)).",
    _look,
)
