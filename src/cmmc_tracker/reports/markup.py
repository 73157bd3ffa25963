"""Markdown into HTML that can do no harm: rendered without raw HTML, then sanitised, last of all steps.

No remote picture is ever loaded: a picture becomes its alternative text.
"""

from functools import cache
from typing import Any

import nh3
from markdown_it import MarkdownIt

LONGEST = 1_000_000
_DEEPEST = 20
_DOWN = 2  # headings begin below those of the page
_TAGS = {
    *("p", "br", "hr", "strong", "em", "s", "code", "pre", "blockquote", "a"),
    *("ul", "ol", "li", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
}


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "linkify": False, "maxNesting": _DEEPEST})
    parser.enable(["table", "strikethrough"]).disable("image")
    parser.core.ruler.push("headings_down", _headings_down)
    return parser


def _headings_down(state: Any) -> None:
    for token in state.tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(6, int(token.tag[1]) + _DOWN)}"


def markdown(text: str) -> str:
    """The HTML of a Markdown text of at most a million characters; what is longer is cut."""
    return nh3.clean(
        _parser().render(text[:LONGEST]),
        tags=_TAGS,
        attributes={"a": {"href", "title"}, "ol": {"start"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
        strip_comments=True,
    )
