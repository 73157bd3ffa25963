"""Spills: what should never have come is taken out for good, also where a package holds it, and leaves its hash.

First the rows, in one Work: files, texts, what people wrote of them, imports that wait and have the same bytes. Then
the store lets go of the bytes, then the database writes itself anew, so that nothing stands in its free space. A stop
in between leaves bytes without a row, which `verify` clears, or free space, which `spill --clean` does; never a row
whose bytes are gone. Bytes that were spilled are refused when they come again.

Out of reach, and told each time: the audit log, which keeps titles and names of before; backups; packages that were
handed out; what browsers and people have.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import Table, and_, delete, func, insert, or_, select, update

from cmmc_tracker.domain.artifacts import first_status, manifest
from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.held import Held
from cmmc_tracker.domain.permissions import Action, allow
from cmmc_tracker.errors import Conflict, NotFound
from cmmc_tracker.services import settings, spill_confirming, trash
from cmmc_tracker.services.artifacts import LIFTED, SPILLED, actor_id
from cmmc_tracker.services.findable import forget, remember
from cmmc_tracker.services.handoff import freezing, sealing
from cmmc_tracker.services.spill_confirming import Confirmed
from cmmc_tracker.services.spill_plan import Plan, Wanted, elsewhere_of, plan, told_elsewhere
from cmmc_tracker.services.work import Tracker, Work
from cmmc_tracker.storage import erasing
from cmmc_tracker.storage.tables import (
    artifact_files,
    artifact_versions,
    artifacts,
    blobs,
    held_files,
    imports,
    links,
    package_questions,
    pins,
    remarks,
    tombstones,
)

_OUT_OF_REACH = (
    "Out of reach: the audit log, which cannot be altered and keeps what was written before (title, file names, notes, "
    "remarks); versions of the security plan, which keep its texts and the titles that they cite; the records of "
    "frozen packages, which keep titles, file names and what links say; backups made in another way, snapshots, and "
    "what people downloaded. Restart the server, so that no process keeps a part of the "
    "text in its memory."
)
_BESIDE = "went with a file that was spilled: "
_TAKEN_OUT = "(taken out with the spill)"


@dataclass(slots=True)
class Spilled:
    """What a spill did."""

    plan: Plan
    seconds: Mapping[int, Confirmed | None] = field(default_factory=dict)  # who confirmed, by artifact; None: nobody
    buried: set[str] = field(default_factory=set)  # hashes that lost a file or an import
    gone: list[int] = field(default_factory=list)  # artifacts of which nothing is kept any more
    redacted: list[int] = field(default_factory=list)  # artifacts whose words went with their last file
    kept_as: int | None = None  # the number of the version that says where the evidence is kept now
    left: list[str] = field(default_factory=list)  # spilled hashes whose bytes the store still has
    unclean: str = ""  # what is to be said of the database's free space


def spill(tracker: Tracker, actor: Any, wanted: Wanted, seen: Plan, *, everywhere: bool) -> Spilled:
    """Take it out. `seen` is the plan that was agreed to.

    Raises `Conflict` where other artifacts have the same bytes and `everywhere` does not say that they go too, where
    the plan is another one by now, and where a second person is asked for and has not confirmed; then nothing is done.
    """
    now = plan(tracker, actor, wanted)
    if now != seen:
        raise Conflict("What would go has changed meanwhile. Nothing was done; look at it again.")
    if now.elsewhere and not everywhere:
        raise Conflict(f"Nothing was done: {told_elsewhere(now)} the same bytes. Spill them too, with --everywhere.")
    with tracker.write(actor) as work:
        for artifact_id in losing(now):
            spill_confirming.ask(work, artifact_id)  # kept, also where the next Work is given up for it
    with tracker.write(actor) as work:
        allow(work.actor, Action.ARTIFACT_SPILL)
        done = _take_out(work, wanted, Spilled(now))
    trash.let_go(tracker, sorted(done.buried))
    done.left = [sha256 for sha256 in now.hashes if _is_stored(tracker, sha256)]
    done.unclean = erasing.forget_deleted(tracker.engine)
    return done


def losing(found: Plan) -> list[int]:
    """The artifacts that lose bytes, in one order for everybody who locks them."""
    return sorted({artifact_id for artifact_id, _ in found.all_versions})


def _is_stored(tracker: Tracker, sha256: str) -> bool:
    try:
        tracker.blobs.size(sha256)
    except NotFound:
        return False
    return True


def _take_out(work: Work, wanted: Wanted, done: Spilled) -> Spilled:
    """The rows of it all."""
    found = done.plan
    ids = losing(found)
    for artifact_id in ids:
        work.alone(f"artifact:{artifact_id}")
    # Who freezes a package locks the rows of what it pins.
    work.rows(select(artifacts.c.id).where(artifacts.c.id.in_(ids)).order_by(artifacts.c.id).with_for_update())
    done.seconds = spill_confirming.seconds_of(work, ids)  # of the artifacts as they are: nobody changes them now
    for sha256 in found.hashes:
        work.alone(f"blob:{sha256}")  # nobody brings them from here on
    if set(elsewhere_of(work, found.hashes, found.versions)) != set(found.elsewhere):
        raise Conflict("Somebody brought the same bytes just now. Nothing was done; look at it again.")
    having = or_(imports.c.id.in_(found.imports), imports.c.sha256.in_(found.hashes))
    done.buried |= {row.sha256 for row in work.rows(select(imports.c.sha256).where(having))}
    work.change(delete(imports).where(having))
    for artifact_id in ids:
        done.buried |= _bury(work, artifact_id, wanted, found)
    sealing.forget_pictures(work, found.hashes)
    trash.forget_unused(work, sorted(done.buried))
    freezing.give_up_with(work, ids)
    for artifact_id in ids:
        spill_confirming.forget(work, artifact_id)
        number = None
        if artifact_id == wanted.artifact_id and wanted.location:
            number = done.kept_as = _hold_elsewhere(work, wanted)
        _settle(work, artifact_id, done)
        _record(work, artifact_id, wanted, done, number)
    return done


def _bury(work: Work, artifact_id: int, wanted: Wanted, found: Plan) -> set[str]:
    """Put tombstones in the place of an artifact's files that go; names and notes go, hash and size stay."""
    numbers = [number for one, number in found.all_versions if one == artifact_id]
    mine = and_(artifact_files.c.artifact_id == artifact_id, artifact_files.c.number.in_(numbers))
    query = select(artifact_files, blobs.c.size).join(blobs, blobs.c.sha256 == artifact_files.c.sha256).where(mine)
    common = {"artifact_id": artifact_id, "gone_at": work.now, "gone_by": actor_id(work)}
    stones = [
        {
            **common,
            # What only stood beside spilled bytes in one version may come again.
            "reason": (SPILLED if row.sha256 in found.hashes else _BESIDE) + wanted.reason,
            "number": row.number,
            "position": row.position,
            "filename": f"spilled file {row.position}",
            "media_type": row.media_type,
            "sha256": row.sha256,
            "size": row.size,
        }
        for row in work.rows(query)
    ]
    work.change(insert(tombstones), stones)
    work.change(delete(artifact_files).where(mine))
    at = and_(artifact_versions.c.artifact_id == artifact_id, artifact_versions.c.number.in_(numbers))
    work.change(update(artifact_versions).where(at).values(note=_TAKEN_OUT))
    # A pin on bytes that are gone keeps nothing; the log names its holder.
    work.change(delete(pins).where(pins.c.artifact_id == artifact_id, pins.c.number.in_(numbers)))
    return {one["sha256"] for one in stones}


