"""The artifact store: one file for each distinct content, exactly its bytes, named by its SHA-256.

With `enclave.py`, `places.py` and `locks.py` the only code of the product that joins a path. Bytes are written once to
a temporary file, hashed on the way, fsynced and renamed to their hash; nothing is ever edited. Whether an upload still
lives is told by a lock that it holds from its first byte until its row is committed, never by age: the same open file
keeps the lock across the rename, so a sweep that finds it locked leaves it alone.

How many uploads one person has under way is told by locks, too: each holds one of that person's few slots, an empty
file that is gone with it. A lock ends with the process that holds it, so a crash leaves no slot taken and nothing to
count down, and every worker on the store sees the same slots, whatever database there is.
"""

import contextlib
import errno
import fcntl
import hashlib
import os
import re
import secrets
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from cmmc_tracker.errors import Busy, Misconfigured, NoSpace, NotFound
from cmmc_tracker.storage import disk
from cmmc_tracker.storage.store import Adopting, Begun, Held, Incoming, Kept, Slot

NAME = re.compile(r"[0-9a-f]{64}")
_INCOMING = ".incoming"
_PIECE = 1_048_576


class _Slot:
    """A slot that is a file."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path, self._descriptor = path, descriptor

    def close(self) -> None:
        """Give the place back. Its name goes first, while the lock is still held, so that nobody waits for it."""
        self._path.unlink(missing_ok=True)
        os.close(self._descriptor)


class Descriptor:
    """A lock that an open file holds."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def close(self) -> None:
        """Let go."""
        os.close(self._descriptor)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Turn what the disk says into what a person can be told."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            raise NoSpace("There is no space left for this file. Nothing of it was kept; free some space.") from error
        raise Busy("The artifact store cannot be written just now. Nothing was kept of this file.") from error


@contextlib.contextmanager
def _readable() -> Iterator[None]:
    """The same for what is read."""
    try:
        yield
    except OSError as error:
        raise Busy(
            "The artifact store cannot be read just now. Nothing was changed; please try again in a moment, and "
            "tell an administrator if it stays so: the disk may be failing."
        ) from error


