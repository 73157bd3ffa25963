"""Imports: a ZIP archive taken in as single artifacts, a register of evidence applied; each planned, then confirmed.

What was sent lies in the store with a row in `imports`, for its sender alone, for a day. Nothing comes of it until the
sender says so. A register is applied in one Work, all or nothing. An archive's files are taken in each in a Work of its
own, whose audit entry `import:taken` names the import and where the file stands in the archive: a file that has such an
entry is not taken again, so a crash, a closed window or the bound of one request leaves an import that goes on.
"""

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, insert, or_, select, update

from cmmc_tracker.domain import filing
from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.catalog import ObjectiveId
from cmmc_tracker.domain.filing import Filed
from cmmc_tracker.domain.permissions import Access, Action, allow
from cmmc_tracker.domain.uploads import extension_of
from cmmc_tracker.errors import Busy, Conflict, Invalid, NoSpace, NotFound, Stale, TrackerError
from cmmc_tracker.importers import archive, register, register_table
from cmmc_tracker.importers.archive import ArchivePlan, Planned
from cmmc_tracker.importers.register import Known
from cmmc_tracker.services import intake, links, sheets, trash
from cmmc_tracker.services.artifacts import Received, actor_id, keep_blob
from cmmc_tracker.services.intake import Sender
from cmmc_tracker.services.links import Target
from cmmc_tracker.services.work import Tracker, Work
from cmmc_tracker.storage.store import Blobs
from cmmc_tracker.storage.tables import audit, imports

ARCHIVE, REGISTER = "archive", "register"
_KINDS = {".zip": ARCHIVE, ".csv": REGISTER, ".xlsx": REGISTER}
KEPT = timedelta(days=1)
KEPT_DONE = timedelta(minutes=10)  # while the page is made that says so
MOST_FILES, MOST_SECONDS = 200, 30.0  # of one request
MOST_UNPACKED = 1_073_741_824  # bytes of all files of an archive
_BEGINNING = 4 * register_table.LONGEST_LINE + 1  # bytes that hold more than the longest line
_UNKNOWN = "There is no such import, or it was forgotten: it is kept for one day, for who sent it. Send the file again."
_DONE = "This import is done already; nothing was done twice. What came of it is among the artifacts."


@dataclass(frozen=True, slots=True)
class Import:
    """An archive or a register that was sent, of the person who asks."""

    id: int
    home: Access
    kind: str
    sha256: str
    filename: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Member:
    """A file of an archive as it would become an artifact; `start` tells it from the others.

    `objectives` are those that its name and folders name; `artifact_id` is what this import already made of it.
    """

    planned: Planned
    title: str
    filed: Filed
    objectives: tuple[ObjectiveId, ...]
    artifact_id: int | None = None

    @property
    def start(self) -> int:
        """Where its bytes begin in the archive: no two have that in common."""
        return self.planned.start


@dataclass(frozen=True, slots=True)
class Preview:
    """What would come of an archive."""

    members: tuple[Member, ...]
    plan: ArchivePlan


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file; `again`: it may go well another time."""

    start: int
    artifact_id: int | None = None
    problem: str = ""
    warnings: tuple[str, ...] = ()
    again: bool = False


@dataclass(slots=True)
class Taken:
    """What one request did of an archive; `left` files were chosen and wait for the next one."""

    outcomes: list[Outcome] = field(default_factory=list)
    left: int = 0
    done: bool = False


def kind_of(filename: str) -> str:
    """Whether a file of that name is an archive or a register; raises `Invalid` for another."""
    kind = _KINDS.get(extension_of(filename))
    if kind is None:
        raise Invalid({"file": "Choose a ZIP archive (.zip), or a register as .csv or .xlsx. Nothing was kept."})
    return kind


def check(blobs: Blobs, home: Access, received: Received, most_each: int) -> None:
    """Raise `Invalid` for an archive or a register that cannot be planned at all; asked before `begin`."""
    if kind_of(received.filename) == ARCHIVE:
        _planned(blobs, received.sha256, most_each)
    else:
        rows = rows_of(blobs, received.sha256, received.filename)
        register.plan(rows[:100], Known((), {}, home.level, date.min))


def begin(work: Work, home: Access, received: Received, kind: str) -> int:
    """Remember what was sent until its sender confirms it; returns the import's number."""
    allow(work.actor, Action.ARTIFACT_CREATE, home)
    keep_blob(work, received)
    made = work.change(
        insert(imports).values(
            system_id=home.system_id,
            kind=kind,
            sha256=received.sha256,
            filename=received.filename,
            media_type=received.media_type,
            created_at=work.now,
            created_by=actor_id(work),
        )
    ).inserted_primary_key
    assert made is not None  # noqa: S101 a narrowing for the type checker
    work.record(Event.IMPORT_BEGUN, f"import:{made[0]}", {"kind": kind, "system": home.slug, **received.told()})
    return int(made[0])


