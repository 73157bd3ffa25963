"""A responsibility matrix from a provider's spreadsheet: its plan against the lines that are there, and the change."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from sqlalchemy import delete, insert, tuple_, update

from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.catalog import ObjectiveId
from cmmc_tracker.domain.permissions import Access, Action, allow
from cmmc_tracker.domain.typed import Typed
from cmmc_tracker.errors import Invalid
from cmmc_tracker.importers import matrix_table
from cmmc_tracker.importers.columns import Columns
from cmmc_tracker.importers.matrix_table import Act, Known, LinePlan, MatrixPlan
from cmmc_tracker.services import imports, sheet_imports
from cmmc_tracker.services.imports import Import
from cmmc_tracker.services.intake import Sender
from cmmc_tracker.services.scope import matrix, providers
from cmmc_tracker.services.sheet_imports import At, Rows, Sort
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import matrix_lines
from cmmc_tracker.storage.tables import providers as _providers


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What a person confirms: the columns, the plan's digest, the matrix's day, whether missing lines go."""

    given: Mapping[str, str]
    shown: str
    matrix_on: date | None
    drop_missing: bool

    @classmethod
    def parse(cls, form: Mapping[str, str], today: date) -> "Confirmed":
        """Read the form; raises `Invalid` naming every wrong field."""
        typed = Typed(form)
        on, drop = typed.day("matrix_on", today), typed.switch("drop_missing")
        typed.done()
        return cls(form, form.get("digest", ""), on, drop)


def sort(provider_id: int) -> Sort:
    """The sheet of a provider's matrix; it is applied as a whole, not row by row."""

    def plan(work: Work, found: Import, sheet: Rows, columns: Columns) -> MatrixPlan:
        return _plan(work, found.home, provider_id, sheet, columns)

    return Sort(Action.SCOPE_EDIT, matrix_table.FIELDS, matrix_table.guess, plan)


def _plan(work: Work, system: Access, provider_id: int, sheet: Sequence[list[str]], columns: Columns) -> MatrixPlan:
    """What a sheet would do to the matrix of a provider now; raises `Invalid` where a column is missing."""
    allow(work.actor, Action.SCOPE_EDIT, system)
    lines = {one: line.entry for one, line in matrix.of_provider(work, system, provider_id).items()}
    claimed, elsewhere = matrix.claims(work, system), matrix.carried_elsewhere(work, system, provider_id)
    titles = providers.titles(work, system)
    return matrix_table.plan(sheet, columns, Known(lines, claimed.inherited, elsewhere, system.level, titles))


def apply(sender: Sender, import_id: int, system: Access, provider_id: int, confirmed: Confirmed) -> int:
    """Do what the plan says, all of it or nothing; returns how many lines were added, changed or taken away.

    Raises `Stale` when what was shown is not the plan as it is now, `Conflict` for the matrix of a draft.
    """
    tracker = sender.tracker
    with tracker.read(sender.actor) as work:
        found = sheet_imports.of(work, At(import_id, system.slug), Action.SCOPE_EDIT)
    sheet = imports.rows_of(tracker.blobs, found.sha256, found.filename)
    columns = matrix_table.read_mapping(confirmed.given, sheet)
    with tracker.write(sender.actor, sender.address) as work:
        found = sheet_imports.of(work, At(import_id, system.slug), Action.SCOPE_EDIT)
        provider = matrix.opened(work, system, provider_id)
        plan = _plan(work, system, provider_id, sheet, columns)
        if sheet_imports.digest(plan) != confirmed.shown:
            raise sheet_imports.stale("the matrix")
        gone = plan.missing if confirmed.drop_missing else []
        count = len(plan.doing) + len(gone)
        if not count:
            raise Invalid({"digest": "Nothing would change; nothing was done."})
        _write(work, provider_id, plan.doing, gone)
        _date(work, provider, confirmed.matrix_on)
        _record(work, found, provider, {**_told(plan, gone), "matrix_on": confirmed.matrix_on})
        imports.finish(work, found, {"lines": count, "what": "responsibility matrix", "provider": provider.name})
    return count


def _write(work: Work, provider_id: int, doing: Sequence[LinePlan], gone: Sequence[ObjectiveId]) -> None:
    added = [
        {
            "provider_id": provider_id,
            "requirement": one.objective.requirement,
            "letter": one.objective.letter,
            **asdict(one.after),
        }
        for one in doing
        if one.act is Act.ADD
    ]
    if added:
        work.change(insert(matrix_lines), added)
    for one in doing:
        if one.act is Act.CHANGE:
            changed = update(matrix_lines).where(matrix.is_line(provider_id, one.objective))
            work.change_one(changed.values(version=matrix_lines.c.version + 1, **asdict(one.after)))
    if gone:
        keys = [(one.requirement, one.letter) for one in gone]
        theirs = delete(matrix_lines).where(matrix_lines.c.provider_id == provider_id)
        work.change(theirs.where(tuple_(matrix_lines.c.requirement, matrix_lines.c.letter).in_(keys)))


def _date(work: Work, provider: Any, on: date | None) -> None:
    if on is not None and on != provider.matrix_on:
        named = update(_providers).where(_providers.c.id == provider.id, _providers.c.version == provider.version)
        work.change_one(named.values(version=_providers.c.version + 1, matrix_on=on))


def _told(plan: MatrixPlan, gone: Sequence[ObjectiveId]) -> dict[str, Any]:
    """Each line as it was and as it is, for the log."""
    lines = [
        {
            "objective": str(one.objective),
            "before": asdict(one.before) if one.before else {},
            "after": asdict(one.after),
        }
        for one in plan.doing
    ]
    return {"lines": lines, "taken_away": [str(one) for one in gone]}


def _record(work: Work, found: Import, provider: Any, detail: Mapping[str, Any]) -> None:
    """One entry for the whole sheet."""
    about = {"system": found.home.slug, "provider": provider.name, "file": found.filename, "sha256": found.sha256}
    work.record(Event.MATRIX_CHANGED, f"provider:{provider.id}", {**about, **detail})
