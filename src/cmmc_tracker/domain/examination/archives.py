"""ZIP archives by their table of contents, nothing unpacked (PKWARE APPNOTE 6.3, sections 4.3 and 4.5). Pure.

What the table says is the archive's own word; whoever unpacks one should trust it no further.
"""

import re
import struct
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from cmmc_tracker.domain.examination.reading import Unreadable, Window, amount, inflated, listed

MOST_ENTRIES = 50_000
MOST_TABLE = 16 * 1_048_576
MANY_ENTRIES = 10_000
_MOST_FIELDS = 32  # of one entry's extra field
_EXTENSION = 12  # signs at a name's end that tell its kind
_BOMB_TOTAL, _BOMB_RATIO = 10 * 1_048_576, 100  # no document of people's shrinks a hundredfold
_HUGE_TOTAL = 4 * 1_073_741_824
_END, _END64, _LOCATOR = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
_RECORD = struct.Struct("<4s4xHH8xIIHHH4xII")
_LOCAL = struct.Struct("<4s22xHH")
_UNIX = frozenset({3, 19})
_ARCHIVES = re.compile(r"\.(?:7z|bz2|cab|gz|iso|jar|lzh|rar|tar|tgz|war|xz|zip|zst)\Z", re.IGNORECASE)
_PROGRAMS = re.compile(
    r"\.(?:apk|app|bat|chm|cmd|com|cpl|dll|docm|dotm|exe|hta|jse?|lnk|ms[ip]|pif|pptm|ps1|scr|vb[es]|wsf|xl[st]m)\Z",
    re.IGNORECASE,
)
_DRIVE = re.compile(r"[A-Za-z]:")


class Entry(NamedTuple):
    """One line of the table of contents."""

    name: str
    encrypted: bool
    method: int
    packed: int
    size: int
    link: bool
    offset: int


@dataclass(frozen=True, slots=True)
class Contents:
    """What the table of contents says; `count` is larger than the entries' number where it was too long to read."""

    entries: tuple[Entry, ...]
    count: int
    shift: int  # bytes before the archive proper: what every offset is short of

    @property
    def whole(self) -> bool:
        """Whether every entry was read."""
        return self.count == len(self.entries)


class _End(NamedTuple):
    entries: int
    length: int
    offset: int
    at: int  # where the table should end


def contents(window: Window) -> Contents:
    """The table of contents; raises `Unreadable` for what is no archive or a broken one."""
    end = _end(window)
    start = end.at - end.length
    shift = start - end.offset
    if shift < 0:
        raise Unreadable
    if end.length > MOST_TABLE or end.entries > MOST_ENTRIES:
        return Contents((), max(end.entries, 1), shift)
    entries = tuple(islice(_entries(window.at(start, end.length)), MOST_ENTRIES + 1))
    # The number that it gives may be a lie; the table itself counts.
    return Contents(entries[:MOST_ENTRIES], len(entries), shift)


def _end(window: Window) -> _End:
    start = max(0, window.size - 65_557)
    tail = window.at(start, window.size - start)
    at = tail.rfind(_END)
    if at < 0 or len(tail) < at + 22:
        raise Unreadable
    count, length, offset = struct.unpack_from("<HII", tail, at + 10)
    if count == 0xFFFF or length == 0xFFFFFFFF or offset == 0xFFFFFFFF:
        large = _large_end(window, start + at)
        if large is not None:
            return large
    return _End(count, length, offset, start + at)


def _large_end(window: Window, at: int) -> _End | None:
    """The end record of an archive with large numbers (4.3.14), where there is one."""
    if at < 76 or window.at(at - 20, 4) != _LOCATOR:
        return None
    place = at - 20 - 56
    record = window.at(place, 56)
    if record[:4] != _END64:
        raise Unreadable
    count, length, offset = struct.unpack_from("<QQQ", record, 32)
    return _End(count, length, offset, place)


def _entries(table: bytes) -> Iterator[Entry]:
    at = 0
    while at < len(table):
        if len(table) < at + 46 or table[at : at + 4] != b"PK\x01\x02":
            raise Unreadable
        _, flags, method, packed, size, named, extra, comment, mode, offset = _RECORD.unpack_from(table, at)
        end = at + 46 + named
        raw, more = table[at + 46 : end], table[end : end + extra]
        if len(raw) != named or len(more) != extra:
            raise Unreadable
        if 0xFFFFFFFF in {packed, size, offset}:
            size, packed, offset = _large(more, size, packed, offset)
        name = raw.decode("utf-8" if flags & 0x800 else "cp437", "replace")
        link = table[at + 5] in _UNIX and (mode >> 16) & 0o170000 == 0o120000
        yield Entry(name, bool(flags & 0x2041), method, packed, size, link, offset)
        at = end + extra + comment


