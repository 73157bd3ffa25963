"""Runs alone in a child process: takes the text out of one file, under limits that end it when the file misbehaves.

`text_child.py KIND` (pdf, docx, plan, xlsx, pptx, text) reads the file that is its standard input. It writes one line,
`TEXT whole` or `TEXT cut`, and then the text as UTF-8, at most `MOST_TEXT` characters. It imports nothing of the
product: it starts quickly and holds nothing worth stealing. Once it reads the file it can open no other, reach no
network, write to no disk, start no process: the last limits are set between its own imports and the file's first byte.

An Office document is a ZIP archive of XML parts that relations tie together (ECMA-376, part 2); names are looked up in
its own table of contents only. A part that declares a document type is refused: no entity to expand, none to fetch.
"""

import codecs
import contextlib
import os
import posixpath
import resource
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from typing import IO, Any
from xml.parsers import expat

MOST_TEXT = 1_000_000  # characters
MEMORY = 512 * 1_048_576  # bytes of address space
SECONDS = 20  # of processor time
PATIENCE = 18.0  # seconds by the clock; what was read till then is kept, where the limits above leave nothing
MOST_UNPACKED = 64 * 1_048_576  # bytes of all parts together
MOST_PARTS = 10_000
MOST_PAGES = 10_000
_PIECE = 1_048_576  # a long sign of XML is looked through again with each piece: they may not be small
_CODECS = ("cp437", "cp1252", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be")
_OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")  # the stream that holds a document with a password

BROKEN, LOCKED, TOO_MUCH, ENTITIES = 2, 4, 5, 6


def main() -> int:
    """Do the one thing asked for; returns the exit status."""
    os.nice(10)
    for what, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CPU, SECONDS), (resource.RLIMIT_CORE, 0)):
        resource.setrlimit(what, (most, most))
    kind = sys.argv[1]
    if kind == "pdf":
        import pypdfium2  # noqa: F401, PLC0415 after the limits, so that they hold for it
    for codec in _CODECS:
        codecs.lookup(codec)  # loads it; it could not be found any more below
    for closed in (resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC):
        resource.setrlimit(closed, (0, 0))
    text = Text()
    try:
        _WAYS[kind](text)
    except Enough:
        text.cut = True
    except Refused as refused:
        return int(refused.args[0])
    except MemoryError:
        return TOO_MUCH
    except Exception:
        return BROKEN
    found = "".join(text.pieces)
    if text.cut and not found.strip():
        return TOO_MUCH
    sys.stdout.buffer.write((b"TEXT cut\n" if text.cut else b"TEXT whole\n") + found.encode("utf-8", "ignore"))
    return 0


class Enough(Exception):
    """A bound is reached; what was found till here is the answer."""


class Refused(Exception):
    """There is no text; its argument is the exit status that says why."""


