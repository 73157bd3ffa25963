"""A provider is said to do it, and no matrix of a provider says so."""

from collections.abc import Iterator

from cmmc_tracker.domain.assessment import Responsibility
from cmmc_tracker.domain.readiness.check import Check, Finding, Level
from cmmc_tracker.domain.scope import PROVIDER_CLAUSE, Duty
from cmmc_tracker.domain.snapshot import Snapshot


def _look(snapshot: Snapshot) -> Iterator[Finding]:
    carried = {line.objective.requirement for line in snapshot.matrix if line.duty in {Duty.PROVIDER, Duty.SHARED}}
    for state in snapshot.requirements:
        if state.responsibility != Responsibility.OWN and state.requirement.id not in carried:
            whose = "a provider does it" if state.responsibility == Responsibility.PROVIDER else "it is shared"
            sentence = f"The security plan says that {whose}, and no provider's matrix has a line of it."
            yield Finding(27, sentence, state.requirement.id, person=state.owner)


CHECK = Check(
    27,
    "Done by a provider without a matrix",
    Level.RISK,
    f"Who does what stands in the provider's responsibility matrix ({PROVIDER_CLAUSE}).",
    _look,
)
