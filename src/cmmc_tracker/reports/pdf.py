"""Documents as PDF: tagged for readers (PDF/UA-1), with bookmarks and their own fonts.

A document is handed to typst as JSON, never as source: nothing that people typed can become markup there. The same
snapshot gives the same bytes, for the document's time is the snapshot's.
"""

import base64
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from threading import BoundedSemaphore
from typing import Any

from cmmc_tracker.errors import Busy
from cmmc_tracker.reports import facts, typst_child
from cmmc_tracker.reports.blocks import Block, shown

_BODY_RUN, _CELL_RUN = 60, 22  # signs without a blank after which a line may be broken
_BREAK = "\u200b"
_WIDEST, _TALLEST = 16.9, 15.0  # centimetres of a picture
_SHORT = 70  # signs of the system's name in the header
_SOURCE = r"""
#let plan = json(bytes(sys.inputs.plan))
#let pictures = json(bytes(sys.inputs.pictures))
#set document(title: plan.title + ": " + plan.system, author: plan.organization, date: auto)
#set text(font: ("Libertinus Serif", "DejaVu Sans Mono"), size: 10.5pt, lang: "en", region: "US", hyphenate: false)
#set page(
  paper: "us-letter", margin: (x: 2.2cm, top: 2.4cm, bottom: 2.2cm),
  header: context if counter(page).get().first() > 1 {
    set text(8.5pt, fill: luma(80))
    grid(columns: (1fr, auto), align: (left, right), plan.title + ": " + plan.short, plan.mark)
  },
  footer: context {
    set text(8.5pt, fill: luma(80))
    grid(columns: (1fr, auto), [As of ] + plan.at,
      [Page ] + counter(page).display() + [ of ] + str(counter(page).final().first()))
  },
)
#set par(leading: 0.6em, spacing: 0.85em)
#show heading: set block(above: 1.4em, below: 0.7em, sticky: true)
#show heading.where(level: 1): set text(15pt, fill: rgb("#1f3f5b"))
#show heading.where(level: 2): set text(12.5pt, fill: rgb("#1f3f5b"))
#show heading.where(level: 3): set text(11pt)
#show title: set text(24pt, fill: rgb("#1f3f5b"))
#show title: set block(above: 0pt, below: 0.9em)
#show raw: set text(font: "DejaVu Sans Mono", size: 8.5pt)

#show figure: set block(breakable: true, above: 1.1em, below: 1em)
#show figure: set align(left)
#set figure(gap: 0.6em)
#set figure.caption(position: top)
#show figure.caption: one => block(sticky: true, text(9pt, fill: rgb("#1f3f5b"), strong(one.body)))

#let lines(said) = said.split("\n").map(part => [#part]).join(linebreak())
#let run(span) = {
  let said = if span.at("code", default: false) { text(font: "DejaVu Sans Mono", size: 8.5pt, lines(span.text)) }
    else { lines(span.text) }
  if span.at("bold", default: false) { said = strong(said) }
  if span.at("italic", default: false) { said = emph(said) }
  if span.at("struck", default: false) { said = strike(said) }
  said
}
#let runs(spans) = spans.map(run).join()
#let bare(block) = {
  set text(9pt)
  set par(leading: 0.5em)
  show table.cell.where(y: 0): strong
  table(
    columns: block.widths.map(share => share * 1fr), stroke: 0.5pt + luma(170), inset: 5pt, align: left,
    fill: (x, y) => if y == 0 { rgb("#e8eef3") },
    table.header(..block.header.map(cell => lines(cell))),
    ..block.rows.flatten().map(cell => lines(cell)),
  )
}
#let rows(block) = {
  if "number" in block {
    figure(bare(block), kind: "listed", supplement: none, numbering: none,
      caption: [Table #block.number: #lines(block.caption)])
  } else { bare(block) }
}
#let listed(found) = {
  let body(item) = {
    runs(item.spans)
    for under in item.under { listed(under) }
  }
  if found.first().number == none { list(..found.map(body)) }
  else { enum(..found.map(item => enum.item(item.number, body(item)))) }
}
#let code(said) = block(
  fill: luma(245), inset: 6pt, width: 100%, text(font: "DejaVu Sans Mono", size: 8.5pt, lines(said)),
)
#let picture(one) = block(
  above: 1em, below: 0.5em, sticky: true, stroke: 0.5pt + luma(170), inset: 2pt,
  image(bytes(pictures.at(one.number)), alt: one.alt, width: one.width * 1cm),
)
#let shown(one) = {
  if one.kind == "heading" { heading(level: one.level, one.text) }
  else if one.kind == "minor" { block(above: 1.1em, below: 0.6em, sticky: true, strong(lines(one.text))) }
  else if one.kind == "fact" { block(above: 0.5em, below: 0.5em, [#strong(one.label + ":") #lines(one.value)]) }
  else if one.kind == "paragraph" { pad(left: calc.min(one.indent, 8) * 1.3em, par(runs(one.spans))) }
  else if one.kind == "code" { code(one.text) }
  else if one.kind == "table" { rows(one) }
  else if one.kind == "list" { listed(one.items) }
  else if one.kind == "picture" { picture(one) }
}

#let provisional = if plan.provisional != "" {
  block(stroke: 1pt + rgb("#8a5a00"), inset: 8pt, below: 1.6em, text(fill: rgb("#6b4600"), strong(plan.provisional)))
}
#let said = for (label, value) in plan.facts {
  block(above: plan.apart * 1em, below: plan.apart * 1em, [#strong(label + ":") #lines(value)])
}
#let note = if sys.inputs.note != "" { block(above: 2em, emph(sys.inputs.note)) }

#if plan.cover {
  v(4cm)
  block(below: 0.8em, text(13pt, fill: luma(80), plan.organization))
  title(plan.title)
  block(below: 2em, text(16pt, lines(plan.system)))
  [#provisional #said #note]
  pagebreak()
  outline(title: [Contents], depth: 3, indent: 1em)
  pagebreak()
} else {
  block(below: 0.8em, text(11pt, fill: luma(80), plan.organization))
  { show title: set text(19pt); title(plan.title) }
  block(below: 1em, text(12.5pt, lines(plan.system)))
  [#provisional #said #note]
  v(0.4em)
}
#for one in plan.blocks { shown(one) }
"""
_DEEPEST = 6  # levels of lists that are drawn as such; what lies deeper stands at the last
_NOT_DRAWN = (
    "This machine has no font for some of the signs that were typed: an empty box stands for each. "
    "The Word file has them."
)
_SECONDS = 180  # by the clock
_PATIENCE = 60.0  # seconds for a turn
# Each takes a core and some hundred megabytes; a package sets several at once, and so may several people.
_children = BoundedSemaphore(3)
_HEAD = {"CMMC level", "CAGE codes", "Assessment scope", "Made with", "Score", "Supports"}


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG or JPEG that was drawn anew here, so that typst can surely read it; width and height in pixels."""

    data: bytes
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Paper:
    """A whole document: its title, of what it is, the facts at its head, its text."""

    title: str
    system: str
    organization: str
    at: str  # the snapshot's instant, as people read it
    facts: tuple[tuple[str, str], ...]
    provisional: str  # empty where every objective is assessed
    blocks: tuple[Block, ...]
    cover: bool = False  # with a title page and a table of contents
    sources: Mapping[str, Any] = field(default_factory=dict)  # of texts, for a document that can carry them
    pictures: tuple[Picture, ...] = ()  # that blocks name by their place here


def picture(number: int, one: Picture, alt: object) -> Block:
    """A picture of the paper by its place there, as large as fits; `alt` tells who cannot see it what it is."""
    width = min(_WIDEST, _TALLEST * one.width / one.height)
    return {"kind": "picture", "number": number, "alt": " ".join(shown(alt).split()), "width": round(width, 2)}


def paper(
    snapshot: Mapping[str, Any],
    title: str,
    blocks: Iterable[Block],
    *,
    cover: bool = False,
    pictures: Iterable[Picture] = (),
) -> Paper:
    """A document of a snapshot, with what every document says of itself at its head."""
    open_ = facts.provisional(snapshot)
    said = [(name, shown(value)) for name, value in facts.about(snapshot) if name in _HEAD]
    said.insert(3, ("As it stood", when(snapshot)))
    return Paper(
        title=title,
        system=" ".join(shown(snapshot["system"]["name"]).split()) or "(system without a name)",
        organization=" ".join(shown(snapshot["organization"]).split()),
        at=when(snapshot),
        facts=tuple((name, value or "not recorded") for name, value in said),
        provisional=f"{open_}." if open_ else "",
        blocks=tuple(blocks),
        cover=cover,
        pictures=tuple(pictures),
    )


def when(snapshot: Mapping[str, Any]) -> str:
    """The snapshot's instant as people read it."""
    return shown(snapshot["frozen_at"]).replace("T", " ").replace("Z", " UTC")


