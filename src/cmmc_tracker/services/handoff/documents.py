"""The documents of a package, each from the snapshot alone."""

from collections.abc import Iterator, Mapping
from typing import Any

from cmmc_tracker.reports.handoff.manifest import Extra
from cmmc_tracker.reports.registry import REPORTS

FOLDER = "documents"


def of(snapshot: Mapping[str, Any]) -> Iterator[Extra]:
    """Every document of a snapshot, as files below `documents/`."""
    return (Extra(f"{FOLDER}/{name}", report.make(snapshot)) for name, report in REPORTS.items())
