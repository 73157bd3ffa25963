"""A package as a stream: a zip that is made while it is sent, the same bytes each time, from any byte on.

It is never whole anywhere: what was made at the freeze lies in the database, the artifacts in the store.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, select, update

from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.handoff.package import digest
from cmmc_tracker.errors import Conflict
from cmmc_tracker.reports.handoff import zipped
from cmmc_tracker.reports.handoff.zipped import Part
from cmmc_tracker.services import integrity
from cmmc_tracker.services.artifacts import SPILLED
from cmmc_tracker.services.handoff import packages, sealing
from cmmc_tracker.services.handoff.packages import Package
from cmmc_tracker.services.handoff.sealing import Sealed
from cmmc_tracker.services.work import Tracker, Work
from cmmc_tracker.storage.tables import artifacts, blobs, package_files, tombstones
from cmmc_tracker.storage.tables import packages as packages_table

_NAMED = 10  # files that a refusal names


@dataclass(frozen=True, slots=True)
class Zip:
    """The zip of a package: how long it is, and its bytes from anywhere."""

    tracker: Tracker
    package: Package
    members: Sequence[Sealed]
    parts: Sequence[Part]

    @property
    def size(self) -> int:
        """Bytes of the whole."""
        return zipped.size(self.parts)

    @property
    def etag(self) -> str:
        """A strong validator (RFC 9110, 8.8.3): the manifest names every byte of every other file."""
        return self.package.manifest_sha256

    def pieces(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """The bytes from `start` to `stop` (exclusive), of at most a mebibyte each.

        Breaks off with `Conflict` at a file whose bytes are not those that were frozen; the zip then has no end.
        """
        for part, first, last in zipped.between(self.parts, start, self.size if stop is None else stop):
            if part.member is None:
                yield part.own[first:last]
                continue
            one = self.members[part.member]
            yield from self._checked(part.member + 1, one, (first, last))

    def _checked(self, position: int, one: Sealed, part: tuple[int, int]) -> Iterator[bytes]:
        """The bytes of a file; one that is damaged is remembered, so that the next one who asks is told at once."""
        try:
            yield from sealing.read(self.tracker, self.package.id, position, one, part)
        except Conflict:
            integrity.check(self.tracker, one.sha256, one.size)
            raise


def opened(tracker: Tracker, package: Package) -> Zip:
    """The zip of a package, before its first byte.

    Raises `Conflict` for records that are not those that were frozen, and naming each file that must not or cannot be
    given out: held in quarantine since, damaged, or gone.
    """
    if not package.manifest_sha256:
        package = _seal(tracker, package)
    with tracker.read() as work:
        found = sealing.members(work, package.id)
        listed = _manifest(work, package, found)
        refused = _refused(work, package, listed)
    if refused:
        named = "; ".join(refused[:_NAMED]) + ("; …" if len(refused) > _NAMED else "")
        raise Conflict(
            f"Package {package.number} cannot be given out as it was frozen: {named}. What is damaged comes back from "
            "a backup, what is in quarantine is decided there; for what is gone for good, freeze another package."
        )
    return Zip(tracker, package, found, zipped.laid_out(found, package.frozen_at))


def _manifest(work: Work, package: Package, found: Sequence[Sealed]) -> list[dict[str, Any]]:
    """What the manifest names, which is what is there."""
    text = sealing.manifest_of(work, package.id)
    listed: list[dict[str, Any]] = []
    if digest(text.decode()) == package.manifest_sha256:
        listed = json.loads(text)["files"]
    named = {one["path"]: (one["size"], one["sha256"]) for one in listed}
    if not listed or named != {one.path: (one.size, one.sha256) for one in found[:-1]}:
        raise Conflict("The records of this package are not those that were frozen. Restore them from a backup.")
    return listed


def _refused(work: Work, package: Package, listed: Sequence[dict[str, Any]]) -> list[str]:
    """Each file that is not given out, with why."""
    kept = package_files.c
    there = select(kept.path, kept.sha256, blobs.c.sha256.label("stored"), blobs.c.check_state)
    there = there.join(blobs, blobs.c.sha256 == kept.sha256, isouter=True)
    bad = blobs.c.sha256.is_(None) | blobs.c.check_state.not_in(("", integrity.INTACT))
    rows = work.rows(there.where(kept.package_id == package.id, kept.content.is_(None), bad).order_by(kept.position))
    spilled = _spilled(work, {row.sha256 for row in rows if row.stored is None})
    found = {row.path: spilled.get(row.sha256, "gone") if row.stored is None else row.check_state for row in rows}
    found |= dict.fromkeys(sealing.emptied(work, package.id), "taken out with a spill")
    held = {row.id for row in work.rows(select(artifacts.c.id).where(artifacts.c.quarantined_at.is_not(None)))}
    found |= {one["path"]: "in quarantine" for one in listed if one["artifact"] in held and one["path"] not in found}
    return [f"{path}: {why}" for path, why in found.items()]


def _spilled(work: Work, hashes: set[str]) -> dict[str, str]:
    """Those of these contents that were spilled, with the day."""
    if not hashes:
        return {}
    stones = and_(tombstones.c.sha256.in_(hashes), tombstones.c.reason.startswith(SPILLED))
    rows = work.rows(select(tombstones.c.sha256, tombstones.c.gone_at).where(stones))
    return {row.sha256: f"taken out as a spill on {row.gone_at:%Y-%m-%d}" for row in rows}


def _seal(tracker: Tracker, package: Package) -> Package:
    """Seal a package of before packages were sealed at the freeze, when it is first asked for."""
    with tracker.read() as work:
        now = packages.by_id(work, package.id)
        if now.manifest_sha256:
            return now
        text = work.db.execute(select(packages_table.c.snapshot).where(packages_table.c.id == package.id)).scalar_one()
    if digest(text) != package.snapshot_sha256:
        raise Conflict("The records of this package are not those that were frozen. Restore them from a backup.")
    snapshot = json.loads(text)
    files = sealing.sealed(sealing.prepared(tracker, snapshot), package.number, package.snapshot_sha256)
    with tracker.write() as work:
        work.alone(f"package:{package.id}")
        row = work.row(select(packages_table.c.manifest_sha256).where(packages_table.c.id == package.id))
        if row and not row.manifest_sha256:
            sealing.keep(work, package.id, files)
            mine = update(packages_table).where(packages_table.c.id == package.id)
            work.change(mine.values(manifest_sha256=files[-1].sha256))
            work.record(Event.PACKAGE_SEALED, package.holder, {"manifest_sha256": files[-1].sha256}, actor="download")
        return packages.by_id(work, package.id)
