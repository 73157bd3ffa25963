"""Files that stay where they are, below one folder that a person names: told again by their hash, never copied.

A location comes from the database, and whoever may add evidence may have written it: it is a request, not a path. What
leads out of the folder, by `..`, by a link or as another absolute path, is refused before anything of it is read. The
way is walked folder by folder from the root's own descriptor without following links, so that none that is put there
meanwhile leads out either.
"""

import contextlib
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from cmmc_tracker.errors import Conflict, Invalid

_PIECE = 1_048_576


class Outside(Conflict):
    """A location that leads out of the folder, or to no ordinary file. Nothing of it was read."""


@dataclass(frozen=True, slots=True)
class Hashed:
    """What a file's bytes are now."""

    sha256: str
    size: int


class Enclave:
    """The files below one folder."""

    def __init__(self, root: Path) -> None:
        """Raises `Invalid` when that is no folder that can be read."""
        try:
            self._root = root.resolve(strict=True)
        except (OSError, RuntimeError):
            raise Invalid({"root": f"There is no folder {root}."}) from None
        if not self._root.is_dir():
            raise Invalid({"root": f"{root} is no folder."})

    def location_of(self, file: Path) -> str:
        """The path of a file from the folder on, links resolved; raises `Invalid` for one that is not below it."""
        try:
            real = file.resolve(strict=True)
        except (OSError, RuntimeError):
            raise Invalid({"file": f"There is no file {file}."}) from None
        if not real.is_relative_to(self._root) or real == self._root:
            raise Invalid({"file": f"{file} is not below {self._root}. Nothing was registered of it."})
        return real.relative_to(self._root).as_posix()

    def hashed(self, location: str, moved: Callable[[int], None] = lambda _bytes: None) -> Hashed:
        """Hash the file at a location, piece by piece; `moved` is told the bytes of each.

        Raises `Outside` for a location that leads out, `FileNotFoundError` where nothing is there, `OSError` where it
        cannot be read.
        """
        digest, size = hashlib.sha256(), 0
        with self._opened(self._inside(location)) as file:
            while piece := os.read(file, _PIECE):
                digest.update(piece)
                size += len(piece)
                moved(len(piece))
        return Hashed(digest.hexdigest(), size)

    def _inside(self, location: str) -> tuple[str, ...]:
        """The parts of the real way to a location, all of them below the folder."""
        given = PurePosixPath(location)
        if ".." in given.parts or "\0" in location:
            raise Outside("its location leads upwards")
        try:
            real = (self._root / given).resolve()
        except (OSError, RuntimeError, ValueError):
            raise Outside("its location is a loop of links, or cannot be a path") from None
        if not real.is_relative_to(self._root) or real == self._root:
            kind = "its location is absolute" if given.is_absolute() else "a link on its way leads out"
            raise Outside(f"{kind}, and not below {self._root}")
        return real.relative_to(self._root).parts

    @contextlib.contextmanager
    def _opened(self, parts: tuple[str, ...]) -> Iterator[int]:
        """A descriptor of the file, reached from the folder's own without following a link."""
        folder = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for part in parts[:-1]:
                below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
                os.close(folder)
                folder = below
            # Without waiting: a pipe that nobody writes into must hold up nothing.
            found = os.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        finally:
            os.close(folder)
        try:
            if not stat.S_ISREG(os.fstat(found).st_mode):
                raise Outside("it is no ordinary file")
            yield found
        finally:
            os.close(found)
