"""What nobody has looked at."""

from collections.abc import Iterator

from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.domain.readiness.check import Check, Finding, Level
from cmmc_tracker.domain.snapshot import Snapshot


def _look(snapshot: Snapshot) -> Iterator[Finding]:
    for state in snapshot.requirements:
        letters = [one.letter for one in state.objectives if one.status is Status.NOT_ASSESSED]
        if letters:
            said = "Nothing of it is" if len(letters) == len(state.objectives) else f"{_named(letters)} not"
            yield Finding(20, f"{said} assessed.", state.requirement.id, letters[0], state.owner)


def _named(letters: list[str]) -> str:
    return f"{' '.join(f'[{one}]' for one in letters)} {'is' if len(letters) == 1 else 'are'}"


CHECK = Check(
    20,
    "Not assessed",
    Level.STOPS,
    "An assessment with anything left out supports no status (32 CFR 170.24(b); our decision).",
    _look,
)
