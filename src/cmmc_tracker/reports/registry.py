"""The documents that are handed out by name: what each is, and the function that makes it from its data. Pure.

A new document is a new entry here, and one in `services/exports.py` that says what it is made from.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cmmc_tracker.reports import poam_sheet

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True, slots=True)
class Report:
    """A document: its media type, and what makes its bytes."""

    media_type: str
    make: Callable[[Any], bytes]


REPORTS: Mapping[str, Report] = {
    "poam.xlsx": Report(XLSX, poam_sheet.make),
}
