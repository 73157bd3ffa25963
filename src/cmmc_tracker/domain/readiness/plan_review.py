"""The review of the system security plan is late."""

from collections.abc import Iterator

from cmmc_tracker.domain.assessment import SSP
from cmmc_tracker.domain.clocks import review_due
from cmmc_tracker.domain.readiness.check import Check, Finding, Level
from cmmc_tracker.domain.snapshot import Snapshot


def _look(snapshot: Snapshot) -> Iterator[Finding]:
    if snapshot.level == 1:
        return
    if snapshot.plan_reviewed_on is None:
        yield Finding(9, "Nothing says when the system security plan was last reviewed.", SSP, "h")
        return
    due = review_due(snapshot.plan_reviewed_on, snapshot.plan_review_months)
    if due < snapshot.on:
        yield Finding(9, f"The review of the system security plan was due on {due:%-d %b %Y}.", SSP, "h")


CHECK = Check(
    9,
    "Review of the security plan",
    Level.RISK,
    "It is reviewed at an interval of at most a year (3.12.4[g], [h]; 32 CFR 170.4).",
    _look,
)
