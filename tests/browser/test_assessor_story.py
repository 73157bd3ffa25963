"""The hand-off told as a story: freeze, let an assessor look, who reads, previews, downloads, asks, and is answered."""

import re
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote

import pyotp
from playwright.sync_api import Page, expect

from tests.browser.conftest import PASSWORD, Served, sign_in
from tests.browser.looking import look, tab_options


def _freeze(page: Page) -> None:
    """A package that may be released, as its page offers it."""
    page.goto("/systems/main/packages")
    page.fill("#name", "Of record")
    page.fill("#reason", "The open findings are on the plan.")
    page.get_by_label("It may be released").check()
    page.get_by_role("button", name="Freeze").click()
    expect(page.locator("h1")).to_have_text("Package 3: Of record")


def _let_in(page: Page, form: str, whom: str, *, download: bool) -> None:
    part = page.locator(f"#{form}-form")
    part.locator("[name=whom]").fill(whom)
    part.locator("[name=until]").fill((datetime.now(UTC) + timedelta(days=20)).date().isoformat())
    if download:
        part.get_by_label("may also download").check()
    part.get_by_role("button").click()


def _first_sign_in(page: Page) -> None:
    """The password, then the second factor that the account is led to."""
    page.goto("/login")
    page.fill("#username", "asa")
    page.fill("#password", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url("**/profile/second-factor")
    page.get_by_role("button", name="Set it up").click()
    totp = pyotp.TOTP(page.locator("code.secret").inner_text().replace(" ", ""))
    page.fill("#code", totp.now())
    page.fill("#confirm_password", PASSWORD)
    page.get_by_role("button", name="Turn it on").click()
    expect(page.locator(".recovery code").first).to_be_visible()


def _make_account(page: Page) -> None:
    page.goto("/admin/users")
    page.fill("#username", "asa")
    page.fill("#password", PASSWORD)
    page.get_by_label("An assessor").check()
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_text("asa can sign in now.")).to_be_visible()


def _read(page: Page) -> None:
    """From the entrance to a preview of one artifact, by the requirement that it proves."""
    page.goto("/")
    look(page, "an assessor's entrance")
    page.get_by_role("link", name="3: Of record").click()
    expect(page.locator("h1")).to_have_text("Of record")
    look(page, "an assessor's package")
    page.get_by_role("link", name="AC.L2-3.1.1 Authorized Access Control").click()
    look(page, "an assessor's requirement")
    page.locator("#objective-a").get_by_role("link", name="Access control policy").click()
    sheet = page.locator(".preview img.sheet").first
    expect(sheet).to_be_visible()
    assert sheet.evaluate("async one => { await one.decode(); return one.naturalWidth }") == 1_000
    look(page, "an assessor's artifact")


def _take_away(page: Page) -> Path:
    """One file, found by the search what else there is, and the whole package."""
    with page.expect_download() as one:
        page.get_by_role("link", name="Download this file").click()
    assert one.value.path().read_bytes().startswith(b"%PDF-")
    page.fill("#search", "visitor log")
    page.press("#search", "Enter")
    expect(page.get_by_role("link", name=re.compile("Visitor log"))).to_be_visible()
    look(page, "an assessor's search")
    page.get_by_role("link", name="Package 3").click()
    with page.expect_download() as whole:
        page.get_by_role("link", name="Download the zip").click()
    return whole.value.path()


def _unpack(packed: Path, page: Page, folder: Path) -> None:
    """The package on a disk without the tracker and without a network: its page is read, searched, and leads on."""
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(folder)
    page.context.set_offline(True)
    page.goto((folder / "README.html").as_uri())
    look(page, "README.html of an unpacked package")
    shown = page.locator("section.requirement:visible")
    page.get_by_label("Find in the requirements").fill("every quarter against")
    assert 0 < shown.count() < 110
    link = page.get_by_role("link", name=re.compile("^Access control policy")).first.get_attribute("href")
    assert link
    assert (folder / unquote(link)).read_bytes().startswith(b"%PDF-")


