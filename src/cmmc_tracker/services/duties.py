"""What waits for a person: evidence to bring, renew, review, questions, things to confirm; what falls due where."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Date, Select, and_, func, or_, select

from cmmc_tracker.domain.artifacts import EARLIEST, ArtifactStatus
from cmmc_tracker.domain.catalog import ObjectiveId
from cmmc_tracker.domain.freshness import AGED_MONTHS, SOON, Cadence, Dates, Freshness, freshness, months_after
from cmmc_tracker.domain.permissions import Right
from cmmc_tracker.services import confirmations, members, quarantine, spill_confirming, status_dates
from cmmc_tracker.services.artifacts import actor_id, shown_to
from cmmc_tracker.services.confirmations import ToClose, ToConfirm
from cmmc_tracker.services.handoff import questions as questions_of
from cmmc_tracker.services.requests import reading
from cmmc_tracker.services.requests.reading import Request
from cmmc_tracker.services.spill_confirming import ToSpill
from cmmc_tracker.services.status_dates import SystemDate
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import artifact_versions, artifacts, remarks

MOST = 200


@dataclass(frozen=True, slots=True)
class DueArtifact:
    """An artifact where it is named as a duty."""

    id: int
    system_id: int
    title: str
    status: ArtifactStatus
    owner: str
    cadence: Cadence
    due_on: date | None
    freshness: Freshness
    base: date


@dataclass(frozen=True, slots=True)
class Question:
    """An open question to the person."""

    id: int
    text: str
    asked_by: str
    system: str
    artifact_id: int | None
    objective: ObjectiveId | None


@dataclass(frozen=True, slots=True)
class MyWork:
    """Everything that waits for one person."""

    renew: list[DueArtifact]  # own evidence that falls due soon or is overdue
    drafts: list[DueArtifact]  # own evidence that is not handed in yet
    review: list[DueArtifact]
    answer: list[Question]
    send: list[Request]  # evidence that was asked for and is still to be sent
    accept: int  # things in quarantine, of the systems that the person contributes to
    confirm: list[ToConfirm]  # findings that wait for a second person
    close: list[ToClose]  # items of the plans that wait for one
    spills: list[ToSpill]  # what is to be taken out for good and waits for one
    dates: list[SystemDate]  # days of recorded statuses that run out; they are told, not counted
    assessors: list[questions_of.Question]  # what assessors asked about packages of those systems

    @property
    def count(self) -> int:
        """How many things wait."""
        evidence = len(self.renew) + len(self.drafts) + len(self.review)
        second = sum(len(one.letters) for one in self.confirm) + len(self.close) + len(self.spills)
        return evidence + len(self.answer) + len(self.send) + self.accept + second + len(self.assessors)


def mine(work: Work) -> MyWork:
    """What waits for the actor."""
    return MyWork(
        renew=_read(work, _to_renew(work)),
        drafts=_read(work, _drafts(work)),
        review=_read(work, _to_review(work)),
        answer=questions(work),
        send=reading.mine(work),
        accept=int(work.db.execute(select(quarantine.counted(work))).scalar_one()),
        confirm=confirmations.to_confirm(work),
        close=confirmations.to_close(work),
        spills=spill_confirming.to_confirm(work),
        dates=status_dates.answered_for(work),
        assessors=questions_of.to_answer(work),
    )


def _to_renew(work: Work) -> Select[Any]:
    soon = and_(artifacts.c.due_on <= work.today + SOON, artifacts.c.status != ArtifactStatus.SUPERSEDED)
    return _all(work).where(artifacts.c.owner_id == actor_id(work), soon).order_by(artifacts.c.due_on, artifacts.c.id)


def _drafts(work: Work) -> Select[Any]:
    own = and_(artifacts.c.owner_id == actor_id(work), artifacts.c.status == ArtifactStatus.DRAFT)
    return _all(work).where(own).order_by(artifacts.c.id)


def _to_review(work: Work) -> Select[Any]:
    """Named as the reviewer; or with the right to approve, where nobody is named and others sent it."""
    me = actor_id(work)
    approving = work.actor.system_ids(Right.APPROVE) if work.actor else []
    unclaimed = and_(
        artifacts.c.reviewer_id.is_(None),
        artifacts.c.system_id.in_(approving),
        artifact_versions.c.received_by.is_distinct_from(me),
    )
    waiting = artifacts.c.status == ArtifactStatus.IN_REVIEW
    return _all(work).where(waiting, or_(artifacts.c.reviewer_id == me, unclaimed)).order_by(artifacts.c.id)


def questions(work: Work) -> list[Question]:
    """The open questions to the actor, oldest first."""
    slugs = {access.system_id: slug for slug, access in work.actor.systems.items()} if work.actor else {}
    rows = work.rows(_to_answer(work).limit(MOST))
    known = members.names(work, {row.written_by for row in rows})
    return [
        Question(
            row.id,
            row.text,
            known.get(row.written_by, "command line"),
            slugs[row.system_id],
            row.artifact_id,
            ObjectiveId(row.requirement, row.letter) if row.requirement and row.letter else None,
        )
        for row in rows
    ]


def _to_answer(work: Work) -> Select[Any]:
    """Open questions in the actor's systems; none about what is in the trash, for nobody could look at it."""
    gone = select(artifacts.c.id).where(artifacts.c.id == remarks.c.artifact_id, artifacts.c.deleted_at.is_not(None))
    asked = and_(remarks.c.asked_of == actor_id(work), remarks.c.settled_at.is_(None), ~gone.exists())
    ids = work.actor.system_ids() if work.actor else []
    return select(remarks).where(asked, remarks.c.system_id.in_(ids)).order_by(remarks.c.id)


