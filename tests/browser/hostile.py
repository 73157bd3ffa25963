"""Forty texts that try to become something else than text, and the eyes that look for one that did.

Each that runs calls `alert` or asks another machine; a tab that looks on notices both.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from playwright.sync_api import Page, Request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

ELSEWHERE = "example.invalid"
TEXTS = (
    "<script>alert(1)</script>",
    '"><script>alert(2)</script>',
    "'><img src=x onerror=alert(3)>",
    "<svg/onload=alert(4)>",
    "<svg><animate onbegin=alert(5) attributeName=x dur=1s>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--><img src=1 onerror=alert(6)>'>",
    "<details open ontoggle=alert(7)>",
    '" autofocus onfocus=alert(8) x="',
    "' onmouseover='alert(9)' y='",
    "x onclick=alert(10) onfocus=alert(10) tabindex=0 y",
    "{{7*7}}{{config}}{{''.__class__.__mro__}}",
    "${7*7} #{7*7} *{7*7} @{7*7}",
    "<%= 7*7 %><?php echo 7*7 ?><#assign x=7*7>",
    "{% for one in [1] %}{{ one }}{% endfor %}{# gone #}",
    "javascript:alert(15)",
    "[click](javascript:alert(16)) [again](&#106;avascript:alert(16))",
    "[click](data:text/html;base64,PHNjcmlwdD5hbGVydCgxNyk8L3NjcmlwdD4=)",
    f"![pixel](https://{ELSEWHERE}/p.png) ![x](data:image/svg+xml,<svg/onload=alert(18)>)",
    f"[a](//{ELSEWHERE}/b) <javascript:alert(19)> [r]: vbscript:alert(19)",
    "<!-- --><!--><img src=x onerror=alert(20)>-->",
    "</title></textarea></style></script></noscript><script>alert(21)</script>",
    "&lt;b&gt; &amp;amp; &#60;img src=x onerror=alert(22)&#62; &quot;",
    "＜script＞alert(23)＜/script＞ ‹b› ｊavascript:alert(23) аdmin",
    "\u202ecod.exe\u2066 \u200fname\u200e \ufeffend",
    "one\u2028alert(25)\u2029two",
    "nul %00 \\0 &#0; \x85\x9b31m%0d%0aSet-Cookie: a=b",
    "<b>" + "wide" * 68,
    '"}],"__proto__":{"x":1},"a":[{"b":"</script><script>alert(28)</script>',
    "=cmd|' /C calc'!A0",
    '@SUM(1+1) +1 -2 =HYPERLINK("https://example.invalid")',
    "<form id=main action=//example.invalid><input name=csrf_token><input name=attributes>",
    "<a id=tray name=body href=//example.invalid>x</a><a id=body></a>",
    "<img name=cookie src=//example.invalid/c.png>",
    "<style>@import'//example.invalid/x.css';*{background:url(//example.invalid/y)}</style>",
    "\\3c script\\3e ;background:url(//example.invalid/z);width:expression(alert(35))",
    '<noscript><p title="</noscript><img src=x onerror=alert(36)>">',
    '<iframe srcdoc="<script>parent.alert(37)</script>"></iframe>',
    '<base href=//example.invalid/><meta http-equiv=refresh content="0;url=//example.invalid/">',
    "<template><script>alert(39)</script></template><object data='data:text/html,<script>alert(39)</script>'>",
    "..\\..\\etc\\passwd %2e%2e%2f `alert(40)` <xss style='x:y' onpointerover=alert(40)>",
)

_WATCH = """
  window.told = [];
  document.addEventListener('securitypolicyviolation', (e) => (
    told.push(`policy: ${e.effectiveDirective} ${e.blockedURI}`)));
