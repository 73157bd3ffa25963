"""Bounded reading of a file that is not trusted: what lies outside of it is never asked for. Pure."""

import zlib
from typing import BinaryIO

_SHOWN, _LONGEST = 3, 60
INFLATE_PIECE = 65_536


class Unreadable(Exception):
    """The file is built in a way that cannot be read; what it holds stays unknown."""


class Window:
    """A seekable file of a known size, read at places."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self.size = size

    def at(self, offset: int, length: int) -> bytes:
        """Exactly these bytes; raises `Unreadable` where the file has not so many."""
        data = self.up_to(offset, length)
        if len(data) != length:
            raise Unreadable
        return data

    def up_to(self, offset: int, length: int) -> bytes:
        """These bytes, or as many of them as there are; raises `Unreadable` for a place outside of the file."""
        if offset < 0 or length < 0 or offset > self.size:
            raise Unreadable
        self._file.seek(offset)
        return self._file.read(min(length, self.size - offset))


def inflated(window: Window, offset: int, length: int, most: int, wbits: int) -> bytes:
    """At most `most` bytes of a deflated part, of which at most `length` packed ones are read.

    Raises `Unreadable` for what is not deflated. `wbits` as zlib names it: negative for a bare stream.
    """
    machine = zlib.decompressobj(wbits)
    found, at, end = bytearray(), offset, min(offset + length, window.size)
    try:
        while len(found) < most and at < end and not machine.eof:
            packed = window.up_to(at, min(INFLATE_PIECE, end - at))
            at += len(packed)
            found += machine.decompress(packed, most - len(found))
    except zlib.error:
        raise Unreadable from None
    return bytes(found)


def shown(name: str) -> str:
    """A name from inside of a file, as it may stand in a sentence: printable and short."""
    clean = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in name[: _LONGEST + 1])
    return clean if len(clean) <= _LONGEST else f"{clean[: _LONGEST - 1]}…"


def listed(names: list[str]) -> str:
    """The first few names, and how many more there are."""
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return ", ".join(shown(name) or "(no name)" for name in names[:_SHOWN]) + more


def amount(size: int) -> str:
    """A number of bytes for people."""
    value, unit = float(size), "bytes"
    for unit in ("bytes", "KB", "MB", "GB", "TB"):
        if value < 1_000 or unit == "TB":
            break
        value /= 1_000
    return f"{value:,.0f} {unit}" if unit == "bytes" or value >= 100 else f"{value:.1f} {unit}"
