"""The trash: out of sight, back again within thirty days, or gone for good and a tombstone in its place.

A version that is pinned (a frozen package holds it) goes before its retention date by no way; nor does its artifact.
Bytes go last, and only where no other file has the same: first the rows are committed, then the store lets go of what
no row needs, so that a crash in between leaves at worst bytes that `verify` clears.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import String, cast, delete, insert, literal, or_, select, update

from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.permissions import Action, Right, allow
from cmmc_tracker.errors import Conflict, NotFound, Stale
from cmmc_tracker.services import members
from cmmc_tracker.services.artifacts import actor_id, bumped, editable
from cmmc_tracker.services.findable import forget, remember
from cmmc_tracker.services.work import Tracker, Work
from cmmc_tracker.storage.tables import (
    artifact_files,
    artifacts,
    blob_texts,
    blobs,
    held_files,
    imports,
    links,
    package_holds,
    pins,
    tombstones,
)

KEPT_DAYS = 30
PURGED = "purged from the trash"
_AHEAD = 1_000


@dataclass(frozen=True, slots=True)
class Trashed:
    """An artifact in the trash."""

    id: int
    title: str
    deleted_at: datetime
    deleted_by: str
    until: date  # the last day on which it can be restored


@dataclass(frozen=True, slots=True)
class Stone:
    """What is left of a version's file that is gone: its hash, when it went, and why."""

    number: int
    sha256: str
    size: int
    reason: str
    gone_at: datetime


def stones(work: Work, artifact_id: int) -> list[Stone]:
    """The tombstones of an artifact, newest version first; the caller has shown that the actor may know of it."""
    query = select(tombstones).where(tombstones.c.artifact_id == artifact_id)
    rows = work.rows(query.order_by(tombstones.c.number.desc(), tombstones.c.position))
    return [Stone(row.number, row.sha256, row.size, row.reason, row.gone_at) for row in rows]


def remove(work: Work, artifact_id: int, version: int | None = None) -> None:
    """Put an artifact into the trash: it is found nowhere, its bytes, links and history stay.

    Raises `Conflict` while a version of it is pinned.
    """
    row, _ = editable(work, artifact_id, Action.ARTIFACT_DELETE)
    work.alone(f"artifact:{artifact_id}")
    check_pins(work, artifact_id)
    seen = version if version is not None else row.version
    work.change_one(bumped(artifact_id, seen, deleted_at=work.now, deleted_by=actor_id(work)))
    work.record(Event.ARTIFACT_DELETED, f"artifact:{artifact_id}", {"title": row.title})


def check_pins(work: Work, artifact_id: int) -> None:
    """Raise `Conflict` naming who holds a version of the artifact, and until when (32 CFR 170.17(c)(4): six years).

    A legal hold on the package has no end: it holds on after that day.
    """
    today = work.today
    holder = literal("package:") + cast(package_holds.c.package_id, String)
    standing = select(holder).where(package_holds.c.lifted_at.is_(None))
    mine = (pins.c.artifact_id == artifact_id, or_(pins.c.until >= today, pins.c.holder.in_(standing)))
    held = work.row(select(pins).where(*mine).order_by(pins.c.until.desc()))
    if held is not None:
        until = f"until {held.until.isoformat()}" if held.until >= today else "by a legal hold, which stands"
        raise Conflict(
            f"Version {held.number} is held by {held.holder} {until}, so it cannot go before. Nothing was changed.",
            "32 CFR 170.17(c)(4)",
        )


def listed(work: Work) -> list[Trashed]:
    """What is in the trash of the systems that the actor contributes to, newest first."""
    ids = work.actor.system_ids(Right.CONTRIBUTE) if work.actor else []
    query = select(artifacts).where(
        artifacts.c.deleted_at.is_not(None), artifacts.c.purged_at.is_(None), artifacts.c.system_id.in_(ids)
    )
    rows = work.rows(query.order_by(artifacts.c.deleted_at.desc()).limit(500))
    known = members.names(work, {row.deleted_by for row in rows})
    return [
        Trashed(
            row.id,
            row.title,
            row.deleted_at,
            known.get(row.deleted_by, "command line"),
            _last_day(work, row.deleted_at),
        )
        for row in rows
    ]


def _last_day(work: Work, deleted_at: datetime) -> date:
    return work.day(deleted_at) + timedelta(days=KEPT_DAYS)


def restore(work: Work, artifact_id: int) -> bool:
    """Take an artifact out of the trash as it was; raises `NotFound` where it is not there (any more).

    Tells whether it can be used: what was refused in quarantine waits there again.
    """
    row = work.row(select(artifacts).where(artifacts.c.id == artifact_id))
    home = work.actor.by_id(row.system_id) if work.actor and row else None
    if row is None or home is None or row.deleted_at is None or row.purged_at is not None:
        raise NotFound("There is no such artifact in the trash; after thirty days it may have been purged.")
    allow(work.actor, Action.ARTIFACT_DELETE, home)
    back = update(artifacts).where(artifacts.c.id == artifact_id, artifacts.c.version == row.version)
    work.change_one(back.values(deleted_at=None, deleted_by=None, version=artifacts.c.version + 1))
    remember(work, artifact_id)
    work.record(Event.ARTIFACT_RESTORED, f"artifact:{artifact_id}", {"title": row.title})
    return row.quarantined_at is None


def purgeable(work: Work) -> list[int]:
    """The artifacts that can be restored no more, oldest first: their last day in the trash is over."""
    query = select(artifacts.c.id).where(artifacts.c.deleted_at < _kept_since(work), artifacts.c.purged_at.is_(None))
    return [row.id for row in work.rows(query.order_by(artifacts.c.deleted_at))]


