"""Markdown into HTML that can do no harm: rendered without raw HTML, then sanitised, last of all steps.

No picture is ever loaded, so that reading a text tells no other machine: a picture becomes its alternative text.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

LONGEST = 1_000_000  # characters
_DEEPEST = 30  # levels of lists and quotes, two for a list; the parser leaves out what lies deeper, and is slow there
_DOWN = 2  # headings begin below those of the page
_TAGS = {
    *("p", "br", "hr", "strong", "em", "s", "code", "pre", "blockquote", "a"),
    *("ul", "ol", "li", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
}
_ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}}


def markdown(text: str) -> str:
    """The HTML of a Markdown text (CommonMark, tables, strikethrough) of at most a million characters.

    What is longer is cut. The answer holds no script, style, picture, form or identifier; links go to http, https
    and mailto only and tell the other side nothing of this page.
    """
    return nh3.clean(
        _parser().render(text[:LONGEST]),
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
    parser.add_render_rule("image", _alternative_text)
    return parser


def _headings_down(state: StateCore) -> None:
    for token in state.tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(6, int(token.tag[1]) + _DOWN)}"


def _alternative_text(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    return escapeHtml(renderer.renderInlineAsText(tokens[index].children, options, env) or "(picture)")
