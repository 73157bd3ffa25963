"""One kind of evidence where two are usual."""

from collections.abc import Iterator

from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.domain.readiness.check import Check, Finding, Level
from cmmc_tracker.domain.snapshot import Snapshot


def _look(snapshot: Snapshot) -> Iterator[Finding]:
    for state, one in snapshot.objectives():
        if one.status is Status.MET and one.evidence:
            kinds = {e.kind for e in one.evidence}
            if len(kinds) == 1:
                sentence = f"All its evidence is of one kind: {one.evidence[0].kind.label.lower()}."
                yield Finding(19, sentence, state.requirement.id, one.letter, state.owner)


CHECK = Check(
    19,
    "One kind of evidence",
    Level.HINT,
    "Practice, not rule: a document that says it, and a record that it is lived (docs/rules.md).",
    _look,
)
