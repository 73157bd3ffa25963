"""Finding the requirement or the objective that a cell or a line of somebody's own document is about. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from cmmc_tracker.domain.catalog import parse_objective_id, parse_requirement_id
from cmmc_tracker.errors import Invalid
from cmmc_tracker.importers.columns import HEADER_WITHIN, named
from cmmc_tracker.importers.register_table import FIELDS, compact, refused

# `3.1.1`, `AC.L2-3.1.1`, `3.1.1[a]`, `3.1.1 (a)`, `3.1.1.a`, `3.1.1a`, but no other number with more parts. Those of
# other levels with the level before them only: 3.1.2e is an objective of Level 2, too.
_NUMBER = re.compile(
    r"(?<![\w.])(?:(?P<other>[A-Za-z]{2}\.L(?:1-b\.1\.[ivx]{1,5}|3-3\.\d{1,2}\.\d{1,2}e))(?!\w)|"
    r"(?:(?P<family>[A-Za-z]{2})\.L2-)?(?P<number>3\.\d{1,2}\.\d{1,2})(?!\.?\d))"
    r"(?:\s?\[(?P<a>[a-z])\]|\s?\((?P<b>[a-z])\)|\.?(?P<c>[a-z])(?![\w]))?",
    re.ASCII | re.IGNORECASE,
)
_NUMBERS = frozenset(
    ["number", "no", "nr", "id", "ref", "reference", "nist", "nist800171", "nistsp800171", "sp800171", "item"]
)


@dataclass(frozen=True, slots=True)
class About:
    """What something is about: a requirement, or one of its objectives where `letter` says so."""

    requirement: str
    letter: str = ""

    def __str__(self) -> str:
        return f"{self.requirement}[{self.letter}]" if self.letter else self.requirement


@dataclass(frozen=True, slots=True)
class Numbered:
    """A number in a text: what it is about, and where it begins and ends."""

    about: About
    start: int
    end: int


def number_in(text: str) -> Numbered | None:
    """The first number in a text; raises `Invalid` for one that looks like ours and is none (wrong family, letter)."""
    match = _NUMBER.search(text)
    if match is None:
        return None
    letter = (match["a"] or match["b"] or match["c"] or "").lower()
    named = match["other"] or (f"{match['family']}.L2-{match['number']}" if match["family"] else match["number"])
    if not letter:
        return Numbered(About(parse_requirement_id(named)), match.start(), match.end())
    one = parse_objective_id(f"{named}[{letter}]")
    return Numbered(About(one.requirement, one.letter), match.start(), match.end())


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a header: where it stands, and in which column what is."""

    header: int
    columns: Mapping[str, int]

    def cell(self, row: Sequence[str], name: str) -> str:
        """What a row says in a column; empty where it has none."""
        at = self.columns.get(name, len(row))
        return row[at].strip() if at < len(row) else ""


def field_of(heading: str, words: Mapping[str, str]) -> str | None:
    """What stands below a heading: `number`, or the one of `words` that it is among."""
    word = compact(heading)
    if FIELDS.get(word) == "objectives" or word in _NUMBERS:
        return "number"
    return next((name for name, known in words.items() if word in known.split()), None)


def table_of(rows: Sequence[Sequence[str]], words: Mapping[str, str], needed: str) -> Table:
    """The table of a sheet: a column of numbers, and those whose headings are among `words`.

    Raises `Invalid` naming `file` where no row near the top names both the numbers and what is `needed`.
    """
    for at, row in enumerate(islice(rows, HEADER_WITHIN)):
        found = named(row, lambda cell: field_of(cell, words))
        if "number" in found and needed in found:
            return Table(at, found)
    raise refused(
        f"No header was found: one of the first rows must name a column with the requirement's number and one with the "
        f"{needed}."
    )


def about_of(cell: str) -> tuple[About | None, str]:
    """What a cell is about, or None and why not."""
    try:
        found = number_in(cell)
    except Invalid as error:
        return None, error.message
    return (found.about, "") if found else (None, "It names no requirement, such as 3.1.1 or AC.L2-3.1.1[a].")
