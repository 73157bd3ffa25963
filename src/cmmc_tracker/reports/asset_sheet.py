"""The asset inventory as a sheet, with the headings that its import reads again (32 CFR 170.19(c)(1), Table 3).

The rows are the same wherever they stand: in the file that somebody takes out to work on, and in the document.
"""

import io
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, BinaryIO

from cmmc_tracker.domain.inventory import AssetEntry, CuiUse, Documented, GroupEntry, uncoded
from cmmc_tracker.domain.scope import AssetCategory
from cmmc_tracker.reports.cells import Cell, Sheet, book_of, csv_lines
from cmmc_tracker.reports.facts import summary

NAME = "Asset inventory"
HEADINGS = (
    *("Asset id", "Name", "CMMC category", "Kind", "Make and model", "Serial number or version"),
    *("Owner", "Location", "Network"),
    *("Processes CUI", "Stores CUI", "Transmits CUI", "Group", "SSP treatment", "On diagram", "Justification", "Note"),
    *("In SSP (own or group)", "On diagram (own or group)"),
)
Line = tuple[int, AssetEntry, Documented]


def make(snapshot: Mapping[str, Any]) -> bytes:
    """The workbook of a snapshot; the same snapshot gives the same bytes."""
    file = io.BytesIO()
    groups = {one["name"]: GroupEntry(one["name"], one["treatment"], one["on_diagram"]) for one in snapshot["groups"]}
    entries = [(one["id"], entry_of(one)) for one in snapshot["assets"]]
    rows = [_line(number, one, Documented.of(one, groups.get(one.group))) for number, one in entries]
    counts = Counter(one.category for _, one in entries)
    told = [(f"{one.label}s", counts[one]) for one in AssetCategory]
    book_of(
        file,
        snapshot["frozen_at"],
        Sheet(NAME, HEADINGS, rows),
        Sheet("Groups", ("Group", "SSP treatment", "On diagram"), [_group(one) for one in groups.values()]),
        summary(snapshot, [*told, ("Without a category", counts[None])]),
    )
    return file.getvalue()


def write(file: BinaryIO, assets: Iterable[Line], form: str, made_at: str) -> None:
    """Write these assets as `csv` or `xlsx`, to work on; `made_at` is the instant of the data, in ISO form."""
    lines = (_line(*one) for one in assets)
    if form == "csv":
        file.write("".join(csv_lines([HEADINGS, *lines])).encode("utf-8-sig"))
    else:
        book_of(file, made_at, Sheet(NAME, HEADINGS, lines))


def entry_of(asset: Mapping[str, Any]) -> AssetEntry:
    """An asset of a snapshot as the rules know it; what an older snapshot does not have is as if nobody said it."""
    kept = {name: asset[name] for name in AssetEntry.__dataclass_fields__ if name in asset}
    category = AssetCategory(asset["category"]) if asset["category"] else None
    return AssetEntry(
        **{**kept, "category": category, "cui_use": uncoded(asset["cui_use"]), "group": asset["group_name"]}
    )


def _line(number: int, entry: AssetEntry, where: Documented) -> tuple[Cell, ...]:
    """One asset below `HEADINGS`."""
    return (
        *(number, entry.name, entry.category.label if entry.category else ""),
        *(entry.kind, entry.model, entry.serial, entry.owner, entry.location, entry.network),
        *(_yes(use in entry.cui_use) for use in CuiUse),
        *(entry.group, entry.treatment, _yes(entry.on_diagram), entry.justification, entry.note),
        *(_yes(where.in_plan), _yes(where.on_diagram)),
    )


def _group(one: GroupEntry) -> tuple[str, str, str]:
    return one.name, one.treatment, _yes(one.on_diagram)


def _yes(value: bool) -> str:
    return "yes" if value else "no"
