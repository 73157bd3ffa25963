"""The first page of a scope: the inventory in numbers, drafts, providers, diagrams, claims without a line."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from cmmc_tracker.domain.inventory import Tallies
from cmmc_tracker.domain.matrix import Gap
from cmmc_tracker.domain.permissions import Access, Action, allow
from cmmc_tracker.services.scope import matrix, providers, reading, surroundings
from cmmc_tracker.services.scope.providers import KeptProvider
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import assets, cui_flows, scope_entries


@dataclass(frozen=True, slots=True)
class Overview:
    """What there is; `counts` are by kind of entry, `flows` among them. `drafts` wait to be confirmed."""

    tallies: Tallies
    drafts: list[Any]
    providers: list[KeptProvider]
    counts: Mapping[str, int]
    diagrams: list[Any]
    gaps: list[Gap]


def of_system(work: Work, system: Access) -> Overview:
    """The overview, in ten statements whatever there is."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    drafted = select(assets.c.id, assets.c.name).where(assets.c.system_id == system.system_id, assets.c.draft)
    return Overview(
        reading.tallies(work, system),
        work.rows(drafted.order_by(assets.c.id)),
        providers.every(work, system),
        _counts(work, system),
        surroundings.diagrams(work, system),
        matrix.gaps_of(work, system),
    )


def _counts(work: Work, system: Access) -> Mapping[str, int]:
    counting = select(scope_entries.c.kind, func.count().label("many")).group_by(scope_entries.c.kind)
    found = {row.kind: row.many for row in work.rows(counting.where(scope_entries.c.system_id == system.system_id))}
    flows = select(func.count()).where(cui_flows.c.system_id == system.system_id)
    return {**found, "flow": work.db.execute(flows).scalar_one()}
