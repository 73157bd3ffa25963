"""A virus scanner that uploads are shown to, where an administrator of the machine named one (`CLAMD_URL`).

The client speaks two commands of ClamAV's daemon (clamd(8)): `PING`, and `INSTREAM`, the file in pieces that each
carry their length, an empty one at the end, and one answer. Every wait is bounded: by the socket for one step, by the
clock for the whole. Its address comes from the environment only.
"""

import contextlib
import re
import select
import socket
import struct
import time
from dataclasses import dataclass
from typing import BinaryIO, Protocol
from urllib.parse import urlsplit

from cmmc_tracker.errors import Busy

_PIECE = 65_536
_LONGEST_ANSWER = 4_096
_ANSWER = re.compile(
    rb"stream: (?:(OK)|(.{1,1000}) FOUND|(.{1,1000}) ERROR)|(INSTREAM size limit exceeded\.) ERROR", re.DOTALL
)
_AWAY = (
    "The virus scanner cannot be asked just now. Nothing was kept of this file; try again in a few minutes, and tell "
    "your administrator if it happens again."
)
_TOO_LONG = "it is longer than the virus scanner takes (an administrator can raise StreamMaxLength in clamd.conf)"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a scanner says: `found` names what was found, `unscanned` says why it did not look; both empty: clean."""

    found: str = ""
    unscanned: str = ""


class Scanner(Protocol):
    """Looks at contents."""

    def scan(self, file: BinaryIO) -> Verdict:
        """What is in a file, read from its beginning; raises `Busy` when the scanner cannot be asked."""

    def ping(self) -> None:
        """Raise `Busy` when the scanner cannot be asked."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the scanner may take, in seconds: to answer the door, for one step, for one file in all."""

    connect: float = 3.0
    step: float = 20.0
    whole: float = 90.0


class Clamd:
    """ClamAV's daemon at `unix:///path` or `tcp://host:port`. No connection outlives a scan."""

    def __init__(self, url: str, patience: Patience | None = None) -> None:
        self._where = urlsplit(url)
        self._patience = patience or Patience()

    def scan(self, file: BinaryIO) -> Verdict:
        """What clamd says of a file.

        Raises `Busy` when it cannot be reached, takes too long, breaks off, or answers what cannot be understood.
        """
        file.seek(0)
        try:
            with self._connected() as connection:
                return _understood(_Talk(connection, self._patience).asked(file))
        except OSError as error:
            raise Busy(_AWAY) from error

    def ping(self) -> None:
        """Raise `Busy` when clamd cannot be reached, or is something else."""
        try:
            with self._connected() as connection:
                answer = _Talk(connection, self._patience).said(b"zPING\0")
        except OSError as error:
            raise Busy(f"The virus scanner does not answer: {error.strerror or 'it took too long'}.") from error
        if answer != b"PONG":
            raise Busy("The virus scanner does not answer as ClamAV does.")

    def _connected(self) -> socket.socket:
        if self._where.scheme == "tcp":
            place = (self._where.hostname or "", self._where.port or 0)
            return socket.create_connection(place, self._patience.connect)
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(self._patience.connect)
            connection.connect(self._where.path)
        except BaseException:
            connection.close()
            raise
        return connection


class _Talk:
    """One conversation, which ends at a fixed time."""

    def __init__(self, connection: socket.socket, patience: Patience) -> None:
        self._connection, self._step = connection, patience.step
        self._deadline = time.monotonic() + patience.whole

    def said(self, command: bytes) -> bytes:
        """The answer to a command without a file."""
        self._send(command)
        return self._answer()

    def asked(self, file: BinaryIO) -> bytes:
        """The answer to a file."""
        # A daemon that has heard enough answers and hangs up while more is sent; its answer is still to be read.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._send(b"zINSTREAM\0")
            while (piece := file.read(_PIECE)) and not self._answers():
                self._send(struct.pack(">I", len(piece)) + piece)
            self._send(struct.pack(">I", 0))
        return self._answer()

    def _answers(self) -> bool:
        poll = select.poll()  # select() ends at descriptor 1,024
        poll.register(self._connection, select.POLLIN)
        return bool(poll.poll(0))

    def _send(self, data: bytes) -> None:
        self._wait()
        self._connection.sendall(data)

    def _answer(self) -> bytes:
        found = b""
        while b"\0" not in found and len(found) <= _LONGEST_ANSWER:
            self._wait()
            more = self._connection.recv(_LONGEST_ANSWER)
            if not more:
                break
            found += more
        return found.partition(b"\0")[0]

    def _wait(self) -> None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(min(self._step, left))


def _understood(answer: bytes) -> Verdict:
    match = _ANSWER.fullmatch(answer.strip())
    if match is None:
        raise Busy(_AWAY)
    clean, found, failed, too_long = match.groups()
    if clean:
        return Verdict()
    if found:
        return Verdict(found=_printable(found))
    return Verdict(unscanned=_TOO_LONG if too_long else f"the virus scanner could not read it ({_printable(failed)})")


def _printable(text: bytes) -> str:
    """A name from the scanner as it may stand in a sentence and in a log."""
    return re.sub(r"[^ -~]", "?", text.decode("ascii", "replace"))[:120].strip() or "without a name"
