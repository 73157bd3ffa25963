"""What the text of an artifact says: its markings, and the objectives that it looks like evidence for."""

from dataclasses import dataclass

from sqlalchemy import select

from cmmc_tracker.domain.markings import MarkingKind
from cmmc_tracker.domain.permissions import Access, Right
from cmmc_tracker.domain.suggestions import LOOKED_AT, Suggestion, suggest
from cmmc_tracker.services.artifact_views import Artifact, Version
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import blob_texts


@dataclass(frozen=True, slots=True)
class SeenMarking:
    """A marking of controlled information as it stands in a text; line 0 is the file's name."""

    sentence: str
    shown: str
    line: int


def markings_of(work: Work, version: Version) -> list[SeenMarking]:
    """The markings in the files of a version, as far as they have been read."""
    query = select(blob_texts.c.markings).where(blob_texts.c.sha256.in_([one.sha256 for one in version.files]))
    found = [one for row in work.rows(query) for one in row.markings]
    return [SeenMarking(MarkingKind(one["kind"]).sentence, one["shown"], one["line"]) for one in found]


def suggestions_for(work: Work, artifact: Artifact, system: Access | None) -> tuple[Suggestion, ...]:
    """At most five objectives of a system that the artifact is not linked to yet; none where the actor may not link."""
    if system is None or Right.CONTRIBUTE not in system.rights or system.level != 2:
        return ()
    first = artifact.current.files[0]
    text = select(blob_texts.c.text).where(blob_texts.c.sha256.in_([one.sha256 for one in artifact.current.files]))
    said = " ".join(row.text[:LOOKED_AT] for row in work.rows(text))
    linked = [one.objective for one in artifact.links if one.system_id == system.system_id]
    return suggest(first.filename, artifact.title, said, level=system.level, linked=linked)
