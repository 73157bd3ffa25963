"""External service providers of a system, and their responsibility matrices."""

from cmmc_tracker.web.providers import matrix
from cmmc_tracker.web.providers.views import pages

__all__ = ["matrix", "pages"]
