"""The 180 days of a recorded Conditional status (32 CFR 170.21(b)), read once for every page that shows them."""

from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, select

from cmmc_tracker.domain import lifecycle
from cmmc_tracker.domain.clocks import AssessmentKind
from cmmc_tracker.domain.lifecycle import PoamClock, Recorded, Stage
from cmmc_tracker.domain.permissions import Access, Action, allow
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import recorded_statuses

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
