"""Passwords that everybody tries first, and what people do to make them longer. Pure.

The policy asks for sixteen characters of four kinds; `Password-2026!!!!` has them and is guessed at once. So a
password is looked at without its digits, signs and usual disguises (`P@ssw0rd`): when nothing is left but one common
word, repeated or not, a run of the alphabet or the keyboard, or one letter beside digits in a row, it is refused.
"""

import re
from functools import cache
from importlib.resources import files

_RUNS = (
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
)
_DIGITS = "01234567890" + "1234567890" * 25
_RUN = 6  # letters: qwerty, abcdef
_DISGUISES = str.maketrans({"@": "a", "4": "a", "3": "e", "1": "i", "!": "i", "0": "o", "5": "s", "$": "s", "7": "t"})
_NOT_LETTERS = re.compile(r"[^a-z]+")
_ONE_WORD = re.compile(r"(.+?)\1*")


def is_common(password: str) -> bool:
    """Whether a password is one common word or run, stretched with digits, signs and repetition."""
    lower = password.lower()
    if any(character.isalpha() and not character.isascii() for character in lower):
        return False
    # The disguise may stand for a letter or be what it was stretched with: either reading counts.
    inside = re.sub(r"^[^a-z]+|[^a-z@$]+$", "", lower)
    readings = {
        _NOT_LETTERS.sub("", text) for text in (lower, lower.translate(_DISGUISES), inside.translate(_DISGUISES))
    }
    return any(_is_one_word(letters) for letters in readings if letters) or _is_filler(lower)


def _is_one_word(letters: str) -> bool:
    unit = _ONE_WORD.fullmatch(letters)
    word = unit[1] if unit else letters
    return word in _words() or (len(word) >= _RUN and any(word in run or word in run[::-1] for run in _RUNS))


def _is_filler(lower: str) -> bool:
    """One letter however often, beside digits that stand in a row or are one digit however often."""
    digits = "".join(character for character in lower if character.isdecimal())
    in_a_row = digits in _DIGITS or digits in _DIGITS[::-1] or len(set(digits)) == 1
    return len(set(_NOT_LETTERS.sub("", lower))) == 1 and (not digits or in_a_row)


@cache
def _words() -> frozenset[str]:
    """Our own small list, in lower case."""
    return frozenset((files("cmmc_tracker.domain") / "data" / "common_words.txt").read_text("ascii").split())
