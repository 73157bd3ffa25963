"""The security plan in an organization's own template: placeholders become what the snapshot says.

A name stands for a text, whose look is that of the place where it stands, or for a whole part of the plan, which takes
the place of its paragraph in the template's own styles; a style that it does not have is brought along.
"""

from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from datetime import datetime
from importlib.metadata import version
from itertools import chain, takewhile
from typing import Any

from docx.opc.constants import CONTENT_TYPE, RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.oxml.ns import qn
from docx.parts.numbering import NumberingPart
from lxml import etree

from cmmc_tracker.domain.plan_document import Document
from cmmc_tracker.domain.plan_template import BLOCKS, IN_BRACES
from cmmc_tracker.reports import facts, word_template
from cmmc_tracker.reports.blocks import Block, numbered, shown
from cmmc_tracker.reports.pdf import when
from cmmc_tracker.reports.ssp_content import parts
from cmmc_tracker.reports.word import WIDE, Writer, element, headings, opened, saved

_STYLES = {
    "BodyText": "Body Text",
    "Caption": "Caption",
    "Heading1": "Heading 1",
    "Heading2": "Heading 2",
    "Heading3": "Heading 3",
    "ListBullet": "List Bullet",
    "ListNumber": "List Number",
    "Fact": "Fact",
    "Minor": "Minor",
    "Code": "Code",
    "Cell": "Cell",
    "TableGrid": "Table Grid",
}
_END: Block = {"kind": "end"}
_SCALED = ("tblW", "gridCol", "tcW")


def fill(template: bytes, snapshot: Mapping[str, Any]) -> bytes:
    """The filled document; the same snapshot and template give the same bytes. Raises `Invalid` as `opened` does."""
    document = word_template.opened(template)
    said = _texts(snapshot)
    places = []
    for paragraph, told in word_template.paragraphs(document):
        name = IN_BRACES.fullmatch(told.text.strip())
        if name and name[1] in BLOCKS and told.is_free:
            places.append((paragraph, name[1]))
        elif IN_BRACES.search(told.text):
            _replace(paragraph, said)
    if places:
        _write(document, places, snapshot)
    return saved(document, datetime.fromisoformat(snapshot["frozen_at"]))


def _texts(snapshot: Mapping[str, Any]) -> Mapping[str, str]:
    system, made = snapshot["system"], snapshot["plan_versions"]
    approved = [one for one in made if one["approved_at"]]
    found = {
        "organization": snapshot["organization"],
        "system.name": system["name"],
        "system.identifier": system["slug"],
        "system.level": system["level"],
        "system.scope": facts.scope(snapshot),
        "system.cage_codes": ", ".join(system["cage_codes"].split()),
        "system.contracts": system["contracts"],
        "plan.as_of": when(snapshot),
        "plan.state": facts.provisional(snapshot),
        "plan.version": made[-1]["number"] if made else "none yet",
        "plan.approved_by": approved[-1]["approved_by"] if approved else "not approved yet",
        "plan.approved_on": approved[-1]["approved_at"][:10] if approved else "not approved yet",
        "plan.score": facts.score(snapshot),
        "tracker": f"CMMC Artifact Tracker {version('cmmc-tracker')}",
    }
    return {name: " ".join(shown(value).split()) for name, value in found.items()}


def _replace(paragraph: Any, said: Mapping[str, str]) -> None:
    """Put texts in the place of their names, which may be cut over several runs; the first run's look holds."""
    pieces = word_template.texts(paragraph)
    whole = "".join(one.text or "" for one in pieces)
    for match in reversed(list(IN_BRACES.finditer(whole))):
        if match[1] in said:
            _put(pieces, match.span(), said[match[1]])


def _put(pieces: Iterable[Any], span: tuple[int, int], text: str) -> None:
    at = 0
    for piece in pieces:
        old = piece.text or ""
        start, end = max(span[0] - at, 0), min(span[1] - at, len(old))
        at += len(old)
        if start < end:
            piece.text = old[:start] + text + old[end:]
            piece.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")
            text = ""


