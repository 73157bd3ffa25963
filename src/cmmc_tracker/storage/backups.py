"""The shelf of backups: `backup-<instant>/` for each, `blobs/ab/<name>` for the contents that they share.

It lies in a folder or in a bucket (`places.py`), as it is or sealed with a passphrase (`sealing.py`): then its key lies
in `key.json`, wrapped, and all that is said here of bytes and hashes is said of what was sealed. A shelf is one or the
other as a whole, so nobody takes a backup for encrypted that is not.
"""

import contextlib
import gzip
import hashlib
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO

from cmmc_tracker.domain.backups import FileOf, instant_of
from cmmc_tracker.errors import Conflict, NotFound
from cmmc_tracker.storage.places import BLOBS, KEY_FILE, MANIFEST, FolderPlace, Place, Writing
from cmmc_tracker.storage.sealing import Seal, Writer

_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
_PIECE = 1_048_576
Put = Callable[[BinaryIO, str], str]
_LOCKED = (
    "The backups in {} are encrypted: give their passphrase with BACKUP_PASSPHRASE_FILE (or BACKUP_PASSPHRASE). "
    "Nothing was done."
)
_OPEN = (
    "The backups in {} are not encrypted, and a passphrase is set: somebody may have put others in the place of yours. "
    "To read them all the same, unset BACKUP_PASSPHRASE_FILE (or BACKUP_PASSPHRASE). Nothing was done."
)


