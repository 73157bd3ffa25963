"""Controlled information (CUI) in what comes: whether it may be here, what carries a marking, what is held back.

What is held back for a marking waits in quarantine (`quarantine.py`). Whom a person let out with the marking known is
not held back again for the same bytes: the audit log says so.
"""

import json
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Select, and_, bindparam, select

from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.cui import is_held_back
from cmmc_tracker.domain.held import Held
from cmmc_tracker.domain.markings import scan
from cmmc_tracker.domain.settings import kept
from cmmc_tracker.services import settings
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import artifact_files, artifacts, audit, blob_texts, systems

WHY = "It carries a marking of controlled information, and CUI may not be stored in this system."


def holds_back(work: Work, system_id: int) -> bool:
    """Whether new evidence of that system which carries a marking waits in quarantine."""
    query = select(systems.c.cui_never, settings.inline().label("preferences")).where(systems.c.id == system_id)
    row = work.db.execute(query).one()
    return is_held_back(kept(row.preferences), never=row.cui_never)


def marked_texts(work: Work, hashes: Iterable[str]) -> set[str]:
    """Those of these contents in whose text markings were found, as far as they have been read."""
    query = select(blob_texts.c.sha256, blob_texts.c.markings).where(blob_texts.c.sha256.in_(list(hashes)))
    return {row.sha256 for row in work.rows(query) if row.markings}


@cache  # putting it together takes longer than running it
def _markings() -> Select[Any]:
    current = and_(
        artifact_files.c.artifact_id == artifacts.c.id, artifact_files.c.number == artifacts.c.current_version
    )
    return (
        select(artifacts.c.id, artifact_files.c.filename, blob_texts.c.markings)
        .join(artifact_files, current)
        .join(blob_texts, blob_texts.c.sha256 == artifact_files.c.sha256, isouter=True)
        .where(artifacts.c.id.in_(bindparam("ids", expanding=True)))
    )


def marked(work: Work, artifact_ids: Sequence[int]) -> set[int]:
    """Those of these artifacts whose current version carries a marking, in a file's name or in its text."""
    if not artifact_ids:
        return set()
    rows = work.rows(_markings(), ids=list(artifact_ids))
    return {row.id for row in rows if row.markings or scan("", row.filename)}


def was_accepted(work: Work, artifact_id: int, hashes: Iterable[str]) -> bool:
    """Whether a person let the artifact out of quarantine when what these very bytes say had been read."""
    query = select(audit.c.detail).where(
        audit.c.entity == f"artifact:{artifact_id}", audit.c.action == Event.ARTIFACT_ACCEPTED
    )
    seen = {sha256 for row in work.rows(query) for sha256 in json.loads(row.detail).get("sha256", ())}
    return set(hashes) <= seen


def marked_files(work: Work, system_id: int, files: Sequence[Any]) -> list[str]:
    """The hashes of those received files for which an artifact of that system is held back; empty: for none.

    A file is marked by its name or its beginning, which were looked at when it came, or by its text, where the same
    bytes were read before. What is held elsewhere is where it should be.
    """
    if not holds_back(work, system_id):
        return []
    here = [one for one in files if not isinstance(one, Held)]
    known = marked_texts(work, {one.sha256 for one in here})
    return sorted({one.sha256 for one in here if one.markings or one.sha256 in known})
