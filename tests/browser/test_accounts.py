"""Accounts as stories: a second factor, tokens, sessions, settings, and words that outlive a session."""

import io
import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pyotp
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.conftest import PASSWORD, Served, sign_in

REQUIREMENT = "/systems/main/requirements/AC.L2-3.1.1?objective=a"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
SAVE = "#implementation button:not([name])"  # the others put a draft in, or find what to refer to


def _add(served: Served, name: str) -> None:
    assert served.command("user", "add", name, "--role", "user", "--password-stdin", given=PASSWORD).returncode == 0


def _sign_out(page: Page) -> None:
    page.locator("details.person summary").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def _begin(page: Page, name: str) -> None:
    """The first step only: name and password."""
    page.goto("/login")
    page.fill("#username", name)
    page.fill("#password", PASSWORD)
    page.click("button[type=submit]")


def _enrol(page: Page) -> tuple[pyotp.TOTP, list[str]]:
    """Set up a second factor from the page that is open; the key is read as a person reads it."""
    page.get_by_role("button", name="Set it up").click()
    totp = pyotp.TOTP(page.locator("code.secret").inner_text().replace(" ", ""))
    page.fill("#code", totp.now())
    page.fill("#confirm_password", PASSWORD)
    page.get_by_role("button", name="Turn it on").click()
    expect(page.get_by_role("heading", name="Your recovery codes")).to_be_visible()
    return totp, page.locator(".recovery code").all_inner_texts()


def _code(page: Page, code: str) -> None:
    expect(page.get_by_role("heading", name="Your code")).to_be_visible()
    page.fill("#code", code)
    page.get_by_role("button", name="Go on").click()


def test_a_second_factor_is_set_up_and_asked_for_and_each_code_opens_once(
    ada: Served, tab: Callable[..., Page]
) -> None:
    page = tab()
    sign_in(page)
    page.goto("/profile")
    page.get_by_role("link", name="Set it up").click()
    totp, recovery = _enrol(page)
    assert len(set(recovery)) == 10
    page.goto("/profile/second-factor")
    assert not any(code in page.content() for code in recovery)

    _sign_out(page)
    _begin(page, "ada")
    following = totp.at(int(time.time()) + 30)
    _code(page, following)
    expect(page.locator(".score")).to_be_visible()

    _sign_out(page)
    _begin(page, "ada")
    _code(page, following)
    expect(page.get_by_role("alert")).to_contain_text("was used already")
    page.goto("/artifacts")
    expect(page.get_by_role("heading", name="Your code")).to_be_visible()
    _code(page, recovery[3].upper().replace("-", " "))
    expect(page.get_by_role("heading", name="Artifacts", exact=True)).to_be_visible()
    page.goto("/profile")
    expect(page.locator("main")).to_contain_text("9 recovery codes left")

    _sign_out(page)
    _begin(page, "ada")
    _code(page, recovery[3])
    expect(page.get_by_role("alert")).to_contain_text("was used already")
    _code(page, recovery[4])
    expect(page.locator(".score")).to_be_visible()


def test_the_picture_of_the_key_keeps_its_white_margin_on_a_dark_page(ada: Served, tab: Callable[..., Page]) -> None:
    page = tab(color_scheme="dark")
    sign_in(page)
    page.goto("/profile/second-factor")
    page.get_by_role("button", name="Set it up").click()
    picture = Image.open(io.BytesIO(page.locator("img.qr").screenshot())).convert("L")
    width, height = picture.size
    seen = [picture.getpixel((x, y)) for x in range(4, width - 4) for y in (6, 12, height - 13, height - 7)]
    seen += [picture.getpixel((x, y)) for y in range(4, height - 4) for x in (6, 12, width - 13, width - 7)]
    assert min(seen) == 255
    assert picture.getextrema()[0] < 20, "nothing is drawn"


def test_whoever_must_have_a_second_factor_is_led_to_it_and_an_administrator_resets_a_lost_one(
    ada: Served, tab: Callable[..., Page]
) -> None:
    _add(ada, "bo")
    page, other = tab(), tab()
    sign_in(page)
    sign_in(other, "bo")
    page.goto("/config")
    page.get_by_label("Everybody must have one").check()
    page.get_by_role("button", name="Save").click()
    expect(page.locator("main")).to_contain_text("Everybody needs a second factor here.")
    _enrol(page)

    other.goto(REQUIREMENT)
    expect(other.locator("main")).to_contain_text("Everybody needs a second factor here.")
    _enrol(other)
    other.get_by_role("link", name="I have kept them").click()
    expect(other.locator(".score")).to_be_visible()
    other.goto("/profile/second-factor")
    expect(other.get_by_role("button", name="Remove")).to_have_count(0)

    page.goto("/admin/users")
    row = page.locator("tr", has_text="bo")
    expect(row).to_contain_text("set")
    row.get_by_text("Change").click()
    row.get_by_role("button", name="Reset the second factor").click()
    expect(page.get_by_role("status")).to_contain_text("is reset")
    other.goto("/artifacts")
    expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
    _begin(other, "bo")
    expect(other.locator("main")).to_contain_text("Everybody needs a second factor here.")


