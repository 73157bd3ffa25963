"""The folder of backups: `backup-<instant>/` for each, `blobs/ab/<sha256>` for the contents that they share.

With `blobs.py` and `enclave.py` the only code of the product that joins a path; every name is checked against its
pattern first. What is written is fsynced and gets its name last, so that nothing cut short looks whole.
"""

import contextlib
import errno
import fcntl
import gzip
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from cmmc_tracker.domain.backups import FileOf, instant_of
from cmmc_tracker.errors import Busy, Conflict, NoSpace, NotFound

MARK = "these-are-cmmc-tracker-backups"
MANIFEST = "manifest.json"
_BLOBS = "blobs"
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
_FILE = re.compile(r"[a-z_]{1,60}\.(jsonl\.gz|json)", re.ASCII)
_PIECE = 1_048_576
_INCOMING = "incoming-"


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Turn what the disk of the backups says into what a person can be told."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise NoSpace("There is no space left for the backup. It is not whole; free some space.") from error
        raise Busy(f"The backup's place cannot be used: {error.strerror or error}: {error.filename or ''}") from error


class Shelf:
    """A folder of backups. Everything in it is for its owner only."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def made(cls, root: Path) -> "Shelf":
        """The folder, made where there is none; raises `Conflict` for one that holds something else."""
        with told():
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not (root / MARK).exists():
                if any(one.name != "lost+found" for one in root.iterdir()):
                    raise Conflict(f"{root} holds other things than backups; name an empty folder. Nothing was done.")
                _write(root / MARK, b"")
            (root / _BLOBS).mkdir(mode=0o700, exist_ok=True)
        return cls(root)

    @classmethod
    def found(cls, place: Path) -> tuple["Shelf", str]:
        """The folder that a place means, and the backup in it: that one, or the newest that is whole.

        Raises `NotFound` where there is none.
        """
        if instant_of(place.resolve().name) is not None and place.is_dir():
            shelf, name = cls(place.resolve().parent), place.resolve().name
        elif (place / MARK).is_file():
            shelf = cls(place.resolve())
            name = next((one for one in reversed(shelf.names()) if shelf.is_whole(one)), "")
            if not name:
                raise NotFound(f"{place} holds no whole backup.")
        else:
            raise NotFound(f"{place} is neither a backup nor a folder of backups.")
        if not shelf.is_whole(name):
            raise Conflict(f"{name} was cut short: it has no manifest, and is no backup.")
        if not (shelf.root / _BLOBS).is_dir():
            raise NotFound(f"The folder {_BLOBS} is missing beside {name}: a backup needs it, where it was made.")
        return shelf, name

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Only one backup at a time is made or cleared away in a folder; raises `Busy` for a second one."""
        with told():
            descriptor = os.open(self.root / MARK, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise Busy("Another backup into this folder is under way.") from None
        finally:
            os.close(descriptor)

    def names(self) -> list[str]:
        """The backups, also those that were cut short, oldest first."""
        with told():
            return sorted(one.name for one in self.root.iterdir() if instant_of(one.name) is not None and one.is_dir())

    def is_whole(self, name: str) -> bool:
        """Whether it was written to its end: the manifest comes last."""
        return (self._folder(name) / MANIFEST).is_file()

    def begin(self, name: str) -> None:
        """Make the folder of a new backup."""
        with told():
            self._folder(name).mkdir(mode=0o700)

    def _folder(self, name: str) -> Path:
        if instant_of(name) is None:
            raise NotFound("There is no such backup.")
        return self.root / name

    def _file(self, backup: str, name: str) -> Path:
        if not _FILE.fullmatch(name):
            raise NotFound("There is no such file in a backup.")
        return self._folder(backup) / name

    def write_lines(self, backup: str, name: str, lines: Iterable[bytes]) -> FileOf:
        """Write a packed file of lines; returns what it became, without its first line among its rows."""
        path, rows = self._file(backup, name), -1
        with told(), open(path, "xb", opener=_for_owner) as raw:
            with gzip.GzipFile("", "wb", compresslevel=1, fileobj=raw, mtime=0) as packed:
                for line in lines:
                    packed.write(line)
                    rows += 1
            raw.flush()
            os.fsync(raw.fileno())
        size, sha256 = self.hashed(backup, name)
        return FileOf(name, size, sha256, rows)

    def write(self, backup: str, name: str, content: bytes) -> FileOf:
        """Write a small file under another name, and give it its own when it is on the disk."""
        with told():
            _write(self._file(backup, name), content)
            _sync_folder(self._folder(backup))
            _sync_folder(self.root)
        return FileOf(name, len(content), hashlib.sha256(content).hexdigest())

    def read(self, backup: str, name: str) -> bytes:
        """The bytes of a small file."""
        try:
            return self._file(backup, name).read_bytes()
        except FileNotFoundError:
            raise NotFound(f"{name} is missing.") from None
        except OSError as error:
            raise Busy(f"{name} cannot be read: {error.strerror}") from error

    def hashed(self, backup: str, name: str) -> tuple[int, str]:
        """How many bytes a file has, and their hash; raises `NotFound`."""
        return _hashed(self._file(backup, name))

    def lines(self, backup: str, name: str) -> Iterator[bytes]:
        """The lines of a packed file; raises `Conflict` where it cannot be unpacked."""
        try:
            with gzip.open(self._file(backup, name), "rb") as file:
                yield from file
        except FileNotFoundError:
            raise NotFound(f"{name} is missing.") from None
        except (OSError, EOFError, ValueError) as error:
            raise Conflict(f"{name} cannot be unpacked: {error}") from error

    def _blob(self, sha256: str) -> Path:
        if not _HASH.fullmatch(sha256):
            raise NotFound("There is no such content.")
        return self.root / _BLOBS / sha256[:2] / sha256

    def has(self, sha256: str, size: int) -> bool:
        """Whether a content is here, by name and size; `check` alone reads it."""
        try:
            return self._blob(sha256).stat().st_size == size
        except FileNotFoundError:
            return False

    def put(self, source: BinaryIO, sha256: str) -> str:
        """Take in a content under its hash; returns the hash that it has: another one was not kept."""
        place = self._blob(sha256)
        path = self.root / _BLOBS / (_INCOMING + secrets.token_hex(8))
        digest = hashlib.sha256()
        try:
            with _opened(path) as target:
                while piece := source.read(_PIECE):
                    digest.update(piece)
                    with told():
                        _all(target, piece)
                if digest.hexdigest() == sha256:
                    with told():
                        os.fsync(target)
                        place.parent.mkdir(mode=0o700, exist_ok=True)
                        path.replace(place)
        finally:
            path.unlink(missing_ok=True)
        return digest.hexdigest()

    def settle(self, contents: Iterable[str]) -> None:
        """See to it that the names of contents are on the disk, too."""
        with told():
            for first in sorted({one[:2] for one in contents if _HASH.fullmatch(one)}):
                _sync_folder(self.root / _BLOBS / first)
            _sync_folder(self.root / _BLOBS)

    def open_blob(self, sha256: str) -> BinaryIO:
        """The bytes of a content; raises `NotFound`."""
        try:
            return self._blob(sha256).open("rb")
        except FileNotFoundError:
            raise NotFound("it is missing") from None

    def check(self, sha256: str) -> tuple[int, str]:
        """How many bytes a content has, and their hash; raises `NotFound`."""
        return _hashed(self._blob(sha256))

    def remove(self, name: str) -> None:
        """Remove a backup: its manifest first, so that what is left of it never passes for whole."""
        with told():
            folder = self._folder(name)
            (folder / MANIFEST).unlink(missing_ok=True)
            shutil.rmtree(folder)

    def clear(self, needed: frozenset[str]) -> int:
        """Remove contents that are not needed, and what broken-off copies left; returns how many contents."""
        gone = 0
        with told():
            for folder in sorted((self.root / _BLOBS).iterdir()):
                if folder.name.startswith(_INCOMING):
                    folder.unlink()
                elif len(folder.name) == 2 and folder.is_dir() and not folder.is_symlink():
                    for file in folder.iterdir():
                        if _HASH.fullmatch(file.name) and file.name not in needed:
                            file.unlink()
                            gone += 1
        return gone


def same_or_inside(one: Path, other: Path) -> bool:
    """Whether one of two folders is the other, or lies in it."""
    a, b = one.resolve(), other.resolve()
    return a.is_relative_to(b) or b.is_relative_to(a)


def _for_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    with told():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _write(path: Path, content: bytes) -> None:
    passing = path.with_name(f".{path.name}.new")
    passing.unlink(missing_ok=True)
    with _opened(passing) as descriptor:
        _all(descriptor, content)
        os.fsync(descriptor)
    passing.replace(path)


def _hashed(path: Path) -> tuple[int, str]:
    try:
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            return file.tell(), sha256
    except FileNotFoundError:
        raise NotFound("it is missing") from None
    except OSError as error:
        raise Conflict(f"it cannot be read: {error.strerror}") from error


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
