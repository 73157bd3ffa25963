"""The register of changes to the environment, as it is kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, insert, select, update

from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.changes import Change, ChangeKind, parse, parse_settled
from cmmc_tracker.domain.permissions import Access, Action, allow
from cmmc_tracker.errors import NotFound, Stale
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import changes, users

MOST = 500  # listed, the newest
QUICKER = "Somebody else changed this entry meanwhile. Nothing of yours was saved; look at it, then save again."


@dataclass(frozen=True, slots=True)
class Kept:
    """A change in the register."""

    id: int
    change: Change
    recorded_by: str
    version: int


def register(work: Work, system: Access) -> list[Kept]:
    """The changes of a system, newest first: one statement."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    query = _query(system).order_by(changes.c.happened_on.desc(), changes.c.id.desc()).limit(MOST)
    return [_kept(row) for row in work.rows(query)]


def one(work: Work, system: Access, change_id: int) -> Kept:
    """One change; raises `NotFound`."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    row = work.row(_query(system).where(changes.c.id == change_id)) if change_id < 2**31 else None
    if row is None:
        raise NotFound("There is no such change in the register of this system.")
    return _kept(row)


def _query(system: Access) -> Any:
    query = select(changes, users.c.name).join(users, users.c.id == changes.c.recorded_by, isouter=True)
    return query.where(changes.c.system_id == system.system_id)


def _kept(row: Any) -> Kept:
    change = Change(row.happened_on, ChangeKind(row.kind), row.text, row.settled_on, row.settled)
    return Kept(row.id, change, row.name or "command line", row.version)


def add(work: Work, system: Access, given: Mapping[str, Any]) -> int:
    """Record a change; returns its number. The same recorded twice is one entry: a form that was sent twice."""
    allow(work.actor, Action.IMPLEMENTATION_EDIT, system)
    happened_on, kind, text = parse(given, work.today)
    work.alone(f"changes:{system.system_id}")
    values = {"happened_on": happened_on, "kind": kind, "text": text}
    same = and_(changes.c.system_id == system.system_id, *(changes.c[name] == one for name, one in values.items()))
    again = work.row(select(changes.c.id).where(same))
    if again is not None:
        return int(again.id)
    by = work.actor.id if work.actor else None
    statement = insert(changes).values(system_id=system.system_id, recorded_at=work.now, recorded_by=by, **values)
    key = work.change(statement).inserted_primary_key
    assert key is not None  # noqa: S101 a narrowing for the type checker
    work.record(Event.CHANGE_RECORDED, f"change:{key[0]}", {"system": system.slug, "before": {}, "after": values})
    return int(key[0])


def edit(work: Work, system: Access, change_id: int, given: Mapping[str, Any], version: int | None) -> None:
    """Mend what an entry says. Raises `Stale` when somebody else did since."""
    allow(work.actor, Action.IMPLEMENTATION_EDIT, system)
    kept = one(work, system, change_id)
    happened_on, kind, text = parse(given, work.today)
    wanted = {"happened_on": happened_on, "kind": kind, "text": text}
    _check_version(kept, version)
    _save(work, system, kept, wanted, Event.CHANGE_EDITED)


def settle(work: Work, system: Access, change_id: int, given: Mapping[str, Any], version: int | None) -> None:
    """Say what was done about a change, and when. Raises `Stale` when somebody else changed the entry since."""
    allow(work.actor, Action.IMPLEMENTATION_EDIT, system)
    kept = one(work, system, change_id)
    settled_on, settled = parse_settled(given, kept.change.happened_on, work.today)
    wanted = {"settled_on": settled_on, "settled": settled}
    _check_version(kept, version)
    _save(work, system, kept, wanted, Event.CHANGE_SETTLED)


def _check_version(kept: Kept, version: int | None) -> None:
    if version not in {None, kept.version}:
        raise Stale(QUICKER)


def _save(work: Work, system: Access, kept: Kept, wanted: Mapping[str, Any], event: Event) -> None:
    before = {name: getattr(kept.change, name) for name in wanted}
    if before == wanted:
        return
    where = and_(changes.c.id == kept.id, changes.c.version == kept.version)
    work.change_one(update(changes).where(where).values(version=changes.c.version + 1, **wanted))
    work.record(event, f"change:{kept.id}", {"system": system.slug, "before": before, "after": dict(wanted)})
