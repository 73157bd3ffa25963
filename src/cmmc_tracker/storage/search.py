"""Finding artifacts by words, on SQLite by FTS5 and on PostgreSQL by `tsvector`, behind the same three functions.

Each word must begin a word of the title, the description or a file name. What a person types is never part of
the search language: words are cut out of it first, so no sign can act as an operator.
"""

import re

from sqlalchemy import ColumnElement, Connection, column, select, table, text

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


def matches(db: Connection, artifact_id: ColumnElement[int], query: str) -> ColumnElement[bool]:
    """A condition that holds for artifacts that have every word of the query; for none when it has no word."""
    words = words_of(query)
    if not words:
        return artifact_id.is_(None)
    if db.dialect.name == "sqlite":
        expression = " AND ".join(f'"{word}"*' for word in words)
        found = select(_search.c.rowid).where(_search.c.artifact_search.op("MATCH")(expression))
    else:
        expression = " & ".join(f"{word}:*" for word in words)
        vector = _search.c.words.op("@@")(text("to_tsquery('simple', :q)").bindparams(q=expression))
        found = select(_search.c.id).where(vector)
    return artifact_id.in_(found)
