"""Quarantine: what came from outside, or carries markings, is shown nowhere and proves nothing until it is accepted.

`artifacts.IN_USE` keeps it out of every list, search, count and score; only these functions see it. Its bytes are kept
like any other's: nothing that was sent is lost, and what is refused goes by way of the trash. The round of a request
that it answered is then open again, for an answer that is in the trash is none.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, select, update

from cmmc_tracker.domain.artifacts import ArtifactStatus, Kind, first_status, parse_facts
from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.catalog import ObjectiveId
from cmmc_tracker.domain.permissions import Access, Action, Right, allow
from cmmc_tracker.domain.requests import LONGEST_WHY, parse_why
from cmmc_tracker.domain.text import clean_line
from cmmc_tracker.errors import NotFound
from cmmc_tracker.services import settings
from cmmc_tracker.services.artifact_views import OF_FILE, File, file_from, held
from cmmc_tracker.services.artifacts import actor_id, bumped
from cmmc_tracker.services.findable import remember
from cmmc_tracker.services.links import Target, put
from cmmc_tracker.services.requests import rounds
from cmmc_tracker.services.trash import check_pins
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import (
    artifact_files,
    artifact_versions,
    artifacts,
    blob_texts,
    blobs,
    links,
    request_rounds,
    requests,
)

MOST = 200


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
    answers: tuple[int, ...]  # the requests that it answers


@dataclass(frozen=True, slots=True)
class WaitingFile:
    """One of its files, with the markings that were found in it; nobody reads one that is held elsewhere."""

    file: File
    markings: tuple[str, ...]
    is_read: bool  # whether the markings in its text are known


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
    return _read(work, _all(work).order_by(artifacts.c.quarantined_at, artifacts.c.id).limit(MOST))


def counted(work: Work) -> ColumnElement[int]:
    """How many wait, as a column of another query."""
    return select(func.count()).select_from(_all(work).subquery()).scalar_subquery()


def one(work: Work, artifact_id: int) -> Waiting:
    """One that waits; raises `NotFound` where there is none for this actor."""
    waiting(work, artifact_id)
    return _read(work, _all(work).where(artifacts.c.id == artifact_id))[0]


def waiting(work: Work, artifact_id: int) -> tuple[Any, Access]:
    """The row and the home of an artifact in quarantine; raises `NotFound` where there is none for this actor."""
    row = work.row(_all(work).where(artifacts.c.id == artifact_id))
    home = work.actor.by_id(row.system_id) if work.actor and row else None
    if row is None or home is None:
        raise NotFound("There is no such artifact in quarantine, or it belongs to a system that you do not work in.")
    return row, home


def file_of(work: Work, artifact_id: int, position: int) -> File:
    """One file of an artifact in quarantine, to be looked at; raises `NotFound`."""
    waiting(work, artifact_id)
    files = _files(work, [artifact_id]).get(artifact_id, [])
    found = next((known.file for known in files if known.file.position == position), None)
    if found is None:
        raise NotFound("There is no such file.")
    return found


def held_among(work: Work, ids: Iterable[int]) -> set[int]:
    """Those of these artifacts that are in quarantine: their own page shows nobody anything."""
    query = select(artifacts.c.id).where(artifacts.c.id.in_(list(ids)), artifacts.c.quarantined_at.is_not(None))
    return {row.id for row in work.rows(query)}


def accept(work: Work, artifact_id: int, version: int | None = None, title: str | None = None) -> None:
    """Take an artifact out of quarantine: from now on it is evidence like any other, under its title or a better one.

    Who accepts what came by an upload link is who brought it in, so somebody else approves it. It is linked to the
    objective of the request that it answers. A person's approval of before holds on: the bytes are the same.
    """
    work.alone(f"artifact:{artifact_id}")
    row, home = waiting(work, artifact_id)
    allow(work.actor, Action.ARTIFACT_CREATE, home)
    changes: dict[str, Any] = parse_facts({"title": title}, work.today) if title is not None else {}
    changes |= _brought_in(work, row)
    seen = version if version is not None else row.version
    work.change_one(bumped(artifact_id, seen, quarantined_at=None, quarantine_why="", **changes))
    remember(work, artifact_id)
    seen_through = [one.file.sha256 for one in _files(work, [artifact_id]).get(artifact_id, []) if one.is_read]
    detail = {
        "why": row.quarantine_why,
        "system": home.slug,
        "title": changes.get("title", row.title),
        "sha256": seen_through,
    }
    work.record(Event.ARTIFACT_ACCEPTED, f"artifact:{artifact_id}", detail)
    for objective in _objectives(work, artifact_id, home):
        put(work, artifact_id, Target(home, objective))
    if changes.get("status", row.status) == ArtifactStatus.APPROVED:
        rounds.met(work, artifact_id)


def _brought_in(work: Work, row: Any) -> dict[str, Any]:
    """What changes of an artifact that nobody with an account brought in: who accepts it did."""
    nobody = artifact_versions.c.received_by.is_(None)
    mine = and_(artifact_versions.c.artifact_id == row.id, nobody)
    if not work.row(select(artifact_versions.c.number).where(mine, artifact_versions.c.number == row.current_version)):
        return {}
    work.change(update(artifact_versions).where(mine).values(received_by=actor_id(work)))
    changes: dict[str, Any] = {"created_by": row.created_by or actor_id(work)}
    if row.approved_sha256 is None and row.status != ArtifactStatus.SUPERSEDED:
        changes["status"] = first_status(review=settings.current(work).review_required)
    return changes


def _objectives(work: Work, artifact_id: int, home: Access) -> list[ObjectiveId]:
    """The objectives of the requests that it answers and that it is not linked to yet."""
    query = (
        select(requests.c.requirement, requests.c.letter)
        .join(request_rounds, request_rounds.c.request_id == requests.c.id)
        .where(request_rounds.c.artifact_id == artifact_id, requests.c.system_id == home.system_id)
    )
    there = select(links.c.requirement, links.c.letter)
    there = there.where(links.c.artifact_id == artifact_id, links.c.system_id == home.system_id)
    linked = {(row.requirement, row.letter) for row in work.rows(there)}
    wanted = {(row.requirement, row.letter) for row in work.rows(query)}
    return [ObjectiveId(*one) for one in sorted(wanted - linked)]


def reject(work: Work, artifact_id: int, reason: str, version: int | None = None) -> None:
    """Refuse it, and say why: it goes into the trash, from where it can be restored (to quarantine) and is purged."""
    row, home = waiting(work, artifact_id)
    allow(work.actor, Action.ARTIFACT_DELETE, home)
    why = parse_why(reason, "reason")
    check_pins(work, artifact_id)
    seen = version if version is not None else row.version
    work.change_one(bumped(artifact_id, seen, deleted_at=work.now, deleted_by=actor_id(work)))
    work.record(Event.ARTIFACT_REJECTED, f"artifact:{artifact_id}", {"title": row.title, "reason": why})


def _all(work: Work) -> Select[Any]:
    ids = work.actor.system_ids(Right.CONTRIBUTE) if work.actor else []
    held = artifacts.c.quarantined_at.is_not(None) & artifacts.c.deleted_at.is_(None)
    return select(artifacts).where(held, artifacts.c.system_id.in_(ids))


def _read(work: Work, query: Select[Any]) -> list[Waiting]:
    slugs = {one.system_id: slug for slug, one in work.actor.systems.items()} if work.actor else {}
    rows = work.rows(query)
    ids = [row.id for row in rows]
    files, answers = _files(work, ids), _answers(work, ids)
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
            tuple(answers.get(row.id, ())),
        )
        for row in rows
    ]


def _answers(work: Work, ids: list[int]) -> dict[int, list[int]]:
    query = select(request_rounds.c.artifact_id, request_rounds.c.request_id).distinct()
    found: dict[int, list[int]] = {}
    for row in work.rows(query.where(request_rounds.c.artifact_id.in_(ids)).order_by(request_rounds.c.request_id)):
        found.setdefault(row.artifact_id, []).append(row.request_id)
    return found


def _files(work: Work, ids: list[int]) -> dict[int, list[WaitingFile]]:
    """The files of the current versions, in order: those in the store, or those that are held elsewhere."""
    query = (
        select(artifact_files.c.artifact_id, *OF_FILE, blob_texts.c.markings)
        .join(artifacts, artifacts.c.id == artifact_files.c.artifact_id)
        .join(blobs, blobs.c.sha256 == artifact_files.c.sha256)
        .join(blob_texts, blob_texts.c.sha256 == artifact_files.c.sha256, isouter=True)
        .where(artifacts.c.id.in_(ids), artifact_files.c.number == artifacts.c.current_version)
        .order_by(artifact_files.c.artifact_id, artifact_files.c.position)
    )
    found: dict[int, list[WaitingFile]] = {}
    for row in work.rows(query):
        marked = tuple(str(known["shown"]) for known in row.markings or ())
        file = file_from(row)
        found.setdefault(row.artifact_id, []).append(WaitingFile(file, marked, file.text_state != "waiting"))
    return found | _held_files(work, [one for one in ids if one not in found])


def _held_files(work: Work, ids: list[int]) -> dict[int, list[WaitingFile]]:
    if not ids:
        return {}
    elsewhere = held(work, ids)
    rows = work.rows(select(artifacts.c.id, artifacts.c.current_version).where(artifacts.c.id.in_(ids)))
    # Nobody read them: to accept one lets no bytes in that are marked and come later under the same hash.
    return {
        row.id: [WaitingFile(file, (), is_read=False) for file in elsewhere.get((row.id, row.current_version), ())]
        for row in rows
    }
