"""A register of evidence (the rows of a CSV file or of a sheet) into a plan: what each row would change. Pure.

A row that names the file, the hash or the title of an artifact that is there changes what is said of it. A row with a
location and a SHA-256 registers evidence that stays where it is. Every other row is refused with what to do. An empty
cell changes nothing, and no row takes a link away. Cells are text, whatever they begin with: nothing is ever computed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from cmmc_tracker.domain.accounts import name_key
from cmmc_tracker.domain.artifacts import parse_facts
from cmmc_tracker.domain.catalog import load
from cmmc_tracker.domain.held import parse_location
from cmmc_tracker.domain.text import clean_line, normal
from cmmc_tracker.errors import Invalid
from cmmc_tracker.importers.register_cells import WORDS, file_name, read_sha256, read_size, title_of
from cmmc_tracker.importers.register_dates import Order, iso, order_of
from cmmc_tracker.importers.register_objectives import read_objectives
from cmmc_tracker.importers.register_table import Column, compact, header, read_csv

__all__ = ["Action", "Change", "Known", "Present", "RegisterPlan", "RowPlan", "plan", "read_csv"]

_DAYS = ("covers_from", "covers_until", "collected_on")
_PEOPLE = ("owner", "reviewer")
_FACTS = ("title", "kind", "description", *_DAYS, "cadence", *_PEOPLE)


class Action(StrEnum):
    """What comes of a row."""

    CHANGE = "change"
    CREATE = "create"
    NOTHING = "nothing"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Present:
    """An artifact that is there: its facts as they are kept (dates as dates), its current files, its links here.

    `location` is empty where the tracker has the bytes. `facts` may name the owner and the reviewer.
    """

    id: int
    facts: Mapping[str, Any]
    files: tuple[tuple[str, str], ...] = ()  # name and SHA-256 of each
    objectives: frozenset[str] = frozenset()
    location: str = ""


@dataclass(frozen=True)
class Known:
    """What the plan may rely on: the system's artifacts, the accounts by folded name, the level and the day."""

    artifacts: Sequence[Present]
    users: Mapping[str, str]  # `name_key` of an account → its name
    level: int
    today: date


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that a row would change, as people read it."""

    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class RowPlan:
    """What comes of one row, which is counted from 1 with the header.

    `facts` are texts as the artifacts' service takes them, only those that differ; `objectives` those that are linked
    anew. `problems` say why a row is refused; `notes` what was read otherwise than it stands, or left out.
    """

    number: int
    action: Action
    title: str
    artifact_id: int | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    objectives: tuple[str, ...] = ()
    location: str = ""
    filename: str = ""
    sha256: str = ""
    size: int | None = None
    changes: tuple[Change, ...] = ()
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def owner(self) -> str:
        """The account that becomes the owner; empty where that stays as it is."""
        return self.facts.get("owner", "")


@dataclass(frozen=True, slots=True)
class RegisterPlan:
    """The columns as they were understood, and what comes of each row that is not empty."""

    header: int  # the row's number
    columns: tuple[Column, ...]
    rows: tuple[RowPlan, ...]

    @property
    def left_out(self) -> tuple[str, ...]:
        """The columns that are not used, each with its reason."""
        return tuple(f"“{one.name}” is not used: {one.left_out}." for one in self.columns if one.left_out)

    @property
    def summary(self) -> tuple[str, ...]:
        """The plan in lines."""
        counts = {action: sum(row.action is action for row in self.rows) for action in Action}
        said = {
            Action.CHANGE: "to change",
            Action.CREATE: "to register where they are",
            Action.NOTHING: "without a change",
            Action.REFUSE: "refused",
        }
        return tuple(f"{counts[action]:,} {words}" for action, words in said.items() if counts[action])


def plan(rows: Sequence[list[str]], known: Known) -> RegisterPlan:
    """What an import of the rows would do; changes nothing.

    Raises `Invalid` naming `file` where no header says what the columns are, or the level has no catalog here.
    """
    load(known.level)
    at, columns = header(rows)
    reader = _Reader(known, columns, rows[at + 1 :])
    planned = [reader.planned(number, row) for number, row in enumerate(rows[at + 1 :], at + 2) if _says(row)]
    return RegisterPlan(at + 1, columns, tuple(planned))


class _Refusal(Exception):
    """Why a row is refused, in sentences."""

    def __init__(self, *problems: str) -> None:
        super().__init__()
        self.problems = problems


@dataclass(slots=True)
class _Said:
    """What a row says, read."""

    title: str
    file: str
    sha256: str
    location: str
    size: int | None
    facts: dict[str, str]
    objectives: tuple[str, ...]
    notes: list[str]


class _Reader:
    """Rows one after the other, so that a second row for one artifact is noticed."""

    def __init__(self, known: Known, columns: Sequence[Column], below: Sequence[list[str]]) -> None:
        self._known = known
        self._columns = {column.field: column for column in columns if column.field}
        self._orders: dict[str, Order | None] = {}
        for name in _DAYS:
            if name in self._columns:
                position = self._columns[name].position
                self._orders[name] = order_of(row[position] for row in below if len(row) > position)
        self._by_hash: dict[str, list[Present]] = {}
        self._by_file: dict[str, list[Present]] = {}
        self._by_title: dict[str, list[Present]] = {}
        self._at = {one.location: one for one in reversed(known.artifacts) if one.location}
        for one in known.artifacts:
            self._by_title.setdefault(_folded(str(one.facts.get("title", ""))), []).append(one)
            for name, sha256 in dict.fromkeys(one.files):
                if name:
                    _add(self._by_file, _folded(name), one)
                _add(self._by_hash, sha256, one)
        self._seen: dict[object, int] = {}

    def planned(self, number: int, row: list[str]) -> RowPlan:
        """What comes of one row."""
        cells = {name: row[one.position].strip() for name, one in self._columns.items() if len(row) > one.position}
        title = clean_line(next((cells[n] for n in ("title", "file", "location") if cells.get(n)), ""))[:200]
        present = None
        try:
            said = self._said(cells)
            present = self._find(said)
            found = self._changed(number, said, present) if present else self._created(number, said)
            self._claim(number, said, present)
        except _Refusal as refusal:
            number_of = present.id if present else None
            return RowPlan(number, Action.REFUSE, title, number_of, problems=refusal.problems)
        return found

    def _said(self, cells: Mapping[str, str]) -> _Said:
        problems: list[str] = []
        notes: list[str] = []
        facts = {name: cells[name] for name in _FACTS if cells.get(name)}
        for name in _DAYS:
            if name in facts:
                try:
                    facts[name] = iso(facts[name], self._orders[name])
                except ValueError as error:
                    problems.append(f"{self._columns[name].name}: {error}")
        facts |= {n: words.get(compact(facts[n]), facts[n]) for n, words in WORDS.items() if n in facts}
        for name in _PEOPLE:
            account = self._known.users.get(name_key(facts.get(name, "")))
            if name in facts and account is None:
                shown = clean_line(facts.pop(name))[:60]
                notes.append(f"{self._columns[name].name}: there is no account “{shown}”; it stays as it is.")
            elif account is not None:
                facts[name] = account
        objectives = read_objectives(cells.get("objectives", ""), self._known.level)
        sha256, size = read_sha256(cells.get("sha256", "")), read_size(cells.get("size", ""))
        problems += [*objectives.problems, *_wrong_identity(cells, sha256, size)]
        location = ""
        try:
            location = parse_location(cells["location"]) if cells.get("location") else ""
        except ValueError as error:
            problems.append(str(error))
        if problems:
            raise _Refusal(*problems)
        file = file_name(cells.get("file", ""))
        notes += objectives.notes
        return _Said(facts.get("title", ""), file, sha256, location, size, facts, objectives.found, notes)

    def _find(self, said: _Said) -> Present | None:
        """The artifact that a row names: what hash, file and title name alike, the hash first; else by location."""
        found: list[Present] = []
        for key, index in ((said.sha256, self._by_hash), (_folded(said.file), self._by_file)):
            found = _narrowed(found, index.get(key, []) if key else [])
        named = self._by_title.get(_folded(said.title), []) if said.title else []
        found = _narrowed(found, named)
        if not found and said.location in self._at:
            found = [self._at[said.location]]
        if len(found) > 1:
            raise _Refusal(
                f"It may be any of the artifacts {_numbers(found)}: give the SHA-256 or a title of one only."
            )
        if not found:
            return None
        (one,) = found
        if said.sha256 and said.sha256 not in {sha256 for _, sha256 in one.files}:
            raise _Refusal(
                f"Artifact {one.id} has other bytes than this SHA-256 says: add them there as a new version, "
                "or mend the register."
            )
        return one

    def _created(self, number: int, said: _Said) -> RowPlan:
        if not (said.location and said.sha256):
            raise _Refusal(_what_to_do(said))
        facts = {**said.facts, "title": said.title or title_of(said.file or said.location)}
        if not said.title:
            said.notes.append("It has no title; the name of its file is taken.")
        parsed = self._parsed(facts, None)
        changes = [Change(name, "", parsed[name]) for name in _FACTS if parsed.get(name)]
        changes += [Change("location", "", said.location), Change("sha256", "", said.sha256)]
        return RowPlan(
            number,
            Action.CREATE,
            parsed["title"],
            facts=parsed,
            objectives=said.objectives,
            location=said.location,
            filename=said.file,
            sha256=said.sha256,
            size=said.size,
            changes=(*changes, *_linked(said.objectives)),
            notes=tuple(said.notes),
        )

    def _changed(self, number: int, said: _Said, present: Present) -> RowPlan:
        parsed = self._parsed(said.facts, present.facts)
        before = {name: _shown(present.facts.get(name)) for name in parsed}
        facts = {name: after for name, after in parsed.items() if after != before[name]}
        changes = [Change(name, before[name], after) for name, after in facts.items()]
        location = said.location if present.location and said.location != present.location else ""
        if location:
            changes.append(Change("location", present.location, location))
        elif said.location and not present.location:
            said.notes.append("The location is not kept: the tracker has the file itself.")
        objectives = tuple(one for one in said.objectives if one not in present.objectives)
        changes += _linked(objectives)
        return RowPlan(
            number,
            Action.CHANGE if changes else Action.NOTHING,
            _shown(present.facts.get("title")),
            present.id,
            facts=facts,
            objectives=objectives,
            location=location,
            changes=tuple(changes),
            notes=tuple(said.notes),
        )

    def _parsed(self, facts: Mapping[str, str], before: Mapping[str, Any] | None) -> dict[str, str]:
        try:
            return {name: _shown(value) for name, value in parse_facts(facts, self._known.today, before).items()}
        except Invalid as error:
            named = {name: self._columns[name].name for name in error.fields if name in self._columns}
            raise _Refusal(*(f"{named.get(name, name)}: {why}" for name, why in error.fields.items())) from None

    def _claim(self, number: int, said: _Said, present: Present | None) -> None:
        """The first row for an artifact, a hash or a location counts; a second is refused, whatever it says."""
        keys: list[object] = [present.id] if present else [said.sha256, ("at", said.location)]
        for key in keys:
            if key in self._seen:
                raise _Refusal(f"Row {self._seen[key]:,} already speaks of the same artifact: keep one of them.")
        self._seen |= dict.fromkeys(keys, number)


def _add(index: dict[str, list[Present]], key: str, one: Present) -> None:
    places = index.setdefault(key, [])
    if not places or places[-1] is not one:
        places.append(one)


def _narrowed(found: list[Present], named: list[Present]) -> list[Present]:
    if not found or not named:
        return found or named
    ids = {one.id for one in named}
    both = [one for one in found if one.id in ids]
    if not both:
        raise _Refusal(
            f"It names two artifacts at once, {_numbers(found)} and {_numbers(named)}: mend the title, file or SHA-256."
        )
    return both


def _what_to_do(said: _Said) -> str:
    if said.location:
        return "To register evidence that stays where it is, give its SHA-256 too; or upload the file first."
    if said.sha256:
        return "No artifact has this SHA-256: upload the file first, or give its location to register it from afar."
    if not (said.file or said.title):
        return "It names no artifact: give the file's name or the title."
    shown = (said.file or clean_line(said.title))[:80]
    return f"There is no artifact “{shown}” in this system: upload the file first, then import the register again."


def _wrong_identity(cells: Mapping[str, str], sha256: str, size: int | None) -> Iterator[str]:
    if cells.get("sha256") and not sha256:
        yield "The SHA-256 must be 64 of the signs 0-9 and a-f."
    if cells.get("size") and size is None:
        yield "The size must be a whole number of bytes."


def _linked(objectives: Sequence[str]) -> list[Change]:
    return [Change("objectives", "", ", ".join(objectives))] if objectives else []


def _says(row: Sequence[str]) -> bool:
    return any(cell.strip() for cell in row)


def _shown(value: Any) -> str:
    """A fact as text that reads back as the same."""
    if value is None:
        return ""
    return value.isoformat() if isinstance(value, date) else str(value)


def _folded(text: str) -> str:
    return " ".join(normal(text[:2_000], "NFKC").casefold().split())


def _numbers(found: Sequence[Present]) -> str:
    more = f" and {len(found) - 3:,} more" if len(found) > 3 else ""
    return ", ".join(str(one.id) for one in found[:3]) + more
