"""Uploads go straight to the store's own temporary files, hashed while they are written, never whole in memory.

Only the endpoints in `TAKES_FILES` take files; elsewhere a file part is refused before a byte of it is written.
Whatever a request opened is let go when it ends: what was kept stays, what was not is gone.
"""

import io
from typing import Any, BinaryIO, cast

from flask import Request, g
from werkzeug.datastructures import FileStorage

from cmmc_tracker.errors import Malformed
from cmmc_tracker.gate import doors
from cmmc_tracker.storage.blobs import Incoming

TAKES_FILES = frozenset({"api.create_artifact", "api.create_version", "artifacts.receive", "artifacts.add_version"})
MOST_FILES = 200


class _Stream(io.RawIOBase):
    """An upload as Werkzeug's parser sees it: a file that is written, then rewound."""

    def __init__(self, incoming: Incoming) -> None:
        super().__init__()
        self.incoming = incoming

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return self.incoming.write(bytes(data))

    def seek(self, offset: int, whence: int = 0) -> int:
        return self.incoming.file.seek(offset, whence)

    def tell(self) -> int:
        return self.incoming.file.tell()

    def readinto(self, buffer: Any) -> int | None:
        return cast("io.RawIOBase", self.incoming.file).readinto(buffer)


class UploadRequest(Request):
    """A request whose files are streamed into the store."""

    max_form_parts = 1_000

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> BinaryIO:
        if self.endpoint not in TAKES_FILES:
            raise Malformed("This address takes no files. Nothing was changed.")
        if not filename:
            return io.BytesIO()
        opened = g.setdefault("incoming", [])
        if len(opened) >= MOST_FILES:
            raise Malformed(f"At most {MOST_FILES} files can be sent at once. Nothing was kept.")
        incoming = doors.installation().blobs.receive()
        opened.append(incoming)
        return cast("BinaryIO", _Stream(incoming))


def incoming_of(file: FileStorage) -> Incoming:
    """The store's upload behind a file of the request."""
    return cast("_Stream", file.stream).incoming


def finish() -> None:
    """Let go of everything that the request opened."""
    for incoming in g.pop("incoming", []):
        incoming.close()
