"""Rows in a portable form: one JSON line each, the same from SQLite and from PostgreSQL.

The first line of a table names its columns and what each holds. So a table can be read without the schema that it was
written under: a backup of an older version goes back into that version's schema, which is then migrated.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from itertools import islice
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Connection,
    Date,
    Integer,
    LargeBinary,
    String,
    Table,
    column,
    insert,
    select,
)
from sqlalchemy import table as bare_table
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError, StatementError
from sqlalchemy.types import TypeEngine

from cmmc_tracker.errors import Conflict
from cmmc_tracker.storage.tables.columns import Instant

_STEP = 500
_NOTHING = "Nothing was restored."
_KINDS: tuple[tuple[type[TypeEngine[Any]], str], ...] = (
    (Instant, "instant"),
    (Date, "date"),
    (JSON, "json"),
    (Boolean, "boolean"),
    (Integer, "integer"),
    (String, "text"),
    (LargeBinary, "binary"),
)
_TYPES: dict[str, TypeEngine[Any]] = {
    "instant": Instant(),
    "date": Date(),
    "json": JSON(none_as_null=True),
    "boolean": Boolean(),
    "integer": BigInteger(),
    "text": String(),
    "binary": LargeBinary(),
}
_READ: dict[str, Callable[[Any], Any]] = {
    "instant": datetime.fromisoformat,
    "date": date.fromisoformat,
    "binary": lambda text: b64decode(text, validate=True),
}


def written(db: Connection, table: Table) -> Iterator[bytes]:
    """The lines of a table: what its columns are, then its rows in the order of its key, read piece by piece."""
    kinds = [_kind(one.type) for one in table.columns]
    yield _line({"table": table.name, "columns": [[c.name, k] for c, k in zip(table.columns, kinds, strict=True)]})
    query = select(table).order_by(*table.primary_key.columns)
    with db.execution_options(yield_per=_STEP).execute(query) as found:
        for row in found:
            yield _line([_plain(value) for value in row])


def _kind(of: TypeEngine[Any]) -> str:
    return next(name for kind, name in _KINDS if isinstance(of, kind))


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return b64encode(value).decode("ascii")
    return value.isoformat() if isinstance(value, date) else value


def _line(content: Any) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


class Lines:
    """A table as it was written: its name, its columns and the rows, as dictionaries.

    Raises `Conflict` for lines that nobody wrote in this form.
    """

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._lines = iter(lines)
        try:
            head = json.loads(next(self._lines))
            self.table = str(head["table"])
            self.columns = {str(name): str(kind) for name, kind in head["columns"]}
            unknown = set(self.columns.values()) - set(_TYPES)
        except (StopIteration, ValueError, KeyError, TypeError):
            raise Conflict("A table of the backup cannot be read.") from None
        if unknown:
            raise Conflict("A table of the backup has columns of a kind that this version does not know.")

    def rows(self) -> Iterator[dict[str, Any]]:
        """The rows, one after the other."""
        readers = [(name, _READ.get(kind)) for name, kind in self.columns.items()]
        for line in self._lines:
            try:
                values = json.loads(line)
                yield {
                    name: read(value) if read and value is not None else value
                    for (name, read), value in zip(readers, values, strict=True)
                }
            except (ValueError, TypeError):
                raise Conflict(f"A row of the backup's table {self.table} cannot be read.") from None

    def put(self, db: Connection) -> int:
        """Put the rows into the table of that name; returns how many. Raises `Conflict` for rows that do not fit it."""
        target = bare_table(self.table, *(column(name, _TYPES[kind]) for name, kind in self.columns.items()))
        statement, rows, done = insert(target), self.rows(), 0
        while piece := list(islice(rows, _STEP)):
            try:
                db.execute(statement, piece)
            except (IntegrityError, DataError, ProgrammingError):
                raise Conflict(f"The rows of the backup's table {self.table} do not fit. {_NOTHING}") from None
            except StatementError as error:
                if isinstance(error, DBAPIError):
                    raise
                raise Conflict(f"A row of the backup's table {self.table} cannot be read. {_NOTHING}") from None
            done += len(piece)
        return done
