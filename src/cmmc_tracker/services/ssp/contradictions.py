"""Where the plan contradicts findings, evidence and scope."""

from collections.abc import Mapping

from sqlalchemy import and_, select

from cmmc_tracker.domain import ssp
from cmmc_tracker.domain.artifacts import ArtifactStatus, Kind
from cmmc_tracker.domain.permissions import Access, Action, allow
from cmmc_tracker.domain.plan_document import SectionName
from cmmc_tracker.domain.ssp import CitedArtifact, Contradiction, PlanText
from cmmc_tracker.services import snapshots
from cmmc_tracker.services.remembering import Kind as Kept
from cmmc_tracker.services.ssp.naming import of_artifacts
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage import tables as t


def found(work: Work, system: Access) -> list[Contradiction]:
    """What contradicts what, in the order of the plan."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    return list(work.remembered(Kept.CONTRADICTIONS, system.system_id, lambda: _looked_for(work, system)))


def _looked_for(work: Work, system: Access) -> tuple[Contradiction, ...]:
    return tuple(ssp.contradictions(snapshots.of(work, system), cited(work, system), _sections(work, system)))


def _sections(work: Work, system: Access) -> list[PlanText]:
    """The texts about the system as a whole, in the order of the plan."""
    query = select(t.plan_sections).where(t.plan_sections.c.system_id == system.system_id)
    found = {row.section: PlanText(row.text, work.day(row.changed_at), section=row.section) for row in work.rows(query)}
    return [found[name] for name in SectionName if name in found]


def cited(work: Work, system: Access) -> Mapping[int, CitedArtifact]:
    """The artifacts that the plan may cite, by number; received is the day of the version that stands."""
    current = and_(
        t.artifact_versions.c.artifact_id == t.artifacts.c.id,
        t.artifact_versions.c.number == t.artifacts.c.current_version,
    )
    columns = (t.artifacts.c.id, t.artifacts.c.title, t.artifacts.c.kind, t.artifacts.c.status)
    query = (
        select(*columns, t.artifact_versions.c.received_at)
        .join(t.artifact_versions, current)
        .where(of_artifacts(system.system_id))
    )
    return {
        row.id: CitedArtifact(row.title, Kind(row.kind), ArtifactStatus(row.status), work.day(row.received_at))
        for row in work.rows(query)
    }
