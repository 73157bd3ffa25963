"""Requests as they are read: of a system, of a person, of an objective; one with its rounds; what falls due when."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, and_, bindparam, case, cast, extract, func, literal, or_, select

from cmmc_tracker.domain.artifacts import ArtifactStatus
from cmmc_tracker.domain.catalog import ObjectiveId
from cmmc_tracker.domain.freshness import Cadence
from cmmc_tracker.domain.permissions import Access, Right
from cmmc_tracker.domain.requests import MOST_ROUNDS, Mark, Round, RoundState
from cmmc_tracker.errors import NotFound
from cmmc_tracker.services import members
from cmmc_tracker.services.requests import rounds
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import artifacts, memberships, request_rounds, requests, users

MOST = 500
FILTERS = ("open", "overdue", "closed")


@dataclass(frozen=True, slots=True)
class Answer:
    """The artifact that answers a round."""

    id: int
    title: str
    status: ArtifactStatus
    in_trash: bool
    in_quarantine: bool


@dataclass(frozen=True, slots=True)
class KnownRound:
    """A round with what was done about it."""

    round: Round
    answer: Answer | None
    answered_at: datetime | None
    answered_by: str
    met_at: datetime | None
    waived_by: str
    waived_why: str
    is_late: bool = False  # it was answered after its due day

    @property
    def sent_back(self) -> bool:
        """Whether what was sent must be mended: it is a draft again, or was never handed in."""
        found = self.answer
        return self.round.state is RoundState.SENT and found is not None and found.status is ArtifactStatus.DRAFT

    @property
    def takes_files(self) -> bool:
        """Whether files may come for it: a first answer, or a new version of what was sent."""
        if self.round.awaits:
            return True
        held = self.answer is not None and self.answer.in_quarantine
        return self.round.state is RoundState.SENT and not held


@dataclass(frozen=True, slots=True)
class Request:
    """One request for evidence with its rounds, oldest first."""

    id: int
    system_id: int
    system: str
    objective: ObjectiveId
    wanted: str
    person: str  # the member it is asked of; empty where `outside` names somebody without an account
    outside: str
    stuck: str  # why the member cannot answer any more, and what to do; else empty
    cadence: Cadence
    first_due: date
    rounds: tuple[KnownRound, ...]
    created_by: str
    closed_at: datetime | None
    closed_by: str
    close_reason: str
    version: int

    @property
    def asked_of(self) -> str:
        """Whoever is asked, by name."""
        return self.person or self.outside

    @property
    def awaited(self) -> list[Round]:
        """The rounds for which something is still to be sent, oldest first."""
        return [one.round for one in self.rounds if one.round.awaits] if self.closed_at is None else []

    @property
    def missed(self) -> int:
        """How many rounds were missed and are still awaited."""
        return sum(one.state is RoundState.MISSED for one in self.awaited)

    @property
    def due_on(self) -> date | None:
        """The day of the oldest round that is awaited."""
        return self.awaited[0].due_on if self.awaited else None

    @property
    def answerable(self) -> list[KnownRound]:
        """The rounds that files may come for, those that await something first."""
        if self.closed_at is not None:
            return []
        found = [one for one in self.rounds if one.takes_files]
        return sorted(found, key=lambda one: not one.round.awaits)


@dataclass(frozen=True, slots=True)
class DueRound:
    """A round in the calendar."""

    due_on: date
    request: Request
    number: int
    state: RoundState


def one(work: Work, request_id: int) -> Request:
    """One request; raises `NotFound` for strangers to its system."""
    found = _filled(work, work.rows(_all(work).where(requests.c.id == request_id)))
    if not found:
        raise NotFound("There is no such request, or it belongs to a system that you are not a member of.")
    return found[0]


def of_system(work: Work, system: Access, shown: str = "open", about: ObjectiveId | None = None) -> list[Request]:
    """The requests of a system that are open, overdue or closed; what presses most first."""
    query = _all(work).where(requests.c.system_id == system.system_id)
    closed = requests.c.closed_at.is_not(None) if shown == "closed" else requests.c.closed_at.is_(None)
    if about is not None:
        query = query.where(requests.c.requirement == about.requirement, requests.c.letter == about.letter)
    found = _filled(work, work.rows(query.where(closed).order_by(requests.c.id.desc()).limit(MOST)))
    if shown == "closed":
        return found
    return _by_day(one for one in found if shown != "overdue" or one.missed)


def mine(work: Work) -> list[Request]:
    """The open requests of the actor's for which something is still to be sent, what presses most first."""
    query = _all(work).where(requests.c.asked_of == _me(work), requests.c.closed_at.is_(None))
    return _by_day(one for one in _filled(work, work.rows(query)) if one.awaited)


