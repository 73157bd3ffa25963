"""What a folder's disk does: keep what was written; hard links, which the store stands on; how much room is left."""

import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Room:
    """Bytes of a disk, and which disk it is."""

    device: int
    free: int
    total: int


def sync(descriptors: Sequence[int]) -> None:
    """Wait until the bytes of open files are on the disk; raises `OSError` where they could not be written.

    Writing all of them is begun before the first is waited for. The file system then keeps their facts in one entry of
    its journal instead of one for each. The descriptors are those that wrote: a disk's failure is told to them.
    """
    if len(descriptors) > 1 and hasattr(os, "posix_fadvise"):
        for one in descriptors:
            os.posix_fadvise(one, 0, 0, os.POSIX_FADV_DONTNEED)  # Linux begins to write what is not yet written
    for one in descriptors:
        os.fsync(one)


def sync_path(path: Path) -> None:
    """Wait until the names in a folder, or the bytes of a file that others wrote, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def room(folder: Path) -> Room:
    """How much room the disk of a folder has; of one that is not there yet, the disk that it would be made on."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    usage = shutil.disk_usage(folder)
    return Room(folder.stat().st_dev, usage.free, usage.total)


def has_hard_links(folder: Path) -> bool:
    """Whether a file in the folder can have two names; tried with an empty file, which is removed again."""
    descriptor, first = tempfile.mkstemp(dir=folder)
    os.close(descriptor)
    second = f"{first}-link"
    try:
        os.link(first, second)
    except OSError:
        return False
    finally:
        for name in (first, second):
            Path(name).unlink(missing_ok=True)
    return True
