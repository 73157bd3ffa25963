"""The documents of a system: each by its name, from the rows as they are now."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cmmc_tracker.domain.permissions import Access, Action, allow
from cmmc_tracker.errors import NotFound
from cmmc_tracker.reports.registry import REPORTS
from cmmc_tracker.services.plans import sheets
from cmmc_tracker.services.work import Work

# What each document is made from. The name is the key of `reports.registry.REPORTS`.
GATHER: Mapping[str, Callable[[Work, Access], Any]] = {
    "poam.xlsx": sheets.gathered,
}


@dataclass(frozen=True, slots=True)
class Document:
    """A document as it is handed out."""

    name: str
    media_type: str
    content: bytes


def document(work: Work, system: Access, name: str) -> Document:
    """A document of a system; raises `NotFound` for a name that is none."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    report = REPORTS.get(name)
    if report is None:
        raise NotFound("There is no document of that name.")
    return Document(f"{system.slug}-{name}", report.media_type, report.make(GATHER[name](work, system)))
