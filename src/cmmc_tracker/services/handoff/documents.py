"""The documents of a package, each from the snapshot alone."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from cmmc_tracker.domain.handoff.package import confirmed
from cmmc_tracker.errors import Conflict
from cmmc_tracker.reports.audit_extract import EXTRACT, Extract
from cmmc_tracker.reports.binder_pdf import DIAGRAMS
from cmmc_tracker.reports.handoff.manifest import Extra
from cmmc_tracker.reports.pdf import Picture
from cmmc_tracker.reports.registry import REPORTS

FOLDER = "documents"
THREADS = 4


def of(
    snapshot: Mapping[str, Any], extract: Extract | None = None, drawn: Mapping[str, Picture] | None = None
) -> Iterator[Extra]:
    """Every document of a snapshot, as files below `documents/`; several at a time.

    `extract` is of the audit log, `drawn` are the pictures of the diagrams.

    Those that a process of its own sets do not wait for each other. An optional one that the snapshot cannot have is
    left out; whatever stops another stops the package.
    """
    with ThreadPoolExecutor(THREADS) as pool:
        # What was frozen by an earlier version has suggestions in its record, and its documents have none.
        said = {**confirmed(snapshot), EXTRACT: extract, DIAGRAMS: drawn or {}}
        # The longest first, the security plan before all: else it is set alone at the end.
        order = sorted(REPORTS, key=lambda name: (name.endswith(".pdf"), name), reverse=True)
        made = {name: pool.submit(REPORTS[name].make, said) for name in order}
        for name in REPORTS:
            with suppress(*([Conflict] if REPORTS[name].optional else [])):
                yield Extra(f"{FOLDER}/{name}", made[name].result())
