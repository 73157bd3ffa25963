"""The main job told as a story: set up, evidence in, objectives judged, score out."""

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from cmmc_tracker.reports import demo_files
from tests.browser.conftest import PASSWORD, Served

SCORE = ".score .big"


def _files(folder: Path) -> list[Path]:
    made = {
        "Access policy.pdf": demo_files.pdf("Access policy", [("Rule", "Only approved people.")]),
        "accounts.csv": demo_files.csv([["name", "owner"], ["ada", "Ada"]]),
        "setting.png": demo_files.screenshot("Sign-in", [("Second factor", "on")]),
    }
    for name, content in made.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in made]


def _judge(page: Page, letter: str, status: str = "MET") -> None:
    block = page.locator(f"#objective-{letter}")
    if block.get_attribute("open") is None:
        block.locator(":scope > summary").click()
    block.get_by_label(status, exact=True).check()
    block.get_by_role("button", name="Save").click()
    expect(page.locator(f"#objective-{letter} > summary")).to_contain_text(status)
    expect(page.locator(f"#objective-{letter} .saved")).to_contain_text("saved")


def test_from_the_first_link_to_the_score(served: Served, tab: Callable[..., Page], tmp_path: Path) -> None:
    page = tab()
    assert re.fullmatch(rf"{served.url}/setup/\S+", served.link)
    page.goto(served.link)
    page.fill("#username", "ada")
    page.fill("#password", PASSWORD)
    page.fill("#password_repeat", PASSWORD)
    page.get_by_role("button", name="Make the account").click()
    page.get_by_role("link", name="Skip for now").click()
    expect(page.locator(SCORE)).to_have_text("No score")
    expect(page.get_by_text("Where to begin")).to_be_visible()

    page.get_by_role("link", name="Walk through the requirements").click()
    objective = page.locator("#objective-a")
    objective.locator("input[type=file]").set_input_files(_files(tmp_path))
    expect(objective.locator(".evidence-list li")).to_have_count(3)
    expect(page.locator("#tray li")).to_have_count(3)
    expect(page.locator("#tray")).to_contain_text("kept, linked to AC.L2-3.1.1[a]")
    _judge(page, "a")

    page.goto("/systems/main/requirements/3.12.4")
    _judge(page, "a")
    page.goto("/")
    expect(page.locator(SCORE)).to_have_text("No score")
    expect(page.locator(".score")).to_contain_text("3.12.4[h] is not assessed")
    page.get_by_role("link", name="Go to CA.L2-3.12.4").click()
    _judge(page, "h")
    page.goto("/")
    expect(page.locator(SCORE)).to_contain_text("-203")
    expect(page.locator(".score")).to_contain_text("Provisional")

    page.goto("/systems/main/requirements/3.1.1")
    for letter in "bcdef":
        _judge(page, letter)
    expect(page.locator("[data-headline]")).to_contain_text("MET")
    page.goto("/")
    expect(page.locator(SCORE)).to_contain_text("-198")
    page.goto("/systems/main/requirements/3.1.2")
    for letter in "ab":
        _judge(page, letter)
    page.goto("/")
    expect(page.locator(SCORE)).to_contain_text("-193")

    page.get_by_text("ada", exact=True).click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.goto("/artifacts")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert "3 stored files" in served.command("verify").stdout


def test_the_same_job_without_scripts(served: Served, tab: Callable[..., Page], tmp_path: Path) -> None:
    page = tab(java_script_enabled=False)
    page.goto(served.link)
    page.fill("#username", "ada")
    page.fill("#password", PASSWORD)
    page.fill("#password_repeat", PASSWORD)
    page.get_by_role("button", name="Make the account").click()
    page.goto("/systems/main/requirements/3.1.1")
    page.locator("#objective-a input[type=file]").set_input_files(_files(tmp_path))
    page.locator("#objective-a").get_by_role("button", name="Upload").click()
    expect(page.locator("#objective-a .evidence-list li")).to_have_count(3)
    page.locator("#objective-a").get_by_label("MET", exact=True).check()
    page.locator("#objective-a").get_by_role("button", name="Save").click()
    expect(page.locator("#objective-a > summary")).to_contain_text("MET")
    page.locator("#objective-a").get_by_placeholder("title, words or file name").fill("acc")
    page.locator("#objective-a").get_by_role("button", name="Find").click()
    expect(page.get_by_role("heading", name="Link an artifact")).to_be_visible()
    expect(page.get_by_text("linked", exact=True).first).to_be_visible()
