"""The rounds of requests as the database keeps them; what `artifacts` and `reviews` tell of an approval ends here.

Nothing of evidence is imported here, so that every service of evidence may call it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Select, and_, insert, select, update

from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.freshness import Cadence
from cmmc_tracker.domain.requests import Mark, Round, Schedule
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import artifacts, request_rounds, requests, systems

MET = "met: the evidence is approved"


def schedule_of(work: Work, row: Any) -> Schedule:
    """When a request's rounds are due."""
    return Schedule(row.first_due, Cadence(row.cadence), work.day(row.closed_at) if row.closed_at else None)


def rows_of(work: Work, request_ids: Iterable[int]) -> Mapping[int, list[Any]]:
    """What is kept of the rounds of these requests, with the artifact that answers each, in order."""
    found: dict[int, list[Any]] = defaultdict(list)
    for row in work.rows(_with_artifacts().where(request_rounds.c.request_id.in_(list(request_ids)))):
        found[row.request_id].append(row)
    return found


def _with_artifacts() -> Select[Any]:
    about = (artifacts.c.title, artifacts.c.status, artifacts.c.deleted_at, artifacts.c.quarantined_at)
    answer = artifacts.c.id == request_rounds.c.artifact_id
    query = select(request_rounds, *about).join(artifacts, answer, isouter=True)
    return query.order_by(request_rounds.c.request_id, request_rounds.c.number)


def mark_of(row: Any) -> Mark:
    """What a row says of its round: an answer that is in the trash is none, so the round is open again."""
    answered = row.artifact_id is not None and row.deleted_at is None
    return Mark(answered, row.met_at is not None, row.waived_at is not None)


def of(work: Work, request: Any) -> list[Round]:
    """The rounds of one request as they stand today."""
    marks = {row.number: mark_of(row) for row in rows_of(work, [request.id])[request.id]}
    return schedule_of(work, request).rounds(marks, work.today)


def put(work: Work, request_id: int, number: int, **values: Any) -> None:
    """Keep something of a round; the caller has seen to being alone with the request."""
    where = and_(request_rounds.c.request_id == request_id, request_rounds.c.number == number)
    if work.row(select(request_rounds.c.number).where(where)) is None:
        work.change(insert(request_rounds).values(request_id=request_id, number=number, **values))
    else:
        work.change(update(request_rounds).where(where).values(**values))


def bump(work: Work, request_id: int, version: int, **values: Any) -> None:
    """Change a request from the version that was read to the next; raises `Stale` where somebody was quicker."""
    where = and_(requests.c.id == request_id, requests.c.version == version)
    work.change_one(update(requests).where(where).values(version=requests.c.version + 1, **values))


def met(work: Work, artifact_id: int) -> None:
    """An artifact is approved: the rounds that it answers are met, and a request for once is closed.

    Not while it waits in quarantine: whoever accepts it calls this again. Called in the Work that approved it, with the
    artifact's row changed before: so of two Works, one that answers a round with the artifact and one that approves it,
    the later sees what the earlier did.
    """
    waits = and_(
        request_rounds.c.artifact_id == artifact_id,
        request_rounds.c.met_at.is_(None),
        request_rounds.c.waived_at.is_(None),
    )
    query = (
        select(request_rounds.c.request_id, request_rounds.c.number, requests.c.cadence, requests.c.closed_at)
        .add_columns(systems.c.slug)
        .join(requests, requests.c.id == request_rounds.c.request_id)
        .join(systems, systems.c.id == requests.c.system_id)
        .join(artifacts, artifacts.c.id == request_rounds.c.artifact_id)
        .where(waits, artifacts.c.quarantined_at.is_(None))
    )
    for row in work.rows(query.order_by(request_rounds.c.request_id, request_rounds.c.number)):
        put(work, row.request_id, row.number, met_at=work.now)
        closing = {"closed_at": work.now, "closed_by": work.actor.id if work.actor else None, "close_reason": MET}
        ends = row.closed_at is None and row.cadence == Cadence.ONCE
        change = update(requests).where(requests.c.id == row.request_id)
        work.change(change.values(version=requests.c.version + 1, **(closing if ends else {})))
        detail = {"round": row.number, "artifact": artifact_id, "system": row.slug, "closed": ends}
        work.record(Event.EVIDENCE_REQUEST_MET, f"evidence_request:{row.request_id}", detail)
