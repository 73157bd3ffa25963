"""The rows of an Excel workbook, as a register needs them.

A workbook is an archive of XML that anybody may have made: it is only ever opened by a child process of its own
(`sheet_child.py`), under limits of memory and time, and its answer is bounded and checked too.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from signal import SIGKILL
from threading import BoundedSemaphore

from cmmc_tracker.errors import Busy, Invalid
from cmmc_tracker.importers.register_table import bounded, refused
from cmmc_tracker.services import child, sheet_child

LARGEST = 20_000_000  # bytes of a workbook
ANSWER_BYTES = 40_000_000
WALL_SECONDS = 15.0
_PATIENCE = 5.0  # seconds
_OLD = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_WHY = {
    sheet_child.TOO_LARGE: "unpacked it would be larger than any register",
    sheet_child.DECLARES: "it declares things that no spreadsheet program writes and that are used for attacks",
    sheet_child.NO_SHEET: "it has no visible sheet",
    -SIGKILL: "reading it takes too long",  # by our timer, or by the kernel when the processor time was spent
}
# A workbook takes a core and up to `sheet_child.MEMORY`: hostile files may not take them all.
_children = BoundedSemaphore(2)


def rows_of_workbook(path: Path) -> list[list[str]]:
    """The rows of the first visible sheet of an XLSX file, from its first row on, as texts; dates as 2026-11-24.

    Raises `Invalid` naming `file` for what is no such workbook, is hostile, or holds more than a register may;
    `Busy` while too many are being read.
    """
    _refuse_others(path)
    if not _children.acquire(timeout=_PATIENCE):
        raise Busy("Too many workbooks are being read just now; try again in a moment.")
    try:
        status, answer = child.run(sheet_child.__file__, (), path, most_bytes=ANSWER_BYTES, seconds=WALL_SECONDS)
    finally:
        _children.release()
    if len(answer) > ANSWER_BYTES:
        raise _unread("its first visible sheet holds more than any register")
    if status != 0:
        raise _unread(_WHY.get(status, "it is damaged, or too much for this import"))
    return bounded(_rows(answer))


def _refuse_others(path: Path) -> None:
    size = path.stat().st_size
    if size > LARGEST:
        raise refused(f"The file is too large for a register: {size:,} bytes of at most {LARGEST:,}.")
    with path.open("rb") as file:
        beginning = file.read(8)
    if beginning == _OLD:
        raise _unread("it asks for a password, or is of the old kind (.xls); save it as .xlsx without a password")
    if not beginning.startswith(b"PK"):
        raise _unread("it is no .xlsx file")


def _rows(answer: bytes) -> Iterator[list[str]]:
    """Rows as they were asked for; whatever else the child wrote, the file may have made it write."""
    if not answer.endswith(b"\n"):
        raise _unread("its first visible sheet is empty" if not answer else "it is damaged")
    for line in answer.splitlines():
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, list) or not all(isinstance(cell, str) for cell in row):
            raise _unread("it is damaged, or too much for this import")
        yield row


def _unread(why: str) -> Invalid:
    return refused(f"This workbook cannot be read: {why}.")
