"""Word files from plain blocks: real styles, a table of contents, repeated heading rows, and the same bytes each time.

Paragraphs and tables are put together as XML elements, whose text lxml escapes. python-docx opens the template and
writes the file; it would look every style up anew, and the cells of a table in a time that grows with their square.
"""

import io
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from xml.sax.saxutils import escape

from docx import Document
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Pt, RGBColor

from cmmc_tracker.reports.blocks import Block, Span

WIDE = 9_360  # twentieths of a point between the margins of a letter page
_STEP = 360
_LOOKS = {"bold": "b", "italic": "i", "struck": "strike"}
_ZIP_DAY = (1980, 1, 1, 0, 0, 0)
CONTENTS_LEVELS = 3


@dataclass(frozen=True, slots=True)
class Heading:
    """An entry of the table of contents, and the bookmark that it leads to."""

    level: int
    text: str
    bookmark: str


def element(name: str, /, *children: Any, **attributes: object) -> Any:
    """An XML element of WordprocessingML; attributes are of its namespace."""
    made = OxmlElement(f"w:{name}")
    for key, value in attributes.items():
        made.set(qn(f"w:{key}"), str(value))
    made.extend(children)
    return made


def run(text: str, look: Mapping[str, Any] | None = None) -> Any:
    """A run of text; its line ends are breaks."""
    made = element("r")
    marks = [element(sign) for name, sign in _LOOKS.items() if look and look.get(name)]
    if look and look.get("code"):
        marks.insert(0, element("rFonts", ascii="Consolas", hAnsi="Consolas", cs="Consolas"))
    if marks:
        made.append(element("rPr", *marks))
    for number, line in enumerate(text.split("\n")):
        if number:
            made.append(element("br"))
        words = element("t")
        words.text = line
        words.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")
        made.append(words)
    return made


def par(style: str, *runs: Any, **properties: Any) -> Any:
    """A paragraph of a style, by its identifier; `properties` are elements of `pPr` in the schema's order."""
    told = [element("pStyle", val=style)] if style else []
    told += [one for one in properties.values() if one is not None]
    return element("p", element("pPr", *told), *runs)


def field(code: str, shown: str, *, dirty: bool = False) -> list[Any]:
    """A field with the result that is shown until a program computes it."""
    begin = element("fldChar", fldCharType="begin", **({"dirty": "true"} if dirty else {}))
    instruction = element("instrText")
    instruction.text = f" {code} "
    parts = (begin, instruction, element("fldChar", fldCharType="separate"))
    return [*(element("r", one) for one in parts), run(shown), element("r", element("fldChar", fldCharType="end"))]


class Writer:
    """Writes blocks into a document: at its end, or before the element `place`.

    `numbers` is the abstract numbering of numbered lists, else that of the style `List Number`. `written` holds what
    was written.
    """

    def __init__(self, document: Any, place: Any = None, numbers: str = "") -> None:
        self._end = document.element.body.sectPr if place is None else place
        self._numbering = document.part.numbering_part.element
        self._numbers = numbers or self._of_list_number(document)
        self.written: list[Any] = []
        self._lists: dict[int, int] = {}  # of each depth the numbering of the ordered list that goes on

    def _of_list_number(self, document: Any) -> str:
        """The abstract numbering of the style `List Number`."""
        number = document.styles["List Number"].element.pPr.numPr.numId.val
        return str(self._numbering.num_having_numId(number).abstractNumId.val)

    def add(self, *elements: Any) -> None:
        """Put elements at the end."""
        self.written += elements
        for one in elements:
            self._end.addprevious(one)

    def write(self, blocks: Iterable[Block], headings: Iterator[Heading]) -> None:
        """Write all blocks; `headings` are theirs, in order."""
        makers: Mapping[str, Callable[[Block], Any]] = {
            "paragraph": self._paragraph,
            "item": self._item,
            "code": lambda one: par("Code", run(one["text"])),
            "minor": lambda one: par("Minor", run(one["text"])),
            "fact": lambda one: par("Fact", run(f"{one['label']}: ", {"bold": True}), run(one["value"])),
        }
        for one in blocks:
            if one["kind"] == "heading":
                self.add(_heading(next(headings)))
            elif one["kind"] == "table":
                self.add(*_caption(one), _table(one), par("Fact"))
            else:
                self.add(makers[one["kind"]](one))

    def _paragraph(self, one: Block) -> Any:
        indent = element("ind", left=_STEP * min(one["indent"], 12)) if one["indent"] else None
        return par("BodyText", *_runs(one["spans"]), ind=indent)

    def _item(self, one: Block) -> Any:
        depth = min(one["depth"], 10)
        indent = element("ind", left=_STEP * (depth + 1), hanging=_STEP)
        if one["number"] is None:
            return par("ListBullet", *_runs(one["spans"]), ind=indent)
        if one["first"] or depth not in self._lists:
            self._lists[depth] = self._numbering_from(one["number"])
        link = element("numPr", element("ilvl", val=0), element("numId", val=self._lists[depth]))
        return par("ListNumber", *_runs(one["spans"]), numPr=link, ind=indent)

    def _numbering_from(self, first: int) -> int:
        """A numbering of its own for a list, so that it does not go on where the one before ended."""
        made = self._numbering.add_num(int(self._numbers))
        start = element("startOverride", val=min(first, 2**31 - 1))
        made.append(element("lvlOverride", start, ilvl=0))
        return int(made.numId)


def _runs(spans: Sequence[Span]) -> list[Any]:
    return [run(one["text"], one) for one in spans]


