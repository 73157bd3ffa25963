"""The room of requirements: the list and one of them (`views`), what a finding rests on (`bases`)."""

from cmmc_tracker.web.requirements import bases
from cmmc_tracker.web.requirements.views import pages

__all__ = ["bases", "pages"]
