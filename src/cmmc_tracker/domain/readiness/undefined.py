"""MET, and the value that the objective asks to be defined stands nowhere."""

from collections.abc import Iterator

from cmmc_tracker.domain import defined_values
from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.domain.catalog import ObjectiveId
from cmmc_tracker.domain.readiness.check import Check, Finding, Level
from cmmc_tracker.domain.snapshot import Snapshot


def _look(snapshot: Snapshot) -> Iterator[Finding]:
    wanted = defined_values.asked()
    requirements = {one.requirement for one in wanted}
    for state, one in snapshot.objectives():
        if one.status is not Status.MET or state.requirement.id not in requirements:
            continue
        at = ObjectiveId(state.requirement.id, one.letter)
        if at in wanted and at not in snapshot.defined:
            sentence = f"It is MET, and what it asks to be defined is not in the register: {wanted[at].name}."
            yield Finding(30, sentence, state.requirement.id, one.letter, state.owner, "values")


CHECK = Check(
    30,
    "Values that are not defined",
    Level.HINT,
    "What an objective asks to be defined is defined, and the same everywhere (NIST SP 800-171A; docs/rules.md).",
    _look,
)
