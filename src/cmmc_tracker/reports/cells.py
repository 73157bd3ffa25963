"""Cells of spreadsheets: every CSV file and every workbook that the product writes is made here.

A spreadsheet program takes a cell that begins with certain signs for a formula, and a formula can send data away or
start a program on the reader's machine (OWASP, "CSV Injection"). What people typed is therefore always text.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO

import xlsxwriter

Cell = str | int | float | None
# OWASP names = + - @, tab, return and line feed, and the wide forms that some editions of spreadsheets take as well.
_BEGINS_FORMULA = tuple("=+-@\t\r\n＝＋－＠")


def as_text(cell: Cell) -> Cell:
    """The cell as no spreadsheet takes it for a formula: an apostrophe before what would begin one.

    Blanks before the sign do not hide it. Numbers are no strings and stay as they are.
    """
    if isinstance(cell, str) and (cell.startswith(_BEGINS_FORMULA) or cell.lstrip().startswith(_BEGINS_FORMULA)):
        return f"'{cell}"
    return cell


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
