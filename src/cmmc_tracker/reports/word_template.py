"""Reading somebody's own Word file as a template: what must not be in it, and which paragraphs it has.

What would fetch, run or hide something when the filled document is opened by an assessor is refused, not taken out: a
person should know of it. XML is parsed without entities and without network.
"""

import io
import re
import zipfile
from collections.abc import Iterator
from typing import Any

from docx import Document
from docx.oxml.ns import qn
from lxml import etree

from cmmc_tracker.domain.plan_template import LARGEST, Paragraph
from cmmc_tracker.errors import Invalid

_MOST_PARTS, _MOST_BYTES = 2_000, 30_000_000
_MAIN = b"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
_RUNS = re.compile(r"\b(DDE|DDEAUTO|INCLUDETEXT|INCLUDEPICTURE|IMPORT|LINK|MACROBUTTON|DATABASE)\b", re.IGNORECASE)
_EMBEDDED = re.compile(r"(embeddings|activex|vbaproject|vbadata|afchunk)", re.IGNORECASE)
_EDGES = [f"{page}{edge}" for page in ("", "first_page_", "even_page_") for edge in ("header", "footer")]
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
            if "word/document.xml" not in names or "[Content_Types].xml" not in names:
                raise _refused("It is no Word document (.docx)")
            for one in parts:
                if _EMBEDDED.search(one.filename):
                    raise _refused(f"It carries something embedded or a macro ({one.filename[:80]}): take it out")
                if one.filename.endswith((".xml", ".rels")):
                    _check_part(one.filename, archive.read(one))
            if _MAIN not in archive.read("[Content_Types].xml"):
                raise _refused("It is a document with macros or a Word template: save it as an ordinary .docx")
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise _refused("It is no Word document (.docx), or it is damaged or locked by a password") from error


def _check_part(name: str, content: bytes) -> None:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise _refused(f"Its XML is broken ({name[:80]})") from error
    if root.getroottree().docinfo.doctype or any(True for _ in root.iter(etree.Entity)):
        raise _refused(f"Its XML declares entities ({name[:80]}), which no Word document needs")
    for one in root.iter(_REL):
        if one.get("TargetMode") == "External" and not one.get("Type", "").endswith("/hyperlink"):
            raise _refused(f"It fetches something from elsewhere ({one.get('Target', '')[:80]}): take it out")
    fields = "".join(one.text or "" for one in root.iter(qn("w:instrText")))
    simple = " ".join(one.get(qn("w:instr"), "") for one in root.iter(qn("w:fldSimple")))
    if _RUNS.search(fields) or _RUNS.search(simple):
        raise _refused(f"It has a field that fetches or runs something ({name[:80]}): take it out")


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
