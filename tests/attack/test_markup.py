"""Hostile Markdown: in every shape it comes out as text, or as a link that can do no harm."""

from html.parser import HTMLParser
from typing import Any

import nh3
import pytest

from cmmc_tracker.reports import markup
from cmmc_tracker.reports.markup import markdown
from tests.conftest import Person

RUNS = [
    *(
        "javascript:alert(1)",
        "JAVASCRIPT:alert(1)",
        " javascript:alert(1)",
        "\x01javascript:alert(1)",
        "java\tscript:x",
    ),
    "java\nscript:alert(1)",
    "javascript&colon;alert(1)",
    "&#106;&#97;vascript:alert(1)",
    "&#x6A;avascript:alert(1)",
    "&#0000106avascript:alert(1)",
    "javascript&#58;alert(1)",
    "javascript%3Aalert(1)",
    "java&Tab;script:alert(1)",
    *(
        "java&NewLine;script:alert(1)",
        "vbscript:msgbox(1)",
        "VBSCRIPT:x",
        "livescript:x",
        "mocha:x",
        "feed:javascript:x",
    ),
    "data:text/html,<script>alert(1)</script>",
    "data:text/html;base64,PHNjcmlwdD4=",
    "data:image/svg+xml,<svg/>",
    "DATA:text/html,x",
    "view-source:javascript:x",
    "blob:x",
    "filesystem:x",
    "file:///etc/passwd",
    "about:blank",
    *(
        "jar:http://e!/x",
        "ms-word:ofe|u|http://e/x",
        "intent://e#Intent;end",
        "ws://e/",
        "ftp://e/",
        "tel:1",
        "chrome:x",
    ),
    *(
        "//evil.example",
        "\\\\evil.example",
        "/\\evil.example",
        "/logout",
        "?x",
        "#x",
        "../x",
        "x",
        "\u202ejavascript:x",
    ),
]
SHAPES = [
    "[x]({})",
    "[x](<{}>)",
    "<{}>",
    "[x][1]\n\n[1]: {}",
    "[x][1]\n\n[1]: <{}>",
    '[x]({} "t")',
    "![x]({})",
    "![x][1]\n\n[1]: {}",
    "[![x]({})]({})",
    '<a href="{}">x</a>',
    "<img src='{}'>",
    "<iframe src={}></iframe>",
    "<form action='{}'><button>",
    "<object data='{}'>",
    "<embed src='{}'>",
    "<base href='{}'>",
    "<link href='{}'>",
    "<meta http-equiv=refresh content='0;url={}'>",
    "<svg><a xlink:href='{}'>x</a></svg>",
    "<math href='{}'>x",
    "<video src='{}' poster='{}'>",
    "<table background='{}'>",
    "<p style='background:url({})'>",
    "<input src='{}'>",
]
HARMLESS = {
    "a",
    "blockquote",
    "br",
    "code",
    "em",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "li",
    "ol",
    "p",
    "pre",
    "s",
    "strong",
    "ul",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "tr",
}


class _Seen(HTMLParser):
    """The elements of some HTML, with their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))


def _check(html: str) -> None:
    for tag, attributes in _Seen(html).elements:
        assert tag in HARMLESS, html
        assert set(attributes) <= {"href", "title", "rel", "start"}, html
        if "href" in attributes:
            assert (attributes["href"] or "").startswith(("http://", "https://", "mailto:")), html
            assert {"noopener", "noreferrer"} <= set((attributes["rel"] or "").split()), html
    assert "<img" not in html


@pytest.mark.parametrize("shape", SHAPES)
def test_no_address_in_no_shape_runs_or_loads_anything(shape: str) -> None:
    for address in [*RUNS, "https://evil.example/p.png"]:
        html = markdown(shape.replace("{}", address))
        _check(html)


HOSTILE = [
    *(
        "<script>alert(1)</script>",
        "<SCRIPT SRC=//evil.example></SCRIPT>",
        "<scr<script>ipt>alert(1)</scr</script>ipt>",
    ),
    *(
        "<img src=x onerror=alert(1)>",
        "<svg/onload=alert(1)>",
        "<body onload=alert(1)>",
        "<details open ontoggle=alert(1)>",
    ),
    *(
        "<style>@import'//evil.example'</style>",
        "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
        "<!--><img src=x>-->",
    ),
    "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<template><img src=x></template>",
    *(
        "`<img src=x onerror=alert(1)>`",
        "```\n</code></pre><script>alert(1)</script>\n```",
        "    <script>alert(1)</script>",
    ),
    '``` "><script>alert(1)</script>\nx\n```',
    "~~~html onload=alert(1)\nx\n~~~",
    "# <img src=x onerror=alert(1)>",
    *(
        "|<img src=x onerror=alert(1)>|\n|-|\n|x|",
        "- <script>x</script>",
        "> <script>x</script>",
        "1. <iframe src=//e>",
    ),
    '[x](https://e "onclick=alert(1)")',
    "[x](https://e '\"><script>alert(1)</script>')",
    "[<img src=x>](https://e)",
    '[x](https://e"onmouseover="alert(1))',
    "[x](https://e'onmouseover='alert(1))",
    "[x](https://e `onclick=x`)",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "\\<script>alert(1)\\</script>",
    "<\x00script>alert(1)</script>",
    "[a]: https://e\n[a]: javascript:x\n[a]",
    "[x]: javascript:alert(1)\n\n[x]",
    '<https://e/"onclick=alert(1)>',
    "<mailto:a@b.example?subject=x&body=y>",
    "<http://e/\x00javascript:x>",
    "![a](https://e/a.png)![b](//e/b.png)",
    *(
        '<a id="location" name="cookie">x</a>',
        "<form id=x><input name=attributes>",
        "<p class=flash>x</p>",
        "<base target=x>",
    ),
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_comes_out_harmless(text: str) -> None:
    for around in ("{}", "a {} b", "> - {}", "{}\n\n{}"):
        _check(markdown(around.replace("{}", text)))


def test_sanitising_is_the_last_step_whatever_the_renderer_does(monkeypatch: pytest.MonkeyPatch) -> None:
    class _Broken:
        def render(self, _text: str, _environment: object) -> str:
            return '<p onclick="x">a<script>alert(1)</script><img src="https://e/p"><a href="javascript:x">b</a></p>'

    monkeypatch.setattr(markup, "_parser", _Broken)
    _check(markdown("x"))
    assert "alert" not in markdown("x")


def test_nothing_is_done_to_the_html_after_it_was_sanitised(monkeypatch: pytest.MonkeyPatch) -> None:
    def marked(html: str, **_: Any) -> str:
        return f"sanitised:{html}"

    monkeypatch.setattr(nh3, "clean", marked)
    assert markdown("x") == "sanitised:<p>x</p>\n"


def test_on_the_page_a_text_of_evidence_loads_nothing_from_elsewhere(user: Person) -> None:
    text = "![x](https://evil.example/p.png)\n\n[y](https://evil.example/)\n\n<img src=https://evil.example/q.png>\n"
    user.upload("a.md", text.encode())
    page = user.get("/artifacts/1").text
    assert 'href="https://evil.example/" rel="noopener noreferrer nofollow"' in page
    assert 'src="https://evil' not in page
    assert page.count("<img") == page.count('<img src="/static/icon.svg')
