"""Pictures: where a camera wrote the place into them, and how to take that out without touching the picture. Pure.

JPEG is walked by its segments (ITU T.81, annex B), PNG by its chunks, WebP by its RIFF chunks. Taking out gives the
stretches of the file to keep, in order, and the few bytes that replace what is left out: the picture's own data is
copied as it is.
"""

import re
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from cmmc_tracker.domain.examination.reading import Unreadable, Window

KINDS = frozenset({"image/jpeg", "image/png", "image/webp"})
_MOST_PARTS = 100_000
_LONGEST_FILL, _MOST_FILL = 1_024, 65_536  # bytes before one marker of a JPEG, and in all of it
_MOST_BLOCKS = 16  # EXIF blocks that are asked for the direction; a camera writes one
_MOST_DESCRIBED = {"image/jpeg": 1_600, "image/png": 64, "image/webp": 64}
_MOST_FACTS = 512  # entries of one EXIF directory; cameras write some fifty
_MOST_DATA = 1_048_576  # bytes that are read of one part with data about the picture
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_EXIF, _XMP, _XMP_MORE = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0"
_PLACE_TAGS = frozenset({1, 2, 3, 4, 5, 6, 19, 20, 21, 22, 27, 28})
_PROFILES = re.compile(rb"XML:com\.adobe\.xmp\0|Raw profile type |exif:|[^\0]*gps", re.IGNORECASE)
_TEXTS = frozenset({b"tEXt", b"zTXt", b"iTXt"})
LOCATION = (
    "The picture says where it was taken (GPS data): whoever may see it can read the place. It can be uploaded again "
    "with the location taken out."
)
BEHIND = "Something stands behind the end of the picture, so that other programs may take it for another kind."


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a picture's file: what it is, where it begins and ends, and where its content begins and ends."""

    tag: bytes
    start: int
    end: int
    begins: int
    ends: int


@dataclass(frozen=True, slots=True)
class Exif:
    """What EXIF says that matters here."""

    located: bool = False
    orientation: int = 1


Stretch = tuple[int, int] | bytes


def findings(window: Window, media_type: str) -> list[str]:
    """What to know of a picture before showing it to others."""
    if media_type not in KINDS:
        return []
    said = []
    parts = list(_parts(window, media_type, whole=False))
    described = [part for part in parts if _describes(window, part)]
    if len(described) > _MOST_DESCRIBED[media_type]:
        raise Unreadable
    if any(_located(window, part) for part in described):
        said.append(LOCATION)
    if media_type != "image/jpeg" and parts[-1].end < window.size:
        said.append(BEHIND)
    return said


def _parts(window: Window, media_type: str, *, whole: bool) -> Iterator[Part]:
    """The parts in order; of a JPEG those behind the beginning of its first scan only where the whole is wanted."""
    if media_type == "image/jpeg":
        walk = _jpeg(window, whole=whole)
    else:
        walk = _png(window) if media_type == "image/png" else _webp(window)
    for number, part in enumerate(walk):
        if number > _MOST_PARTS:
            raise Unreadable
        yield part


def _jpeg(window: Window, *, whole: bool) -> Iterator[Part]:
    if window.at(0, 2) != b"\xff\xd8":
        raise Unreadable
    yield Part(b"\xd8", 0, 2, 2, 2)
    at, fill = 2, _MOST_FILL
    while True:
        start = at
        at = _behind_fill(window, start)
        fill -= at - start
        two = window.at(at, 2)
        if fill < 0 or two[0] != 0xFF:
            raise Unreadable
        if two[1] == 0xD9:
            yield Part(b"\xd9", start, at + 2, at + 2, at + 2)
            return
        end = at + 2 + max(2, int.from_bytes(window.at(at + 2, 2)))
        if end > window.size:
            raise Unreadable
        if two[1] == 0xDA:
            if not whole:
                return
            end = _after_scan(window, end)
        yield Part(two[1:], start, end, at + 4, end)
        at = end


