"""Hostile text hung into everything that is kept, every page of it looked at: it is shown, and it is text."""

import html
import io
from collections.abc import Callable
from urllib.parse import urlsplit

from flask import Flask
from playwright.sync_api import Page
from werkzeug.test import TestResponse

from cmmc_tracker.domain.accounts import is_password_like, parse_name
from cmmc_tracker.domain.text import clean_line, clean_text
from cmmc_tracker.errors import Invalid
from cmmc_tracker.services.work import Tracker
from tests.browser.conftest import Served, sign_in
from tests.browser.hostile import TEXTS, Eyes, watching
from tests.browser.hostile_steps import (
    PLACES,
    REQUIREMENTS,
    ahead,
    changed,
    link_of,
    pages_of,
)
from tests.conftest import PASSWORD, Person, add_account


def _seed(ada: Person, tracker: Tracker) -> None:
    """Hang each text into everything that is kept."""
    for n, text in enumerate(TEXTS):
        name = f"{n}.{('txt', 'md', 'csv')[n % 3]}"
        facts = {"description": text, "locator": text, "shows": text, "objectives": f"{REQUIREMENTS[n]}[a]"}
        made = ada.upload(name, b"first", **facts)
        assert made.status_code == 201, made.text
        artifact = f"/artifacts/{made.get_json()['id']}"
        changed(ada, artifact, {"title": text}, made.get_json()["version"])
        note = {"note": text, "file": (io.BytesIO(f"{n} {text}".encode()), name), "csrf_token": ada.token}
        assert ada.client.post(f"/api/v1{artifact}/versions", data=note).status_code == 201
        said = {"note": text, "examined": text, "interviewed": text, "tested": text}
        objective = f"/systems/main/requirements/{REQUIREMENTS[n]}/objectives/a"
        changed(ada, objective, {"status": "not_met", **said})
        basis = {"basis": "inherited", "description": text, "mitigation": text, "reference": text}
        assert ada.post(f"{objective}/basis", basis).status_code == 302
        official = {"duty": "affirming_official", "person": "ada", "title": text[:200], "contact": text[:200]}
        assert ada.post("/systems/main/people", official).status_code == 302
        title = clean_line(text[:200])
        assert title in html.unescape(ada.get("/systems/main/people").text)
        changed(ada, f"/systems/main/requirements/{REQUIREMENTS[n]}", {"narrative": text})
        assert ada.post(f"{artifact}/remarks", {"text": text}).status_code == 302
        assert ada.post(f"{objective}/remarks", {"text": text}).status_code == 302
        _seed_request(ada, n, text)
        _seed_scope(ada, n, text)
        _seed_item(ada, n, text)
        change = {"happened_on": "2026-01-01", "kind": "plan", "text": text}
        assert ada.post("/systems/main/changes", change).status_code == 302
    assert ada.post("/systems/main/ssp/versions", {"note": TEXTS[0]}).status_code == 302
    _seed_accounts(ada, tracker)
    for text in TEXTS:
        assert ada.call("POST", "/systems", {"name": text[:200], "level": 2}).status_code == 201


def _seed_request(ada: Person, n: int, text: str) -> None:
    """A request, number n + 1, of somebody outside."""
    given = {"objective": f"{REQUIREMENTS[n]}[a]", "wanted": text, "outside": text[:200], "first_due": ahead()}
    assert ada.post("/systems/main/requests", given).headers["Location"] == f"/requests/{n + 1}"


def _seed_scope(ada: Person, n: int, text: str) -> None:
    """An asset, a person and a provider of a system, each number n + 1, and a line of the provider's matrix."""
    scope, name = "/systems/main/scope", f"{n} {text}"[:200]
    assert ada.post(f"{scope}/assets", {"name": name, "group": name, "note": text}).status_code == 302
    assert ada.post(f"{scope}/people", {"name": name, "description": text}).status_code == 302
    given = {"name": name, "holds": "spd", "services": text}
    assert ada.post("/systems/main/providers", given).headers["Location"] == f"/systems/main/providers/{n + 1}"
    line = f"/systems/main/providers/{n + 1}/matrix/{REQUIREMENTS[n]}/a"
    assert ada.post(line, {"duty": "shared", "text": text, "version": "0"}).status_code == 302


def _seed_item(ada: Person, n: int, text: str) -> None:
    """An item of the operational plan, number n + 1."""
    steps = [{"text": text, "owner": text[:80]}]
    said = {"weakness": text, "resources": text, "owner": text[:80], "milestones": steps, "operational": True}
    made = ada.call("POST", "/systems/main/poam", {"requirement": REQUIREMENTS[n], **said})
    assert made.get_json()["id"] == n + 1, made.text
    review = {"version": "1", "progress": text}
    assert ada.post(f"/systems/main/poam/{n + 1}/reviews", review).status_code == 302