class Shelf:
    """The backups of one place."""

    def __init__(self, place: Place, seal: Seal | None = None) -> None:
        self.place, self._seal = place, seal

    @classmethod
    def made(cls, place: Place, passphrase: str = "") -> "Shelf":
        """The shelf of a place, made where there is none, with a key of its own where there is a passphrase.

        Raises `Conflict` for a place that holds something else, another passphrase, and for a shelf that is
        encrypted without one, or not encrypted with one.
        """
        place.prepare()
        if not passphrase or place.size(KEY_FILE) is not None:
            return cls(place, _seal(place, passphrase))
        with place.alone():
            if place.size(KEY_FILE) is None:
                if place.backups() or any(True for _ in place.contents()):
                    raise Conflict(
                        f"The backups in {place} are not encrypted, and a passphrase is given: name another place for "
                        "encrypted ones. Nothing was done."
                    )
                seal, text = Seal.made(passphrase)
                with place.writing(KEY_FILE) as writer:
                    writer.write(text)
                place.settle([KEY_FILE])
                return cls(place, seal)
        return cls(place, _seal(place, passphrase))

    @classmethod
    def found(cls, place: Place, name: str, passphrase: str = "") -> tuple["Shelf", str]:
        """The shelf of a place, and the backup in it: that one, or the newest that is whole where none is named.

        Raises `NotFound` where there is none, `Conflict` for one that was cut short, for a wrong passphrase, and where
        there is a passphrase and it is not encrypted: whoever may write to the place could have made that one.
        """
        if not place.is_prepared() and not name:
            raise NotFound(f"{place} is neither a backup nor a folder of backups.")
        shelf = cls(place)
        if not name and not (name := next((one for one in reversed(shelf.names()) if shelf.is_whole(one)), "")):
            raise NotFound(f"{place} holds no whole backup.")
        if not shelf.is_whole(name):
            raise Conflict(f"{name} was cut short: it has no manifest, and is no backup.")
        if isinstance(place, FolderPlace) and not place.has_contents():
            raise NotFound(f"The folder {BLOBS} is missing beside {name}: a backup needs it, where it was made.")
        seal = _seal(place, passphrase)
        if passphrase and seal is None:
            raise Conflict(_OPEN.format(place))
        return cls(place, seal), name

    @property
    def is_sealed(self) -> bool:
        """Whether it is encrypted."""
        return self._seal is not None

    def alone(self) -> contextlib.AbstractContextManager[None]:
        """Only one backup at a time is made or cleared away; raises `Busy` for a second one."""
        return self.place.alone()

    def names(self) -> list[str]:
        """The backups, also those that were cut short, oldest first."""
        return self.place.backups()

    def is_whole(self, name: str) -> bool:
        """Whether it was written to its end: the manifest comes last."""
        return self.place.size(_of(name, MANIFEST)) is not None

    def begin(self, name: str) -> None:
        """Make room for a new backup."""
        self.place.begin(name)

    @contextlib.contextmanager
    def _writing(self, key: str, what: str, writing: Writing | None = None) -> Iterator[Writer]:
        with (writing or self.place.writing)(key) as target:
            if self._seal is None:
                yield target
            else:
                sealing = self._seal.writer(what, target)
                yield sealing
                sealing.finish()

    def _open(self, key: str, what: str) -> BinaryIO:
        source = self.place.open(key)
        if self._seal is None:
            return source
        try:
            return self._seal.reader(what, source)
        except BaseException:
            source.close()
            raise

    def write_lines(self, backup: str, name: str, lines: Iterable[bytes]) -> FileOf:
        """Write a packed file of lines; returns what it became, without its first line among its rows."""
        key, rows = _of(backup, name), -1
        with self._writing(key, key) as writer:
            counted = _Counted(writer)
            with gzip.GzipFile("", "wb", compresslevel=1, fileobj=counted, mtime=0) as packed:
                for line in lines:
                    packed.write(line)
                    rows += 1
        return FileOf(name, counted.size, counted.digest.hexdigest(), rows)

    def write(self, backup: str, name: str, content: bytes) -> FileOf:
        """Write a small file, and see to it that it stays."""
        key = _of(backup, name)
        with self._writing(key, key) as writer:
            writer.write(content)
        self.place.settle([key])
        return FileOf(name, len(content), hashlib.sha256(content).hexdigest())

    def read(self, backup: str, name: str) -> bytes:
        """The bytes of a small file."""
        key = _of(backup, name)
        try:
            with self._open(key, key) as file:
                return file.read()
        except (NotFound, Conflict) as error:
            raise type(error)(f"{name}: {error.message}") from None

    def hashed(self, backup: str, name: str) -> tuple[int, str]:
        """How many bytes a file has, and their hash; raises `NotFound`."""
        key = _of(backup, name)
        return _hashed(self._open(key, key))

    def lines(self, backup: str, name: str) -> Iterator[bytes]:
        """The lines of a packed file; raises `Conflict` where it cannot be unpacked."""
        key = _of(backup, name)
        try:
            with self._open(key, key) as raw, gzip.GzipFile(fileobj=raw) as file:
                yield from file
        except NotFound:
            raise NotFound(f"{name} is missing.") from None
        except (OSError, EOFError, ValueError, zlib.error) as error:
            raise Conflict(f"{name} cannot be unpacked: {error}") from error

    def _blob(self, sha256: str) -> str:
        if not _HASH.fullmatch(sha256):
            raise NotFound("There is no such content.")
        name = self._seal.name(sha256) if self._seal else sha256
        return f"{BLOBS}/{name[:2]}/{name}"

    def has(self, sha256: str, size: int) -> bool:
        """Whether a content is here, by name and size; `check` alone reads it."""
        return self.place.size(self._blob(sha256)) == (self._seal.size(size) if self._seal else size)

    @contextlib.contextmanager
    def together(self) -> Iterator[Put]:
        """Gives what takes in a content under its hash, and returns the hash that it has: another one is not kept.

        What was taken in is there once it is left cleanly, and else none of it.
        """
        with self.place.together() as writing:
            yield lambda source, sha256: self._put(writing, source, sha256)

    def _put(self, writing: Writing, source: BinaryIO, sha256: str) -> str:
        digest, key = hashlib.sha256(), self._blob(sha256)
        with contextlib.suppress(_Other), self._writing(key, f"content:{sha256}", writing) as writer:
            while piece := source.read(_PIECE):
                digest.update(piece)
                writer.write(piece)
            if digest.hexdigest() != sha256:
                raise _Other
        return digest.hexdigest()

    def settle(self) -> None:
        """See to it that the names of all contents are kept, too, also of those that a broken-off backup brought."""
        self.place.settle_contents()

    def open_blob(self, sha256: str) -> BinaryIO:
        """The bytes of a content; raises `NotFound`."""
        return self._open(self._blob(sha256), f"content:{sha256}")

    def check(self, sha256: str) -> tuple[int, str]:
        """How many bytes a content has, and their hash; raises `NotFound`."""
        return _hashed(self.open_blob(sha256))

    def remove(self, name: str) -> None:
        """Remove a backup."""
        if instant_of(name) is None:
            raise NotFound("There is no such backup.")
        self.place.remove_backup(name)

    def clear(self, needed: frozenset[str]) -> int:
        """Remove contents that are not needed, and what broken-off copies left; returns how many contents."""
        names = frozenset(self._seal.name(one) for one in needed) if self._seal else needed
        gone = [one for one in self.place.contents() if one not in names]
        for one in gone:
            self.place.remove(f"{BLOBS}/{one[:2]}/{one}")
        self.place.tidy()
        return len(gone)


class _Other(Exception):
    """The bytes are others than those that were named."""


class _Counted:
    """Counts and hashes what goes through to a writer."""

    def __init__(self, target: Writer) -> None:
        self._target, self.size, self.digest = target, 0, hashlib.sha256()

    def write(self, data: bytes, /) -> int:
        self._target.write(bytes(data))
        self.digest.update(data)
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""


def _seal(place: Place, passphrase: str) -> Seal | None:
    if place.size(KEY_FILE) is None:
        return None
    if not passphrase:
        raise Conflict(_LOCKED.format(place))
    with place.open(KEY_FILE) as file:
        return Seal.opened(passphrase, file.read(_PIECE))


def _of(backup: str, name: str) -> str:
    return f"{backup}/{name}"


def _hashed(file: BinaryIO) -> tuple[int, str]:
    try:
        with file:
            digest, size = hashlib.sha256(), 0
            while piece := file.read(_PIECE):
                digest.update(piece)
                size += len(piece)
            return size, digest.hexdigest()
    except OSError as error:
        raise Conflict(f"it cannot be read: {error.strerror}") from error
