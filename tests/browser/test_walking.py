"""Working through the objectives by keys: saved as one types, never left behind, never over somebody else's words."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import PASSWORD, Served, sign_in

START = "/systems/main/assess?way=all"


def test_objectives_are_judged_one_after_the_other_without_a_mouse(ada: Served, tab: Callable[..., Page]) -> None:
    page = tab()
    sign_in(page)
    page.goto(START)
    page.keyboard.press("m")
    expect(page.locator(".saved")).to_contain_text("saved ")
    expect(page.locator("#objective-a > summary")).to_contain_text("● MET")
    page.keyboard.press("j")
    expect(page.locator("#note-b")).to_be_visible()
    page.wait_for_load_state("load")
    page.keyboard.press("n")
    expect(page.locator("#note-b")).to_be_focused()
    page.keyboard.type("no list of programs yet")
    page.keyboard.press("Escape")
    page.keyboard.press("j")  # before the pause is over: it is saved first
    expect(page.locator("#note-c")).to_be_visible()
    page.wait_for_load_state("load")
    page.keyboard.press("a")
    page.keyboard.press("Escape")
    page.keyboard.press("j")  # N/A without a reason is not saved, and not left behind
    expect(page.locator(".saved")).to_contain_text("Not applicable needs a written reason")
    expect(page.locator("#note-c")).to_be_focused()
    page.keyboard.type("nothing of the kind here")
    expect(page.locator(".saved")).to_contain_text("saved ")
    page.keyboard.press("Escape")
    page.keyboard.press("k")
    expect(page.locator("#note-b")).to_have_value("no list of programs yet")
    page.wait_for_load_state("load")
    expect(page.locator("[data-headline]")).to_contain_text("is NOT MET")
    page.keyboard.press("/")
    expect(page.locator("#find")).to_be_focused()
    page.keyboard.type("multifactor")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="IA.L2-3.5.3[a]")).to_be_visible()


def test_what_is_typed_is_saved_while_typing_and_meets_somebody_elses_words(
    ada: Served, tab: Callable[..., Page]
) -> None:
    assert ada.command("user", "add", "bo", "--role", "user", "--password-stdin", given=PASSWORD).returncode == 0
    first, second = tab(), tab()
    sign_in(first)
    sign_in(second, "bo")
    for page in (first, second):
        page.goto(START)
    first.locator("[name=examined]").fill("the account list")
    expect(first.locator(".saved")).to_contain_text("saved ")
    first.locator("[name=interviewed]").fill("Cal, administrator")
    first.wait_for_timeout(1_500)
    expect(first.locator(".saved")).to_contain_text("saved ")
    second.locator("#note-a").fill("from Bo")
    expect(second.locator(".theirs")).to_contain_text("the account list")
    expect(second.locator("#note-a")).to_have_value("from Bo")


def test_the_placemat_prints_on_one_landscape_sheet(ada: Served, tab: Callable[..., Page]) -> None:
    page = tab()
    sign_in(page)
    page.goto("/systems/main/placemat")
    printed = page.pdf(prefer_css_page_size=True)
    sheets = re.findall(rb"/MediaBox\s*\[\s*0\s+0\s+([\d.]+)\s+([\d.]+)\s*\]", printed)
    assert len(sheets) == 1
    width, height = map(float, sheets[0])
    assert width > height
