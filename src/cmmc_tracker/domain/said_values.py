"""What a document says of a defined value: numbers beside the value's own words. Pure.

Our decision: this looks only where a wrong hit is unlikely (a number with the value's unit, in one sentence with words
of each kind that the value is about), and only says what stands there; a person judges.
"""

import re
from collections.abc import Mapping
from functools import cache

from cmmc_tracker.domain.catalog import ObjectiveId, parse_objective_id
from cmmc_tracker.domain.defined_values import Asked, Unit, asked

MOST_CHARACTERS = 20_000  # of one document that are looked at
_UNITS = {Unit.MINUTES: r"min(?:ute)?s?", Unit.DAYS: r"days?", Unit.MONTHS: r"months?"}
# For each value, groups of beginnings of words: a sentence about it has one of every group.
_ABOUT = {
    "3.1.10[a]": (("lock", "screensaver", "screen"), ("idle", "inactiv", "inaction", "after")),
    "3.3.1[e]": (("log", "audit"), ("retain", "retention", "kept", "keep", "stored")),
    "3.5.6[a]": (("account", "identifier", "user"), ("idle", "inactiv", "unused", "dormant")),
    "3.11.2[a]": (("vulnerab",), ("scan",)),
    "3.13.9[a]": (("session", "connection"), ("idle", "inactiv", "timeout", "terminat")),
    "3.14.1[e]": (("patch", "flaw", "vulnerab"), ("within", "remediat", "install", "correct", "mend")),
    "3.14.5[a]": (("malware", "malicious", "virus"), ("scan",)),
}
_SENTENCES = re.compile(r"(?<=[.!?;])\s|\n+")
_WORDS = re.compile(r"[a-z]+", re.ASCII)


@cache
def watched() -> Mapping[ObjectiveId, Asked]:
    """The values that are looked for."""
    return {one: asked()[one] for one in map(parse_objective_id, _ABOUT)}


def said(one: Asked, text: str) -> list[int]:
    """The numbers that a text says of a value, in its unit, each once in their order."""
    groups = _groups().get(one.objective)
    if groups is None:
        return []
    number = re.compile(rf"\b([0-9]{{1,5}})[ \u00a0-]{{1,2}}{_UNITS[one.unit]}\b", re.ASCII)
    found: dict[int, None] = {}
    for sentence in _SENTENCES.split(text[:MOST_CHARACTERS].casefold()):
        hits = number.findall(sentence) if len(sentence) < 600 else []
        if hits:
            words = _WORDS.findall(sentence)
            if all(any(word.startswith(group) for word in words) for group in groups):
                found |= dict.fromkeys(map(int, hits))
    return list(found)


@cache
def _groups() -> Mapping[ObjectiveId, tuple[tuple[str, ...], ...]]:
    return {parse_objective_id(name): groups for name, groups in _ABOUT.items()}
