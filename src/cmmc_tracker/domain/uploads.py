"""Which files are taken, what they are called, and whether their content fits their name. Pure.

The last extension counts. Names are kept for display only; on disk a file is called by its hash.
"""

import re
import struct
from typing import BinaryIO

import filetype

from cmmc_tracker.domain.examination import archives, office
from cmmc_tracker.domain.examination.reading import Unreadable, Window
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
    found, expected = _kind_of(head, file, size), _expected(extension_of(name))
    if found not in {expected, _EITHER.get(expected)}:
        raise UnsupportedType(
            f"{name} says it is {_WORDS[expected]}, but its content is {_WORDS[found]}. "
            "Nothing was kept of it; give it its right extension, or choose the right file."
        )
    return promised


_WORDS = {
    "image/png": "a PNG picture",
    "image/jpeg": "a JPEG picture",
    "image/gif": "a GIF picture",
    "image/webp": "a WebP picture",
    "application/pdf": "a PDF",
    ".doc": "a Word document of the old kind",
    ".xls": "an Excel workbook of the old kind",
    "ole": "an old Office document",
    ".docx": "a Word document",
    ".xlsx": "an Excel workbook",
    ".pptx": "a PowerPoint presentation",
    "zip": "a ZIP archive",
    "text": "text",
    "application/rtf": "an RTF document",
    "application/x-msdownload": "a Windows program",
    "application/x-executable": "a program",
    "application/gzip": "a gzip archive",
    "application/x-7z-compressed": "a 7z archive",
    "application/x-rar-compressed": "a RAR archive",
    "application/x-tar": "a tar archive",
    "other": "something else",
}
# What cannot be told more closely fits as well: a compound file whose directory cannot be read.
_EITHER = {".doc": "ole", ".xls": "ole"}


def _expected(extension: str) -> str:
    if extension in _FOLDERS or extension in _EITHER:
        return extension
    if extension in {".txt", ".csv", ".md"}:
        return "text"
    return "zip" if extension == ".zip" else ALLOWED[extension]


def _kind_of(head: bytes, file: BinaryIO, size: int) -> str:
    if head.startswith(_OLE):
        return _old_kind(Window(file, size))
    if head[:4] in {b"PK\x03\x04", b"PK\x05\x06"}:
        return _zip_kind(Window(file, size))
    if b"%PDF-" in head[:1_024]:
        return "application/pdf"
    guess = filetype.guess(head)
    if guess is not None:
        return guess.mime if guess.mime in _WORDS else "other"
    return "text" if _is_text(head, file) else "other"


def _old_kind(window: Window) -> str:
    """Which program's document a compound file is; locked ones and those that cannot be read are just old."""
    try:
        names = {name.lower() for name in office.compound_names(window)}
    except (Unreadable, struct.error):
        return "ole"
    if "worddocument" in names:
        return ".doc"
    if names & {"workbook", "book"}:
        return ".xls"
    return "ole" if names & {"encryptedpackage", "encryptioninfo"} else "other"


def _zip_kind(window: Window) -> str:
    """An Office document or any other archive; only the table of contents is read, nothing is unpacked."""
    try:
        names = {entry.name for entry in archives.contents(window).entries}
    except (Unreadable, struct.error):
        return "other"
    if "[Content_Types].xml" not in names:
        return "zip"
    return next((x for x, folder in _FOLDERS.items() if any(n.startswith(folder) for n in names)), "zip")


def _is_text(head: bytes, file: BinaryIO) -> bool:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    file.seek(0)
    while piece := file.read(1_048_576):
        if b"\0" in piece:
            return False
    return True
