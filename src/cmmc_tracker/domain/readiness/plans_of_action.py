"""3.12.2 is MET, and plans of action are missing."""

from collections.abc import Iterator

from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.domain.readiness.check import Check, Finding, Level
from cmmc_tracker.domain.snapshot import Snapshot

_REQUIREMENT = "CA.L2-3.12.2"


def _look(snapshot: Snapshot) -> Iterator[Finding]:
    plans = next((state for state in snapshot.requirements if state.requirement.id == _REQUIREMENT), None)
    if plans is None or plans.status is not Status.MET:
        return
    open_ones = [state.requirement.id for state in snapshot.requirements if state.status is Status.NOT_MET]
    missing = [one for one in open_ones if one not in snapshot.planned]
    if missing:
        sentence = f"3.12.2 is MET, and {len(missing)} of {len(open_ones)} NOT MET requirements have no plan of action."
        yield Finding(25, sentence, _REQUIREMENT, plans.objectives[0].letter, plans.owner)


CHECK = Check(
    25,
    "Plans of action that 3.12.2 claims",
    Level.RISK,
    "What is not implemented has a plan, or 3.12.2 itself is NOT MET (3.12.2; DoD Assessment Methodology 5(g)).",
    _look,
)