class FolderBlobs:
    """The store in a folder: `ab/abcdef…` for each content, `.incoming/` for uploads under way."""

    most_together = 32

    def __init__(self, root: Path) -> None:
        self.root = self._root = root
        self._incoming = root / _INCOMING
        self._gate_file = self._incoming / ".gate"
        self._folders = {f"{number:02x}": root / f"{number:02x}" for number in range(256)}
        self._settled: set[str] = set()  # those whose own names this process saw to
        try:
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._incoming.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise Misconfigured(f"UPLOAD_PATH cannot be used: {error.strerror}: {error.filename}") from error
        if not os.access(self._incoming, os.W_OK | os.X_OK):
            raise Misconfigured(f"UPLOAD_PATH cannot be used: the folder may not be written: {root}")

    def receive(self) -> "FolderIncoming":
        """Begin an upload."""
        return FolderIncoming(self, self.begin())

    def begin(self) -> Begun:
        """A new temporary file; the lock on it is held."""
        with _told(), self._gate(fcntl.LOCK_SH):
            path = self._incoming / secrets.token_hex(16)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_SH)
        return Begun(path, descriptor)

    def slot(self, owner: str, most: int) -> Slot | None:
        """One of the `most` uploads that an owner may have under way, or None when all are; held until its close."""
        with _told(), self._gate(fcntl.LOCK_SH):
            for number in range(most):
                path = self._incoming / f"slot-{hashlib.sha256(owner.encode()).hexdigest()[:16]}-{number}"
                descriptor = _taken(path)
                if descriptor is not None:
                    return _Slot(path, descriptor)
        return None

    @contextlib.contextmanager
    def _gate(self, kind: int) -> Iterator[None]:
        """Uploads pass it together, a sweep alone: between making a file and locking it nobody sweeps."""
        gate = os.open(self._gate_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(gate, kind)
            yield
        finally:
            os.close(gate)

    def _place(self, sha256: str) -> Path:
        if not NAME.fullmatch(sha256):
            raise NotFound("There is no such file.")
        return self._folders[sha256[:2]] / sha256

    def path(self, sha256: str) -> Path:
        """Where the bytes of a content are; raises `NotFound`, for a link that leads elsewhere too."""
        with _readable():
            return self._found(sha256)

    def _found(self, sha256: str) -> Path:
        place = self._place(sha256)
        try:
            # The folder and the file themselves: a thousand files are looked up while a package is sent.
            folder = self._folders[sha256[:2]]
            is_there = stat.S_ISDIR(os.lstat(folder).st_mode) and stat.S_ISREG(os.lstat(place).st_mode)
        except OSError:
            is_there = False
        if not is_there:
            raise NotFound("The bytes of this file are missing from the store.")
        return place.absolute()

    def open(self, sha256: str) -> BinaryIO:
        """The bytes of a content; raises `NotFound`."""
        with _readable():
            return self._found(sha256).open("rb")

    def size(self, sha256: str) -> int:
        """How many bytes a content has; raises `NotFound`."""
        with _readable():
            return self._found(sha256).stat().st_size

    def place(self, sha256: str) -> Path:
        """The file that holds the bytes; raises `NotFound`."""
        return self.path(sha256)

    @contextlib.contextmanager
    def local(self, sha256: str) -> Iterator[Path]:
        """The bytes as a file of this machine: the store's own; raises `NotFound`."""
        yield self.path(sha256)

    def check(self, sha256: str) -> str:
        """The hash that the bytes have now; raises `NotFound`, or `OSError` for a disk that cannot be read."""
        with self._found(sha256).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def names(self) -> Iterator[str]:
        """The hashes that the store has files for."""
        for folder in sorted(self._root.iterdir()):
            if len(folder.name) == 2 and folder.is_dir() and not folder.is_symlink():
                yield from (file.name for file in sorted(folder.iterdir()) if NAME.fullmatch(file.name))

    def sweep(self, known: Callable[[str], bool]) -> list[str]:
        """Remove temporary files and contents without a row that no living upload holds; returns their names."""
        removed = []
        with self._gate(fcntl.LOCK_EX):
            for path in sorted(self._incoming.iterdir()):
                if path.name != ".gate" and _removed(path, lambda: False):
                    removed.append(f"{_INCOMING}/{path.name}")
        removed += [sha256 for sha256 in self.names() if not known(sha256) and self.discard(sha256, known)]
        return removed

    def discard(self, sha256: str, known: Callable[[str], bool]) -> bool:
        """Remove one content that no row needs and no living upload holds; tells whether it is gone."""
        return _removed(self._place(sha256), lambda: known(sha256))

    def ping(self) -> None:
        """Raise `OSError` when the store cannot be reached."""
        os.scandir(self._root).close()

    def adopt(self, path: Path, sha256: str, size: int) -> "tuple[Held | None, bool]":
        """Give a finished temporary file its name, or hold on to the same bytes that are there already.

        Returns the lock that now keeps those bytes from a sweep (None: the upload's own), and whether
        they are new.
        """
        place = self._place(sha256)
        folder = self._folders[sha256[:2]]
        if not folder.exists():
            self._settled.discard(folder.name)
            folder.mkdir(mode=0o700, exist_ok=True)
        while True:
            held = _hold(place)
            if held is not None:
                # The same name and size are not yet the same bytes: a disk may have altered them.
                if os.fstat(held).st_size == size and self.check(sha256) == sha256:
                    path.unlink()
                    return Descriptor(held), False
                os.close(held)
                raise Busy("The store holds a damaged file of this content. An administrator should run verify.")
            try:
                os.link(path, place)
            except FileExistsError:
                continue
            path.unlink()
            return None, True

    def keep(self, incomings: Sequence[Incoming]) -> list[Kept]:
        """Keep uploads for good: fsync of all, then their names, then the folders; the disk is waited for together."""
        with _told():
            disk.sync([one.file.fileno() for one in incomings])
            kept = [one.named() for one in incomings]
            # Also where the bytes were there already: who brought them may not have come to this yet.
            folders = {one.sha256[:2] for one in kept}
            for name in sorted(folders):
                disk.sync_path(self._folders[name])
            if not folders <= self._settled:
                disk.sync_path(self._root)
                self._settled |= folders
        return kept


class FolderIncoming:
    """An upload in a folder on its way into a store: counted and hashed while it is written."""

    def __init__(self, store: Adopting, begun: Begun) -> None:
        self._store = store
        self._path: Path | None = begun.path
        self._file: BinaryIO = os.fdopen(begun.descriptor, "r+b", buffering=0)
        self._held: Held | None = None
        self._hash = hashlib.sha256()
        self._size = 0

    @property
    def size(self) -> int:
        """Bytes so far."""
        return self._size

    @property
    def sha256(self) -> str:
        """The hash of the bytes so far, in hex."""
        return self._hash.hexdigest()

    @property
    def file(self) -> BinaryIO:
        """The bytes so far, seekable, for looking at them."""
        return self._file

    def write(self, data: bytes) -> int:
        """Add bytes."""
        view = memoryview(data)
        with _told():
            while view:
                written = self._file.write(view)
                view = view[written:]
        self._hash.update(data)
        self._size += len(data)
        return len(data)

    def rewrite(self, stretches: Iterable[tuple[int, int] | bytes]) -> None:
        """Put other bytes in the place of those so far; the lock passes over to the new file."""
        with contextlib.closing(FolderIncoming(self._store, self._store.begin())) as other:
            for one in stretches:
                for piece in (one,) if isinstance(one, bytes) else self._stretch(*one):
                    other.write(piece)
            self._path, other._path = other._path, self._path  # noqa: SLF001 two of one kind
            self._file, other._file = other._file, self._file  # noqa: SLF001
            self._hash, self._size = other._hash, other._size  # noqa: SLF001

    def _stretch(self, start: int, end: int) -> Iterator[bytes]:
        while start < end:
            self._file.seek(start)
            piece = self._file.read(min(_PIECE, end - start))
            if not piece:
                raise RuntimeError("a stretch lies within the file")
            start += len(piece)
            yield piece

    def keep(self) -> Kept:
        """Keep the bytes for good; the lock is held until `close`."""
        return self._store.keep([self])[0]

    def named(self) -> Kept:
        """Give the bytes their name; the store's `keep`, which alone calls this, sees to it that both stay."""
        if self._path is None:
            raise RuntimeError("an upload is kept once")
        with _told():
            self._held, new = self._store.adopt(self._path, self.sha256, self._size)
            self._path = None
        return Kept(self.sha256, self._size, new)

    def close(self) -> None:
        """Let go of the lock; what was not kept is gone. Again is no error."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
            self._path = None
        if self._held is not None:
            self._held.close()
            self._held = None
        self._file.close()


def _hold(place: Path) -> int | None:
    """A descriptor with a lock on the file that is at that place now, or None when there is none."""
    while True:
        try:
            descriptor = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        # A sweep may have removed it between opening and locking.
        if _stands(place, descriptor):
            return descriptor
        os.close(descriptor)


def _taken(path: Path) -> int | None:
    """A descriptor with the only lock on the file of that name, made where there is none; None when it is held."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        # Who held it may have taken its name away between opening and locking.
        if _stands(path, descriptor):
            return descriptor
        os.close(descriptor)


def _removed(path: Path, needed: Callable[[], bool]) -> bool:
    """Remove a file unless somebody holds a lock on it or it turns out to be needed."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError:  # a link or something stranger: never ours
        path.unlink(missing_ok=True)
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Its name may be gone, or another file's, by the time the lock is had.
        if not _stands(path, descriptor) or needed():
            return False
        path.unlink()
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def _stands(path: Path, descriptor: int) -> bool:
    """Whether the name still is that open file's."""
    try:
        return os.path.samestat(path.lstat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
