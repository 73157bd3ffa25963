"""Freezing a system into a package: reviewed, pinned, recorded, never changed after.

What the package is of was read in one transaction and every byte of it hashed again, before a second one writes it
down. What changed in between is in the next package; what went in between stops this one.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, func, insert, select

from cmmc_tracker.domain import briefing
from cmmc_tracker.domain.audit import Event, stamp
from cmmc_tracker.domain.handoff import comparison, package
from cmmc_tracker.domain.handoff.package import Asked, Purpose
from cmmc_tracker.domain.permissions import Access, Action, Actor, allow
from cmmc_tracker.domain.readiness import Finding
from cmmc_tracker.errors import Conflict, NotFound
from cmmc_tracker.reports.audit_extract import HEAD
from cmmc_tracker.services import assessment, members, readiness, settings
from cmmc_tracker.services.artifact_views import COMMAND_LINE
from cmmc_tracker.services.artifacts import IN_USE, actor_id
from cmmc_tracker.services.doctor.machine import SKEW
from cmmc_tracker.services.handoff import log_extract, record, sealing
from cmmc_tracker.services.plans import sheets
from cmmc_tracker.services.ssp import reading as plan
from cmmc_tracker.services.ssp import templates
from cmmc_tracker.services.work import Tracker, Work
from cmmc_tracker.storage.tables import (
    artifact_files,
    artifacts,
    audit,
    held_files,
    package_holds,
    packages,
    pins,
    recorded_statuses,
)

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
    manifest_sha256: str = ""  # of manifest.json, which names all else; empty for one that was not sealed yet
    since: Mapping[str, Any] | None = None  # what changed since the package before, in numbers; None for the first
    version: int = 1
    is_held: bool = False  # a legal hold stands

    @property
    def changed(self) -> str:
        """What changed since the package before, in words; empty for the first."""
        return comparison.sentence(self.since["counts"]) if self.since else ""

    @property
    def holder(self) -> str:
        """The package as the holder of a pin."""
        return f"package:{self.id}"


def freeze(
    tracker: Tracker, actor: Actor, address: str, system: Access, asked: Asked, *, moved: sealing.Moved = lambda _: None
) -> Package:
    """Freeze a system as it stands now; returns the package. `moved` is told the bytes that were hashed again.

    Raises `Conflict` listing what is not ready where no reason is given for going on, and naming each file that is
    missing or altered: nothing is frozen then.
    """
    ready = sealing.prepared(tracker, reviewed(tracker, actor, address, system, asked), moved)
    with tracker.write(actor, address) as work:
        return keep(work, system, asked, ready)


def reviewed(tracker: Tracker, actor: Actor, address: str, system: Access, asked: Asked) -> dict[str, Any]:
    """The snapshot that is to be frozen; raises `Conflict` listing what is not ready, without a reason for going on."""
    with tracker.read(actor, address) as work:
        content = picture_for(work, system, asked)
        content["not_ready"] = [*_clock(work), *content["not_ready"]]
    if content["not_ready"] and not asked.reason:
        raise Conflict(_not_ready(content["not_ready"]))
    return content


def picture_for(work: Work, system: Access, asked: Asked) -> dict[str, Any]:
    """The snapshot with what it is frozen for."""
    allow(work.actor, Action.PACKAGE_FREEZE, system)
    return {**picture(work, system), "purpose": asked.purpose.value, "name": asked.name}


def _clock(work: Work) -> list[dict[str, Any]]:
    """What is wrong with the clock, as a finding: the hash date and six years are counted from it.

    Raises `Conflict` for a day before the first on which an assessment could count: so much is surely wrong. One before
    the newest entry of the log may be right by now, and that entry wrong; so a reason is enough.
    """
    if work.today < package.FIRST_DAY:
        raise Conflict(
            f"The clock of the server says {work.now:%-d %b %Y}, which cannot be. Set it; nothing was frozen."
        )
    row = work.row(select(audit.c.at).order_by(audit.c.id.desc()).limit(1))
    if row is None or datetime.fromisoformat(row.at) <= work.now + SKEW:
        return []
    said = f"The clock says {stamp(work.now)[:16]}Z, and the newest entry of the audit log is of {row.at[:16]}Z."
    return [{"check": "clock", "sentence": said, "requirement": "", "letter": ""}]


def picture(work: Work, system: Access) -> dict[str, Any]:
    """The snapshot: the record, the score and status that follow from it, the files with their paths, the log.

    What is only suggested of the scope is not in it.
    """
    content = record.of(work, system)
    content["frozen_at"] = work.now.strftime("%Y-%m-%dT%H:%M:%SZ")
    content["frozen_by"] = work.actor.name if work.actor else ""
    content["organization"] = settings.current(work).organization
    content[HEAD] = log_extract.head(work)
    content["score"] = _score(assessment.picture(work, system))
    content["files"] = package.files_of(content, system.level)
    content["log"] = package.log_of(content, content["files"]).decode("ascii")
    content["poam_sheet"] = sheets.gathered(work, system)
    content["plan"] = plan.document(work, system).as_json()
    report = readiness.report(work, system)
    content["not_ready"], content["readiness"] = _told(report.findings), report.sentence
    content["drift"] = _drift(work, system, content)
    content["template"] = templates.frozen(work, system)
    return package.confirmed(content)


def _drift(work: Work, system: Access, content: Mapping[str, Any]) -> list[str] | None:
    """What is found otherwise than in the package of the last recorded status; None where none is recorded."""
    if not content["statuses"]:
        return None
    then = snapshot(work, system, content["statuses"][-1]["package_id"])
    return briefing.drift(briefing.findings(then["findings"]), briefing.findings(content["findings"]))


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
        "met_without_final_evidence": score.met_without_final_evidence,
        "losses": {loss.requirement.id: loss.points for loss in score.losses},
        "statuses": {line.requirement.id: line.status.value for line in picture.lines},
    }


def _told(open_: Sequence[Finding]) -> list[dict[str, Any]]:
    return [
        {name: getattr(one, name) for name in ("check", "sentence", "requirement", "letter", "person")} for one in open_
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


def keep(work: Work, system: Access, asked: Asked, ready: sealing.Prepared) -> Package:
    """Write the package down, pin what it is of, record it: all of it or nothing."""
    content = ready.snapshot
    allow(work.actor, Action.PACKAGE_FREEZE, system)
    work.alone(f"packages:{system.system_id}")
    _check_there(work, content)
    before = work.row(
        select(packages.c.number, packages.c.snapshot)
        .where(packages.c.system_id == system.system_id)
        .order_by(packages.c.number.desc())
        .limit(1)
    )
    number = before.number + 1 if before else 1
    text = package.canonical(content)
    values = _values(work, system, asked, content) | {"number": number, "snapshot_sha256": package.digest(text)}
    files = sealing.sealed(ready, number, values["snapshot_sha256"])
    values["manifest_sha256"] = files[-1].sha256
    values["since"] = _since(before, content)
    key = work.change(
        insert(packages).values(system_id=system.system_id, frozen_by=actor_id(work), snapshot=text, **values)
    ).inserted_primary_key
    assert key is not None  # noqa: S101 a narrowing for the type checker
    frozen = Package(id=int(key[0]), system_id=system.system_id, frozen_by=content["frozen_by"], **values)
    sealing.keep(work, frozen.id, files)
    _pin(work, frozen, content)
    told = {"system": system.slug, **{name: str(values[name]) for name in ("number", "name", "purpose", "reason")}}
    told |= {name: values[name] for name in ("snapshot_sha256", "log_sha256", "manifest_sha256", "artifacts", "bytes")}
    work.record(Event.PACKAGE_FROZEN, frozen.holder, {**told, "retained_until": frozen.retained_until.isoformat()})
    return frozen


def _values(work: Work, system: Access, asked: Asked, content: Mapping[str, Any]) -> dict[str, Any]:
    """What stands of a package beside its snapshot."""
    newest = select(func.max(recorded_statuses.c.status_on)).where(recorded_statuses.c.system_id == system.system_id)
    frozen_at = datetime.fromisoformat(content["frozen_at"])
    return {
        "name": asked.name,
        "purpose": asked.purpose,
        "reason": asked.reason,
        "frozen_at": frozen_at,
        "log_sha256": package.digest(content["log"]),
        "artifacts": len(content["artifacts"]),
        "bytes": sum(file["size"] for file in content["files"]),
        "retained_until": package.retained(work.db.execute(newest).scalar_one(), work.today, None),
        "releasable": asked.releasable,
    }


def _since(before: Any, content: Mapping[str, Any]) -> dict[str, Any] | None:
    """What changed since the package before, in numbers."""
    if before is None:
        return None
    sections = comparison.compare(json.loads(before.snapshot), content)
    return {"number": before.number, "counts": comparison.counts(sections)}


def _pin(work: Work, frozen: Package, content: Mapping[str, Any]) -> None:
    rows = [
        {"artifact_id": id_, "number": version, "holder": frozen.holder, "until": frozen.retained_until}
        for id_, version in _pinned(content)
    ]
    if rows:
        work.change(insert(pins), rows)


def _pinned(content: Mapping[str, Any]) -> Iterator[tuple[int, int]]:
    return ((one["id"], one["current_version"]) for one in content["artifacts"])


def _check_there(work: Work, content: Mapping[str, Any]) -> None:
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
    mine = (packages.c.id == package_id, packages.c.system_id == system.system_id)
    return _first(_all(work, select(*_COLUMNS).where(*mine)))


def snapshot_text(work: Work, system: Access, package_id: int) -> str:
    """The snapshot as it was frozen: canonical JSON, whose SHA-256 the package has; raises `NotFound`."""
    found_one = one(work, system, package_id)
    return str(work.db.execute(select(packages.c.snapshot).where(packages.c.id == found_one.id)).scalar_one())


def snapshot(work: Work, system: Access, package_id: int) -> dict[str, Any]:
    """The snapshot, read; raises `NotFound`."""
    found: dict[str, Any] = json.loads(snapshot_text(work, system, package_id))
    return found


def compared(work: Work, system: Access, then: int, now: int) -> list[comparison.Section]:
    """How two packages of a system differ, by their ids; raises `NotFound`."""
    return comparison.compare(snapshot(work, system, then), snapshot(work, system, now))


def note_download(work: Work, system: Access, package: Package, part: tuple[int, int] | None = None) -> None:
    """Record that somebody took a package away, or the part of it from one byte to another."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    told: dict[str, Any] = {"system": system.slug, "number": package.number}
    if part is not None:
        told["part"] = f"{part[0]}-{part[1] - 1}"
    work.record(Event.PACKAGE_DOWNLOADED, package.holder, told)


def by_id(work: Work, package_id: int) -> Package:
    """A package for who was shown it already; raises `NotFound`."""
    return _first(_all(work, select(*_COLUMNS).where(packages.c.id == package_id)))


def _first(found: Sequence[Package]) -> Package:
    if not found:
        raise NotFound("There is no such package in this system.")
    return found[0]


_STANDING = (
    select(package_holds.c.id)
    .where(package_holds.c.package_id == packages.c.id, package_holds.c.lifted_at.is_(None))
    .exists()
)
_COLUMNS = (*(column for column in packages.c if column.name != "snapshot"), _STANDING.label("is_held"))


def _all(work: Work, query: Select[Any]) -> list[Package]:
    rows = work.db.execute(query).mappings().all()
    names = members.names(work, {row["frozen_by"] for row in rows})
    return [
        Package(**{**row, "purpose": Purpose(row["purpose"]), "frozen_by": names.get(row["frozen_by"], COMMAND_LINE)})
        for row in rows
    ]