def _seed_held(ada: Person) -> dict[int, str]:
    """Evidence that is held at each text that a location can be, by its number."""
    found = {}
    for n, text in enumerate(TEXTS):
        # By the fields of one file, and by the lines of several.
        said = {"location": text, "sha256": "a" * 64} if n % 2 else {"held_files": f"{'a' * 64}  {text}"}
        form = {"title": text, **said, "system": "main", "csrf_token": ada.token}
        made = ada.client.post("/api/v1/artifacts", data=form)
        if made.status_code == 201:
            found[made.get_json()["id"]] = text
        else:  # it has signs that nobody sees
            assert set(made.get_json()["errors"]) == {"location" if n % 2 else "held_files"}, made.text
    return found


def _seed_accounts(ada: Person, tracker: Tracker) -> None:
    for name in _people():
        add_account(tracker, name)
    for text in TEXTS:
        form = {"token_name": text[:80], "scope": "read", "days": "9", "confirm_password": PASSWORD}
        assert ada.post("/profile/tokens", form).status_code == 200
        assert _try(ada, {"username": text, "password": "x"}, "Firefox").status_code == 401
    for agent in _agents():
        assert _try(ada, {"username": "ada", "password": PASSWORD}, agent).status_code == 302


def _try(ada: Person, form: dict[str, str], agent: str) -> TestResponse:
    """Try to sign in with a browser that says that of itself, from an address of its own."""
    other = Person("", ada.client.application.test_client())
    place, token = {"REMOTE_ADDR": next(PLACES)}, other.token_of("/login")
    return other.post("/login", form, token=token, environ_base=place, headers={"User-Agent": agent})


def _people() -> list[str]:
    """What the policy of user names lets through of the texts, and of what scripts stumble over."""
    found = []
    for text in (*TEXTS, "constructor", "__proto__", "toString", "main", "аdmin", "ada.alert", "-1 + 1"):
        try:
            found.append(parse_name(text))
        except Invalid:
            continue
    return found


def _agents() -> list[str]:
    """The texts that a header can carry: printable Latin-1."""
    return [text for text in TEXTS if text.isprintable() and text.encode("latin-1", "ignore").decode("latin-1") == text]


def _kept(clean: Callable[[str], str], most: int = 300) -> set[str]:
    """The texts as they are kept: control and direction signs are taken out by design, a line is one line."""
    return {clean(text[:most]) for text in TEXTS}


def test_there_are_forty_texts_and_cleaning_changes_only_those_with_unseen_signs() -> None:
    assert len(set(TEXTS)) == 40
    assert [n for n, text in enumerate(TEXTS) if clean_text(text) != text] == [23, 24, 25]
    assert [n for n, text in enumerate(TEXTS) if clean_line(text) != text] == [23, 24, 25]


def test_what_was_kept_is_shown_as_typed_on_every_page_and_runs_nowhere(
    served: Served, app: Flask, admin: Person, tracker: Tracker, tab: Callable[..., Page]
) -> None:
    _seed(admin, tracker)
    held = _seed_held(admin)
    assert len(held) > 30
    with watching(tab(), app, served.url) as eyes:
        sign_in(eyes.page)
        titles = {title for _ in pages_of(eyes, "/artifacts") for title in eyes.shown("a.row-link")}
        assert titles == _kept(clean_line)
        for n, text in enumerate(TEXTS):
            _one_artifact(eyes, n + 1, text)
            _one_requirement(eyes, REQUIREMENTS[n], text)
            _one_request(eyes, admin, n + 1, text)
            _one_scope(eyes, n, text)
            _one_item(eyes, n + 1, text)
        for part, rows in (("scope/assets", 40), ("scope/groups", 40), ("scope/people", 40), ("providers", 40)):
            eyes.go(f"/systems/main/{part}")
            assert len(eyes.shown("a.row-link")) == rows
        _the_plan(eyes)
        _a_package(eyes, admin)
        for number, place in held.items():
            eyes.go(f"/artifacts/{number}")
            short = f"…{place[-80:]}" if len(place) > 90 else place  # beside its version only the end of a long one
            assert eyes.shown(".location") == {place, short}
        eyes.go("/artifacts/upload")
        assert eyes.shown(".bar .menu:not(.person) li a") >= _kept(clean_line, 200)
        assert eyes.shown("#system option") >= _kept(clean_line, 200)
        _accounts(eyes)


