"""People, facilities, networks and flows of CUI of a system: listed, added, changed, taken away."""

from typing import Any

from sqlalchemy import select

from cmmc_tracker.domain.artifacts import Kind
from cmmc_tracker.domain.inventory import EntryKind, FlowEntry, SurroundingEntry
from cmmc_tracker.domain.permissions import Access, Action, allow
from cmmc_tracker.errors import NotFound
from cmmc_tracker.services.artifacts import IN_USE
from cmmc_tracker.services.scope import rows
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import artifacts, cui_flows, scope_entries

PAGE = 100
MOST_DIAGRAMS = 50
Entry = SurroundingEntry | FlowEntry


def page(work: Work, system: Access, kind: EntryKind | None, after: int = 0) -> tuple[list[Any], int | None]:
    """Rows of a kind, or the flows (None), oldest first from number `after` on; and where the next page begins."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    table = scope_entries if kind else cui_flows
    query = select(table).where(table.c.system_id == system.system_id, table.c.id > after)
    if kind:
        query = query.where(table.c.kind == kind)
    found = work.rows(query.order_by(table.c.id).limit(PAGE + 1))
    return found[:PAGE], found[PAGE - 1].id if len(found) > PAGE else None


def one(work: Work, system: Access, kind: EntryKind | None, row_id: int) -> Any:
    """A row of the system; raises `NotFound`, also where it is of another kind."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    row = rows.found(work, scope_entries if kind else cui_flows, system, row_id)
    if kind and row.kind != kind:
        raise NotFound("There is no such row; somebody may have taken it away.")
    return row


def add(work: Work, system: Access, entry: Entry) -> int:
    """Add a row; returns its number. Raises `Invalid` where there are too many."""
    allow(work.actor, Action.SCOPE_EDIT, system)
    is_flow = isinstance(entry, FlowEntry)
    table = cui_flows if is_flow else scope_entries
    rows.check_room(work, table, system, "what" if is_flow else "name")
    return rows.add(work, table, system, entry.columns())


def edit(work: Work, system: Access, row_id: int, entry: Entry, seen: int | None) -> None:
    """Change what a row says; raises `Stale`."""
    allow(work.actor, Action.SCOPE_EDIT, system)
    kind = None if isinstance(entry, FlowEntry) else entry.kind
    one(work, system, kind, row_id)
    rows.change(work, scope_entries if kind else cui_flows, system, (row_id, seen), entry.columns())


def remove(work: Work, system: Access, kind: EntryKind | None, row_id: int, seen: int | None) -> None:
    """Take a row away; the log keeps what it said."""
    allow(work.actor, Action.SCOPE_EDIT, system)
    one(work, system, kind, row_id)
    rows.remove(work, scope_entries if kind else cui_flows, system, row_id, seen)


def diagrams(work: Work, system: Access) -> list[Any]:
    """The newest artifacts of the system that are diagrams: number, title and status."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    query = select(artifacts.c.id, artifacts.c.title, artifacts.c.status)
    mine = query.where(IN_USE, artifacts.c.system_id == system.system_id, artifacts.c.kind == Kind.DIAGRAM)
    return work.rows(mine.order_by(artifacts.c.id.desc()).limit(MOST_DIAGRAMS))
