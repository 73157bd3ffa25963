"""A spreadsheet that waits: which column is what, what would come of it, and the change, in one Work.

What was sent waits in `imports`, for its sender alone, for a day. Which column is what is guessed, or said by the
person. The plan that a person confirms travels as a digest, with the choice of the columns, and is made again inside
the Work that applies it. What differs from sheet to sheet is told by its `Sort` and its `ByRow`.
"""

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from cmmc_tracker.domain.audit import canonical
from cmmc_tracker.domain.permissions import Action, Actor, allow
from cmmc_tracker.domain.uploads import extension_of
from cmmc_tracker.errors import Invalid, NotFound, Stale
from cmmc_tracker.importers import columns
from cmmc_tracker.importers.columns import Choice, Columns
from cmmc_tracker.importers.register_table import refused
from cmmc_tracker.services import imports
from cmmc_tracker.services.artifacts import Received
from cmmc_tracker.services.imports import Import
from cmmc_tracker.services.intake import Sender
from cmmc_tracker.services.work import Tracker, Work
from cmmc_tracker.storage.store import Blobs

Rows = Sequence[list[str]]


class Row(Protocol):
    """A row of a plan that would do something."""

    number: int


class Planned(Protocol):
    """What a sheet would do: its rows, and those of them that would change something."""

    @property
    def rows(self) -> Sequence[Any]:
        """All of them, each a dataclass."""

    @property
    def doing(self) -> Sequence[Row]:
        """Those that would change something."""


@dataclass(frozen=True, slots=True)
class At:
    """Which sheet, and the system in whose address it was asked for."""

    import_id: int
    slug: str


@dataclass(frozen=True, slots=True)
class Sort:
    """What a sheet is of: who may take it in, its fields, how its columns are guessed, and its plan."""

    action: Action
    fields: Mapping[str, str]
    guess: Callable[[Rows], Columns]
    plan: Callable[[Work, Import, Rows, Columns], Any]

    def columns(self, given: Mapping[str, str], rows: Rows) -> Columns:
        """Which column is what, as a form says or as it is guessed; raises as `columns.read`."""
        return columns.read(given, self.fields, rows, lambda: self.guess(rows))


@dataclass(frozen=True, slots=True)
class ByRow:
    """A sheet of which a person chooses rows, and what is done with them.

    `told` is what the log calls it, `changed` what somebody may have changed meanwhile, `lock` what only one at a time
    may do in a system.
    """

    sort: Sort
    told: str
    changed: str
    lock: str
    do: Callable[[Work, Import, Sequence[Any]], None]


@dataclass(frozen=True, slots=True)
class Shown(Choice):
    """A sheet that waits, as its page shows it; without a plan where `errors` says what is missing for one."""

    found: Import
    plan: Any = None
    digest: str = ""


def check_name(filename: str) -> None:
    """Raise `Invalid` for a file that is no spreadsheet of a kind that is read."""
    if extension_of(filename) not in {".csv", ".xlsx"}:
        raise Invalid({"file": "Choose a spreadsheet as .csv or .xlsx. Nothing was kept."})


def check(blobs: Blobs, received: Received) -> None:
    """Raise `Invalid` for a sheet whose rows cannot be read at all, or that has none."""
    if not any(any(row) for row in imports.rows_of(blobs, received.sha256, received.filename)):
        raise refused("The sheet is empty.")


def of(work: Work, at: At, action: Action) -> Import:
    """A sheet of the person who asks, in the system of the address; raises `NotFound` for another's."""
    found = imports.of(work, at.import_id)
    if found.home.slug != at.slug or found.kind != imports.REGISTER:
        raise NotFound("There is no such import here. Send the file again.")
    allow(work.actor, action, found.home)
    return found


def shown(tracker: Tracker, actor: Actor | None, at: At, sort: Sort, given: Mapping[str, str]) -> Shown:
    """What would come of a sheet with the columns that a form names; nothing comes of it yet."""
    with tracker.read(actor) as work:
        found = of(work, at, sort.action)
    rows = imports.rows_of(tracker.blobs, found.sha256, found.filename)
    try:
        chosen = sort.columns(given, rows)
    except Invalid as error:
        return Shown(rows, sort.guess(rows), error.fields, found)
    try:
        with tracker.read(actor) as work:
            plan = sort.plan(work, found, rows, chosen)
    except Invalid as error:
        return Shown(rows, chosen, error.fields, found)
    return Shown(rows, chosen, {}, found, plan, digest(plan))


def digest(plan: Any) -> str:
    """What stands for a plan in the form that confirms it."""
    return hashlib.sha256(canonical({"plan": asdict(plan)}).encode()).hexdigest()


def apply(sender: Sender, at: At, sheet: ByRow, given: Mapping[str, str], chosen: Collection[int]) -> int:
    """Do what the chosen rows (by number) say, all or nothing; returns how many. `given` has columns and digest.

    Raises `Stale` when the digest is not that of the plan as it is now, `Invalid` when no row is chosen.
    """
    tracker = sender.tracker
    with tracker.read(sender.actor) as work:
        found = of(work, at, sheet.sort.action)
    rows = imports.rows_of(tracker.blobs, found.sha256, found.filename)
    with tracker.write(sender.actor, sender.address) as work:
        found = of(work, at, sheet.sort.action)
        work.alone(f"{sheet.lock}:{found.home.system_id}")
        plan: Planned = sheet.sort.plan(work, found, rows, sheet.sort.columns(given, rows))
        if digest(plan) != given.get("digest", ""):
            raise stale(sheet.changed)
        wanted = [row for row in plan.doing if row.number in chosen]
        if not wanted:
            raise Invalid({"row": "Choose at least one row. Nothing was changed."})
        imports.finish(work, found, {"rows": len(wanted), "what": sheet.told})
        sheet.do(work, found, wanted)
    return len(wanted)


def stale(what: str) -> Stale:
    """What is said where somebody changed what the page showed."""
    return Stale(
        f"What this sheet would change is not what the page showed: somebody changed {what} meanwhile. Nothing was "
        "changed. Look at the plan as it is now, then confirm again."
    )