def of(work: Work, import_id: int) -> Import:
    """An import of the person who asks.

    Raises `NotFound` for another's, for one in a system that is theirs no more, and after a day; `Forbidden` where they
    may no longer contribute; `Conflict` for one that is done.
    """
    row = work.row(select(imports).where(imports.c.id == import_id))
    home = work.actor.by_id(row.system_id) if work.actor and row else None
    if row is None or home is None or row.created_by != actor_id(work) or row.created_at < work.now - KEPT:
        raise NotFound(_UNKNOWN)
    allow(work.actor, Action.ARTIFACT_CREATE, home)
    if row.done_at is not None:
        raise Conflict(_DONE)
    return Import(row.id, home, row.kind, row.sha256, row.filename, row.created_at)


def forget_old(tracker: Tracker) -> int:
    """Forget imports that are done or a day old, and their bytes unless an artifact has them; returns how many.

    No person does this, so the log says nothing of it. It may run beside everything else, and twice.
    """
    with tracker.write() as work:
        old = or_(imports.c.done_at < work.now - KEPT_DONE, imports.c.created_at < work.now - KEPT)
        rows = work.rows(select(imports.c.id, imports.c.sha256).where(old))
        if rows:
            work.bookkeep(delete(imports).where(imports.c.id.in_([row.id for row in rows])))
            trash.forget_unused(work, list({row.sha256 for row in rows}))
    trash.let_go(tracker, sorted({row.sha256 for row in rows}))
    return len(rows)


def archive_plan(blobs: Blobs, found: Import, most_each: int, taken: Mapping[int, int]) -> Preview:
    """What would come of an archive; `taken` is what already came of it."""
    plan = _planned(blobs, found.sha256, most_each)
    filed = [filing.recognise(one.path, found.home.level) for one in plan.entries]
    counts = Counter(one.title.casefold() for one in filed)
    return Preview(
        tuple(
            Member(
                planned,
                where.title if counts[where.title.casefold()] == 1 else planned.title,
                where,
                tuple(o for o in where.objectives if f".L{found.home.level}-" in o.requirement),
                taken.get(planned.start),
            )
            for planned, where in zip(plan.entries, filed, strict=True)
        ),
        plan,
    )


def _planned(blobs: Blobs, sha256: str, most_each: int) -> ArchivePlan:
    with blobs.local(sha256) as path, path.open("rb") as file:
        size = file.seek(0, 2)
        return archive.plan(file, size, most_each=most_each, most_together=MOST_UNPACKED)


def taken(work: Work, import_id: int) -> dict[int, int]:
    """What an import already made: where each file stands in the archive → its artifact.

    Only what the log says after its beginning: SQLite gives the number of a forgotten import to a later one.
    """
    of_it = audit.c.entity == f"import:{import_id}"
    begun = select(func.max(audit.c.id)).where(of_it, audit.c.action == Event.IMPORT_BEGUN).scalar_subquery()
    query = select(audit.c.detail).where(of_it, audit.c.action == Event.IMPORT_TAKEN, audit.c.id > begun)
    told = [json.loads(row.detail) for row in work.rows(query)]
    return {one["start"]: one["artifact"] for one in told}


