"""The score with its history: replayed from the audit log, with what was recorded on the way."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func, or_, select

from cmmc_tracker.domain import catalog, score_history
from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.clocks import AssessmentKind
from cmmc_tracker.domain.permissions import Access, Action, allow
from cmmc_tracker.domain.score_history import Change, Mark, Point
from cmmc_tracker.services.remembering import Kind
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import audit, packages, recorded_statuses

_STATUSES = {status.value: status for status in Status}
_ACTS = {"record_conditional": "Conditional status", "record_final": "Final status", "close_out": "POA&M closed out"}


@dataclass(frozen=True, slots=True)
class History:
    """The score over time, oldest first, and what happened on the way."""

    points: tuple[Point, ...]
    marks: tuple[Mark, ...]


def history(work: Work, system: Access) -> History:
    """The history of a system's score: three statements, whatever its length."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    return work.remembered(Kind.HISTORY, system.system_id, lambda: _history(work, system))


def _history(work: Work, system: Access) -> History:
    points = score_history.replay(catalog.load(system.level), _changes(work, system.slug))
    return History(tuple(points), tuple(sorted(_marks(work, system.system_id), key=lambda one: one.on)))


def _changes(work: Work, slug: str) -> Iterator[Change]:
    judged, edited = f"objective:{slug}/", f"requirement:{slug}/"
    query = (
        select(audit.c.at, audit.c.entity, audit.c.detail)
        .where(
            audit.c.action.in_([Event.OBJECTIVE_JUDGED, Event.REQUIREMENT_EDITED]),
            or_(
                func.substr(audit.c.entity, 1, len(judged)) == judged,
                func.substr(audit.c.entity, 1, len(edited)) == edited,
            ),
        )
        .order_by(audit.c.id)
    )
    for row in work.rows(query):
        after = _after(row.detail)
        day, what = date.fromisoformat(row.at[:10]), row.entity.split("/", 1)[1]
        if row.entity.startswith(judged) and after.get("status") in _STATUSES:
            yield Change(day, what, _STATUSES[after["status"]])
        elif row.entity.startswith(edited) and isinstance(after.get("partial"), bool):
            yield Change(day, what, partial=after["partial"])


def _after(detail: str) -> Mapping[str, Any]:
    """What an entry says that it is now; one that somebody altered may say anything."""
    try:
        found = json.loads(detail)
    except ValueError:
        return {}
    after = found.get("after") if isinstance(found, dict) else None
    return after if isinstance(after, dict) else {}


def _marks(work: Work, system_id: int) -> Iterator[Mark]:
    recorded = select(recorded_statuses.c.kind, recorded_statuses.c.act, recorded_statuses.c.status_on)
    for row in work.rows(recorded.where(recorded_statuses.c.system_id == system_id)):
        yield Mark(row.status_on, f"{_ACTS.get(row.act, row.act)}, {AssessmentKind(row.kind).label}")
    frozen = select(packages.c.number, packages.c.frozen_at).where(packages.c.system_id == system_id)
    for row in work.rows(frozen):
        yield Mark(row.frozen_at.date(), f"Package {row.number}")
