"""Workbooks of our own reports, read back in the tests of the importers."""

import io

from openpyxl import load_workbook


def workbook_rows(file: io.BytesIO) -> list[list[str]]:
    """The first sheet's rows as texts, as the child that reads workbooks gives them."""
    sheet = load_workbook(file, read_only=True).worksheets[0]
    rows = sheet.iter_rows(values_only=True)
    return [[str(cell if cell is not None else "").strip() for cell in row] for row in rows]
