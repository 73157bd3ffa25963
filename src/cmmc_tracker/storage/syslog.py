"""Syslog's ways: messages over TCP, TLS, UDP or a socket of this machine, or appended to a file.

TCP and TLS frame each message by its octets (RFC 6587, 3.4.1; RFC 5425, 4.3), so that nothing in a message can begin
another. Syslog has no acknowledgement. What comes nearest is asked for: after each batch our side is closed, and the
batch counts as taken only when the receiver closes in turn without a reset, or has taken every octet off the line.
"""

import errno
import fcntl
import os
import socket
import ssl
import struct
import termios
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import parse_qs, unquote, urlsplit

TIMEOUT = 10.0  # seconds for a connection, and for each write to be taken
CLOSING = 5.0  # seconds for the receiver to close in turn
FRAMED_MOST = 8_192  # octets of a message: the usual bound of receivers
DATAGRAM_MOST = 2_048  # what every receiver should take (RFC 5426, 3.2)
_LIKE = (
    "it must be like tls://siem.example.com:6514, tcp://…, udp://…, unix:///dev/log or file:///var/log/cmmc-audit.log"
)


class Receiver(Protocol):
    """Takes messages."""

    @property
    def most(self) -> int:
        """The most octets of a message."""

    def send(self, messages: Sequence[str]) -> None:
        """Send them in order; raises `OSError` when they were not all taken, as far as that can be known."""


def receiver(address: str) -> Receiver:
    """The receiver of an address; raises `ValueError` with what is wrong with it."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        raise ValueError(_LIKE) from None
    options = parse_qs(parts.query, keep_blank_values=True)
    extra = parts.username is not None or parts.fragment or set(options) - ({"ca"} if parts.scheme == "tls" else set())
    if extra or not address.isprintable():
        raise ValueError(_LIKE)
    if parts.scheme in {"unix", "file"} and parts.path.startswith("/") and not parts.netloc:
        return Local(unquote(parts.path)) if parts.scheme == "unix" else File(unquote(parts.path))
    if parts.scheme not in {"tcp", "tls", "udp"} or not parts.hostname or not port or parts.path.strip("/"):
        raise ValueError(_LIKE)
    if parts.scheme == "udp":
        return Datagrams(parts.hostname, port)
    return Stream(parts.hostname, port, encrypted=parts.scheme == "tls", authority=options.get("ca", [""])[0])


@dataclass(frozen=True, slots=True)
class Stream:
    """A receiver by TCP, or by TLS with a certificate that is checked: by the system's authorities, or by that file."""

    host: str
    port: int
    encrypted: bool
    authority: str = ""
    most: int = FRAMED_MOST

    def send(self, messages: Sequence[str]) -> None:
        """One connection for a batch; see the module for what counts as taken."""
        with self._connected() as connection:
            connection.sendall(b"".join(_framed(one) for one in messages))
            _confirm(connection)

    @contextmanager
    def _connected(self) -> Iterator[socket.socket]:
        with socket.create_connection((self.host, self.port), timeout=TIMEOUT) as plain:
            if not self.encrypted:
                yield plain
                return
            context = ssl.create_default_context(cafile=self.authority or None)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            with context.wrap_socket(plain, server_hostname=self.host) as encrypted:
                yield encrypted


def _framed(message: str) -> bytes:
    octets = message.encode()
    return b"%d %s" % (len(octets), octets)


def _confirm(connection: socket.socket) -> None:
    """Close our side and wait for the other's; raises `OSError` for a reset, or for octets still on their way."""
    connection.settimeout(CLOSING)
    if isinstance(connection, ssl.SSLSocket):
        # An end without TLS's own goodbye still is an end: many receivers close so. A reset is no such end.
        with suppress(ssl.SSLError):
            connection.unwrap()
        return
    connection.shutdown(socket.SHUT_WR)
    try:
        while connection.recv(4_096):
            pass
    except TimeoutError:
        left = struct.unpack("i", fcntl.ioctl(connection, termios.TIOCOUTQ, b"\0" * 4))[0]
        if left:
            raise TimeoutError(f"{left} octets were not taken") from None


@dataclass(frozen=True, slots=True)
class Datagrams:
    """A receiver by UDP (RFC 5426): whether one is there is not known, nor what is lost."""

    host: str
    port: int
    most: int = DATAGRAM_MOST

    def send(self, messages: Sequence[str]) -> None:
        """One datagram a message."""
        kind, _, _, _, address = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_DGRAM)[0]
        with socket.socket(kind, socket.SOCK_DGRAM) as sender:
            sender.settimeout(TIMEOUT)
            sender.connect(address)
            for one in messages:
                sender.send(one.encode())


@dataclass(frozen=True, slots=True)
class Local:
    """A socket of this machine, such as `/dev/log`: datagrams, or a stream where it is one."""

    path: str
    most: int = DATAGRAM_MOST

    def send(self, messages: Sequence[str]) -> None:
        """One datagram a message; into a stream each by its octets."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.settimeout(TIMEOUT)
                sender.connect(self.path)
                for one in messages:
                    sender.send(one.encode())
        except OSError as error:
            if error.errno != errno.EPROTOTYPE:
                raise
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stream:
                stream.settimeout(TIMEOUT)
                stream.connect(self.path)
                stream.sendall(b"".join(_framed(one) for one in messages))
                _confirm(stream)


@dataclass(frozen=True, slots=True)
class File:
    """A file that a collector reads: one message a line, on the disk before it counts as taken."""

    path: str
    most: int = FRAMED_MOST

    def send(self, messages: Sequence[str]) -> None:
        """Append them; a line that a crash cut short is ended first. A new file is its owner's alone."""
        file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            size = os.fstat(file).st_size
            cut = size and os.pread(file, 1, size - 1) != b"\n"
            text = ("\n" if cut else "") + "".join(f"{one}\n" for one in messages)
            left = memoryview(text.encode())
            while left:
                left = left[os.write(file, left) :]
            os.fsync(file)
        finally:
            os.close(file)
