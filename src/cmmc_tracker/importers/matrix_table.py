"""A customer responsibility matrix as providers hand it out: which column is what, and what each row says. Pure.

No two providers lay theirs out alike, so the columns are guessed and a person says which they are. A row that names a
requirement without a letter speaks for each of its objectives that no row names by its letter. Two rows that say
different things of the same objective are refused, both of them: it is a statement on which an assessment rests.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice

from cmmc_tracker.domain.catalog import (
    LEVELS,
    ObjectiveId,
    at_first_level,
    level_of,
    load,
    parse_objective_id,
    parse_requirement_id,
)
from cmmc_tracker.domain.matrix import CIRCLE, LineEntry, evidence_named, is_circle
from cmmc_tracker.domain.scope import LONGEST_NOTE, Duty
from cmmc_tracker.domain.text import clean_text
from cmmc_tracker.errors import Invalid
from cmmc_tracker.importers import columns
from cmmc_tracker.importers.columns import CHOICE, HEADER_WITHIN, Columns
from cmmc_tracker.importers.register_table import compact, plain

_JUDGED = 200  # rows that a guess looks at
_SHOWN = 60
_LETTER = r"\s*[\[(]\s*([A-Za-z])\s*[\])]"
# 3.1.1[a], AC.L2-3.1.1 (a), 3.1.1.a, 3.1.1a; a title may follow, so a letter after a blank counts at the end only.
_LOOSE = rf"(?:{_LETTER}|[.-]?([A-Za-z])(?![A-Za-z])|\s+([A-Za-z])$)?(?![\w.])"
_ID = {
    1: re.compile(rf"((?:[A-Za-z]{{2}}\.[Ll]1-)?[Bb]\.1\.[IiVvXx]{{1,5}})(?:{_LETTER})?(?![\w.])"),
    2: re.compile(rf"((?:[A-Za-z]{{2}}\.[Ll]2-)?\d{{1,2}}\.\d{{1,2}}\.\d{{1,2}}){_LOOSE}"),
    3: re.compile(rf"((?:[A-Za-z]{{2}}\.[Ll]3-)?\d{{1,2}}\.\d{{1,2}}\.\d{{1,2}}[Ee])(?:{_LETTER})?(?![\w.])"),
}
FIELDS = {
    "id": "Objective or requirement",
    "letter": "Letter of the objective",
    "duty": "Whose duty it is",
    "text": "What each does",
    "evidence": "Evidence",
    "provider": "Mark: provider",
    "customer": "Mark: customer",
    "shared": "Mark: shared",
    "not_applicable": "Mark: not applicable",
}
_SYNONYMS = {
    "id": "objective objectiveid assessmentobjective assessmentobjectiveid control controlid controlnumber requirement "
    "requirementid practice practiceid cmmcpractice cmmcpracticeid cmmcid cmmcrequirement nistid nistcontrol "
    "nist800171 nistsp800171 securityrequirement id number identifier",
    "letter": "letter objectiveletter part subpart ao",
    "duty": "duty responsibility responsible responsibleparty responsibilitytype whoisresponsible party ownership "
    "sharedresponsibility inheritance controlresponsibility",
    "text": "text description howmet implementation customerresponsibilitydescription customerresponsibilities "
    "customeractions customermust responsibilitydescription details notes comments explanation narrative "
    "implementationdescription responsibilitydetails whateachdoes",
    "evidence": "evidence ourevidence",
    "provider": "provider csp esp msp vendor serviceprovider providerresponsibility cspresponsibility "
    "inherited fullyinherited",
    "customer": "customer osc osa client tenant customerresponsibility oscresponsibility",
    "shared": "shared sharedcontrol both hybrid partiallyinherited",
    "not_applicable": "na notapplicable",
}
_HEADINGS = {word: name for name, words in _SYNONYMS.items() for word in words.split()}
_DUTIES = {
    Duty.PROVIDER: "provider csp esp msp mssp vendor serviceprovider inherited fullyinherited inheritable "
    "providerresponsibility cspresponsibility p full",
    Duty.CUSTOMER: "customer osc osa client tenant own us we customerresponsibility notinherited c none "
    "organization organizationseekingcertification organizationseekingassessment contractor",
    Duty.SHARED: "shared both hybrid partial partiallyinherited sharedresponsibility joint s providerandcustomer "
    "customerandprovider providercustomer customerprovider cspandcustomer customercsp cspcustomer",
    Duty.NOT_APPLICABLE: "na notapplicable notrelevant outofscope",
}
_WORDS = {word: duty for duty, words in _DUTIES.items() for word in words.split()}
_MARKS = frozenset(["x", "yes", "y", "true", "1", "✓", "✔", "☑", "●", "full", "partial"])
_UNMARKED = frozenset(["no", "n", "false", "0", "-", "–", "—", "☐"])


class Act(StrEnum):
    """What comes of an objective."""

    ADD = "add"
    CHANGE = "change"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Known:
    """What is there: the provider's lines, and what a circle is told by."""

    lines: Mapping[ObjectiveId, LineEntry]
    inherited: Collection[ObjectiveId] = ()
    elsewhere: Collection[ObjectiveId] = ()
    level: int = 2
    documents: Mapping[int, str] = field(default_factory=dict)  # what a line may be shown by: titles by number


