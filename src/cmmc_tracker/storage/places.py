"""Where backups lie: a folder. `s3_places.py` has the other kind, a bucket; `backups.py` says what lies there.

With `blobs.py` and `enclave.py` the only code of the product that joins a path; every key is checked against its
pattern first. What is written is fsynced and gets its name last, so that nothing cut short looks whole. Contents are
written some together: all, then one wait for the disk, then their names.
"""

import contextlib
import errno
import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from cmmc_tracker.domain.backups import instant_of
from cmmc_tracker.errors import Busy, Conflict, NoSpace, NotFound
from cmmc_tracker.storage import disk
from cmmc_tracker.storage.sealing import Writer

MARK = "these-are-cmmc-tracker-backups"
MANIFEST = "manifest.json"
KEY_FILE = "key.json"
BLOBS = "blobs"
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_CONTENT = re.compile(r"[0-9a-f]{64}", re.ASCII)
_KEY = re.compile(
    rf"{KEY_FILE}|{BLOBS}/(?P<first>[0-9a-f]{{2}})/(?P=first)[0-9a-f]{{62}}"
    r"|(?P<backup>backup-[0-9TZ]{1,30})/[a-z_]{1,60}\.(jsonl\.gz|json)",
    re.ASCII,
)
_INCOMING = "incoming-"
Writing = Callable[[str], contextlib.AbstractContextManager[Writer]]


class Place(Protocol):
    """Files of backups by key: `backup-…/manifest.json`, `blobs/ab/ab…`, `key.json`."""

    most_together: int  # files that are to be written together; 1 where nothing is gained by more

    def prepare(self) -> None:
        """Make it one for backups; raises `Conflict` where it holds something else."""

    def is_prepared(self) -> bool:
        """Whether backups are made here."""

    def alone(self) -> contextlib.AbstractContextManager[None]:
        """Only one backup at a time is made or cleared away here; raises `Busy` for a second one."""

    def backups(self) -> list[str]:
        """The names of the backups, also of those that were cut short, oldest first."""

    def begin(self, backup: str) -> None:
        """Make room for a new backup."""

    def contents(self) -> Iterator[str]:
        """The names of the contents."""

    def size(self, key: str) -> int | None:
        """How many bytes a file has; None where there is none."""

    def open(self, key: str) -> BinaryIO:
        """The bytes of a file; raises `NotFound`."""

    def writing(self, key: str) -> contextlib.AbstractContextManager[Writer]:
        """Takes the bytes of a file, which is there whole on leaving cleanly, and else not."""

    def together(self) -> contextlib.AbstractContextManager[Writing]:
        """Gives what writes files as `writing` does; they are there whole, or not at all, once it is left cleanly."""

    def settle(self, keys: Iterable[str]) -> None:
        """See to it that the names of files are kept, too."""

    def settle_contents(self) -> None:
        """The same for all contents."""

    def remove(self, key: str) -> None:
        """Remove a file; none is no error."""

    def remove_backup(self, backup: str) -> None:
        """Remove a backup: its manifest first, so that what is left of it never passes for whole."""

    def tidy(self) -> None:
        """Remove what broken-off copies left."""


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Turn what the disk of the backups says into what a person can be told."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise NoSpace("There is no space left for the backup. It is not whole; free some space.") from error
        raise Busy(f"The backup's place cannot be used: {error.strerror or error}: {error.filename or ''}") from error


def checked(key: str) -> str:
    """The key, when it is one of a place's; raises `NotFound`."""
    found = _KEY.fullmatch(key)
    if not found or (found["backup"] and instant_of(found["backup"]) is None):
        raise NotFound("There is no such file in a backup.")
    return key


def is_content(name: str) -> bool:
    """Whether a file of that name is a content."""
    return _CONTENT.fullmatch(name) is not None


