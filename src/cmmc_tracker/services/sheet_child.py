"""Runs alone in a child process: reads the first visible sheet of an Excel workbook, under limits that end it.

`sheet_child.py` reads the workbook from the open file that is its standard input and writes a line for each row, a JSON
array of texts: dates as 2026-11-24, numbers as short as they go, formulas as the values that were stored with them. It
stops soon after the bounds of a register, which its parent checks. It imports nothing of the product, and once it reads
the file it can open no other, reach no network, write to no disk and start no process.
"""

import codecs
import json
import resource
import sys
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Any, BinaryIO

MEMORY = 512 * 1_048_576  # bytes of address space; a register of 5,000 rows was seen to take 70 MiB
SECONDS = 10  # of processor time
UNPACKED = 100 * 1_048_576  # bytes of all parts together
ROWS, FILLED, COLUMNS, CELL = 20_001, 5_002, 51, 20_001  # one more than is allowed, so that the parent can tell
_PIECE = 1_048_576
_PICTURES = (".bmp", ".emf", ".gif", ".jpeg", ".jpg", ".png", ".svg", ".tif", ".tiff", ".wmf")
_DECLARES = (b"<!DOCTYPE", b"<!ENTITY")

BROKEN, TOO_LARGE, DECLARES, NO_SHEET = 2, 3, 4, 5


def main() -> int:
    """Do the one thing asked for; returns the exit status."""
    _limit(resource.RLIMIT_AS, MEMORY)
    _limit(resource.RLIMIT_CPU, SECONDS)
    _limit(resource.RLIMIT_CORE, 0)
    codecs.lookup("cp437")  # of names in archives; could not be loaded any more below
    import openpyxl  # noqa: PLC0415 after the limits, so that they hold for it

    for closed in (resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC):
        _limit(closed, 0)
    try:
        hindrance = _hindrance(sys.stdin.buffer)
        if hindrance:
            return hindrance
        workbook = openpyxl.load_workbook(sys.stdin.buffer, read_only=True, data_only=True, keep_links=False)
        sheet = next((one for one in workbook.worksheets if one.sheet_state == "visible"), None)
        if sheet is None:
            return NO_SHEET
        sheet.reset_dimensions()  # what it says of its size may be a lie
        for row in _rows(sheet):
            sys.stdout.write(json.dumps(row) + "\n")
    except Exception:
        return BROKEN
    return 0


def _limit(what: int, most: int) -> None:
    resource.setrlimit(what, (most, most))


def _hindrance(file: BinaryIO) -> int:
    """Why the workbook is not read: too large when unpacked, or with declarations, which no spreadsheet writes."""
    with zipfile.ZipFile(file) as archive:
        parts = archive.infolist()
        if sum(part.file_size for part in parts) > UNPACKED:
            return TOO_LARGE
        for part in parts:
            if not part.filename.lower().endswith(_PICTURES) and _declares(archive, part):
                return DECLARES
    return 0


def _declares(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> bool:
    before = b""
    with archive.open(part) as content:
        while piece := content.read(_PIECE):
            text = before + piece.replace(b"\0", b"")  # also as UTF-16 writes it
            if any(sign in text for sign in _DECLARES):
                return True
            before = text[-16:]
    return False


def _rows(sheet: Any) -> Iterator[list[str]]:
    filled = 0
    for number, row in enumerate(sheet.iter_rows(values_only=True), 1):
        cells = [_text(value)[:CELL] for value in row]
        while cells and not cells[-1]:
            cells.pop()
        filled += bool(cells)
        # The last cell comes along, so that one far to the right is noticed.
        yield cells if len(cells) < COLUMNS else [*cells[: COLUMNS - 1], cells[-1]]
        if number >= ROWS or filled >= FILLED:
            return


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float):
        return f"{value:.15g}"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ", "seconds")
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value)


if __name__ == "__main__":
    sys.exit(main())