def _call(served: Served, token: str, method: str = "GET") -> int:
    data = json.dumps({"name": "Lab", "level": 2}).encode() if method == "POST" else None
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{served.url}/api/v1/systems", data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return int(error.code)


def test_a_token_is_shown_once_works_as_far_as_it_may_and_ends_when_revoked(
    ada: Served, tab: Callable[..., Page]
) -> None:
    page = tab(permissions=["clipboard-read", "clipboard-write"])
    sign_in(page)
    page.goto("/profile")
    page.get_by_text("Make a token").click()
    page.fill("#token_name", "nightly logs")
    page.fill("#confirm_password", "not mine")
    page.get_by_role("button", name="Make the token").click()
    expect(page.locator("#confirm_password-error")).to_contain_text("not right")
    expect(page.locator("#token_name")).to_have_value("nightly logs")
    page.fill("#confirm_password", PASSWORD)
    page.get_by_role("button", name="Make the token").click()
    token = page.locator("code.secret").inner_text()
    assert re.fullmatch(r"cmmc_[\w-]{43}", token)
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == token

    assert _call(ada, token) == 200
    assert _call(ada, token, "POST") == 403
    page.goto("/profile")
    assert token not in page.content()
    row = page.locator("tr", has_text="nightly logs")
    expect(row).to_contain_text(f"…{token[-4:]}")
    expect(row).to_contain_text("UTC from 127.0.0.1")
    row.get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("status")).to_contain_text("is revoked")
    expect(page.locator("tr", has_text="nightly logs")).to_have_count(0)
    assert _call(ada, token) == 401


def test_where_the_clipboard_is_closed_the_secret_is_selected_for_copying(
    ada: Served, tab: Callable[..., Page]
) -> None:
    page = tab()
    page.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    sign_in(page)
    page.goto("/profile/second-factor")
    _, recovery = _enrol(page)
    page.get_by_role("button", name="Copy all").click()
    expect(page.get_by_role("button", name="Selected: copy it now")).to_be_visible()
    assert all(code in page.evaluate("getSelection().toString()") for code in recovery)


def test_two_tabs_on_the_settings_the_later_one_sees_both_and_keeps_its_words(
    ada: Served, tab: Callable[..., Page]
) -> None:
    first = tab()
    sign_in(first)
    first.goto("/config")
    second = first.context.new_page()
    second.goto("/config")
    first.fill("#session_idle_minutes", "20")
    first.get_by_role("button", name="Save").click()
    expect(first.get_by_role("status")).to_contain_text("Saved")
    second.fill("#session_idle_minutes", "45")
    second.fill("#security_contact", "security@example.com")
    second.get_by_role("button", name="Save").click()
    expect(second.locator(".theirs")).to_contain_text("after 20 minutes without use")
    expect(second.locator("#session_idle_minutes")).to_have_value("45")
    expect(second.locator("#security_contact")).to_have_value("security@example.com")
    second.get_by_role("button", name="Save").click()
    expect(second.get_by_role("status")).to_contain_text("Saved")
    expect(second.locator("#session_idle_minutes")).to_have_value("45")


def test_a_session_on_another_device_is_known_by_its_name_and_ended(ada: Served, tab: Callable[..., Page]) -> None:
    page, other = tab(), tab(user_agent=FIREFOX)
    sign_in(page)
    sign_in(other)
    page.goto("/profile")
    page.locator("tr", has_text="Firefox on Windows").get_by_role("button", name="End").click()
    expect(page.get_by_role("status")).to_contain_text("has ended")
    expect(page.locator("tr", has_text="Firefox on Windows")).to_have_count(0)
    other.goto("/artifacts")
    expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
    page.get_by_role("button", name="Sign out here").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_deleted_person_is_out_at_once_and_gone_from_the_list(ada: Served, tab: Callable[..., Page]) -> None:
    _add(ada, "bo")
    page, other = tab(), tab()
    sign_in(page)
    sign_in(other, "bo")
    page.goto("/admin/users")
    row = page.locator("tr", has_text="bo")
    row.get_by_text("Change").click()
    row.locator("summary", has_text="Delete").last.click()
    row.get_by_role("button", name="Delete bo").click()
    expect(page.get_by_role("status")).to_contain_text("Deleted")
    expect(page.locator("tr", has_text="bo")).to_have_count(0)
    expect(page.locator("tr", has_text="ada").get_by_role("link", name="Your profile")).to_be_visible()
    other.goto("/artifacts")
    expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
    _begin(other, "bo")
    expect(other.get_by_role("alert")).to_contain_text("not right")


