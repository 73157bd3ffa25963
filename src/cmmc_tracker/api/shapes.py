"""What the API answers with, and how rows become it."""

from datetime import date, datetime

from cmmc_tracker.api.objective_shapes import ObjectiveShown, objective_shown
from cmmc_tracker.api.registry import Shown
from cmmc_tracker.domain.artifacts import ArtifactStatus, Kind
from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.domain.freshness import Cadence, Freshness
from cmmc_tracker.domain.scoring import Score
from cmmc_tracker.services.artifact_views import Artifact, File, Version
from cmmc_tracker.services.assessment import Line, RequirementState


class SystemShown(Shown):
    """A system as its members see it."""

    id: int
    slug: str
    name: str
    level: int
    demo: bool
    cui_allowed: bool
    rights: list[str]


class SystemsShown(Shown):
    """The systems of the caller."""

    items: list[SystemShown]


class CountsShown(Shown):
    """How many requirements stand how."""

    met: int
    not_met: int
    not_applicable: int
    not_assessed: int


class PoamShown(Shown):
    """Whether a POA&M is possible, and what stands in its way (32 CFR 170.21)."""

    threshold: int | None
    possible: bool
    blocking: list[str]
    missing: list[str]


class LossShown(Shown):
    """One requirement that costs points, and why."""

    requirement: str
    title: str
    points: int
    reason: str
    clause: str


class ScoreShown(Shown):
    """The score (32 CFR 170.24); null where the rules give none, with the reason.

    Level 1 has no score, no least and most, and no threshold; `before` says what a level asks before its assessment.
    """

    level: int
    score: int | None
    provisional: bool
    reason: str | None
    max: int | None
    min: int | None
    counts: CountsShown
    unassessed_objectives: int
    ssp_documented: bool | None
    poam: PoamShown
    met_without_final_evidence: int
    status: str
    status_reason: str
    before: str
    losses: list[LossShown]


class LineShown(Shown):
    """One requirement in the list."""

    id: str
    nist_id: str
    title: str
    family: str
    weight: int | None
    status: Status
    objectives_met: int
    objectives_total: int
    artifacts: int


class LinesShown(Shown):
    """The requirements that fit."""

    items: list[LineShown]


class ImplementationShown(Shown):
    """How the organization does it."""

    status: str
    narrative: str
    responsibility: str
    version: int


class RequirementShown(Shown):
    """One requirement with its objectives."""

    id: str
    nist_id: str
    title: str
    family: str
    weight: int | None
    status: Status
    objectives_met: int
    objectives_total: int
    partial: bool
    look_for: str
    typical_artifacts: list[str]
    wording: str | None
    wording_source: str | None
    objectives: list[ObjectiveShown]
    implementation: ImplementationShown
    version: int


class LinkShown(Shown):
    """An objective that an artifact is evidence for."""

    system: str
    id: str
    locator: str
    shows: str


class FileShown(Shown):
    """One file of a version; `warnings` are sentences about what was noticed in it at upload.

    Of one that is held elsewhere `location` says where; its name, type and size are null where they are not known.
    """

    filename: str | None
    media_type: str | None
    size: int | None
    sha256: str
    location: str | None
    warnings: list[str]


class VersionShown(FileShown):
    """One version of an artifact; what is said of a file is of its first one."""

    number: int
    note: str
    received_at: datetime
    received_by: str
    files: list[FileShown]
    manifest_sha256: str


class ArtifactShown(Shown):
    """One artifact."""

    id: int
    title: str
    kind: Kind
    description: str
    status: ArtifactStatus
    covers_from: date | None
    covers_until: date | None
    collected_on: date | None
    cadence: Cadence
    due_on: date | None
    freshness: Freshness
    owner: str
    reviewer: str
    approved_by: str
    approved_at: datetime | None
    created_at: datetime
    created_by: str
    quarantined: bool
    version: int
    objectives: list[LinkShown]
    current_version: VersionShown


class ArtifactsShown(Shown):
    """A page of artifacts, newest first; `next_cursor` is null at the end."""

    items: list[ArtifactShown]
    next_cursor: str | None


