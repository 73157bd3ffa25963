"""Items of the POA&M for what may not, or need not, stand there any more."""

from collections.abc import Iterator

from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.domain.plans import ItemKind, ItemStatus
from cmmc_tracker.domain.poam import eligibility
from cmmc_tracker.domain.readiness.check import Check, Finding, Level
from cmmc_tracker.domain.snapshot import Item, RequirementState, Snapshot


def _look(snapshot: Snapshot) -> Iterator[Finding]:
    states = {state.requirement.id: state for state in snapshot.requirements}
    for item in snapshot.items:
        state = states.get(item.plan.requirement)
        if item.plan.kind is ItemKind.POAM and item.status is not ItemStatus.CLOSED and state is not None:
            sentence = _wrong(item, state)
            if sentence:
                yield Finding(22, sentence, state.requirement.id, person=item.plan.owner, subject=f"item:{item.id}")


def _wrong(item: Item, state: RequirementState) -> str:
    if state.status is not Status.NOT_MET:
        return f"It is {state.status.label}, and item {item.id} of the POA&M is still {item.status.label}."
    verdict = eligibility(state.requirement, partial=state.partial)
    return "" if verdict.allowed else f"Item {item.id} may not stand on the POA&M any more. {verdict.reason}"


CHECK = Check(
    22,
    "Items that do not belong on the POA&M",
    Level.RISK,
    "Only what is NOT MET and eligible stands there (32 CFR 170.21(a)(2)).",
    _look,
)