"""

# Open, focus and hover everything; tell of what no text of a person may ever become; and list the forms.
_LOOK = """() => {
  for (const one of document.querySelectorAll('details')) one.open = true;
  const wrong = [...window.told];
  const never = 'iframe, object, embed, base, meta[http-equiv], style, math, template, noscript, [style], '
    + 'script:not([src], [type="application/json"])';
  for (const one of document.querySelectorAll(never)) wrong.push(`element: ${one.outerHTML.slice(0, 90)}`);
  for (const one of document.querySelectorAll('*')) {
    for (const { name, value } of one.attributes) {
      if (name.startsWith('on')) wrong.push(`handler: ${one.outerHTML.slice(0, 90)}`);
      if (!['href', 'src', 'action', 'formaction', 'data', 'data-href', 'xlink:href'].includes(name)) continue;
      const to = new URL(value, location.href);
      const picture = one.matches('img') && ['data:', 'blob:'].includes(to.protocol);
      const link = one.matches('.rich a[rel~=noopener]') && ['http:', 'https:', 'mailto:'].includes(to.protocol);
      if (to.origin !== location.origin && !picture && !link) wrong.push(`address: ${one.outerHTML.slice(0, 90)}`);
    }
  }
  if (document.body !== document.querySelector('html > body')) wrong.push('clobbered: body');
  if (document.getElementById('main').localName !== 'main') wrong.push('clobbered: main');
  for (const one of document.querySelectorAll('main *, .tray *')) {
    one.dispatchEvent(new PointerEvent('pointerover'));
    one.dispatchEvent(new MouseEvent('mouseover'));
  }
  for (const one of document.querySelectorAll('main [autofocus], main [tabindex], .rich *, .where, h1, main input')) {
    one.focus({ preventScroll: true });
  }
  const forms = [...document.forms].map((form) => ({
    action: HTMLFormElement.prototype.getAttribute.call(form, 'action') ?? location.href,
    method: form.getAttribute('method') ?? 'get',
    fields: [...form.querySelectorAll('[name]')].map((one) => ({
      name: one.name, type: one.readOnly ? 'readonly' : one.type, value: one.value })),
  }));
  return { wrong, forms };
}"""
_READ = {"text", "search", "textarea"}
_TYPED = {"email", "url", "tel", "date", "number", "file", "password"}
_FORMED = {"date", "number", "file"}  # browsers take nothing else than that into them


@dataclass(frozen=True)
class Form:
    """A form that was seen on a page: its endpoint, and its fields by name with their kind and value."""

    endpoint: str
    method: str
    path: str
    fields: dict[str, tuple[str, str]]

    @property
    def typed(self) -> list[str]:
        """The names of its fields that people type into."""
        return [name for name, (kind, _) in self.fields.items() if kind in {*_READ, *_TYPED}]

    @property
    def free(self) -> list[str]:
        """The names of its fields whose text may be anything, those that no person sees too."""
        return [name for name, (kind, _) in self.fields.items() if kind not in _FORMED and name != "csrf_token"]

    @property
    def shown(self) -> dict[str, str]:
        """What stands in the fields that a person reads."""
        return {name: value for name, (kind, value) in self.fields.items() if kind in _READ}


@dataclass
class Eyes:
    """A tab that looks on: pages it saw, forms they hold, and everything that went wrong on the way."""

    page: Page
    app: Flask
    wrong: list[str] = field(default_factory=list)
    endpoints: set[str] = field(default_factory=set)
    forms: dict[tuple[str, tuple[str, ...]], Form] = field(default_factory=dict)
    here: list[Form] = field(default_factory=list)

    def look(self) -> None:
        """Look at the page that is open now."""
        self.page.wait_for_load_state()
        told = self.page.evaluate(_LOOK)
        self.wrong += [f"{self.page.url[:120]} {one}" for one in told["wrong"]]
        self.endpoints.add(self._endpoint(self.page.url, "GET"))
        self.here = [self._form(one) for one in told["forms"]]
        for form in self.here:
            self.forms.setdefault((form.endpoint, tuple(sorted(form.fields))), form)

    def _form(self, told: Any) -> Form:
        fields: dict[str, tuple[str, str]] = {}
        for one in told["fields"]:  # of rows with the same fields the first
            fields.setdefault(one["name"], (one["type"], one["value"]))
        path = urlsplit(told["action"]).path or urlsplit(self.page.url).path
        return Form(self._endpoint(path, told["method"].upper()), told["method"], path, fields)

    def go(self, path: str) -> None:
        """Open a page and look at it."""
        answer = self.page.goto(path)
        assert answer is not None
        assert answer.status < 500, path
        self.look()

    def shown(self, selector: str) -> set[str]:
        """What stands in those elements: the text of each, or what is typed in it."""
        found = self.page.eval_on_selector_all(
            selector, "all => all.map(e => e.matches('input, textarea') ? e.value : e.textContent)"
        )
        return {str(one).strip() for one in found}

    def _endpoint(self, url: str, method: str) -> str:
        try:
            endpoint, _ = self.app.url_map.bind("localhost").match(urlsplit(url).path, method=method)
        except (HTTPException, RequestRedirect):
            return ""
        return str(endpoint)


@contextmanager
def watching(page: Page, app: Flask, url: str) -> Iterator[Eyes]:
    """Look on with a tab; at the end nothing may have run, been blocked, or been asked of another machine."""
    eyes = Eyes(page, app)

    def asked(request: Request) -> None:
        if not request.url.startswith((url, "data:", "blob:")):
            eyes.wrong.append(f"request: {request.url[:120]}")

    def dialog(one: Any) -> None:
        eyes.wrong.append(f"dialog: {one.message}")
        one.dismiss()

    page.add_init_script(_WATCH)
    page.on("request", asked)
    page.on("dialog", dialog)
    yield eyes
    assert eyes.wrong == []
