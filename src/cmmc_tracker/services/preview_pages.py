"""What a stored file looks like: text, tables, pages of a PDF. Bounded in bytes, time and memory.

Nothing here trusts the file: readers stop at a bound however long a line is, and a PDF is only ever opened by a
child process of its own (`pdf_child.py`), whose answer is bounded and checked too.
"""

import codecs
import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path
from signal import SIGKILL
from threading import BoundedSemaphore
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from cmmc_tracker.errors import Busy, Invalid, NotFound
from cmmc_tracker.services import child, pdf_child

TEXT_BYTES = 200_000
# One field can then not be longer than the reader of CSV takes (131,072 characters), whatever the file holds.
TABLE_BYTES = 131_072
ROWS, COLUMNS, CELL = 200, 50, 500
PIXELS = 50_000_000
WIDEST = 4_000  # pixels
PICTURE_BYTES = 20_000_000
WALL_SECONDS = 15.0
_PATIENCE = 5.0  # seconds
_SEPARATORS = ",;\t|"
_SNIFFED = 2_048  # characters; the sniffer's time grows with the square of them
_ANSWER = re.compile(rb"PAGES (\d{1,7})\n((?:\x89PNG\r\n\x1a\n.*)?)", re.DOTALL)
# A page takes a core and up to `pdf_child.MEMORY`: a folder of hostile files may not take them all.
_children = BoundedSemaphore(2)


@dataclass(frozen=True, slots=True)
class TextPreview:
    """The beginning of a text, and the encoding that it was read by."""

    text: str
    truncated: bool
    encoding: str


@dataclass(frozen=True, slots=True)
class TablePreview:
    """The beginning of a table; every row has as many cells as the header; `truncated`: something is left out."""

    header: list[str]
    rows: list[list[str]]
    truncated: bool


def text_preview(file: BinaryIO, limit: int = TEXT_BYTES) -> TextPreview:
    """The first `limit` bytes of a text: UTF-16 with its mark, else UTF-8, else Windows-1252.

    A character that the limit cuts in half is left out; what is no character shows as �.
    """
    data = file.read(limit + 1)
    truncated = len(data) > limit
    encoding, text = _decoded(data[:limit], cut=truncated)
    return TextPreview(text.replace("\0", "�"), truncated, encoding)


def _decoded(data: bytes, *, cut: bool) -> tuple[str, str]:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16", codecs.getincrementaldecoder("utf-16")("replace").decode(data, final=not cut)
    try:
        return "utf-8", codecs.getincrementaldecoder("utf-8-sig")().decode(data, final=not cut)
    except UnicodeDecodeError:
        return "cp1252", data.decode("cp1252", "replace")


def csv_preview(file: BinaryIO, rows: int = ROWS, columns: int = COLUMNS) -> TablePreview:
    """The beginning of a CSV file as a table, its separator (comma, semicolon, tab or bar) found out.

    At most so many rows below the header and so many columns, cells of at most 500 characters, from the first 128 KiB.
    """
    beginning = text_preview(file, TABLE_BYTES)
    found: list[list[str]] = []
    more = False
    for row in csv.reader(io.StringIO(beginning.text, newline=""), delimiter=_separator(beginning.text)):
        if len(found) > rows:
            more = True
            break
        found.append(row)
    if beginning.truncated and not more and len(found) > 1:
        found.pop()  # its end was not read: half a row would pass for a whole one
    cut = any(len(row) > columns or any(len(cell) > CELL for cell in row) for row in found)
    width = min(columns, max((len(row) for row in found), default=0))
    table = [[cell[:CELL] for cell in row[:width]] + [""] * (width - len(row)) for row in found]
    return TablePreview(table[0] if table else [], table[1:], beginning.truncated or more or cut)


def _separator(text: str) -> str:
    beginning = text[:_SNIFFED]
    whole_lines = beginning[: beginning.rfind("\n") + 1] or beginning
    try:
        # Only the separator is taken over: what it says of quotes rests on too few lines to be relied on.
        return csv.Sniffer().sniff(whole_lines, _SEPARATORS).delimiter
    except csv.Error:
        return max(_SEPARATORS, key=whole_lines.split("\n", 1)[0].count)


def check_image(file: BinaryIO) -> None:
    """Raise `Invalid` for a picture that a browser had better not unpack; only its header is read."""
    try:
        with Image.open(file, formats=("PNG", "JPEG", "GIF", "WEBP")) as image:
            width, height = image.size
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Invalid({"file": "This picture is too large to be shown here; download it to see it."}) from None
    except (UnidentifiedImageError, OSError, ValueError):
        raise Invalid({"file": "This picture cannot be read; download it to see what it is."}) from None
    if width * height > PIXELS:
        size = f"{width:,} × {height:,} pixels"
        raise Invalid({"file": f"This picture is too large to be shown here ({size}); download it to see it."})


def pdf_pages(path: Path) -> int:
    """How many pages a PDF has; raises `Invalid` for one that cannot be opened, `Busy` while too many are drawn."""
    return _asked(path, 0, WIDEST)[0]


def pdf_page(path: Path, number: int, width: int = 1_000) -> bytes:
    """One page of a PDF, counted from 1, as a PNG `width` pixels wide (1 to 4,000), at most 4,000 tall.

    Raises `NotFound` for a page that it has not, `Invalid` for a PDF that is broken, locked, too slow or too large,
    `Busy` while too many pages are being drawn.
    """
    if not 1 <= number <= 9_999_999:
        raise NotFound("This PDF has no such page.")
    return _asked(path, number, max(1, min(width, WIDEST)))[1]


def _asked(path: Path, number: int, width: int) -> tuple[int, bytes]:
    if not _children.acquire(timeout=_PATIENCE):
        raise Busy("Too many pages are being drawn just now; reload in a moment.")
    try:
        status, answer = child.run(
            pdf_child.__file__,
            (str(number), str(width)),
            path,
            most_bytes=PICTURE_BYTES,
            seconds=WALL_SECONDS,
        )
    finally:
        _children.release()
    if len(answer) > PICTURE_BYTES:
        raise _no_pictures("a page of it is too large")
    if status == -SIGKILL:  # by our timer, or by the kernel when the processor time was spent
        raise _no_pictures("it takes too long")
    if status == pdf_child.NO_SUCH_PAGE:
        raise NotFound("This PDF has no such page.")
    if status == pdf_child.LOCKED:
        raise _no_pictures("it asks for a password")
    match = _ANSWER.fullmatch(answer)
    if status != 0 or match is None or bool(match[2]) != bool(number):
        raise _no_pictures("it is damaged, or too much for this preview")
    return int(match[1]), match[2]


def _no_pictures(why: str) -> Invalid:
    return Invalid({"file": f"This PDF cannot be shown as pictures: {why}. Open it in its own tab, or download it."})
