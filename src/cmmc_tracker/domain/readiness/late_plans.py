"""Plans whose days are over."""

from collections.abc import Iterator

from cmmc_tracker.domain.plans import overdue
from cmmc_tracker.domain.readiness.check import Check, Finding, Level
from cmmc_tracker.domain.snapshot import Snapshot


def _look(snapshot: Snapshot) -> Iterator[Finding]:
    for item in snapshot.items:
        for sentence in overdue(item.plan, item.status, snapshot.on):
            yield Finding(11, sentence, item.plan.requirement, person=item.plan.owner, subject=f"item:{item.id}")


CHECK = Check(11, "Plans that are late", Level.RISK, "A plan of action is carried out in its time (3.12.2).", _look)
