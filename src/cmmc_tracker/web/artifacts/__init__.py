"""The artifact library."""

from cmmc_tracker.web.artifacts import linking, selection, show
from cmmc_tracker.web.artifacts.views import pages

__all__ = ["linking", "pages", "selection", "show"]
