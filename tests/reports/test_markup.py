"""Markdown as HTML: what it renders, what it lets nobody smuggle in, and that no text takes it long."""

import time
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmmc_tracker.domain.ssp import Reference, Subject
from cmmc_tracker.reports import markup
from cmmc_tracker.reports.markup import LONGEST, markdown

# Written out again: the test must not believe the list that it tests.
SAFE_TAGS = {
    *("a", "blockquote", "br", "code", "em", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "s", "strong", "ul"),
    *("table", "tbody", "td", "th", "thead", "tr"),
}


class _Seen(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[tuple[str, str]] = set()
        self.addresses: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {(tag, name) for name, _ in attrs}
        self.addresses += [value or "" for name, value in attrs if name in {"href", "src"}]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize(
    ("text", "html"),
    [
        (
            "one *two* **three** ~~four~~ `five`",
            "<p>one <em>two</em> <strong>three</strong> <s>four</s> <code>five</code></p>",
        ),
        ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>"),
        ("3. a\n4. b", '<ol start="3">\n<li>a</li>\n<li>b</li>\n</ol>'),
        ("> said", "<blockquote>\n<p>said</p>\n</blockquote>"),
        ("```sh\nls <dir>\n```", "<pre><code>ls &lt;dir&gt;\n</code></pre>"),
        ("a  \nb", "<p>a<br>\nb</p>"),
        ("", ""),
    ],
)
def test_it_renders_what_people_write(text: str, html: str) -> None:
    assert markdown(text).strip() == html


def test_it_renders_tables() -> None:
    html = markdown("|port|use|\n|---:|:--|\n|443|web|")
    assert "<th>port</th>" in html
    assert "<td>443</td>" in html
    assert "style" not in html


@pytest.mark.parametrize(("level", "shown"), [(1, 3), (2, 4), (3, 5), (4, 6), (5, 6), (6, 6)])
def test_headings_stand_below_those_of_the_page(level: int, shown: int) -> None:
    assert markdown(f"{'#' * level} Title").strip() == f"<h{shown}>Title</h{shown}>"


def test_underlined_headings_stand_below_those_of_the_page_too() -> None:
    assert markdown("Title\n=====\n\nPart\n----") == "<h3>Title</h3>\n<h4>Part</h4>\n"


@pytest.mark.parametrize("address", ["http://a.example/", "https://a.example/x?y=1", "mailto:a@b.example"])
def test_links_go_out_without_a_trace_of_this_page(address: str) -> None:
    assert markdown(f"[x]({address})").strip() == f'<p><a href="{address}" rel="noopener noreferrer nofollow">x</a></p>'


@pytest.mark.parametrize(
    "address",
    [
        *("javascript:alert(1)", "JaVaScRiPt:alert(1)", "java&#x0A;script:alert(1)", "&#106;avascript:alert(1)"),
        *(
            "vbscript:x",
            "data:text/html,x",
            "file:///etc/passwd",
            "ftp://a/",
            "//a.example/",
            "/logout",
            "#top",
            "x.html",
        ),
    ],
)
@pytest.mark.parametrize("shape", ["[x]({})", "[x](<{}>)", "<{}>", "[x][1]\n\n[1]: {}", '[x]({} "title")'])
def test_links_go_nowhere_else(shape: str, address: str) -> None:
    assert _Seen(markdown(shape.format(address))).addresses == []


def test_plain_addresses_stay_text() -> None:
    assert "<a" not in markdown("see https://a.example/ and a@b.example")


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("![the *door* <x>](https://a.example/p.png)", "<p>the door &lt;x&gt;</p>"),
        ("![](https://a.example/p.png)", "<p>(picture)</p>"),
        ("![plan][1]\n\n[1]: https://a.example/p.png", "<p>plan</p>"),
        (
            "[![badge](b.png)](https://a.example/)",
            '<p><a href="https://a.example/" rel="noopener noreferrer nofollow">badge</a></p>',
        ),
    ],
)
def test_pictures_are_not_loaded_but_told(text: str, html: str) -> None:
    assert markdown(text).strip() == html


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>"),
        ("a <b onclick=alert(1)>b</b>", "a <b onclick=alert(1)>b</b>"),
        ("<style>*{display:none}</style>", "<style>*{display:none}</style>"),
        ("<!-- hidden --> <iframe src=//x></iframe>", "<!-- hidden --> <iframe src=//x></iframe>"),
        ('[x](https://a.example "onmouseover=\\"alert(1)")', "x"),
        ("```html onload=x\n</code></pre><script>\n```", "</code></pre><script>"),
        ("|<td onclick=x>|\n|-|\n|<script>|", "<script>"),
    ],
)
def test_html_in_the_text_is_shown_as_text(text: str, shown: str) -> None:
    seen = _Seen(markdown(text))
    assert shown in seen.text
    assert seen.tags <= {"p", "a", "pre", "code", "table", "thead", "tbody", "tr", "th", "td"}
    assert seen.attributes <= {("a", "href"), ("a", "rel"), ("a", "title")}


def test_it_is_sanitised_even_if_the_renderer_lets_html_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(markup._parser().options, "html", True)
    assert markdown("a <script>alert(1)</script><b>c</b> <img src=x>").strip() == "<p>a c </p>"


