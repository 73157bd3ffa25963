"""The artifact store in a bucket: one object for each distinct content, exactly its bytes, named by its SHA-256.

An upload stands in a folder of this machine until it is whole, was looked at and is to be kept: as in the folder store,
by the same code. Then it is written to the bucket, which checks its SHA-256. A lock on the content's name, shared by
all nodes (`locks.py`), is held from before that until the row is committed: a sweep that finds it held leaves the
content.
"""

import contextlib
import hashlib
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NamedTuple

from cmmc_tracker.errors import Busy, Misconfigured, NotFound
from cmmc_tracker.storage.blobs import NAME, FolderBlobs, FolderIncoming
from cmmc_tracker.storage.locks import Locks
from cmmc_tracker.storage.s3 import Objects, checksum_of
from cmmc_tracker.storage.store import Begun, Held, Incoming, Kept, Slot

_PIECE = 1_048_576
FRESH_SECONDS = 2.0  # for which an answer of the bucket holds
LATE_SECONDS = 6.0  # after which one that has not answered yet counts as away
_MISSING = "The bytes of this file are missing from the store."


class Tried(NamedTuple):
    """What was seen of a bucket: whether it keeps older versions, and whether anybody may read it."""

    keeps_versions: bool
    is_public: bool


@dataclass(slots=True)
class _Reach:
    """Whether the bucket answers. Anybody may ask that of a server (`/readyz`), and each question costs money and time:
    so it is asked by one thread of a process at a time, and again after some seconds only."""

    ask: Callable[[], None]
    why: str = ""
    at: float = field(default_factory=time.monotonic)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def check(self) -> None:
        """Raise `Busy` when it did not answer, or has not answered yet for a while."""
        if time.monotonic() - self.at > FRESH_SECONDS and self.lock.acquire(blocking=False):
            try:
                self.at = time.monotonic()
                self.ask()
                self.why = ""
            except Busy as error:
                self.why = error.message
            finally:
                self.lock.release()
        elif self.lock.locked() and time.monotonic() - self.at > LATE_SECONDS:
            raise Busy("The store does not answer.")
        if self.why:
            raise Busy(self.why)