def _hold_elsewhere(work: Work, wanted: Wanted) -> int:
    """Say in a new version where the evidence is kept now, by the hashes of the newest version that was taken out."""
    mine = tombstones.c.artifact_id == wanted.artifact_id
    newest = select(func.max(tombstones.c.number)).where(mine, tombstones.c.gone_at == work.now).scalar_subquery()
    stones = work.rows(select(tombstones).where(mine, tombstones.c.number == newest).order_by(tombstones.c.position))
    kept = [Held(wanted.location, one.sha256, one.size, media_type=one.media_type) for one in stones]
    versions = select(func.max(artifact_versions.c.number)).where(artifact_versions.c.artifact_id == wanted.artifact_id)
    number = int(work.db.execute(versions).scalar_one()) + 1
    of_version = {"artifact_id": wanted.artifact_id, "number": number}
    work.change(
        insert(artifact_versions).values(
            **of_version,
            note=f"spilled; held at {wanted.location}",
            received_at=work.now,
            received_by=actor_id(work),
            manifest_sha256=manifest((one.sha256, one.size, one.manifest_name) for one in kept),
        )
    )
    work.change(insert(held_files), [{**of_version, "position": n, **asdict(one)} for n, one in enumerate(kept, 1)])
    return number


def _settle(work: Work, artifact_id: int, done: Spilled) -> None:
    """Let the newest version that is left be the current one; without one the artifact is gone.

    Where no file is left, what people wrote of the artifact goes too: it may say what the bytes did.
    """
    row = work.db.execute(select(artifacts).where(artifacts.c.id == artifact_id)).one()
    file, held = (_newest(work, table, artifact_id) for table in (artifact_files, held_files))
    left = max(file, held)
    changes: dict[str, Any] = {"version": artifacts.c.version + 1}
    if left and left != row.current_version:
        status = first_status(review=settings.current(work).review_required)
        changes |= {"current_version": left, "status": status}
        changes |= {"approved_sha256": None, "approved_by": None, "approved_at": None}
    if not file:
        changes |= {"title": f"Spilled artifact {artifact_id}", "description": "", "quarantine_why": ""}
        _redact(work, artifact_id)
        done.redacted.append(artifact_id)
    if not left:
        done.gone.append(artifact_id)
        changes["purged_at"] = work.now
        changes |= {} if row.deleted_at else {"deleted_at": work.now, "deleted_by": actor_id(work)}
        work.change(delete(links).where(links.c.artifact_id == artifact_id))
    work.change_one(
        update(artifacts).where(artifacts.c.id == artifact_id, artifacts.c.version == row.version).values(**changes)
    )
    if left:
        remember(work, artifact_id)
    else:
        forget(work, artifact_id)


