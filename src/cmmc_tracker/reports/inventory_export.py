"""The asset inventory as CSV or XLSX, with the headings that the import reads again (170.19(c)(1), Table 3)."""

from collections.abc import Iterable
from typing import BinaryIO

from cmmc_tracker.domain.inventory import AssetEntry, CuiUse, Documented
from cmmc_tracker.reports.cells import Cell, as_text, csv_lines, workbook

HEADINGS = (
    *("Asset id", "Name", "CMMC category", "Owner", "Location", "Network"),
    *("Processes CUI", "Stores CUI", "Transmits CUI", "Group", "SSP treatment", "On diagram", "Justification", "Note"),
    *("In SSP (own or group)", "On diagram (own or group)"),
)
Line = tuple[int, AssetEntry, Documented]


def write(file: BinaryIO, assets: Iterable[Line], form: str) -> None:
    """Write the inventory as `csv` or `xlsx`."""
    lines = [HEADINGS, *(line(*one) for one in assets)]
    if form == "csv":
        file.write("".join(csv_lines(lines)).encode("utf-8-sig"))
        return
    book = workbook(file)
    sheet = book.add_worksheet("Asset inventory")
    bold = book.add_format({"bold": True})
    for number, cells in enumerate(lines):
        sheet.write_row(number, 0, [as_text(cell) for cell in cells], None if number else bold)
    sheet.freeze_panes(1, 2)
    sheet.autofilter(0, 0, max(1, len(lines) - 1), len(HEADINGS) - 1)
    sheet.set_column(0, len(HEADINGS) - 1, 22)
    book.close()


def line(number: int, entry: AssetEntry, where: Documented) -> tuple[Cell, ...]:
    """One asset below `HEADINGS`."""
    return (
        *(number, entry.name, entry.category.label if entry.category else ""),
        *(entry.owner, entry.location, entry.network),
        *(_yes(use in entry.cui_use) for use in CuiUse),
        *(entry.group, entry.treatment, _yes(entry.on_diagram), entry.justification, entry.note),
        *(_yes(where.in_plan), _yes(where.on_diagram)),
    )


def _yes(value: bool) -> str:
    return "yes" if value else "no"
