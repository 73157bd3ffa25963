"""The customer responsibility matrices of all providers as one workbook: a line for each objective and provider.

Scoping at Level 2 rests on who does what for each objective (32 CFR 170.19(c)(2)). The headings are those that the
import of a matrix reads again (`importers/matrix_table.py`); it takes the lines of one provider at a time.
"""

import io
from collections.abc import Mapping, Sequence
from typing import Any

from cmmc_tracker.reports.cells import Cell, Sheet, book_of
from cmmc_tracker.reports.facts import BASES, DUTIES, HOLDS, summary

# "Provider name": a column called "Provider" is where the import looks for a mark.
HEADINGS = (
    *(
        "Provider name",
        "Services",
        "Provider kind",
        "Data that it holds",
        "FedRAMP basis",
        "FedRAMP since",
        "Objective",
    ),
    *("Responsibility", "Description", "Matrix", "Matrix of", "Evidence"),
)
PROVIDERS = (
    *("Provider", "Kind", "Services", "Contact", "Contract", "Data that it holds", "FedRAMP basis", "FedRAMP since"),
    *("FedRAMP link", "CMMC status", "Matrix", "Matrix of", "Lines", "State"),
)
_DAYS = {"FedRAMP since", "Matrix of"}


def make(snapshot: Mapping[str, Any]) -> bytes:
    """The workbook of a snapshot; the same snapshot gives the same bytes."""
    file = io.BytesIO()
    titles = {one["id"]: one["title"] for one in snapshot["artifacts"]}
    found = snapshot["providers"]
    book_of(
        file,
        snapshot["frozen_at"],
        Sheet("Responsibilities", HEADINGS, [row for one in found for row in rows_of(one, titles)], _DAYS),
        Sheet("Providers", PROVIDERS, [_provider(one, titles) for one in found], _DAYS),
        summary(snapshot),
    )
    return file.getvalue()


def rows_of(provider: Mapping[str, Any], titles: Mapping[int, str]) -> list[Sequence[Cell]]:
    """The lines of one provider, below `HEADINGS`; `titles` are those of the artifacts, by number."""
    first = (
        provider["name"],
        provider["services"],
        _kind(provider),
        HOLDS[provider["holds"]],
        _basis(provider),
        provider["basis_on"],
    )
    matrix = _named(provider["matrix_artifact_id"], titles), provider["matrix_on"]
    return [
        (
            *first,
            f"{line['requirement']}[{line['letter']}]",
            DUTIES[line["duty"]],
            line["text"],
            *matrix,
            _named(line["artifact_id"], titles),
        )
        for line in provider["matrix"]
    ]


def _provider(one: Mapping[str, Any], titles: Mapping[int, str]) -> Sequence[Cell]:
    return (
        *(one["name"], _kind(one), one["services"], one["contact"], one["contract"], HOLDS[one["holds"]]),
        *(_basis(one), one["basis_on"], one["basis_link"], one["cmmc_status"]),
        *(_named(one["matrix_artifact_id"], titles), one["matrix_on"], len(one["matrix"])),
        "suggested, to be confirmed" if one["draft"] else "recorded",
    )


def _kind(provider: Mapping[str, Any]) -> str:
    return "cloud service provider" if provider["is_cloud"] else "external service provider, not a cloud"


def _basis(provider: Mapping[str, Any]) -> str:
    return BASES[provider["basis"]] if provider["is_cloud"] else ""


def _named(number: int | None, titles: Mapping[int, str]) -> str:
    """An artifact by number and title, where it is linked in this system; else by its number."""
    if number is None:
        return ""
    return f"{number}: {titles[number]}" if number in titles else str(number)
