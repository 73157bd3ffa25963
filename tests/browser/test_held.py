"""Evidence that stays where it is, in a real browser: registered by form, command and register; and checked."""

import hashlib
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Served, sign_in
from tests.browser.looking import look, tab_options

DEEP = "/".join(f"a-folder-with-a-rather-long-name-{n}" for n in range(9)) + "/Pump_1.pdf"
HASH = hashlib.sha256(b"pump").hexdigest()


@pytest.fixture
def enclave(tmp_path: Path) -> Path:
    """A folder of the enclave with one drawing, deep down."""
    place = tmp_path / "enclave" / DEEP
    place.parent.mkdir(parents=True)
    place.write_bytes(b"pump")
    return tmp_path / "enclave"


def test_its_pages_fit_and_have_no_barrier_in_any_of_their_states(
    ada: Served, tab: Callable[..., Page], enclave: Path
) -> None:
    files = ("artifact", "register", str(enclave / DEEP), "--root", str(enclave), "--objective", "3.1.1[a]")
    assert ada.command(*files).returncode == 0
    page = tab(**tab_options())
    sign_in(page)
    # One state after the other: each is looked at before the next page is opened.
    for state in chain(_shown(page), _registered(page), _imported(page), _checked(page, ada, enclave)):
        look(page, state)


def _shown(page: Page) -> Iterator[str]:
    for path in (
        "/artifacts?q=pump",
        "/artifacts/1",
        "/artifacts/picker?system=main&objective=3.1.1[b]&q=pump",
        "/systems/main/requirements/AC.L2-3.1.1?objective=a",
    ):
        page.goto(path)
        expect(page.get_by_text("held at").or_(page.get_by_text("Held at")).first).to_be_visible()
        yield path


def _registered(page: Page) -> Iterator[str]:
    page.goto("/artifacts/upload")
    page.get_by_text("It must stay where it is").click()
    page.fill("#title", "Cooling loop")
    page.fill("#location", "https://enclave.example/drawings/7")
    page.fill("#sha256", "12 34")
    page.get_by_role("button", name="Upload").click()
    expect(page.locator("#sha256-error")).to_be_visible()
    expect(page.locator("#location")).to_have_value("https://enclave.example/drawings/7")
    yield "/artifacts/upload, refused"
    page.fill("#sha256", HASH.upper())
    page.get_by_role("button", name="Upload").click()
    page.wait_for_url("**/artifacts/2")
    yield "/artifacts/2, registered"
    page.get_by_text("Add a new version").click()
    versions = page.locator("form[action$='/versions']")
    versions.get_by_text("It must stay where it is").click()
    versions.locator("#location").fill("drawings/8.pdf")
    versions.locator("#sha256").fill("b" * 64)
    versions.get_by_role("button", name="Add").click()
    page.goto("/artifacts/2/compare")
    expect(page.get_by_text("drawings/8.pdf").first).to_be_visible()
    yield "/artifacts/2/compare"


def _imported(page: Page) -> Iterator[str]:
    page.goto("/artifacts/import")
    rows = f"title,location,sha-256,size\nValve,{DEEP}x,{'c' * 64},12\nNo hash,valves/2.pdf,,\n"
    register = {"name": "register.csv", "mimeType": "text/csv", "buffer": rows.encode()}
    page.set_input_files("main input[type=file]", register)
    page.click("main form button[type=submit]")
    expect(page.get_by_text("give its SHA-256 too")).to_be_visible()
    yield "/artifacts/import/1"
    page.get_by_role("button", name="Do what is chosen").click()
    expect(page.get_by_text("1 artifact was changed or registered")).to_be_visible()
    yield "/artifacts, imported"


def _checked(page: Page, ada: Served, enclave: Path) -> Iterator[str]:
    (enclave / DEEP).write_bytes(b"other")
    assert ada.command("verify", "--root", str(enclave)).returncode == 1
    page.goto("/artifacts/1")
    expect(page.get_by_text("What is held there is not what was registered")).to_be_visible()
    yield "/artifacts/1, altered"
    page.goto("/")
    expect(page.get_by_role("heading", name="Evidence that is held elsewhere")).to_be_visible()
    yield "/, with an alert"
    page.goto("/uploads/1/1/Pump_1.pdf")
    yield "/uploads/1/1/Pump_1.pdf"


def test_the_form_works_without_scripts(ada: Served, tab: Callable[..., Page]) -> None:
    page = tab(java_script_enabled=False)
    sign_in(page)
    page.goto("/artifacts/upload")
    page.get_by_text("It must stay where it is").click()
    page.fill("#location", "cad/pump.pdf")
    page.fill("#sha256", HASH)
    page.get_by_role("button", name="Upload").click()
    page.wait_for_url("**/artifacts/1")
    expect(page.locator("dd.location")).to_have_text("cad/pump.pdf")
