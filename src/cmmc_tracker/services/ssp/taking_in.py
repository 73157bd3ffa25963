"""Starting from what exists: the texts of a plan, the findings of a score sheet. Planned, looked at, then confirmed.

Nothing of the file is kept: its text comes back with the form that confirms it, and is then what a person sends. What
is confirmed is done in one Work, by the same acts as if it were typed.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select

from cmmc_tracker.domain import catalog, markings
from cmmc_tracker.domain.assessment import Implementation, Judgement, Method, Status
from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.catalog import ObjectiveId
from cmmc_tracker.domain.permissions import Access, Action, allow
from cmmc_tracker.domain.plan_source import joined
from cmmc_tracker.domain.uploads import extension_of
from cmmc_tracker.errors import Invalid, Stale
from cmmc_tracker.importers import narratives, register_table, score_sheet
from cmmc_tracker.importers.columns import Columns
from cmmc_tracker.importers.narratives import Found, Text
from cmmc_tracker.importers.score_sheet import Row
from cmmc_tracker.services import assessment, cui, extraction, sheets
from cmmc_tracker.services.artifacts import Received
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import findings, implementations, objective_texts

PLANS = frozenset({".docx", ".xlsx", ".csv"})
SHEETS = frozenset({".xlsx", ".csv"})
_MARKED = (
    "It carries a marking of controlled information, and CUI may not be stored in this system. Nothing was kept of it."
)
_CUT = "The document is longer than what is read of one: look whether its last requirements are here."
_CHANGED = (
    "Somebody else changed some of this meanwhile. Nothing was saved; what stands there now is shown beside it again."
)


@dataclass(frozen=True, slots=True)
class Read:
    """What was read of a file: the texts or the rows of the sheet, and all its words."""

    words: str
    texts: Found = field(default_factory=lambda: Found(()))
    sheet: Sequence[Sequence[str]] = ()


def read_plan(path: Path, received: Received) -> Read:
    """The texts of a plan that was sent; raises `Invalid` naming `file` where there are none."""
    if extension_of(received.filename) not in PLANS:
        raise Invalid({"file": "Choose the plan as .docx, .xlsx or .csv. Nothing was kept."})
    if extension_of(received.filename) == ".docx":
        words, cut = _words(path, received)
        found = narratives.of_lines(words)
        found = Found(found.texts, (*found.left_out, _CUT)) if cut else found
    else:
        rows = _rows(path, received)
        words, found = joined_cells(rows), narratives.of_rows(rows)
    if not found.texts:
        raise Invalid({"file": "No requirement's number with a text under it was found. Nothing was kept."})
    return Read(words, texts=found)


def read_scores(path: Path, received: Received) -> Read:
    """The rows of a score sheet that was sent, whatever they say; raises `Invalid` naming `file`."""
    if extension_of(received.filename) not in SHEETS:
        raise Invalid({"file": "Choose the score sheet as .xlsx or .csv. Nothing was kept."})
    rows = _rows(path, received)
    return Read(joined_cells(rows), sheet=rows)


def scores_of(sheet: Sequence[Sequence[str]], chosen: Columns) -> list[Row]:
    """What a score sheet says; raises `Invalid` for columns that are missing, and where it says nothing."""
    found = score_sheet.plan(sheet, chosen)
    if not found:
        raise Invalid({"file": "No row has a requirement and a status. Nothing was kept."})
    return found


def _words(path: Path, received: Received) -> tuple[str, bool]:
    try:
        read = extraction.extract(path, received.media_type, plan=True)
    except extraction.Unextractable as error:
        raise Invalid({"file": f"This document cannot be read: {error.why}. Nothing was kept."}) from None
    return (read.text, read.cut) if read else ("", False)


def _rows(path: Path, received: Received) -> list[list[str]]:
    if extension_of(received.filename) == ".xlsx":
        return sheets.rows_of_workbook(path)
    return register_table.read_csv(path.read_bytes())


def joined_cells(rows: Sequence[Sequence[str]]) -> str:
    """All words of a sheet."""
    return "\n".join(cell for row in rows for cell in row if cell)


def refuse_marked(work: Work, system: Access, words: str, name: str, *, marked: bool = False) -> None:
    """Raise `Invalid` for what carries a marking of CUI, where CUI may not be stored; its file may be `marked`."""
    if cui.holds_back(work, system.system_id) and (marked or markings.scan(words, name)):
        raise Invalid({"file": _MARKED})


@dataclass(frozen=True, slots=True)
class NarrativeLine:
    """A text as it would be taken in, beside what stands there now."""

    requirement: str
    title: str
    text: str
    now: str
    version: int
    notes: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """Whether something else stands there."""
        return bool(self.now) and self.now != self.text


def compared(work: Work, system: Access, texts: Sequence[Text]) -> list[NarrativeLine]:
    """The texts beside what stands there, in catalog order: two statements. Same texts are left out."""
    allow(work.actor, Action.IMPLEMENTATION_EDIT, system)
    query = select(implementations).where(implementations.c.system_id == system.system_id)
    rows = {row.requirement: row for row in work.rows(query)}
    lettered = _lettered(work, system)
    by_requirement = {one.requirement: one for one in texts}
    found = []
    for known in catalog.load(system.level).requirements:
        one, row = by_requirement.get(known.id), rows[known.id]
        whole = joined(row.narrative, lettered.get(known.id, {}))
        if one is not None and one.text not in {row.narrative, whole}:
            found.append(NarrativeLine(known.id, known.title, one.text, row.narrative, row.version, one.notes))
    return found


def _lettered(work: Work, system: Access) -> Mapping[str, Mapping[str, str]]:
    """What is written by objective, by requirement."""
    query = select(objective_texts).where(objective_texts.c.system_id == system.system_id)
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for row in work.rows(query.order_by(objective_texts.c.requirement, objective_texts.c.letter)):
        found[row.requirement][row.letter] = row.text
    return found


def take_narratives(work: Work, system: Access, filename: str, chosen: Mapping[str, tuple[str, int | None]]) -> int:
    """Save the chosen texts, by requirement with the version that was seen; returns how many.

    Raises `Stale` when one of them was written since, `Invalid` by requirement for one that cannot be kept.
    """
    allow(work.actor, Action.IMPLEMENTATION_EDIT, system)
    known, wrong = catalog.load(system.level), {}
    for requirement, (text, version) in chosen.items():
        try:
            changes = Implementation.parse({"narrative": text}, known.requirement(requirement))
        except Invalid as error:
            wrong[f"text-{requirement}"] = error.message
            continue
        assessment.implement(work, system, requirement, changes, version)
    if wrong:
        raise Invalid(wrong)
    detail = {"kind": "narratives", "file": filename, "requirements": list(chosen)}
    work.record(Event.IMPORT_DONE, f"plan:{system.slug}/import", detail)
    return len(chosen)


@dataclass(frozen=True, slots=True)
class ScoreLine:
    """A row beside what was found till now; `seen` are the versions of its objectives."""

    row: Row
    before: tuple[tuple[str, Status], ...]
    seen: str

    @property
    def changes(self) -> bool:
        """Whether anything would be judged otherwise."""
        return self.row.problem == "" and any(status is not self.row.status for _, status in self.before)

    @property
    def replaces(self) -> bool:
        """Whether somebody judged one of them otherwise already: not ticked unless a person ticks it."""
        return any(status not in {self.row.status, Status.NOT_ASSESSED} for _, status in self.before)


def judged(work: Work, system: Access, rows: Sequence[Row]) -> list[ScoreLine]:
    """The rows beside what was found: one statement."""
    allow(work.actor, Action.OBJECTIVE_JUDGE, system)
    standing = _standing(work, system)
    found = []
    for row in (one.within(system.level) for one in rows):
        letters = row.letters(system.level)
        kept = [standing[row.requirement, letter] for letter in letters]
        before = tuple(zip(letters, (Status(one.status) for one in kept), strict=True))
        found.append(ScoreLine(row, before, ".".join(str(one.version) for one in kept)))
    return found


def _standing(work: Work, system: Access) -> Mapping[tuple[str, str], Any]:
    query = select(findings).where(findings.c.system_id == system.system_id)
    return {(row.requirement, row.letter): row for row in work.rows(query)}


def take_scores(work: Work, system: Access, filename: str, chosen: Sequence[tuple[Row, str]]) -> int:
    """Judge all objectives of the chosen rows, each with the versions that were seen; returns how many were judged.

    Raises `Stale` when one of them was judged since, `Invalid` for a row that cannot be taken.
    """
    allow(work.actor, Action.OBJECTIVE_JUDGE, system)
    lines = judged(work, system, [row for row, _ in chosen])
    standing, done = _standing(work, system), 0
    for line, (_, seen) in zip(lines, chosen, strict=True):
        row = line.row
        if row.problem or row.status is None:
            raise Invalid({"file": f"Row {row.number:,}: {row.problem}"})
        if line.seen != seen:
            raise Stale(_CHANGED)
        note = f"From the imported sheet {filename}, row {row.number:,}."
        for letter, status in line.before:
            if status is row.status:
                continue
            kept, objective = standing[row.requirement, letter], ObjectiveId(row.requirement, letter)
            methods = [*(Method(one) for one in kept.methods), *row.methods]
            whole = f"{row.reason}\n\n{note}" if row.reason else note
            judgement = Judgement.parse(objective, row.status, whole, methods, dict(row.said))
            assessment.judge(work, system, objective, judgement, kept.version)
            done += 1
    detail = {"kind": "scores", "file": filename, "rows": [row.number for row, _ in chosen], "judged": done}
    work.record(Event.IMPORT_DONE, f"plan:{system.slug}/import", detail)
    return done
