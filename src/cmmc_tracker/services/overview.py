"""The figures of a dashboard that concern the evidence, in one statement."""

from dataclasses import dataclass

from sqlalchemy import select

from cmmc_tracker.domain.backups import Last
from cmmc_tracker.services import artifact_views, duties, integrity
from cmmc_tracker.services.backups import standing
from cmmc_tracker.services.integrity import Summary
from cmmc_tracker.services.work import Work


@dataclass(frozen=True, slots=True)
class Overview:
    """How many artifacts the actor may see, what waits for them, how store and (for administrators) backups stand."""

    artifacts: int
    waiting: int
    store: Summary
    backup: Last | None = None


def overview(work: Work) -> Overview:
    """All of it, as it stands now."""
    store = integrity.figures(work)
    backup = standing.figures() if work.actor and work.actor.is_admin else ()
    row = work.db.execute(select(artifact_views.counted(work), duties.counted(work), *store, *backup)).one()
    end = len(row) - len(backup)
    return Overview(row[0], row[1], Summary(*row[2:end]), standing.of(row[end:]) if backup else None)
