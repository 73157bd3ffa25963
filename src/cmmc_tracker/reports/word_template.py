"""Reading somebody's own Word file as a template: what must not be in it, and which paragraphs it has.

What would fetch, run or hide something when the filled document is opened by an assessor is refused, not taken out: a
person should know of it. XML is parsed without entities and without network; fields are read in `word_fields.py`.
"""

import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

from docx import Document
from docx.oxml.ns import qn
from lxml import etree

from cmmc_tracker.domain.plan_template import LARGEST, Paragraph
from cmmc_tracker.errors import Invalid
from cmmc_tracker.reports import word_fields

_MOST_PARTS, _MOST_BYTES = 2_000, 30_000_000
_MOST_XML = 8_000_000  # bytes of all XML: a tree of small elements takes fifty times as much memory
_MAIN = b"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
_TYPES = "[Content_Types].xml"
_EMBEDDED = re.compile(r"(embeddings|activex|vbaproject|vbadata|afchunk)", re.IGNORECASE)
# How XML begins, blanks apart: a mark of UTF-8 or UTF-16 or none. What is no XML and begins so by chance is a font.
_BEGINS = (b"<", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\0<")
_FONT = ".odttf"
# Elements and kinds of relationships by which a document embeds, includes or asks something when it is opened
# (ECMA-376-1, 17.14, 17.17.2, 17.3.3.19; Part 4 for VML).
_ACTIVE = {"altChunk", "OLEObject", "control", "mailMerge", "object", "subDoc"}
_RELATED = {
    *("aFChunk", "attachedTemplate", "attachedToolbars", "control", "frame", "oleObject", "package"),
    *("subDocument", "vbaProject", "wordVbaData"),
}
_WORDS = re.compile(r"\{(?:http.*/wordprocessingml/.*|urn:schemas-microsoft-com:office:office)")
_VML = "urn:schemas-microsoft-com:vml"
_OFFICE_HREF = "{urn:schemas-microsoft-com:office:office}href"
_EXTERNAL = re.compile(r"\{http[^}]*/officeDocument/(?:2006/)?relationships\}(?:link|href)")
_UNREADABLE = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    NotImplementedError,
    RuntimeError,
    EOFError,
    OSError,
)
_REL = "{http://schemas.openxmlformats.org/package/2006/relationships}Relationship"


def opened(data: bytes) -> Any:
    """The document of a template; raises `Invalid` naming `file`, with what is wrong, for one that cannot be used."""
    if len(data) > LARGEST:
        raise _refused(f"A template has at most {LARGEST // 1_048_576} MB; this one has {len(data):,} bytes")
    _check_parts(data)
    try:
        document = Document(io.BytesIO(data))
    except Exception as error:
        raise _refused("It is no whole Word document") from error
    if document.element.body is None or document.element.body.sectPr is None:
        raise _refused("It has no page setup: open it in Word and save it again")
    return document


def _refused(why: str) -> Invalid:
    return Invalid({"file": f"{why}. Nothing was kept."})