def _write(document: Any, places: Iterable[tuple[Any, str]], snapshot: Mapping[str, Any]) -> None:
    """Put parts of the plan in the place of their paragraphs."""
    plan = Document.from_json(snapshot["plan"])
    made: Mapping[str, Callable[[], Iterable[Block]]] = parts(snapshot, plan)
    # One after the other in the order of the document, so that its tables are numbered through.
    counted = numbered(chain.from_iterable((*made[name](), _END) for _, name in places))
    told = [(place, list(takewhile(lambda one: one is not _END, counted))) for place, _ in places]
    ours = opened()
    names = _styles(document, ours)
    bullets, numbers = _numbering(document, ours)
    entries = iter(headings(block for _, blocks in told for block in blocks))
    share = _width(document) / WIDE
    for place, blocks in told:
        writer = Writer(document, place, numbers)
        writer.write(blocks, entries)
        for one in writer.written:
            _dress(one, names, bullets, share)
        place.getparent().remove(place)


def _width(document: Any) -> int:
    """What lies between the margins of a page, in twentieths of a point."""
    first = document.sections[0]
    sizes = (first.page_width, first.left_margin, first.right_margin)
    if any(one is None for one in sizes):
        return WIDE
    return max(int((sizes[0] - sizes[1] - sizes[2]) / 635), WIDE // 4)


def _dress(one: Any, names: Mapping[str, str], bullets: str, share: float) -> None:
    """Give an element the template's styles, its own list of bullets, and the width of the page."""
    for style in one.iter(qn("w:pStyle"), qn("w:tblStyle")):
        name = style.get(qn("w:val"))
        if name == "ListBullet":
            style.addnext(element("numPr", element("ilvl", val=0), element("numId", val=bullets)))
        style.set(qn("w:val"), names[name])
    for tag in _SCALED:
        for width in one.iter(qn(f"w:{tag}")):
            width.set(qn("w:w"), str(int(int(width.get(qn("w:w"))) * share)))


def _styles(document: Any, ours: Any) -> dict[str, str]:
    """For each style that is written its identifier in the template, where it is brought along if it is missing."""
    there = {one.name.casefold(): one.style_id for one in document.styles if one.name}
    taken = {one.style_id for one in document.styles}
    found = {}
    for identifier, name in _STYLES.items():
        if name.casefold() in there:
            found[identifier] = there[name.casefold()]
            continue
        brought = deepcopy(ours.styles[name].element)
        found[identifier] = f"Tracker{identifier}" if identifier in taken else identifier
        brought.set(qn("w:styleId"), found[identifier])
        based = brought.find(qn("w:basedOn"))
        if based is not None:
            kind = "Normal Table" if name == "Table Grid" else "Normal"
            based.set(qn("w:val"), there.get(kind.casefold(), based.get(qn("w:val"))))
        for tag in ("w:numPr", "w:link", "w:next"):
            for leaf in list(brought.iter(qn(tag))):
                leaf.getparent().remove(leaf)
        document.styles.element.append(brought)
    return found


def _numbering(document: Any, ours: Any) -> tuple[str, str]:
    """Our lists in the template: the number of the list of bullets, and the abstract one that numbered lists are of."""
    root = _numbering_part(document, ours).element
    source = ours.part.numbering_part.element
    taken = [int(one.get(qn("w:abstractNumId"))) for one in root.findall(qn("w:abstractNum"))]
    made = []
    for offset, name in enumerate(("List Bullet", "List Number"), 1):
        number = ours.styles[name].element.pPr.numPr.numId.val
        wanted = str(source.num_having_numId(number).abstractNumId.val)
        copy = deepcopy(next(a for a in source.findall(qn("w:abstractNum")) if a.get(qn("w:abstractNumId")) == wanted))
        made.append(str(max(taken, default=-1) + offset))
        copy.set(qn("w:abstractNumId"), made[-1])
        for tag in ("w:pStyle", "w:nsid", "w:tmpl"):
            for leaf in list(copy.iter(qn(tag))):
                leaf.getparent().remove(leaf)
        first = root.find(qn("w:num"))
        if first is None:
            root.append(copy)
        else:
            first.addprevious(copy)
    return str(root.add_num(int(made[0])).numId), made[1]


def _numbering_part(document: Any, ours: Any) -> Any:
    """The template's part of lists, made where it has none."""
    try:
        return document.part.part_related_by(RELATIONSHIP_TYPE.NUMBERING)
    except KeyError:
        empty = deepcopy(ours.part.numbering_part.element)
        for one in list(empty):
            empty.remove(one)
        name = PackURI("/word/numbering.xml")
        part = NumberingPart.load(name, CONTENT_TYPE.WML_NUMBERING, etree.tostring(empty), document.part.package)
        document.part.relate_to(part, RELATIONSHIP_TYPE.NUMBERING)
        return part
