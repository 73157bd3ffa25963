"""Freezing a system into a package: reviewed, pinned, recorded, never changed after.

What the package is of was read in one transaction and every byte of it hashed again, before a second one writes it
down. What changed in between is in the next package; what went in between stops this one.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, func, insert, select

from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.handoff import package
from cmmc_tracker.domain.handoff.package import Asked, Purpose
from cmmc_tracker.domain.permissions import Access, Action, Actor, allow
from cmmc_tracker.domain.readiness import Finding
from cmmc_tracker.errors import Conflict, NotFound
from cmmc_tracker.services import assessment, integrity, members, readiness, settings
from cmmc_tracker.services.artifact_views import COMMAND_LINE
from cmmc_tracker.services.artifacts import IN_USE, actor_id
from cmmc_tracker.services.handoff import record
from cmmc_tracker.services.plans import sheets
from cmmc_tracker.services.ssp import reading as plan
from cmmc_tracker.services.work import Tracker, Work
from cmmc_tracker.storage.tables import artifact_files, artifacts, held_files, packages, pins, recorded_statuses

_CLAUSE = "32 CFR 170.17(c)(4)"
_AT_ONCE = 1_000  # artifacts whose rows are locked by one statement


@dataclass(frozen=True, slots=True)
class Package:
    """A frozen package without its snapshot."""

    id: int
    system_id: int
    number: int
    name: str
    purpose: Purpose
    reason: str
    frozen_at: datetime
    frozen_by: str
    snapshot_sha256: str
    log_sha256: str
    artifacts: int
    bytes: int
    retained_until: date
    releasable: bool

    @property
    def holder(self) -> str:
        """The package as the holder of a pin."""
        return f"package:{self.id}"


def freeze(tracker: Tracker, actor: Actor, address: str, system: Access, asked: Asked) -> Package:
    """Freeze a system as it stands now; returns the package.

    Raises `Conflict` listing what is not ready where no reason is given for going on, and naming each file that is
    missing or altered: nothing is frozen then.
    """
    with tracker.read(actor, address) as work:
        allow(actor, Action.PACKAGE_FREEZE, system)
        content = picture(work, system)
        content["not_ready"] = _told(readiness.report(work, system).findings)
    content["purpose"], content["name"] = asked.purpose.value, asked.name
    if content["not_ready"] and not asked.reason:
        raise Conflict(_not_ready(content["not_ready"]))
    _check_bytes(tracker, content)
    with tracker.write(actor, address) as work:
        return _keep(work, system, asked, content)


def picture(work: Work, system: Access) -> dict[str, Any]:
    """The snapshot: the record, the score and status that follow from it, the files with their paths, the log."""
    content = record.of(work, system)
    content["frozen_at"] = work.now.strftime("%Y-%m-%dT%H:%M:%SZ")
    content["frozen_by"] = work.actor.name if work.actor else ""
    content["organization"] = settings.current(work).organization
    content["score"] = _score(assessment.picture(work, system))
    content["files"] = package.files_of(content, system.level)
    content["log"] = package.log_of(content, content["files"]).decode("ascii")
    content["poam_sheet"] = sheets.gathered(work, system)
    content["plan"] = plan.document(work, system).as_json()
    return content


def _score(picture: assessment.Picture) -> dict[str, Any]:
    score = picture.score
    return {
        "score": score.score,
        "max": score.max,
        "min": score.min,
        "provisional": score.provisional,
        "unassessed_objectives": score.unassessed_objectives,
        "reason": score.reason,
        "supports": score.status,
        "supports_reason": score.status_reason,
        "poam": {"possible": score.poam.possible, "blocking": list(score.poam.blocking)},
        "losses": {loss.requirement.id: loss.points for loss in score.losses},
        "statuses": {line.requirement.id: line.status.value for line in picture.lines},
    }


def _told(open_: Sequence[Finding]) -> list[dict[str, Any]]:
    return [
        {"check": one.check, "sentence": one.sentence, "requirement": one.requirement, "letter": one.letter}
        for one in open_
    ]


def _not_ready(open_: Sequence[dict[str, Any]]) -> str:
    first = " ".join(f"{_place(one)} {one['sentence']}".strip() for one in open_[:5])
    more = f" And {len(open_) - 5:,} more." if len(open_) > 5 else ""
    return (
        f"{len(open_):,} findings of the readiness checks are open, so nothing was frozen: {first}{more} "
        "Mend them, or give a reason for going on."
    )


def _place(finding: dict[str, Any]) -> str:
    return f"{finding['requirement']}[{finding['letter']}]" if finding["letter"] else str(finding["requirement"])


def _check_bytes(tracker: Tracker, content: dict[str, Any]) -> None:
    """Hash every file again; raise `Conflict` naming those that are not what was received."""
    sizes = {file["sha256"]: file["size"] for file in content["files"]}
    wrong = {sha256: state for sha256, size in sizes.items() if (state := _state(tracker, sha256, size))}
    if wrong:
        raise Conflict(
            _damaged([(one, wrong[one["sha256"]]) for one in content["files"] if one["sha256"] in wrong]), _CLAUSE
        )


def _damaged(files: Sequence[tuple[dict[str, Any], str]]) -> str:
    named = "; ".join(f"{one['original']} (artifact {one['artifact']}): {state}" for one, state in files[:10])
    many = "1 file are" if len(files) == 1 else f"{len(files):,} files are"
    return f"Nothing was frozen. The bytes of {many} not those that were received: {named}. Restore them first."


def _state(tracker: Tracker, sha256: str, size: int) -> str:
    state, _ = integrity.look(tracker, sha256, size)
    return "" if state == integrity.INTACT else state


def _keep(work: Work, system: Access, asked: Asked, content: dict[str, Any]) -> Package:
    """Write the package down, pin what it is of, record it."""
    allow(work.actor, Action.PACKAGE_FREEZE, system)
    work.alone(f"packages:{system.system_id}")
    _check_there(work, content)
    number = (
        1
        + work.db.execute(
            select(func.coalesce(func.max(packages.c.number), 0)).where(packages.c.system_id == system.system_id)
        ).scalar_one()
    )
    text = package.canonical(content)
    status_on = work.db.execute(
        select(func.max(recorded_statuses.c.status_on)).where(recorded_statuses.c.system_id == system.system_id)
    ).scalar_one()
    values = {
        "number": number,
        "name": asked.name,
        "purpose": asked.purpose,
        "reason": asked.reason,
        "frozen_at": work.now,
        "snapshot_sha256": package.digest(text),
        "log_sha256": package.digest(content["log"]),
        "artifacts": len(content["artifacts"]),
        "bytes": sum(file["size"] for file in content["files"]),
        "retained_until": package.retained(status_on, work.today, None),
        "releasable": asked.releasable,
    }
    key = work.change(
        insert(packages).values(system_id=system.system_id, frozen_by=actor_id(work), snapshot=text, **values)
    ).inserted_primary_key
    assert key is not None  # noqa: S101 a narrowing for the type checker
    made = Package(id=int(key[0]), system_id=system.system_id, frozen_by=content["frozen_by"], **values)
    rows = [
        {"artifact_id": id_, "number": version, "holder": made.holder, "until": made.retained_until}
        for id_, version in _pinned(content)
    ]
    if rows:
        work.change(insert(pins), rows)
    told = {"system": system.slug, **{name: str(values[name]) for name in ("number", "name", "purpose", "reason")}}
    told |= {name: values[name] for name in ("snapshot_sha256", "log_sha256", "artifacts", "bytes")}
    work.record(Event.PACKAGE_FROZEN, made.holder, {**told, "retained_until": made.retained_until.isoformat()})
    return made


def _pinned(content: dict[str, Any]) -> Iterator[tuple[int, int]]:
    return ((one["id"], one["current_version"]) for one in content["artifacts"])


def _check_there(work: Work, content: dict[str, Any]) -> None:
    """Raise `Conflict` where an artifact or a file of it went since the record was read.

    Whoever lets them go waits from here on. Their rows are locked, not their names: a database has room for some
    thousands of those in all.
    """
    ids, files = [id_ for id_, _ in _pinned(content)], set()
    for first in range(0, len(ids), _AT_ONCE):
        some = artifacts.c.id.in_(ids[first : first + _AT_ONCE])
        locked = select(artifacts.c.id).where(some, IN_USE).order_by(artifacts.c.id).with_for_update(read=True)
        work.rows(locked)
        for table in (artifact_files, held_files):
            query = select(table.c.artifact_id, table.c.number, table.c.sha256)
            query = query.join(artifacts, artifacts.c.id == table.c.artifact_id)
            files |= {tuple(row) for row in work.rows(query.where(some, IN_USE))}
    for one in content["artifacts"]:
        wanted = {(one["id"], one["current_version"], file["sha256"]) for file in (*one["files"], *one["held"])}
        if not wanted <= files:
            raise Conflict(f"Artifact {one['id']} went while the package was made. Nothing was frozen; try again.")


def listed(work: Work, system: Access) -> list[Package]:
    """The packages of a system, newest first."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    query = select(*_COLUMNS).where(packages.c.system_id == system.system_id).order_by(packages.c.number.desc())
    return _all(work, query)


