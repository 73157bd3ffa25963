"""Responsibility matrices that are missing, or older than a year."""

from collections.abc import Iterator

from cmmc_tracker.domain.freshness import months_after
from cmmc_tracker.domain.readiness.check import Check, Finding, Level
from cmmc_tracker.domain.scope import OLD_MATRIX_MONTHS, Held
from cmmc_tracker.domain.snapshot import Snapshot


def _look(snapshot: Snapshot) -> Iterator[Finding]:
    for one in snapshot.providers:
        if one.holds is Held.NONE:
            continue
        if one.matrix_on is None and one.lined:
            sentence = f"The responsibility matrix of {one.name} has no date; nobody can tell whether it is old."
            yield Finding(15, sentence, subject=f"provider:{one.id}")
        elif one.matrix_on is None:
            yield Finding(15, f"{one.name} has no responsibility matrix.", subject=f"provider:{one.id}")
        elif months_after(one.matrix_on, OLD_MATRIX_MONTHS) < snapshot.on:
            sentence = f"The responsibility matrix of {one.name} is of {one.matrix_on:%-d %b %Y}, older than a year."
            yield Finding(15, sentence, subject=f"provider:{one.id}")


CHECK = Check(
    15,
    "Responsibility matrices",
    Level.RISK,
    "The services of a provider and the split of duties are documented (32 CFR 170.19(c)(2)(ii)).",
    _look,
)
