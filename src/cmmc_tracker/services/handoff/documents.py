"""The documents of a package, each from the snapshot alone."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from cmmc_tracker.errors import Conflict
from cmmc_tracker.reports.handoff.manifest import Extra
from cmmc_tracker.reports.registry import REPORTS

FOLDER = "documents"


def of(snapshot: Mapping[str, Any]) -> Iterator[Extra]:
    """Every document of a snapshot, as files below `documents/`.

    An optional one that the snapshot cannot have is left out; whatever stops another stops the package.
    """
    for name, report in REPORTS.items():
        with suppress(*([Conflict] if report.optional else [])):
            yield Extra(f"{FOLDER}/{name}", report.make(snapshot))