def typeset(made: Paper, at: str) -> bytes:
    """The PDF; the same document gives the same bytes with the same fonts. `at` is its instant in ISO form.

    Raises `Busy` while too many are being made.
    """
    plan = asdict(replace(made, sources={}, pictures=()))
    name = plan["system"]
    plan["short"] = name if len(name) <= _SHORT else f"{name[: _SHORT - 1]}…"
    plan["mark"] = "PROVISIONAL" if plan["provisional"] else ""
    plan["apart"] = 0.7 if made.cover else 0.5
    plan["blocks"] = list(_nested(plan["blocks"]))
    inputs = {"plan": json.dumps(_breakable(plan, _BODY_RUN))}
    drawn = [base64.b64encode(one.data).decode("ascii") for one in made.pictures]
    told = {"source": _SOURCE, "inputs": inputs, "pictures": drawn, "at": at, "note": _NOT_DRAWN}
    # By its file, isolated: the package may run from a folder that a bare interpreter does not know.
    command = [sys.executable, "-I", typst_child.__file__]
    if not _children.acquire(timeout=_PATIENCE):
        raise Busy("Too many documents are being made just now. Please try again in a minute.")
    try:
        done = subprocess.run(  # noqa: S603 our own script, without arguments
            command, input=json.dumps(told).encode(), capture_output=True, check=True, timeout=_SECONDS, env={}, cwd="/"
        )
    finally:
        _children.release()
    return done.stdout


