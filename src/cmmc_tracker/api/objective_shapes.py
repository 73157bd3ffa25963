"""How the API answers with one objective."""

from datetime import datetime

from cmmc_tracker.api.registry import Shown
from cmmc_tracker.domain.artifacts import ArtifactStatus
from cmmc_tracker.domain.assessment import Method, Status
from cmmc_tracker.services.finding_rows import Finding


class EvidenceShown(Shown):
    """An artifact that is evidence for an objective."""

    id: int
    title: str
    status: ArtifactStatus
    locator: str
    shows: str


class ObjectiveShown(Shown):
    """One objective as it stands."""

    letter: str
    id: str
    summary: str
    wording: str | None
    status: Status
    methods: list[Method]
    note: str
    version: int
    judged_at: datetime | None
    judged_by: str | None
    artifacts: list[EvidenceShown]
    examined: str
    interviewed: str
    tested: str
    confirmed_at: datetime | None
    confirmed_by: str | None
    basis: str | None


def objective_shown(finding: Finding, wording: str | None = None) -> ObjectiveShown:
    """An objective as it is answered."""
    return ObjectiveShown(
        letter=finding.objective.letter,
        id=finding.objective.id,
        summary=finding.objective.summary,
        wording=wording,
        status=finding.status,
        methods=list(finding.methods),
        note=finding.note,
        version=finding.version,
        judged_at=finding.judged_at,
        judged_by=finding.judged_by or None,
        artifacts=[
            EvidenceShown(
                id=e.artifact.id, title=e.artifact.title, status=e.artifact.status, locator=e.locator, shows=e.shows
            )
            for e in finding.evidence
        ],
        **finding.said,
        confirmed_at=finding.confirmed_at,
        confirmed_by=finding.confirmed_by or None,
        basis=finding.special.basis if finding.special and finding.bears else None,
    )