class Text:
    """What is found, piece by piece; raises `Enough` at the piece that is too much."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.cut = False
        self._left = MOST_TEXT
        self._until = time.monotonic() + PATIENCE

    def add(self, piece: str) -> None:
        """Take in one more piece."""
        self.pieces.append(piece[: self._left])
        if len(piece) > self._left:
            raise Enough
        self._left -= len(piece)

    def hurry(self) -> None:
        """Called before each page and each piece of a part."""
        if time.monotonic() > self._until:
            raise Enough


# Plain text


def _plain(text: Text) -> None:
    """A text: UTF-16 with its mark, else UTF-8, else Windows-1252."""
    most = 4 * MOST_TEXT
    data = sys.stdin.buffer.read(most + 1)
    text.cut = len(data) > most
    text.add(_decoded(data[:most], cut=text.cut))


def _decoded(data: bytes, *, cut: bool) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return codecs.getincrementaldecoder("utf-16")("replace").decode(data, final=not cut)
    try:
        return codecs.getincrementaldecoder("utf-8-sig")().decode(data, final=not cut)
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


# PDF


def _pdf(text: Text) -> None:
    """The pages in their order; one that cannot be read is left out, and the text then counts as cut."""
    import pypdfium2  # noqa: PLC0415 it is there since `main`

    try:
        document = pypdfium2.PdfDocument(sys.stdin.buffer)
    except pypdfium2.PdfiumError as error:
        raise Refused(LOCKED if error.err_code == pypdfium2.raw.FPDF_ERR_PASSWORD else BROKEN) from None
    document.init_forms()
    read = 0
    for number in range(min(len(document), MOST_PAGES)):
        text.hurry()
        try:
            found = _page(document, number)
        except pypdfium2.PdfiumError:
            continue
        text.add(f"{found}\n")
        read += 1
    text.cut = read < len(document)
    if text.cut and not "".join(text.pieces).strip():
        raise Refused(BROKEN)


def _page(document: Any, number: int) -> str:
    page = document[number]
    if document.formenv:  # what was typed into a form is part of the page, once it is pressed into it
        page.flatten()
        page.close()
        page = document[number]
    try:
        return str(page.get_textpage().get_text_bounded())
    finally:
        page.close()


# Office


# The older picture of what newer programs show, text that was moved away, how Japanese is spoken.
_UNSEEN = frozenset({"Fallback", "moveFrom", "rPh"})
_BREAKS = {"br": "\n", "cr": "\n", "tab": " ", "ptab": " ", "noBreakHyphen": "-"}
_LINES = frozenset({"p", "text", "title"})
# What belongs to a document, a slide or a sheet and holds words of its own, in the order of reading.
_BESIDE = ("header", "footer", "notesSlide", "footnotes", "endnotes", "comments", "diagramData", "drawing")


class Reader:
    """Is told of the elements of one part, by names without their prefix; `_HOLDS` are those that hold words.

    `take` gets the words; the readers below say what begins and ends with the elements that are seen.
    """

    _HOLDS: frozenset[str] = frozenset({"t"})

    def __init__(self, take: Callable[[str], object]) -> None:
        self._take = take
        self._inside = self._unseen = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        self._inside += name in self._HOLDS
        self._unseen += name in _UNSEEN
        if not self._unseen:
            self._begun(name, attributes)

    def end(self, name: str) -> None:
        """An element ends."""
        self._inside -= name in self._HOLDS
        self._unseen -= name in _UNSEEN
        if not self._unseen:
            self._ended(name)

    def data(self, piece: str) -> None:
        """Characters of any element."""
        if self._inside and not self._unseen:
            self._take(piece)

    def _begun(self, name: str, attributes: dict[str, str]) -> None: ...

    def _ended(self, name: str) -> None: ...


class Elements(Reader):
    """Keeps the attributes of the elements of one name, in their order."""

    def __init__(self, wanted: str) -> None:
        super().__init__(str)
        self._wanted = wanted
        self.found: list[dict[str, str]] = []

    def _begun(self, name: str, attributes: dict[str, str]) -> None:
        if name == self._wanted:
            self.found.append(attributes)


class Paragraphs(Reader):
    """Text of Word and PowerPoint: what stands in the runs of a paragraph is one piece, paragraphs are lines."""

    _HOLDS = frozenset({"t", "text", "title"})  # of runs, comments and the properties

    def _begun(self, name: str, attributes: dict[str, str]) -> None:
        if name in _BREAKS and (name != "tab" or not attributes):  # with attributes it is a stop on the ruler
            self._take(_BREAKS[name])

    def _ended(self, name: str) -> None:
        if name in _LINES:
            self._take("\n")


class Carried(Reader):
    _HOLDS = frozenset({"cmmcTrackerPlan"})  # what our own plans carry beside what they show


class Strings(Reader):
    """The strings that the sheets of a workbook share; raises `Enough` where they are more than the text may be."""

    def __init__(self) -> None:
        self._runs = Text()
        super().__init__(self._runs.add)
        self.found: list[str] = []

    def _ended(self, name: str) -> None:
        if name == "si":
            self._runs.add("\n")
            self.found.append("".join(self._runs.pieces)[:-1])
            self._runs.pieces.clear()


class Cells(Reader):
    """The values of a sheet: a row is a line, its cells stand apart; of a formula the result counts."""

    _HOLDS = frozenset({"v", "t"})

    def __init__(self, text: Text, strings: list[str]) -> None:
        self._text, self._strings = text, strings
        self._kind = self._gap = ""
        self._value: list[str] = []
        super().__init__(self._value.append)

    def _begun(self, name: str, attributes: dict[str, str]) -> None:
        if name == "c":
            self._kind = attributes.get("t", "n")
            self._value.clear()

    def _ended(self, name: str) -> None:
        if name == "c" and self._value:
            self._text.add(f"{self._gap}{self._shown(''.join(self._value))}")
            self._gap = " "
        elif name == "row":
            self._text.add("\n")
            self._gap = ""

    def _shown(self, value: str) -> str:
        if self._kind == "b":
            return "FALSE" if value == "0" else "TRUE"
        if self._kind != "s":
            return value
        number = int(value) if len(value) < 10 and value.isdecimal() else MOST_TEXT
        if number >= len(self._strings):
            self._text.cut = True
            return ""
        return self._strings[number]


class Package:
    """The parts of an Office document, read one after the other within one budget."""

    def __init__(self, text: Text) -> None:
        if sys.stdin.buffer.read(8) == _OLD_OFFICE:
            raise Refused(LOCKED if _ENCRYPTED in sys.stdin.buffer.read(MOST_UNPACKED) else BROKEN)
        self._text, self._left = text, MOST_UNPACKED
        self._archive = zipfile.ZipFile(sys.stdin.buffer)
        self._parts = {info.filename.replace("\\", "/").lower(): info for info in self._archive.infolist()}
        if len(self._parts) > MOST_PARTS:
            raise Refused(TOO_MUCH)
        top = {kind: part for _, kind, part in self.relations("")}
        self.main = top.get("officeDocument", "")
        if self.main.lower() not in self._parts:
            raise Refused(BROKEN)
        self.read(top.get("core-properties", ""), Paragraphs(text.add))

    def relations(self, part: str) -> list[tuple[str, str, str]]:
        """The parts that a part names: by which sign, as what, and their own names."""
        folder, _, name = part.rpartition("/")
        found = Elements("Relationship")
        self.read(posixpath.join(folder, "_rels", f"{name}.rels"), found)
        inside = (one for one in found.found if one.get("TargetMode") != "External")
        paths = ((one, posixpath.normpath(posixpath.join("/", folder, one.get("Target", "")))) for one in inside)
        return [(one.get("Id", ""), one.get("Type", "").rpartition("/")[2], path.lstrip("/")) for one, path in paths]

    def with_rest(self, part: str, reader: Reader) -> None:
        """A part, then the words that belong to it."""
        self.read(part, reader)
        rest = [(_BESIDE.index(kind), name) for _, kind, name in self.relations(part) if kind in _BESIDE]
        for _, name in sorted(dict.fromkeys(rest), key=lambda one: one[0]):
            self.read(name, Paragraphs(self._text.add))

    def listed(self, element: str) -> Iterator[tuple[str, str]]:
        """Name and part of each slide or sheet, in the order in which the main part lists them."""
        found = Elements(element)
        self.read(self.main, found)
        parts = {sign: part for sign, _, part in self.relations(self.main)}
        for one in found.found:
            sign = next((value for name, value in one.items() if name.endswith(":id")), "")
            if sign in parts:
                yield one.get("name", ""), parts.pop(sign)  # each once

    def read(self, part: str, reader: Reader) -> None:
        """Tell the reader of everything in a part; of one that is not there, nothing."""
        if (info := self._parts.get(part.lower())) is None:
            return
        if info.flag_bits & 0x41:
            raise Refused(LOCKED)
        if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise Refused(BROKEN)
        parser = _parser(reader)
        with self._archive.open(info) as file:
            while piece := self._piece(file):
                parser.Parse(piece, False)
        parser.Parse(b"", True)

    def _piece(self, file: IO[bytes]) -> bytes:
        self._text.hurry()
        piece = file.read(_PIECE)
        self._left -= len(piece)
        if self._left < 0:
            raise Enough
        return piece


def _parser(reader: Reader) -> expat.XMLParserType:
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse
    parser.StartElementHandler = lambda name, attributes: reader.start(name.rpartition(":")[2], attributes)
    parser.EndElementHandler = lambda name: reader.end(name.rpartition(":")[2])
    parser.CharacterDataHandler = reader.data
    return parser


def _refuse(*_: object) -> None:
    raise Refused(ENTITIES)


def _word(text: Text, carries: str = "") -> None:
    """The body, then headers, footers, notes and comments; last the parts of the kind that is asked for."""
    package = Package(text)
    package.with_rest(package.main, Paragraphs(text.add))
    for _, kind, part in package.relations(package.main):
        if kind == carries:
            package.read(part, Carried(text.add))


def _slides(text: Text) -> None:
    """The slides in their order, after each what the speaker notes."""
    package = Package(text)
    for _, part in package.listed("sldId"):
        package.with_rest(part, Paragraphs(text.add))


def _sheets(text: Text) -> None:
    """The sheets in their order, each under its name."""
    package = Package(text)
    strings = Strings()
    for _, kind, part in package.relations(package.main):
        if kind == "sharedStrings":
            with contextlib.suppress(Enough):  # a cell that needs one of the others says that the text is cut
                package.read(part, strings)
    for name, part in package.listed("sheet"):
        text.add(f"{name}\n")
        package.with_rest(part, Cells(text, strings.found))


_PLAN = "customXml"
_WAYS = {"docx": _word, "pdf": _pdf, "plan": lambda text: _word(text, _PLAN), "pptx": _slides}
_WAYS |= {"text": _plain, "xlsx": _sheets}

if __name__ == "__main__":
    sys.exit(main())
