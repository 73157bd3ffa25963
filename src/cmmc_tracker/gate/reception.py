"""The server's door: a body that will be refused is refused by its header, before a byte of it is taken in.

The server takes whole bodies in before the application sees them, so that stalled clients cost no thread. A
stranger could fill the spool with bodies that the gate would refuse; therefore anything larger than a form is
taken only from somebody whose session lives, or whose token is good, and whose header does not say already that the
gate will refuse it; one person has only so many of them under way, and each must keep a pace. The answer goes out at
once; what the sender still pushes is read and thrown away for a while, because closing on unread bytes would reset the
connection and the sender would never see the answer (RFC 9112, 9.6).

Where a request's end could be read in two ways it is refused: a proxy in front may read it in the other one (RFC 9112,
11.2).
"""

import json
import logging
import re
import secrets
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.task import ErrorTask
from waitress.utilities import Error

from cmmc_tracker.errors import TooLarge, TooMany, TrackerError
from cmmc_tracker.gate.doors import loggable
from cmmc_tracker.gate.guests import Guest, Places
from cmmc_tracker.gate.logs import HEADER as REQUEST_ID
from cmmc_tracker.gate.problems import STATUS

log = logging.getLogger("cmmc_tracker")

FORM_BYTES = 65_536
# The pace of a large body, over the whole of its life: 80 kbit/s, less than any line gives that somebody would send a
# file on, and 100 MB have nearly three hours. The first seconds are free, so that a line may begin with a pause.
FREE_SECONDS = 30.0
LEAST_PER_SECOND = 10_000
LINGER_SECONDS = 10.0
LINGER_BYTES = 512 * 1_048_576
_PIECE = 262_144
_HEADER_PIECE = 8_192
_LONGEST_LINE = 1_024  # of a chunk's size with its extensions
_LONGEST_TRAILER = 8_192
_NEVER = 1 << 62
_VERSIONS = frozenset({"", "1.0", "1.1"})
_CODING = re.compile(rb"^transfer-encoding:[ \t]*([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
_UNREADABLE = "The request cannot be read. Nothing was changed."
_BROKEN = "Something went wrong on our side, and what you sent was not saved. Try again."
_TOO_SLOW = "This came in too slowly, so nothing of it was kept. Send it again on a better line, or in smaller parts."
_NO_SPACE = "There is no space left to take this in. Nothing of it was kept; an administrator must free some space."


@dataclass(frozen=True, slots=True)
class House:
    """What the door knows: whose a large body is, the most of any, the headers of every answer.

    `admitted` is asked with the method, the path and the headers; it raises why the body is not taken in.
    """

    admitted: Callable[[str, str, Mapping[str, str]], Guest]
    max_bytes: int
    headers: Mapping[str, str]
    noted: Callable[[str, int], None] = lambda _method, _status: None  # counts what was refused here


class Refusal(Error):  # type: ignore[misc] # the library has no types
    """An answer given at the door, in the form of the application's own."""

    def __init__(
        self, status: HTTPStatus, message: str, asked: tuple[str, str], house: House, retry_after: int = 0
    ) -> None:
        super().__init__(message)
        method, path = asked
        self._retry_after = retry_after
        self.code, self.reason = status.value, status.phrase
        self._path, self._house = path, house
        self._reference = secrets.token_hex(4)
        level = logging.ERROR if status == HTTPStatus.INTERNAL_SERVER_ERROR else logging.INFO
        fields = {"method": method[:20], "endpoint": "", "path": loggable(path), "status": status.value}
        said = (status, fields["method"], fields["path"], self._reference)
        more = {"fields": fields, "request_id": self._reference}
        log.log(level, "%d for %a %a at the door, reference %s", *said, extra=more)
        house.noted(method, status.value)

    def to_response(self, ident: str | None = None) -> tuple[str, list[tuple[str, str]], bytes]:
        """The status line, headers and body."""
        if self._path.startswith("/api/"):
            about = {"type": "about:blank", "title": self.reason, "status": self.code, "detail": self.body}
            kind, body = "application/problem+json", json.dumps({**about, "reference": self._reference}).encode()
        else:
            kind, body = "text/html; charset=utf-8", _page(self.reason, self.body, self._reference).encode()
        headers = [("Content-Type", kind), ("Content-Length", str(len(body))), *self._house.headers.items()]
        headers.append((REQUEST_ID, self._reference))
        if self.code == HTTPStatus.UNAUTHORIZED:
            headers.append(("WWW-Authenticate", 'Bearer realm="cmmc-tracker"'))
        if self._retry_after:
            headers.append(("Retry-After", str(self._retry_after)))
        return f"{self.code} {self.reason}", headers, body


def _page(title: str, message: str, reference: str) -> str:
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<title>{title}</title><h1>{title}</h1><p>{message}</p><p><a href="/">Go to the dashboard</a></p>'
        f"<p>Reference <code>{reference}</code></p></html>"
    )


