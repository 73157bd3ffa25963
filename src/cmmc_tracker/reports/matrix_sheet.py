"""Customer responsibility matrices as a sheet: a line for each objective and provider (32 CFR 170.19(c)(2)).

Scoping at Level 2 rests on who does what for each objective, and on what shows it. The lines are the same wherever they
stand, in the file that somebody takes out to work on and in the document, and their headings are those that the import
reads again (`importers/matrix_table.py`); it takes the lines of one provider at a time.
"""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, BinaryIO

from cmmc_tracker.domain import catalog
from cmmc_tracker.domain.catalog import ObjectiveId
from cmmc_tracker.domain.matrix import LineEntry, naming_evidence
from cmmc_tracker.domain.providers import HELD, ProviderEntry
from cmmc_tracker.domain.scope import Basis, Duty, Held
from cmmc_tracker.reports.cells import Cell, Sheet, book_of, csv_lines
from cmmc_tracker.reports.facts import BASES, named, summary

NAME = "Responsibilities"
_OF_LINE = ("Objective", "Title", "Responsibility", "What each does", "Evidence")
# Headings that the import takes for none of its columns: a provider's name is no mark of its duty.
PROVIDER = "Name of the provider"
_OF_PROVIDER = (
    *(PROVIDER, "Its service", "Kind of provider", "What it holds", "FedRAMP basis"),
    *("FedRAMP basis since", "Matrix as of"),
)
HEADINGS = (*_OF_LINE, *_OF_PROVIDER)
PROVIDERS = (
    *("Provider", "Kind", "Services", "Contact", "Contract", "What it holds", "FedRAMP basis", "FedRAMP basis since"),
    *("FedRAMP link", "FedRAMP evidence", "CMMC status", "Matrix", "Matrix as of", "Lines"),
)
_DAYS = ("FedRAMP basis since", "Matrix as of")
DUTIES = {
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


def make(snapshot: Mapping[str, Any]) -> bytes:
    """The workbook of a snapshot: all providers by name with their matrices; the same snapshot gives the same bytes."""
    titles = named(snapshot)
    found = sorted(snapshot["providers"], key=lambda one: (one["name"].casefold(), one["id"]))
    lines = rows(((_entry(one), _said(one, titles)) for one in found), snapshot["system"]["level"])
    file = io.BytesIO()
    book_of(
        file,
        snapshot["frozen_at"],
        Sheet(NAME, HEADINGS, lines, _DAYS),
        Sheet("Providers", PROVIDERS, [_provider(one, titles) for one in found], _DAYS),
        summary(snapshot),
    )
    return file.getvalue()


def rows(matrices: Iterable[Matrix], level: int) -> list[tuple[Cell, ...]]:
    """The lines of the matrices of a system of that level below each other, each matrix in catalog order."""
    return [row for provider, said in matrices for row in _rows(provider, said, level)]


def write(file: BinaryIO, lines: Iterable[tuple[Cell, ...]], form: str, made_at: str) -> None:
    """Write the lines as `csv` or `xlsx`, to work on; `made_at` is the instant of the data, in ISO form."""
    if form == "csv":
        file.write("".join(csv_lines([HEADINGS, *lines])).encode("utf-8-sig"))
    else:
        book_of(file, made_at, Sheet(NAME, HEADINGS, lines, _DAYS))


def _rows(provider: ProviderEntry, said: Iterable[Said], level: int) -> Iterator[tuple[Cell, ...]]:
    about = (
        *(provider.name, provider.services, _kind(provider), HELD[provider.holds], _basis(provider)),
        *(day.isoformat() if day else "" for day in (provider.basis_on, provider.matrix_on)),
    )
    lines = {str(one.objective): one for one in said}
    for requirement in catalog.load(level).requirements:
        for objective in requirement.objectives:
            line = lines.get(objective.id)
            if line:
                duty = DUTIES[line.entry.duty]
                yield (objective.id, requirement.title, duty, line.entry.text, _evidence(line), *about)


def _evidence(line: Said) -> str:
    number = line.entry.artifact_id
    return naming_evidence(number, line.document) if number is not None and line.document else ""


def _kind(provider: ProviderEntry) -> str:
    return "cloud service" if provider.is_cloud else "no cloud service"


def _basis(provider: ProviderEntry) -> str:
    return BASES[provider.basis] if provider.is_cloud else ""


# Of a snapshot


def _entry(row: Mapping[str, Any]) -> ProviderEntry:
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


def _provider(one: Mapping[str, Any], titles: Mapping[int, str]) -> Sequence[Cell]:
    entry = _entry(one)
    numbers = (one.get("basis_artifact_id", 0), one["matrix_artifact_id"])  # records of before have no proof
    proof, document = (naming_evidence(number, titles[number]) if number in titles else "" for number in numbers)
    return (
        *(one["name"], _kind(entry), one["services"], one["contact"], one["contract"], HELD[entry.holds]),
        *(_basis(entry), one["basis_on"], one["basis_link"], proof, one["cmmc_status"]),
        *(document, one["matrix_on"], len(one["matrix"])),
    )
