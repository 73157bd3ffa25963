"""The audit log as files that other programs read, piece by piece: it may be longer than the memory.

Every field stands there to the letter, with the hashes, so that the chain can be computed again with SHA-256 alone:
an entry's hash is that of the JSON list [previous, at, actor_id, actor, address, action, entity, detail], without
blanks and without escaping other letters, in UTF-8. `detail` is the text that was hashed; it is itself JSON.
"""

import json
from collections.abc import Iterable, Iterator
from itertools import islice

from cmmc_tracker.domain.audit import Entry
from cmmc_tracker.reports.cells import csv_lines

_FIELDS = ("at", "actor_id", "actor", "address", "action", "entity", "detail", "previous")
COLUMNS = ("id", *_FIELDS, "hash")

Numbered = tuple[int, Entry, str]


def as_csv(entries: Iterable[Numbered]) -> Iterator[str]:
    """Lines of a CSV file with a header; a cell that would begin a formula gets an apostrophe."""
    yield from csv_lines([COLUMNS])
    yield from csv_lines(list(_row(*one).values()) for one in entries)


def as_json(entries: Iterable[Numbered]) -> Iterator[str]:
    """Lines of one JSON array, an entry a line: a download that was cut off is no JSON, so it cannot pass for whole."""
    before = "[\n"
    for one in entries:
        yield before + json.dumps(_row(*one))
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def _row(number: int, entry: Entry, hash_: str) -> dict[str, str | int | None]:
    return {"id": number, **{name: getattr(entry, name) for name in _FIELDS}, "hash": hash_}


def in_pieces(lines: Iterable[str], count: int = 500) -> Iterator[bytes]:
    """The lines some hundred at a time: sent one by one they would cost a system call each."""
    rest = iter(lines)
    while piece := "".join(islice(rest, count)):
        yield piece.encode()
