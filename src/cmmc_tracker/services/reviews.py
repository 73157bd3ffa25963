"""Reviewing evidence: handing in, the verdict, retiring. An approval is of the bytes that stood there."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, select

from cmmc_tracker.domain.artifacts import VERDICTS, Act, ArtifactStatus, Standing, acts, moved
from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.permissions import Access, Right, system_by_id
from cmmc_tracker.domain.text import is_visible
from cmmc_tracker.errors import Conflict, Invalid, Stale
from cmmc_tracker.services import remarks, settings
from cmmc_tracker.services.artifacts import actor_id, bumped, visible
from cmmc_tracker.services.requests import rounds
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import artifact_versions


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a person does about an artifact's state, and says with it.

    `version` is the version of the row that they saw; `manifest` the hash that they approve, where they name one.
    """

    act: Act
    remark: str = ""
    version: int | None = None
    manifest: str = ""

    @classmethod
    def parse(cls, act: str, remark: str, version: int | None, manifest: str = "") -> "Verdict":
        """Read from text; raises `Invalid` for an act that is none, and for evidence that is sent back without why."""
        if act not in set(Act):
            raise Invalid({"act": f"Choose one of {', '.join(Act)}."})
        text = remarks.parse_text(remark, needed=False, field="remark")
        if act == Act.RETURN and not is_visible(text):
            raise Invalid({"remark": "Please write what is missing: whoever handed it in reads it, and mends it."})
        return cls(Act(act), text, version, manifest.strip().lower())


def open_acts(work: Work, row: Any) -> list[Act]:
    """The acts that are open to the actor on an artifact."""
    home = work.actor.by_id(row.system_id) if work.actor else None
    return acts(_standing(work, row, home)) if home else []


def decide(work: Work, artifact_id: int, verdict: Verdict) -> ArtifactStatus:
    """Do the act; returns the new state.

    Raises `NotFound`, `Forbidden` or `Conflict` by the rules in `domain.artifacts`, and `Stale` when the artifact, or
    the bytes that are approved, are not what the person saw.
    """
    row = visible(work, artifact_id)
    home = system_by_id(work.actor, row.system_id)
    current = _current(work, row)
    # Before the rules: that somebody else was quicker must be told as such, not as an act that the new state forbids.
    if verdict.manifest and verdict.manifest != current.manifest_sha256:
        raise Stale("There is a newer version than the one that you looked at. Nothing was decided; look at it first.")
    if verdict.version not in {None, row.version}:
        raise Stale("Somebody else changed this artifact meanwhile. Nothing was decided; look at it, then decide.")
    after = moved(_standing(work, row, home), verdict.act)
    changes: dict[str, Any] = {"status": after}
    if verdict.act is Act.SUBMIT and row.reviewer_id is not None and row.reviewer_id == current.received_by:
        _another_reviewer(work)
    if after is not ArtifactStatus.SUPERSEDED:
        approved = verdict.act is Act.APPROVE
        changes["approved_sha256"] = current.manifest_sha256 if approved else None
        changes["approved_by"] = actor_id(work) if approved else None
        changes["approved_at"] = work.now if approved else None
    work.change_one(bumped(artifact_id, verdict.version if verdict.version is not None else row.version, **changes))
    detail = {"act": verdict.act, "before": row.status, "status": after, "number": row.current_version}
    if verdict.act in VERDICTS:
        detail["manifest_sha256"] = current.manifest_sha256
    work.record(Event.ARTIFACT_REVIEWED, f"artifact:{artifact_id}", detail)
    if verdict.remark:
        remarks.say_with_verdict(work, artifact_id, home, verdict.remark)
    if after is ArtifactStatus.APPROVED:
        rounds.met(work, artifact_id)
    return after


def _another_reviewer(work: Work) -> None:
    if not settings.current(work).approve_own:
        raise Conflict("The reviewer named here sent this version, so it needs another one. Change the reviewer first.")


def _current(work: Work, row: Any) -> Any:
    query = select(artifact_versions).where(
        and_(artifact_versions.c.artifact_id == row.id, artifact_versions.c.number == row.current_version)
    )
    return work.db.execute(query).one()


def _standing(work: Work, row: Any, home: Access) -> Standing:
    current, rules, me = _current(work, row), settings.current(work), actor_id(work)
    is_reviewer = me is not None and row.reviewer_id == me
    return Standing(
        status=ArtifactStatus(row.status),
        contributes=Right.CONTRIBUTE in home.rights,
        approves=Right.APPROVE in home.rights or is_reviewer,
        sent_it=current.received_by == me,
        may_approve_own=rules.approve_own,
        review=rules.review_required,
    )
