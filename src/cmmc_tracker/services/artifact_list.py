"""Pages of artifacts: filters, searching, ranking. What a page shows of each is made by `artifact_views`.

Ranking is in two steps, each newest first: artifacts whose title has every word, then those that have them elsewhere.
So a page is the beginning of what the index hands out, however many artifacts have a word; a rank of each would have to
look at them all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import CompoundSelect, Date, Select, and_, case, func, select, union_all

from cmmc_tracker.domain import searching
from cmmc_tracker.domain.accounts import name_key
from cmmc_tracker.domain.artifacts import ArtifactStatus, Kind
from cmmc_tracker.domain.catalog import ObjectiveId
from cmmc_tracker.domain.searching import Query
from cmmc_tracker.errors import Invalid
from cmmc_tracker.services import artifact_views
from cmmc_tracker.services.artifact_views import Artifact
from cmmc_tracker.services.artifacts import shown_to
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage import search
from cmmc_tracker.storage.search import Place
from cmmc_tracker.storage.tables import artifact_files, artifacts, blob_texts, held_files, links, users

_SECOND_STEP = 10**15  # added to the cursor of the second step of a ranked list; no id comes near it
_BEFORE, _SHOWN = 60, 220  # characters of a snippet
_LOOKED_AT, _LOOKED_INTO = 50_000, 3  # characters of a text, files of a version


@dataclass(frozen=True, slots=True)
class ArtifactFilter:
    """What to list; an empty field does not narrow. `cursor` is where the page before ended.

    `text` is a search as people type it, with its operators (`domain.searching`).
    """

    text: str = ""
    kind: str = ""
    status: str = ""
    family: str = ""
    objective: ObjectiveId | None = None
    unlinked: bool = False
    limit: int = 25
    cursor: int | None = None


def page(work: Work, wanted: ArtifactFilter) -> tuple[list[Artifact], int | None]:
    """Artifacts that fit, with their current version, and the cursor of the next page or None.

    Raises `Invalid` for a kind, a state or an operator that is none.
    """
    query = searching.parse(wanted.text, work.today)
    if query.hash:  # eight hex digits may be a word or a date, too
        mine = select(artifacts.c.id).where(shown_to(work.actor), artifacts.c.id.in_(_having(query.hash)))
        is_one = work.row(mine.limit(1)) is not None  # of what others have nothing is told
        query = replace(query, words="") if is_one else replace(query, hash="", words=query.words or query.hash)
    asked = select(artifacts).where(shown_to(work.actor), *_conditions(work, wanted), *_said(work, query))
    if query.words or (wanted.text.strip() and query.is_empty):
        rows, following = _ranked(work, asked, wanted, query.words)
    else:
        rows, following = _newest(work, asked, wanted)
    return artifact_views.filled(work, rows), following


def _newest(work: Work, asked: Select[Any], wanted: ArtifactFilter) -> tuple[list[Any], int | None]:
    if wanted.cursor is not None:
        asked = asked.where(artifacts.c.id < wanted.cursor)
    rows = work.rows(asked.order_by(artifacts.c.id.desc()).limit(wanted.limit + 1))
    return rows[: wanted.limit], rows[wanted.limit - 1].id if len(rows) > wanted.limit else None


def _ranked(work: Work, asked: Select[Any], wanted: ArtifactFilter, words: str) -> tuple[list[Any], int | None]:
    """First what has the words in its title, then what has them elsewhere; a page may have the end of one and more."""
    found: list[tuple[int, Any]] = []
    cursor = wanted.cursor
    for step, place in ((0, Place.TITLE), (_SECOND_STEP, Place.ELSEWHERE)):
        if cursor is not None and cursor > _SECOND_STEP and step == 0:
            continue
        query, order = search.narrowed(work.db, asked, artifacts.c.id, words, place)
        if cursor is not None and (cursor > _SECOND_STEP) == bool(step):
            query = query.where(order < cursor - step)
        rows = work.rows(query.order_by(order.desc()).limit(wanted.limit + 1 - len(found)))
        found += [(row.id + step, row) for row in rows]
        if len(found) > wanted.limit:
            break
    shown = found[: wanted.limit]
    return [row for _, row in shown], shown[-1][0] if len(found) > wanted.limit else None


def _conditions(work: Work, wanted: ArtifactFilter) -> list[Any]:
    found: list[Any] = []
    if wanted.kind:
        if wanted.kind not in set(Kind):
            raise Invalid({"kind": f"This kind is not known; choose one of {', '.join(Kind)}."})
        found.append(artifacts.c.kind == wanted.kind)
    if wanted.status:
        if wanted.status not in set(ArtifactStatus):
            raise Invalid({"status": f"This status is not known; choose one of {', '.join(ArtifactStatus)}."})
        found.append(artifacts.c.status == wanted.status)
    any_link = _any_link(work)
    if wanted.family:
        found.append(any_link.where(links.c.requirement.startswith(f"{wanted.family}.", autoescape=True)).exists())
    if wanted.objective:
        found.append(any_link.where(*_at(wanted.objective)).exists())
    if wanted.unlinked:
        found.append(~any_link.exists())
    return found


def _any_link(work: Work) -> Select[Any]:
    mine = links.c.system_id.in_(work.actor.system_ids() if work.actor else [])
    return select(links.c.artifact_id).where(links.c.artifact_id == artifacts.c.id, mine)


def _at(objective: ObjectiveId) -> tuple[Any, Any]:
    return links.c.requirement == objective.requirement, links.c.letter == objective.letter


def _said(work: Work, query: Query) -> list[Any]:
    """The conditions that the operators of a search make."""
    found: list[Any] = []
    if query.kind:
        found.append(artifacts.c.kind == query.kind)
    if query.state:
        found.append(artifacts.c.status == query.state)
    if query.owner:
        owner = select(users.c.id).where(users.c.name_key.startswith(name_key(query.owner), autoescape=True))
        mine = work.actor.system_ids() if work.actor else []
        found.append(and_(artifacts.c.owner_id.in_(owner), artifacts.c.system_id.in_(mine)))
    if query.objective:
        found.append(_any_link(work).where(*_at(query.objective)).exists())
    if query.requirement:
        found.append(_any_link(work).where(links.c.requirement == query.requirement).exists())
    if query.hash:
        found.append(artifacts.c.id.in_(_having(query.hash)))
    return [*found, *_dated(query.stale_on, query.before, query.after)]


def _dated(stale_on: date | None, before: date | None, after: date | None) -> list[Any]:
    base = func.coalesce(
        artifacts.c.covers_until,
        artifacts.c.collected_on,
        artifacts.c.covers_from,
        func.date(artifacts.c.created_at, type_=Date),
    )
    found: list[Any] = []
    if stale_on:
        found += [artifacts.c.due_on < stale_on, artifacts.c.status != ArtifactStatus.SUPERSEDED]
    if before:
        found.append(base < before)
    if after:
        found.append(base > after)
    return found


def _having(sha256: str) -> CompoundSelect[Any]:
    """The artifacts that have, in any version, a file with this hash or one that begins so, wherever it is held."""
    last = sha256 + "g"  # after every hex digit
    found = [
        select(t.c.artifact_id).where(t.c.sha256 >= sha256, t.c.sha256 < last) for t in (artifact_files, held_files)
    ]
    return union_all(*found)


def snippets(work: Work, ids: Sequence[int], words: Sequence[str]) -> Mapping[int, str]:
    """Where in the text of each artifact's current version the first of the words stands, with what is around it."""
    if not words or not ids:
        return {}
    body = func.substr(blob_texts.c.text, 1, _LOOKED_AT)
    at = search.position(work.db, body, words[0])
    start = case((at > _BEFORE, at - _BEFORE), else_=1)
    query = (
        select(artifacts.c.id, at.label("at"), func.substr(body, start, _SHOWN).label("text"))
        .join(
            artifact_files,
            and_(
                artifact_files.c.artifact_id == artifacts.c.id,
                artifact_files.c.number == artifacts.c.current_version,
            ),
        )
        .join(blob_texts, blob_texts.c.sha256 == artifact_files.c.sha256)
        .where(artifacts.c.id.in_(ids), artifact_files.c.position <= _LOOKED_INTO, at > 0)
        .order_by(artifacts.c.id, artifact_files.c.position.desc())
    )
    return {row.id: " ".join(row.text.split()) for row in work.rows(query)}
