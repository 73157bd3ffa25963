"""The objectives that a cell of a register names: each is read or refused, none is passed over. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from cmmc_tracker.domain.catalog import load, parse_objective_id, parse_requirement_id
from cmmc_tracker.errors import Invalid

_BRACKET = r"[\[(] ?[A-Za-z][A-Za-z ,&–-]{0,100}[\])]"
_NUMBER = r"(?:[A-Za-z]{2}\.[Ll]2-)?\d{1,2}\.\d{1,2}\.\d{1,2}"
_TOKEN = re.compile(rf"({_NUMBER})?((?: ?{_BRACKET})+|(?<=\d)[A-Za-z])?")
_NEXT = re.compile(rf" (?={_NUMBER})")
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
    for token in _tokens(text):
        match = _TOKEN.fullmatch(token)
        if match is None or not (match[1] or requirement):
            said.problems.append(f"“{token[:_SHOWN]}” is not an objective; write it like AC.L2-3.1.1[a] or 3.1.1[a].")
            continue
        try:
            requirement = parse_requirement_id(match[1]) if match[1] else requirement
            found |= dict.fromkeys(_of(requirement, match[2] or "", level, said))
        except Invalid as error:
            said.problems.append(error.message)
    said.found = tuple(found)
    if len(said.problems) > _MOST_PROBLEMS:
        more = len(said.problems) - _MOST_PROBLEMS
        said.problems = [*said.problems[:_MOST_PROBLEMS], f"{more:,} more objectives cannot be read."]
    return said


def _of(requirement: str, letters: str, level: int, said: Objectives) -> list[str]:
    if letters:
        return [str(parse_objective_id(f"{requirement}[{letter}]")) for letter in _letters(letters)]
    objectives = [one.id for one in load(level).requirement(requirement).objectives]
    if len(objectives) > 1:
        said.notes.append(f"{requirement} names no letter: all its {len(objectives)} objectives are linked.")
    return objectives


def _letters(text: str) -> Iterator[str]:
    for match in _LETTERS.finditer(text):
        first, last = match[1].lower(), (match[2] or match[1]).lower()
        yield from (chr(code) for code in range(ord(first), max(ord(first), ord(last)) + 1))


def _tokens(text: str) -> Iterator[str]:
    """The cell's parts between semicolons, commas, bars, lines and numbers; letters in brackets stay together."""
    parts, depth = [""], 0
    for character in text:
        depth = max(0, depth + (character in "[(") - (character in "])"))
        if depth == 0 and character in ";,\n\r|":
            parts.append("")
        else:
            parts[-1] += character
    for part in parts:
        yield from (token.strip() for token in _NEXT.split(" ".join(part.split())) if token.strip())
