"""What is recorded of a system as a whole: CAGE codes, assessment scope, employees, contracts."""

from dataclasses import asdict
from typing import Any

from sqlalchemy import select, update

from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.permissions import Access, Action, allow
from cmmc_tracker.domain.system_facts import ScopeKind, SystemFacts
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import systems

_COLUMNS = tuple(systems.c[name] for name in (*SystemFacts.__dataclass_fields__, "version"))


def of(work: Work, system: Access) -> tuple[SystemFacts, int]:
    """The facts of a system, and the version that a change of them names."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    row = work.db.execute(select(*_COLUMNS).where(systems.c.id == system.system_id)).mappings().one()
    kept: dict[str, Any] = {name: row[name] for name in SystemFacts.__dataclass_fields__}
    kept["scope_kind"] = ScopeKind(kept["scope_kind"]) if kept["scope_kind"] else None
    return SystemFacts(**kept), row["version"]


def change(work: Work, system: Access, wanted: SystemFacts, seen: int | None) -> bool:
    """Save the facts; returns whether anything changed. Raises `Stale` when somebody else changed the system since."""
    allow(work.actor, Action.SCOPE_EDIT, system)
    before, version = of(work, system)
    if before == wanted and seen in {None, version}:
        return False
    expected = version if seen is None else seen
    where = (systems.c.id == system.system_id, systems.c.version == expected)
    work.change_one(update(systems).where(*where).values(**wanted.columns(), version=systems.c.version + 1))
    old, new = asdict(before), asdict(wanted)
    changed = {name: [_told(old[name]), _told(new[name])] for name in new if old[name] != new[name]}
    work.record(Event.SYSTEM_CHANGED, f"system:{system.slug}", {"facts": changed})
    return True


def _told(value: Any) -> str | int | None:
    return value if value is None or isinstance(value, int) else str(value)
