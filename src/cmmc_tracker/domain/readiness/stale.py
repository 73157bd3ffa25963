"""Evidence that is overdue, or was found damaged."""

from collections.abc import Iterator

from cmmc_tracker.domain.artifacts import ArtifactStatus
from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.domain.readiness.check import Check, Finding, Level
from cmmc_tracker.domain.snapshot import ObjectiveState, Snapshot

_RETIRED = ArtifactStatus.SUPERSEDED


def _look(snapshot: Snapshot) -> Iterator[Finding]:
    today = snapshot.on
    for state, one in snapshot.objectives():
        if one.status is not Status.MET:
            continue
        late = [e.title for e in one.evidence if e.due_on and e.due_on < today and e.status is not _RETIRED]
        if late:
            sentence = f"Overdue: {', '.join(late[:3])}{_more(late)}."
            yield Finding(3, sentence, state.requirement.id, one.letter, state.owner)
        yield from _damaged(state.requirement.id, one)


def _damaged(requirement: str, one: ObjectiveState) -> Iterator[Finding]:
    for evidence in one.evidence:
        if evidence.is_damaged:
            sentence = f"The bytes of {evidence.title} are not those that were received."
            yield Finding(3, sentence, requirement, one.letter, subject=f"artifact:{evidence.artifact_id}")


def _more(names: list[str]) -> str:
    return f" and {len(names) - 3} more" if len(names) > 3 else ""


CHECK = Check(
    3,
    "Stale evidence",
    Level.RISK,
    "Evidence shows how things are now: what recurs is renewed in its time (32 CFR 170.24(b)(1); 170.4, periodically).",
    _look,
)
