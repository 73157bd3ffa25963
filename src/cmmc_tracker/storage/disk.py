"""What a folder's disk can do: hard links, which the store stands on, and how much room is left."""

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Room:
    """Bytes of a disk, and which disk it is."""

    device: int
    free: int
    total: int


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