def _ask(page: Page) -> None:
    page.goto(page.url.rstrip("/") + "/requirements/AC.L2-3.1.1")
    page.get_by_label("About").select_option("a")
    page.get_by_label("Your question or request").fill("Who approves new accounts?")
    page.get_by_role("button", name="Ask the contractor").click()
    expect(page.get_by_text("not answered yet")).to_be_visible()
    look(page, "an assessor's questions")


def _answer(page: Page) -> None:
    page.goto("/my-work")
    asked = page.locator("li", has_text="Who approves new accounts?")
    asked.get_by_label("Answer to asa").fill("The IT manager, in writing.")
    asked.get_by_role("button", name="Send the answer").click()
    expect(page.locator(".flash")).to_contain_text("Answered.")


def test_from_freezing_to_an_answered_question(ada: Served, tab: Callable[..., Page], tmp_path: Path) -> None:
    assert ada.command("demo").returncode == 0
    page, assessor = tab(), tab(**tab_options())
    sign_in(page)
    _make_account(page)
    _freeze(page)
    page.get_by_role("link", name="Let an assessor look").click()
    _let_in(page, "account", "asa", download=True)
    expect(page.locator(".flash")).to_contain_text("may look at this package now")

    _first_sign_in(assessor)
    _read(assessor)
    _unpack(_take_away(assessor), tab(**tab_options()), tmp_path)
    _ask(assessor)
    _answer(page)
    looks = page.locator("section", has=page.get_by_role("heading", name="Looks and downloads"))
    for told in ("downloaded the whole package", "took away artifact ", "looked at AC.L2-3.1.1"):
        expect(looks).to_contain_text(told)
    assessor.reload()
    expect(assessor.get_by_text("The IT manager, in writing.")).to_be_visible()

    for path in ("/systems/main/packages/4", "/artifacts/1", "/systems/main/ssp"):
        answer = assessor.goto(path)
        assert answer is not None
        assert answer.status == 404, path
    page.locator("tr", has_text="asa").get_by_role("button", name="Take back").click()
    assessor.goto("/")
    expect(assessor.get_by_text("No package is open to you")).to_be_visible()


def test_a_link_and_its_word_open_the_package_until_it_is_taken_back(ada: Served, tab: Callable[..., Page]) -> None:
    assert ada.command("demo").returncode == 0
    page = tab()
    sign_in(page)
    page.goto("/systems/main/packages")
    page.get_by_role("link", name="Before the mock assessment").click()
    page.get_by_role("link", name=re.compile("Let an assessor look")).click()
    viewers = page.url
    _let_in(page, "link", "Kim of C3PAO", download=False)
    link, word = page.locator("code.secret").all_inner_texts()

    guest = tab(**tab_options())
    guest.goto(link)
    look(guest, "a package link's word")
    guest.fill("#word", "nope nope nope nope")
    guest.get_by_role("button", name="Open the package").click()
    expect(guest.get_by_text("This is not the word.")).to_be_visible()
    look(guest, "a wrong word")
    guest.fill("#word", word.upper())
    guest.get_by_role("button", name="Open the package").click()
    expect(guest.locator("h1")).to_have_text("Before the mock assessment")
    expect(guest.get_by_role("link", name="Download the zip")).to_have_count(0)
    guest.goto(f"{link}/artifacts/5")
    look(guest, "a guest's artifact")
    assert "?download" not in guest.content()

    page.goto(viewers)
    page.locator("tr", has_text="Kim of C3PAO").get_by_role("button", name="Take back").click()
    for path in ("", "/word", "/artifacts/5"):
        answer = guest.goto(link + path)
        assert answer is not None
        assert answer.status == 404, path
    expect(guest.get_by_text("has expired or was taken back")).to_be_visible()
    guessed = guest.goto("/link/" + "x" * 64 + "/package")
    assert guessed is not None
    assert guessed.status == 404