def _a_package(eyes: Eyes, ada: Person) -> None:
    """One that is named by a text, of a system in which every text stands."""
    name, reason = next(text for text in TEXTS if "<" in text and len(text) < 150), TEXTS[-1][:2_000]
    place = ada.post("/systems/main/packages", {"name": name, "reason": reason}).headers["Location"]
    assert ada.post(f"{place}/holds", {"reason": reason}).status_code == 303
    eyes.go(place)
    assert eyes.shown("h1") == {f"Package 1: {clean_line(name)}"}
    assert eyes.shown("dd.pre") == {clean_text(reason)}
    assert eyes.shown("td.pre") == {clean_text(reason)}
    eyes.go("/systems/main/packages")
    assert eyes.shown("a.row-link") == {clean_line(name)}


def _one_artifact(eyes: Eyes, number: int, text: str) -> None:
    line, whole = clean_line(text), clean_text(text)
    eyes.go(f"/artifacts/{number}")
    assert eyes.shown("h1") == {line}
    assert f"{line}: {whole}" in eyes.shown(".where")
    assert eyes.shown("#title") == {line}
    assert eyes.shown("#description") == {whole}
    assert eyes.shown("#versions-title ~ table td") & {line, whole}
    assert eyes.shown("#remarks .said") == {whole}


def _one_requirement(eyes: Eyes, requirement: str, text: str) -> None:
    line, whole = clean_line(text), clean_text(text)
    eyes.go(f"/systems/main/requirements/{requirement}?objective=a")
    assert f"{line}: {whole}" in eyes.shown("#objective-a .where")
    assert line in eyes.shown("#objective-a .evidence-list a")
    assert eyes.shown("#note-a") == {whole}
    assert eyes.shown("#narrative") == {whole}
    assert eyes.shown("#objective-a .said") == {whole}
    for name in ("examined", "interviewed", "tested"):
        assert eyes.shown(f"#objective-a [name={name}]") == {line}
    assert whole in eyes.shown("#objective-a .basis dd")


def _the_plan(eyes: Eyes) -> None:
    """Every narrative on one page, as Markdown, today's and a version's; every change in a list."""
    for path in ("/systems/main/ssp", "/systems/main/ssp/versions/1", "/systems/main/ssp/contradictions"):
        eyes.go(path)
    eyes.go("/systems/main/changes")
    assert eyes.shown("td a.row-link") >= {clean_text(text) for text in TEXTS if len(text) < 160}


def _one_request(eyes: Eyes, ada: Person, number: int, text: str) -> None:
    eyes.go(f"/requests/{number}")
    assert eyes.shown(".wanted") == {clean_text(text)}
    assert clean_line(text[:200]) in eyes.shown(".headline strong")
    assert eyes.shown("#outside") == {clean_line(text[:200])}
    eyes.go(urlsplit(link_of(ada, number)).path)
    assert eyes.shown(".wanted") == {clean_text(text)}


def _one_scope(eyes: Eyes, n: int, text: str) -> None:
    line, whole = clean_line(f"{n} {text}"[:200]), clean_text(text)
    eyes.go(f"/systems/main/scope/assets/{n + 1}")
    assert eyes.shown("h1") == eyes.shown("#name") == eyes.shown("#group") == {line}
    assert eyes.shown("#note") == {whole}
    eyes.go(f"/systems/main/scope/people/{n + 1}")
    assert eyes.shown("#description") == {whole}
    eyes.go(f"/systems/main/providers/{n + 1}")
    assert eyes.shown("#services") == {whole}
    eyes.go(f"/systems/main/providers/{n + 1}/matrix/{REQUIREMENTS[n]}")
    assert eyes.shown("#text-a") == {whole}


def _one_item(eyes: Eyes, number: int, text: str) -> None:
    line, whole = clean_line(text), clean_text(text)
    eyes.go(f"/systems/main/poam/{number}")
    assert eyes.shown("#weakness") == {whole}
    assert eyes.shown("#owner") == {clean_line(text[:80])}
    assert line in eyes.shown("[name=step_text]")
    assert eyes.shown("#reviews .said") == {whole}


def _accounts(eyes: Eyes) -> None:
    eyes.go("/profile")
    assert eyes.shown("#tokens-title ~ table td:first-child") == _kept(clean_line, 80)
    assert eyes.shown("#sessions-title ~ table td:first-child span") >= set(_agents())
    eyes.go("/admin/users")
    assert eyes.shown(".users td:first-child") == {"ada", *_people()}
    logged = {cell for _ in pages_of(eyes, "/audit") for cell in eyes.shown(".audit td")}
    tried = {clean_line(text)[:80] for text in TEXTS if not is_password_like(text)}
    assert tried - logged == set()
