"""People without a record of training, or with an old one."""

from collections.abc import Iterator

from cmmc_tracker.domain.inventory import training_is_old
from cmmc_tracker.domain.readiness.check import Check, Finding, Level
from cmmc_tracker.domain.snapshot import Snapshot

_REQUIREMENT = "AT.L2-3.2.1"


def _look(snapshot: Snapshot) -> Iterator[Finding]:
    if snapshot.level == 1:
        return
    for one in snapshot.people:
        if one.trained_on is None:
            yield Finding(18, f"{one.name} has no record of training.", _REQUIREMENT, person=one.name)
        elif training_is_old(one.trained_on, snapshot.on):
            sentence = f"{one.name} was last trained on {one.trained_on:%-d %b %Y}, more than a year ago."
            yield Finding(18, sentence, _REQUIREMENT, person=one.name)


CHECK = Check(18, "People without training", Level.RISK, "Everybody is made aware and trained (3.2.1, 3.2.2).", _look)
