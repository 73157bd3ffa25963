"""The diagrams of a snapshot as pictures for the front binder: drawn anew by a child process, bounded in all.

What is no PNG or JPEG, what is damaged and what is too large stands there by name alone.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from threading import BoundedSemaphore
from typing import Any

from cmmc_tracker.errors import Busy, NotFound
from cmmc_tracker.reports.pdf import Picture
from cmmc_tracker.services import child, picture_child
from cmmc_tracker.storage.store import Blobs

MOST = 8  # pictures of one binder: who has more hands them over beside it
TRIED = 2 * MOST  # files that are tried for them: each that cannot be drawn may take all of its time
LARGEST = 20_000_000  # bytes of a file
ANSWER_BYTES = 4_000_000
WALL_SECONDS = 20.0
_PATIENCE = 30.0  # seconds for a turn
_KINDS = {"image/png", "image/jpeg"}
_ANSWER = re.compile(rb"PICTURE ([1-9]\d{0,3}) ([1-9]\d{0,3})\n((?:\x89PNG\r\n\x1a\n|\xff\xd8\xff).*)", re.DOTALL)
_children = BoundedSemaphore(2)


def of(blobs: Blobs, snapshot: Mapping[str, Any]) -> dict[str, Picture]:
    """The pictures by the SHA-256 of their files, in the order of the artifacts. Raises `Busy` while too many wait."""
    found: dict[str, Picture] = {}
    for sha256 in islice(dict.fromkeys(_wanted(snapshot)), TRIED):
        if len(found) == MOST:
            break
        made = _drawn(blobs, sha256)
        if made is not None:
            found[sha256] = made
    return found


def _wanted(snapshot: Mapping[str, Any]) -> Iterator[str]:
    for one in snapshot["artifacts"]:
        if one["kind"] == "diagram":
            yield from (
                file["sha256"] for file in one["files"] if file["media_type"] in _KINDS and file["size"] <= LARGEST
            )


def _drawn(blobs: Blobs, sha256: str) -> Picture | None:
    """A picture of these bytes; None where they make none."""
    if not _children.acquire(timeout=_PATIENCE):
        raise Busy("Too many pictures are being drawn just now. Please try again in a minute.")
    try:
        with blobs.local(sha256) as path:
            with path.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                    return None
            status, answer = child.run(picture_child.__file__, (), path, most_bytes=ANSWER_BYTES, seconds=WALL_SECONDS)
    except (NotFound, OSError):
        return None
    finally:
        _children.release()
    match = _ANSWER.fullmatch(answer) if not status and len(answer) <= ANSWER_BYTES else None
    return Picture(match[3], int(match[1]), int(match[2])) if match else None
