"""Nobody is named who affirms."""

from collections.abc import Iterator

from cmmc_tracker.domain.readiness.check import Check, Finding, Level
from cmmc_tracker.domain.snapshot import Snapshot


def _look(snapshot: Snapshot) -> Iterator[Finding]:
    if not snapshot.affirming_official:
        yield Finding(28, "No affirming official is named.", subject="people")


CHECK = Check(
    28,
    "No affirming official",
    Level.RISK,
    "A senior person who is responsible for compliance affirms each status (32 CFR 170.4, 170.22).",
    _look,
)