def _large(extra: bytes, *values: int) -> tuple[int, int, int]:
    """Sizes and offset, those that did not fit taken from the extra field (4.5.3)."""
    field = _large_field(extra)
    found = []
    for value in values:
        if value == 0xFFFFFFFF:
            if len(field) < 8:
                raise Unreadable
            value, field = int.from_bytes(field[:8], "little"), field[8:]  # noqa: PLW2901 each in turn
        found.append(value)
    return found[0], found[1], found[2]


def _large_field(extra: bytes) -> bytes:
    """The first field with large numbers among the first few of the extra field; programs write it first."""
    at = 0
    for _ in range(_MOST_FIELDS):
        if at + 4 > len(extra):
            break
        kind, length = struct.unpack_from("<HH", extra, at)
        if kind == 1:
            return extra[at + 4 : at + 4 + length]
        at += 4 + length
    return b""


def part(window: Window, found: Contents, entry: Entry, most: int) -> bytes:
    """The beginning of one entry's content, at most `most` bytes; raises `Unreadable`.

    Hardly more are read of what is packed either: deflated blocks may hold nothing at all, without an end.
    """
    at = entry.offset + found.shift
    signature, named, extra = _LOCAL.unpack(window.at(at, 30))
    if signature != b"PK\x03\x04" or entry.encrypted:
        raise Unreadable
    at += 30 + named + extra
    if entry.method == 0:
        return window.up_to(at, min(entry.packed, most))
    if entry.method != 8:
        raise Unreadable
    return inflated(window, at, min(entry.packed, most + most // 100 + 1_024), most, -zlib.MAX_WBITS)


def findings(window: Window, found: Contents) -> list[str]:
    """What to know before unpacking an archive."""
    if not found.whole:
        return [f"The archive's list of {found.count:,} entries is too long to be examined."]
    return [*size_findings(window, found), *_name_findings(found.entries), *_kind_findings(found.entries)]


def size_findings(window: Window, found: Contents) -> list[str]:
    """Whether it would unpack to far more than it is, or says so of bytes that it has not."""
    said = []
    total = sum(entry.size for entry in found.entries)
    if (total > _BOMB_TOTAL and total > _BOMB_RATIO * window.size) or total > _HUGE_TOTAL:
        times = total // max(window.size, 1)
        said.append(
            f"Unpacked it takes {amount(total)}, {times:,} times its size: this may be a bomb. Do not unpack it "
            "without a limit."
        )
    if sum(entry.packed for entry in found.entries) > window.size:
        said.append("Its entries overlap, or say that they are longer than the file: this may be a bomb.")
    if len(found.entries) > MANY_ENTRIES:
        said.append(f"The archive holds {len(found.entries):,} entries.")
    return said


def _name_findings(entries: tuple[Entry, ...]) -> list[str]:
    said = []
    outside = [e.name for e in entries if _leads_out(e.name)]
    if outside:
        said.append(f"Names in it lead out of the folder that it is unpacked into: {listed(outside)}.")
    folded = [e.name.replace("\\", "/").casefold() for e in entries]
    counts = Counter(folded)
    twins = [e.name for e, name in zip(entries, folded, strict=True) if counts[name] > 1]
    if twins:
        said.append(
            f"Names in it differ only by case, or stand there twice, so that unpacking may lose files: {listed(twins)}."
        )
    return said


def _leads_out(name: str) -> bool:
    path = name.replace("\\", "/")
    return path.startswith("/") or "\0" in name or _DRIVE.match(path) is not None or "/../" in f"/{path}/"


def _ends(entry: Entry, extensions: re.Pattern[str]) -> bool:
    return extensions.search(entry.name[-_EXTENSION:]) is not None


def _kind_findings(entries: tuple[Entry, ...]) -> list[str]:
    files = [entry for entry in entries if not entry.name.endswith("/")]
    kinds = {
        "Entries are encrypted, so nobody without the password can read them": [e.name for e in files if e.encrypted],
        "It holds links, which may lead anywhere when it is unpacked": [e.name for e in entries if e.link],
        "It holds archives of their own, which were not examined": [e.name for e in files if _ends(e, _ARCHIVES)],
        "It holds programs, or documents with programs": [e.name for e in files if _ends(e, _PROGRAMS)],
    }
    return [f"{text}: {listed(names)}." for text, names in kinds.items() if names]