def one(work: Work, system: Access, package_id: int) -> Package:
    """One package; raises `NotFound`."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    found_ones = _all(
        work, select(*_COLUMNS).where(packages.c.id == package_id, packages.c.system_id == system.system_id)
    )
    if not found_ones:
        raise NotFound("There is no such package in this system.")
    return found_ones[0]


def snapshot_text(work: Work, system: Access, package_id: int) -> str:
    """The snapshot as it was frozen: canonical JSON, whose SHA-256 the package has; raises `NotFound`."""
    found_one = one(work, system, package_id)
    return str(work.db.execute(select(packages.c.snapshot).where(packages.c.id == found_one.id)).scalar_one())


def snapshot(work: Work, system: Access, package_id: int) -> dict[str, Any]:
    """The snapshot, read; raises `NotFound`."""
    found: dict[str, Any] = json.loads(snapshot_text(work, system, package_id))
    return found


@dataclass(frozen=True, slots=True)
class Difference:
    """How the artifacts of a package differ from those of the one before."""

    number: int  # of the one before
    added: int
    changed: int
    gone: int


def before(work: Work, system: Access, package: Package) -> Difference | None:
    """What changed since the package before, or None for the first."""
    query = select(packages.c.id, packages.c.number)
    query = query.where(packages.c.system_id == system.system_id, packages.c.number < package.number)
    row = work.row(query.order_by(packages.c.number.desc()).limit(1))
    if row is None:
        return None
    then = dict(_pinned(snapshot(work, system, row.id)))
    now = dict(_pinned(snapshot(work, system, package.id)))
    changed = sum(then[one] != version for one, version in now.items() if one in then)
    return Difference(row.number, len(now.keys() - then.keys()), changed, len(then.keys() - now.keys()))


def note_download(work: Work, system: Access, package: Package) -> None:
    """Record that somebody took a package away."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    work.record(Event.PACKAGE_DOWNLOADED, package.holder, {"system": system.slug, "number": package.number})


_COLUMNS = tuple(column for column in packages.c if column.name not in {"snapshot", "legal_hold", "version"})


def _all(work: Work, query: Select[Any]) -> list[Package]:
    rows = work.db.execute(query).mappings().all()
    names = members.names(work, {row["frozen_by"] for row in rows})
    return [
        Package(**{**row, "purpose": Purpose(row["purpose"]), "frozen_by": names.get(row["frozen_by"], COMMAND_LINE)})
        for row in rows
    ]
