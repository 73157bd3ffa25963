"""The documents of a package, each from the snapshot alone."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from cmmc_tracker.errors import Conflict
from cmmc_tracker.reports.handoff.manifest import Extra
from cmmc_tracker.reports.registry import REPORTS

FOLDER = "documents"
THREADS = 4


def of(snapshot: Mapping[str, Any]) -> Iterator[Extra]:
    """Every document that a snapshot has, as files below `documents/`; one that it cannot have is left out.

    Several at a time: those that a process of its own sets do not wait for each other.
    """
    with ThreadPoolExecutor(THREADS) as pool:
        made = {name: pool.submit(report.make, snapshot) for name, report in REPORTS.items()}
        for name, future in made.items():
            with suppress(Conflict):
                yield Extra(f"{FOLDER}/{name}", future.result())