def _breakable(value: Any, run: int) -> Any:
    """The data with places in long runs of signs where a line may be broken; in tables, more of them."""
    if isinstance(value, str):
        return re.sub(rf"(\S{{{run}}})(?=\S)", rf"\1{_BREAK}", value)
    if isinstance(value, Mapping):
        narrow = _CELL_RUN if value.get("kind") == "table" else run
        return {key: _breakable(one, narrow) for key, one in value.items()}
    return [_breakable(one, run) for one in value] if isinstance(value, list | tuple) else value


def _nested(blocks: Sequence[Block]) -> Iterator[Block]:
    """The blocks with neighbouring items as nested lists; a new list begins where numbers begin or end."""
    at = 0
    while at < len(blocks):
        end = at
        while end < len(blocks) and blocks[end]["kind"] == "item":
            end += 1
        if end == at:
            yield blocks[at]
            at += 1
        else:
            yield from ({"kind": "list", "items": group} for group in _groups(blocks[at:end], 0))
            at = end


def _groups(items: Sequence[Block], depth: int) -> list[list[dict[str, Any]]]:
    """Lists of one depth, each item with the lists under it."""
    groups: list[list[dict[str, Any]]] = []
    at = 0
    while at < len(items):
        end = at + 1
        while depth < _DEEPEST and end < len(items) and items[end]["depth"] > max(depth, items[at]["depth"]):
            end += 1
        one = items[at]
        told = {"number": one["number"], "spans": one["spans"], "under": _groups(items[at + 1 : end], depth + 1)}
        same = groups and (groups[-1][0]["number"] is None) == (one["number"] is None) and not one["first"]
        if same:
            groups[-1].append(told)
        else:
            groups.append([told])
        at = end
    return groups
