"""Freezing what is too large for one request: asked for and reviewed at once, hashed and written by a job.

The picture is taken when it is asked for, and waits in the database; the job hashes its files again, some seconds at a
time, and notes how far it is. A process that is killed leaves a note, and the next one goes on from there. The package
is written in one Work with the end of the note: there is all of it, or nothing.
"""

import json
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, insert, or_, select, update

from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.handoff.package import Asked, Purpose, canonical
from cmmc_tracker.domain.permissions import Access, Action, Actor, Organization, Role, allow, system_by_id
from cmmc_tracker.errors import Busy, Conflict, NoSpace, NotFound, Stale, TrackerError
from cmmc_tracker.services import integrity, members, systems
from cmmc_tracker.services.artifact_views import COMMAND_LINE
from cmmc_tracker.services.artifacts import actor_id
from cmmc_tracker.services.handoff import packages, sealing
from cmmc_tracker.services.handoff.packages import Package
from cmmc_tracker.services.handoff.sealing import Prepared
from cmmc_tracker.services.work import Tracker, Work
from cmmc_tracker.storage.tables import freezes, users

AT_ONCE = 512 * 1_048_576  # bytes that are hashed within a request: a second or so
SECONDS = 10.0  # of one turn, after which how far it is is noted
MOST_TRIES = 5
MOST_WAITING = 5  # freezes of one system: each keeps a whole picture of it until its end
_UNDER_WAY = ("waiting", "hashing")
_SHOWN = timedelta(days=7)  # how long a failure stands on the page


@dataclass(frozen=True, slots=True)
class Freeze:
    """A freeze that a job does; `package_id` once it is done, `message` where it failed."""

    id: int
    system_id: int
    name: str
    purpose: Purpose
    asked_at: datetime
    asked_by: str
    state: str
    bytes: int
    bytes_done: int
    message: str
    package_id: int | None

    @property
    def is_under_way(self) -> bool:
        """Whether it neither is done nor failed."""
        return self.state in _UNDER_WAY


def ask(tracker: Tracker, actor: Actor, address: str, system: Access, asked: Asked) -> Package | Freeze:
    """Freeze a system: at once where its files are few, else by a job, whose note is returned.

    Raises `Conflict` as `packages.freeze` does, and where very many are under way in the system already; where a job
    hashes, files that are missing or altered fail it.
    """
    content = packages.reviewed(tracker, actor, address, system, asked)
    if sum(sealing.contents(content).values()) <= AT_ONCE:
        ready = sealing.prepared(tracker, content)
        with tracker.write(actor, address) as work:
            return packages.keep(work, system, asked, ready)
    with tracker.write(actor, address) as work:
        return _noted(work, system, asked, content)


def _noted(work: Work, system: Access, asked: Asked, content: Mapping[str, Any]) -> Freeze:
    work.alone(f"freezes:{system.system_id}")
    mine = (freezes.c.system_id == system.system_id, freezes.c.state.in_(_UNDER_WAY))
    if len(work.rows(select(freezes.c.id).where(*mine))) >= MOST_WAITING:
        raise Conflict(f"{MOST_WAITING} freezes of this system are under way. Wait for one, or give one up.")
    values: dict[str, Any] = {
        "system_id": system.system_id,
        "name": asked.name,
        "purpose": asked.purpose,
        "asked_at": work.now,
        "state": "waiting",
        "bytes": sum(sealing.contents(content).values()),
    }
    more = {"reason": asked.reason, "releasable": asked.releasable, "address": work.address, "hashed": {}}
    query = insert(freezes).values(**values, **more, asked_by=actor_id(work), snapshot=canonical(content))
    key = work.change(query).inserted_primary_key
    assert key is not None  # noqa: S101 a narrowing for the type checker
    told = {"system": system.slug, "name": asked.name, "purpose": asked.purpose.value, "reason": asked.reason}
    work.record(Event.PACKAGE_ORDERED, f"freeze:{key[0]}", told)
    name = work.actor.name if work.actor else COMMAND_LINE
    return Freeze(id=int(key[0]), asked_by=name, bytes_done=0, message="", package_id=None, **values)


def listed(work: Work, system: Access) -> list[Freeze]:
    """The freezes of a system that are under way, and those that failed of late, newest first."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    failed = (freezes.c.state == "failed") & (freezes.c.ended_at > work.now - _SHOWN)
    query = _COLUMNS.where(freezes.c.system_id == system.system_id, or_(freezes.c.state.in_(_UNDER_WAY), failed))
    return _all(work, query.order_by(freezes.c.id.desc()))


def one(work: Work, system: Access, freeze_id: int) -> Freeze:
    """A freeze of a system; raises `NotFound`."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    found = _all(work, _COLUMNS.where(freezes.c.id == freeze_id, freezes.c.system_id == system.system_id))
    if not found:
        raise NotFound("There is no such freeze in this system.")
    return found[0]


_COLUMNS: Select[Any] = select(
    *(freezes.c[name] for name in Freeze.__slots__),
)


def _all(work: Work, query: Select[Any]) -> list[Freeze]:
    rows = work.db.execute(query).mappings().all()
    names = members.names(work, {row["asked_by"] for row in rows})
    return [
        Freeze(**{**row, "purpose": Purpose(row["purpose"]), "asked_by": names.get(row["asked_by"], COMMAND_LINE)})
        for row in rows
    ]


