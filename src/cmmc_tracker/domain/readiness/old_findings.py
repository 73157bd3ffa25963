"""Findings that nobody has looked at for more than a year."""

from collections.abc import Iterator

from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.domain.freshness import AGED_MONTHS, months_after
from cmmc_tracker.domain.readiness.check import Check, Finding, Level
from cmmc_tracker.domain.snapshot import Snapshot


def _look(snapshot: Snapshot) -> Iterator[Finding]:
    for state, one in snapshot.objectives():
        day = one.judged_on
        if one.status is Status.NOT_ASSESSED or day is None:
            continue
        if months_after(day, AGED_MONTHS) < snapshot.on:
            sentence = f"It was last judged on {day:%-d %b %Y}, more than a year ago."
            yield Finding(26, sentence, state.requirement.id, one.letter, state.owner)


CHECK = Check(
    26,
    "Findings older than a year",
    Level.RISK,
    "Controls are assessed periodically, which is once a year at least (3.12.1; 32 CFR 170.4).",
    _look,
)
