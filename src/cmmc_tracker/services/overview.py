"""The figures of a dashboard that concern the evidence, and the clock of the POA&M, in one statement."""

from dataclasses import dataclass

from sqlalchemy import select

from cmmc_tracker.domain.backups import Last
from cmmc_tracker.domain.lifecycle import PoamClock
from cmmc_tracker.domain.permissions import Access, Action, allow
from cmmc_tracker.services import artifact_views, closeouts, duties, integrity
from cmmc_tracker.services.backups import standing
from cmmc_tracker.services.integrity import Summary
from cmmc_tracker.services.remembering import Kind
from cmmc_tracker.services.work import Work


@dataclass(frozen=True, slots=True)
class Overview:
    """What the actor may see and what waits for them; how the store stands; the 180 days; the last backup.

    Of backups administrators alone are told.
    """

    artifacts: int
    waiting: int
    store: Summary
    clock: PoamClock | None
    backup: Last | None = None


def overview(work: Work, system: Access) -> Overview:
    """All of it, as it stands now."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    actor = work.actor
    seen_by = (actor.id, actor.role, tuple(actor.systems.values())) if actor else ()
    # The statement takes longer to put together than to run: it names the person in twenty places.
    return work.remembered(Kind.OVERVIEW, (seen_by, system.system_id), lambda: _read(work, system))


def _read(work: Work, system: Access) -> Overview:
    store, clock = integrity.figures(work), closeouts.columns(system)
    backup = standing.figures() if work.actor and work.actor.is_admin else ()
    row = work.db.execute(select(artifact_views.counted(work), duties.counted(work), *store, *clock, *backup)).one()
    end = len(row) - len(backup)
    known = closeouts.of_columns(row, work.today)
    last = standing.of(row[end:]) if backup else None
    return Overview(row[0], row[1], Summary(*row[2 : 2 + len(store)]), known, last)
