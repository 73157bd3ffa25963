"""The second person of a spill: somebody who judges in the artifact's system confirms first that it is to go.

Our decision (docs/rules.md, 4.9; docs/spill.md): whoever runs the machine takes the bytes out at the command line and
has no account there, so the confirmation is recorded beforehand, on a page. It is asked for where two people or more
judge in the system and the settings do not let people approve their own; else one person does it, and the log says so.
The log keeps the confirmation: there is no row that anybody could alter. That one is waited for is a row, so that it
stands on the list of those who may give it until one does.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, func, insert, select

from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.permissions import Access, Action, Right, allow, system_by_id
from cmmc_tracker.errors import Conflict, NotFound, Stale
from cmmc_tracker.services import members, settings
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import artifact_files, artifacts, audit, spills_asked

HOLDS_DAYS = 7
_LOOKED_AT = 50  # entries about one artifact: more confirmations within a week are of somebody who plays


@dataclass(frozen=True, slots=True)
class Confirmed:
    """Who confirmed, when, and until when that holds."""

    by: str
    at: datetime

    @property
    def until(self) -> datetime:
        """Until when the artifact may be taken out on it."""
        return self.at + timedelta(days=HOLDS_DAYS)


@dataclass(frozen=True, slots=True)
class Asked:
    """An artifact as the second person sees it: what would go, and who confirmed it already."""

    artifact_id: int
    title: str
    system: Access
    version: int  # of the artifact's row: a confirmation is of the artifact as it is
    hashes: tuple[str, ...]
    confirmed: Confirmed | None
    is_needed: bool
    asked_at: datetime | None  # when the command was run and had to wait


@dataclass(frozen=True, slots=True)
class ToSpill:
    """A spill that waits for the actor as its second person."""

    artifact_id: int
    title: str
    system: Access
    asked_at: datetime


def asked(work: Work, artifact_id: int) -> Asked:
    """What somebody who judges in the artifact's system may confirm; raises `NotFound` for strangers and what is gone.

    Also of what lies in the trash or in quarantine.
    """
    row = _row(work, artifact_id)
    system = work.actor.by_id(row.system_id) if work.actor else None
    if system is None:  # told as of one that is not there: nobody counts what other systems have
        raise NotFound(_gone(artifact_id))
    allow(work.actor, Action.SPILL_CONFIRM, system)
    files = select(artifact_files.c.sha256).where(artifact_files.c.artifact_id == artifact_id).distinct()
    hashes = tuple(one.sha256 for one in work.rows(files.order_by(artifact_files.c.sha256)))
    waiting = work.row(select(spills_asked).where(spills_asked.c.artifact_id == artifact_id))
    return Asked(
        *(artifact_id, row.title, system, row.version, hashes, _confirmed(work, row), _is_needed(work, row)),
        waiting.asked_at if waiting else None,
    )


def confirm(work: Work, artifact_id: int, seen: int | None) -> None:
    """Confirm that it is to be taken out; `seen` is the version of the artifact that the person looked at.

    Once is enough: while a confirmation holds, another one changes nothing.
    """
    work.alone(f"artifact:{artifact_id}")
    found = asked(work, artifact_id)
    if seen not in {None, found.version}:
        raise Stale("Somebody changed this artifact meanwhile. Nothing was confirmed; look at it again.")
    if not found.hashes:
        raise Conflict("No bytes of it are kept here any more, so there is nothing to take out.")
    if found.confirmed:
        return
    forget(work, artifact_id)
    work.record(Event.SPILL_CONFIRMED, _entity(artifact_id), {"system": found.system.slug, "version": found.version})


def ask(work: Work, artifact_id: int) -> None:
    """Put a spill on the lists of those who may confirm it, where somebody has to and nobody has; else do nothing."""
    allow(work.actor, Action.ARTIFACT_SPILL)
    row = _row(work, artifact_id)
    work.alone(f"artifact:{artifact_id}")
    asked_already = work.row(select(spills_asked).where(spills_asked.c.artifact_id == artifact_id))
    if asked_already or _confirmed(work, row) or not _is_needed(work, row):
        return
    work.change(insert(spills_asked).values(artifact_id=artifact_id, asked_at=work.now))
    work.record(Event.SPILL_ASKED, _entity(artifact_id), {"version": row.version})


def forget(work: Work, artifact_id: int) -> None:
    """Let a spill wait for nobody any more; whoever confirms it or carries it out says so in the log."""
    work.change(delete(spills_asked).where(spills_asked.c.artifact_id == artifact_id))


def to_confirm(work: Work) -> list[ToSpill]:
    """The spills that wait for a second person in the systems where the actor judges, oldest first."""
    rows = work.rows(_waiting(work).order_by(spills_asked.c.asked_at, spills_asked.c.artifact_id))
    return [ToSpill(row.id, row.title, system_by_id(work.actor, row.system_id), row.asked_at) for row in rows]


def counted(work: Work) -> ColumnElement[int]:
    """How many those are, as a column of another query."""
    return select(func.count()).select_from(_waiting(work).subquery()).scalar_subquery()


def _waiting(work: Work) -> Select[Any]:
    ids = work.actor.system_ids(Right.JUDGE) if work.actor else []
    mine = (artifacts.c.system_id.in_(ids), artifacts.c.purged_at.is_(None))
    query = select(artifacts.c.id, artifacts.c.title, artifacts.c.system_id, spills_asked.c.asked_at)
    return query.join(spills_asked, spills_asked.c.artifact_id == artifacts.c.id).where(*mine)


def seconds_of(work: Work, artifact_ids: Collection[int]) -> Mapping[int, Confirmed | None]:
    """Who confirmed that these artifacts lose bytes, for whoever carries it out; None where one person may do it alone.

    Of each artifact, whatever system it is in: the same bytes elsewhere are somebody else's evidence. Raises `Conflict`
    where a second person is asked for and nobody has confirmed.
    """
    found, missing = {}, []
    for artifact_id in artifact_ids:
        row = _row(work, artifact_id)
        found[artifact_id] = _confirmed(work, row)
        if found[artifact_id] is None and _is_needed(work, row):
            missing.append(f"/spills/{artifact_id}")
    if missing:
        raise Conflict(
            "Nothing was done: somebody who may judge in its system confirms first that this is to be taken out, at "
            f"{', '.join(missing)}. That holds for {HOLDS_DAYS} days, while the artifact stays as it is. An "
            "administrator can let people approve their own at /config."
        )
    return found


def _row(work: Work, artifact_id: int) -> Any:
    row = work.row(select(artifacts).where(artifacts.c.id == artifact_id, artifacts.c.purged_at.is_(None)))
    if row is None:
        raise NotFound(_gone(artifact_id))
    return row


def _gone(artifact_id: int) -> str:
    return f"There is no artifact {artifact_id}, or it has gone already."


def _confirmed(work: Work, row: Any) -> Confirmed | None:
    """The newest confirmation of the artifact as it is, within its days."""
    mine = (audit.c.entity == _entity(row.id), audit.c.action == Event.SPILL_CONFIRMED)
    query = select(audit.c.at, audit.c.actor, audit.c.detail).where(*mine).order_by(audit.c.id.desc())
    for one in work.rows(query.limit(_LOOKED_AT)):
        found = Confirmed(one.actor, datetime.fromisoformat(one.at))
        if json.loads(one.detail)["version"] == row.version and found.until > work.now:
            return found
    return None


def _is_needed(work: Work, row: Any) -> bool:
    if settings.current(work).approve_own:
        return False
    return len(members.with_right(work, row.system_id, Right.JUDGE)) > 1


def _entity(artifact_id: int) -> str:
    return f"artifact:{artifact_id}"
