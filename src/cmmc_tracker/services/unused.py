"""A system in which nothing was kept yet may get another level, or be taken away as a mistake. Administrators only.

Our decision: there is no other way to change a level or to remove a system. What was found, planned, frozen or
recorded is evidence for years (32 CFR 170.17(c)(4): six from the status date), and the log goes on naming it. A system
with a frozen package stays.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Table, delete, select, update

from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.catalog import LEVELS
from cmmc_tracker.domain.permissions import Action, allow
from cmmc_tracker.errors import Conflict, Invalid, NotFound, Stale
from cmmc_tracker.services.systems import MAIN, furnish
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import (
    assignments,
    findings,
    implementations,
    memberships,
    metadata,
    packages,
    systems,
)

RETENTION = "32 CFR 170.17(c)(4)"
# What a system has from its first day, as long as nobody wrote in it; who works there goes along.
_FROM_THE_START = (findings, implementations)
_GO_ALONG = (assignments, memberships)
_FIRST = 1  # the version of a row that nobody has changed


def remove(work: Work, slug: str, seen: int | None) -> None:
    """Take an empty system away. Its slug is never given again: the log names things by it.

    Raises `Conflict` for the first system, for one with a frozen package, with the clause, and for one in which
    anything was kept; `Stale` when somebody changed it since version `seen`.
    """
    row = _found(work, slug, seen)
    if slug == MAIN:
        raise Conflict("The first system of an installation stays; rename it, if its name is wrong.")
    if work.row(select(packages.c.id).where(packages.c.system_id == row.id).limit(1)):
        raise Conflict(f"{row.name} has a frozen package, so it stays: what was frozen is kept for years.", RETENTION)
    if kept := kept_in(work)[slug]:
        raise Conflict(
            f"{row.name} is not empty, so it stays. There is something in: {', '.join(kept)}. Only a system in which "
            "nothing was ever kept can be removed."
        )
    for table in (*_FROM_THE_START, *_GO_ALONG):
        work.change(delete(table).where(table.c.system_id == row.id))
    work.change_one(delete(systems).where(systems.c.id == row.id, systems.c.version == row.version))
    before = {"name": row.name, "level": row.level}
    work.record(Event.SYSTEM_REMOVED, f"system:{slug}", {"before": before})


def set_level(work: Work, slug: str, level: int, seen: int | None) -> None:
    """Give a system in which nothing was kept the requirements of another level; its assignments end.

    Raises `Invalid` for what is no level, `NotFound`, `Conflict` where anything was kept in it, `Stale` when somebody
    changed it since version `seen`.
    """
    row = _found(work, slug, seen)
    if level not in LEVELS:
        raise Invalid({"level": f"Choose a level: {', '.join(map(str, LEVELS))}."})
    if row.level == level:
        return
    if kept := kept_in(work)[slug]:
        raise Conflict(
            f"{row.name} stays at Level {row.level}, because something is in it: {', '.join(kept)}. "
            "Make another system for another level."
        )
    for table in (*_FROM_THE_START, assignments):
        work.change(delete(table).where(table.c.system_id == row.id))
    furnish(work, row.id, level)
    named = update(systems).where(systems.c.id == row.id, systems.c.version == row.version)
    work.change_one(named.values(level=level, version=systems.c.version + 1))
    detail = {"before": {"level": row.level}, "after": {"level": level}}
    work.record(Event.SYSTEM_CHANGED, f"system:{slug}", detail)


def kept_in(work: Work) -> dict[str, list[str]]:
    """What was kept in each system, by its slug: the tables with anything of it, as their names say it. One statement.

    Where the list is empty the level can change. For administrators, who see no more of a system than this.
    """
    allow(work.actor, Action.SETTINGS_EDIT)
    tables = [table for table in _all_of_systems() if table not in _GO_ALONG]
    rows = work.rows(select(systems.c.slug, *(_has(table).label(table.name) for table in tables)))
    return {row.slug: [one.name.replace("_", " ") for one in tables if getattr(row, one.name)] for row in rows}


def _found(work: Work, slug: str, seen: int | None) -> Any:
    allow(work.actor, Action.SETTINGS_EDIT)
    work.alone("systems")
    row = work.row(select(systems).where(systems.c.slug == slug).with_for_update())
    if row is None:
        raise NotFound("There is no such system.")
    # Whoever is keeping something there just now comes first: what is then looked up stays true (PostgreSQL; on SQLite
    # one writes at a time). A new row waits for the system's own, to which it belongs.
    for table in _FROM_THE_START:
        work.rows(select(table.c.version).where(table.c.system_id == row.id).with_for_update())
    if seen not in {None, row.version}:
        raise Stale("Somebody else changed this system meanwhile. Nothing was changed.")
    return row


def _all_of_systems() -> Sequence[Table]:
    return [
        table
        for table in metadata.sorted_tables
        if "system_id" in table.c and any(key.column is systems.c.id for key in table.c.system_id.foreign_keys)
    ]


def _has(table: Table) -> ColumnElement[bool]:
    """Whether a table has anything of the system that a query is at."""
    query = select(table.c.system_id).where(table.c.system_id == systems.c.id)
    if table in _FROM_THE_START:
        query = query.where(table.c.version > _FIRST)
    return query.correlate(systems).exists()
