"""The documents of a package, each from the snapshot alone."""

from collections.abc import Iterator, Mapping
from typing import Any

from cmmc_tracker.reports import REPORTS
from cmmc_tracker.reports.handoff.manifest import Extra

FOLDER = "documents"


def of(snapshot: Mapping[str, Any]) -> Iterator[Extra]:
    """Every document that this snapshot has, as files below `documents/`."""
    for name, report in REPORTS.items():
        if report.fits(snapshot):
            yield Extra(f"{FOLDER}/{name}", report.write(snapshot))
