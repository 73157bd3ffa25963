"""Whether packages are what was frozen: their records, their manifests and what was made for them, as the log has it.

The artifacts' bytes are the store's, and are hashed with all others.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import or_, select

from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.handoff.package import digest
from cmmc_tracker.services.artifacts import LIFTED, SPILLED
from cmmc_tracker.services.handoff import sealing
from cmmc_tracker.services.handoff.sealing import Sealed
from cmmc_tracker.services.work import Tracker, Work
from cmmc_tracker.storage.tables import audit, package_files, packages, tombstones

_HASHES = ("snapshot_sha256", "log_sha256", "manifest_sha256")


def problems(tracker: Tracker) -> Iterator[str]:
    """A sentence for each package that is not what was frozen; one package after the other is read."""
    with tracker.read() as work:
        ids = [row.id for row in work.rows(select(packages.c.id).order_by(packages.c.id))]
    for one in ids:
        with tracker.read() as work:
            row = work.row(select(packages).where(packages.c.id == one))
            wrong = list(_wrong(work, row)) if row else []
        if row and wrong:
            yield f"Altered: package {row.number} (id {one}): {'; '.join(wrong)}"


def _wrong(work: Work, row: Any) -> Iterator[str]:
    if digest(row.snapshot) != row.snapshot_sha256:
        yield "its records are not those that were frozen"
    elif digest(json.loads(row.snapshot)["log"]) != row.log_sha256:
        yield "the hash of its log is not that of the log that was frozen"
    logged = _logged(work, row.id)
    if any(name in logged and logged[name] != getattr(row, name) for name in _HASHES):
        yield "its hashes are not those of the audit log"
    if row.manifest_sha256:
        yield from _wrong_files(work, row)


def _logged(work: Work, package_id: int) -> dict[str, str]:
    """What the audit log says of its hashes: at the freeze, or when it was sealed later."""
    events = (Event.PACKAGE_FROZEN, Event.PACKAGE_SEALED)
    query = select(audit.c.detail).where(audit.c.entity == f"package:{package_id}", audit.c.action.in_(events))
    found: dict[str, str] = {}
    for entry in work.rows(query.order_by(audit.c.id)):
        found |= {name: value for name, value in json.loads(entry.detail).items() if name in _HASHES}
    return found


def _spilled(work: Work, files: Iterable[Sealed]) -> bool:
    """Whether something of a package was spilled."""
    reasons = (tombstones.c.reason.startswith(one, autoescape=True) for one in (SPILLED, LIFTED))
    stones = select(tombstones.c.sha256).where(or_(*reasons))
    return not {row.sha256 for row in work.rows(stones)}.isdisjoint(one.sha256 for one in files)


def _wrong_files(work: Work, row: Any) -> Iterator[str]:
    text = sealing.manifest_of(work, row.id)
    if hashlib.sha256(text).hexdigest() != row.manifest_sha256:
        yield "its manifest is not the one that was made at the freeze"
        return
    named = {one["path"]: (one["size"], one["sha256"]) for one in json.loads(text)["files"]}
    there = sealing.members(work, row.id)
    if {one.path: (one.size, one.sha256) for one in there[:-1]} != named:
        yield "its files are not those of its manifest"
    emptied = sealing.emptied(work, row.id) if _spilled(work, there) else []
    query = select(package_files.c.path, package_files.c.sha256, package_files.c.content)
    kept = query.where(package_files.c.package_id == row.id, package_files.c.content.is_not(None))
    for path, sha256, content in work.db.execute(kept.order_by(package_files.c.position)):
        if hashlib.sha256(content).hexdigest() != sha256 and path not in emptied:
            yield f"{path} is not what was made at the freeze"