def of_requirement(work: Work, system: Access, requirement: str) -> Mapping[str, list[Request]]:
    """The open requests of a requirement, by the letter of their objective."""
    query = _all(work).where(requests.c.system_id == system.system_id, requests.c.requirement == requirement)
    found: dict[str, list[Request]] = {}
    for one in _by_day(_filled(work, work.rows(query.where(requests.c.closed_at.is_(None))))):
        found.setdefault(one.objective.letter, []).append(one)
    return found


def answered_by(work: Work, artifact_id: int) -> list[tuple[int, date]]:
    """The requests of the actor's systems that an artifact answers, with the due day of the round."""
    answer = request_rounds.c.request_id == requests.c.id
    query = _visible(work, select(requests, request_rounds.c.number).join(request_rounds, answer))
    rows = work.rows(query.where(request_rounds.c.artifact_id == artifact_id).order_by(requests.c.id))
    return [(row.id, rounds.schedule_of(work, row).due(row.number)) for row in rows]


def due_rounds(work: Work, until: date) -> list[DueRound]:
    """Every round that is awaited or falls due up to a day, in the actor's systems, by day."""
    today = work.today
    found: list[DueRound] = []
    query = _all(work).where(requests.c.closed_at.is_(None)).order_by(requests.c.first_due).limit(MOST)
    for row, known in zip(rows := work.rows(query), _filled(work, rows), strict=True):
        found += [DueRound(r.due_on, known, r.number, r.state) for r in known.awaited if r.due_on <= until]
        ahead = rounds.schedule_of(work, row).ahead(today, until)
        found += [DueRound(day, known, number, RoundState.OPEN) for number, day in ahead]
    return sorted(found, key=lambda one: (one.due_on, one.request.id))


def counted(work: Work) -> ColumnElement[int]:
    """How many requests `mine` holds, as a column of another query."""
    settled = (
        select(func.count())
        .select_from(request_rounds)
        .join(artifacts, artifacts.c.id == request_rounds.c.artifact_id, isouter=True)
        .where(
            request_rounds.c.request_id == requests.c.id,
            request_rounds.c.number > _newest(work.today) - MOST_ROUNDS,
            or_(
                request_rounds.c.met_at.is_not(None),
                request_rounds.c.waived_at.is_not(None),
                and_(request_rounds.c.artifact_id.is_not(None), artifacts.c.deleted_at.is_(None)),
            ),
        )
        .correlate(requests)
        .scalar_subquery()
    )
    newest = _newest(work.today)
    existing = case((newest > MOST_ROUNDS, MOST_ROUNDS), else_=newest)
    mine = and_(requests.c.asked_of == _me(work), requests.c.closed_at.is_(None), settled < existing)
    return _visible(work, select(func.count()).select_from(requests).where(mine)).scalar_subquery()


