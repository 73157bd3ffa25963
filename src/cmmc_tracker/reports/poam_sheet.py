"""The POA&M as a workbook: the items of both plans with the columns that people know, and a summary."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from xlsxwriter.workbook import Workbook
from xlsxwriter.worksheet import Worksheet

from cmmc_tracker.reports.cells import as_text, workbook

Value = str | int | date | None
COLUMNS = (
    *("Item ID", "Kind", "Counts for a Conditional status", "Requirement", "Value", "May be on a POA&M", "Clause"),
    *("Weakness or deficiency", "Objectives NOT MET", "Found on", "Responsible", "Resources required"),
    *("Scheduled completion date", "Milestones with dates", "Status", "Completed on", "Closed by", "Closing note"),
    *("Closing evidence", "Conditional CMMC Status Date", "Last day (day 180)", "Days left"),
)
# Kept in the usual sheet and not by the tracker: for people to fill in.
_OWN = ("Mitigation until then", "Risk", "Comments")
_WIDE = {
    "Weakness or deficiency": 48,
    "Milestones with dates": 44,
    "Resources required": 24,
    "Clause": 26,
    "Comments": 30,
}


@dataclass(frozen=True, slots=True)
class PoamSheet:
    """What the workbook says; each item has a value for each column that it fills."""

    about: Sequence[tuple[str, Value]]  # lines of the summary: system, instant, score, counts
    items: Sequence[Mapping[str, Value]]


def make(sheet: PoamSheet) -> bytes:
    """The workbook. The items come first: what reads only one sheet reads them."""
    file = io.BytesIO()
    with workbook(file) as book:
        _items(book, book.add_worksheet("POA&M"), sheet.items)
        _summary(book, book.add_worksheet("Summary"), sheet.about)
    return file.getvalue()


def _items(book: Workbook, page: Worksheet, items: Sequence[Mapping[str, Value]]) -> None:
    head = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
    body = book.add_format({"text_wrap": True, "valign": "top"})
    day = book.add_format({"num_format": "yyyy-mm-dd", "valign": "top", "align": "left"})
    names = (*COLUMNS, *_OWN)
    for at, name in enumerate(names):
        page.set_column(at, at, _WIDE.get(name, 16))
        page.write_string(0, at, name, head)
    for row, item in enumerate(items, 1):
        for at, name in enumerate(names):
            _write(page, (row, at), item.get(name), (body, day))
    page.freeze_panes(1, 0)
    page.autofilter(0, 0, max(len(items), 1), len(names) - 1)
    page.set_landscape()
    page.repeat_rows(0)


def _summary(book: Workbook, page: Worksheet, about: Sequence[tuple[str, Value]]) -> None:
    bold = book.add_format({"bold": True, "valign": "top"})
    body = book.add_format({"text_wrap": True, "valign": "top", "align": "left"})
    day = book.add_format({"num_format": "yyyy-mm-dd", "valign": "top", "align": "left"})
    page.set_column(0, 0, 34)
    page.set_column(1, 1, 80)
    for row, (name, value) in enumerate(about):
        page.write_string(row, 0, name, bold)
        _write(page, (row, 1), value, (body, day))


def _write(page: Worksheet, at: tuple[int, int], value: Value, formats: tuple[object, object]) -> None:
    body, day = formats
    if value is None or value == "":
        page.write_blank(*at, None, body)
    elif isinstance(value, date):
        page.write_datetime(*at, datetime(value.year, value.month, value.day), day)  # noqa: DTZ001 a day, no instant
    elif isinstance(value, int):
        page.write_number(*at, value, body)
    else:
        page.write_string(*at, str(as_text(value))[:32_000], body)
