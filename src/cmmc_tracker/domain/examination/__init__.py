"""What is in a file that people should know before they open it, in sentences. Pure.

Evidence is never changed and never refused for what is found here. Whatever the file holds, the examination ends soon:
it reads bounded pieces, within budgets of bytes and of parts, not of time, so that the same file always gets the same
sentences. What is too large or too strange for it is said to be so.
"""

import struct
import zlib
from typing import BinaryIO

from cmmc_tracker.domain.examination import archives, office, pdfs, pictures
from cmmc_tracker.domain.examination.reading import Unreadable, Window

MOST_SENTENCES, LONGEST_SENTENCE = 16, 400
_UNEXAMINED = "The file could not be examined: it is damaged, or built in an unusual way."
_OFFICE = frozenset({".docx", ".xlsx", ".pptx"})
_OLD_OFFICE = frozenset({".doc", ".xls"})
_BROKEN = (Unreadable, struct.error, zlib.error, ValueError, IndexError, KeyError, OverflowError)


def examine(extension: str, media_type: str, file: BinaryIO, size: int) -> tuple[str, ...]:
    """Sentences about what was noticed in a file whose content fits its extension; empty for nothing."""
    window = Window(file, size)
    try:
        said = _findings(extension, media_type, window)
    except _BROKEN:
        said = [_UNEXAMINED]
    return tuple(sentence[:LONGEST_SENTENCE] for sentence in said[:MOST_SENTENCES])


def _findings(extension: str, media_type: str, window: Window) -> list[str]:
    if extension == ".zip":
        return archives.findings(window, archives.contents(window))
    if extension in _OFFICE:
        return office.findings(window, archives.contents(window))
    if extension in _OLD_OFFICE:
        return office.compound_findings(window)
    if media_type == "application/pdf":
        return [*pdfs.findings(window), *_also_an_archive(window)]
    if media_type.startswith("image/"):
        return [*_also_an_archive(window), *pictures.findings(window, media_type)]
    return []


def _also_an_archive(window: Window) -> list[str]:
    try:
        found = archives.contents(window)
    except _BROKEN:
        return []
    return ["It is a ZIP archive at the same time."] if found.count else []
