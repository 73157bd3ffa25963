"""Responsibility matrices as CSV or XLSX, with the headings that the import reads again (170.19(c)(2)).

One row for each objective and provider: what the provider does, what is left to its customer, and what shows it.
"""

import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, BinaryIO

from cmmc_tracker.domain import catalog
from cmmc_tracker.domain.catalog import ObjectiveId
from cmmc_tracker.domain.matrix import LineEntry, naming_evidence
from cmmc_tracker.domain.providers import BASES, HELD, ProviderEntry
from cmmc_tracker.domain.scope import Basis, Duty, Held
from cmmc_tracker.reports.cells import Cell, Sheet, book_of, csv_lines

_OF_LINE = ("Objective", "Title", "Responsibility", "What each does", "Evidence")
# Headings that the import takes for none of its columns: a provider's name is no mark of its duty.
_OF_PROVIDER = (
    *("Name of the provider", "Its service", "Kind of provider", "What it holds", "FedRAMP basis"),
    *("FedRAMP basis since", "Matrix as of"),
)
HEADINGS = (*_OF_LINE, *_OF_PROVIDER)
_DAYS = ("FedRAMP basis since", "Matrix as of")
_DUTIES = {
    Duty.PROVIDER: "Provider",
    Duty.CUSTOMER: "Customer",
    Duty.SHARED: "Shared",
    Duty.NOT_APPLICABLE: "Not applicable",
}


@dataclass(frozen=True, slots=True)
class Said:
    """What a matrix says of one objective; `document` is the title of the artifact that shows it."""

    objective: ObjectiveId
    entry: LineEntry
    document: str = ""


Matrix = tuple[ProviderEntry, Iterable[Said]]


def rows(matrices: Iterable[Matrix], level: int) -> list[tuple[Cell, ...]]:
    """The matrices of a system of that level below each other, each in catalog order."""
    return [row for provider, said in matrices for row in _rows(provider, said, level)]


def write(file: BinaryIO, lines: Iterable[tuple[Cell, ...]], form: str, made_at: str) -> None:
    """Write the rows as `csv` or `xlsx`; `made_at` is the instant of the data, in ISO form."""
    if form == "csv":
        file.write("".join(csv_lines([HEADINGS, *lines])).encode("utf-8-sig"))
    else:
        book_of(file, made_at, Sheet("Responsibility matrix", HEADINGS, lines, _DAYS))


def make(snapshot: Mapping[str, Any]) -> bytes:
    """The workbook of a snapshot: the matrices of all its providers by name, without what is a draft."""
    titles = {one["id"]: one["title"] for one in snapshot["artifacts"]}
    kept = sorted((one for one in snapshot["providers"] if not one["draft"]), key=lambda one: one["name"].casefold())
    file = io.BytesIO()
    lines = rows(((_provider(one), _said(one, titles)) for one in kept), snapshot["system"]["level"])
    write(file, lines, "xlsx", snapshot["frozen_at"])
    return file.getvalue()


def _provider(row: Mapping[str, Any]) -> ProviderEntry:
    return ProviderEntry(
        row["name"],
        row["is_cloud"],
        Held(row["holds"]),
        row["services"],
        basis=Basis(row["basis"]),
        basis_on=_day(row["basis_on"]),
        matrix_on=_day(row["matrix_on"]),
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _said(provider: Mapping[str, Any], titles: Mapping[int, str]) -> Iterator[Said]:
    for line in provider["matrix"]:
        entry = LineEntry(Duty(line["duty"]), line["text"], line["artifact_id"])
        yield Said(ObjectiveId(line["requirement"], line["letter"]), entry, titles.get(line["artifact_id"], ""))


def _rows(provider: ProviderEntry, said: Iterable[Said], level: int) -> Iterator[tuple[Cell, ...]]:
    about = (
        *(provider.name, provider.services, "cloud service" if provider.is_cloud else "no cloud service"),
        *(HELD[provider.holds], "" if provider.basis is Basis.NOT_NEEDED else BASES[provider.basis]),
        *(day.isoformat() if day else "" for day in (provider.basis_on, provider.matrix_on)),
    )
    lines = {str(one.objective): one for one in said}
    for requirement in catalog.load(level).requirements:
        for objective in requirement.objectives:
            line = lines.get(objective.id)
            if line:
                duty = _DUTIES[line.entry.duty]
                yield (objective.id, requirement.title, duty, line.entry.text, _evidence(line), *about)


def _evidence(line: Said) -> str:
    number = line.entry.artifact_id
    return naming_evidence(number, line.document) if number is not None and line.document else ""
