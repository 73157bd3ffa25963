"""Markdown into HTML that can do no harm: rendered without raw HTML, then sanitised, last of all steps.

No picture is ever loaded, so that reading a text tells no other machine: a picture becomes its alternative text.
A text of the security plan refers to artifacts, assets and providers (`domain.ssp`): each is shown by its name.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from secrets import token_hex
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from cmmc_tracker.domain.ssp import REFERENCE, Reference, Subject, gone

LONGEST = 1_000_000  # characters
_DEEPEST = 30  # levels of lists and quotes, two for a list; the parser leaves out what lies deeper, and is slow there
_DOWN = 2  # headings begin below those of the page
_TAGS = {
    *("p", "br", "hr", "strong", "em", "s", "code", "pre", "blockquote", "a"),
    *("ul", "ol", "li", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
}
_ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}}


def markdown(text: str, things: Mapping[Reference, tuple[str, str]] | None = None) -> str:
    """The HTML of a Markdown text (CommonMark, tables, strikethrough) of at most a million characters.

    What is longer is cut. The answer holds no script, style, picture, form or identifier; links go to http, https
    and mailto only and tell the other side nothing of this page. With `things`, the name and the address of each that
    is known, references become links to them; without, they stay as they were written.
    """
    # Our links go to addresses of this site, which no link of a text may: they are put in after the cleaning, for signs
    # that are new each time, so that no text can bring them along.
    sign = token_hex(16)
    links: list[str] = []
    environment = {"things": things, "links": links, "sign": sign}
    html = _cleaned(_parser().render(text[:LONGEST], environment))
    return re.sub(f"{sign}x([0-9]+)x", lambda match: str(links[int(match[1])]), html) if links else html


def tokens(text: str, names: Mapping[Reference, str]) -> Sequence[Token]:
    """What the parser makes of a Markdown text, for documents that are no HTML; references become their names.

    The same parser as for the pages: what is no markup there is none in a document. What is longer is cut, as there.
    """
    things = {one: (name, "") for one, name in names.items()}
    return _parser().parse(text[:LONGEST], {"things": things, "links": [], "sign": ""})


def _cleaned(html: str) -> str:
    return nh3.clean(
        html,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes={"http", "https", "mailto"},
        url_relative="deny",
        link_rel="noopener noreferrer nofollow",
        strip_comments=True,
    )


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "linkify": False, "maxNesting": _DEEPEST})
    parser.enable(["table", "strikethrough"])
    parser.core.ruler.push("headings_down", _headings_down)
    parser.inline.ruler.before("link", "reference", _reference)
    parser.add_render_rule("image", _alternative_text)
    return parser


def _reference(state: StateInline, silent: bool) -> bool:
    """A reference of the plan's text; within a link it is its name alone, as links do not nest."""
    things: Mapping[Reference, tuple[str, str]] | None = state.env.get("things")
    match = REFERENCE.match(state.src, state.pos, state.posMax)
    if things is None or match is None:
        return False
    if not silent:
        one = Reference(Subject(match[1]), int(match[2]))
        name, address = things.get(one, (gone(one), ""))
        token = state.push("text", "", 0)
        token.content = name
        if address and not state.linkLevel:
            links = state.env["links"]
            token.content = f"{state.env['sign']}x{len(links)}x"
            links.append(f'<a href="{escapeHtml(address)}">{escapeHtml(name)}</a>')
    state.pos = match.end()
    return True


def _headings_down(state: StateCore) -> None:
    for token in state.tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(6, int(token.tag[1]) + _DOWN)}"


def _alternative_text(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    return escapeHtml(renderer.renderInlineAsText(tokens[index].children, options, env) or "(picture)")
