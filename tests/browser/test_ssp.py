"""The security plan in a real browser: references are inserted while writing; its states fit and have no barrier."""

import io
import re
from collections.abc import Callable, Iterator

import docx
from playwright.sync_api import Page, expect

from tests.browser.conftest import Served, sign_in
from tests.browser.looking import look, tab_options

SSP = "/systems/main/ssp"
NARRATIVE = "/systems/main/requirements/AC.L2-3.1.1"
SAVE = "#implementation form > .actions button"


def test_a_reference_is_found_and_inserted_where_one_writes_and_nothing_is_saved_by_it(
    ada: Served, tab: Callable[..., Page]
) -> None:
    assert ada.command("demo").returncode == 0
    page = tab()
    sign_in(page)
    page.goto(NARRATIVE)
    page.fill("#narrative", "The list is kept.")
    page.get_by_text("Refer to an artifact").click()
    page.fill("#find", "access control policy")
    page.press("#find", "Enter")
    page.get_by_role("button", name="Insert Access control policy").click()
    assert re.fullmatch(r"The list is kept\. \[\[artifact:\d+\]\]", page.input_value("#narrative"))
    page.locator(SAVE).click()
    page.wait_for_url("**#implementation")
    page.goto(SSP)
    expect(page.locator("#AC\\.L2-3\\.1\\.1").get_by_role("link", name="Access control policy")).to_be_visible()


def test_pages_of_the_plan_fit_and_have_no_barrier_in_any_of_their_states(
    ada: Served, tab: Callable[..., Page]
) -> None:
    assert ada.command("demo").returncode == 0
    page = tab(**tab_options())
    sign_in(page)
    for state in _states(page):
        look(page, state)


def _states(page: Page) -> Iterator[str]:
    page.goto("/systems/main/requirements/AC.L2-3.1.8")
    page.locator("button[value=draft]").click()
    page.get_by_text("Nothing is saved yet").wait_for()
    yield "a draft"
    page.goto(f"{SSP}/versions")
    page.get_by_role("button", name="Make a version").click()
    page.wait_for_url("**/versions/1")
    yield "a version"
    page.goto(NARRATIVE)
    page.fill("#narrative", "Written anew.\n\nSee [[artifact:1]].")
    page.locator(SAVE).click()
    page.wait_for_url("**#implementation")
    page.goto(f"{SSP}/compare")
    yield "a comparison"
    page.goto("/systems/main/changes")
    page.fill("#text", "A new file server")
    page.get_by_label("The plan must change").check()
    page.get_by_role("button", name="Record").click()
    expect(page.locator(".flash")).to_be_visible()
    page.goto("/systems/main/changes/1")
    yield "a change"
    made, file = docx.Document(), io.BytesIO()
    for line in ("3.1.1 Access", "One list.", "3.1.2 Roles", "A long text. " * 30):
        made.add_paragraph(line)
    made.save(file)
    page.goto(f"{SSP}/import")
    page.set_input_files(
        "#file", {"name": "plan.docx", "mimeType": "application/octet-stream", "buffer": file.getvalue()}
    )
    page.get_by_role("button", name="Show what would come of it").click()
    page.get_by_role("button", name="Save what is ticked").wait_for()
    yield "an import of a plan"
    page.goto(f"{SSP}/import?what=scores")
    sheet = b"control,status,reason\n3.1.1,MET,\n3.1.2,NOT MET,no roles yet\n3.1.3,N/A,\n"
    page.set_input_files("#file", {"name": "scores.csv", "mimeType": "text/csv", "buffer": sheet})
    page.get_by_role("button", name="Show what would come of it").click()
    page.get_by_role("button", name="Judge as the ticked rows say").wait_for()
    yield "an import of scores"
