"""What the product asks of an artifact store: `blobs.py` keeps one in a folder, `blobs_s3.py` one in a bucket."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol


@dataclass(frozen=True, slots=True)
class Kept:
    """What the store keeps of an upload; `new` is false when the same bytes were there already."""

    sha256: str
    size: int
    new: bool


class Incoming(Protocol):
    """An upload on its way into the store."""

    @property
    def size(self) -> int:
        """Bytes so far."""

    @property
    def sha256(self) -> str:
        """The hash of the bytes so far, in hex."""

    @property
    def file(self) -> BinaryIO:
        """The bytes so far, seekable, for looking at them."""

    def write(self, data: bytes) -> int:
        """Add bytes."""

    def rewrite(self, stretches: Iterable[tuple[int, int] | bytes]) -> None:
        """Put other bytes in the place of those so far: stretches of them (start, end), and new ones between."""

    def keep(self) -> Kept:
        """Keep the bytes for good; the lock is held until `close`."""

    def named(self) -> Kept:
        """Give the bytes their name; for the store's `keep` alone."""

    def close(self) -> None:
        """Let go of the lock; what was not kept is gone."""


class Slot(Protocol):
    """A place among the uploads that somebody has under way."""

    def close(self) -> None:
        """Give the place back."""


@dataclass(frozen=True, slots=True)
class Begun:
    """The temporary file of an upload; the lock on it is held by its descriptor."""

    path: Path
    descriptor: int


class Blobs(Protocol):
    """A store of contents named by their hash."""

    most_together: int  # uploads that `keep` may be given; 1 where it gains nothing by more

    def receive(self) -> Incoming:
        """Begin an upload."""

    def keep(self, incomings: Sequence[Incoming]) -> list[Kept]:
        """Keep uploads for good, and wait for the disk once; their locks are held until each is closed."""

    def slot(self, owner: str, most: int) -> Slot | None:
        """One of the `most` uploads that an owner may have under way, or None when all are; held until its close."""

    def open(self, sha256: str) -> BinaryIO:
        """The bytes of a content; raises `NotFound`."""

    def size(self, sha256: str) -> int:
        """How many bytes a content has; raises `NotFound`."""

    def place(self, sha256: str) -> Path | None:
        """The file that holds the bytes, or None where no disk of this machine does; raises `NotFound`."""

    def local(self, sha256: str) -> AbstractContextManager[Path]:
        """The bytes as a file of this machine, for programs that read files; raises `NotFound`."""

    def check(self, sha256: str) -> str:
        """The hash that the bytes have now; raises `NotFound`."""

    def sweep(self, known: Callable[[str], bool]) -> list[str]:
        """Remove what no living upload and no row needs; returns the names."""

    def discard(self, sha256: str, known: Callable[[str], bool]) -> bool:
        """Remove one content that no row needs and no living upload holds; tells whether it is gone."""

    def names(self) -> Iterator[str]:
        """The hashes that the store has files for."""

    def ping(self) -> None:
        """Raise when the store cannot be reached."""


class Held(Protocol):
    """A lock that keeps a content from a sweep until it is closed."""

    def close(self) -> None:
        """Let go."""


class Adopting(Protocol):
    """A store whose uploads begin in a folder of this machine."""

    def begin(self) -> Begun:
        """A new temporary file; the lock on it is held."""

    def adopt(self, path: Path, sha256: str, size: int) -> tuple[Held | None, bool]:
        """Take a finished temporary file over; see `FolderBlobs.adopt`."""

    def keep(self, incomings: Sequence[Incoming]) -> list[Kept]:
        """Keep uploads for good; see `Blobs.keep`."""
