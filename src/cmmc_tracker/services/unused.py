"""A system in which nothing was kept yet may get another level, or be taken away as a mistake. Administrators only.

Our decision: there is no other way to change a level or to remove a system. What was found, planned, frozen or
recorded is evidence for years (32 CFR 170.17(c)(4): six from the status date), and the log goes on naming it. A system
with a frozen package stays.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Table, delete, select, update

from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.permissions import Action, allow
from cmmc_tracker.errors import Conflict, NotFound, Stale
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
    kept = _kept(work, row.id)
    if kept:
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

    Raises `NotFound`, `Conflict` where anything was kept in it, `Stale` when somebody changed it since version `seen`.
    """
    row = _found(work, slug, seen)
    if row.level == level:
        return
    if kept := _kept(work, row.id):
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


def can_change_level(work: Work, slug: str) -> bool:
    """Whether nothing was kept in a system yet."""
    row = work.row(select(systems.c.id).where(systems.c.slug == slug))
    return row is not None and not _kept(work, row.id)


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


def _kept(work: Work, system_id: int) -> Sequence[str]:
    """The tables with anything of a system, as their names say it."""
    found = [table for table in _all_of_systems() if table not in _GO_ALONG and _has(work, table, system_id)]
    return [table.name.replace("_", " ") for table in found]


def _all_of_systems() -> Sequence[Table]:
    return [
        table
        for table in metadata.sorted_tables
        if "system_id" in table.c and any(key.column is systems.c.id for key in table.c.system_id.foreign_keys)
    ]


def _has(work: Work, table: Table, system_id: int) -> bool:
    query = select(table.c.system_id).where(table.c.system_id == system_id)
    if table in _FROM_THE_START:
        query = query.where(table.c.version > _FIRST)
    return work.row(query.limit(1)) is not None
