"""An existing score sheet: what was found, by requirement or by objective, row by row. Pure."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from cmmc_tracker.domain import catalog
from cmmc_tracker.domain.assessment import LONGEST_NOTE, LONGEST_SAID, SSP, Method, Status
from cmmc_tracker.domain.text import clean_line, clean_text
from cmmc_tracker.importers import columns
from cmmc_tracker.importers.columns import Columns
from cmmc_tracker.importers.numbered import About, Table, about_of, field_of
from cmmc_tracker.importers.register_table import compact, refused

LONGEST_REASON = 2_000
MOST_REASONS = 300_000  # characters of all: they come back with the form that confirms them
MOST_ROWS = 400  # of one sheet: all objectives, with some to spare
_WORDS = {
    "status": "status finding findings result results assessment assessmentresult assessmentstatus determination met "
    "metnotmet score compliance compliant implementationstatus implemented state objectivestatus",
    "reason": "reason note notes comment comments remark remarks justification rationale explanation details gap gaps "
    "weakness nareason reasonforna",
    "methods": "method methods assessmentmethod assessmentmethods howassessed",
    "examined": "examine examined examinedobjects examineobjects documentsexamined",
    "interviewed": "interview interviews interviewed personsinterviewed peopleinterviewed",
    "tested": "test tests tested teststeps whatwastested",
}
FIELDS = {
    "number": "Requirement or objective",
    "status": "Status",
    "reason": "Reason or note",
    "methods": "Methods",
    "examined": "What was examined",
    "interviewed": "Who was interviewed",
    "tested": "What was tested",
}
NEEDED = {name: FIELDS[name] for name in ("number", "status")}
SAID = tuple(method.field for method in Method)
_STATUSES = {
    Status.MET: "met yes y pass passed satisfied implemented compliant fullyimplemented fullymet complete",
    Status.NOT_MET: "notmet no n fail failed otherthansatisfied notimplemented noncompliant notcompliant unmet open",
    Status.NOT_APPLICABLE: "na notapplicable nonapplicable",
}
_KNOWN = {word: status for status, words in _STATUSES.items() for word in words.split()}
# Not one of the three of 32 CFR 170.24(b): what is done in part, or will be, is not done.
_NOT_YET = frozenset(
    ["partial", "partially", "partiallymet", "partiallyimplemented", "planned", "inprogress", "poam", "onpoam"]
)

_NOTHING_YET = frozenset(["", "notassessed", "notyetassessed", "tbd", "unknown"])
_FORMULA = re.compile(r"'(?=\s*[=+\-@\t\r＝＋－＠])")  # the apostrophe that keeps a cell from being one


@dataclass(frozen=True, slots=True)
class Row:
    """What a row says; with a `problem` it cannot be taken."""

    number: int
    about: str
    requirement: str = ""
    letter: str = ""
    status: Status | None = None
    reason: str = ""
    note: str = ""
    problem: str = ""
    methods: tuple[Method, ...] = ()
    said: tuple[tuple[str, str], ...] = ()  # by `Method.field`: what was looked at, who was asked, what was tried

    def within(self, level: int) -> "Row":
        """The row as it can be taken by a system of that level: what is of another one has a `problem`."""
        if self.problem or catalog.level_of(self.requirement) == level:
            return self
        return replace(self, problem=f"{self.requirement} is not of Level {level}, which this system is.")

    def letters(self, level: int) -> tuple[str, ...]:
        """The objectives that it is about, in a system of that level; none for what cannot be taken there."""
        if not self.requirement or catalog.level_of(self.requirement) != level:
            return ()
        if self.letter:
            return (self.letter,)
        return tuple(one.letter for one in catalog.load(level).requirement(self.requirement).objectives)


def guess(rows: Sequence[Sequence[str]]) -> Columns:
    """Which row is the header and which column is what, by the words of the header."""
    return columns.guess(rows, lambda cell: field_of(cell, _WORDS), lambda found: NEEDED.keys() <= set(found))


def plan(rows: Sequence[Sequence[str]], chosen: Columns) -> list[Row]:
    """The rows that say something, in their order; their columns are those that were chosen.

    Raises `Invalid` for a column that is missing, and naming `file` where the sheet is too large.
    """
    columns.check(chosen, NEEDED)
    table = Table(chosen.header, chosen.columns)
    found = []
    for number, row in enumerate(rows[table.header + 1 :], table.header + 2):
        if not any(cell.strip() for cell in row):
            continue
        name, said = table.cell(row, "number"), table.cell(row, "status")
        if name and compact(said) not in _NOTHING_YET:
            how = {one: table.cell(row, one) for one in ("methods", *SAID) if table.cell(row, one)}
            found.append(read(number, name, said, table.cell(row, "reason"), how))
        if len(found) > MOST_ROWS:
            raise refused(f"The sheet has more than {MOST_ROWS} rows with a status; there are 320 objectives.")
    if sum(len(row.reason) + sum(len(text) for _, text in row.said) for row in found) > MOST_REASONS:
        raise refused(
            f"The reasons and what was looked at have more than {MOST_REASONS:,} characters together; split the sheet."
        )
    return list(_together(found))


def read(number: int, name: str, said: str, reason: str, how: Mapping[str, str] | None = None) -> Row:
    """One row; what is wrong with it stands in its `problem`. `how` has what it says of `methods` and of `SAID`."""
    about, why = about_of(name[:200])
    told = {one: clean_line(_FORMULA.sub("", text, count=1)) for one, text in (how or {}).items()}
    words = compact(told.pop("methods", ""))
    methods = tuple(one for one in Method if one.value in words or told.get(one.field))
    row = Row(number, name[:60], reason=clean_text(_FORMULA.sub("", reason, count=1)), methods=methods)
    row = replace(row, said=tuple((one, told[one]) for one in SAID if told.get(one)))
    if any(len(text) > LONGEST_SAID for _, text in row.said):
        return replace(row, problem=f"What was looked at is longer than {LONGEST_SAID:,} characters.")
    if about is None:
        return replace(row, problem=why)
    row = replace(row, about=str(about), requirement=about.requirement, letter=about.letter)
    word = compact(said)
    status, note = _KNOWN.get(word), ""
    if word in _NOT_YET:
        status, note = Status.NOT_MET, f"It says “{said[:40]}”: what is not wholly done counts as NOT MET."
    if status is None:
        return replace(row, problem=f"“{said[:40]}” is no status; write MET, NOT MET or N/A.")
    return replace(row, status=status, note=note, problem=_problem(about, status, row.reason))


def _problem(about: About, status: Status, reason: str) -> str:
    if len(reason) > LONGEST_REASON:
        return f"Its reason is longer than {LONGEST_REASON:,} characters; a note here has at most {LONGEST_NOTE:,}."
    if status is not Status.NOT_APPLICABLE:
        return ""
    if about.requirement == SSP:
        return "No objective of 3.12.4 can be not applicable (32 CFR 170.24(c)(2)(i)(B)(5))."
    return "" if reason else "Not applicable needs a written reason; the sheet gives none."


def _together(rows: Sequence[Row]) -> Iterator[Row]:
    """The rows, those refused that speak of what other rows speak of."""
    by_about: dict[str, list[Row]] = defaultdict(list)
    detailed = {row.requirement for row in rows if row.letter and not row.problem}
    for row in rows:
        by_about[row.about].append(row)
    for row in rows:
        same = by_about[row.about]
        if row.problem:
            yield row
        elif not row.letter and row.requirement in detailed:
            yield replace(row, problem="Its objectives have rows of their own; those count.")
        elif len({one.status for one in same}) > 1:
            numbers = " and ".join(f"{one.number:,}" for one in same[:5])
            yield replace(row, problem=f"Rows {numbers} say different things of it.")
        elif same[0] is not row:
            yield replace(row, problem=f"Row {same[0].number:,} says it already.")
        else:
            yield row
