"""What a backup says of itself: its manifest, its contents, whether its files are those that were written."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cmmc_tracker.domain.backups import Manifest
from cmmc_tracker.errors import Conflict, NotFound
from cmmc_tracker.storage.backups import Shelf
from cmmc_tracker.storage.places import MANIFEST, Place
from cmmc_tracker.storage.rows import Lines

CONTENTS = "blobs.jsonl.gz"
AUDIT = "audit.jsonl.gz"


@dataclass(frozen=True, slots=True)
class Backup:
    """One backup on its shelf, its manifest read."""

    shelf: Shelf
    name: str
    manifest: Manifest

    def lines(self, file: str) -> Lines:
        """A table as it was written."""
        return Lines(self.shelf.lines(self.name, file))

    def contents(self) -> Iterator[tuple[str, int]]:
        """The contents (hash, bytes) that the backup names."""
        return ((row["sha256"], row["size"]) for row in self.lines(CONTENTS).rows())


def opened(place: Place, name: str = "", passphrase: str = "") -> Backup:
    """The backup of that name in a place, or the newest whole one where none is named.

    Raises `NotFound` where there is none, `Conflict` for one that was cut short, altered or made by a newer version,
    and for one that the passphrase does not open.
    """
    return named(*Shelf.found(place, name, passphrase))


def named(shelf: Shelf, name: str) -> Backup:
    """The backup of that name; raises `Conflict` for a manifest that cannot be believed."""
    try:
        return Backup(shelf, name, Manifest.parse(shelf.read(name, MANIFEST)))
    except Conflict as error:
        raise Conflict(f"{name}: {error.message}") from None


def altered(backup: Backup, moved: Callable[[int], None]) -> list[str]:
    """What is wrong with the files of a backup, in sentences; `moved` is told the bytes of each."""
    problems = []
    for one in backup.manifest.files:
        try:
            size, sha256 = backup.shelf.hashed(backup.name, one.name)
        except (NotFound, Conflict) as error:
            problems.append(f"{backup.name}: the file {one.name}: {error.message}")
            continue
        if (size, sha256) != (one.size, one.sha256):
            problems.append(f"{backup.name}: the file {one.name} was altered or cut short")
        moved(one.size)
    return problems
