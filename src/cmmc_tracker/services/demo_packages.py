"""The demo's packages: a first look of a month ago, and the one before the mock assessment, two to compare."""

from cmmc_tracker.domain.handoff.package import Asked, Purpose
from cmmc_tracker.domain.permissions import Access, Actor
from cmmc_tracker.services.handoff import holds, packages, sealing
from cmmc_tracker.services.handoff.packages import Package
from cmmc_tracker.services.work import Tracker, Work

FIRST_DAYS = 30  # ago: after most of the evidence, before the last weeks' findings
FIRST = Asked(
    "First look",
    Purpose.READINESS,
    "To see what a package holds; scope and plan are still to be written.",
    releasable=False,
)
NOW = Asked(
    "Before the mock assessment",
    Purpose.READINESS,
    "A first look with the consultant: what is open is what the look is for.",
    releasable=True,
)
LEGAL_HOLD = "A former supplier disputes an invoice of March; counsel asks to keep what was sent to them (demo)."


def first(tracker: Tracker, work: Work, main: Access) -> None:
    """Freeze what there is so far, in the Work that fills the demo: all of it is there, or nothing."""
    ready = sealing.prepared(tracker, packages.picture_for(work, main, FIRST))
    packages.keep(work, main, FIRST, ready)


def last(tracker: Tracker, actor: Actor, main: Access) -> Package:
    """Freeze what there is now, and place a legal hold on it."""
    made = packages.freeze(tracker, actor, "", main, NOW)
    with tracker.write(actor) as work:
        return holds.place(work, main, made.id, LEGAL_HOLD)
