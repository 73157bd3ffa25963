"""Text that people type, as it is kept. Pure.

Unicode's normal form sorts accents in a time that grows with the square of their number, so a run of them is cut
first, at the thirty that Unicode's stream-safe format allows (UAX #15, section 13).
"""

import re
import unicodedata
from typing import Literal

_MOST_ACCENTS = 30
_UNWANTED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


def normal(text: str, form: Literal["NFC", "NFKC"] = "NFC") -> str:
    """The text in that normal form, in a time that grows with its length only."""
    if text.isascii():
        return text
    kept, run = [], 0
    for character in text:
        run = run + 1 if unicodedata.combining(character) else 0
        if run <= _MOST_ACCENTS:
            kept.append(character)
    return unicodedata.normalize(form, "".join(kept))


def clean_line(text: str) -> str:
    """One line of text as it is kept: NFC, no control or direction signs, white space folded."""
    return " ".join(_UNWANTED.sub("", normal(text)).split())


def clean_text(text: str) -> str:
    """Several lines of text as they are kept: NFC, `\\n` line ends, no control or direction signs."""
    unified = text.replace("\r\n", "\n").replace("\r", "\n")
    return _UNWANTED.sub("", normal(unified)).strip()


def is_visible(text: str) -> bool:
    """Whether anybody can see something of it: not only spaces and signs without a shape."""
    return any(character.isprintable() and not character.isspace() for character in text)