def _check_parts(data: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
            if len(parts) > _MOST_PARTS or sum(one.file_size for one in parts) > _MOST_BYTES:
                raise _refused("It unpacks to more than a template can be")
            names = {one.filename for one in parts}
            if "word/document.xml" not in names or _TYPES not in names:
                raise _refused("It is no Word document (.docx)")
            types, left = _types(archive.read(_TYPES)), _MOST_XML
            for one in parts:
                if _EMBEDDED.search(one.filename):
                    raise _refused(f"It carries something embedded or a macro ({one.filename[:80]}): take it out")
                content = archive.read(one)
                if _is_xml(one.filename, content, types):
                    left -= len(content)
                    if left < 0:
                        raise _refused("It unpacks to more than a template can be")
                    _check_part(one.filename, content)
            if _MAIN not in archive.read(_TYPES):
                raise _refused("It is a document with macros or a Word template: save it as an ordinary .docx")
    except _UNREADABLE as error:
        raise _refused("It is no Word document (.docx), or it is damaged or locked by a password") from error


def _types(content: bytes) -> Mapping[str, str]:
    """The media types of parts, by their names and by the endings of names: this says what a part is, not its name.

    Both are compared without regard to case (ECMA-376-2, 6.2.2.3 and 7.2.3.5).
    """
    if len(content) > _MOST_XML:
        raise _refused("It unpacks to more than a template can be")
    found = {}
    for one in _parsed(_TYPES, content).iter():
        name = one.get("PartName") or f".{one.get('Extension', '')}"
        found[name.lower()] = one.get("ContentType", "").lower()
    return found


def _is_xml(name: str, content: bytes, types: Mapping[str, str]) -> bool:
    low = name.lower()
    kind = types.get(f"/{low}") or types.get(low[low.rfind(".") :], "")
    if low.endswith((".xml", ".rels")) or kind.endswith(("xml", "vmldrawing")):
        return True
    return not low.endswith(_FONT) and content[:64].lstrip().startswith(_BEGINS)


def _parsed(name: str, content: bytes) -> Any:
    """A part without comments and instructions, which would cut a text that they stand in."""
    safe = {"resolve_entities": False, "no_network": True, "load_dtd": False, "huge_tree": False}
    parser = etree.XMLParser(**safe, remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise _refused(f"Its XML is broken ({name[:80]})") from error
    if root.getroottree().docinfo.doctype or any(True for _ in root.iter(etree.Entity)):
        raise _refused(f"Its XML declares entities ({name[:80]}), which no Word document needs")
    return root


def _check_part(name: str, content: bytes) -> None:
    root = _parsed(name, content)
    for one in root.iter(_REL):
        _check_relationship(one.get("Type", "").rpartition("/")[2], one.get("TargetMode"), one.get("Target", ""))
    for one in root.iter():
        space, _, kind = one.tag.rpartition("}")
        if kind in _ACTIVE and _WORDS.fullmatch(space):
            raise _refused(f"It embeds or asks for something when it is opened ({kind} in {name[:80]}): take it out")
        if any(_EXTERNAL.fullmatch(key) for key in one.attrib) or _fetches(space, one):
            raise _refused(f"It shows a picture that is fetched from elsewhere ({name[:80]}): put it in itself")
    if word_fields.reach_out(root):
        raise _refused(f"It has a field that fetches or runs something ({name[:80]}): take it out")


def _check_relationship(kind: str, mode: str | None, target: str) -> None:
    if mode == "External" and kind != "hyperlink":
        raise _refused(f"It fetches something from elsewhere ({target[:80]}): take it out")
    if kind in _RELATED:
        raise _refused(f"It carries something embedded or a macro ({kind}, {target[:80]}): take it out")


def _fetches(space: str, one: Any) -> bool:
    """Whether a drawing of the old kind names a picture by its address."""
    return space == f"{{{_VML}" and (one.get("src") is not None or one.get(_OFFICE_HREF) is not None)


def roots(document: Any) -> list[Any]:
    """The body, and each header and footer of its own, as elements; each once."""
    found = [document.element.body]
    for section in document.sections:
        for name in (
            "header",
            "footer",
            "first_page_header",
            "first_page_footer",
            "even_page_header",
            "even_page_footer",
        ):
            edge = getattr(section, name)
            if not edge.is_linked_to_previous:
                found.append(edge._element)  # noqa: SLF001 python-docx has no other way to its element
    return found


def paragraphs(document: Any) -> Iterator[tuple[Any, Paragraph]]:
    """Every paragraph with its text, wherever it stands."""
    body = document.element.body
    for root in roots(document):
        for one in list(root.iter(qn("w:p"))):
            yield one, Paragraph("".join(part.text or "" for part in texts(one)), one.getparent() is body)


def texts(paragraph: Any) -> list[Any]:
    """The pieces of a paragraph's own text; what stands in a frame within it is that frame's."""
    return [one for one in paragraph.iter(qn("w:t")) if next(one.iterancestors(qn("w:p"))) is paragraph]