def take_archive(sender: Sender, import_id: int, chosen: Mapping[int, bool], shown: str, most_each: int) -> Taken:
    """Make an artifact of each chosen file (by its start), linked where the choice says so.

    A file that fails stops no other. When a request has done much, the rest is left for the next one. The import is
    done when nothing that was chosen is left, nor anything that may go well another time. Raises `Stale` where the page
    that chose was of other bytes than `shown`, their hash.
    """
    tracker = sender.tracker
    with _alone(sender):
        with tracker.read(sender.actor) as work:
            found = of(work, import_id)
            there = taken(work, import_id)
        if found.sha256 != shown:
            raise Stale("The page was of another archive. Nothing was done; choose again among the files of this one.")
        preview = archive_plan(tracker.blobs, found, most_each, there)
        wanted = [one for one in preview.members if one.start in chosen and one.artifact_id is None]
        result = Taken(left=len(wanted))
        until = time.monotonic() + MOST_SECONDS
        for one in wanted[:MOST_FILES]:
            result.outcomes.append(_take_one(sender, found, one, link=chosen[one.start]))
            result.left -= 1
            if time.monotonic() > until or sender.together.seconds <= 0:
                break
        if not result.left and not any(one.again for one in result.outcomes):
            with tracker.write(sender.actor, sender.address) as work:
                finish(work, found, {"files": len(taken(work, import_id))})
            result.done = True
    return result


@contextmanager
def _alone(sender: Sender) -> Iterator[None]:
    """One person takes in one archive at a time, over all workers; it ends with the process that does it."""
    number = sender.actor.id if sender.actor else None
    slot = sender.tracker.blobs.slot(f"import:{number}", 1)
    if slot is None:
        raise Busy(
            "An archive of yours is being taken in just now, perhaps in another window. Wait for it, then go on."
        )
    with closing(slot):
        yield


def finish(work: Work, found: Import, detail: Mapping[str, Any]) -> None:
    """Say that an import is done; raises `Stale` when somebody else said so first."""
    mine = update(imports).where(imports.c.id == found.id, imports.c.done_at.is_(None))
    work.change_one(mine.values(done_at=work.now))
    said = {"kind": found.kind, "system": found.home.slug, "file": found.filename, **detail}
    work.record(Event.IMPORT_DONE, f"import:{found.id}", said)


def _take_one(sender: Sender, found: Import, one: Member, *, link: bool) -> Outcome:
    try:
        with closing(sender.tracker.blobs.receive()) as incoming:
            with sender.tracker.blobs.open(found.sha256) as file:
                for piece in archive.read(file, one.planned):
                    incoming.write(piece)
            received = intake.take_in(sender, incoming, one.planned.name)
            with sender.tracker.write(sender.actor, sender.address) as work:
                made = _made(work, found, one, received, link=link)
    except TrackerError as error:
        return Outcome(one.start, None, error.message, again=isinstance(error, Busy | NoSpace))
    return Outcome(one.start, made, warnings=received.warnings)


def _made(work: Work, found: Import, one: Member, received: Received, *, link: bool) -> int:
    """The artifact of one file; the one that there is, where another request was quicker."""
    work.alone(f"import:{found.id}")
    there = taken(work, found.id).get(one.start)
    if there is not None:
        return there
    targets = [Target(found.home, objective) for objective in (one.objectives if link else ())]
    facts = {"title": one.title, "path": one.planned.path}
    made = links.create_linked(work, found.home, [received], facts, targets)
    work.record(
        Event.IMPORT_TAKEN,
        f"import:{found.id}",
        {"start": one.start, "path": one.planned.path, "artifact": made, "system": found.home.slug},
    )
    return made


def rows_of(blobs: Blobs, sha256: str, filename: str) -> list[list[str]]:
    """The rows of a register that the store has; in no transaction, for a workbook may take seconds."""
    if extension_of(filename) == ".xlsx":
        with blobs.local(sha256) as path:
            return sheets.rows_of_workbook(path)
    with blobs.open(sha256) as file:
        size = file.seek(0, 2)
        file.seek(0)
        if size <= register_table.LARGEST:
            return register.read_csv(file.read())
        beginning = file.read(_BEGINNING)
    if b"\n" not in beginning and b"\r" not in beginning:
        register.read_csv(beginning)  # which says that its first line is too long
    raise register_table.refused(
        f"The file is too large for a register: {size:,} bytes of at most {register_table.LARGEST:,}."
    )
