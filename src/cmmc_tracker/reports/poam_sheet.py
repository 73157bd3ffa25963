"""The POA&M as a workbook: the items of both plans with the columns that people know, and a summary."""

import io
from collections.abc import Mapping
from typing import Any

from cmmc_tracker.reports.cells import Sheet, book_of

Value = str | int | None
COLUMNS = (
    *("Item ID", "Kind", "Counts for a Conditional status", "Requirement", "Value", "May be on a POA&M", "Clause"),
    *("Weakness or deficiency", "Objectives NOT MET", "Found on", "Responsible", "Resources required"),
    *("Scheduled completion date", "Milestones with dates", "Status", "Completed on", "Closed by", "Closing note"),
    *("Closing evidence", "Conditional CMMC Status Date", "Last day (day 180)", "Days left"),
)
# Kept in the usual sheet and not by the tracker: for people to fill in.
_OWN = ("Mitigation until then", "Risk", "Comments")
_DAYS = {
    *("Found on", "Scheduled completion date", "Completed on", "Conditional CMMC Status Date", "Last day (day 180)"),
}


def make(snapshot: Mapping[str, Any]) -> bytes:
    """The workbook of a snapshot. The items come first: what reads only one sheet reads them."""
    told = snapshot["poam_sheet"]
    names = (*COLUMNS, *_OWN)
    file = io.BytesIO()
    book_of(
        file,
        snapshot["frozen_at"],
        Sheet("POA&M", names, ([item.get(name) for name in names] for item in told["items"]), _DAYS),
        Sheet("Summary", ("Field", "Value"), told["about"]),
    )
    return file.getvalue()
