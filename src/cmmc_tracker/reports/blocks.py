"""A document as plain blocks: what the Word file and the PDF of the same thing share, and Markdown made into them.

A block is a small dictionary that JSON can hold, so that one writer may hand it to another language as data, never as
source. Text is cleaned here, in the one place, of what XML and fonts cannot show; nothing in it is markup any more.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypedDict

from markdown_it.token import Token

from cmmc_tracker.domain.plan_source import IN_TEXT
from cmmc_tracker.domain.ssp import Reference
from cmmc_tracker.domain.text import clean_text
from cmmc_tracker.reports.markup import tokens

Block = dict[str, Any]
_NONCHARACTERS = {0xFFFE: None, 0xFFFF: None, 0xFFFC: None}  # the first two are no characters of XML 1.0
_MOST_COLUMNS = 20
_LOWEST = 3  # the level of headings that begin with a requirement's number
_MARKS = {"strong": "bold", "em": "italic", "s": "struck"}


class Span(TypedDict, total=False):
    """A run of text with one look; a line end in it is a line break."""

    text: str
    bold: bool
    italic: bool
    struck: bool
    code: bool


def shown(value: object) -> str:
    """A text that every format can hold: no control, direction or hidden signs; nothing for None."""
    return "" if value is None else clean_text(str(value)).translate(_NONCHARACTERS)


def heading(level: int, text: object) -> Block:
    """A heading of the document's outline, of level 1 to 3."""
    return {"kind": "heading", "level": level, "text": _line(text) or "(without a name)"}


def minor(text: object) -> Block:
    """A heading within a text: it looks like one and stands in no outline."""
    return {"kind": "minor", "text": _line(text)}


def paragraph(text: object, *, italic: bool = False) -> Block:
    """A paragraph of one look."""
    return {"kind": "paragraph", "spans": [Span(text=shown(text), italic=italic)], "indent": 0}


def fact(label: str, value: object, otherwise: str = "not recorded") -> Block:
    """A name and what it is, in one line."""
    return {"kind": "fact", "label": label, "value": shown(value) or otherwise}


def bullet(text: object) -> Block:
    """An item of a plain list."""
    return {"kind": "item", "spans": [Span(text=shown(text))], "depth": 0, "number": None, "first": False}


def table(
    header: Sequence[str], rows: Iterable[Sequence[object]], widths: Sequence[int] | None = None, caption: str = ""
) -> Block:
    """A table with a header row; `widths` are shares. Rows are filled up to the header.

    The `caption` stands above it where tables are numbered.
    """
    told = [[shown(cell) for cell in row] for row in rows]
    even = [1] * len(header)
    whole = [[*row, *[""] * (len(header) - len(row))] for row in told]
    head = [shown(one) for one in header]
    return {"kind": "table", "header": head, "rows": whole, "widths": list(widths or even), "caption": _line(caption)}


def numbered(blocks: Iterable[Block]) -> Iterator[Block]:
    """The blocks with their tables numbered from 1; one that was written in a text has the heading above as caption."""
    number, under = 0, ""
    for one in blocks:
        if one["kind"] == "heading":
            under = one["text"].split()[0] if one["level"] == _LOWEST else one["text"]
        if one["kind"] == "table":
            number += 1
            yield {**one, "number": number, "caption": one["caption"] or f"{IN_TEXT} {under}"}
        else:
            yield one


def words_of(block: Block) -> Iterator[str]:
    """What a document shows of a block, a paragraph or a cell at a time."""
    if block["kind"] == "table":
        yield from (cell for row in (block["header"], *block["rows"]) for cell in row)
    elif block["kind"] == "fact":
        yield f"{block['label']}: {block['value']}"
    elif "spans" in block:
        yield "".join(span["text"] for span in block["spans"])
    else:
        yield block["text"]


def markdown(text: str, names: Mapping[Reference, str]) -> list[Block]:
    """The blocks of a Markdown text. Raw HTML is text, a picture its alternative text, a link its text and address."""
    return list(_Reader(names).blocks(tokens(shown(text), names)))


def _line(text: object) -> str:
    return " ".join(shown(text).split())


