"""How long what a package pins is kept: a later date, and legal holds; both lengthen, neither shortens.

A legal hold has no date: while it stands, nothing of the package goes, whatever its day. Who placed it, why and when
stays for ever, and so does who lifted it. Administrators alone do either, in systems that they are members of.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update

from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.handoff.package import parse_later, parse_why
from cmmc_tracker.domain.permissions import Access, Action, allow
from cmmc_tracker.errors import NotFound, Stale
from cmmc_tracker.services import members
from cmmc_tracker.services.artifact_views import COMMAND_LINE
from cmmc_tracker.services.artifacts import actor_id
from cmmc_tracker.services.handoff import packages
from cmmc_tracker.services.handoff.packages import Package
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import artifacts, package_holds, pins
from cmmc_tracker.storage.tables import packages as packages_table


@dataclass(frozen=True, slots=True)
class Hold:
    """A legal hold; `lifted_at` None: it stands."""

    id: int
    reason: str
    placed_at: datetime
    placed_by: str
    lifted_at: datetime | None
    lifted_by: str
    lifted_why: str


def of(work: Work, package: Package) -> list[Hold]:
    """The legal holds of a package, those that stand first, then the newest."""
    query = select(package_holds).where(package_holds.c.package_id == package.id)
    rows = work.rows(query.order_by(package_holds.c.lifted_at.is_not(None), package_holds.c.id.desc()))
    names = members.names(work, {one for row in rows for one in (row.placed_by, row.lifted_by)})
    return [
        Hold(
            *(row.id, row.reason, row.placed_at, names.get(row.placed_by, COMMAND_LINE), row.lifted_at),
            names.get(row.lifted_by, COMMAND_LINE) if row.lifted_at else "",
            row.lifted_why,
        )
        for row in rows
    ]


def _one(work: Work, system: Access, package_id: int) -> Package:
    """The package, where the actor may say how long it is kept."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    allow(work.actor, Action.PACKAGE_HOLD, system)
    return packages.one(work, system, package_id)


def _stay(work: Work, package: Package) -> None:
    """Let nothing of the package go while how long it is kept is said.

    Who purges locks the row of an artifact before looking whether it is held; without this, both could be right.
    """
    pinned = select(pins.c.artifact_id).where(pins.c.holder == package.holder)
    work.rows(
        select(artifacts.c.id).where(artifacts.c.id.in_(pinned)).order_by(artifacts.c.id).with_for_update(read=True)
    )


def keep_until(work: Work, system: Access, package_id: int, given: Any, version: int | None = None) -> Package:
    """Keep what a package pins until a later day.

    Raises `Conflict` for an earlier day than it is kept until already, `Invalid` for no day and one more than a hundred
    years away, `Stale` for another version than that one.
    """
    one = _one(work, system, package_id)
    until = parse_later(given, one.retained_until, work.today)
    seen = one.version if version is None else version
    _stay(work, one)
    mine = update(packages_table).where(packages_table.c.id == one.id, packages_table.c.version == seen)
    work.change_one(mine.values(retained_until=until, version=seen + 1))
    work.change(update(pins).where(pins.c.holder == one.holder, pins.c.until < until).values(until=until))
    told = {"system": system.slug, "before": one.retained_until.isoformat(), "now": until.isoformat()}
    work.record(Event.PACKAGE_KEPT_LONGER, one.holder, told)
    return packages.one(work, system, package_id)


def place(work: Work, system: Access, package_id: int, reason: Any) -> Package:
    """Place a legal hold on a package; raises `Invalid` without a reason."""
    one, why = _one(work, system, package_id), parse_why(reason)
    _stay(work, one)
    values = {"package_id": one.id, "reason": why, "placed_at": work.now, "placed_by": actor_id(work)}
    key = work.change(insert(package_holds).values(**values)).inserted_primary_key
    assert key is not None  # noqa: S101 a narrowing for the type checker
    work.record(Event.PACKAGE_HELD, one.holder, {"system": system.slug, "hold": key[0], "reason": why})
    return packages.one(work, system, package_id)


def lift(work: Work, system: Access, package_id: int, hold_id: int, why: Any) -> Package:
    """Lift a legal hold. Raises `NotFound` for none of this package, `Stale` for one that was lifted already."""
    one, said = _one(work, system, package_id), parse_why(why)
    row = work.row(select(package_holds).where(package_holds.c.id == hold_id, package_holds.c.package_id == one.id))
    if row is None:
        raise NotFound("There is no such legal hold on this package.")
    standing = update(package_holds).where(package_holds.c.id == hold_id, package_holds.c.lifted_at.is_(None))
    lifted = standing.values(lifted_at=work.now, lifted_by=actor_id(work), lifted_why=said)
    if not work.change(lifted).rowcount:
        raise Stale("This legal hold was lifted already. Nothing was changed.")
    work.record(Event.PACKAGE_RELEASED, one.holder, {"system": system.slug, "hold": hold_id, "reason": said})
    return packages.one(work, system, package_id)