def _heading(one: Heading) -> Any:
    number = one.bookmark.removeprefix("_Toc")
    start = element("bookmarkStart", id=number, name=one.bookmark)
    return par(f"Heading{one.level}", start, run(one.text), element("bookmarkEnd", id=number))


def headings(blocks: Iterable[Block]) -> list[Heading]:
    """The headings of blocks, each with a bookmark."""
    found = [one for one in blocks if one["kind"] == "heading"]
    return [Heading(one["level"], one["text"], f"_Toc{number}") for number, one in enumerate(found, 100_000)]


def contents(entries: Sequence[Heading]) -> list[Any]:
    """A table of contents: a field that Word computes with page numbers, and until then links to the headings."""
    begin = element("r", element("fldChar", fldCharType="begin", dirty="true"))
    instruction = element("instrText")
    instruction.text = f' TOC \\o "1-{CONTENTS_LEVELS}" \\h \\z \\u '
    head = (begin, element("r", instruction), element("r", element("fldChar", fldCharType="separate")))
    links = [
        par(
            "BodyText",
            element("hyperlink", run(one.text), anchor=one.bookmark),
            spacing=element("spacing", after=0),
            ind=element("ind", left=_STEP * (one.level - 1)),
        )
        for one in entries
    ]
    links[0][1:1] = head
    return [*links, par("", element("r", element("fldChar", fldCharType="end")))]


def _caption(block: Block) -> list[Any]:
    """The number of a table, which Word counts anew when somebody adds one, and what it is."""
    if "number" not in block:
        return []
    number = field("SEQ Table \\* ARABIC", str(block["number"]))
    return [par("Caption", run("Table "), *number, run(f": {block['caption']}"), keepNext=element("keepNext"))]


def _table(block: Block) -> Any:
    whole = sum(block["widths"]) or 1
    widths = [WIDE * share // whole for share in block["widths"]]
    about = element(
        "tblPr",
        element("tblStyle", val="TableGrid"),
        element("tblW", w=WIDE, type="dxa"),
        element("tblLayout", type="fixed"),
        element("tblLook", val="0020", firstRow="1"),
    )
    grid = element("tblGrid", *(element("gridCol", w=width) for width in widths))
    first = _row(block["header"], widths, head=True)
    return element("tbl", about, grid, first, *(_row(one, widths) for one in block["rows"]))


def _row(cells: Sequence[str], widths: Sequence[int], *, head: bool = False) -> Any:
    made = element("tr")
    if head:
        made.append(element("trPr", element("cantSplit"), element("tblHeader")))
    for text, width in zip(cells, widths, strict=True):
        about = element("tcPr", element("tcW", w=width, type="dxa"))
        if head:
            about.append(element("shd", val="clear", color="auto", fill="E8EEF3"))
        made.append(element("tc", about, par("Cell", run(text, {"bold": head}))))
    return made


def opened() -> Any:
    """An empty document with the styles that the blocks name."""
    document = Document()
    sheet = document.sections[0]
    sheet.page_width, sheet.page_height = Pt(612), Pt(792)
    sheet.left_margin = sheet.right_margin = sheet.top_margin = sheet.bottom_margin = Pt(72)
    styles = document.styles
    styles["Normal"].font.size = Pt(10.5)
    styles["Body Text"].paragraph_format.space_after = Pt(6)
    for name, based, size, before, after in (
        *(("Fact", "Normal", 10.5, 0, 2), ("Minor", "Normal", 10.5, 8, 3), ("ContentsTitle", "Normal", 15, 0, 6)),
        *(("Code", "Normal", 8.5, 4, 6), ("Cell", "Normal", 9, 1, 1)),
    ):
        made = styles.add_style(name, 1)
        made.base_style = styles[based]
        made.font.size = Pt(size)
        made.paragraph_format.space_before, made.paragraph_format.space_after = Pt(before), Pt(after)
    caption = styles["Caption"]
    caption.font.size, caption.font.color.rgb = Pt(9), RGBColor(0x1F, 0x3F, 0x5B)
    caption.paragraph_format.space_before, caption.paragraph_format.space_after = Pt(6), Pt(3)
    styles["Code"].font.name = "Consolas"
    styles["Minor"].font.bold = True
    styles["Minor"].paragraph_format.keep_with_next = True
    for level, size in ((1, 15), (2, 12.5), (3, 11)):
        styles[f"Heading {level}"].font.size = Pt(size)
        styles[f"Heading {level}"].font.color.rgb = RGBColor(0x1F, 0x3F, 0x5B)
    return document


def carry(document: Any, name: str, text: str) -> None:
    """Put a part of XML of our own into a document (ECMA-376, part 1, 15.2.5): programs keep it, and show nothing."""
    # The template has a first one already.
    whole = f'<?xml version="1.0" encoding="UTF-8"?>\n<{name}>{escape(text)}</{name}>'
    main = document.part
    part = Part(PackURI("/customXml/item2.xml"), "application/xml", whole.encode(), main.package)
    main.relate_to(part, RELATIONSHIP_TYPE.CUSTOM_XML)


def saved(document: Any, at: datetime) -> bytes:
    """The bytes of a document; its parts have no time of their own, so that the same content gives the same bytes."""
    about = document.core_properties
    about.created = about.modified = at.replace(tzinfo=None)
    about.revision, about.language = 1, "en-US"
    written, rewritten = io.BytesIO(), io.BytesIO()
    document.save(written)
    with zipfile.ZipFile(written) as old, zipfile.ZipFile(rewritten, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(zipfile.ZipInfo(name, _ZIP_DAY), old.read(name), zipfile.ZIP_DEFLATED)
    return rewritten.getvalue()
