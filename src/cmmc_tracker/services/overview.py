"""The figures of a dashboard that concern the evidence, in one statement."""

from dataclasses import dataclass

from sqlalchemy import select

from cmmc_tracker.services import artifact_views, duties, integrity
from cmmc_tracker.services.integrity import Summary
from cmmc_tracker.services.work import Work


@dataclass(frozen=True, slots=True)
class Overview:
    """How many artifacts the actor may see, what waits for them, how the store stands."""

    artifacts: int
    waiting: int
    store: Summary


def overview(work: Work) -> Overview:
    """All of it, as it stands now."""
    store = integrity.figures(work)
    row = work.db.execute(select(artifact_views.counted(work), duties.counted(work), *store)).one()
    return Overview(row[0], row[1], Summary(*row[2:]))
