"""Hostile names of files in the tray, and of people at the first set-up."""

from collections.abc import Callable
from urllib.parse import urlsplit

from flask import Flask
from playwright.sync_api import Page, expect

from cmmc_tracker.domain.text import clean_line
from cmmc_tracker.domain.uploads import clean_name
from tests.browser.conftest import Served, sign_in
from tests.browser.hostile import TEXTS, watching
from tests.browser.hostile_steps import bring, pages_of
from tests.conftest import Person


def test_names_of_files_become_rows_of_text_in_the_upload_tray(
    served: Served, app: Flask, admin: Person, tab: Callable[..., Page]
) -> None:
    taken = [text[:180] for n, text in enumerate(TEXTS) if n % 4]
    refused = [f"{text[:180]}.exe" for text in TEXTS[::4]]
    files = [
        {"name": name, "mimeType": "text/plain", "buffer": name.encode()}
        for name in (*refused, *(f"{stem}.txt" for stem in taken))
    ]
    with watching(tab(), app, served.url) as eyes:
        sign_in(eyes.page)
        eyes.go("/artifacts/upload")
        eyes.page.set_input_files("#file", files)
        eyes.page.get_by_role("button", name="Upload").click()
        expect(eyes.page.locator("#tray progress")).to_have_count(0, timeout=60_000)
        eyes.look()
        titles = {clean_line(stem.replace("_", " ")) for stem in taken}
        assert eyes.shown("#tray .name") == titles | set(refused)
        kept = {one for _ in pages_of(eyes, "/artifacts") for one in eyes.shown("td > .row-link ~ .quiet")}
        # A backslash quotes the next sign in a part's header; folders are cut off: by design.
        assert kept == {clean_name(f"{stem}.txt".replace("\\", "")) for stem in taken}


def test_names_at_the_first_set_up_are_shown_as_typed(served: Served, app: Flask, tab: Callable[..., Page]) -> None:
    client = app.test_client()
    path = urlsplit(served.link).path
    with watching(tab(), app, served.url) as eyes:
        eyes.go(path)
        assert [form.typed for form in eyes.here] == [["username", "password", "password_repeat"]]
        token = Person("", client).token_of(path)
        for text in TEXTS:
            form = {"csrf_token": token, "username": text, "password": text, "password_repeat": ""}
            bring(eyes, path, client.post(path, data=form))
            assert eyes.shown("#username") == {text[:200]}