def _newest(today: date) -> ColumnElement[int]:
    """`Schedule.newest` in SQL, for counting without reading."""
    first = requests.c.first_due
    year, month, day = (cast(extract(part, first), Integer) for part in ("year", "month", "day"))
    between = literal(today.year * 12 + today.month) - year * 12 - month
    step = case({c: c.months for c in Cadence if c.months}, value=requests.c.cadence, else_=1)
    in_time = and_(between % step == 0, day >= today.day)
    once = requests.c.cadence.in_([c for c in Cadence if not c.months])
    return case((or_(once, first >= today), 1), (in_time, between // step + 1), else_=between // step + 2)


def _me(work: Work) -> int | None:
    return work.actor.id if work.actor else None


def _visible(work: Work, query: Select[Any]) -> Select[Any]:
    return query.where(requests.c.system_id.in_(work.actor.system_ids() if work.actor else []))


def _all(work: Work) -> Select[Any]:
    """Every request of the actor's systems, and what is known of the member it is asked of."""
    return _visible(work, _asked_of().params(now=work.now))


@cache  # putting it together takes longer than running it
def _asked_of() -> Select[Any]:
    today = or_(memberships.c.until.is_(None), memberships.c.until > bindparam("now"))
    works = and_(memberships.c.user_id == requests.c.asked_of, memberships.c.system_id == requests.c.system_id, today)
    return (
        select(requests, users.c.name, memberships.c.may_contribute)
        .add_columns(or_(users.c.disabled_at.is_not(None), users.c.deleted_at.is_not(None)).label("is_gone"))
        .join(users, users.c.id == requests.c.asked_of, isouter=True)
        .join(memberships, works, isouter=True)
    )


def _filled(work: Work, rows: list[Any]) -> list[Request]:
    if not rows:
        return []
    kept = rounds.rows_of(work, [row.id for row in rows])
    ids = {i for row in rows for i in (row.created_by, row.closed_by)}
    ids |= {i for all_of in kept.values() for row in all_of for i in (row.answered_by, row.waived_by)}
    names = members.names(work, ids)
    slugs = {access.system_id: slug for slug, access in work.actor.systems.items()} if work.actor else {}
    return [
        Request(
            row.id,
            row.system_id,
            slugs[row.system_id],
            ObjectiveId(row.requirement, row.letter),
            row.wanted,
            row.name or "",
            row.outside,
            _stuck(row),
            Cadence(row.cadence),
            row.first_due,
            tuple(_rounds(work, row, kept.get(row.id, []), names)),
            names.get(row.created_by, "command line"),
            row.closed_at,
            names.get(row.closed_by, ""),
            row.close_reason,
            row.version,
        )
        for row in rows
    ]


def _stuck(row: Any) -> str:
    if row.asked_of is None or row.closed_at is not None:
        return ""
    if row.is_gone:
        return f"{row.name} cannot sign in any more: hand it over."
    return "" if row.may_contribute else f"{row.name} does not contribute to this system any more: hand it over."


def _rounds(work: Work, row: Any, kept: list[Any], names: Mapping[int | None, str]) -> list[KnownRound]:
    by_number = {one.number: one for one in kept}
    marks: dict[int, Mark] = {number: rounds.mark_of(one) for number, one in by_number.items()}
    due = rounds.schedule_of(work, row).rounds(marks, work.today)
    return [_known(work, one, by_number.get(one.number), names) for one in due]


def _known(work: Work, found: Round, row: Any, names: Mapping[int | None, str]) -> KnownRound:
    if row is None:
        return KnownRound(found, None, None, "", None, "", "")
    answer = None
    if row.artifact_id is not None:
        gone, held = row.deleted_at is not None, row.quarantined_at is not None
        answer = Answer(row.artifact_id, row.title, ArtifactStatus(row.status), gone, held)
    by = names.get(row.answered_by, "an upload link") if row.answered_at else ""
    waiver, why = (names.get(row.waived_by, ""), row.waived_why) if row.waived_at else ("", "")
    is_late = row.answered_at is not None and work.day(row.answered_at) > found.due_on
    return KnownRound(found, answer, row.answered_at, by, row.met_at, waiver, why, is_late)


def _by_day(found: Any) -> list[Request]:
    return sorted(found, key=lambda one: (one.due_on or date.max, one.id))


def may_manage(work: Work, system_id: int) -> bool:
    """Whether the actor may ask, answer and close in that system."""
    home = work.actor.by_id(system_id) if work.actor else None
    return home is not None and Right.CONTRIBUTE in home.rights