def _behind_fill(window: Window, at: int) -> int:
    """Where a marker stands behind the 0xFF bytes that may fill up the place before it (B.1.1.2)."""
    if window.at(at, 2) != b"\xff\xff":
        return at
    filled = window.up_to(at, _LONGEST_FILL + 2)
    length = len(filled) - len(filled.lstrip(b"\xff")) - 1
    if length > _LONGEST_FILL:
        raise Unreadable
    return at + length


def _after_scan(window: Window, at: int) -> int:
    """Where the next marker stands; in a scan's data a 0xFF is followed by zero or a restart's number."""
    piece = 2_048  # a file of many tiny scans should not be read a thousand times over
    while len(data := window.up_to(at, piece)) > 1:
        if found := _MARKER.search(data):
            return at + found.start()
        at += len(data) - 1
        piece = min(4 * piece, 1_048_576)
    raise Unreadable


def _png(window: Window) -> Iterator[Part]:
    if window.at(0, 8) != b"\x89PNG\r\n\x1a\n":
        raise Unreadable
    yield Part(b"", 0, 8, 8, 8)
    at, tag = 8, b""
    while tag != b"IEND":
        length, tag = struct.unpack(">I4s", window.at(at, 8))
        if at + length + 12 > window.size:
            raise Unreadable
        yield Part(tag, at, at + length + 12, at + 8, at + 8 + length)
        at += length + 12


def _webp(window: Window) -> Iterator[Part]:
    head = window.at(0, 12)
    end = min(window.size, int.from_bytes(head[4:8], "little") + 8)
    if head[:4] != b"RIFF" or head[8:] != b"WEBP":
        raise Unreadable
    yield Part(b"", 0, 12, 12, 12)
    at = 12
    while at < end:
        tag, length = struct.unpack("<4sI", window.at(at, 8))
        after = at + 8 + length + length % 2
        if at + 8 + length > window.size:
            raise Unreadable
        yield Part(tag, at, min(after, window.size), at + 8, at + 8 + length)
        at = after


def _describes(window: Window, part: Part) -> bool:
    """Whether a part holds data about the picture that may name a place."""
    if part.tag in {b"\xe1", b"eXIf", b"EXIF", b"XMP "}:
        return True
    return part.tag in _TEXTS and _PROFILES.match(window.up_to(part.begins, 100)) is not None


def _located(window: Window, part: Part) -> bool:
    data = window.up_to(part.begins, min(part.ends - part.begins, _MOST_DATA))
    if part.tag in {b"eXIf", b"EXIF"} or data.startswith(_EXIF):
        return exif_of(data).located
    if part.tag in _TEXTS:
        text = _unpacked(part.tag, data)
        return b"gps" in text.lower() or exif_of(_profile(text)).located
    return b"GPSL" in data


def _unpacked(tag: bytes, data: bytes) -> bytes:
    """A text chunk's keyword and text (PNG 1.2, 4.2.3), unpacked where it is packed and can be."""
    start = data.find(b"\0") + 2
    if tag == b"iTXt" and data[start - 1 : start] == b"\1":
        start = data.find(b"\0", data.find(b"\0", start + 1) + 1) + 1  # behind language and translated keyword
    elif tag != b"zTXt":
        return data
    try:
        return data[:start] + zlib.decompressobj().decompress(data[start:], _MOST_DATA)
    except zlib.error:
        return data


def _profile(text: bytes) -> bytes:
    """The EXIF block that older programs wrote into a text as hexadecimal digits, or nothing."""
    try:
        return bytes.fromhex(text.split(b"\n", 3)[3].decode("ascii"))
    except (IndexError, ValueError):
        return b""


def exif_of(data: bytes) -> Exif:
    """What an EXIF block says (TIFF 6.0, section 2); nothing where it cannot be read."""
    data = data.removeprefix(_EXIF)
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])
    if order is None:
        return Exif()
    try:
        (first,) = struct.unpack_from(f"{order}I", data, 4)
        main = dict(_directory(data, order, first))
        place = dict(_directory(data, order, _long(order, main[0x8825]))) if 0x8825 in main else {}
    except struct.error:
        return Exif()
    turned = struct.unpack(f"{order}H", main[0x0112][:2])[0] if 0x0112 in main else 1
    return Exif(bool(_PLACE_TAGS & place.keys()), turned if turned in range(1, 9) else 1)


