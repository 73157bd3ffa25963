"""The audit log of one system as a document: `audit-log.csv`, a line for each entry that concerns it, oldest first.

What such a part can prove, and what not. An entry's hash covers its content and the hash of the entry before, over the
whole installation: the JSON list [previous, at, actor_id, actor, address, action, entity, detail], without blanks, in
UTF-8. The address is left out of the extract, so nobody can compute a hash from it alone. Who keeps the log can: given
the address of one entry, its hash follows, and with it that this is what was written. Two entries that follow each
other hang together by `previous`. The last line is the head of the log at the freeze: its hash stands for every entry
before, also those that are not shown. Kept elsewhere, it finds a log that was written anew (`verify --head`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any

from cmmc_tracker.errors import Conflict
from cmmc_tracker.reports.cells import Cell, csv_lines

HEAD = "log_head"  # of a snapshot: the newest entry's number and hash
EXTRACT = "log_extract"  # beside a snapshot, never in it
COLUMNS = ("id", "at", "actor_id", "actor", "action", "entity", "detail", "previous", "hash")
_OLDER = "(left out: entry {number} and older ones that concern this system; whoever keeps the log has them)"
_HEAD = "(the newest entry of the log when this was made; what does not concern this system is not shown)"


@dataclass(frozen=True, slots=True)
class Line:
    """An entry as the extract has it; `detail` is what was hashed, or why it is left out."""

    number: int
    at: str
    actor_id: int | None
    actor: str
    action: str
    entity: str
    detail: str
    previous: str
    hash: str


@dataclass(frozen=True, slots=True)
class Extract:
    """The entries, oldest first, with the head of the log; `left_out` is the newest of those that had no room, or 0."""

    lines: Sequence[Line]
    head: int
    hash: str
    previous: str
    left_out: int = 0


def make(snapshot: Mapping[str, Any]) -> bytes:
    """The extract beside a snapshot. Raises `Conflict` for a snapshot of before the log's head was kept."""
    found: Extract | None = snapshot.get(EXTRACT)
    if found is None:
        raise Conflict("This was frozen by a version that kept no head of the audit log, so there is no extract of it.")
    rows: list[Sequence[Cell]] = [COLUMNS]
    if found.left_out:
        rows.append((None, "", None, "", "", "", _OLDER.format(number=found.left_out), "", ""))
    rows += [astuple(one) for one in found.lines]
    if not found.lines or found.lines[-1].number != found.head:
        rows.append((found.head, "", None, "", "", "", _HEAD, found.previous, found.hash))
    return "".join(csv_lines(rows)).encode("utf-8-sig")