_PIECES = (
    *(
        "<",
        ">",
        "![",
        "[",
        "](",
        ")",
        "]: ",
        "`",
        "~~~",
        "\n",
        "\n\n",
        "- ",
        "> ",
        "# ",
        "|",
        "\n|-|\n",
        "*",
        "_",
        "\\",
    ),
    *(
        "javascript:",
        "&#x6a;",
        '"',
        "'",
        "<script",
        "<img src=x onerror=y>",
        "on",
        "=",
        "a",
        " ",
        "\t",
        "\0",
        "<!--",
        "-->",
    ),
)


@settings(deadline=None)  # the first text pays for making the parser
@given(st.lists(st.sampled_from(_PIECES), max_size=60).map("".join) | st.text(max_size=200))
def test_whatever_is_written_only_harmless_html_comes_out(text: str) -> None:
    seen = _Seen(markdown(text))
    assert seen.tags <= SAFE_TAGS
    assert seen.attributes <= {("a", "href"), ("a", "rel"), ("a", "title"), ("ol", "start")}
    assert all(a.lower().startswith(("http://", "https://", "mailto:")) for a in seen.addresses)


def test_lists_ten_deep_are_shown_whole() -> None:
    html = markdown("".join(f"{'  ' * depth}- level {depth}\n" for depth in range(10)))
    assert all(f"level {depth}" in html for depth in range(10))


SIZE = 40_000
HOSTILE = {
    "quotes": ">" * SIZE,
    "quotes on each line": (">" * 70 + " a\n") * (SIZE // 72),
    "quotes and lists": ("> - " * 35 + "a\n") * (SIZE // 142),
    "a lazy line under many quotes": "> - " * 14 + "a\n" + "b\n" * (SIZE // 2),
    "lists on a line": "- " * (SIZE // 2),
    "lists by indent": "".join(f"{' ' * (2 * n)}- x\n" for n in range(200)),
    "brackets": "[" * SIZE,
    "picture brackets": "![" * (SIZE // 2),
    "links in links": "[a" * (SIZE // 3) + "](x)" * (SIZE // 12),
    "open links": "[a](b " * (SIZE // 6),
    "emphasis": "*a **a " * (SIZE // 14) + "b** b*" * (SIZE // 14),
    "emphasis never closed": "**a " * (SIZE // 4),
    "backticks": "".join("`" * n + " " for n in range(1, 280)),
    "definitions never closed": "[a\n" * (SIZE // 3),
    "wide tables": "|a" * 2_000 + "|\n" + "|-" * 2_000 + "|\n" + "|a|\n" * (SIZE // 4),
    "angles": "<" * SIZE,
    "entities": "&#x" * (SIZE // 3),
    "one long word": "a" * SIZE,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_text_takes_it_long(name: str) -> None:
    # Each takes well under a second here; what grows with the square of the length would take minutes.
    started = time.process_time()
    assert isinstance(markdown(HOSTILE[name]), str)
    assert time.process_time() - started < 5


def test_a_text_over_a_million_characters_is_cut() -> None:
    assert LONGEST == 1_000_000
    html = markdown("a" * (LONGEST + 5_000) + " end")
    assert html.count("a") == LONGEST
    assert "end" not in html


THINGS = {
    Reference(Subject.ARTIFACT, 1): ('A "policy" <b>', "/artifacts/1"),
    Reference(Subject.ASSET, 2): ("Server", "/systems/main/ssp#asset-2"),
}
LINK = '<a href="/artifacts/1">A &quot;policy&quot; &lt;b&gt;</a>'


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("See [[artifact:1]].", f"<p>See {LINK}.</p>"),
        ("**[[asset:2]]**", '<p><strong><a href="/systems/main/ssp#asset-2">Server</a></strong></p>'),
        ("[[provider:3]]", "<p>(provider 3, which is not here any more)</p>"),
        ("`[[artifact:1]]`", "<p><code>[[artifact:1]]</code></p>"),
        ("[[artifact:1]](https://example.org)", f"<p>{LINK}(https://example.org)</p>"),
        ("[[artifact:x]] [[artifact:1", "<p>[[artifact:x]] [[artifact:1</p>"),
        (r"\[[artifact:1]]", "<p>[[artifact:1]]</p>"),
    ],
)
def test_a_reference_is_a_link_by_the_things_name(text: str, html: str) -> None:
    assert markdown(text, THINGS).strip() == html


def test_without_things_a_reference_stays_as_it_was_written() -> None:
    assert markdown("See [[artifact:1]].").strip() == "<p>See [[artifact:1]].</p>"


@pytest.mark.parametrize(
    "text",
    [
        "x [[artifact:1]] &#120;0x 0x0x x0x",
        '[a](https://example.org "[[artifact:1]]") [[artifact:1]]',
        "<a href='/artifacts/1' onclick='x()'>[[artifact:1]]</a>",
        "![[[artifact:1]]](x) [[artifact:1]]",
    ],
)
def test_no_text_makes_a_link_of_ours_by_itself(text: str) -> None:
    html = markdown(text, THINGS)
    assert 1 <= html.count('href="/artifacts/1"') <= 2
    assert "onclick='" not in html.replace("&lt;a href='/artifacts/1' onclick='x()'&gt;", "")
    assert "<b>" not in html