class FolderPlace:
    """Backups in a folder. Everything in it is for its owner only."""

    most_together = 32

    def __init__(self, root: Path) -> None:
        self.root = root

    def __str__(self) -> str:
        return str(self.root)

    def prepare(self) -> None:
        """Make the folder where there is none; raises `Conflict` for one that holds something else."""
        with told():
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not (self.root / MARK).exists():
                if any(one.name != "lost+found" for one in self.root.iterdir()):
                    raise Conflict(
                        f"{self.root} holds other things than backups; name an empty folder. Nothing was done."
                    )
                mark = _Passing.made(self.root / f".{MARK}.new", self.root / MARK)
                try:
                    self._put([mark])
                finally:
                    mark.drop()
            (self.root / BLOBS).mkdir(mode=0o700, exist_ok=True)

    def is_prepared(self) -> bool:
        """Whether backups are made here."""
        return (self.root / MARK).is_file()

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Only one backup at a time is made or cleared away here; raises `Busy` for a second one."""
        with told():
            descriptor = os.open(self.root / MARK, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise Busy("Another backup into this folder is under way.") from None
        finally:
            os.close(descriptor)

    def backups(self) -> list[str]:
        """The names of the backups, also of those that were cut short, oldest first."""
        with told():
            return sorted(one.name for one in self.root.iterdir() if instant_of(one.name) is not None and one.is_dir())

    def begin(self, backup: str) -> None:
        """Make the folder of a new backup."""
        with told():
            self._path(f"{backup}/{MANIFEST}").parent.mkdir(mode=0o700)

    def contents(self) -> Iterator[str]:
        """The names of the contents."""
        with told():
            for folder in self._folders():
                yield from (file.name for file in folder.iterdir() if is_content(file.name))

    def _folders(self) -> Iterator[Path]:
        for folder in sorted((self.root / BLOBS).iterdir()):
            if len(folder.name) == 2 and folder.is_dir() and not folder.is_symlink():
                yield folder

    def has_contents(self) -> bool:
        """Whether the folder of contents is there at all."""
        return (self.root / BLOBS).is_dir()

    def _path(self, key: str) -> Path:
        return self.root / checked(key)

    def size(self, key: str) -> int | None:
        """How many bytes a file has; None where there is none."""
        try:
            return self._path(key).stat().st_size
        except FileNotFoundError:
            return None

    def open(self, key: str) -> BinaryIO:
        """The bytes of a file; raises `NotFound`, or `Conflict` for a disk that cannot be read."""
        try:
            return self._path(key).open("rb")
        except FileNotFoundError:
            raise NotFound("it is missing") from None
        except OSError as error:
            raise Conflict(f"it cannot be read: {error.strerror}") from error

    @contextlib.contextmanager
    def writing(self, key: str) -> Iterator[Writer]:
        """Takes the bytes of a file, which is there whole on leaving cleanly, and else not."""
        with self.together() as writing, writing(key) as writer:
            yield writer

    @contextlib.contextmanager
    def together(self) -> Iterator[Writing]:
        """Gives what writes files as `writing` does; they are there whole, or not at all, once it is left cleanly."""
        written: list[_Passing] = []

        @contextlib.contextmanager
        def writing(key: str) -> Iterator[Writer]:
            with told():
                passing = _Passing.made(self._passing(key), self._path(key))
            try:
                yield passing
            except BaseException:
                passing.drop()
                raise
            written.append(passing)

        try:
            yield writing
            self._put(written)
        finally:
            for one in written:
                one.drop()

    def _passing(self, key: str) -> Path:
        """The name that a file has until it is whole."""
        if key.startswith(BLOBS):
            return self.root.joinpath(BLOBS, _INCOMING + secrets.token_hex(8))
        place = self._path(key)
        return place.with_name(f".{place.name}.new")

    @staticmethod
    def _put(written: "list[_Passing]") -> None:
        """Give files their names, once all their bytes are on the disk."""
        with told():
            disk.sync([one.descriptor for one in written])
            for one in written:
                one.name()

    def settle(self, keys: Iterable[str]) -> None:
        """See to it that the names of files are on the disk, too."""
        with told():
            folders = {self._path(key).parent for key in keys}
            for folder in sorted(folders | {folder.parent for folder in folders if folder != self.root}):
                disk.sync_path(folder)

    def settle_contents(self) -> None:
        """The same for all contents."""
        with told():
            for folder in self._folders():
                disk.sync_path(folder)
            disk.sync_path(self.root / BLOBS)
            disk.sync_path(self.root)

    def remove(self, key: str) -> None:
        """Remove a file; none is no error."""
        with told():
            self._path(key).unlink(missing_ok=True)

    def remove_backup(self, backup: str) -> None:
        """Remove a backup: its manifest first, so that what is left of it never passes for whole."""
        with told():
            manifest = self._path(f"{backup}/{MANIFEST}")
            manifest.unlink(missing_ok=True)
            shutil.rmtree(manifest.parent)

    def tidy(self) -> None:
        """Remove what broken-off copies left."""
        with told():
            for one in (self.root / BLOBS).iterdir():
                if one.name.startswith(_INCOMING):
                    one.unlink()


@dataclass(slots=True)
class _Passing:
    """A file on its way: it takes all that is written to it, or raises, and gets its name at the end."""

    path: Path
    place: Path
    descriptor: int
    is_named: bool = False

    @classmethod
    def made(cls, path: Path, place: Path) -> "_Passing":
        """A new file; what a broken-off copy left under its passing name goes."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            return cls(path, place, os.open(path, flags, 0o600))
        except FileExistsError:
            path.unlink()
            return cls(path, place, os.open(path, flags, 0o600))

    def write(self, data: bytes, /) -> int:
        """Add bytes."""
        written = 0
        with told():
            while written < len(data):
                written += os.write(self.descriptor, memoryview(data)[written:])
        return written

    def name(self) -> None:
        """Give it its name."""
        try:
            self.path.replace(self.place)
        except FileNotFoundError:
            self.place.parent.mkdir(mode=0o700, exist_ok=True)
            self.path.replace(self.place)
        self.is_named = True

    def drop(self) -> None:
        """Close it; without its name nothing of it stays."""
        os.close(self.descriptor)
        if not self.is_named:
            self.path.unlink(missing_ok=True)
