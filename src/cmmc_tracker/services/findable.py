"""What the search knows of an artifact: written anew whenever something is said of it, or its files were read."""

from collections.abc import Collection, Iterator, Sequence
from itertools import count
from typing import Any

from sqlalchemy import func, select, union_all

from cmmc_tracker.services import members
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage import search
from cmmc_tracker.storage.tables import artifact_files, artifact_versions, artifacts, blob_texts, held_files

_LOCKS = 256


def _alone(work: Work, artifact_id: int) -> None:
    """What is read from here on is what is written, whoever else comes.

    Many artifacts share a lock: PostgreSQL has room for some 6,400 in all, and a Work may be about more artifacts.
    """
    work.alone(f"search:{artifact_id % _LOCKS}")


def remember(work: Work, artifact_id: int) -> None:
    """Make an artifact findable by what is said of it now, and by what its current files say."""
    _alone(work, artifact_id)
    _write(work, [artifact_id])


def remember_all(work: Work, step: int = 500) -> None:
    """Make every artifact findable; for a Work beside which there is no other."""
    last = 0
    query = select(artifacts.c.id).where(artifacts.c.purged_at.is_(None)).order_by(artifacts.c.id).limit(step)
    while ids := [row.id for row in work.rows(query.where(artifacts.c.id > last))]:
        _write(work, ids)
        last = ids[-1]


def _write(work: Work, ids: Sequence[int]) -> None:
    rows = work.rows(select(artifacts).where(artifacts.c.id.in_(ids)))
    columns = (artifact_files.c.filename, held_files.c.location, held_files.c.filename, artifact_versions.c.note)
    places = ((column, column.table.c.artifact_id) for column in columns)
    said = (select(at.label("artifact"), column.label("word")).where(at.in_(ids)) for column, at in places)
    words: dict[int, dict[str, None]] = {one: {} for one in ids}
    for one in work.rows(union_all(*said)):
        words[one.artifact] |= {one.word: None} if one.word else {}
    people = members.names(work, {number for row in rows for number in (row.owner_id, row.reviewer_id)})
    read = _read(work, ids)
    for row in rows:
        named = [people[one] for one in dict.fromkeys((row.owner_id, row.reviewer_id)) if one in people]
        texts = _texts(work, row) if row.id in read else ()
        text = " ".join([*words[row.id], row.origin, row.description, *named, *texts])
        search.remember(work.db, row.id, row.title, text)


def _read(work: Work, ids: Sequence[int]) -> Collection[int]:
    """Those with a file that was read; of a single one it is not asked, as its texts are asked for at once."""
    if len(ids) == 1:
        return ids
    known = select(artifact_files.c.artifact_id).join(blob_texts, blob_texts.c.sha256 == artifact_files.c.sha256)
    return {row.artifact_id for row in work.rows(known.where(artifact_files.c.artifact_id.in_(ids)).distinct())}


def forget(work: Work, artifact_id: int) -> None:
    """Let an artifact be found no more."""
    _alone(work, artifact_id)
    search.forget(work.db, artifact_id)


def _texts(work: Work, row: Any) -> Iterator[str]:
    """What its current files say, until there is as much as the index keeps."""
    query = (
        select(func.substr(blob_texts.c.text, 1, search.LONGEST).label("text"))
        .join(artifact_files, artifact_files.c.sha256 == blob_texts.c.sha256)
        .where(artifact_files.c.artifact_id == row.id, artifact_files.c.number == row.current_version)
        .order_by(artifact_files.c.position)
    )
    left = search.LONGEST
    for offset in count():
        found = work.row(query.limit(1).offset(offset)) if left > 0 else None
        if found is None:
            return
        yield found.text
        left -= len(found.text)
