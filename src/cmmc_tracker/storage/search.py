"""Finding artifacts by words, on SQLite by FTS5 and on PostgreSQL by `tsvector`, behind the same functions.

Each word must begin a word of the title, the description or a file name. What a person types is never part of
the search language: words are cut out of it first, so no sign can act as an operator.
"""

import re
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, column, select, table, text

_WORD = re.compile(r"\w+")
_MOST_WORDS = 12
_search = table("artifact_search", column("rowid"), column("id"), column("artifact_search"), column("words"))


def words_of(query: str) -> list[str]:
    """The words of what a person typed; at most twelve, each at most 60 characters."""
    return [word[:60] for word in _WORD.findall(query.replace("_", " "))[:_MOST_WORDS]]


def remember(db: Connection, artifact_id: int, title: str, words: str) -> None:
    """Make an artifact findable by its title and further words; what stood before for it is replaced."""
    values = {"id": artifact_id, "title": title, "words": words[:200_000]}
    if db.dialect.name == "sqlite":
        db.execute(text("DELETE FROM artifact_search WHERE rowid = :id"), {"id": artifact_id})
        db.execute(text("INSERT INTO artifact_search (rowid, title, words) VALUES (:id, :title, :words)"), values)
        return
    # File names such as 2026_q3.log are one token to PostgreSQL unless their signs are spaces.
    values = {"id": artifact_id, "all": " ".join(_WORD.findall(f"{title} {values['words']}".replace("_", " ")))}
    db.execute(
        text(
            "INSERT INTO artifact_search (id, words) VALUES (:id, to_tsvector('simple', :all)) "
            "ON CONFLICT (id) DO UPDATE SET words = excluded.words"
        ),
        values,
    )


def narrowed(
    db: Connection, query: Select[Any], artifact_id: ColumnElement[int], text_given: str
) -> tuple[Select[Any], ColumnElement[int]]:
    """The query narrowed to artifacts that have every word of the text, and the column to order and page it by.

    None fits a text without a word. On SQLite the index is joined and gives the order: it then hands out its rows
    newest first and stops at the page's end, where `IN` would gather all that fit before the first is shown.
    """
    words = words_of(text_given)
    if not words:
        return query.where(artifact_id.is_(None)), artifact_id
    if db.dialect.name == "sqlite":
        expression = " AND ".join(f'"{word}"*' for word in words)
        joined = query.join(_search, _search.c.rowid == artifact_id)
        return joined.where(_search.c.artifact_search.op("MATCH")(expression)), _search.c.rowid
    expression = " & ".join(f"{word}:*" for word in words)
    vector = _search.c.words.op("@@")(text("to_tsquery('simple', :q)").bindparams(q=expression))
    return query.where(artifact_id.in_(select(_search.c.id).where(vector))), artifact_id
