"""A register of evidence against what a system has: what it would change, and the change, in one Work.

The plan that a person confirms travels as a digest. It is made again inside the Work that applies it: where it came out
otherwise, nothing is done, so nobody confirms what they have not seen.
"""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import and_, literal, select

from cmmc_tracker.domain.accounts import name_key
from cmmc_tracker.domain.audit import canonical
from cmmc_tracker.domain.catalog import ObjectiveId, parse_objective_id
from cmmc_tracker.domain.held import Held
from cmmc_tracker.errors import Invalid, Stale
from cmmc_tracker.importers import register
from cmmc_tracker.importers.register import Action, Known, Present, RegisterPlan, RowPlan
from cmmc_tracker.services import artifacts as editing
from cmmc_tracker.services import held, imports, links, members
from cmmc_tracker.services.imports import Import
from cmmc_tracker.services.intake import Sender
from cmmc_tracker.services.links import Target
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import artifact_files, artifacts, held_files
from cmmc_tracker.storage.tables import links as linked

MOST_ROWS = 1_000  # of one Work: some five seconds, in which nobody else can write on SQLite
_FACTS = ("title", "kind", "description", "covers_from", "covers_until", "collected_on", "cadence")
_CHANGED = (
    "What this register would change is not what the page showed: somebody changed the artifacts meanwhile. Nothing "
    "was changed. Look at the plan as it is now, then confirm again."
)


def register_plan(work: Work, found: Import, rows: Sequence[list[str]]) -> RegisterPlan:
    """What a register would change in its system now; raises `Invalid` where its columns are not known."""
    return register.plan(rows, _known(work, found))


def digest(plan: RegisterPlan) -> str:
    """What stands for a plan in the form that confirms it."""
    return hashlib.sha256(canonical({"rows": [asdict(row) for row in plan.rows]}).encode()).hexdigest()


def changing(plan: RegisterPlan) -> list[RowPlan]:
    """The rows that would change something: an artifact, or register evidence that stays where it is."""
    return [row for row in plan.rows if row.action in {Action.CHANGE, Action.CREATE}]


def apply_register(sender: Sender, import_id: int, chosen: Collection[int], shown: str) -> tuple[int, bool]:
    """Do what the chosen rows (by number) say, all or nothing; returns how many, and whether the import is done.

    It is done unless it has more rows than one Work takes: then the rest is planned anew. Raises `Stale` when `shown`
    is not the digest of the plan as it is now, `Invalid` when no row is chosen, or too many.
    """
    tracker = sender.tracker
    with tracker.read(sender.actor) as work:
        found = imports.of(work, import_id)
    rows = imports.rows_of(tracker.blobs, found.sha256, found.filename)
    with tracker.write(sender.actor, sender.address) as work:
        found = imports.of(work, import_id)
        plan = register_plan(work, found, rows)
        if digest(plan) != shown:
            raise Stale(_CHANGED)
        wanted = [row for row in changing(plan) if row.number in chosen]
        if not 1 <= len(wanted) <= MOST_ROWS:
            raise Invalid({"row": f"Choose 1 to {MOST_ROWS:,} rows; these are {len(wanted):,}. Nothing was changed."})
        done = len(changing(plan)) <= MOST_ROWS
        if done:
            imports.finish(work, found, {"rows": len(wanted)})
        for row in wanted:
            _apply(work, found, row)
    return len(wanted), done


def _apply(work: Work, found: Import, row: RowPlan) -> None:
    targets = [Target(found.home, parse_objective_id(one)) for one in row.objectives]
    if row.artifact_id is None:  # it is not here: its hash is kept, and where it is
        one = Held(row.location, row.sha256, row.size, row.filename or None)
        held.register(work, found.home, one, row.facts, targets)
        return
    if row.facts:
        editing.edit(work, row.artifact_id, row.facts)
    if row.location:
        held.move(work, row.artifact_id, row.location)
    links.link_many(work, [row.artifact_id], targets)


def _known(work: Work, found: Import) -> Known:
    """The system's artifacts (those at home in it: another's are changed where they belong) and its people."""
    people = members.of_system(work, found.home.system_id)
    here = and_(artifacts.c.system_id == found.home.system_id, editing.IN_USE)
    rows = work.rows(select(artifacts).where(here).order_by(artifacts.c.id))
    files, objectives = _files(work, here), _objectives(work, found, here)
    names = members.names(work, {number for row in rows for number in (row.owner_id, row.reviewer_id)})
    present = [
        Present(
            row.id,
            _facts(row, names),
            tuple((one.filename or "", one.sha256) for one in files[row.id]),
            frozenset(objectives[row.id]),
            next((one.location for one in files[row.id] if one.location), ""),
        )
        for row in rows
    ]
    return Known(present, {name_key(one.name): one.name for one in people}, found.home.level, work.today)


def _facts(row: Any, names: Mapping[int | None, str]) -> dict[str, Any]:
    people = {"owner": names.get(row.owner_id, ""), "reviewer": names.get(row.reviewer_id, "")}
    return {**{name: getattr(row, name) for name in _FACTS}, **people}


def _files(work: Work, here: Any) -> Mapping[int, list[Any]]:
    """The files of the current versions, by artifact: those in the store, and those that are held elsewhere."""
    found: dict[int, list[Any]] = defaultdict(list)
    for table, location in ((artifact_files, literal("")), (held_files, held_files.c.location)):
        current = and_(table.c.artifact_id == artifacts.c.id, table.c.number == artifacts.c.current_version)
        query = select(table.c.artifact_id, table.c.filename, table.c.sha256, location.label("location"))
        query = query.join(artifacts, current).where(here).order_by(table.c.artifact_id, table.c.position)
        for row in work.rows(query):
            found[row.artifact_id].append(row)
    return found


def _objectives(work: Work, found: Import, here: Any) -> Mapping[int, set[str]]:
    query = select(linked.c.artifact_id, linked.c.requirement, linked.c.letter)
    query = query.join(artifacts, artifacts.c.id == linked.c.artifact_id)
    objectives: dict[int, set[str]] = defaultdict(set)
    for row in work.rows(query.where(here, linked.c.system_id == found.home.system_id)):
        objectives[row.artifact_id].add(str(ObjectiveId(row.requirement, row.letter)))
    return objectives
