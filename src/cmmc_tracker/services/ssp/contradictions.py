"""Where the plan contradicts findings, evidence and scope: the records, read into the picture that the rules look at.

To be shared: `snapshot` here fills only the fields of `domain.snapshot.Snapshot` that `domain.ssp.contradictions` looks
at. Where a service builds whole snapshots, take it from there, and keep `cited` and `found`.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from sqlalchemy import and_, select

from cmmc_tracker.domain import catalog, ssp
from cmmc_tracker.domain.artifacts import ArtifactStatus, Kind
from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.domain.permissions import Access, Action, allow
from cmmc_tracker.domain.scope import Asset, AssetCategory, Basis, Held, Provider
from cmmc_tracker.domain.snapshot import ObjectiveState, RequirementState, Snapshot
from cmmc_tracker.domain.ssp import CitedArtifact, Contradiction
from cmmc_tracker.services.ssp.naming import of_artifacts
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage import tables as t


def found(work: Work, system: Access) -> list[Contradiction]:
    """What contradicts what, in the order of the plan: six statements."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    return ssp.contradictions(snapshot(work, system), cited(work, system))


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
        row.id: CitedArtifact(row.title, Kind(row.kind), ArtifactStatus(row.status), row.received_at.date())
        for row in work.rows(query)
    }


def snapshot(work: Work, system: Access) -> Snapshot:
    """The system as far as contradictions look at it."""
    system_id = system.system_id
    statuses: dict[str, dict[str, Status]] = defaultdict(dict)
    columns = select(t.findings.c.requirement, t.findings.c.letter, t.findings.c.status)
    for row in work.rows(columns.where(t.findings.c.system_id == system_id)):
        statuses[row.requirement][row.letter] = Status(row.status)
    rows = work.rows(select(t.implementations).where(t.implementations.c.system_id == system_id))
    texts: dict[str, list[Any]] = defaultdict(list)
    for row in work.rows(select(t.objective_texts).where(t.objective_texts.c.system_id == system_id)):
        texts[row.requirement].append(row)
    written = {row.requirement: row for row in rows}
    return Snapshot(
        slug=system.slug,
        name=system.name,
        level=system.level,
        on=work.now.date(),
        in_use_since=None,
        requirements=tuple(
            _requirement(one, written[one.id], statuses[one.id], texts[one.id])
            for one in catalog.load(system.level).requirements
        ),
        assets=_assets(work, system_id),
        providers=_providers(work, system_id),
    )


def _requirement(
    one: catalog.Requirement, row: Any, statuses: Mapping[str, Status], texts: list[Any]
) -> RequirementState:
    """Texts by objective are part of the narrative; it is as old as the last thing that was written."""
    written = [row.changed_at] if row.narrative and row.changed_at else []
    written += [text.changed_at for text in texts if text.text]
    objectives = tuple(
        ObjectiveState(o.letter, statuses[o.letter], "", (), None, "", confirmed=True, special=None, evidence=())
        for o in one.objectives
    )
    return RequirementState(
        requirement=one,
        objectives=objectives,
        narrative="\n\n".join(text for text in (row.narrative, *(text.text for text in texts)) if text),
        implementation_status=row.status,
        responsibility=row.responsibility,
        partial=row.partial,
        narrative_on=max(written).date() if written else None,
        owner="",
    )


def _assets(work: Work, system_id: int) -> tuple[Asset, ...]:
    query = (
        select(t.assets, t.asset_groups.c.treatment.label("of_group"))
        .join(
            t.asset_groups,
            and_(t.asset_groups.c.system_id == t.assets.c.system_id, t.asset_groups.c.name == t.assets.c.group_name),
            isouter=True,
        )
        .where(t.assets.c.system_id == system_id)
    )
    return tuple(
        Asset(
            row.id,
            row.name,
            AssetCategory(row.category) if row.category else None,
            in_plan=bool(row.treatment or row.of_group),
            on_diagram=row.on_diagram,
        )
        for row in work.rows(query)
    )


def _providers(work: Work, system_id: int) -> tuple[Provider, ...]:
    rows = work.rows(select(t.providers).where(t.providers.c.system_id == system_id))
    return tuple(Provider(r.id, r.name, r.is_cloud, Held(r.holds), Basis(r.basis), r.matrix_on) for r in rows)