def test_a_wrong_password_for_somebody_is_told_beside_its_field(ada: Served, tab: Callable[..., Page]) -> None:
    _add(ada, "bo")
    page = tab()
    sign_in(page)
    page.goto("/admin/users")
    row = page.locator("tr", has_text="bo")
    row.get_by_text("Change").click()
    row.get_by_label("New password for bo").fill("short")
    row.get_by_role("button", name="Set the password").click()
    expect(page.locator("tr", has_text="bo").locator(".error")).to_contain_text("at least 16 characters")
    expect(page.locator("tr", has_text="bo").get_by_label("New password for bo")).to_be_visible()


def _end_session(page: Page) -> Page:
    """In another tab of the same browser, sign out."""
    other = page.context.new_page()
    other.goto("/")
    _sign_out(other)
    return other


def test_words_outlive_a_session_that_ends_while_they_are_typed(ada: Served, tab: Callable[..., Page]) -> None:
    page = tab()
    sign_in(page)
    page.goto(REQUIREMENT)
    page.fill("#note-a", "a long note")
    page.locator("#objective-a").get_by_label("NOT MET", exact=True).check()
    page.fill("#narrative", "a long story")
    other = _end_session(page)
    saves = page.locator("#objective-a").get_by_role("button", name="Save"), page.locator(SAVE)
    for save in saves:
        save.click()
    expect(page.locator("#objective-a .saved")).to_contain_text("you have been signed out")
    expect(page.locator("#implementation .error")).to_contain_text("you have been signed out")
    expect(page.locator("#note-a")).to_have_value("a long note")

    sign_in(other)
    saves[0].click()
    expect(page.locator("#objective-a > summary")).to_contain_text("NOT MET")
    expect(page.locator("#objective-a .saved")).to_contain_text("saved")
    saves[1].click()
    page.wait_for_url("**#implementation")
    page.reload()
    expect(page.locator("#note-a")).to_have_value("a long note")
    expect(page.locator("#narrative")).to_have_value("a long story")


def test_words_are_not_saved_under_the_name_of_whoever_signed_in_since(ada: Served, tab: Callable[..., Page]) -> None:
    _add(ada, "bo")
    page = tab()
    sign_in(page)
    page.goto(REQUIREMENT)
    page.fill("#narrative", "words of Ada")
    other = _end_session(page)
    sign_in(other, "bo")
    page.locator(SAVE).click()
    expect(page.locator("#implementation .error")).to_contain_text("somebody else is signed in")
    expect(page.locator("#narrative")).to_have_value("words of Ada")
    other.goto(REQUIREMENT)
    expect(other.locator("#narrative")).to_have_value("")


def test_a_file_that_met_an_ended_session_is_sent_again_by_a_button(
    ada: Served, tab: Callable[..., Page], tmp_path: Path
) -> None:
    (tmp_path / "review.txt").write_text("reviewed")
    page = tab()
    sign_in(page)
    page.goto("/artifacts/upload")
    other = _end_session(page)
    page.set_input_files("#file", tmp_path / "review.txt")
    page.get_by_role("button", name="Upload").click()
    again = page.locator("#tray").get_by_role("button", name="Try again")
    again.click()
    expect(page.locator("#tray")).to_contain_text("you have been signed out")
    sign_in(other)
    again.click()
    expect(page.locator("#tray").get_by_role("link", name="review")).to_be_visible()


def test_without_scripts_the_way_back_leads_to_what_was_typed(ada: Served, tab: Callable[..., Page]) -> None:
    page = tab(java_script_enabled=False)
    sign_in(page)
    page.goto(REQUIREMENT)
    page.fill("#narrative", "a long story")
    other = _end_session(page)
    sign_in(other)
    page.locator(SAVE).click()
    expect(page.locator("main")).to_contain_text("This page had expired")
    page.go_back()
    expect(page.locator("#narrative")).to_have_value("a long story")
    page.locator(SAVE).click()
    page.wait_for_url("**#implementation")
    expect(page.locator("#narrative")).to_have_value("a long story")
