"""Evidence from somebody outside, told as a story: asked for, sent, accepted, linked, approved, renewed, overdue."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import PASSWORD, Served, sign_in

ASKED, SUGGESTED, FOUND = "AC.L2-3.1.8[b]", "AC.L2-3.1.8[a]", "AC.L2-3.1.11[b]"
TITLE = "Lockout settings of the file server"


def _ask(page: Page) -> str:
    """Ask a provider without an account; returns the request's address."""
    page.goto("/systems/main/requests")
    page.fill("#objective", ASKED)
    page.fill("#wanted", "A screenshot or an export of the lockout settings of the file server.")
    page.fill("#outside", "Northwind IT")
    page.fill("#first_due", (datetime.now(UTC).date() + timedelta(days=20)).isoformat())
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_role("heading", name="Request 1")).to_be_visible()
    return page.url


def _send(page: Page, link: str, folder: Path) -> None:
    """Send a file as somebody who has the link and nothing else."""
    (folder / "3.1.8[a] lockout.txt").write_text("Account lockout threshold: 5 tries. Reset after 15 minutes.\n")
    page.goto(link)
    expect(page.get_by_text("lockout settings of the file server")).to_be_visible()
    expect(page.get_by_role("navigation")).to_have_count(0)
    page.locator("input[type=file]").set_input_files(folder / "3.1.8[a] lockout.txt")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    page.goto(link)
    expect(page.get_by_role("heading", name="Not Found")).to_be_visible()


def _accept(page: Page) -> None:
    page.goto("/artifacts")
    expect(page.locator("main")).not_to_contain_text("lockout")
    page.goto("/quarantine")
    page.locator("main .row-link").click()
    expect(page.locator("pre.text")).to_contain_text("threshold: 5 tries")
    page.fill("#title", TITLE)
    page.get_by_role("button", name="Accept").click()
    expect(page.get_by_role("heading", name=TITLE)).to_be_visible()
    expect(page.locator("section", has_text="Evidence for").first).to_contain_text(ASKED)


def _link(page: Page) -> None:
    """One objective by its suggestion, one by the dialog."""
    page.get_by_role("button", name=f"Link to {SUGGESTED}").click()
    expect(page.locator(".flash")).to_contain_text(SUGGESTED)
    page.get_by_role("link", name="Link to objectives").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Find among the objectives").fill("3.1.11")
    dialog.locator(f"input[value='{FOUND}']").check()
    dialog.get_by_role("button", name="Link", exact=True).click()
    linked = page.locator("section[aria-labelledby=links-title] .evidence-list").first
    for objective in (ASKED, SUGGESTED, FOUND):
        expect(linked).to_contain_text(objective)


def _hand_in(page: Page) -> str:
    page.get_by_text("Change the facts").click()
    page.select_option("#reviewer", "bo")
    page.select_option("#cadence", "quarterly")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".flash")).to_contain_text("Saved")
    page.get_by_role("button", name="Hand in for review").click()
    expect(page.get_by_role("heading", name="State: in review")).to_be_visible()
    return page.url


def _approve(page: Page) -> None:
    page.goto("/my-work")
    page.locator("main").get_by_role("link", name=TITLE).click()
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("heading", name="State: approved")).to_be_visible()


def _renew(page: Page, folder: Path) -> None:
    """A newer file, which covers a time that is long over."""
    (folder / "newer.txt").write_text("Account lockout threshold: 3 tries.\n")
    page.get_by_text("Add a new version").click()
    page.fill("#new-covers_from", "2025-01-01")
    page.fill("#new-covers_until", "2025-03-31")
    page.locator("section[aria-labelledby=versions-title] input[type=file]").set_input_files(folder / "newer.txt")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("heading", name="State: draft")).to_be_visible()


def test_from_the_request_to_the_calendar(ada: Served, tab: Callable[..., Page], tmp_path: Path) -> None:
    assert ada.command("user", "add", "bo", "--role", "user", "--password-stdin", given=PASSWORD).returncode == 0
    page = tab()
    sign_in(page)
    page.goto("/config")
    page.check("#review_required")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".flash")).to_be_visible()
    request = _ask(page)
    page.get_by_role("button", name="Make a link").click()
    link = page.locator("code.secret").inner_text()
    assert link.startswith(f"{ada.url}/link/")
    _send(tab(), link, tmp_path)
    _accept(page)
    _link(page)
    artifact = _hand_in(page)
    page.goto(request)
    expect(page.locator("main")).to_contain_text("waits for approval")

    reviewer = tab()
    sign_in(reviewer, "bo")
    _approve(reviewer)
    page.goto(request)
    expect(page.locator(".headline")).to_contain_text("Closed")

    page.goto(artifact)
    _renew(page, tmp_path)
    expect(page.locator("main")).to_contain_text("overdue")
    page.goto("/calendar")
    expect(page.locator("section[aria-labelledby=overdue-title]")).to_contain_text(TITLE)
    page.fill("#assessment", (datetime.now(UTC).date() + timedelta(days=90)).isoformat())
    page.get_by_role("button", name="Show").click()
    expect(page.locator("section[aria-labelledby=stale-title]")).to_contain_text(TITLE)
    page.goto("/artifacts?q=stale:yes")
    expect(page.locator("main .row-link")).to_have_text([TITLE])