@dataclass(frozen=True, slots=True)
class LinePlan:
    """What comes of one objective: before and after, the row that says so, and whether that names the whole."""

    objective: ObjectiveId
    act: Act
    after: LineEntry
    before: LineEntry | None
    row: int
    whole: bool


@dataclass(slots=True)
class MatrixPlan:
    """What a sheet would do; `refused` are (row, what it names, why), `missing` the lines that it does not have."""

    lines: list[LinePlan] = field(default_factory=list)
    refused: list[tuple[int, str, str]] = field(default_factory=list)
    missing: list[ObjectiveId] = field(default_factory=list)
    whole: int = 0  # rows that speak for all objectives of a requirement
    strange: int = 0  # rows that name evidence which is no artifact here

    def count(self, act: Act) -> int:
        """How many objectives that comes of."""
        return sum(one.act == act for one in self.lines)

    @property
    def doing(self) -> list[LinePlan]:
        """The lines that would be added or changed."""
        return [one for one in self.lines if one.act is not Act.NOTHING]


@dataclass(frozen=True, slots=True)
class _Row:
    number: int
    names: str
    objectives: tuple[ObjectiveId, ...]
    whole: bool
    said: LineEntry


def guess(rows: Sequence[list[str]]) -> Columns:
    """Which row is the header and which column is what, by the words of the header and by what stands below it."""
    at = max(range(min(HEADER_WITHIN, len(rows))), key=lambda place: (_known(rows[place]), -place), default=-1)
    found: dict[str, int] = {}
    if at >= 0 and _known(rows[at]):
        for place, cell in enumerate(rows[at]):
            found.setdefault(_HEADINGS.get(compact(cell), ""), place)
        found.pop("", None)
    else:
        at = -1
    below = list(islice(rows[at + 1 :], _JUDGED))
    for name, judge in (("id", _is_id), ("duty", _duty_of)):
        if name not in found and (name == "id" or not found.keys() & _MARK_FIELDS):
            best = _best(below, judge, set(found.values()))
            if best is not None:
                found[name] = best
    return Columns(at, found)


_MARK_FIELDS = frozenset({"provider", "customer", "shared", "not_applicable"})


def _known(row: Sequence[str]) -> int:
    """How many columns a row would name; a row that names an objective is no header."""
    if any(_is_id(cell) for cell in row):
        return 0
    return len({_HEADINGS[word] for cell in row if (word := compact(cell)) in _HEADINGS})


def _best(rows: Sequence[list[str]], judge: Callable[[str], object], taken: Collection[int]) -> int | None:
    """The column in which the most cells are what is looked for."""
    counts: dict[int, int] = {}
    for row in rows:
        for place, cell in enumerate(row):
            if place not in taken and cell and judge(cell):
                counts[place] = counts.get(place, 0) + 1
    return max(counts, key=lambda place: counts[place]) if counts else None


