"""Finding artifacts by words, on SQLite by FTS5 and on PostgreSQL by `tsvector`, behind the same functions.

Each word must begin a word of the title, the description or a file name. What a person types is never part of
the search language: words are cut out of it first, so no sign can act as an operator.
"""

import re
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, column, delete, func, select, table, text

_WORD = re.compile(r"\w+")
_MOST_WORDS = 12
LONGEST = 200_000  # characters of an artifact that are kept in the index
_search = table("artifact_search", column("rowid"), column("id"), column("artifact_search"), column("words"))


def words_of(query: str) -> list[str]:
    """The words of what a person typed; at most twelve, each at most 60 characters."""
    return [word[:60] for word in _WORD.findall(query.replace("_", " "))[:_MOST_WORDS]]


def remember(db: Connection, artifact_id: int, title: str, words: str) -> None:
    """Make an artifact findable by its title and further words; what stood before for it is replaced."""
    values = {"id": artifact_id, "title": title, "words": words[:LONGEST]}
    if db.dialect.name == "sqlite":
        statement = "INSERT OR REPLACE INTO artifact_search (rowid, title, words) VALUES (:id, :title, :words)"
        db.execute(text(statement), values)
        return
    # File names such as 2026_q3.log are one token to PostgreSQL unless their signs are spaces.
    values |= {name: " ".join(_WORD.findall(str(values[name]).replace("_", " "))) for name in ("title", "words")}
    db.execute(
        text(
            "INSERT INTO artifact_search (id, words) VALUES "
            "(:id, setweight(to_tsvector('simple', :title), 'A') || to_tsvector('simple', :words)) "
            "ON CONFLICT (id) DO UPDATE SET words = excluded.words"
        ),
        values,
    )


def forget(db: Connection, artifact_id: int) -> None:
    """Let an artifact be found no more."""
    column_name = _search.c.rowid if db.dialect.name == "sqlite" else _search.c.id
    db.execute(delete(_search).where(column_name == artifact_id))


class Place(StrEnum):
    """Where the words of a search stand."""

    TITLE = "title"
    ELSEWHERE = "elsewhere"


def narrowed(
    db: Connection, query: Select[Any], artifact_id: ColumnElement[int], text_given: str, place: Place
) -> tuple[Select[Any], ColumnElement[int]]:
    """The query narrowed to artifacts that have every word of the text, and the column to order and page it by.

    `place` tells whether all of the words stand in the title, or one of them stands elsewhere only.

    None fits a text without a word. On SQLite the index is joined and gives the order: it then hands out its rows
    newest first and stops at the page's end, where `IN` would gather all that fit before the first is shown.
    """
    words = words_of(text_given)
    if not words:
        return query.where(artifact_id.is_(None)), artifact_id
    if db.dialect.name == "sqlite":
        anywhere = " AND ".join(f'"{word}"*' for word in words)
        titled = f"title : ({anywhere})"
        expression = titled if place is Place.TITLE else f"({anywhere}) NOT ({titled})"
        joined = query.join(_search, _search.c.rowid == artifact_id)
        return joined.where(_search.c.artifact_search.op("MATCH")(expression)), _search.c.rowid
    titled = " & ".join(f"{word}:*A" for word in words)
    anywhere = " & ".join(f"{word}:*" for word in words)
    expression = titled if place is Place.TITLE else f"({anywhere}) & !({titled})"
    vector = _search.c.words.op("@@")(text("to_tsquery('simple', :q)").bindparams(q=expression))
    return query.where(artifact_id.in_(select(_search.c.id).where(vector))), artifact_id


def position(db: Connection, column_searched: ColumnElement[str], word: str) -> ColumnElement[int]:
    """Where a word stands first in a text, counted from 1, capitals apart from accented letters left out of account."""
    find = func.instr if db.dialect.name == "sqlite" else func.strpos
    return find(func.lower(column_searched), word.lower())
