"""The system security plan: the document, its editing, its versions, what contradicts it; values and changes."""

from cmmc_tracker.web.ssp import changes, imports, values, versions
from cmmc_tracker.web.ssp.views import pages

__all__ = ["changes", "imports", "pages", "values", "versions"]
