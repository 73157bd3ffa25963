"""Files of every kind, made as the tests of their examination need them, and what is said about them."""

import io
import struct
import zipfile
from typing import Any

from PIL import Image

from cmmc_tracker.domain.examination import examine
from cmmc_tracker.domain.examination.pictures import without_location
from cmmc_tracker.domain.examination.reading import Window
from cmmc_tracker.domain.uploads import ALLOWED

MEGABYTE = 1_048_576
GPS = {1: "N", 2: (50.0, 3.0, 7.0), 3: "E", 4: (14.0, 25.0, 3.0)}
TYPES = (
    b'<Types><Override ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/>'
)
BEGINS = b'<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
KIND = b"http://schemas.openxmlformats.org/officeDocument/2006/relationships/"


def look(name: str, content: bytes) -> tuple[str, ...]:
    """The sentences about a file of that name."""
    extension = name[name.rfind(".") :]
    return examine(extension, ALLOWED[extension], io.BytesIO(content), len(content))


def said(name: str, content: bytes) -> str:
    return " ".join(look(name, content))


def zipped(*names: str, content: bytes = b"x", **parts: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, content)
        for name, part in parts.items():
            archive.writestr(name, part)
    return file.getvalue()


def word(**parts: bytes) -> bytes:
    return zipped("word/document.xml", **{"[Content_Types].xml": TYPES, **parts})


def related(kind: bytes, target: bytes = b"https://evil.example/x", mode: bytes = b"External") -> bytes:
    tag = b'<Relationship Id="r1" Type="%s%s" Target="%s" TargetMode="%s"/>' % (KIND, kind, target, mode)
    return word(**{"word/_rels/document.xml.rels": BEGINS + tag})


def compound(*names: str, version: int = 9) -> bytes:
    """A small compound file with streams of these names: header, sector table, directory."""
    size = 1 << version
    head = bytearray(512)
    head[:8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    struct.pack_into("<HHHH", head, 24, 0x3E, 3, 0xFFFE, version)
    entries = b"".join(_entry(name, kind) for name, kind in [("Root Entry", 5), *((n, 2) for n in names)])
    directory = [entries[at : at + size].ljust(size, b"\0") for at in range(0, len(entries), size)]
    struct.pack_into("<II", head, 44, 1, 1)
    struct.pack_into("<I", head, 68, 0xFFFFFFFE)
    struct.pack_into("<109I", head, 76, 0, *[0xFFFFFFFF] * 108)
    chain = [0xFFFFFFFD, *range(2, len(directory) + 1), 0xFFFFFFFE]
    table = struct.pack(f"<{len(chain)}I", *chain).ljust(size, b"\xff")
    return bytes(head).ljust(size, b"\0") + table + b"".join(directory)


def _entry(name: str, kind: int) -> bytes:
    raw = name.encode("utf-16-le")
    return (raw.ljust(64, b"\0") + struct.pack("<HB", len(raw) + 2, kind)).ljust(128, b"\0")


def pdf(body: bytes) -> bytes:
    return b"%PDF-1.7\n1 0 obj\n<<" + body + b">>\nendobj\ntrailer<</Root 1 0 R>>\n%%EOF"


def picture(kind: str, *, turned: int = 1, located: bool = True, **more: Any) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = turned
    exif[0x010F] = "A camera"
    if located:
        exif[0x8825] = GPS
    file = io.BytesIO()
    Image.effect_noise((40, 30), 90).convert("RGB").save(file, kind, exif=exif.tobytes(), **more)
    return file.getvalue()


def taken_out(name: str, content: bytes) -> bytes | None:
    stretches = without_location(Window(io.BytesIO(content), len(content)), ALLOWED[name[name.rfind(".") :]])
    if stretches is None:
        return None
    return b"".join(one if isinstance(one, bytes) else content[one[0] : one[1]] for one in stretches)