def counted(work: Work) -> ColumnElement[int]:
    """How many things wait for the actor, as a column of another query: of the same lists as `mine`."""
    made = (_to_renew, _drafts, _to_review, _to_answer, questions_of.waiting)
    lists = [make(work).order_by(None).subquery() for make in made]
    renew, drafts, review, answer, asked = (select(func.count()).select_from(one).scalar_subquery() for one in lists)
    others = reading.counted(work) + quarantine.counted(work) + confirmations.counted(work)
    others += spill_confirming.counted(work)
    return renew + drafts + review + answer + asked + others


def calendar(work: Work, until: date) -> list[DueArtifact]:
    """What falls due up to a day, what is overdue among it, by day."""
    due = and_(artifacts.c.due_on <= until, artifacts.c.status != ArtifactStatus.SUPERSEDED)
    return _read(work, _all(work).where(due).order_by(artifacts.c.due_on, artifacts.c.id))


def stale_on(work: Work, day: date) -> list[DueArtifact]:
    """What will not be fresh on a day, if nothing is done: overdue by then, or without a cadence and a year old."""
    if day <= EARLIEST:
        return []
    not_retired = artifacts.c.status != ArtifactStatus.SUPERSEDED
    late = _all(work).where(artifacts.c.due_on < day, not_retired).order_by(artifacts.c.due_on, artifacts.c.id)
    overdue = _read(work, late, day)
    base = func.coalesce(
        artifacts.c.covers_until,
        artifacts.c.collected_on,
        artifacts.c.covers_from,
        func.date(artifact_versions.c.received_at, type_=Date),
    )
    # The database narrows, by days of UTC; the rule itself, with its ends of months and in our own days, decides.
    old = base <= months_after(day, -AGED_MONTHS) + timedelta(days=1)
    without = _all(work).where(artifacts.c.due_on.is_(None), not_retired, old).order_by(artifacts.c.id)
    return [*overdue, *(one for one in _read(work, without, day) if one.freshness is Freshness.AGED)]


def _all(work: Work) -> Select[Any]:
    current = and_(
        artifact_versions.c.artifact_id == artifacts.c.id, artifact_versions.c.number == artifacts.c.current_version
    )
    return (
        select(artifacts, artifact_versions.c.received_at).join(artifact_versions, current).where(shown_to(work.actor))
    )


def _read(work: Work, query: Select[Any], on: date | None = None, most: int | None = MOST) -> list[DueArtifact]:
    rows = work.rows(query.limit(most) if most else query)
    known = members.names(work, {row.owner_id for row in rows})
    mine = set(work.actor.system_ids()) if work.actor else set()
    owners = {row.id: known.get(row.owner_id, "") for row in rows if row.system_id in mine}
    return list(_shown(work, rows, owners, on or work.today))


def _shown(work: Work, rows: Iterable[Any], owners: Mapping[int, str], on: date) -> Iterable[DueArtifact]:
    for row in rows:
        dates = Dates(row.covers_from, row.covers_until, row.collected_on, work.day(row.received_at))
        yield DueArtifact(
            row.id,
            row.system_id,
            row.title,
            ArtifactStatus(row.status),
            owners.get(row.id, ""),
            Cadence(row.cadence),
            row.due_on,
            freshness(row.due_on, dates, on),
            dates.base,
        )