def stop(work: Work, system: Access, freeze_id: int) -> None:
    """Give a freeze up that is under way; raises `NotFound`, and `Stale` for one that ended meanwhile."""
    allow(work.actor, Action.PACKAGE_FREEZE, system)
    one(work, system, freeze_id)
    who = work.actor.name if work.actor and work.actor.id else COMMAND_LINE
    if not _end(work, freeze_id, "failed", message=f"It was given up by {who}."):
        raise Stale("This freeze has ended meanwhile. Nothing was changed.")
    work.record(Event.PACKAGE_ENDED, f"freeze:{freeze_id}", {"system": system.slug, "reason": "given up"})


def give_up_with(work: Work, artifact_ids: Collection[int]) -> None:
    """Give up every freeze that is under way with one of these artifacts: its picture outlives what is spilled."""
    rows = work.rows(select(freezes.c.id, freezes.c.snapshot).where(freezes.c.state.in_(_UNDER_WAY)))
    for row in rows:
        picture = json.loads(row.snapshot)
        # What providers name stands in it by its title, also where it is evidence of nothing.
        told = {one["id"] for one in (*picture["artifacts"], *picture.get("named", ()))}
        gone = told & set(artifact_ids)
        if gone and _end(work, row.id, "failed", message="Evidence of it was spilled. Freeze the system anew."):
            work.record(Event.PACKAGE_ENDED, f"freeze:{row.id}", {"reason": "spilled", "artifacts": sorted(gone)})


def _end(work: Work, freeze_id: int, state: str, **values: Any) -> bool:
    """End a freeze that is under way; tells whether it was. The caller records it."""
    mine = update(freezes).where(freezes.c.id == freeze_id, freezes.c.state.in_(_UNDER_WAY))
    ended = mine.values(state=state, ended_at=work.now, snapshot="", hashed={}, **values)
    return bool(work.bookkeep(ended).rowcount)


# The job


def wanted(tracker: Tracker) -> bool:
    """Whether a freeze is under way."""
    with tracker.read() as work:
        return work.row(select(freezes.c.id).where(freezes.c.state.in_(_UNDER_WAY)).limit(1)) is not None


def turn(tracker: Tracker) -> bool:
    """Go on with the oldest freeze that is under way, for some seconds; tells whether there is more to do."""
    with tracker.write() as work:
        oldest = select(freezes).where(freezes.c.state.in_(_UNDER_WAY)).order_by(freezes.c.id).limit(1)
        row = work.row(oldest)
        if row is None:
            return False
        # Counted before it is tried: what kills its process is given up in the end.
        tried = update(freezes).where(freezes.c.id == row.id)
        work.bookkeep(tried.values(tries=row.tries + 1, state="hashing"))
    try:
        if row.tries >= MOST_TRIES:
            raise Conflict(f"It was tried {MOST_TRIES} times and never came to its end; the server's log says why.")
        _go_on(tracker, row)
    except (Busy, NoSpace):
        raise
    except TrackerError as error:
        with tracker.write() as work:
            if _end(work, row.id, "failed", message=error.message):
                work.record(Event.PACKAGE_ENDED, f"freeze:{row.id}", {"reason": error.message}, actor="freezing")
    return True


def _go_on(tracker: Tracker, row: Any) -> None:
    """Hash for some seconds; where all is hashed, write the package."""
    content = json.loads(row.snapshot)
    found = dict(row.hashed)
    todo = [one for one in sealing.contents(content).items() if one[0] not in found]
    begun, done = time.monotonic(), row.bytes_done
    for sha256, size in todo:
        if time.monotonic() - begun > SECONDS:
            break
        state, found[sha256] = sealing.look(tracker, sha256, size)
        if state != integrity.INTACT:
            sealing.refuse_damaged(content, {sha256: state})
        done += size
    with tracker.write() as work:
        mine = update(freezes).where(freezes.c.id == row.id)
        work.bookkeep(mine.values(hashed=found, bytes_done=done, tries=0 if todo else row.tries + 1))
    if len(found) == len(sealing.contents(content)):
        _write(tracker, row, content, found)


def _write(tracker: Tracker, row: Any, content: dict[str, Any], sums: Mapping[str, int]) -> None:
    ready = Prepared(content, sealing.made_before(tracker, content), sums)
    asked = Asked(row.name, Purpose(row.purpose), row.reason, row.releasable)
    with tracker.write(address=row.address) as work:
        work.actor = _actor(work, row.asked_by)
        system = system_by_id(work.actor, row.system_id)
        frozen = packages.keep(work, system, asked, ready)
        if not _end(work, row.id, "done", package_id=frozen.id):
            raise Stale("This freeze has ended meanwhile.")


def _actor(work: Work, user_id: int | None) -> Actor:
    """Who asked for it, with the rights of now; raises `NotFound` for an account that is not in use any more."""
    if user_id is None:
        return replace(Actor(None, COMMAND_LINE, Role.ADMIN), systems=systems.all_of(work))
    in_use = (users.c.disabled_at.is_(None), users.c.deleted_at.is_(None))
    row = work.row(select(users).where(users.c.id == user_id, *in_use))
    if row is None:
        raise NotFound("Whoever asked for it has no account here any more. Nothing was frozen.")
    mine = systems.of_user(work, row.id, work.now)
    return Actor(row.id, row.name, Role(row.role), mine, organization=Organization(row.organization))
