"""Packages: what was frozen for whom, freezes under way, how long they are kept, what changed between two."""

from cmmc_tracker.web.packages import changes, freezes, times
from cmmc_tracker.web.packages.views import pages

__all__ = ["changes", "freezes", "pages", "times"]
