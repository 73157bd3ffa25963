"""The asset inventory as CSV or XLSX, with the headings that the import reads again (170.19(c)(1), Table 3)."""

import io
from collections.abc import Iterable, Mapping
from typing import Any, BinaryIO

from cmmc_tracker.domain.inventory import AssetEntry, CuiUse, Documented, GroupEntry, uncoded
from cmmc_tracker.domain.scope import AssetCategory
from cmmc_tracker.reports.cells import Cell, Sheet, book_of, csv_lines

HEADINGS = (
    *("Asset id", "Name", "CMMC category", "Kind", "Make and model", "Serial number or version"),
    *("Owner", "Location", "Network"),
    *("Processes CUI", "Stores CUI", "Transmits CUI", "Group", "SSP treatment", "On diagram", "Justification", "Note"),
    *("In SSP (own or group)", "On diagram (own or group)"),
)
Line = tuple[int, AssetEntry, Documented]


def write(file: BinaryIO, assets: Iterable[Line], form: str, made_at: str) -> None:
    """Write the inventory as `csv` or `xlsx`; `made_at` is the instant of the data, in ISO form."""
    lines = (line(*one) for one in assets)
    if form == "csv":
        file.write("".join(csv_lines([HEADINGS, *lines])).encode("utf-8-sig"))
    else:
        book_of(file, made_at, Sheet("Asset inventory", HEADINGS, lines))


def make(snapshot: Mapping[str, Any]) -> bytes:
    """The workbook of a snapshot, without what is a draft."""
    groups = {one["name"]: GroupEntry(one["name"], one["treatment"], one["on_diagram"]) for one in snapshot["groups"]}
    kept = [(one["id"], _entry(one)) for one in snapshot["assets"] if not one["draft"]]
    lines = [(number, entry, Documented.of(entry, groups.get(entry.group))) for number, entry in kept]
    file = io.BytesIO()
    write(file, sorted(lines, key=lambda one: (one[1].name.casefold(), one[0])), "xlsx", snapshot["frozen_at"])
    return file.getvalue()


def _entry(row: Mapping[str, Any]) -> AssetEntry:
    """An asset of a record. One of before assets had a kind is without it, and as good as it was."""
    texts = ("owner", "location", "network", "treatment", "justification", "note", "kind", "model", "serial")
    return AssetEntry(
        row["name"],
        AssetCategory(row["category"]) if row["category"] else None,
        cui_use=uncoded(row["cui_use"]),
        group=row["group_name"],
        on_diagram=row["on_diagram"],
        **{name: row.get(name, "") for name in texts},
    )


def line(number: int, entry: AssetEntry, where: Documented) -> tuple[Cell, ...]:
    """One asset below `HEADINGS`."""
    return (
        *(number, entry.name, entry.category.label if entry.category else ""),
        *(entry.kind, entry.model, entry.serial, entry.owner, entry.location, entry.network),
        *(_yes(use in entry.cui_use) for use in CuiUse),
        *(entry.group, entry.treatment, _yes(entry.on_diagram), entry.justification, entry.note),
        *(_yes(where.in_plan), _yes(where.on_diagram)),
    )


def _yes(value: bool) -> str:
    return "yes" if value else "no"
