"""A zip as a list of parts whose places are known before the first byte: so it can be sent from anywhere in it.

The form is that of PKWARE's APPNOTE.TXT 6.3.10: local headers (4.3.7), the central directory (4.3.12), ZIP64 (4.3.14,
4.3.15, 4.5.3), the end (4.3.16). Nothing is compressed, sizes and checksums stand before the contents, names are ASCII.
The same members give the same bytes, whatever library or version there is.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

_MOST_32, _MOST_16 = 0xFFFFFFFF, 0xFFFF
_PLAIN, _ZIP64 = 20, 45  # versions needed to extract: 2.0, and 4.5 for ZIP64
_UNIX = 3 << 8  # the system whose attributes follow
_MODE = 0o100644 << 16  # a plain file that everybody may read


class Member(Protocol):
    """A file of the zip: its path (ASCII, slashes), its bytes, their CRC-32."""

    @property
    def path(self) -> str:
        """Where it lies."""

    @property
    def size(self) -> int:
        """How many bytes it has."""

    @property
    def crc32(self) -> int:
        """Their checksum."""


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of the zip from byte `start`: `own` bytes of the form itself, or the contents of the member."""

    start: int
    size: int
    own: bytes
    member: int | None = None


def laid_out(members: Sequence[Member], at: datetime) -> list[Part]:
    """The parts of a zip of these members in their order, each dated `at`; they lie gapless from byte 0."""
    stamp = _stamp(at)
    parts: list[Part] = []
    offsets = []
    here = 0
    for number, one in enumerate(members):
        head = _local(one, stamp)
        offsets.append(here)
        parts += [Part(here, len(head), head), Part(here + len(head), one.size, b"", number)]
        here += len(head) + one.size
    directory = b"".join(_central(one, stamp, offset) for one, offset in zip(members, offsets, strict=True))
    closing = directory + _end(len(members), len(directory), here)
    return [*parts, Part(here, len(closing), closing)]


def size(parts: Sequence[Part]) -> int:
    """How many bytes the whole zip has."""
    return parts[-1].start + parts[-1].size


def between(parts: Sequence[Part], start: int, stop: int) -> Iterator[tuple[Part, int, int]]:
    """The parts that bytes `start` to `stop` (exclusive) of the zip touch, each with what is wanted of it."""
    for one in parts:
        first, last = max(start - one.start, 0), min(stop - one.start, one.size)
        if first < last:
            yield one, first, last


def _stamp(at: datetime) -> tuple[int, int]:
    """Time and date as MS-DOS kept them (4.4.6): two seconds are the finest."""
    return at.hour << 11 | at.minute << 5 | at.second // 2, (at.year - 1980) << 9 | at.month << 5 | at.day


def _local(one: Member, stamp: tuple[int, int]) -> bytes:
    name = one.path.encode("ascii")
    is_large = one.size >= _MOST_32
    told = _MOST_32 if is_large else one.size
    extra = struct.pack("<HHQQ", 1, 16, one.size, one.size) if is_large else b""
    fields = (_ZIP64 if is_large else _PLAIN, 0, 0, *stamp, one.crc32, told, told, len(name), len(extra))
    return struct.pack("<4s5H3L2H", b"PK\x03\x04", *fields) + name + extra


def _central(one: Member, stamp: tuple[int, int], offset: int) -> bytes:
    name = one.path.encode("ascii")
    large = [one.size, one.size] if one.size >= _MOST_32 else []
    large += [offset] if offset >= _MOST_32 else []
    extra = struct.pack(f"<HH{len(large)}Q", 1, 8 * len(large), *large) if large else b""
    needed = _ZIP64 if large else _PLAIN
    told, place = min(one.size, _MOST_32), min(offset, _MOST_32)
    fields = (_UNIX | needed, needed, 0, 0, *stamp, one.crc32, told, told, len(name), len(extra), 0, 0, 0, _MODE, place)
    return struct.pack("<4s6H3L5H2L", b"PK\x01\x02", *fields) + name + extra


def _end(count: int, length: int, offset: int) -> bytes:
    is_large = count >= _MOST_16 or offset >= _MOST_32 or length >= _MOST_32
    before = b""
    if is_large:
        fields = (44, _UNIX | _ZIP64, _ZIP64, 0, 0, count, count, length, offset)
        before = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", *fields)
        before += struct.pack("<4sLQL", b"PK\x06\x07", 0, offset + length, 1)
    told = min(count, _MOST_16)
    return before + struct.pack(
        "<4s4H2LH", b"PK\x05\x06", 0, 0, told, told, min(length, _MOST_32), min(offset, _MOST_32), 0
    )
