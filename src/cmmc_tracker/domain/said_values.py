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
# What is counted otherwise: wrong tries before the lock, passwords that are remembered.
_COUNTED = {
    "3.1.8[a]": r"(?:(?:wrong|bad|invalid|failed|unsuccessful|consecutive|incorrect) ){0,3}"
    r"(?:attempts?|tries|log-?ons?|log-?ins?|sign-?ins?)",
    "3.5.8[a]": r"(?:(?:last|previous|former|old|remembered) ){0,2}(?:passwords?|generations?)",
}
# For each value, groups of beginnings of words: a sentence about it has one of every group.
_ABOUT = {
    "3.1.8[a]": (("lock",), ("attempt", "tries", "logon", "login", "sign")),
    "3.1.10[a]": (("lock", "screensaver", "screen"), ("idle", "inactiv", "inaction", "after")),
    "3.3.1[e]": (("log", "audit"), ("retain", "retention", "kept", "keep", "stored")),
    "3.5.6[a]": (("account", "identifier", "user"), ("idle", "inactiv", "unused", "dormant")),
    "3.5.8[a]": (("password",), ("remember", "reuse", "history", "generation")),
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
    number = _numbers(one)
    found: dict[int, None] = {}
    for sentence in _SENTENCES.split(text[:MOST_CHARACTERS].casefold()):
        hits = number.findall(sentence) if len(sentence) < 600 else []
        if hits:
            words = _WORDS.findall(sentence)
            if all(any(word.startswith(group) for word in words) for group in groups):
                found |= dict.fromkeys(map(int, hits))
    return list(found)


def defined(one: Asked, value: str) -> list[int]:
    """The numbers that a defined value itself says in its unit: of one that is counted it is the value."""
    if one.objective not in watched():
        return []
    if one.unit is Unit.TEXT:
        return [int(found) for found in _numbers(one).findall(value.casefold())]
    return [int(value)] if value.isdecimal() else []


@cache
def _numbers(one: Asked) -> re.Pattern[str]:
    counted = {parse_objective_id(name): unit for name, unit in _COUNTED.items()}
    unit = counted.get(one.objective) or _UNITS[one.unit]
    return re.compile(rf"\b([0-9]{{1,5}})[ \u00a0-]{{1,2}}(?:{unit})\b", re.ASCII)


@cache
def _groups() -> Mapping[ObjectiveId, tuple[tuple[str, ...], ...]]:
    return {parse_objective_id(name): groups for name, groups in _ABOUT.items()}
