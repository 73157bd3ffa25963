"""Which column of somebody's sheet is what: guessed by the headings, or said by a person. Pure.

No two organizations lay a sheet out alike. A guess is shown with what would come of it; where it is wrong, or where a
heading is none that is known, the person chooses, and sees the outcome anew before anything is done.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from cmmc_tracker.errors import Invalid
from cmmc_tracker.importers.register_table import refused

HEADER_WITHIN = 20  # rows
SHOWN = 60
HEADER, CHOICE = "header", "column_"  # of a form: the row of the headings, from 1 (0: none); a column by its field
Rows = Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Columns:
    """Which row is the header (its place, -1: none) and which column is what (its place; absent: none)."""

    header: int
    columns: Mapping[str, int]

    def form(self) -> dict[str, str]:
        """The choice as a form carries it; `read` takes it back."""
        return {HEADER: str(self.header + 1), **{f"{CHOICE}{name}": str(at) for name, at in self.columns.items()}}


def guess(rows: Rows, name_of: Callable[[str], str | None], is_enough: Callable[[Collection[str]], bool]) -> Columns:
    """The first row near the top whose headings are enough, else the one with the most that are known.

    `name_of` tells the field of a heading. Where no heading is known, the first row that says something is taken for
    the header, and no column for anything.
    """
    near = list(islice(rows, HEADER_WITHIN))
    found = [named(row, name_of) for row in near]
    enough = next((at for at, columns in enumerate(found) if is_enough(columns)), None)
    if enough is not None:
        return Columns(enough, found[enough])
    most = max(range(len(near)), key=lambda at: (len(found[at]), any(near[at]), -at), default=-1)
    return Columns(most, found[most] if most >= 0 else {})


def named(row: Iterable[str], name_of: Callable[[str], str | None]) -> dict[str, int]:
    """The columns that a row of headings names, each field at the first of them."""
    columns: dict[str, int] = {}
    for place, cell in enumerate(row):
        name = name_of(cell)
        if name:
            columns.setdefault(name, place)
    return columns


def read(given: Mapping[str, str], fields: Collection[str], rows: Rows, guessed: Callable[[], Columns]) -> Columns:
    """The choice that a form says; where it says nothing at all, what is guessed.

    Raises `Invalid` where two fields are given the same column, and for a column or a row that the sheet does not have.
    """
    said = {name: given[f"{CHOICE}{name}"] for name in fields if given.get(f"{CHOICE}{name}")}
    if not said:
        return guessed()
    width = max((len(row) for row in rows), default=0)
    columns = {name: _place(text, width) for name, text in said.items()}
    if len(set(columns.values())) < len(columns):
        raise Invalid(
            {f"{CHOICE}{next(iter(columns))}": "Two of the choices name the same column; choose one for each."}
        )
    return Columns(_place(given.get(HEADER) or "0", HEADER_WITHIN + 1) - 1, columns)


def _place(text: str, most: int) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 6 and int(text) < most):
        raise refused("This choice of columns is not of this sheet.")
    return int(text)


def check(columns: Columns, needed: Mapping[str, str]) -> None:
    """Raise `Invalid` for the fields without which nothing can be read, each with its label."""
    missing = {name: label for name, label in needed.items() if name not in columns.columns}
    if missing:
        raise Invalid({f"{CHOICE}{name}": f"Say which column is: {label}." for name, label in missing.items()})


@dataclass(frozen=True, slots=True)
class Choice:
    """Which column of a sheet is what, as a page offers it; `errors` say what is wrong, by field of the form."""

    rows: Rows
    columns: Columns
    errors: Mapping[str, str]

    @property
    def titles(self) -> list[str]:
        """What each column is called: its heading, or its number."""
        return titles(self.rows, self.columns)

    @property
    def heads(self) -> list[str]:
        """The rows of which one may be the header."""
        return [" · ".join(cell for cell in row if cell)[:80] for row in islice(self.rows, HEADER_WITHIN)]


def titles(rows: Rows, columns: Columns) -> list[str]:
    """What each column is called, for the choice: its heading, or its number."""
    width = max((len(row) for row in rows), default=0)
    heads = rows[columns.header] if 0 <= columns.header < len(rows) else ()
    return [(heads[place][:SHOWN] if place < len(heads) else "") or f"column {place + 1}" for place in range(width)]


def left_out(rows: Rows, columns: Columns) -> tuple[str, ...]:
    """The headings of the columns that are not used, as they can be shown."""
    row = rows[columns.header] if 0 <= columns.header < len(rows) else ()
    used = set(columns.columns.values())
    unused = (cell[:SHOWN] for place, cell in enumerate(row) if cell and place not in used)
    return tuple("".join(c if c.isprintable() else " " for c in one) for one in unused)