def _newest(work: Work, table: Table, artifact_id: int) -> int:
    """The number of the newest version with a row in that table; 0 for none."""
    query = select(func.coalesce(func.max(table.c.number), 0)).where(table.c.artifact_id == artifact_id)
    return int(work.db.execute(query).scalar_one())


def _redact(work: Work, artifact_id: int) -> None:
    """Take away what people wrote of an artifact: remarks, questions of assessors, and what its links say."""
    work.change(update(remarks).where(remarks.c.artifact_id == artifact_id).values(text=_TAKEN_OUT))
    asked = package_questions.c.artifact_id == artifact_id
    answered = and_(asked, package_questions.c.answered_at.is_not(None))
    work.change(update(package_questions).where(asked).values(text=_TAKEN_OUT))
    work.change(update(package_questions).where(answered).values(answer=_TAKEN_OUT))
    work.change(update(links).where(links.c.artifact_id == artifact_id).values(locator="", shows=""))


def _record(work: Work, artifact_id: int, wanted: Wanted, done: Spilled, number: int | None) -> None:
    """Never the title nor a name: they may be what was spilled."""
    found, second = done.plan, done.seconds[artifact_id]
    holders = sorted({one.holder for one in found.pins if one.artifact_id == artifact_id})
    detail = {
        "reason": wanted.reason,
        "versions": [n for one, n in found.all_versions if one == artifact_id],
        "sha256": list(found.hashes),
        **({"confirmed_by": second.by} if second else {"same_person": True}),
        **({"was_held_by": holders} if holders else {}),
        **({"imports": list(found.imports)} if found.imports else {}),
        **({"held_as_version": number} if number is not None else {}),
    }
    work.record(Event.ARTIFACT_SPILLED, f"artifact:{artifact_id}", detail)


def clean(tracker: Tracker) -> str:
    """Let the database forget what was deleted; returns what is to be said where that was not possible."""
    return erasing.forget_deleted(tracker.engine)


def lift(work: Work, sha256: str) -> int:
    """Let bytes come again that were spilled; returns how many tombstones had them. Administrators only."""
    allow(work.actor, Action.ARTIFACT_SPILL)
    mine = tombstones.c.sha256 == sha256.strip().lower()
    spilled = tombstones.c.reason.startswith(SPILLED, autoescape=True)
    rest = func.substr(tombstones.c.reason, len(SPILLED) + 1)
    lifted = work.change(update(tombstones).where(mine, spilled).values(reason=LIFTED + rest)).rowcount
    if not lifted:
        raise NotFound("No bytes with this hash were spilled here, or they may come again already.")
    work.record(Event.SPILL_LIFTED, f"blob:{sha256.strip().lower()}", {"tombstones": lifted})
    return int(lifted)


def told(done: Spilled, copies: Sequence[Any]) -> Iterator[str]:
    """What a spill leaves to people, in sentences."""
    for one in done.plan.pins:
        yield (
            f"{one.holder} was to hold version {one.number} of artifact {one.artifact_id} until "
            f"{one.until.isoformat()}. Copies of it that were taken out still have the bytes: call them back, destroy "
            "them, and freeze the package anew."
        )
    for backup in done.plan.backups:
        yield f"A backup that was made since it came still has it: {backup}. Destroy it, or make it anew."
    for copy in copies:
        yield f"This copy of the database may still have its text: {copy}. Remove it when you need it no more."
    if done.plan.unread:
        named = ", ".join(map(str, done.plan.unread))
        yield f"Archives that wait to be imported could not be looked into: {named}. They are forgotten within a day."
    if done.left:
        yield f"The store still has {', '.join(done.left)}: an upload holds on to it. Run `cmmc-tracker verify`."
    if done.unclean:
        yield done.unclean
    for artifact_id in sorted({one for one, _ in done.plan.all_versions} - set(done.redacted)):
        yield f"Artifact {artifact_id} stays with its other versions: look whether its title or a remark says too much."
    yield _OUT_OF_REACH
