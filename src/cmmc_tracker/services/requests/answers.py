"""Answering a request: with files, with an artifact that is here already, again after it was sent back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import and_, select

from cmmc_tracker.domain.artifacts import Act, ArtifactStatus
from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.catalog import ObjectiveId
from cmmc_tracker.domain.freshness import Cadence
from cmmc_tracker.domain.permissions import Access, Action, allow
from cmmc_tracker.domain.requests import Round, RoundState, title_of
from cmmc_tracker.errors import Conflict, NotFound
from cmmc_tracker.services import artifacts as evidence
from cmmc_tracker.services import links, members, reviews
from cmmc_tracker.services.artifacts import Received
from cmmc_tracker.services.links import Target
from cmmc_tracker.services.requests import asking, rounds
from cmmc_tracker.services.reviews import Verdict
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import artifact_versions, artifacts, request_rounds

DATES = ("covers_from", "covers_until")


@dataclass(frozen=True, slots=True)
class Sent:
    """What comes with an answer: the round (else the oldest that awaits something), the version of the request that
    the person saw, the dates that the evidence covers, a note."""

    number: int | None = None
    version: int | None = None
    given: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""


def check(work: Work, request_id: int, sent: Sent) -> None:
    """Raise what `answer` would; asked before the bytes are kept, so that nothing is left over."""
    row, home = asking.opened(work, request_id, sent.version)
    allow(work.actor, Action.ARTIFACT_CREATE, home)
    found = _round(work, row, sent.number)
    if found.state is RoundState.SENT:
        evidence.check_version(work, _answer_of(work, request_id, found), sent.note, None, sent.given)
    else:
        evidence.check(_facts(row, found, sent), work.today)


def answer(work: Work, request_id: int, files: Sequence[Received], sent: Sent) -> int:
    """Answer a round with files, which become one artifact, linked to the objective; returns its number.

    Where the round was answered before, they become that artifact's new version. It is handed in for review at once:
    who is asked for evidence has said with it that it is finished.
    """
    row, home = asking.opened(work, request_id, sent.version)
    found = _round(work, row, sent.number)
    if found.state is RoundState.SENT:
        artifact_id = _answer_of(work, request_id, found)
        evidence.add_version(work, artifact_id, files, sent.note, given=sent.given)
    else:
        facts = {**_facts(row, found, sent), "owner": _owner(work, row)}
        target = Target(home, ObjectiveId(row.requirement, row.letter))
        artifact_id = links.create_linked(work, home, files, facts, [target])
    _hand_in(work, artifact_id)
    _keep(work, row, home, found, artifact_id)
    return artifact_id


def _facts(row: Any, found: Round, sent: Sent) -> dict[str, Any]:
    return {**sent.given, "title": title_of(row.wanted, found.due_on, Cadence(row.cadence))}


def answer_with(work: Work, request_id: int, artifact_id: int, sent: Sent) -> None:
    """Answer a round with an artifact that is here already; it is linked to the objective where it is not yet."""
    row, home = asking.opened(work, request_id, sent.version)
    found = _round(work, row, sent.number)
    evidence.visible(work, artifact_id)
    # Held until the end: who approves it at this instant then sees this answer, or is seen by it.
    work.alone(f"artifact:{artifact_id}")
    work.row(select(artifacts.c.id).where(artifacts.c.id == artifact_id).with_for_update())
    standing = evidence.visible(work, artifact_id)
    if standing.status == ArtifactStatus.SUPERSEDED:
        raise Conflict("This artifact is superseded, so it proves nothing any more. Choose another one.")
    _check_newer(work, row, found, standing)
    links.link_if_new(work, artifact_id, Target(home, ObjectiveId(row.requirement, row.letter)))
    _keep(work, row, home, found, artifact_id)


def _check_newer(work: Work, row: Any, found: Round, standing: Any) -> None:
    """The same bytes do not answer two rounds: else last quarter's review would pass for this quarter's."""
    other = and_(
        request_rounds.c.request_id == row.id,
        request_rounds.c.artifact_id == standing.id,
        request_rounds.c.number != found.number,
    )
    before = work.row(select(request_rounds).where(other).order_by(request_rounds.c.number.desc()))
    current = and_(
        artifact_versions.c.artifact_id == standing.id, artifact_versions.c.number == standing.current_version
    )
    received = work.db.execute(select(artifact_versions.c.received_at).where(current)).scalar_one()
    if before is not None and received <= before.answered_at:
        due_on = rounds.schedule_of(work, row).due(before.number)
        raise Conflict(
            f"This artifact answered the round due on {due_on.isoformat()} and has no newer version since. Add one, or "
            "send other files."
        )


def _round(work: Work, row: Any, number: int | None) -> Round:
    """The round that is answered: the one named, or the oldest that awaits something, or the last that was sent."""
    known = rounds.of(work, row)
    if number is not None:
        found = next((one for one in known if one.number == number), None)
        if found is None:
            raise NotFound("This request has no such round.")
    else:
        waiting = [one for one in known if one.awaits]
        sent = [one for one in known if one.state is RoundState.SENT]
        found = next(iter([*waiting, *reversed(sent)]), known[-1])
    if not found.awaits and found.state is not RoundState.SENT:
        raise Conflict(f"This round is {found.state.label} already, so nothing was taken in for it.")
    return found


def _answer_of(work: Work, request_id: int, found: Round) -> int:
    """The artifact that was sent for a round; raises `Conflict` while it waits in quarantine."""
    rows = rounds.rows_of(work, [request_id])[request_id]
    row = next(one for one in rows if one.number == found.number)
    if row.quarantined_at is not None:
        raise Conflict("What was sent for this round waits in quarantine: accept it or refuse it first.")
    return int(row.artifact_id)


def _owner(work: Work, row: Any) -> str:
    """Whoever is asked, where they can have the duty; else who answers."""
    able = {one.id: one.name for one in members.contributors(work, row.system_id)}
    return able.get(row.asked_of) or (able.get(work.actor.id or 0, "") if work.actor else "")


def _hand_in(work: Work, artifact_id: int) -> None:
    if evidence.visible(work, artifact_id).status != ArtifactStatus.DRAFT:
        return
    try:
        reviews.decide(work, artifact_id, Verdict(Act.SUBMIT))
    except Conflict:  # its reviewer sent it: it stays a draft until another one is named
        return


def _keep(work: Work, row: Any, home: Access, found: Round, artifact_id: int) -> None:
    me = work.actor.id if work.actor else None
    rounds.put(work, row.id, found.number, artifact_id=artifact_id, answered_at=work.now, answered_by=me)
    rounds.bump(work, row.id, row.version)
    detail = {"round": found.number, "due": found.due_on, "artifact": artifact_id, "system": home.slug}
    work.record(Event.EVIDENCE_REQUEST_ANSWERED, f"evidence_request:{row.id}", detail)
    if evidence.visible(work, artifact_id).status == ArtifactStatus.APPROVED:
        rounds.met(work, artifact_id)
