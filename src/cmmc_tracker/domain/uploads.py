"""Which files are taken, what they are called, and whether their content fits their name. Pure.

The last extension counts. Names are kept for display only; on disk a file is called by its hash.
"""

import re
import zipfile
from typing import BinaryIO

import filetype

from cmmc_tracker.domain.text import normal
from cmmc_tracker.errors import Invalid, UnsupportedType

LONGEST_NAME = 200
_OFFICE = "application/vnd.openxmlformats-officedocument"
ALLOWED = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".pdf": "application/pdf",
    ".doc": "application/msword",
    ".docx": f"{_OFFICE}.wordprocessingml.document",
    ".xls": "application/vnd.ms-excel",
    ".xlsx": f"{_OFFICE}.spreadsheetml.sheet",
    ".txt": "text/plain",
    ".csv": "text/csv",
    ".pptx": f"{_OFFICE}.presentationml.presentation",
    ".zip": "application/zip",
    ".md": "text/markdown",
}
# What a browser may show by itself; everything else is downloaded.
INLINE = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf", "text/plain"})
_TAKEN = " ".join(ALLOWED)
_UNWANTED = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_HEAD = 8_192
_MOST_CONTENTS = 2 * 1_048_576  # bytes of a table of contents: about 20,000 names, more than any document has
_FOLDERS = {".docx": "word/", ".xlsx": "xl/", ".pptx": "ppt/"}


def clean_name(name: str) -> str:
    """A file's name for display: its last part, without control and direction signs, at most 200 characters."""
    last = normal(name).replace("\\", "/").rsplit("/", 1)[-1]
    clean = " ".join(_UNWANTED.sub("", last).split())
    if len(clean) > LONGEST_NAME:
        stem, dot, extension = clean.rpartition(".")
        tail = dot + extension[:10]
        clean = stem[: LONGEST_NAME - len(tail)] + tail if stem else clean[:LONGEST_NAME]
    if not clean.strip(". "):
        raise Invalid({"file": "The file has no name that can be kept."})
    return clean


def extension_of(name: str) -> str:
    """The last extension of a name, in lower case with its dot, or empty."""
    dot = name.rfind(".")
    return name[dot:].lower() if dot > 0 else ""


def media_type(name: str) -> str:
    """The media type that a name promises; raises `UnsupportedType` for one that is not taken."""
    extension = extension_of(name)
    if extension not in ALLOWED:
        shown = f"Files of type {extension}" if extension else "Files without an extension"
        raise UnsupportedType(f"{shown} are not taken. These are: {_TAKEN}.")
    return ALLOWED[extension]


def check_content(name: str, file: BinaryIO, size: int) -> str:
    """The media type of a file whose content fits its name.

    Raises `Invalid` for an empty file, `UnsupportedType` when the content contradicts the name, naming both.
    """
    promised = media_type(name)
    if size == 0:
        raise Invalid({"file": "The file is empty; nothing was kept of it."})
    file.seek(0)
    head = file.read(_HEAD)
    found = _kind_of(head, file)
    if found != _expected(extension_of(name)):
        raise UnsupportedType(
            f"{name} says it is {_WORDS[_expected(extension_of(name))]}, but its content is {_WORDS[found]}. "
            "Nothing was kept of it; give it its right extension, or choose the right file."
        )
    return promised


_WORDS = {
    "image/png": "a PNG picture",
    "image/jpeg": "a JPEG picture",
    "image/gif": "a GIF picture",
    "image/webp": "a WebP picture",
    "application/pdf": "a PDF",
    "ole": "an old Office document",
    ".docx": "a Word document",
    ".xlsx": "an Excel workbook",
    ".pptx": "a PowerPoint presentation",
    "zip": "a ZIP archive",
    "text": "text",
    "other": "something else",
}


def _expected(extension: str) -> str:
    if extension in _FOLDERS:
        return extension
    if extension in {".doc", ".xls"}:
        return "ole"
    if extension in {".txt", ".csv", ".md"}:
        return "text"
    return "zip" if extension == ".zip" else ALLOWED[extension]


def _kind_of(head: bytes, file: BinaryIO) -> str:
    if head.startswith(_OLE):
        return "ole"
    if head[:4] in {b"PK\x03\x04", b"PK\x05\x06"}:
        return _zip_kind(file)
    if b"%PDF-" in head[:1_024]:
        return "application/pdf"
    guess = filetype.guess(head)
    if guess is not None:
        return guess.mime if guess.mime in _WORDS else "other"
    return "text" if _is_text(head, file) else "other"


def _zip_kind(file: BinaryIO) -> str:
    """An Office document or any other archive; only the table of contents is read, nothing is unpacked."""
    if _contents_bytes(file) > _MOST_CONTENTS:
        return "zip"
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, UnicodeDecodeError):
        return "other"
    if "[Content_Types].xml" not in names:
        return "zip"
    return next((x for x, folder in _FOLDERS.items() if any(n.startswith(folder) for n in names)), "zip")


def _contents_bytes(file: BinaryIO) -> int:
    """How long an archive says that its table of contents is; reading it takes eight times that in memory."""
    end = file.seek(0, 2)
    file.seek(max(0, end - 65_557))
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    return int.from_bytes(tail[at + 12 : at + 16], "little") if at >= 0 else 0


def _is_text(head: bytes, file: BinaryIO) -> bool:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    file.seek(0)
    while piece := file.read(1_048_576):
        if b"\0" in piece:
            return False
    return True
