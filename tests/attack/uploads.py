"""Uploads whose bodies come as a test wants them, and what is left of them in the store."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from werkzeug.test import TestResponse

from tests.conftest import Person

SECRET = b"what nobody else may read"


def left(folder: Path) -> list[str]:
    """Every file of the store, temporary ones and slots too."""
    return sorted(p.name for p in (folder / "uploads").rglob("*") if p.is_file() and p.name != ".gate")


def under_way(folder: Path) -> list[str]:
    return sorted(p.name for p in (folder / "uploads" / ".incoming").iterdir() if p.name != ".gate")


def body_of(name: str, content: bytes, end: bytes = b"\r\n--b--\r\n") -> bytes:
    return (
        b'--b\r\nContent-Disposition: form-data; name="title"\r\n\r\nt\r\n'
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n\r\n%s%s' % (name.encode(), content, end)
    )


def sent(person: Person, stream: Any, length: int | None) -> TestResponse:
    """An upload whose body comes from a stream."""
    environ: dict[str, Any] = {"wsgi.input": stream, "CONTENT_TYPE": "multipart/form-data; boundary=b"}
    environ |= {"CONTENT_LENGTH": str(length)} if length is not None else {"wsgi.input_terminated": True}
    headers = {"X-CSRF-Token": person.token}
    return person.client.post("/api/v1/artifacts", headers=headers, environ_overrides=environ)


class Watched(io.RawIOBase):
    """A body that calls back once, when a part of it was read, then goes on."""

    def __init__(self, body: bytes, midway: Callable[[], None]) -> None:
        super().__init__()
        self._body, self._midway, self._calls = io.BytesIO(body), midway, 0
        self.taken = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._calls += 1
        if self._calls == 3:
            self._midway()
        piece = self._body.read(min(len(buffer), 70_000))
        buffer[: len(piece)] = piece
        self.taken += len(piece)
        return len(piece)
