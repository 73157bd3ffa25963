"""The plans: the register and its items; bringing a spreadsheet in."""

from cmmc_tracker.web.poam import importing
from cmmc_tracker.web.poam.views import pages

__all__ = ["importing", "pages"]
