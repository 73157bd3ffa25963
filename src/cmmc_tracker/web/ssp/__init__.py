"""The system security plan: the document, its editing, its versions, what contradicts it; values and changes."""

from cmmc_tracker.web.ssp import versions
from cmmc_tracker.web.ssp.views import pages

__all__ = ["pages", "versions"]
