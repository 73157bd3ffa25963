"""Text that people type, as it is kept. Pure.

Unicode's normal form sorts accents in a time that grows with the square of their number, so a run of them is cut
first, at the thirty that Unicode's stream-safe format allows (UAX #15, section 13).
"""

import re
import unicodedata
from typing import Literal

_MOST_ACCENTS = 30
_LINE_ENDS = re.compile(r"\r\n|[\r\x85\u2028\u2029]")
_UNWANTED = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb"
    r"\ud800-\udfff\U000e0000-\U000e007f]"
)


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
    """One line of text as it is kept: NFC, no control, direction or hidden signs, white space folded."""
    return " ".join(_UNWANTED.sub("", _LINE_ENDS.sub("\n", normal(text))).split())


def clean_text(text: str) -> str:
    """Several lines of text as they are kept: NFC, `\\n` line ends, no control, direction or hidden signs."""
    return _UNWANTED.sub("", _LINE_ENDS.sub("\n", normal(text))).strip()


def has_unseen(text: str) -> bool:
    """Whether the text has line ends, or control, direction or hidden signs: what cleaning takes out."""
    return bool(_UNWANTED.search(text) or _LINE_ENDS.search(text) or "\t" in text or "\n" in text)


def is_visible(text: str) -> bool:
    """Whether anybody can see something of it: not only spaces and signs without a shape."""
    return any(character.isprintable() and not character.isspace() for character in text)
