"""What an assessor's view reads beside the frozen record: which artifacts are kept from sight today, the pinned files,
and where words stand in their texts."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from sqlalchemy import and_, case, func, select

from cmmc_tracker.domain.handoff.browsing import Frozen, FrozenArtifact, Hit
from cmmc_tracker.errors import Conflict, NotFound
from cmmc_tracker.services import artifact_views
from cmmc_tracker.services.artifact_views import OF_FILE, File
from cmmc_tracker.services.handoff import opening
from cmmc_tracker.services.handoff.opening import Opened
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage import search
from cmmc_tracker.storage.tables import artifact_files, artifacts, blob_texts, blobs, tombstones

_T = TypeVar("_T")
_AT_ONCE = 500  # values of one statement
_BEFORE = 60  # characters of a text before the word that was found
_SHOWN = 160
_GONE = "Its bytes were taken out after the package was frozen: the contractor has removed what should not be there."
_HELD_BACK = "The contractor holds it back just now. Ask when it can be looked at."


def frozen(work: Work, view: Opened) -> Frozen:
    """The record of the package, with what is kept from sight today."""
    record = opening.snapshot(work, view)
    return Frozen(record, _hidden(work, record))


def _hidden(work: Work, record: dict[str, Any]) -> dict[int, str]:
    """The artifacts of the record whose frozen version was spilled, or that wait in quarantine today."""
    pinned = {one["id"]: one["current_version"] for one in record["artifacts"]}
    hidden: dict[int, str] = {}
    for some in _pieces(sorted(pinned)):
        waiting = and_(artifacts.c.id.in_(some), artifacts.c.quarantined_at.is_not(None))
        hidden |= dict.fromkeys((row.id for row in work.rows(select(artifacts.c.id).where(waiting))), _HELD_BACK)
        stones = select(tombstones.c.artifact_id, tombstones.c.number).where(tombstones.c.artifact_id.in_(some))
        gone = {row.artifact_id for row in work.rows(stones) if pinned[row.artifact_id] == row.number}
        hidden |= dict.fromkeys(gone, _GONE)
    return hidden


def refuse_hidden(artifact: FrozenArtifact) -> None:
    """Raise `NotFound` for an artifact that is kept from sight today."""
    if artifact.why_hidden:
        raise NotFound(artifact.why_hidden)


def refuse_lacking(package: Frozen) -> None:
    """Raise `Conflict` for a package that cannot be given out whole."""
    if package.hidden:
        named = ", ".join(map(str, sorted(package.hidden)[:10]))
        raise Conflict(
            f"The package cannot be given out whole just now: the contractor keeps artifact {named} from sight. "
            "Everything else can be looked at here."
        )


def file_of(work: Work, artifact: FrozenArtifact, position: int) -> File:
    """One file of the frozen version as it stands in the store; raises `NotFound`.

    The number of a version never gets other bytes; the hash is compared all the same.
    """
    refuse_hidden(artifact)
    known = next((one for one in artifact.files if one.position == position), None)
    if known is None:
        raise NotFound("The artifact has no such file.")
    if known.location:
        return File(
            position,
            known.filename or None,
            known.media_type or None,
            known.size,
            known.sha256,
            text_state="none",
            location=known.location,
        )
    at = and_(artifact_files.c.artifact_id == artifact.id, artifact_files.c.number == artifact.version)
    query = select(*OF_FILE).join(blobs, blobs.c.sha256 == artifact_files.c.sha256)
    row = work.row(query.where(at, artifact_files.c.position == position))
    if row is None or row.sha256 != known.sha256:
        raise NotFound(_GONE)
    return artifact_views.file_from(row)


def refuse_damaged(file: File) -> None:
    """Raise `Conflict` for bytes that are not those that were frozen: of a package they are never shown."""
    if file.is_damaged:
        raise Conflict(
            f"The bytes of this file are not those that were received: the last check found them {file.check_state}. "
            "Ask the contractor, who brings them back from a backup."
        )


def text_of(work: Work, file: File) -> str:
    """The words of a file that has no picture here, as they were read from it; empty where none were."""
    if file.is_held:
        return ""
    query = select(blob_texts.c.text).where(blob_texts.c.sha256 == file.sha256)
    return str(work.db.execute(query).scalar_one_or_none() or "")


def find(work: Work, package: Frozen, text: str) -> tuple[list[str], list[Hit]]:
    """The words of what was typed, and what has every one of them: requirements, artifacts, texts of their files."""
    words = search.words_of(text)
    return words, package.search(words, _texts_with(work, package, words) if words else {})


def _texts_with(work: Work, package: Frozen, words: Sequence[str]) -> dict[str, str]:
    """The words around a hit in the text of each frozen file that has all of the words, by its SHA-256."""
    shown = (one for one in package.artifacts.values() if not one.why_hidden)
    hashes = sorted({file.sha256 for one in shown for file in one.files if not file.location})
    found: dict[str, str] = {}
    for some in _pieces(hashes):
        at = search.position(work.db, blob_texts.c.text, words[0])
        start = case((at > _BEFORE, at - _BEFORE), else_=1)
        around = func.substr(blob_texts.c.text, start, _SHOWN).label("around")
        has = (search.position(work.db, blob_texts.c.text, word) > 0 for word in words)
        query = select(blob_texts.c.sha256, around).where(blob_texts.c.sha256.in_(some), *has)
        found |= {row.sha256: f"…{' '.join(row.around.split())}…" for row in work.rows(query)}
    return found


def _pieces(values: Sequence[_T]) -> Iterable[Sequence[_T]]:
    return (values[first : first + _AT_ONCE] for first in range(0, len(values), _AT_ONCE))
