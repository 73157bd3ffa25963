"""A package as a stream: a zip that is made while it is sent, the same bytes each time, never whole anywhere.

Nothing is compressed: what is large is packed already, and what a library packs may come out otherwise in its next
version. ZIP64 where it is needed; lengths stand behind the contents, so that nothing is read twice.
"""

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from datetime import datetime
from typing import IO, Any, BinaryIO, cast

from cmmc_tracker.domain.handoff.package import digest
from cmmc_tracker.errors import Conflict
from cmmc_tracker.reports.handoff import manifest
from cmmc_tracker.reports.handoff.manifest import Extra
from cmmc_tracker.services.handoff.packages import Package
from cmmc_tracker.storage.blobs import Blobs

PIECE = 1_048_576
Documents = Callable[[Mapping[str, Any]], Iterable[Extra]]  # the reports that a snapshot gives
_LARGE = 2**31  # bytes from which on a file gets the fields of ZIP64


class _Out:
    """What the zip writer writes to: it can only go on, and what it was given is taken out at once."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing waits here."""

    def take(self) -> bytes:
        """What was written since the last time."""
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


def stream(blobs: Blobs, package: Package, text: str, documents: Documents) -> Iterator[bytes]:
    """The zip of a package, piece by piece; `text` is its snapshot as it was frozen.

    Raises `Conflict` before the first piece for a snapshot that is not the one that was frozen; breaks off, so that the
    zip has no end, at a file whose bytes are not those that were frozen.
    """
    if digest(text) != package.snapshot_sha256:
        raise Conflict("The records of this package are not those that were frozen. Restore them from a backup.")
    return _pieces(blobs, package, json.loads(text), documents)


def _pieces(blobs: Blobs, package: Package, snapshot: Mapping[str, Any], documents: Documents) -> Iterator[bytes]:
    out = _Out()
    with zipfile.ZipFile(cast("IO[bytes]", out), "w") as archive:
        opening = manifest.opening(snapshot)
        for one in opening:
            archive.writestr(_info(one.path, package.frozen_at), one.content)
        yield out.take()
        for file in snapshot["files"]:
            info = _info(file["path"], package.frozen_at)
            with (
                closing(blobs.open(file["sha256"])) as source,
                archive.open(info, "w", force_zip64=file["size"] >= _LARGE) as target,
            ):
                for piece in _checked(source, file):
                    target.write(piece)
                    yield out.take()
        made = list(documents(snapshot))
        for one in (*made, *manifest.closing(snapshot, package.number, package.snapshot_sha256, [*opening, *made])):
            archive.writestr(_info(one.path, package.frozen_at), one.content)
            yield out.take()
    yield out.take()


def _checked(source: BinaryIO, file: Mapping[str, Any]) -> Iterator[bytes]:
    """The bytes of a file, in pieces; raises `Conflict` at their end where they are not those that were frozen."""
    found = hashlib.sha256()
    while piece := source.read(PIECE):
        found.update(piece)
        yield piece
    if found.hexdigest() != file["sha256"]:
        raise Conflict(f"{file['path']} is not the file that was frozen; the package cannot be given out.")


def _info(path: str, at: datetime) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(path, at.timetuple()[:6])
    info.create_system = 3
    info.external_attr = 0o100644 << 16
    return info
