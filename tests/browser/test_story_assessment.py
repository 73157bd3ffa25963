"""An assessment told as a story by two people: scope, findings, POA&M, Conditional, closed, Final, affirmed."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import Page, expect

from cmmc_tracker.domain.catalog import load
from cmmc_tracker.reports.cells import csv_lines
from tests.browser.conftest import PASSWORD, Served, sign_in

MAIN = "/systems/main"
OPEN = "AC.L2-3.1.3"
TODAY = datetime.now(UTC).date().isoformat()


def _sheet(folder: Path) -> Path:
    """The score sheet that the office has: everything MET but the flow of CUI, of which one objective is not."""
    rows = [[one.id, "MET", ""] for one in load(2).requirements if one.id != OPEN]
    rows += [[f"{OPEN}[{letter}]", "MET", ""] for letter in "abcd"]
    rows += [[f"{OPEN}[e]", "NOT MET", "The rule to the shop floor was left open."]]
    made = folder / "scores.csv"
    made.write_bytes("".join(csv_lines([["Requirement", "Status", "Reason"], *rows])).encode())
    return made


def _scope(page: Page) -> None:
    page.goto(f"{MAIN}/scope/assets")
    page.get_by_role("link", name="Add an asset").click()
    page.get_by_label("Name").fill("File server")
    page.get_by_label("Category").select_option(label="CUI Asset")
    page.get_by_label("stores").check()
    page.get_by_label("Kind").fill("Server")
    page.get_by_label("Make and model").fill("Dell R740")
    page.get_by_label("How the security plan treats it").fill("Encrypted; engineering only.")
    page.get_by_label("It stands on the network diagram").check()
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_text("File server is in the inventory.")).to_be_visible()


def _assess(page: Page, folder: Path) -> None:
    page.goto(f"{MAIN}/ssp/import?what=scores")
    page.get_by_label("File", exact=True).set_input_files(_sheet(folder))
    page.get_by_role("button", name="Show what would come of it").click()
    expect(page.get_by_text("114 rows would change something")).to_be_visible()
    page.get_by_role("button", name="Judge as the ticked rows say").click()
    page.goto("/")
    expect(page.locator(".score .big")).to_contain_text("109")


def _plan(page: Page) -> str:
    page.goto(f"{MAIN}/poam")
    page.get_by_role("link", name=f"Start a POA&M item for {OPEN}").click()
    page.get_by_label("What is weak").fill("The rule between shop floor and enclave was left open.")
    page.get_by_label("To be done by").fill(TODAY)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(OPEN)
    return page.url


def _freeze(page: Page, name: str, purpose: str) -> None:
    page.goto(f"{MAIN}/packages")
    page.get_by_label("Name").fill(name)
    page.get_by_label("What for").select_option(purpose)
    page.get_by_label("Why go on").fill("The evidence lies in the office's folders; it is being taken in.")
    page.get_by_role("button", name="Freeze").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(name)


def _record(page: Page, what: str, package: str) -> None:
    page.goto(f"{MAIN}/status")
    form = page.get_by_role("region", name="Record a status that stands in SPRS")
    form.get_by_label("What", exact=True).select_option(label=what)
    form.get_by_label("Assessment", exact=True).select_option(label="Level 2 (Self)")
    form.get_by_label("CMMC Status Date").fill(TODAY)
    form.get_by_label("Package of record").select_option(package)
    form.get_by_role("button", name="Record", exact=True).click()


def _mend(page: Page, folder: Path, item: str) -> None:
    """The rule is closed, and a file shows it for each objective of the requirement."""
    (folder / "rules.txt").write_text("shop floor to enclave: deny")
    page.goto(f"{MAIN}/requirements/{OPEN}?objective=e")
    objective = page.locator("#objective-e")
    if objective.get_attribute("open") is None:
        objective.locator(":scope > summary").click()
    objective.locator("input[type=file]").set_input_files(folder / "rules.txt")
    expect(objective.locator(".evidence-list li")).to_have_count(1)
    objective.get_by_label("MET", exact=True).check()
    objective.get_by_role("button", name="Save").click()
    expect(page.locator("#objective-e .saved")).to_contain_text("saved")
    page.goto("/artifacts/1/objectives?q=3.1.3")
    for letter in "abcd":
        page.locator(f'input[value="{OPEN}[{letter}]"]').check()
    page.get_by_role("button", name="Link", exact=True).click()
    expect(page.get_by_role("main")).to_contain_text("linked")
    page.goto(item)
    page.get_by_role("button", name="It is mended").click()


def test_from_the_scope_to_the_affirmation_by_two_people(ada: Served, tab: Callable[..., Page], tmp_path: Path) -> None:
    assert ada.command("user", "add", "bo", "--role", "user", "--password-stdin", given=PASSWORD).returncode == 0
    page, other = tab(), tab()
    sign_in(page)
    _let_bo_approve(page)
    sign_in(other, "bo")
    _scope(page)
    _assess(page, tmp_path)
    item = _plan(page)
    _freeze(page, "Self-assessment, of record", "final")

    _name_bo(page)
    _record(other, "a Conditional status", "1")
    expect(other.get_by_text("Conditional Level 2 (Self)").first).to_be_visible()
    expect(other.get_by_text("180 days are left").first).to_be_visible()

    _mend(page, tmp_path, item)
    other.goto(item)
    other.get_by_label("What was seen").fill("The rule set, with Ada.")
    other.get_by_role("button", name="Close", exact=True).click()
    expect(other.get_by_text("closed").first).to_be_visible()
    _freeze(page, "Closeout", "closeout")
    _record(other, "the closeout of the POA&M", "2")
    expect(other.get_by_role("table")).to_contain_text("by closeout")

    other.get_by_label("Submitted on").fill(TODAY)
    other.get_by_label("I read what stands under").check()
    other.get_by_role("button", name="Record the affirmation").click()
    expect(other.get_by_role("table")).to_contain_text("bo, Owner")
    page.goto("/systems")
    expect(page.get_by_role("main")).to_contain_text("Final Level 2 (Self)")


def _let_bo_approve(page: Page) -> None:
    page.goto("/admin/systems")
    page.get_by_text("Add a person, or change what one may do").click()
    page.get_by_label("Person, by the name they sign in with").fill("bo")
    for box in page.get_by_role("checkbox").all():
        box.check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("table")).to_contain_text("approve")


def _name_bo(page: Page) -> None:
    page.goto(f"{MAIN}/people")
    page.get_by_text("Name the official").click()
    form = page.locator("form").filter(has_text="Save the official")
    form.get_by_label("Person").select_option("bo")
    form.get_by_label("Title").fill("Owner")
    form.get_by_role("button", name="Save the official").click()
    expect(page.get_by_text("bo, Owner")).to_be_visible()