def _is_id(cell: str) -> bool:
    return any(_is_id_at(cell, level) for level in LEVELS)


def _is_id_at(cell: str, level: int) -> bool:
    try:
        _named(cell, "", level)
    except Invalid:
        return False
    return True


def _duty_of(cell: str) -> Duty | None:
    return _WORDS.get(compact(cell))


def check(mapping: Columns) -> None:
    """Raise `Invalid` naming the columns without which nothing can be read."""
    wrong = {}
    if "id" not in mapping.columns:
        wrong[f"{CHOICE}id"] = "Say which column names the objective or the requirement."
    if "duty" not in mapping.columns and not mapping.columns.keys() & _MARK_FIELDS:
        wrong[f"{CHOICE}duty"] = "Say which column tells whose duty it is, or which columns carry the marks."
    if wrong:
        raise Invalid(wrong)


def plan(rows: Sequence[list[str]], mapping: Columns, known: Known) -> MatrixPlan:
    """What the sheet would do to the lines of its provider; raises `Invalid` as `check`."""
    check(mapping)
    made = MatrixPlan()
    read = list(_read(rows, mapping, known, made))
    made.whole = sum(row.whole for row in read)
    said = _settled(read, made)
    for objective in _catalog(known.level):
        if objective in said:
            row = said[objective]
            if is_circle(objective, row.said.duty, known.inherited, known.elsewhere):
                made.refused.append((row.number, str(objective), CIRCLE))
                continue
            made.lines.append(_line(objective, row, known.lines.get(objective)))
    named = {one for row in read for one in row.objectives}
    made.missing = [one for one in _catalog(known.level) if one in known.lines and one not in named]
    made.refused.sort(key=lambda one: one[0])
    return made


def _line(objective: ObjectiveId, row: _Row, before: LineEntry | None) -> LinePlan:
    """The line as it would be; evidence that is linked to it stays, unless the sheet names another artifact."""
    after = LineEntry(row.said.duty, row.said.text, row.said.artifact_id or (before.artifact_id if before else None))
    act = Act.ADD if before is None else Act.NOTHING if before == after else Act.CHANGE
    return LinePlan(objective, act, after, before, row.number, row.whole)


def _catalog(level: int) -> Iterator[ObjectiveId]:
    for requirement in load(level).requirements:
        for one in requirement.objectives:
            yield ObjectiveId(requirement.id, one.letter)


def _settled(read: Sequence[_Row], made: MatrixPlan) -> dict[ObjectiveId, _Row]:
    """The row that speaks for each objective: one with its letter first, and never one of two that differ."""
    said: dict[ObjectiveId, _Row] = {}
    for whole in (False, True):
        found: dict[ObjectiveId, list[_Row]] = {}
        for row in read:
            if row.whole is whole:
                for one in row.objectives:
                    found.setdefault(one, []).append(row)
        for objective, candidates in found.items():
            if objective in said:
                continue
            if len({row.said for row in candidates}) == 1:
                said[objective] = candidates[0]
                continue
            numbers = ", ".join(f"{row.number:,}" for row in candidates)
            why = f"Rows {numbers} say different things of it; none of them is taken."
            made.refused.append((candidates[0].number, str(objective), why))
    return said


def _read(rows: Sequence[list[str]], mapping: Columns, known: Known, made: MatrixPlan) -> Iterator[_Row]:
    for number, cells in enumerate(rows[mapping.header + 1 :], mapping.header + 2):
        given = {name: plain(cells[at]) for name, at in mapping.columns.items() if at < len(cells) and cells[at]}
        if not given:
            continue
        names = f"{given.get('id', '')} {given.get('letter', '')}".strip()[:_SHOWN]
        try:
            objectives, whole = _named(given.get("id", ""), given.get("letter", ""), known.level)
            shown_by = evidence_named(given.get("evidence", ""), known.documents)
            made.strange += "evidence" in given and shown_by is None
            yield _Row(number, names, objectives, whole, LineEntry(_duty(given), _text(given), shown_by))
        except Invalid as error:
            is_heading = len(given) == 1 and given.keys() <= {"id", "text"} and not _is_id(given.get("id", ""))
            if not is_heading:
                made.refused.append((number, names, error.message))