class _Reader:
    """Reads the parser's tokens in one pass; lists and quotes are depths, not nests."""

    def __init__(self, names: Mapping[Reference, str]) -> None:
        self._names = names
        self._lists: list[int | None] = []  # of each open list: the number of its next item, or None
        self._quotes = 0
        self._item: tuple[int | None, bool] | None = None  # of an item whose first paragraph is still to come
        self._first = False

    def blocks(self, found: Sequence[Token]) -> Iterator[Block]:
        """The blocks, in the order of the text."""
        at = 0
        while at < len(found):
            token = found[at]
            if token.type == "table_open":
                end = next(n for n in range(at, len(found)) if found[n].type == "table_close")
                yield from _table(found[at:end])
                at = end
            elif token.type == "heading_open":
                yield minor("".join(span["text"] for span in _spans(found[at + 1])))
                at += 2
            elif token.type in {"fence", "code_block"}:
                yield {"kind": "code", "text": _kept(token.content.rstrip())}
            elif token.type == "inline":
                yield self._paragraph(_spans(token))
            else:
                self._note(token)
            at += 1

    def _note(self, token: Token) -> None:
        """Keep what a token opens or closes."""
        if token.type == "ordered_list_open":
            self._lists.append(int(token.attrGet("start") or 1))
            self._first = True
        elif token.type == "bullet_list_open":
            self._lists.append(None)
        elif token.type in {"ordered_list_close", "bullet_list_close"}:
            self._lists.pop()
        elif token.type == "list_item_open":
            number = self._lists[-1]
            self._item = (number, self._first)
            self._first = False
            self._lists[-1] = None if number is None else number + 1
        elif token.type == "list_item_close":
            self._item = None
        elif token.type in {"blockquote_open", "blockquote_close"}:
            self._quotes += 1 if token.nesting > 0 else -1

    def _paragraph(self, spans: list[Span]) -> Block:
        depth = len(self._lists)
        if self._item is None:
            return {"kind": "paragraph", "spans": spans, "indent": depth + self._quotes}
        number, first = self._item
        self._item = None
        return {"kind": "item", "spans": spans, "depth": depth - 1, "number": number, "first": first}


def _spans(token: Token) -> list[Span]:
    """The runs of an inline token; neighbours of the same look are one."""
    look: dict[str, int] = {}
    links: list[str] = []
    found: list[Span] = []
    for child in token.children or ():
        mark = _MARKS.get(child.type.rpartition("_")[0])
        if mark is not None:
            look[mark] = look.get(mark, 0) + child.nesting
        elif child.type == "link_open":
            links.append(str(child.attrGet("href") or ""))
        elif child.type == "link_close":
            _add(found, _address(links.pop(), found), look)
        else:
            _add(found, _text(child), look, code=child.type == "code_inline")
    return found


def _address(href: str, found: Sequence[Span]) -> str:
    """A link's address behind its text, unless the text is the address."""
    before = found[-1]["text"] if found else ""
    return "" if not href or before.endswith(href.removeprefix("mailto:")) else f" ({href})"


def _text(child: Token) -> str:
    if child.type == "softbreak":
        return " "
    if child.type == "hardbreak":
        return "\n"
    if child.type == "image":
        return child.content or "(picture)"
    return child.content


def _add(found: list[Span], text: str, look: Mapping[str, int], *, code: bool = False) -> None:
    kept = _kept(text)
    if not kept:
        return
    span = Span(text=kept, code=code)
    for mark, depth in look.items():
        if depth > 0:
            span[mark] = True  # type: ignore[literal-required]
    if found and {**found[-1], "text": ""} == {**span, "text": ""}:
        found[-1]["text"] += kept
    else:
        found.append(span)


def _kept(text: str) -> str:
    """The text cleaned with the blanks around it kept: a character reference brings back what cleaning took."""
    return shown(f"|{text}|")[1:-1]


def _table(found: Sequence[Token]) -> Iterator[Block]:
    """A table; one with more columns than a page bears is told row by row."""
    rows: list[list[str]] = []
    for token in found:
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline":
            rows[-1].append("".join(span["text"] for span in _spans(token)))
    if len(rows[0]) > _MOST_COLUMNS:
        yield from (paragraph(" | ".join(row)) for row in rows)
    else:
        yield table(rows[0], rows[1:])
