"""The words in a stored file, for searching and for suggestions. Bounded in bytes, time and memory.

Nothing here trusts the file: it is only ever opened by a child process of its own (`text_child.py`), whose answer is
bounded, checked and cleaned too. Pictures, archives and Office documents of the old kind have no text here.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from signal import SIGKILL
from threading import BoundedSemaphore

from cmmc_tracker.domain.text import clean_text
from cmmc_tracker.domain.uploads import ALLOWED
from cmmc_tracker.services import child, text_child

WALL_SECONDS = 30.0
ANSWER_BYTES = 4 * text_child.MOST_TEXT + 16
_KINDS = {ALLOWED[f".{kind}"]: kind for kind in ("pdf", "docx", "pptx", "xlsx")} | {
    ALLOWED[extension]: "text" for extension in (".txt", ".csv", ".md")
}
_ANSWER = re.compile(rb"TEXT (whole|cut)\n(.*)", re.DOTALL)
# Cleaning takes out control signs; those that part words or pages leave a gap.
_GAPS = str.maketrans("\0\x0b\x0c\x1c\x1d\x1e\x1f", "\n" * 7)
_WHY = {
    text_child.LOCKED: "it asks for a password",
    text_child.TOO_MUCH: "it is too large",
    text_child.ENTITIES: "it declares a document type or entities, which no Office program writes",
    -SIGKILL: "it takes too long",  # by the clock, or by the kernel when the processor time was spent
}
# A child takes a core and up to `text_child.MEMORY`; the people who wait for pages need the others.
_children = BoundedSemaphore(1)


@dataclass(frozen=True, slots=True)
class Extracted:
    """The words of a file, at most `text_child.MOST_TEXT` characters; `cut`: it has or may have more of them."""

    text: str
    cut: bool


class Unextractable(Exception):
    """A file's words could not be had; never an error for a person, but a mark: "its text could not be read: <why>"."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def extract(path: Path, media_type: str, *, plan: bool = False) -> Extracted | None:
    """The words of a stored file, or None for a type that has none here.

    Of a `plan` that is a Word file also what our own export carries in it (`domain.plan_source`), at the end.
    The text has `\\n` line ends and no control or hidden signs. Raises `Unextractable` for a file that is damaged,
    locked, too slow or too large. Callers wait for each other, up to `WALL_SECONDS` for each that came before.
    """
    kind = _KINDS.get(media_type)
    if kind is None:
        return None
    if plan and kind == "docx":
        kind = "plan"
    with _children:
        status, answer = child.run(text_child.__file__, (kind,), path, most_bytes=ANSWER_BYTES, seconds=WALL_SECONDS)
    if len(answer) > ANSWER_BYTES:
        raise Unextractable(_WHY[text_child.TOO_MUCH])
    if status in _WHY:
        raise Unextractable(_WHY[status])
    return _checked(answer if status == 0 else b"")


def _checked(answer: bytes) -> Extracted:
    match = _ANSWER.fullmatch(answer)
    try:
        found = match[2].decode() if match else None
    except UnicodeDecodeError:
        found = None
    if match is None or found is None:
        raise Unextractable("it is damaged, or too much for this reader")
    # The normal form of a few signs is longer than they are.
    text = clean_text(found[: text_child.MOST_TEXT].translate(_GAPS))
    return Extracted(
        text[: text_child.MOST_TEXT], match[1] == b"cut" or max(len(found), len(text)) > text_child.MOST_TEXT
    )