class Parser(HTTPRequestParser):  # type: ignore[misc]
    """Reads a request; stops at the header when its body will not be taken."""

    house: House
    places: Places
    most: int  # bytes of this body
    error: Error | None  # the library gives it a class-level None
    owner: str | None = None  # whose place it holds
    began = 0.0  # when its large body began

    def parse_header(self, header_plus: bytes) -> None:
        """Read the header, then decide about the body."""
        super().parse_header(header_plus)
        if self.body_rcv is None:
            self.expect_continue = False  # the library would wait for a body that never comes
        if self.version not in _VERSIONS:
            self._refuse(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "Only HTTP/1.0 and HTTP/1.1 are spoken here.")
        elif not (self._has_one_end(header_plus) and self._has_one_target()):
            self._refuse(HTTPStatus.BAD_REQUEST, _UNREADABLE)
        elif self.error is None:
            self._decide()

    def _has_one_end(self, header_plus: bytes) -> bool:
        """Whether everybody who reads the header finds the same end of the body (RFC 9112, 6.1 and 6.3)."""
        codings = [coding.strip(b" \t").lower() for coding in _CODING.findall(header_plus)]
        clear = codings == [b"chunked"] and self.version == "1.1" and "CONTENT_LENGTH" not in self.headers
        return not codings or clear

    def _has_one_target(self) -> bool:
        """Whether the request names one host and a path of it (RFC 9112, 3.2)."""
        host = self.headers.get("HOST")
        if host is None and self.version == "1.1":
            return False
        path: str = self.path or ("/" if self.proxy_netloc else "")
        return path.startswith("/") and self.proxy_netloc in {"", host}

    def received(self, data: bytes) -> int:
        """Take bytes in; whatever the library itself refuses is answered in the house's form."""
        try:
            consumed: int = super().received(data)
        except ValueError:  # a length of more digits than a number may have, an address that is none
            self._refuse(HTTPStatus.BAD_REQUEST, _UNREADABLE)
            return len(data)
        except OSError:  # the spool's disk is full
            self.close()
            self._refuse(HTTPStatus.INSUFFICIENT_STORAGE, _NO_SPACE)
            return len(data)
        if self.error is not None and not isinstance(self.error, Refusal):
            large = self.error.code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            self._refuse(HTTPStatus(self.error.code), self._too_large() if large else _UNREADABLE)
        elif not self.completed:
            self._watch_lines()
            self._watch_pace()
        return consumed

    def _watch_lines(self) -> None:
        """Refuse lines that never end: the library would search them from the start with each piece."""
        if self.body_rcv is None:
            if b"\n\n" in self.header_plus:
                self._refuse(HTTPStatus.BAD_REQUEST, _UNREADABLE)
        elif self.chunked:
            chunks = self.body_rcv
            if len(chunks.control_line) > _LONGEST_LINE or len(chunks.trailer) > _LONGEST_TRAILER:
                self._refuse(HTTPStatus.BAD_REQUEST, _UNREADABLE)
            elif max(chunks.chunk_remainder, self.body_bytes_received) > self.most:
                self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, self._too_large())

    def _watch_pace(self) -> None:
        """Refuse a large body that dribbles: it would hold its place and its file for ever."""
        lived = time.monotonic() - self.began
        slow = lived > FREE_SECONDS and self.body_bytes_received < lived * LEAST_PER_SECOND
        if slow and self.owner is not None and not self.completed:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, _TOO_SLOW)

    def _decide(self) -> None:
        length = int(self.content_length or 0)
        try:
            if length > self.house.max_bytes:
                raise TooLarge(self._too_large())
            if length > FORM_BYTES or self.chunked:
                self._admit(length)
        except TrackerError as error:
            wait = error.retry_after if isinstance(error, TooMany) else 0
            self._refuse(HTTPStatus(STATUS[type(error)]), error.message, wait)

    def _admit(self, length: int) -> None:
        """Take in a large body of somebody who may send it here, in one of the person's places."""
        guest = self.house.admitted(self.command, self.path, self.headers)
        self.most = guest.most
        if length > self.most:
            raise TooLarge(self._too_large())
        self.places.take(guest)
        self.owner, self.began = guest.owner, time.monotonic()

    def close(self) -> None:
        """Let go of the body and of its place: the request is answered, or its connection gone."""
        super().close()
        owner, self.owner = self.owner, None
        if owner is not None:
            self.places.leave(owner)

    def _too_large(self) -> str:
        limit = self.most // 1_048_576
        return f"This is larger than the tracker takes ({limit} MB for one request). Nothing was kept."

    def _refuse(self, status: HTTPStatus, message: str, retry_after: int = 0) -> None:
        asked = (str(getattr(self, "command", "") or "-"), str(getattr(self, "path", "") or "/"))
        self.error = Refusal(status, message, asked, self.house, retry_after)
        self.completed = True
        self.expect_continue = False
        self.connection_close = True


