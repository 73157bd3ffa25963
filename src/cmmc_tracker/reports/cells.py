"""Cells of spreadsheets: every CSV file and every workbook that the product writes is made here.

A spreadsheet program takes a cell that begins with certain signs for a formula, and a formula can send data away or
start a program on the reader's machine (OWASP, "CSV Injection"). What people typed is therefore always text.
"""

import csv
import io
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, BinaryIO

import xlsxwriter

Cell = str | int | float | date | None
# OWASP names = + - @, tab, return and line feed, and the wide forms that some editions of spreadsheets take as well.
_BEGINS_FORMULA = tuple("=+-@\t\r\n＝＋－＠")


def as_text(cell: Cell) -> Cell:
    """The cell as no spreadsheet takes it for a formula: an apostrophe before what would begin one.

    Blanks before the sign do not hide it. What has such apostrophes already gets one more, so that an import can take
    away the one that was put here and no other. Numbers are no strings and stay as they are.
    """
    if not isinstance(cell, str):
        return cell
    bare = cell.lstrip("'")
    return f"'{cell}" if bare.startswith(_BEGINS_FORMULA) or bare.lstrip().startswith(_BEGINS_FORMULA) else cell


def csv_lines(rows: Iterable[Sequence[Cell]]) -> Iterator[str]:
    """The lines of a CSV file one by one (RFC 4180: commas, quotation marks doubled, CRLF), all cells as text."""
    line = io.StringIO()
    writer = csv.writer(line)
    for row in rows:
        writer.writerow([as_text(cell) for cell in row])
        yield line.getvalue()
        line.seek(0)
        line.truncate()


def workbook(file: BinaryIO) -> xlsxwriter.Workbook:
    """A new workbook in which no string becomes a formula, a link or a number."""
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    return xlsxwriter.Workbook(file, options)


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet: its name, its headings, its rows.

    `days` are the headings below which ISO days become dates, `instants` those below which ISO instants (UTC) become
    dates with a time of day; a `date` is a date anywhere.
    """

    name: str
    headings: Sequence[str]
    rows: Iterable[Sequence[Cell]]
    days: Collection[str] = ()
    instants: Collection[str] = ()


_WIDEST, _PER_LETTER = 48, 1.1


def book_of(file: BinaryIO, made_at: str, *sheets: Sheet) -> None:
    """Write a document of these sheets; `made_at` is an instant in ISO form, so that the bytes hang on nothing else.

    Long text wraps, headings stay on top and are printed on each page, a sheet is as wide as a page.
    """
    with workbook(file) as book:
        book.set_properties({"created": datetime.fromisoformat(made_at).replace(tzinfo=None)})
        head = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
        body = book.add_format({"text_wrap": True, "valign": "top"})
        day = book.add_format({"num_format": "yyyy-mm-dd", "valign": "top", "align": "left"})
        instant = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss", "valign": "top", "align": "left"})
        for sheet in sheets:
            page = book.add_worksheet(sheet.name)
            rows = list(sheet.rows)
            page.write_row(0, 0, sheet.headings, head)
            looks = [
                day if heading in sheet.days else instant if heading in sheet.instants else None
                for heading in sheet.headings
            ]
            for number, row in enumerate(rows, 1):
                for at, (look, cell) in enumerate(zip(looks, row, strict=True)):
                    _put(page, (number, at), cell, day if isinstance(cell, date) else look, body)
            for at, heading in enumerate(sheet.headings):
                longest = max([len(heading), *(len(str(row[at] or "")) for row in rows[:200])])
                page.set_column(at, at, min(_WIDEST, 4 + longest * _PER_LETTER))
            page.freeze_panes(1, 0)
            page.autofilter(0, 0, max(len(rows), 1), len(sheet.headings) - 1)
            page.set_landscape()
            page.fit_to_pages(1, 0)
            page.repeat_rows(0)
            page.print_area(0, 0, max(len(rows), 1), len(sheet.headings) - 1)


_LONGEST_CELL = 32_000  # characters; a spreadsheet program takes 32,767


def _put(page: Any, at: tuple[int, int], cell: Cell, moment: Any, body: Any) -> None:
    """Write one cell; `moment` is the look of its column where that holds days or instants."""
    if cell is None or cell == "":
        page.write_blank(*at, None, body)
    elif moment is not None and isinstance(cell, str):
        page.write_datetime(*at, datetime.fromisoformat(cell).replace(tzinfo=None), moment)
    elif isinstance(cell, date):
        page.write_datetime(*at, cell, moment)
    elif isinstance(cell, int | float):
        page.write_number(*at, cell, body)
    else:
        page.write_string(*at, str(as_text(cell))[:_LONGEST_CELL], body)
