"""Steps that tests of the trash and of purging share."""

import hashlib
from datetime import date
from pathlib import Path

from sqlalchemy import insert

from cmmc_tracker.domain.permissions import Actor
from cmmc_tracker.services import artifact_list, trash
from cmmc_tracker.services.artifact_list import ArtifactFilter
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import pins
from tests.conftest import OPERATOR


def put_away(tracker: Tracker, actor: Actor, artifact_id: int) -> None:
    """Put an artifact into the trash."""
    with tracker.write(actor) as work:
        trash.remove(work, artifact_id)


def take_back(tracker: Tracker, actor: Actor, artifact_id: int) -> None:
    """Take it out again."""
    with tracker.write(actor) as work:
        trash.restore(work, artifact_id)


def purge_now(tracker: Tracker) -> tuple[list[int], list[tuple[int, str]]]:
    """Let go for good what may go: what went, and what was held back and why."""
    with tracker.read(OPERATOR) as work:
        ids = trash.purgeable(work)
    return trash.purge(tracker, OPERATOR, ids)


def pin_version(tracker: Tracker, artifact_id: int, until: date, number: int = 1, holder: str = "package:4") -> None:
    """Hold a version, as a package does, until a day."""
    with tracker.write(OPERATOR) as work:
        values = {"artifact_id": artifact_id, "number": number, "holder": holder, "until": until}
        work.db.execute(insert(pins).values(**values))


def found_ids(tracker: Tracker, actor: Actor, text: str = "") -> list[int]:
    """The artifacts that the list finds."""
    with tracker.read(actor) as work:
        return [one.id for one in artifact_list.page(work, ArtifactFilter(text=text))[0]]


def stored_names(tmp_path: Path) -> list[str]:
    """The names of the files in the store."""
    return sorted(p.name for p in (tmp_path / "uploads").rglob("*") if p.is_file() and p.name != ".gate")


def hash_of(content: bytes) -> str:
    """SHA-256 of these bytes."""
    return hashlib.sha256(content).hexdigest()
