"""What templates share: dates, sizes and hashes as people read them, and addresses of fingerprinted assets."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask, Response, g, request, url_for
from markupsafe import Markup, escape

from cmmc_tracker.domain import searching
from cmmc_tracker.domain.artifacts import ArtifactStatus, Kind
from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.domain.freshness import Cadence, Freshness
from cmmc_tracker.domain.markings import ABOUT_WORDS, NAME_WORDS
from cmmc_tracker.domain.permissions import Access
from cmmc_tracker.reports.markup import markdown

_STATIC = Path(__file__).parent / "static"
_YEAR = 31_536_000
# Rooms that are about no system, or about all: their addresses say which one somebody came from.
_OF_NO_SYSTEM = frozenset(
    {
        *("audit", "duties", "memberships", "portfolio", "profile", "quarantine", "rules", "second_factor", "settings"),
        *("systems", "trash", "users"),
    }
)
THEMES = ("light", "dark")
# The first sign found decides: Edge and Opera call themselves Chrome too, and Chrome calls itself Safari.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_MACHINES = (
    ("iPhone", "an iPhone"),
    ("iPad", "an iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "a Chromebook"),
    ("Mac OS X", "a Mac"),
    ("Linux", "Linux"),
)


def watch(app: Flask) -> None:
    """Give the app's templates their filters and globals, and its assets their caching."""
    app.jinja_env.filters.update(
        day=day,
        instant=instant,
        moment=moment,
        device=device,
        size=size,
        short=short,
        readable=readable,
        markdown=_safe_markdown,
        marked=marked,
    )
    app.jinja_env.globals.update(asset=asset, status_mark=status_mark, fresh_mark=fresh_mark)
    app.jinja_env.globals.update(Status=Status, Kind=Kind, ArtifactStatus=ArtifactStatus)
    app.jinja_env.globals.update(Cadence=Cadence, Freshness=Freshness)
    app.jinja_env.globals.update(cui_marks=" ".join(sorted(NAME_WORDS)), cui_about=" ".join(sorted(ABOUT_WORDS)))
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.context_processor(_frame)
    app.url_defaults(_stay)
    app.after_request(_cache)


@cache
def status_mark(status: Status) -> Markup:
    """A status: always a sign and a word, never colour alone. A list shows hundreds, so each is made once."""
    mark = Markup('<span class="status {}"><span aria-hidden="true">{}</span> {}</span>')
    return mark.format(status.value, status.sign, status.label)


@cache
def fresh_mark(freshness: Freshness) -> Markup:
    """How fresh evidence is: a sign and a word; nothing for what is fresh."""
    if freshness is Freshness.FRESH:
        return Markup("")
    mark = Markup('<span class="status {}"><span aria-hidden="true">{}</span> {}</span>')
    return mark.format(freshness.value, "▲" if freshness is Freshness.OVERDUE else "◷", freshness.label)


def marked(text: str, words: Sequence[str]) -> Markup:
    """The text with what was searched for marked in it."""
    return Markup("").join(
        Markup("<mark>{}</mark>").format(part) if hit else escape(part) for part, hit in searching.marked(text, words)
    )


def day(value: date | None) -> str:
    """A date as people read it: 24 Nov 2026."""
    return f"{value.day} {value:%b %Y}" if value else ""


def instant(value: datetime | None) -> Markup:
    """An instant as its day, with the full time in UTC on hover."""
    if value is None:
        return Markup("")
    return Markup('<time datetime="{}" title="{} UTC">{}</time>').format(
        value.isoformat(), f"{value:%Y-%m-%d %H:%M:%S}", day(value)
    )


def moment(value: datetime | None) -> Markup:
    """An instant as its day and minute in UTC, where the hour matters."""
    if value is None:
        return Markup("")
    return Markup('<time datetime="{}" title="{} UTC">{}, {} UTC</time>').format(
        value.isoformat(), f"{value:%Y-%m-%d %H:%M:%S}", day(value), f"{value:%H:%M}"
    )


def device(agent: str) -> str:
    """What a browser calls itself, as people say it: Firefox on Windows. What is not known stays as it was sent."""
    browser = next((name for sign, name in _BROWSERS if sign in agent), None)
    machine = next((name for sign, name in _MACHINES if sign in agent), None)
    return f"{browser} on {machine}" if browser and machine else agent or "unknown"


def size(value: int | None) -> str:
    """A number of bytes as people read it: 4.2 MB; of what is held elsewhere it may not be known."""
    if value is None:
        return "size not known"
    if value < 1_000:
        return "1 byte" if value == 1 else f"{value} bytes"
    number = float(value)
    for unit in ("KB", "MB", "GB", "TB"):
        number /= 1_000
        if number < 999.95 or unit == "TB":
            break
    return f"{number:.1f} {unit}" if number < 99.95 else f"{number:.0f} {unit}"


def readable(value: object) -> str:
    """A value as JSON that people read: letters as they are; the template escapes what would be markup."""
    return json.dumps(value, indent=1, ensure_ascii=False)


def short(sha256: str) -> Markup:
    """A hash as its first 8 digits, the whole of it on hover."""
    return Markup('<code class="hash" title="SHA-256 {}">{}</code>').format(sha256, sha256[:8])


def _safe_markdown(text: str) -> Markup:
    # Sanitised by `markdown` itself, last of all steps.
    return Markup(markdown(text))  # noqa: S704


@cache
def fingerprint(name: str) -> str:
    """The first 10 digits of the SHA-256 of a static file: a changed file gets a new address."""
    return hashlib.sha256((_STATIC / name).read_bytes()).hexdigest()[:10]


def asset(name: str) -> str:
    """The address of a static file with its fingerprint."""
    return url_for("static", filename=name, v=fingerprint(name))


def _cache(response: Response) -> Response:
    if request.endpoint == "static":
        name = (request.view_args or {}).get("filename", "")
        known = response.status_code in {200, 304} and request.args.get("v") == fingerprint(name)
        response.headers["Cache-Control"] = f"public, max-age={_YEAR}, immutable" if known else "no-cache"
        response.headers.setdefault("Vary", "Accept-Encoding")
    return response


def _frame() -> dict[str, object]:
    """What the frame of every page needs: who is signed in, which system is open, the theme."""
    actor, system = g.get("actor"), _shown()
    theme = request.cookies.get("__Host-theme" if request.is_secure else "theme", "")
    return {
        "actor": actor,
        "system": system,
        "open_slug": system.slug if actor and len(actor.systems) > 1 and system else None,
        "theme": theme if theme in THEMES else "",
    }


def _shown() -> Access | None:
    """The system that is open. Of a page that is about none: the one that the link there came from, else the first."""
    actor = g.get("actor")
    systems: Mapping[str, Access] = actor.systems if actor else {}
    asked = systems.get(request.args.get("system", ""))
    return g.get("system") or asked or next(iter(systems.values()), None)


def _stay(endpoint: str, values: dict[str, Any]) -> None:
    """Keep who works in several systems in the one that is open, on the way to a page of none and back from its forms.

    The first one needs no word: it is open where no other is named.
    """
    if endpoint.partition(".")[0] not in _OF_NO_SYSTEM or "system" in values or not (actor := g.get("actor")):
        return
    system = _shown()
    if system and system.slug != next(iter(actor.systems), system.slug):
        values["system"] = system.slug