class _Answer(ErrorTask):  # type: ignore[misc]
    """An answer to a failure, in the house's form also where the application itself could not give one."""

    def execute(self) -> None:
        """Answer."""
        error = self.request.error
        if not isinstance(error, Refusal):
            asked = self.channel.requests[0]
            named = (str(getattr(asked, "command", "-")), str(getattr(asked, "path", "/")))
            self.request.error = Refusal(HTTPStatus(error.code), _BROKEN, named, self.request.house)
        super().execute()


class Channel(HTTPChannel):  # type: ignore[misc]
    """A connection that lets a refused sender finish, so that the answer arrives."""

    error_task_class = _Answer
    refused = False
    lingering_until = 0.0
    thrown_away = 0
    last_activity: float  # the library has no types
    request: Any
    begun = 0.0  # when the header or form that is coming in began; 0 for none

    def __init__(self, server: Any, sock: Any, address: Any, adj: Any, **more: Any) -> None:
        # A thread that waits for a client to read could be held for ever; what is not read waits in a file instead.
        adj.outbuf_high_watermark = _NEVER
        super().__init__(server, sock, address, adj, **more)

    def recv(self, buffer_size: int) -> bytes:
        """Read much of a body at a time, little else: many tiny parts in one piece cost the square of it."""
        data: bytes = super().recv(min(buffer_size, self._piece()))
        return data

    def _piece(self) -> int:
        request = self.request
        if request is None or request.body_rcv is None or request.chunked:
            return _HEADER_PIECE
        return max(_HEADER_PIECE, int(request.body_rcv.remain))

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
            self._let_go()
        else:
            super().handle_write()

    def handle_read(self) -> None:
        """Take bytes in, or throw them away after the last answer."""
        if not self.lingering_until:
            super().handle_read()
            self._hold_to_time()
            return
        try:
            data = self.socket.recv(_PIECE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self.thrown_away += len(data)
        if not data or time.monotonic() > self.lingering_until or self.thrown_away > LINGER_BYTES:
            self._let_go()

    def is_busy(self) -> bool:
        """Whether something is owed: an answer under way, or a large body that comes in and will get one."""
        comes_in = self.request is not None and self.request.owner is not None
        return bool(self.requests) or bool(self.total_outbufs_len) or comes_in

    def _let_go(self) -> None:
        """Close the connection, and what has come of a body: its file is gone at once, not when it is found unused."""
        request, self.request = self.request, None
        if request is not None:
            request.close()
        super().handle_close()

    def _hold_to_time(self) -> None:
        """Give a header, or a form, one timeout for the whole of it: who sends it byte by byte is let go."""
        request = self.request
        if request is None or (request.headers_finished and (request.chunked or request.content_length > FORM_BYTES)):
            self.begun = 0.0
        else:
            self.begun = self.last_activity = self.begun or self.last_activity

    def handle_close(self) -> None:
        """Close; after a refusal first only our side, so that the sender reads the answer."""
        if self.refused and not self.lingering_until and self.connected:
            self.lingering_until = time.monotonic() + LINGER_SECONDS
            try:
                self.socket.shutdown(socket.SHUT_WR)
            except OSError:
                self._let_go()
            return
        self._let_go()


def channel_for(house: House) -> type[HTTPChannel]:
    """The channel class of a server with that door."""
    parser = type("HouseParser", (Parser,), {"house": house, "places": Places(), "most": house.max_bytes})
    return type("HouseChannel", (Channel,), {"parser_class": parser})
