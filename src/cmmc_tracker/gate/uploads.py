"""Uploads go straight to the store's own temporary files, hashed while they are written, never whole in memory.

Only the endpoints in `TAKES_FILES` take files; elsewhere a file part is refused before a byte of it is written.
Whatever a request opened is let go when it ends: what was kept stays, what was not is gone. One person, and one upload
link, has only so many uploads under way, over all workers: the rest are told to wait before a byte of theirs is written
to the store.
"""

import io
from collections.abc import Callable
from typing import Any, BinaryIO, cast

from flask import Flask, Request, g
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import HTTPException

from cmmc_tracker.errors import Invalid, Malformed, TooMany
from cmmc_tracker.gate import doors
from cmmc_tracker.storage.store import Incoming

TAKES_FILES = frozenset(
    {
        *("api.create_artifact", "api.create_version", "artifacts.receive", "artifacts.add_version"),
        *("imports.receive", "poam.receive_import", "requests.answer", "links.receive"),
        *("scope.receive_import", "providers.receive_matrix", "ssp.receive_import"),
        "documents.put_template",
    }
)
MOST_FILES = 200
AT_ONCE = 6  # requests with files that one person may have under way
WAIT_SECONDS = 5
LINK_AT_ONCE = 2  # by one upload link: a second try while the first one hangs
LINK_SPARE = 65_536  # what a form with files has beside them
SMALL = 2 * 1_048_576


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


class _Nothing(io.BytesIO):
    """What browsers send where no file was chosen: a part without a name and without a byte."""

    def write(self, data: Any) -> int:
        if data:
            raise Invalid({"file": "The file has no name. Nothing was kept of it."})
        return 0


class UploadRequest(Request):
    """A request whose files are streamed into the store, and whose other bodies are small."""

    max_form_parts = 1_000

    @property
    def max_content_length(self) -> int | None:
        """The most that is read of a body: the limit for files, a link's own, 2 MiB for anything else."""
        most = super().max_content_length
        link = g.get("link")
        if link is not None:
            return min(most or SMALL, int(link.most_bytes) + LINK_SPARE)
        if self.endpoint in TAKES_FILES and self.mimetype == "multipart/form-data":
            return most
        return SMALL if most is None else min(most, SMALL)

    @max_content_length.setter
    def max_content_length(self, value: int | None) -> None:
        Request.max_content_length.fset(self, value)  # type: ignore[attr-defined]

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
            return _Nothing()
        opened, link = g.setdefault("incoming", []), g.get("link")
        if link is not None and len(opened) >= link.most_files:
            raise Invalid({"file": f"By this link come at most {link.most_files} files. Nothing was kept."})
        if len(opened) >= MOST_FILES:
            raise Malformed(f"At most {MOST_FILES} files can be sent at once. Nothing was kept.")
        _take_slot()
        incoming = doors.installation().blobs.receive()
        opened.append(incoming)
        g.took_files = True  # also once they are let go: what was read of them cannot be read again
        return cast("BinaryIO", _Stream(incoming))


def _take_slot() -> None:
    """Hold one of the person's, or the link's, places for this request; raises `TooMany` when all are taken."""
    if "upload_slot" in g:
        return
    link = g.get("link")
    owner, most = (f"user:{doors.actor().id}", AT_ONCE) if link is None else (f"link:{link.id}", LINK_AT_ONCE)
    slot = doors.installation().blobs.slot(owner, most)
    if slot is None:
        raise too_many(most)
    g.upload_slot = slot


def too_many(most: int = AT_ONCE) -> TooMany:
    """What somebody is told whose places for uploads are all taken."""
    return TooMany(
        f"You have {most} uploads under way already. Nothing was kept of this one; send it again when one of "
        "them is done.",
        WAIT_SECONDS,
    )


def most_of(app: Flask) -> Callable[[str, str], int]:
    """A function that tells of a method and a path how large its body may be, before the app has seen the request.

    It asks the app's own routes, so that it cannot differ from what the request finds later.
    """
    routes = app.url_map.bind("localhost")

    def most(method: str, path: str) -> int:
        limit = int(app.config["MAX_CONTENT_LENGTH"])
        try:
            endpoint, _ = routes.match(path, method)
        except HTTPException:
            endpoint = ""
        return limit if endpoint in TAKES_FILES else min(limit, SMALL)

    return most


def incoming_of(file: FileStorage) -> Incoming:
    """The store's upload behind a file of the request."""
    return cast("_Stream", file.stream).incoming


def finish() -> None:
    """Let go of everything that the request opened."""
    for incoming in g.pop("incoming", []):
        incoming.close()
    slot = g.pop("upload_slot", None)
    if slot is not None:
        slot.close()
