"""Who else on the machine may look at the installation's files: their modes, looked at, never changed.

Folders are for their owner only (0700), files too (0600): the database and the store hold everything.
"""

import os
import shlex
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

_OTHERS = 0o077


@dataclass(frozen=True, slots=True)
class TooOpen:
    """A file or folder that others on the machine may reach."""

    path: Path
    mode: int
    remedy: str

    def __str__(self) -> str:
        return f"{self.path} has mode {self.mode:04o}: others on this machine may reach it"


def too_open(data_dir: Path, store: Path, database: Path | None, most: int | None = None) -> list[TooOpen]:
    """What is too open of the data folder, the store and a SQLite database with its companions.

    Parameters: `most` bounds how many files are looked at, for a start that must not wait for a large store.
    """
    places = [data_dir, *_family(database), *_below(data_dir / "spool"), *islice(_below(store), most)]
    seen = dict.fromkeys(places)
    return [found for path in seen if (found := _looked_at(path)) is not None]


def _family(database: Path | None) -> list[Path]:
    """The database, its journal, shared memory and lock, and the copies made before an upgrade."""
    if database is None or not database.parent.is_dir():
        return []
    return sorted(path for path in database.parent.iterdir() if path.name.startswith(database.name))


def _below(folder: Path) -> Iterator[Path]:
    """A folder and what is in it; links are not followed."""
    if not folder.is_dir():
        return
    yield folder
    for place, folders, files in os.walk(folder):
        yield from (Path(place, name) for name in (*sorted(folders), *files))


def _looked_at(path: Path) -> TooOpen | None:
    with suppress(OSError):  # it may be gone by now: a temporary file, a journal
        status = path.lstat()
        mode = stat.S_IMODE(status.st_mode)
        folder = stat.S_ISDIR(status.st_mode)
        if mode & _OTHERS and (folder or stat.S_ISREG(status.st_mode)):
            return TooOpen(path, mode, f"chmod {'700' if folder else '600'} {shlex.quote(str(path))}")
    return None
