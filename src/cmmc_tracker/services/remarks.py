"""Remarks on an artifact or an objective. They stay; a question to somebody is open until one of the two settles it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, insert, select, update

from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.catalog import ObjectiveId
from cmmc_tracker.domain.permissions import Access, Action, allow, system_by_id
from cmmc_tracker.domain.text import clean_text, is_visible
from cmmc_tracker.errors import Forbidden, Invalid, NotFound
from cmmc_tracker.services import members
from cmmc_tracker.services.artifacts import actor_id, visible
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import remarks

LONGEST = 5_000


@dataclass(frozen=True, slots=True)
class Remark:
    """One remark as it is shown."""

    id: int
    text: str
    written_at: datetime
    written_by: str
    asked_of: str
    settled_at: datetime | None
    settled_by: str
    open_to_me: bool  # a question that the reader may settle


def parse_text(text: str, *, needed: bool = True, field: str = "text") -> str:
    """A remark's text; raises `Invalid` at the field for none where one is needed, and for a very long one."""
    cleaned = clean_text(text)
    if "\0" in text or len(cleaned) > LONGEST:
        raise Invalid({field: f"A remark has at most {LONGEST:,} characters."})
    if needed and not is_visible(cleaned):
        raise Invalid({field: "Please write what is to be said."})
    return cleaned


def write_on_artifact(work: Work, artifact_id: int, text: str, ask: str = "") -> int:
    """Say something of an artifact, or ask a member of its system; returns the remark's number."""
    row = visible(work, artifact_id)
    home = system_by_id(work.actor, row.system_id)
    return _ask(work, home, text, ask, f"artifact:{artifact_id}", artifact_id=artifact_id)


def say_with_verdict(work: Work, artifact_id: int, system: Access, text: str) -> None:
    """What somebody said with an act of review; the act itself asked for the right."""
    _write(work, system, parse_text(text), None, f"artifact:{artifact_id}", artifact_id=artifact_id)


def write_on_objective(work: Work, system: Access, objective: ObjectiveId, text: str, ask: str = "") -> int:
    """Say something of an objective in a system, or ask a member of it; returns the remark's number."""
    subject = f"objective:{system.slug}/{objective}"
    return _ask(work, system, text, ask, subject, requirement=objective.requirement, letter=objective.letter)


def _ask(work: Work, system: Access, text: str, ask: str, subject: str, **about: Any) -> int:
    allow(work.actor, Action.REMARK_WRITE, system)
    said = parse_text(text)
    return _write(work, system, said, members.named(work, system.system_id, clean_text(ask), "ask"), subject, **about)


def _write(work: Work, system: Access, said: str, asked: int | None, subject: str, **about: Any) -> int:
    values = {"text": said, "written_at": work.now, "written_by": actor_id(work), "asked_of": asked, **about}
    key = work.change(insert(remarks).values(system_id=system.system_id, **values)).inserted_primary_key
    assert key is not None  # noqa: S101 a narrowing for the type checker
    asked_name = members.names(work, {asked}).get(asked, "")
    work.record(
        Event.REMARK_WRITTEN, subject, {"remark": key[0], "text": said, "asked_of": asked_name, "system": system.slug}
    )
    return int(key[0])


def settle(work: Work, remark_id: int) -> Any:
    """Close a question: who asked and who was asked may. Returns its row; again is no error."""
    work.alone(f"remark:{remark_id}")
    row = work.row(select(remarks).where(remarks.c.id == remark_id))
    home = work.actor.by_id(row.system_id) if work.actor and row else None
    if row is None or home is None:
        raise NotFound("There is no such remark.")
    allow(work.actor, Action.SYSTEM_VIEW, home)  # who may only view can be asked, so they can answer for it
    if row.asked_of is None or actor_id(work) not in {row.asked_of, row.written_by}:
        raise Forbidden("Only who asked, or who was asked, settles a question.")
    if row.settled_at is None:
        change = update(remarks).where(remarks.c.id == remark_id)
        work.change(change.values(settled_at=work.now, settled_by=actor_id(work)))
        work.record(Event.REMARK_SETTLED, f"remark:{remark_id}", {})
    return row


def of_artifact(work: Work, artifact_id: int) -> list[Remark]:
    """What was said of an artifact, oldest first; the caller has checked that the reader may see it."""
    return _read(work, select(remarks).where(remarks.c.artifact_id == artifact_id))


def of_requirement(work: Work, system: Access, requirement: str) -> dict[str, list[Remark]]:
    """What was said of a requirement's objectives, by letter, oldest first."""
    where = and_(remarks.c.system_id == system.system_id, remarks.c.requirement == requirement)
    found: dict[str, list[Remark]] = {}
    query = select(remarks).where(where)
    letters = {row.id: row.letter for row in work.rows(query)}
    for one in _read(work, query) if letters else []:
        found.setdefault(letters[one.id], []).append(one)
    return found


def _read(work: Work, query: Select[Any]) -> list[Remark]:
    rows = work.rows(query.order_by(remarks.c.id))
    known = members.names(work, {i for row in rows for i in (row.written_by, row.asked_of, row.settled_by)})
    me = actor_id(work)
    return [
        Remark(
            row.id,
            row.text,
            row.written_at,
            known.get(row.written_by, "command line"),
            known.get(row.asked_of, ""),
            row.settled_at,
            known.get(row.settled_by, ""),
            row.asked_of is not None and row.settled_at is None and me in {row.asked_of, row.written_by},
        )
        for row in rows
    ]
