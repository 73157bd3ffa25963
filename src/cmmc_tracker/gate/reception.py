"""The server's door: a body that will be refused is refused by its header, before a byte of it is taken in.

The server takes whole bodies in before the application sees them, so that stalled clients cost no thread. A
stranger could fill the spool with bodies that the gate would refuse; therefore anything larger than a form is
taken only from somebody whose session cookie carries our signature, or whose token is good. The answer goes out at
once; what the sender still pushes is read and thrown away for a while, because closing on unread bytes would reset the
connection and the sender would never see the answer (RFC 9112, 9.6).
"""

import json
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.utilities import Error

FORM_BYTES = 65_536
LINGER_SECONDS = 10.0
LINGER_BYTES = 512 * 1_048_576
_PIECE = 262_144
_HEADER_PIECE = 8_192
_NEVER = 1 << 62
_NO_SPACE = "There is no space left to take this in. Nothing of it was kept; an administrator must free some space."


@dataclass(frozen=True, slots=True)
class House:
    """What the door knows: whom a request's headers sign in, how large a body may be, the headers of every answer."""

    signed_in: Callable[[Mapping[str, str]], bool]
    max_bytes: int
    headers: Mapping[str, str]


class Refusal(Error):  # type: ignore[misc] # the library has no types
    """An answer given at the door, in the form of the application's own."""

    def __init__(self, status: HTTPStatus, message: str, path: str, house: House) -> None:
        super().__init__(message)
        self.code, self.reason = status.value, status.phrase
        self._path, self._house = path, house

    def to_response(self, ident: str | None = None) -> tuple[str, list[tuple[str, str]], bytes]:
        """The status line, headers and body."""
        if self._path.startswith("/api/"):
            problem = {"type": "about:blank", "title": self.reason, "status": self.code, "detail": self.body}
            kind, body = "application/problem+json", json.dumps(problem).encode()
        else:
            kind, body = "text/html; charset=utf-8", _page(self.reason, self.body).encode()
        headers = [("Content-Type", kind), ("Content-Length", str(len(body))), *self._house.headers.items()]
        if self.code == HTTPStatus.UNAUTHORIZED:
            headers.append(("WWW-Authenticate", 'Bearer realm="cmmc-tracker"'))
        return f"{self.code} {self.reason}", headers, body


def _page(title: str, message: str) -> str:
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<title>{title}</title><h1>{title}</h1><p>{message}</p><p><a href="/">Go to the dashboard</a></p></html>'
    )


class Parser(HTTPRequestParser):  # type: ignore[misc]
    """Reads a request; stops at the header when its body will not be taken."""

    house: House
    error: Error | None  # the library gives it a class-level None

    def parse_header(self, header_plus: bytes) -> None:
        """Read the header, then decide about the body."""
        super().parse_header(header_plus)
        if self.error is None:
            self._decide()

    def received(self, data: bytes) -> int:
        """Take bytes in; whatever the library itself refuses is answered in the house's form."""
        try:
            consumed: int = super().received(data)
        except ValueError:  # a length of more digits than a number may have
            self._refuse(HTTPStatus.BAD_REQUEST, "The request cannot be read. Nothing was changed.")
            return len(data)
        except OSError:  # the spool's disk is full
            self.close()
            self._refuse(HTTPStatus.INSUFFICIENT_STORAGE, _NO_SPACE)
            return len(data)
        if self.error is not None and not isinstance(self.error, Refusal):
            message = "The request cannot be read. Nothing was changed."
            if self.error.code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
                message = self._too_large()
            self._refuse(HTTPStatus(self.error.code), message)
        return consumed

    def _decide(self) -> None:
        length = int(self.content_length or 0)
        if length > self.house.max_bytes:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, self._too_large())
        elif (length > FORM_BYTES or self.chunked) and not self.house.signed_in(self.headers):
            self._refuse(HTTPStatus.UNAUTHORIZED, "Please sign in first; nothing of what you sent was taken in.")

    def _too_large(self) -> str:
        limit = self.house.max_bytes // 1_048_576
        return f"This is larger than the tracker takes ({limit} MB for one request). Nothing was kept."

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        self.error = Refusal(status, message, str(getattr(self, "path", "") or "/"), self.house)
        self.completed = True
        self.expect_continue = False
        self.connection_close = True


class Channel(HTTPChannel):  # type: ignore[misc]
    """A connection that lets a refused sender finish, so that the answer arrives."""

    refused = False
    lingering_until = 0.0
    thrown_away = 0

    def __init__(self, server: Any, sock: Any, address: Any, adj: Any, **more: Any) -> None:
        # A thread that waits for a client to read could be held for ever; what is not read waits in a file instead.
        adj.outbuf_high_watermark = _NEVER
        super().__init__(server, sock, address, adj, **more)

    def recv(self, buffer_size: int) -> bytes:
        """Read much of a body at a time, little of headers: many tiny requests in one piece cost the square of it."""
        in_body = self.request is not None and self.request.headers_finished
        data: bytes = super().recv(buffer_size if in_body else _HEADER_PIECE)
        return data

    def received(self, data: bytes) -> bool:
        """Take bytes in; what follows a refusal is dropped."""
        if self.refused:
            return False
        taken: bool = super().received(data)
        self.refused = self.refused or any(isinstance(one.error, Refusal) for one in self.requests)
        return taken

    def service(self) -> None:
        """Answer a request; noted before the answer may close the connection."""
        self.refused = self.refused or any(isinstance(one.error, Refusal) for one in self.requests)
        super().service()

    def readable(self) -> bool:
        """Whether to wait for more bytes."""
        return bool(self.lingering_until) or bool(super().readable())

    def writable(self) -> bool:
        """Whether something is to be sent; after the last answer only the end of the wait is left to come."""
        if self.lingering_until:
            return time.monotonic() > self.lingering_until
        return bool(super().writable())

    def handle_write(self) -> None:
        """Send what is to be sent, or end the wait for a sender who keeps silent."""
        if self.lingering_until:
            super().handle_close()
        else:
            super().handle_write()

    def handle_read(self) -> None:
        """Take bytes in, or throw them away after the last answer."""
        if not self.lingering_until:
            super().handle_read()
            return
        try:
            data = self.socket.recv(_PIECE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self.thrown_away += len(data)
        if not data or time.monotonic() > self.lingering_until or self.thrown_away > LINGER_BYTES:
            super().handle_close()

    def handle_close(self) -> None:
        """Close; after a refusal first only our side, so that the sender reads the answer."""
        if self.refused and not self.lingering_until and self.connected:
            self.lingering_until = time.monotonic() + LINGER_SECONDS
            try:
                self.socket.shutdown(socket.SHUT_WR)
            except OSError:
                super().handle_close()
            return
        super().handle_close()


def channel_for(house: House) -> type[HTTPChannel]:
    """The channel class of a server with that door."""
    parser = type("HouseParser", (Parser,), {"house": house})
    return type("HouseChannel", (Channel,), {"parser_class": parser})
