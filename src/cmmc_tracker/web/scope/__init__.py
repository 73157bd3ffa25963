"""The scope of a system: overview, assets, groups, what surrounds them, and the import of an inventory."""

from cmmc_tracker.web.scope import assets, importing, surroundings
from cmmc_tracker.web.scope.room import pages

__all__ = ["assets", "importing", "pages", "surroundings"]
