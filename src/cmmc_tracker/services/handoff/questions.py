"""What assessors ask of the contractor about a package, and what is answered.

An assessor writes no finding here: this is the contractor's system. Whatever they write comes to the contractor as a
question; who contributes to the system answers it, and the assessor reads the answer where they asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, func, insert, select, update

from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.catalog import ObjectiveId
from cmmc_tracker.domain.handoff.browsing import Frozen
from cmmc_tracker.domain.handoff.viewing import Asked, parse_said
from cmmc_tracker.domain.permissions import Access, Action, Right, allow
from cmmc_tracker.errors import Conflict, NotFound
from cmmc_tracker.services import members
from cmmc_tracker.services.artifact_views import COMMAND_LINE
from cmmc_tracker.services.artifacts import actor_id
from cmmc_tracker.services.handoff import packages
from cmmc_tracker.services.handoff.opening import Opened
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage import tables as t
from cmmc_tracker.storage.tables import package_questions, package_views

MOST_OPEN = 200  # questions of one view that wait for an answer
MOST = 500


@dataclass(frozen=True, slots=True)
class Question:
    """A question with what it is about and what was answered; `version` is what an answer must name."""

    id: int
    package_id: int
    asked_by: str
    text: str
    asked_at: datetime
    requirement: str
    letter: str
    artifact_id: int | None
    answer: str
    answered_at: datetime | None
    answered_by: str
    version: int
    number: int  # of the package
    slug: str

    @property
    def about(self) -> str:
        """What it is about, in words; empty for the whole package."""
        if self.letter:
            return str(ObjectiveId(self.requirement, self.letter))
        return self.requirement or (f"artifact {self.artifact_id}" if self.artifact_id else "")


def ask(work: Work, view: Opened, package: Frozen, asked: Asked) -> int:
    """Ask the contractor; returns the question's number.

    Raises `NotFound` for an artifact that the package has not, `Conflict` while very many wait for an answer.
    """
    if asked.artifact is not None:
        package.artifact(asked.artifact)
    work.alone(f"questions:{view.id}")
    waiting = and_(package_questions.c.view_id == view.id, package_questions.c.answered_at.is_(None))
    if work.db.execute(select(func.count()).select_from(package_questions).where(waiting)).scalar_one() >= MOST_OPEN:
        raise Conflict(f"{MOST_OPEN} of your questions wait for an answer. Ask again when some are answered.")
    values = {"requirement": asked.requirement, "letter": asked.letter, "artifact_id": asked.artifact}
    key = work.change(
        insert(package_questions).values(
            package_id=view.package.id, view_id=view.id, text=asked.text, asked_at=work.now, **values
        )
    ).inserted_primary_key
    assert key is not None  # noqa: S101 a narrowing for the type checker
    told = {"system": view.slug, "number": view.package.number, "view": view.id, "question": key[0]}
    told |= {name: value for name, value in values.items() if value is not None}
    work.record(Event.PACKAGE_ASKED, view.package.holder, {**told, "text": asked.text})
    return int(key[0])


def answer(work: Work, system: Access, package_id: int, question_id: int, text: str, *, seen: int | None) -> None:
    """Answer a question, or answer it anew; `seen` is the version that was read.

    Raises `Stale` where somebody else answered meanwhile: an answer that was read is not written over unseen.
    """
    allow(work.actor, Action.REMARK_WRITE, system)
    package = packages.one(work, system, package_id)
    said = parse_said(text, "answer")
    where = and_(package_questions.c.id == question_id, package_questions.c.package_id == package.id)
    row = work.row(select(package_questions).where(where))
    if row is None:
        raise NotFound("This package has no such question.")
    at = and_(where, package_questions.c.version == (row.version if seen is None else seen))
    values = {"answer": said, "answered_at": work.now, "answered_by": actor_id(work), "version": row.version + 1}
    work.change_one(update(package_questions).where(at).values(**values))
    told = {"system": system.slug, "number": package.number, "question": question_id, "text": said}
    work.record(Event.PACKAGE_ANSWERED, package.holder, told)


def of_view(work: Work, view: Opened) -> list[Question]:
    """What the holder of a view asked, newest first, with the answers."""
    return _read(work, _all().where(package_questions.c.view_id == view.id))


def of_package(work: Work, system: Access, package_id: int) -> list[Question]:
    """What was asked of a package, newest first."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    here = and_(package_questions.c.package_id == package_id, t.packages.c.system_id == system.system_id)
    return _read(work, _all().where(here))


def to_answer(work: Work) -> list[Question]:
    """The open questions that the actor may answer, newest first."""
    return _read(work, _waiting(work))


def waiting(work: Work) -> Select[Any]:
    """The numbers of those questions, for counting them."""
    return _waiting(work).with_only_columns(package_questions.c.id)


def _waiting(work: Work) -> Select[Any]:
    ids = work.actor.system_ids(Right.CONTRIBUTE) if work.actor else []
    return _all().where(package_questions.c.answered_at.is_(None), t.packages.c.system_id.in_(ids))


def _all() -> Select[Any]:
    return (
        select(package_questions, package_views.c.whom, t.packages.c.number, t.systems.c.slug)
        .join(package_views, package_views.c.id == package_questions.c.view_id)
        .join(t.packages, t.packages.c.id == package_questions.c.package_id)
        .join(t.systems, t.systems.c.id == t.packages.c.system_id)
    )


def _read(work: Work, query: Select[Any]) -> list[Question]:
    rows = work.rows(query.order_by(package_questions.c.id.desc()).limit(MOST))
    known = members.names(work, {row.answered_by for row in rows})
    return [_question(row, known) for row in rows]


def _question(row: Any, known: Mapping[int | None, str]) -> Question:
    by = known.get(row.answered_by, COMMAND_LINE) if row.answered_at else ""
    return Question(
        *(row.id, row.package_id, row.whom, row.text, row.asked_at),
        *(row.requirement or "", row.letter or "", row.artifact_id),
        *(row.answer, row.answered_at, by, row.version, row.number, row.slug),
    )