def _named(cell: str, letter: str, level: int) -> tuple[tuple[ObjectiveId, ...], bool]:
    """The objectives that a row names, and whether it names a requirement as a whole."""
    if not cell:
        why = "It names no objective; if its cell is merged with the one above, split the cells and fill it in."
        raise Invalid({"id": why})
    match = next(filter(None, (_ID[one].match(cell) for one in _numbered_as(level))), None)
    requirement = _requirement(match[1] if match else cell, level)
    letter = letter.strip(" ()[].") or (match and next(filter(None, match.groups()[1:]), "")) or ""
    of = level_of(requirement)
    if letter:
        return (_of_level(parse_objective_id(f"{requirement}[{letter}]", of), level),), False
    objectives = load(of).requirement(requirement).objectives
    found = tuple(_of_level(ObjectiveId(requirement, one.letter), level) for one in objectives)
    return found, len(found) > 1


def _numbered_as(level: int) -> tuple[int, ...]:
    """The levels whose identifiers a sheet for a system may use, the system's own first: 3.1.2e is one at Level 3."""
    return {1: (1, 2), 2: (2,), 3: (3, 2)}[level]


def _requirement(named: str, level: int) -> str:
    for one in _numbered_as(level)[:-1]:
        try:
            return parse_requirement_id(named, one)
        except Invalid:
            continue
    return parse_requirement_id(named, _numbered_as(level)[-1])


def _of_level(one: ObjectiveId, level: int) -> ObjectiveId:
    """The objective as the system's level has it: Level 1 is assessed with objectives of NIST SP 800-171A."""
    if level_of(one.requirement) == level:
        return one
    found = at_first_level(one) if level == 1 else None
    if found is None:
        raise Invalid({"id": f"{one} is no objective of this system's level."})
    return found


def _duty(given: Mapping[str, str]) -> Duty:
    if "duty" in given:
        duty = _duty_of(given["duty"])
        if duty is None:
            known = "provider, customer, shared, not applicable"
            raise Invalid({"duty": f"“{given['duty'][:_SHOWN]}” is none of {known}."})
        return duty
    marked = {name for name in _MARK_FIELDS & given.keys() if _is_marked(given[name])}
    if "shared" in marked or {"provider", "customer"} <= marked:
        return Duty.SHARED
    if len(marked) != 1:
        why = "It does not say whose duty it is; if the cell is merged with the one above, split them and fill it in."
        raise Invalid({"duty": why if not marked else "It carries marks that exclude each other."})
    return Duty(marked.pop())


def _is_marked(cell: str) -> bool:
    """Whether a cell is a mark: an X, a yes, or the words of what is to be done."""
    word = cell.strip().casefold()
    return word in _MARKS or (word not in _UNMARKED and compact(cell) not in {"na", "notapplicable", "none"})


def _text(given: Mapping[str, str]) -> str:
    """What each does; where the marks are words, they say it, too."""
    parts = [given["text"]] if "text" in given else []
    for name, label in (("provider", "Provider"), ("customer", "Customer"), ("shared", "Shared")):
        cell = given.get(name, "")
        if len(cell) > len("not applicable") and _is_marked(cell):
            parts.append(f"{label}: {cell}")
    text = clean_text("\n\n".join(parts))
    if len(text) > LONGEST_NOTE:
        raise Invalid({"text": f"What it says has more than {LONGEST_NOTE:,} characters; shorten it."})
    return text


def read_mapping(given: Mapping[str, str], rows: Sequence[list[str]]) -> Columns:
    """The mapping that a form says; it is guessed where the form says nothing at all. Raises as `columns.read`."""
    return columns.read(given, FIELDS, rows, lambda: guess(rows))
