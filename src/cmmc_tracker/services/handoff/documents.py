"""The documents of a package, each from the snapshot alone."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from cmmc_tracker.errors import Conflict
from cmmc_tracker.reports.handoff.manifest import Extra
from cmmc_tracker.reports.registry import REPORTS

FOLDER = "documents"


def of(snapshot: Mapping[str, Any]) -> Iterator[Extra]:
    """Every document that a snapshot has, as files below `documents/`; one that it cannot have is left out."""
    for name, report in REPORTS.items():
        with suppress(Conflict):
            yield Extra(f"{FOLDER}/{name}", report.make(snapshot))
