"""The objectives that a cell of a register names: each is read or refused, none is passed over. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from cmmc_tracker.domain.catalog import (
    ObjectiveId,
    at_first_level,
    level_of,
    load,
    parse_objective_id,
    parse_requirement_id,
)
from cmmc_tracker.errors import Invalid

_BRACKET = r"[\[(] ?[A-Za-z][A-Za-z ,&–-]{0,100}[\])]"
_NUMBERED = r"(?:[A-Za-z]{2}\.[Ll]2-)?\d{1,2}\.\d{1,2}\.\d{1,2}"
_NUMBER = {
    1: rf"(?:(?:[A-Za-z]{{2}}\.[Ll]1-)?[Bb]\.1\.[IiVvXx]{{1,5}}|{_NUMBERED})",  # Level 1 by NIST numbers as well
    2: _NUMBERED,
    3: r"(?:[A-Za-z]{2}\.[Ll]3-)?\d{1,2}\.\d{1,2}\.\d{1,2}[Ee]",
}
_TOKEN = {
    level: re.compile(rf"({number})?((?: ?{_BRACKET})+{'' if level == 3 else r'|(?<=[0-9])[A-Za-z]'})?")
    for level, number in _NUMBER.items()
}
_NEXT = {level: re.compile(rf" (?={number})") for level, number in _NUMBER.items()}
_LETTERS = re.compile(r"([A-Za-z])(?: ?[-–] ?([A-Za-z]))?")
_SHOWN = 60
_MOST_PROBLEMS = 5


@dataclass(slots=True)
class Objectives:
    """What was found in a cell: identifiers in its order, each once; what could not be read; what to know of it."""

    found: tuple[str, ...] = ()
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_objectives(text: str, level: int) -> Objectives:
    """The objectives of `3.1.1[a]; AC.L2-3.1.2 [b,c]; [d]; 3.1.3[a-c]; 3.1.4`.

    Letters alone belong to the requirement before them; a requirement alone means all its objectives, which is told.
    """
    said = Objectives()
    found: dict[str, None] = {}
    requirement = ""
    for token in _tokens(text, level):
        match = _TOKEN[level].fullmatch(token)
        if match is None or not (match[1] or requirement):
            said.problems.append(f"“{token[:_SHOWN]}” is not an objective; write it like AC.L2-3.1.1[a] or 3.1.1[a].")
            continue
        try:
            requirement = _requirement(match[1], level) if match[1] else requirement
            found |= dict.fromkeys(_of(requirement, match[2] or "", level, said))
        except Invalid as error:
            said.problems.append(error.message)
    said.found = tuple(found)
    if len(said.problems) > _MOST_PROBLEMS:
        more = len(said.problems) - _MOST_PROBLEMS
        said.problems = [*said.problems[:_MOST_PROBLEMS], f"{more:,} more objectives cannot be read."]
    return said


def _requirement(text: str, level: int) -> str:
    if level == 1 and re.search(r"\d\.\d{1,2}\.\d", text):
        return parse_requirement_id(text)
    return parse_requirement_id(text, level)


def _of(requirement: str, letters: str, level: int, said: Objectives) -> list[str]:
    if letters:
        named = (parse_objective_id(f"{requirement}[{letter}]") for letter in _letters(letters))
        return [str(_of_level(one, level)) for one in named]
    every = load(level_of(requirement)).requirement(requirement).objectives
    objectives = [str(_of_level(ObjectiveId(requirement, one.letter), level)) for one in every]
    if len(objectives) > 1:
        said.notes.append(f"{requirement} names no letter: all its {len(objectives)} objectives are linked.")
    return objectives


def _letters(text: str) -> Iterator[str]:
    for match in _LETTERS.finditer(text):
        first, last = match[1].lower(), (match[2] or match[1]).lower()
        yield from (chr(code) for code in range(ord(first), max(ord(first), ord(last)) + 1))


def _of_level(one: ObjectiveId, level: int) -> ObjectiveId:
    """The objective as the system's level has it; one of another level stays, and whoever links it is told."""
    return (at_first_level(one) if level == 1 else None) or one


def _tokens(text: str, level: int) -> Iterator[str]:
    """The cell's parts between semicolons, commas, bars, lines and numbers; letters in brackets stay together."""
    parts, depth = [""], 0
    for character in text:
        depth = max(0, depth + (character in "[(") - (character in "])"))
        if depth == 0 and character in ";,\n\r|":
            parts.append("")
        else:
            parts[-1] += character
    for part in parts:
        yield from (token.strip() for token in _NEXT[level].split(" ".join(part.split())) if token.strip())
