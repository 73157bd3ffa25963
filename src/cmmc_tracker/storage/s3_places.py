"""Where backups lie: a bucket. The same keys as in a folder (`places.py`), each written whole with its SHA-256 checked.

A bucket has no locks. That one backup at a time is made is said by an object with an instant until which it holds,
which who makes the backup moves on; one that is past belongs to a process that died, and is taken over. All changes of
it name what they replace, so of two at once one is told.
"""

import contextlib
import json
import tempfile
import threading
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import BinaryIO, cast

from cmmc_tracker.domain.backups import instant_of
from cmmc_tracker.errors import Busy, Conflict, NotFound
from cmmc_tracker.storage.places import BLOBS, MANIFEST, MARK, Writing, checked, is_content
from cmmc_tracker.storage.s3 import Objects
from cmmc_tracker.storage.sealing import Writer

_LEASE = "under-way.json"
_HOLDS = timedelta(minutes=10)
_MOVED_ON = 60.0  # seconds
_LOST = (
    "This process stood still for so long that another backup into {} was begun beside it, which may have removed what "
    "this one needs. Make it anew."
)
_IN_MEMORY = 8_388_608


class S3Place:
    """Backups in a part of a bucket."""

    most_together = 1

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._sizes: dict[str, int] | None = None
        self._listing = threading.Lock()

    def __str__(self) -> str:
        return str(self._objects.bucket)

    def prepare(self) -> None:
        """Mark it as one for backups; raises `Conflict` where it holds something else."""
        if self.is_prepared():
            return
        if any(True for _ in self._objects.sizes("")):
            raise Conflict(f"{self} holds other things than backups; name an empty prefix. Nothing was done.")
        self._objects.claim(MARK, b"")

    def is_prepared(self) -> bool:
        """Whether backups are made here."""
        return self._stat(MARK) is not None

    def _stat(self, key: str) -> int | None:
        try:
            return self._objects.stat(key).size
        except NotFound:
            return None

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Only one backup at a time is made or cleared away here; raises `Busy` for a second one."""
        lease = [self._objects.claim(_LEASE, _until()) or self._taken_over()]  # empty once somebody took it over
        ended = threading.Event()
        moving = threading.Thread(target=self._move_on, args=(lease, ended), daemon=True)
        moving.start()
        try:
            yield
        finally:
            ended.set()
            moving.join()
            self._let_go(lease)
        if not lease:
            raise Busy(_LOST.format(self))

    def _let_go(self, lease: list[str]) -> None:
        """Remove the lease, where it still is ours: another's protects another's backup."""
        with contextlib.suppress(NotFound):
            if lease and self._objects.tag(_LEASE) == lease[0]:
                self._objects.remove(_LEASE)
            else:
                lease.clear()

    def _taken_over(self) -> str:
        """The lease of one that died; raises `Busy` where it lives."""
        tag = self._objects.tag(_LEASE)
        with contextlib.closing(self._objects.get(_LEASE)) as body:
            text = body.read(1_000)
        try:
            until = datetime.fromisoformat(json.loads(text)["until"])
            is_past = until < datetime.now(UTC)
        except (ValueError, KeyError, TypeError):
            raise Conflict(f"{self}/{_LEASE} is no mark of a backup under way; remove it where none is.") from None
        if is_past and (mine := self._objects.claim(_LEASE, _until(), tag)):
            return mine
        raise Busy(f"Another backup into {self} is under way (until {until:%H:%M} UTC at least).")

    def _move_on(self, lease: list[str], ended: threading.Event) -> None:
        while not ended.wait(_MOVED_ON):
            with contextlib.suppress(Busy):
                moved = self._objects.claim(_LEASE, _until(), lease[0])
                if moved is None:
                    lease.clear()  # somebody took it over: this process stood still for too long
                    return
                lease[0] = moved

    def backups(self) -> list[str]:
        """The names of the backups, also of those that were cut short, oldest first."""
        found = {key.partition("/")[0] for key, _ in self._objects.sizes("backup-")}
        return sorted(name for name in found if instant_of(name) is not None)

    def begin(self, backup: str) -> None:
        """Nothing: a bucket has no folders."""

    def contents(self) -> Iterator[str]:
        """The names of the contents."""
        for key, _ in self._objects.sizes(f"{BLOBS}/"):
            if is_content(name := key.rpartition("/")[2]):
                yield name

    def size(self, key: str) -> int | None:
        """How many bytes a file has; None where there is none. Contents are listed once: asking for each takes days."""
        checked(key)
        if not key.startswith(f"{BLOBS}/"):
            return self._stat(key)
        with self._listing:
            if self._sizes is None:
                self._sizes = dict(self._objects.sizes(f"{BLOBS}/"))
            return self._sizes.get(key)

    def open(self, key: str) -> BinaryIO:
        """The bytes of a file; raises `NotFound`."""
        return self._objects.open(checked(key))

    @contextlib.contextmanager
    def writing(self, key: str) -> Iterator[Writer]:
        """Takes the bytes of a file, which is there whole on leaving cleanly, and else not."""
        checked(key)
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as file:
            yield file
            size = file.tell()
            self._objects.put(key, cast("BinaryIO", file), size)
        with self._listing:
            if self._sizes is not None and key.startswith(f"{BLOBS}/"):
                self._sizes[key] = size

    @contextlib.contextmanager
    def together(self) -> Iterator[Writing]:
        """Gives what writes files: each is there whole when it was written, for a bucket is not waited for twice."""
        yield self.writing

    def settle(self, keys: Iterable[str]) -> None:
        """Nothing: what the store acknowledged, it keeps."""

    def settle_contents(self) -> None:
        """Nothing, as for other files."""

    def remove(self, key: str) -> None:
        """Remove a file; none is no error."""
        self._objects.remove(checked(key))
        with self._listing:
            if self._sizes is not None:
                self._sizes.pop(key, None)

    def remove_backup(self, backup: str) -> None:
        """Remove a backup: its manifest first, so that what is left of it never passes for whole."""
        self._objects.remove(checked(f"{backup}/{MANIFEST}"))
        for key, _ in list(self._objects.sizes(f"{backup}/")):
            self._objects.remove(key)

    def tidy(self) -> None:
        """Remove what broken-off uploads left."""
        for key, upload in self._objects.broken_off(""):
            with contextlib.suppress(NotFound):
                self._objects.abort(key, upload)


def _until() -> bytes:
    return json.dumps({"until": (datetime.now(UTC) + _HOLDS).isoformat()}).encode()
