"""What rests on an artifact: the objectives that it is evidence for, how they stand, and what else proves them."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, func, select

from cmmc_tracker.domain.artifacts import ArtifactStatus
from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.domain.catalog import ObjectiveId
from cmmc_tracker.services.artifacts import IN_USE
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import artifacts, findings, links


@dataclass(frozen=True, slots=True)
class Dependent:
    """An objective of a system that the artifact is linked to, and how many other approved artifacts it has."""

    system: str
    objective: ObjectiveId
    status: Status
    others: int

    @property
    def breaks(self) -> bool:
        """Whether it is marked MET and would stand without approved evidence (32 CFR 170.24(b)(1))."""
        return self.status is Status.MET and not self.others


def of_artifact(work: Work, artifact_id: int) -> list[Dependent]:
    """What rests on an artifact in the systems of the actor, in the order of their objectives."""
    slugs = {access.system_id: slug for slug, access in work.actor.systems.items()} if work.actor else {}
    other = links.alias("other")
    others = (
        select(func.count())
        .select_from(other.join(artifacts, artifacts.c.id == other.c.artifact_id))
        .where(
            other.c.system_id == links.c.system_id,
            other.c.requirement == links.c.requirement,
            other.c.letter == links.c.letter,
            other.c.artifact_id != artifact_id,
            IN_USE,
            artifacts.c.status == ArtifactStatus.APPROVED,
        )
        .scalar_subquery()
    )
    at = and_(
        findings.c.system_id == links.c.system_id,
        findings.c.requirement == links.c.requirement,
        findings.c.letter == links.c.letter,
    )
    query = (
        select(links.c.system_id, links.c.requirement, links.c.letter, findings.c.status, others.label("others"))
        .join(findings, at)
        .where(links.c.artifact_id == artifact_id, links.c.system_id.in_(slugs))
        .order_by(links.c.system_id, links.c.requirement, links.c.letter)
    )
    return [
        Dependent(slugs[row.system_id], ObjectiveId(row.requirement, row.letter), Status(row.status), row.others)
        for row in work.rows(query)
    ]


def broken_without(work: Work, artifact_ids: Sequence[int]) -> list[str]:
    """The objectives marked MET, in systems of the actor, that have no approved evidence but these artifacts."""
    slugs = {access.system_id: slug for slug, access in work.actor.systems.items()} if work.actor else {}
    other = links.alias("other")
    same = [other.c[name] == links.c[name] for name in ("system_id", "requirement", "letter")]
    others = (
        select(other.c.artifact_id)
        .join(artifacts, artifacts.c.id == other.c.artifact_id)
        .where(*same, other.c.artifact_id.not_in(artifact_ids), IN_USE, artifacts.c.status == ArtifactStatus.APPROVED)
    )
    at = [findings.c[name] == links.c[name] for name in ("system_id", "requirement", "letter")]
    query = (
        select(links.c.system_id, links.c.requirement, links.c.letter)
        .join(findings, and_(*at))
        .where(links.c.artifact_id.in_(artifact_ids), links.c.system_id.in_(slugs))
        .where(findings.c.status == Status.MET, ~others.exists())
        .distinct()
        .order_by(links.c.system_id, links.c.requirement, links.c.letter)
    )
    return [str(ObjectiveId(row.requirement, row.letter)) for row in work.rows(query)]
