"""The published wording of requirements and objectives, where an administrator imported it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, delete, insert, select

from cmmc_tracker.domain import catalog
from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.permissions import Action, allow
from cmmc_tracker.importers.oscal_catalog import CatalogPlan
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import wording_sources, wordings


@dataclass(frozen=True, slots=True)
class Source:
    """Where the wording comes from."""

    title: str
    edition: str
    sha256: str
    imported_at: datetime


@dataclass(frozen=True, slots=True)
class Wording:
    """The wording of one requirement: by its id and its objectives' ids."""

    source: Source
    prose: Mapping[str, str]


def replace(work: Work, plan: CatalogPlan, level: int = 2) -> None:
    """Keep the wording of a plan in place of what stood before."""
    allow(work.actor, Action.CATALOG_IMPORT)
    old = select(wording_sources.c.id).where(wording_sources.c.level == level)
    work.change(delete(wordings).where(wordings.c.source_id.in_(old)))
    work.change(delete(wording_sources).where(wording_sources.c.level == level))
    made = work.change(
        insert(wording_sources).values(
            level=level, title=plan.title, edition=plan.version, sha256=plan.source_sha256, imported_at=work.now
        )
    ).inserted_primary_key
    assert made is not None  # noqa: S101 a narrowing for the type checker
    rows = [{"item": item, "requirement": item, "prose": prose} for item, prose in plan.requirements.items()]
    rows += [
        {"item": item, "requirement": catalog.parse_objective_id(item).requirement, "prose": prose}
        for item, prose in plan.objectives.items()
    ]
    work.change(insert(wordings), [{"source_id": made[0], **row} for row in rows])
    detail = {"title": plan.title, "version": plan.version, "sha256": plan.source_sha256, "items": len(rows)}
    work.record(Event.CATALOG_IMPORTED, f"catalog:{level}", detail)


@cache  # putting it together takes longer than running it
def _imported() -> Select[Any]:
    return (
        select(wordings.c.item, wordings.c.prose, wording_sources)
        .join(wording_sources, wording_sources.c.id == wordings.c.source_id)
        .where(wording_sources.c.level == bindparam("at"), wordings.c.requirement == bindparam("of"))
    )


def of_requirement(work: Work, level: int, requirement: str) -> Wording | None:
    """The wording of a requirement and its objectives, or None when nothing was imported. One statement."""
    rows = work.rows(_imported(), at=level, of=requirement)
    if not rows:
        return None
    first = rows[0]
    source = Source(first.title, first.edition, first.sha256, first.imported_at)
    return Wording(source, {row.item: row.prose for row in rows})
