"""Inherited from a provider, and no line of a matrix says so."""

from collections.abc import Iterator

from cmmc_tracker.domain.catalog import ObjectiveId
from cmmc_tracker.domain.readiness.check import Check, Finding, Level
from cmmc_tracker.domain.scope import PROVIDER_CLAUSE, Duty
from cmmc_tracker.domain.snapshot import Snapshot
from cmmc_tracker.domain.special import Basis


def _look(snapshot: Snapshot) -> Iterator[Finding]:
    carried = {line.objective for line in snapshot.matrix if line.duty in {Duty.PROVIDER, Duty.SHARED}}
    for state, one in snapshot.objectives():
        if one.special is None or one.special.basis is not Basis.INHERITED:
            continue
        if ObjectiveId(state.requirement.id, one.letter) not in carried:
            sentence = "It is inherited, and no line of a responsibility matrix gives it to a provider."
            yield Finding(13, sentence, state.requirement.id, one.letter, state.owner)


CHECK = Check(
    13,
    "Inherited without a matrix line",
    Level.RISK,
    f"The split of duties stands in the provider's responsibility matrix ({PROVIDER_CLAUSE}).",
    _look,
)
