"""What a stored file looks like: text, tables, pages of a PDF. Bounded in bytes, time and memory."""

import codecs
import csv
import io
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from cmmc_tracker.errors import Invalid, NotFound

TEXT_BYTES = 200_000
ROWS, COLUMNS, CELL = 200, 50, 500
PIXELS = 50_000_000
_CHILD = Path(__file__).with_name("pdf_child.py")
_WALL_SECONDS = 15
_LARGEST_PICTURE = 20_000_000


@dataclass(frozen=True, slots=True)
class TextPreview:
    """The beginning of a text."""

    text: str
    truncated: bool


@dataclass(frozen=True, slots=True)
class TablePreview:
    """The beginning of a table; every row has as many cells as the header."""

    header: list[str]
    rows: list[list[str]]
    truncated: bool


def text_preview(file: BinaryIO) -> TextPreview:
    """The beginning of a text: UTF-8, UTF-16 with its mark, else Windows-1252."""
    data = file.read(TEXT_BYTES + 1)
    truncated = len(data) > TEXT_BYTES
    return TextPreview(_decoded(data[:TEXT_BYTES], cut=truncated), truncated)


def _decoded(data: bytes, *, cut: bool) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    try:
        # The last character may be cut in half; an incremental decoder leaves it out.
        return codecs.getincrementaldecoder("utf-8-sig")().decode(data, final=not cut)
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def csv_preview(file: BinaryIO) -> TablePreview:
    """The beginning of a CSV file as a table; the separator is found out."""
    beginning = text_preview(file)
    lines = io.StringIO(beginning.text.replace("\0", ""), newline="")
    try:
        dialect: type[csv.Dialect] = csv.Sniffer().sniff(beginning.text[:8_192], ",;\t|")
    except csv.Error:
        dialect = csv.excel
    rows: list[list[str]] = []
    truncated = beginning.truncated
    try:
        for row in csv.reader(lines, dialect):
            if len(rows) > ROWS:
                truncated = True
                break
            rows.append([cell[:CELL] for cell in row[:COLUMNS]])
    except csv.Error:
        truncated = True
    width = max((len(row) for row in rows), default=0)
    padded = [row + [""] * (width - len(row)) for row in rows]
    return TablePreview(padded[0] if padded else [], padded[1:], truncated)


def check_image(file: BinaryIO) -> None:
    """Raise `Invalid` for a picture that a browser had better not unpack; only its header is read."""
    try:
        with Image.open(file) as image:
            width, height = image.size
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
        raise Invalid({"file": "This picture cannot be read; download it to see what it is."}) from None
    if width * height > PIXELS:
        raise Invalid({"file": f"This picture is too large to be shown here ({width:,} × {height:,} pixels)."})


def pdf_pages(path: Path) -> int:
    """How many pages a PDF has; raises `Invalid` for one that cannot be opened."""
    return int(_child(path, "count"))


def pdf_page(path: Path, number: int, width: int = 1_000) -> bytes:
    """One page of a PDF as a PNG of that width; raises `NotFound` for a page that it has not, else `Invalid`."""
    return _child(path, "page", str(number), str(width))


def _child(path: Path, *arguments: str) -> bytes:
    command = [sys.executable, "-I", str(_CHILD), str(path), *arguments]
    try:
        done = subprocess.run(  # noqa: S603 our own script, arguments that are numbers and a path of the store
            command, capture_output=True, timeout=_WALL_SECONDS, check=False, env={}, cwd="/"
        )
    except subprocess.TimeoutExpired:
        raise Invalid({"file": "This PDF takes too long to be shown as pictures; open it in its own tab."}) from None
    if done.returncode == 3:
        raise NotFound("This PDF has no such page.")
    if done.returncode != 0 or len(done.stdout) > _LARGEST_PICTURE:
        raise Invalid({"file": "This PDF cannot be shown as pictures; open it in its own tab, or download it."})
    return done.stdout