class S3Blobs:
    """The store in a bucket: `ab/abcdef…` below the prefix. `spool` is the folder of uploads under way here."""

    most_together = 1  # each holds a lock of its own, which on PostgreSQL is a connection

    def __init__(self, objects: Objects, spool: Path, locks: Locks) -> None:
        self._objects, self._locks = objects, locks
        self._spool = FolderBlobs(spool)
        self._reach = _Reach(objects.ping)
        try:
            objects.ping()
        except Busy as error:
            raise Misconfigured(f"UPLOAD_PATH cannot be used: {error.message}") from error

    def receive(self) -> FolderIncoming:
        """Begin an upload."""
        return FolderIncoming(self, self._spool.begin())

    def begin(self) -> Begun:
        """A new temporary file; the lock on it is held."""
        return self._spool.begin()

    def slot(self, owner: str, most: int) -> Slot | None:
        """One of the `most` uploads that an owner may have under way, or None when all are; held until its close."""
        for number in range(most):
            held = self._locks.alone(f"slot:{owner}:{number}")
            if held is not None:
                return held
        return None

    def adopt(self, path: Path, sha256: str, size: int) -> tuple[Held | None, bool]:
        """Write a finished temporary file to the bucket, or hold on to the same bytes that are there already."""
        key, held = _key(sha256), self._locks.shared(f"blob:{sha256}")
        try:
            with path.open("rb") as file:
                new = not self._has(key, file, sha256, size)
                if new:
                    self._objects.put(key, file, size)
            path.unlink()
        except BaseException:
            held.close()
            raise
        return held, new

    def keep(self, incomings: Sequence[Incoming]) -> list[Kept]:
        """Keep uploads for good: what the bucket acknowledged, it keeps."""
        return [one.named() for one in incomings]

    def _has(self, key: str, file: BinaryIO, sha256: str, size: int) -> bool:
        try:
            there = self._objects.stat(key)
        except NotFound:
            return False
        # The same name and size are not yet the same bytes; an object that another tool copied has no checksum of ours.
        if there.size == size and (there.checksum == checksum_of(file) or self.check(sha256) == sha256):
            return True
        raise Busy("The store holds a damaged file of this content. An administrator should run verify.")

    def open(self, sha256: str) -> BinaryIO:
        """The bytes of a content, seekable; raises `NotFound`."""
        with _missing():
            return self._objects.open(_key(sha256))

    def size(self, sha256: str) -> int:
        """How many bytes a content has; raises `NotFound`."""
        with _missing():
            return self._objects.stat(_key(sha256)).size

    def place(self, sha256: str) -> Path | None:
        """None: the bytes are on no disk of this machine; raises `NotFound` where there are none."""
        self.size(sha256)
        return None

    @contextlib.contextmanager
    def local(self, sha256: str) -> Iterator[Path]:
        """The bytes as a file of this machine, for programs that read files; raises `NotFound`."""
        with self.open(sha256) as source, tempfile.NamedTemporaryFile(dir=self._spool.root) as copy:
            while data := source.read(_PIECE):
                copy.write(data)
            copy.flush()
            yield Path(copy.name)

    def check(self, sha256: str) -> str:
        """The hash that the bytes have now; raises `NotFound`, or `OSError` for a store that cannot be read."""
        digest = hashlib.sha256()
        try:
            with self.open(sha256) as file:
                while data := file.read(_PIECE):
                    digest.update(data)
        except Busy as error:
            raise OSError(error.message) from error
        return digest.hexdigest()

    def names(self) -> Iterator[str]:
        """The hashes that the store has objects for."""
        for key, _size in self._objects.sizes(""):
            name = key.rpartition("/")[2]
            if NAME.fullmatch(name) and key == _key(name):
                yield name

    def sweep(self, known: Callable[[str], bool]) -> list[str]:
        """Remove temporary files, broken-off uploads and contents without a row that no living upload holds."""
        removed = self._spool.sweep(known)
        for key, upload in self._objects.broken_off(""):
            name = key.rpartition("/")[2]
            held = self._locks.alone(f"blob:{name}")
            if held is not None:
                with contextlib.closing(held), contextlib.suppress(NotFound):
                    self._objects.abort(key, upload)
                    removed.append(f"{key} (broken off)")
        return removed + [sha256 for sha256 in self.names() if not known(sha256) and self.discard(sha256, known)]

    def discard(self, sha256: str, known: Callable[[str], bool]) -> bool:
        """Remove one content that no row needs and no living upload holds; tells whether it is gone."""
        held = self._locks.alone(f"blob:{sha256}")
        if held is None:
            return False
        with contextlib.closing(held):
            try:
                self._objects.stat(_key(sha256))
            except NotFound:
                return False
            if known(sha256):
                return False
            self._objects.remove(_key(sha256))
        return True

    def ping(self) -> None:
        """Raise `Busy` when the store cannot be reached, as of a moment ago."""
        self._reach.check()

    def try_out(self) -> Tried:
        """Write, read and remove a small object, for `doctor`."""
        key = "try-out"
        with tempfile.TemporaryFile() as file:
            file.write(b"doctor")
            self._objects.put(key, file, 6)
        try:
            self._objects.stat(key)
            is_public = self._objects.is_public(key)
        finally:
            self._objects.remove(key)
        return Tried(keeps_versions=self._objects.is_versioned(), is_public=is_public)


def _key(sha256: str) -> str:
    if not NAME.fullmatch(sha256):
        raise NotFound("There is no such file.")
    return f"{sha256[:2]}/{sha256}"


@contextlib.contextmanager
def _missing() -> Iterator[None]:
    try:
        yield
    except NotFound:
        raise NotFound(_MISSING) from None