def _kept_since(work: Work) -> datetime:
    """What was put into the trash from this instant on can still be restored today."""
    return datetime.combine(work.today - timedelta(days=KEPT_DAYS), time(), work.zone)


def held(work: Work, ids: Sequence[int]) -> list[tuple[int, str]]:
    """Those of these artifacts that a pin keeps, and what is to be said of it."""
    found = []
    for one in ids:
        try:
            check_pins(work, one)
        except Conflict as error:
            found.append((one, error.message))
    return found


def purge(tracker: Tracker, actor: Any, ids: Sequence[int]) -> tuple[list[int], list[tuple[int, str]]]:
    """Let artifacts in the trash go for good, each in a Work of its own; returns those gone and those held, why."""
    gone, kept = [], []
    for one in ids:
        try:
            with tracker.write(actor) as work:
                hashes = _purge_one(work, one)
        except (Conflict, Stale) as error:
            kept.append((one, error.message))
            continue
        let_go(tracker, hashes)
        gone.append(one)
    return gone, kept


def _purge_one(work: Work, artifact_id: int) -> list[str]:
    work.alone(f"artifact:{artifact_id}")
    # Locked: who freezes a package locks the rows of what it pins.
    row = work.row(select(artifacts).where(artifacts.c.id == artifact_id).with_for_update())
    if row is None or row.deleted_at is None or row.purged_at is not None:
        raise Conflict("It is not in the trash any more.")
    if row.deleted_at >= _kept_since(work):
        raise Conflict(f"It can still be restored until {_last_day(work, row.deleted_at).isoformat()}.")
    allow(work.actor, Action.ARTIFACT_PURGE)
    check_pins(work, artifact_id)
    hashes = bury(work, artifact_id, PURGED)
    work.change(delete(links).where(links.c.artifact_id == artifact_id))
    changes = {"purged_at": work.now, "version": artifacts.c.version + 1}
    work.change_one(
        update(artifacts).where(artifacts.c.id == artifact_id, artifacts.c.version == row.version).values(**changes)
    )
    detail = {"title": row.title, "reason": PURGED, "sha256": hashes}
    work.record(Event.ARTIFACT_PURGED, f"artifact:{artifact_id}", detail)
    return hashes


def bury(work: Work, artifact_id: int, reason: str) -> list[str]:
    """Put tombstones in the place of all files of an artifact, and take it out of the search; returns their hashes."""
    query = select(artifact_files, blobs.c.size).join(blobs, blobs.c.sha256 == artifact_files.c.sha256)
    rows = work.rows(query.where(artifact_files.c.artifact_id == artifact_id))
    held = work.rows(select(held_files).where(held_files.c.artifact_id == artifact_id))
    gone = {"artifact_id": artifact_id, "gone_at": work.now, "gone_by": actor_id(work)}
    names = ("number", "position", "filename", "media_type", "sha256", "size")
    stones = [{**gone, "reason": reason, **{name: getattr(row, name) for name in names}} for row in rows]
    stones += [{**gone, **_held_stone(row, reason)} for row in held]
    if stones:
        work.change(insert(tombstones), stones)
    for table in (artifact_files, held_files):
        work.change(delete(table).where(table.c.artifact_id == artifact_id))
    hashes = sorted({row.sha256 for row in rows})
    forget_unused(work, hashes)
    # After the bytes: who reads their text takes the two in this order too.
    forget(work, artifact_id)
    return sorted({*hashes, *(row.sha256 for row in held)})


def _held_stone(row: Any, reason: str) -> dict[str, Any]:
    """What is left of a file that was held elsewhere; what a tombstone has no column for stands in its reason."""
    size = "" if row.size is not None else ", of a size that nobody said"
    return {
        "number": row.number,
        "position": row.position,
        "filename": row.filename or "",
        "media_type": row.media_type or "",
        "sha256": row.sha256,
        "size": row.size or 0,
        "reason": f"{reason}; held at {row.location}{size}, and its bytes were never here",
    }


def forget_unused(work: Work, hashes: Sequence[str]) -> None:
    """Take the rows away of those bytes that no file and no import has any more; the store then lets go of them."""
    for sha256 in sorted(hashes):
        work.alone(f"blob:{sha256}")
        if not _used(work, sha256):
            work.bookkeep(delete(blob_texts).where(blob_texts.c.sha256 == sha256))
            work.bookkeep(delete(blobs).where(blobs.c.sha256 == sha256))


def _used(work: Work, sha256: str) -> bool:
    return any(work.row(select(t.c.sha256).where(t.c.sha256 == sha256)) for t in (artifact_files, imports))


def let_go(tracker: Tracker, hashes: Sequence[str]) -> list[str]:
    """Let the store remove the bytes that no row needs any more; returns what was removed."""
    return [one for one in hashes if tracker.blobs.discard(one, lambda sha256: known(tracker, sha256))]


def known(tracker: Tracker, sha256: str) -> bool:
    """Whether a row needs these bytes."""
    with tracker.read() as work:
        return work.row(select(blobs.c.sha256).where(blobs.c.sha256 == sha256)) is not None


class Knowing:
    """`known` for all contents of a store, asked one after the other in the order of their hashes.

    Rows are read some ahead. A content without one among them is asked for by itself: its row may have come since.
    """

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker
        self._rows: frozenset[str] = frozenset()
        self._until = ""  # rows up to this hash were read

    def __call__(self, sha256: str) -> bool:
        """Whether a row needs these bytes."""
        if sha256 > self._until:
            query = select(blobs.c.sha256).where(blobs.c.sha256 >= sha256).order_by(blobs.c.sha256).limit(_AHEAD)
            with self._tracker.read() as work:
                read = [row.sha256 for row in work.rows(query)]
            self._rows, self._until = frozenset(read), read[-1] if read else sha256
        return sha256 in self._rows or known(self._tracker, sha256)