def score_shown(score: Score) -> ScoreShown:
    """The score as it is answered."""
    return ScoreShown(
        level=score.level,
        score=score.score,
        provisional=score.provisional,
        reason=score.reason,
        max=score.max,
        min=score.min,
        counts=CountsShown(
            met=score.counts.met,
            not_met=score.counts.not_met,
            not_applicable=score.counts.not_applicable,
            not_assessed=score.counts.not_assessed,
        ),
        unassessed_objectives=score.unassessed_objectives,
        ssp_documented=score.ssp_documented,
        poam=PoamShown(
            threshold=score.poam.threshold,
            possible=score.poam.possible,
            blocking=list(score.poam.blocking),
            missing=list(score.poam.missing),
        ),
        met_without_final_evidence=score.met_without_final_evidence,
        status=score.status,
        status_reason=score.status_reason,
        before=score.before,
        losses=[
            LossShown(
                requirement=loss.requirement_id,
                title=loss.title,
                points=loss.points,
                reason=loss.reason,
                clause=loss.clause,
            )
            for loss in score.losses
        ],
    )


def line_shown(line: Line) -> LineShown:
    """A requirement of the list as it is answered."""
    known = line.requirement
    return LineShown(
        id=known.id,
        nist_id=known.nist_id,
        title=known.title,
        family=known.family,
        weight=known.weight,
        status=line.status,
        objectives_met=line.met,
        objectives_total=len(line.objectives),
        artifacts=line.artifacts,
    )


def requirement_shown(
    state: RequirementState, wording: dict[str, str] | None = None, source: str | None = None
) -> RequirementShown:
    """A requirement as it is answered."""
    known, i, prose = state.requirement, state.implementation, wording or {}
    return RequirementShown(
        id=known.id,
        nist_id=known.nist_id,
        title=known.title,
        family=known.family,
        weight=known.weight,
        status=state.status,
        objectives_met=sum(f.status in {Status.MET, Status.NOT_APPLICABLE} for f in state.findings),
        objectives_total=len(state.findings),
        partial=i.partial,
        look_for=known.look_for,
        typical_artifacts=list(known.typical_artifacts),
        wording=prose.get(known.id),
        wording_source=source,
        objectives=[objective_shown(f, prose.get(f.objective.id)) for f in state.findings],
        implementation=ImplementationShown(
            status=i.status, narrative=i.narrative, responsibility=i.responsibility, version=i.version
        ),
        version=i.version,
    )


def artifact_shown(artifact: Artifact) -> ArtifactShown:
    """An artifact as it is answered."""
    return ArtifactShown(
        id=artifact.id,
        title=artifact.title,
        kind=artifact.kind,
        description=artifact.description,
        status=artifact.status,
        covers_from=artifact.covers_from,
        covers_until=artifact.covers_until,
        collected_on=artifact.collected_on,
        cadence=artifact.cadence,
        due_on=artifact.due_on,
        freshness=artifact.freshness,
        owner=artifact.owner,
        reviewer=artifact.reviewer,
        approved_by=artifact.approved_by,
        approved_at=artifact.approved_at,
        created_at=artifact.created_at,
        created_by=artifact.created_by,
        quarantined=artifact.quarantined,
        version=artifact.version,
        objectives=[
            LinkShown(system=one.system, id=str(one.objective), locator=one.locator, shows=one.shows)
            for one in artifact.links
        ],
        current_version=_version_shown(artifact.current),
    )


def _version_shown(version: Version) -> VersionShown:
    files = [_file_shown(f) for f in version.files]
    return VersionShown(
        **dict(files[0]),
        number=version.number,
        note=version.note,
        received_at=version.received_at,
        received_by=version.received_by,
        files=files,
        manifest_sha256=version.manifest_sha256,
    )


def _file_shown(file: File) -> FileShown:
    return FileShown(
        filename=file.filename,
        media_type=file.media_type,
        size=file.size,
        sha256=file.sha256,
        location=file.location or None,
        warnings=list(file.warnings),
    )
