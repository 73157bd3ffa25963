"""Office documents: what runs, what loads from elsewhere, what cannot be seen. Pure.

The new kind is a ZIP archive of XML parts (ECMA-376, part 2); its parts are searched as bytes, never given to an XML
parser, so no entity is ever expanded. The old kind is a compound file ([MS-CFB]); only its directory is read.
"""

import html
import re
import struct
from collections.abc import Iterator

from cmmc_tracker.domain.examination import archives
from cmmc_tracker.domain.examination.archives import Contents
from cmmc_tracker.domain.examination.reading import Unreadable, Window, listed

MOST_RELATIONS = 500  # parts
MOST_XML = 2 * 1_048_576  # bytes of all parts together
_PART = 1_048_576
_FAILURE = 65_536  # what a part that cannot be read costs at least
_LONGEST_VALUE = 300  # of an attribute; undoing references costs more than reading
_ATTRIBUTE = re.compile(r"""\b(Type|Target|TargetMode)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_RELATION = re.compile(r"<(?:[\w.-]{1,40}:)?Relationship\s[^<]{0,16384}")
# A letter by its number; the named references of XML stand for signs only, and those that a part declares are told.
_REFERENCE = re.compile(r"&#(?:x0*([0-9a-fA-F]{1,6})|0*([0-9]{1,7}));")
_MOST_REFERENCES = 20_000
# Links that a reader follows only by clicking are in every other document.
_HARMLESS = frozenset({"hyperlink"})
_MACROS = "It holds macros: programs that Office may run when the document is opened."

_FREE = 0xFFFFFFFA  # sector numbers from here on are signs
_MOST_SECTORS = 4_096  # of the directory
_NAMED = struct.Struct("<64sHB")


def findings(window: Window, found: Contents) -> list[str]:
    """What to know of a Word, Excel or PowerPoint document of the new kind."""
    if not found.whole:
        return [f"The document has {found.count:,} parts, too many to be examined."]
    said = archives.size_findings(window, found)
    names = [entry.name.replace("\\", "/").lower() for entry in found.entries]
    xml = _Parts(window, found)
    if _has_macros(names) or "macroenabled" in xml.types():
        said.append(_MACROS)
    if any("/activex/" in name for name in names):
        said.append("It holds ActiveX controls, which run programs.")
    objects = [n for n in names if "/embeddings/" in n and n.endswith(".bin")]
    if objects:
        said.append(f"It carries other files or objects inside: {listed(objects)}.")
    outside = xml.outside()
    if outside:
        said.append(f"It loads something from elsewhere when it is opened: {listed(outside)}.")
    return [*said, *xml.problems()]


def _has_macros(names: list[str]) -> bool:
    return any(name.endswith(("vbaproject.bin", "vbadata.xml")) or "/macrosheets/" in name for name in names)


class _Parts:
    """The few parts that say what belongs together, read within one budget."""

    def __init__(self, window: Window, found: Contents) -> None:
        self._window, self._found = window, found
        self._left = MOST_XML
        self._unread = self._declared = False

    def types(self) -> str:
        """The part that names the kind of every other, in small letters."""
        text = "".join(map(_text, self._read("[content_types].xml")))
        text, count = _REFERENCE.subn(_character, text, _MOST_REFERENCES)
        self._unread = self._unread or count == _MOST_REFERENCES
        return text.lower()

    def outside(self) -> list[str]:
        """What relations load from outside of the document, each once."""
        found: dict[str, None] = {}
        for data in self._read(".rels"):
            for kind, target in _external(_text(data)):
                if kind not in _HARMLESS:
                    found[f"{kind[:40] or 'something'} at {target or 'no address'}"] = None
        return list(found)

    def problems(self) -> list[str]:
        """What kept parts from being examined, and what no Office program writes."""
        said = []
        if self._unread:
            said.append("Not all of its parts could be examined: some are too large, locked or damaged.")
        if self._declared:
            said.append("Its parts declare a document type or entities, which no Office program writes.")
        return said

    def _read(self, ending: str) -> Iterator[bytes]:
        wanted = [entry for entry in self._found.entries if entry.name.lower().endswith(ending)]
        self._unread = self._unread or len(wanted) > MOST_RELATIONS
        for entry in wanted[:MOST_RELATIONS]:
            most = min(_PART, self._left)
            try:
                data = archives.part(self._window, self._found, entry, most)
            except Unreadable:
                self._unread = True
                self._left = max(0, self._left - max(_FAILURE, min(entry.packed, most)))
                continue
            self._left -= max(len(data), min(entry.packed, most))
            self._unread = self._unread or len(data) < entry.size or len(data) >= _PART
            self._declared = self._declared or b"<!" in data.replace(b"\0", b"").replace(b"<!--", b"")
            yield data


def _character(reference: re.Match[str]) -> str:
    return html.unescape(f"&#x{reference[1]};" if reference[1] else f"&#{reference[2]};")


def _text(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    return data.decode("utf-8", "replace")


def _external(text: str) -> Iterator[tuple[str, str]]:
    """Kind and target of each relation that leads out of the document; no `<` may stand in an attribute's value.

    A mode that is written so long that it is not read counts as leading out: no program writes one.
    """
    for tag in _RELATION.finditer(text):
        values = {name: a or b for name, a, b in _ATTRIBUTE.findall(tag[0])}
        mode = values.get("TargetMode", "")
        if len(mode) > _LONGEST_VALUE or _value(mode).lower() == "external":
            yield _value(values.get("Type", "")).rpartition("/")[2], _value(values.get("Target", ""))


def _value(written: str) -> str:
    return html.unescape(written[:_LONGEST_VALUE]).strip()


def compound_names(window: Window) -> set[str]:
    """The names of the storages and streams of a compound file; raises `Unreadable` for a broken one."""
    head = window.at(0, 512)
    (shift,) = struct.unpack_from("<H", head, 30)
    if shift not in {9, 12}:
        raise Unreadable
    (sector,) = struct.unpack_from("<I", head, 48)
    table = _Table(window, head, 1 << shift)
    names: set[str] = set()
    for _ in range(min(_MOST_SECTORS, window.size >> shift)):  # more would be a circle
        if sector >= _FREE:
            return names
        data = window.at((sector + 1) << shift, 1 << shift)
        names.update(_names(data))
        sector = table.after(sector)
    raise Unreadable


def _names(sector: bytes) -> Iterator[str]:
    for at in range(0, len(sector), 128):
        raw, length, kind = _NAMED.unpack_from(sector, at)
        if kind in {1, 2, 5} and 2 <= length <= 64:
            yield raw[: length - 2].decode("utf-16-le", "replace")


class _Table:
    """The sector chains ([MS-CFB] 2.3), read as far as they are asked for."""

    def __init__(self, window: Window, head: bytes, size: int) -> None:
        self._window, self._size = window, size
        self._places = list(struct.unpack_from("<109I", head, 76))
        (self._more,) = struct.unpack_from("<I", head, 68)

    def after(self, sector: int) -> int:
        """The sector that follows one in its chain."""
        index, slot = divmod(sector, self._size // 4)
        while index >= len(self._places):
            self._extend()
        return int(struct.unpack("<I", self._sector(self._places[index])[slot * 4 : slot * 4 + 4])[0])

    def _extend(self) -> None:
        if self._more >= _FREE or len(self._places) * self._size > self._window.size:
            raise Unreadable
        values = struct.unpack(f"<{self._size // 4}I", self._sector(self._more))
        self._places += values[:-1]
        self._more = values[-1]

    def _sector(self, number: int) -> bytes:
        return self._window.at((number + 1) * self._size, self._size)


def compound_findings(window: Window) -> list[str]:
    """What to know of an Office document of the old kind."""
    names = {name.lower() for name in compound_names(window)}
    said = []
    if names & {"vba", "macros", "_vba_project", "_vba_project_cur", "xlm4macro"}:
        said.append(_MACROS)
    if names & {"\x01ole10native", "objectpool"} or any(n.startswith("mbd") and len(n) == 11 for n in names):
        said.append("It carries other files or objects inside.")
    if names & {"encryptedpackage", "encryptioninfo"}:
        said.append("It is encrypted, so what it holds could not be examined.")
    return said
