"""How recorded statuses stand, and the 180 days of a Conditional one (32 CFR 170.21(b)), for every page that tells."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, func, select

from cmmc_tracker.domain import lifecycle
from cmmc_tracker.domain.clocks import AssessmentKind
from cmmc_tracker.domain.lifecycle import PoamClock, Recorded, Stage, Standing
from cmmc_tracker.domain.permissions import Access, Action, allow
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import affirmations, recorded_statuses

_NEEDED = ("kind", "stage", "status_on", "first_status_on")


def recorded(row: Any) -> Recorded:
    """A row of the recorded statuses as the rules know it."""
    return Recorded(AssessmentKind(row.kind), Stage(row.stage), row.status_on, row.first_status_on)


def clock_of(newest: Any, today: date) -> PoamClock | None:
    """The clock that runs by the newest row of a system's recorded statuses; None for no row, or without one."""
    return lifecycle.poam_clock(recorded(newest), today) if newest is not None else None


def of(work: Work, system: Access) -> PoamClock | None:
    """The clock of a system as it stands today: one statement."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    mine = select(recorded_statuses).where(recorded_statuses.c.system_id == system.system_id)
    return clock_of(work.row(mine.order_by(recorded_statuses.c.id.desc()).limit(1)), work.today)


@dataclass(frozen=True, slots=True)
class Stands:
    """The newest recorded status of a system: its row, what it is today, and the clock where it is Conditional."""

    row: Any
    standing: Standing
    clock: PoamClock | None


def standings(work: Work, ids: Sequence[int]) -> Mapping[int, Stands]:
    """What was recorded last of each of these systems, as it stands today: two statements however many they are."""
    mine = recorded_statuses.c.system_id.in_(ids)
    newest = select(func.max(recorded_statuses.c.id)).where(mine).group_by(recorded_statuses.c.system_id)
    rows = work.rows(select(recorded_statuses).where(recorded_statuses.c.id.in_(newest)))
    affirmed: dict[int, list[date]] = defaultdict(list)
    by_status = select(affirmations.c.status_id, affirmations.c.affirmed_on)
    for row in work.rows(by_status.where(affirmations.c.status_id.in_([row.id for row in rows]))):
        affirmed[row.status_id].append(row.affirmed_on)
    return {
        row.system_id: Stands(
            row, lifecycle.standing(recorded(row), affirmed[row.id], work.today), clock_of(row, work.today)
        )
        for row in rows
    }


def columns(system: Access) -> list[ColumnElement[Any]]:
    """What `of_columns` needs, as columns of another query: the dashboard has no statement to spare."""
    newest = recorded_statuses.c.id.desc()
    mine = recorded_statuses.c.system_id == system.system_id
    return [
        select(recorded_statuses.c[name]).where(mine).order_by(newest).limit(1).scalar_subquery().label(name)
        for name in _NEEDED
    ]


def of_columns(row: Any, today: date) -> PoamClock | None:
    """The clock from a row with those columns; they are empty where nothing was recorded."""
    return clock_of(row, today) if row.kind else None
