"""Quarantine: what came from outside, or carries markings, is shown nowhere and proves nothing until it is accepted.

`artifacts.IN_USE` keeps it out of every list, search, count and score; only these functions see it. Its bytes are kept
like any other's: nothing that was sent is lost, and what is refused goes by way of the trash.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select, update

from cmmc_tracker.domain.artifacts import Kind, parse_facts
from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.permissions import Access, Action, Right, allow
from cmmc_tracker.domain.text import clean_line
from cmmc_tracker.errors import Invalid, NotFound
from cmmc_tracker.services.artifacts import actor_id, bumped, remember
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import artifact_files, artifact_versions, artifacts, blob_texts, blobs

MOST = 200
LONGEST_WHY = 300


@dataclass(frozen=True, slots=True)
class Waiting:
    """An artifact in quarantine."""

    id: int
    system: str
    title: str
    kind: Kind
    why: str
    since: datetime
    version: int
    files: tuple["WaitingFile", ...]


@dataclass(frozen=True, slots=True)
class WaitingFile:
    """One of its files, with what was found in it."""

    position: int
    filename: str
    media_type: str
    size: int
    sha256: str
    warnings: tuple[str, ...]
    markings: tuple[str, ...]


def hold(work: Work, artifact_id: int, why: str) -> None:
    """Put an artifact into quarantine, in the Work that made or changed it; `why` is a sentence for people."""
    row = work.row(select(artifacts).where(artifacts.c.id == artifact_id))
    if row is None or row.quarantined_at is not None:
        return
    work.change_one(
        bumped(artifact_id, row.version, quarantined_at=work.now, quarantine_why=clean_line(why)[:LONGEST_WHY])
    )
    work.record(Event.ARTIFACT_QUARANTINED, f"artifact:{artifact_id}", {"title": row.title, "why": why})


def listed(work: Work) -> list[Waiting]:
    """What waits in the systems that the actor contributes to, oldest first."""
    slugs = {one.system_id: slug for slug, one in work.actor.systems.items()} if work.actor else {}
    rows = work.rows(_all(work).order_by(artifacts.c.quarantined_at, artifacts.c.id).limit(MOST))
    files = _files(work, [row.id for row in rows])
    return [
        Waiting(
            row.id,
            slugs[row.system_id],
            row.title,
            Kind(row.kind),
            row.quarantine_why,
            row.quarantined_at,
            row.version,
            tuple(files.get(row.id, ())),
        )
        for row in rows
    ]


def waiting(work: Work, artifact_id: int) -> tuple[Any, Access]:
    """The row and the home of an artifact in quarantine; raises `NotFound` where there is none for this actor."""
    row = work.row(_all(work).where(artifacts.c.id == artifact_id))
    home = work.actor.by_id(row.system_id) if work.actor and row else None
    if row is None or home is None:
        raise NotFound("There is no such artifact in quarantine, or it belongs to a system that you do not work in.")
    return row, home


def file_of(work: Work, artifact_id: int, position: int) -> WaitingFile:
    """One file of an artifact in quarantine, to be looked at; raises `NotFound`."""
    waiting(work, artifact_id)
    found = next((one for one in _files(work, [artifact_id]).get(artifact_id, []) if one.position == position), None)
    if found is None:
        raise NotFound("There is no such file.")
    return found


def accept(work: Work, artifact_id: int, version: int | None = None, title: str | None = None) -> None:
    """Take an artifact out of quarantine: from now on it is evidence like any other, under its title or a better one.

    Who accepts it is who brought it in, so somebody else approves it.
    """
    row, home = waiting(work, artifact_id)
    allow(work.actor, Action.ARTIFACT_CREATE, home)
    named = parse_facts({"title": title}, work.now.date()) if title is not None else {}
    seen = version if version is not None else row.version
    work.change_one(bumped(artifact_id, seen, quarantined_at=None, quarantine_why="", **named))
    mine = (artifact_versions.c.artifact_id == artifact_id) & artifact_versions.c.received_by.is_(None)
    work.change(update(artifact_versions).where(mine).values(received_by=actor_id(work)))
    remember(work, artifact_id)
    detail = {"why": row.quarantine_why, "system": home.slug, **named}
    work.record(Event.ARTIFACT_ACCEPTED, f"artifact:{artifact_id}", detail)


def reject(work: Work, artifact_id: int, reason: str, version: int | None = None) -> None:
    """Refuse it, and say why: it goes into the trash, from where it can be restored (to quarantine) and is purged."""
    row, home = waiting(work, artifact_id)
    allow(work.actor, Action.ARTIFACT_DELETE, home)
    why = clean_line(reason)
    if not why or len(why) > LONGEST_WHY:
        raise Invalid({"reason": f"Please say why, in at most {LONGEST_WHY} characters."})
    seen = version if version is not None else row.version
    work.change_one(bumped(artifact_id, seen, deleted_at=work.now, deleted_by=actor_id(work)))
    work.record(Event.ARTIFACT_REJECTED, f"artifact:{artifact_id}", {"title": row.title, "reason": why})


def _all(work: Work) -> Select[Any]:
    ids = work.actor.system_ids(Right.CONTRIBUTE) if work.actor else []
    held = artifacts.c.quarantined_at.is_not(None) & artifacts.c.deleted_at.is_(None)
    return select(artifacts).where(held, artifacts.c.system_id.in_(ids))


def _files(work: Work, ids: list[int]) -> dict[int, list[WaitingFile]]:
    query = (
        select(artifact_files, blobs.c.size, blob_texts.c.markings)
        .join(artifacts, artifacts.c.id == artifact_files.c.artifact_id)
        .join(blobs, blobs.c.sha256 == artifact_files.c.sha256)
        .join(blob_texts, blob_texts.c.sha256 == artifact_files.c.sha256, isouter=True)
        .where(artifacts.c.id.in_(ids), artifact_files.c.number == artifacts.c.current_version)
        .order_by(artifact_files.c.artifact_id, artifact_files.c.position)
    )
    found: dict[int, list[WaitingFile]] = {}
    for row in work.rows(query):
        found.setdefault(row.artifact_id, []).append(
            WaitingFile(
                row.position,
                row.filename,
                row.media_type,
                row.size,
                row.sha256,
                tuple(row.warnings),
                tuple(one["shown"] for one in row.markings or ()),
            )
        )
    return found
