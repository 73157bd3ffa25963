"""The audit log of one system for a package: read up to the head that the snapshot names, newest first, to a bound.

A log is written by everything that is done, and may have a million entries. So it is read in pieces, the database sorts
out what is surely of something else, and what is kept has a bound.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, func, or_, select

from cmmc_tracker.domain.audit import GENESIS
from cmmc_tracker.domain.handoff.log_extract import BY_SLUG, Concern
from cmmc_tracker.errors import Conflict
from cmmc_tracker.reports.audit_extract import HEAD, Extract, Line
from cmmc_tracker.services import audit as log
from cmmc_tracker.services.artifacts import SPILLED
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage import tables as t
from cmmc_tracker.storage.tables import audit

MOST_BYTES = 8 * 1_048_576  # of the extract; some 20,000 entries
STEP = 1_000
_AROUND = 260  # bytes of a line beside what was written: number, instant, two hashes, commas
_OF_SYSTEM = {
    "asset": t.assets,
    "change": t.changes,
    "evidence_request": t.requests,
    "freeze": t.freezes,
    "package": t.packages,
    "poam_item": t.plan_items,
    "provider": t.providers,
    "remark": t.remarks,
}


def head(work: Work) -> dict[str, Any]:
    """The newest entry and its hash, as a snapshot keeps them."""
    newest = log.newest(work)
    return {"entry": newest.entry, "hash": newest.hash}


def of(work: Work, snapshot: Mapping[str, Any], most: int = MOST_BYTES) -> Extract | None:
    """The entries that concern the snapshot's system, oldest first, up to its head; None where it names none.

    Of more than `most` bytes the oldest are left out. Raises `Conflict` where the head is not what it was: the log was
    altered between the picture and the freeze.
    """
    if HEAD not in snapshot:
        return None
    number, hash_ = snapshot[HEAD]["entry"], snapshot[HEAD]["hash"]
    row = work.row(select(audit).where(audit.c.id == number))
    if (row.hash if row else GENESIS) != hash_:
        raise Conflict(f"Entry {number} of the audit log is not what it was: run `cmmc-tracker verify`.")
    about = _concern(work, snapshot)
    lines: list[Line] = []
    room = most
    for one in _lines(work, about, number):
        room -= _AROUND + sum(len(text.encode()) for text in (one.actor, one.entity, one.detail))
        if room < 0:
            return Extract(lines[::-1], number, hash_, row.previous if row else "", one.number)
        lines.append(one)
    return Extract(lines[::-1], number, hash_, row.previous if row else "")


def _lines(work: Work, about: Concern, last: int) -> Iterator[Line]:
    """What concerns the system, newest first."""
    query = select(audit).where(_may_be(about.slug)).order_by(audit.c.id.desc()).limit(STEP)
    is_more = True
    while is_more:
        rows = work.rows(query.where(audit.c.id <= last))
        for row in rows:
            detail = _read(row)
            if about.concerns(row.entity, detail):
                person = (row.at, row.actor_id, row.actor)
                told = about.told(log.entry_of(row), detail)
                yield Line(row.id, *person, row.action, row.entity, told, row.previous, row.hash)
        is_more, last = len(rows) == STEP, rows[-1].id - 1 if rows else 0


def _read(row: Row[Any]) -> dict[str, Any]:
    try:
        found = json.loads(row.detail)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _may_be(slug: str) -> ColumnElement[bool]:
    """What the database can say without reading a detail: of the rest each is looked at."""
    begins = [f"{kind}:" for kind in ("artifact", "blob", "upload_link", *_OF_SYSTEM)]
    begins += [f"{kind}:{slug}" for kind in sorted(BY_SLUG)]
    named = audit.c.detail.contains(f'"system":{json.dumps(slug)}', autoescape=True)
    return or_(named, *(func.substr(audit.c.entity, 1, len(one)) == one for one in begins))


def _concern(work: Work, snapshot: Mapping[str, Any]) -> Concern:
    system_id = snapshot["system"]["id"]
    own = select(t.artifacts.c.id).where(t.artifacts.c.system_id == system_id)
    linked = (one["id"] for one in snapshot["artifacts"])
    asked = t.upload_links.join(t.requests, t.requests.c.id == t.upload_links.c.request_id)
    links = select(t.upload_links.c.id).select_from(asked).where(t.requests.c.system_id == system_id)
    numbered = {
        kind: _numbers(work, select(table.c.id).where(table.c.system_id == system_id))
        for kind, table in _OF_SYSTEM.items()
    }
    numbered |= {"artifact": _numbers(work, own) | {*linked}, "upload_link": _numbers(work, links)}
    kept = (file["sha256"] for one in snapshot["artifacts"] for file in one["files"])
    spilled = select(t.tombstones.c.artifact_id).where(t.tombstones.c.reason.startswith(SPILLED, autoescape=True))
    waiting = select(t.artifacts.c.id).where(t.artifacts.c.quarantined_at.is_not(None))
    hidden = _numbers(work, spilled) | _numbers(work, waiting)
    return Concern(snapshot["system"]["slug"], numbered, frozenset(kept), hidden)


def _numbers(work: Work, query: Select[Any]) -> frozenset[int]:
    return frozenset(work.db.execute(query).scalars())
