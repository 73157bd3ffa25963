"""The artifact library."""

from cmmc_tracker.web.artifacts import show
from cmmc_tracker.web.artifacts.views import pages

__all__ = ["pages", "show"]
