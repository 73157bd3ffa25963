"""What the search knows of an artifact: written anew whenever something is said of it, or its files were read."""

from collections.abc import Iterator
from itertools import count
from typing import Any

from sqlalchemy import func, select, union_all

from cmmc_tracker.services import members
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage import search
from cmmc_tracker.storage.tables import artifact_files, artifact_versions, artifacts, blob_texts, held_files


def remember(work: Work, artifact_id: int) -> None:
    """Make an artifact findable by what is said of it now, and by what its current files say."""
    work.alone(f"search:{artifact_id}")  # what is read here is what is written, whoever else comes
    row = work.row(select(artifacts).where(artifacts.c.id == artifact_id))
    if row is None:
        return
    columns = (artifact_files.c.filename, held_files.c.location, held_files.c.filename, artifact_versions.c.note)
    said = (select(column.label("word")).where(column.table.c.artifact_id == artifact_id) for column in columns)
    words = dict.fromkeys(one.word for one in work.rows(union_all(*said)) if one.word)
    people = members.names(work, {row.owner_id, row.reviewer_id}).values()
    text = " ".join([*words, row.origin, row.description, *people, *_texts(work, row)])
    search.remember(work.db, artifact_id, row.title, text)


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