def _directory(data: bytes, order: str, at: int) -> Iterator[tuple[int, bytes]]:
    (count,) = struct.unpack_from(f"{order}H", data, at)
    for number in range(min(count, _MOST_FACTS)):
        tag, value = struct.unpack_from(f"{order}H6x4s", data, at + 2 + 12 * number)
        yield tag, value


def _long(order: str, value: bytes) -> int:
    return int(struct.unpack(f"{order}I", value)[0])


def without_location(window: Window, media_type: str) -> list[Stretch] | None:
    """The file without what may name a place: stretches to keep (start, end) and bytes in between, in order.

    None when there is nothing to take out. The picture's data stays as it is, and so does the direction in which it
    is shown. Raises `Unreadable` for a picture whose parts cannot be told apart.
    """
    if media_type not in KINDS:
        return None
    parts = list(_parts(window, media_type, whole=True))
    left_out = {part: None for part in parts if _left_out(window, part)}
    end = max(part.end for part in parts)
    if not left_out and end == window.size:
        return None
    kept = [part for part in parts if part not in left_out]
    turned = _orientation(window, left_out)
    if media_type == "image/webp":
        return _webp_again(window, kept, turned)
    return _again(kept, turned, media_type)


def _left_out(window: Window, part: Part) -> bool:
    """JPEG keeps only the application segments that its colours rest on; all others describe, and may name a place."""
    if len(part.tag) == 1 and 0xE0 <= part.tag[0] <= 0xEF:
        beginning = window.up_to(part.begins, min(12, part.ends - part.begins))
        kept = part.tag in {b"\xe0", b"\xee"} or (part.tag == b"\xe2" and beginning.startswith(b"ICC_PROFILE"))
        return not kept
    return _describes(window, part)


def _orientation(window: Window, parts: Iterable[Part]) -> int:
    blocks = (part for part in parts if part.tag in {b"\xe1", b"eXIf", b"EXIF"})
    for part in islice(blocks, _MOST_BLOCKS):
        turned = exif_of(window.up_to(part.begins, min(part.ends - part.begins, _MOST_DATA))).orientation
        if turned != 1:
            return turned
    return 1


def _upright(turned: int) -> bytes:
    """The smallest EXIF block: the direction in which the picture is shown."""
    return b"MM\0*\0\0\0\x08\0\x01" + struct.pack(">HHIHH", 0x0112, 3, 1, turned, 0) + b"\0\0\0\0"


def _again(kept: list[Part], turned: int, media_type: str) -> list[Stretch]:
    stretches: list[Stretch] = [(part.start, part.end) for part in kept]
    if turned != 1 and media_type == "image/jpeg":
        block = _EXIF + _upright(turned)
        stretches.insert(1, b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block)
    elif turned != 1:
        block = b"eXIf" + _upright(turned)
        stretches.insert(2, struct.pack(">I", len(block) - 4) + block + struct.pack(">I", zlib.crc32(block)))
    return stretches


def _webp_again(window: Window, kept: list[Part], turned: int) -> list[Stretch]:
    """WebP names its length at the beginning, and in `VP8X` which descriptions it has (RFC 9649, 2.7)."""
    stretches: list[Stretch] = []
    for part in kept[1:]:
        stretches.append((part.start, part.end))
        if part.tag == b"VP8X":
            flags = (window.at(part.begins, 1)[0] & ~0x0C) | (0x08 if turned != 1 else 0)
            stretches[-1:] = [(part.start, part.begins), bytes((flags,)), (part.begins + 1, part.end)]
    if turned != 1:
        block = _upright(turned)
        stretches.append(b"EXIF" + struct.pack("<I", len(block)) + block)
    length = 4 + sum(len(s) if isinstance(s, bytes) else s[1] - s[0] for s in stretches)
    return [b"RIFF" + struct.pack("<I", length) + b"WEBP", *stretches]
