"""The system security plan as a PDF of the same blocks as the Word file."""

from collections.abc import Mapping
from typing import Any

from cmmc_tracker.reports.pdf import typeset
from cmmc_tracker.reports.ssp_content import content


def make(snapshot: Mapping[str, Any]) -> bytes:
    """The document of a snapshot; the same snapshot gives the same bytes with the same fonts."""
    return typeset(content(snapshot), snapshot["frozen_at"])
