"""A virus scanner that uploads are shown to, where an administrator of the machine named one (`CLAMD_URL`)."""

from typing import BinaryIO, Protocol


class Scanner(Protocol):
    """Looks at contents."""

    def scan(self, file: BinaryIO) -> str:
        """The name of what was found in the file, or empty when nothing was; raises `Busy` when it cannot be asked."""
