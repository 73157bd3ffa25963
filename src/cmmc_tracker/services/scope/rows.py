"""The rows of a scope: read within their system; added, changed, taken away, each with its lock and its audit entry.

Assets, providers, people, facilities, networks and flows differ in what they say, not in how they are kept.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Table, delete, func, insert, select, update

from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.permissions import Access, Action, allow
from cmmc_tracker.domain.scope import MOST_ASSETS, MOST_ENTRIES, MOST_FLOWS, MOST_GROUPS, MOST_PROVIDERS
from cmmc_tracker.errors import Invalid, NotFound, Stale
from cmmc_tracker.services.artifacts import actor_id
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import asset_groups, assets, cui_flows, providers, scope_entries

NAMES = {assets: "asset", providers: "provider", scope_entries: "scope_entry", cui_flows: "cui_flow"}
# How many of them a system holds at most, and what they are called together.
MOST = {
    assets: (MOST_ASSETS, "assets"),
    providers: (MOST_PROVIDERS, "providers"),
    asset_groups: (MOST_GROUPS, "groups of assets"),
    scope_entries: (MOST_ENTRIES, "people, facilities and networks"),
    cui_flows: (MOST_FLOWS, "flows of CUI"),
}
_GONE = "There is no such row; somebody may have taken it away."
_CHANGED = "Somebody else changed this meanwhile. It was not taken away; look at what it says now."


def found(work: Work, table: Table, system: Access, row_id: int) -> Any:
    """A row of the system; raises `NotFound` for one that is not there, or another system's."""
    row = work.row(select(table).where(table.c.id == row_id, table.c.system_id == system.system_id))
    if row is None:
        raise NotFound(_GONE)
    return row


def check_room(work: Work, table: Table, system: Access, field: str, adding: int = 1) -> None:
    """Raise `Invalid` at the field where so many more rows would be too many; nobody else adds any meanwhile."""
    work.alone(f"scope:{system.system_id}")
    most, called = MOST[table]
    kept = work.db.execute(select(func.count()).where(table.c.system_id == system.system_id)).scalar_one()
    if kept + adding > most:
        said = f"A system has at most {most:,} {called}; here are {kept:,}. Take some away first. Nothing was saved."
        raise Invalid({field: said})


def add(work: Work, table: Table, system: Access, values: Mapping[str, Any]) -> int:
    """Add a row that counts from now on; returns its number."""
    allow(work.actor, Action.SCOPE_EDIT, system)
    drafted = {"draft": False} if "draft" in table.c else {}
    made = work.change(
        insert(table).values(
            system_id=system.system_id, created_at=work.now, created_by=actor_id(work), **drafted, **values
        )
    ).inserted_primary_key
    assert made is not None  # noqa: S101 a narrowing for the type checker
    work.record(Event.SCOPE_ADDED, f"{NAMES[table]}:{made[0]}", {"system": system.slug, "after": dict(values)})
    return int(made[0])


def change(work: Work, table: Table, system: Access, which: tuple[int, int | None], values: Mapping[str, Any]) -> Any:
    """Change what a row says; a draft is confirmed by it. Returns the row as it was; raises `Stale`.

    `which` is its number and the version that the person saw. Nothing is written, and nothing recorded, where nothing
    differs.
    """
    allow(work.actor, Action.SCOPE_EDIT, system)
    row_id, seen = which
    row = found(work, table, system, row_id)
    wanted = {name: value for name, value in values.items() if getattr(row, name) != value}
    was_draft = bool(getattr(row, "draft", False))
    expected = row.version if seen is None else seen
    if not wanted and not was_draft and expected == row.version:
        return row
    before = {name: getattr(row, name) for name in wanted}
    stored = {**wanted, "draft": False} if was_draft else wanted
    named = update(table).where(table.c.id == row_id, table.c.version == expected)
    work.change_one(named.values(version=table.c.version + 1, **stored))
    event = Event.SCOPE_CONFIRMED if was_draft else Event.SCOPE_EDITED
    work.record(event, f"{NAMES[table]}:{row_id}", {"system": system.slug, "before": before, "after": wanted})
    return row


def remove(work: Work, table: Table, system: Access, row_id: int, seen: int | None) -> None:
    """Take a row away; the log keeps what it said. Raises `Stale` when somebody else changed it since."""
    allow(work.actor, Action.SCOPE_EDIT, system)
    row = found(work, table, system, row_id)
    expected = row.version if seen is None else seen
    if work.change(delete(table).where(table.c.id == row_id, table.c.version == expected)).rowcount == 0:
        raise Stale(_CHANGED)
    left_out = {"id", "system_id", "created_at", "created_by", "version"}
    said = {column.name: getattr(row, column.name) for column in table.c if column.name not in left_out}
    work.record(Event.SCOPE_REMOVED, f"{NAMES[table]}:{row_id}", {"system": system.slug, "before": said})
