"""What the text of an artifact says: its markings, and the objectives that it looks like evidence for."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import func, select

from cmmc_tracker.domain.catalog import ObjectiveId
from cmmc_tracker.domain.markings import MarkingKind, scan
from cmmc_tracker.domain.permissions import Access, Right
from cmmc_tracker.domain.suggestions import LOOKED_AT, Suggestion, suggest
from cmmc_tracker.services.artifact_views import Artifact, File, Version
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import blob_texts

LOOKED_INTO = 3  # files of a version


@dataclass(frozen=True, slots=True)
class SeenMarking:
    """A marking of controlled information as it stands in a text; line 0 is the file's name."""

    sentence: str
    shown: str
    line: int


def markings_of(work: Work, version: Version) -> list[SeenMarking]:
    """The markings in the files of a version, as far as they have been read."""
    query = select(blob_texts.c.markings).where(blob_texts.c.sha256.in_(_read_here(version.files)))
    found = [one for row in work.rows(query) for one in row.markings]
    # Names are this version's own: other artifacts may have the same bytes by other names.
    named = [one for file in version.files for one in scan("", file.filename or "")]
    return [
        *(SeenMarking(one.kind.sentence, one.shown, one.line) for one in named),
        *(SeenMarking(MarkingKind(one["kind"]).sentence, one["shown"], one["line"]) for one in found),
    ]


def _read_here(files: Sequence[File]) -> list[str]:
    """The hashes whose texts may be told of these files.

    Not of those that are held elsewhere: whoever knows the hash of somebody else's file could register it so, and be
    told what stands in it.
    """
    return [one.sha256 for one in files if not one.is_held]


def suggestions_for(work: Work, artifact: Artifact, system: Access | None) -> tuple[Suggestion, ...]:
    """At most five objectives of a system that the artifact is not linked to yet; none where the actor may not link."""
    if system is None or Right.CONTRIBUTE not in system.rights:
        return ()
    files = artifact.current.files[:LOOKED_INTO]
    beginning = func.substr(blob_texts.c.text, 1, LOOKED_AT).label("text")
    rows = work.rows(select(blob_texts.c.sha256, beginning).where(blob_texts.c.sha256.in_(_read_here(files))))
    texts = {row.sha256: row.text for row in rows}
    said = " ".join(texts.get(one.sha256, "") for one in files)
    linked = [one.objective for one in artifact.links if one.system_id == system.system_id]
    name = artifact.origin or (files[0].filename if files else None) or ""
    return _suggested(name, artifact.title, said, system.level, tuple(linked))


@lru_cache(maxsize=256)
def _suggested(name: str, title: str, said: str, level: int, linked: tuple[ObjectiveId, ...]) -> tuple[Suggestion, ...]:
    """Kept, for a page is looked at more often than its text changes."""
    return suggest(name, title, said, level=level, linked=linked)
