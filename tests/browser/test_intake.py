"""Folders, pasted screenshots, the upload tray, triage by keys, choosing many: as people do it."""

import base64
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Served, sign_in
from tests.browser.looking import AXE
from tests.conftest import png
from tests.domain.test_kinds import PROPOSED

PAGE = "/systems/main/requirements/AC.L2-3.1.1?objective=a"
# A paste as a browser tells of it: a picture, and text where `text` is given.
_PASTE = """([selector, text, PNG]) => {
  const bytes = Uint8Array.from(atob(PNG), (sign) => sign.charCodeAt(0));
  const data = new DataTransfer();
  data.items.add(new File([bytes], 'image.png', {type: 'image/png'}));
  if (text) data.setData('text/plain', text);
  const target = document.querySelector(selector);
  return target.dispatchEvent(new ClipboardEvent('paste', {clipboardData: data, bubbles: true, cancelable: true}));
}"""
# A dropped folder: what is in it is asked for a hundred at a time; one of its entries cannot be read.
_DROP_FOLDER = """(count) => {
  const file = (name, text) => ({isFile: true, name, file: (done, failed) => (text === null
    ? failed(new DOMException('gone', 'NotFoundError')) : done(new File([text], name, {type: 'text/plain'})))});
  const folder = (name, entries) => ({isDirectory: true, name, createReader: () => {
    let at = 0;
    return {readEntries: (done) => { done(entries.slice(at, at + 100)); at += 100; }};
  }});
  const many = Array.from({length: count}, (_, n) => file(`${n}.txt`, `file ${n}`));
  const root = folder('evidence', [file('.DS_Store', 'x'), file('broken.txt', null),
    folder('3.1.1', [file('rules.txt', 'rules'), file('Thumbs.db', 'x')]), folder('many', many)]);
  const transfer = {types: ['Files'], files: [], items: [{kind: 'file', webkitGetAsEntry: () => root}]};
  const event = new Event('drop', {bubbles: true, cancelable: true});
  Object.defineProperty(event, 'dataTransfer', {value: transfer});
  document.querySelector('main').dispatchEvent(event);
}"""


@pytest.fixture
def page(ada: Served, tab: Callable[..., Page]) -> Page:
    """Ada's browser."""
    assert ada.environment
    made = tab(bypass_csp=True)
    sign_in(made)
    return made


def _paste(page: Page, selector: str, text: str = "") -> bool:
    """Paste a picture there; whether the browser goes on with the paste by itself."""
    return bool(page.evaluate(_PASTE, [selector, text, base64.b64encode(png()).decode()]))


def _folder(place: Path, **files: str) -> Path:
    for name, text in files.items():
        path = place / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return place


def _add(ada: Served, place: Path, *titles: str, objective: str = "") -> None:
    for title in titles:
        path = place / f"{title}.txt"
        path.write_text(title)
        more = ["--objective", objective] if objective else []
        assert ada.command("artifact", "add", str(path), "--title", title, *more).returncode == 0


def _axe(page: Page) -> list[tuple[str, str]]:
    page.add_script_tag(path=AXE)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [(one["id"], one["nodes"][0]["html"][:150]) for one in found]


# Folders


def test_a_chosen_folder_goes_file_by_file_and_its_names_are_suggested(page: Page, tmp_path: Path) -> None:
    files = {"3_dot_1_dot_1__rules_dot_txt": "a", "AC__AC_dot_L2-3_dot_1_dot_2[b] roles_dot_txt": "b"}
    place = _folder(tmp_path / "evidence", **files, _dot_DS_Store="x", AC__desktop_dot_ini="x")
    page.goto("/artifacts/upload")
    page.set_input_files("#folder", place)
    page.get_by_role("button", name="Upload", exact=True).click()
    tray = page.locator("#tray")
    expect(tray).to_contain_text("2 of 2 files kept · 2 hidden files left out (")
    expect(tray).to_contain_text("from the folder “3.1.1”")
    tray.get_by_role("button", name="Link AC.L2-3.1.2[b]").click()
    expect(tray).to_contain_text("linked to AC.L2-3.1.2[b]")
    tray.get_by_role("button", name="Undo the link to AC.L2-3.1.2[b]").click()
    expect(tray.get_by_role("button", name="Link AC.L2-3.1.2[b]")).to_be_visible()
    tray.get_by_role("button", name="Link AC.L2-3.1.2[b]").click()
    expect(tray).to_contain_text("linked to AC.L2-3.1.2[b]")
    assert _axe(page) == []
    tray.get_by_role("link", name="Go through them one by one").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("rules")
    expect(page.locator(".triage")).to_contain_text("evidence/3.1.1/rules.txt")


def test_a_dropped_folder_is_walked_and_what_cannot_be_read_is_told(page: Page) -> None:
    page.goto("/artifacts/upload")
    page.evaluate(_DROP_FOLDER, 3)
    tray = page.locator("#tray")
    expect(tray).to_contain_text(
        "4 of 5 files kept · 1 not kept: see below · 2 hidden files left out (.DS_Store, Thumbs.db)"
    )
    expect(tray.locator("li", has_text="broken.txt")).to_contain_text(
        "It cannot be read: it may be a link or a shortcut"
    )
    page.goto("/artifacts?q=rules")
    page.get_by_role("link", name="rules").click()
    expect(page.locator(".facts").first).to_contain_text("evidence/3.1.1/rules.txt")


def test_very_many_files_are_asked_about_first_and_can_all_be_cancelled(page: Page) -> None:
    page.goto("/artifacts/upload")
    page.evaluate(_DROP_FOLDER, 2_050)
    tray = page.locator("#tray")
    expect(tray).to_contain_text("These are 2,052 files.")
    expect(tray.get_by_role("button", name="Upload them all")).to_be_focused()
    tray.get_by_role("button", name="Not now").click()
    expect(tray.locator("li")).to_have_count(0)
    page.evaluate(_DROP_FOLDER, 2_050)
    page.route("**/api/v1/artifacts", lambda route: None)
    tray.get_by_role("button", name="Upload them all").click()
    expect(tray).to_contain_text("of 2,052 files kept")
    tray.get_by_role("button", name="Cancel all").click()
    expect(tray.get_by_role("status")).to_contain_text("cancelled")
    expect(tray.get_by_role("button", name="Hide all")).to_be_visible()
    tray.get_by_role("button", name="Hide all").click()
    expect(tray).to_be_hidden()


def test_a_file_that_went_away_meanwhile_is_told_and_can_be_tried_again(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "going.txt"
    path.write_text("here")
    page.goto("/artifacts/upload")
    page.set_input_files("#file", path)
    path.unlink()
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.locator("#tray li")).to_contain_text("It cannot be read")
    expect(page.locator("#tray").get_by_role("button", name="Try again")).to_be_visible()


# The kind


def test_the_kind_is_proposed_as_the_rules_say_before_anything_is_sent(page: Page) -> None:
    page.goto("/artifacts/upload")
    kind, file = page.locator("#kind"), page.locator("#file")
    for name, wanted in PROPOSED.items():
        if name:
            file.set_input_files({"name": name, "mimeType": "text/plain", "buffer": b"x"})
            assert kind.input_value() == (wanted or "other"), name
            expect(page.locator("#kind-hint")).to_have_count(1 if wanted else 0)
    assert _axe(page) == []


def test_what_somebody_chose_stays_and_a_proposal_goes_with_its_files(page: Page) -> None:
    page.goto("/artifacts/upload")
    kind, file = page.locator("#kind"), page.locator("#file")
    policy, diagram = (
        {"name": name, "mimeType": "text/plain", "buffer": b"x"} for name in ("policy.txt", "diagram.txt")
    )
    file.set_input_files([policy, diagram])
    expect(page.locator("#kind-hint")).to_contain_text("several kinds")
    assert kind.input_value() == "other"
    file.set_input_files(policy)
    expect(page.locator("#kind-hint")).to_contain_text("Proposed by the name")
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.locator("#tray li")).to_contain_text("kept")
    expect(kind).to_have_value("other")
    kind.select_option("contract")
    file.set_input_files(diagram)
    assert kind.input_value() == "contract"
    page.goto("/artifacts?kind=policy")
    expect(page.locator("main table")).to_contain_text("policy")


def test_on_a_phone_one_uploads_after_title_and_dates(tab: Callable[..., Page], page: Page) -> None:
    assert page.url
    small = tab(390, 844)
    sign_in(small)
    small.goto("/artifacts/upload")
    below = small.get_by_role("button", name="Upload", exact=True).bounding_box()
    assert below
    for name in ("#file", "#title", "#covers_from", "#collected_on", "#owner", "#shows"):
        field = small.locator(name).bounding_box()
        assert field, name
        assert field["y"] + field["height"] <= below["y"], name


# Pasting


def test_a_pasted_screenshot_becomes_evidence_of_the_open_objective(page: Page) -> None:
    page.goto(PAGE)
    expect(page.locator("#objective-a .drop")).to_contain_text("paste a screenshot")
    assert _paste(page, "body", "") is False
    link = page.locator("#objective-a .evidence-list").get_by_role("link", name=re.compile("^Screenshot 20"))
    expect(link).to_have_text(re.compile(r"^Screenshot \d{4}-\d\d-\d\d \d\d\.\d\d AC\.L2-3\.1\.1\[a\]$"))
    link.click()
    facts = page.locator(".facts").first
    expect(facts).to_contain_text("Screenshot")
    expect(facts).to_contain_text(re.compile(r"Screenshot \d{4}-\d\d-\d\d \d\d\.\d\d AC\.L2-3\.1\.1\[a\]\.png"))
    expect(page.locator(".rich").first).to_have_text("Pasted on the page of AC.L2-3.1.1 [a].")
    day = page.locator("#collected_on").input_value()
    assert day == datetime.now(UTC).date().isoformat()


def test_a_paste_on_the_upload_page_goes_with_what_was_filled_in(page: Page) -> None:
    page.goto("/artifacts/upload")
    page.fill("#title", "Lockout setting")
    page.fill("#objectives", "3.1.8[a]")
    page.fill("#description", "Of the domain.")
    _paste(page, "main", "")
    expect(page.locator("#tray")).to_contain_text("kept, linked to 3.1.8[a]")
    page.locator("#tray").get_by_role("link", name="Lockout setting").click()
    expect(page.locator(".rich").first).to_contain_text("Of the domain.")
    expect(page.locator(".rich").first).to_contain_text("Pasted on the page “Upload evidence”.")


def test_words_that_are_pasted_into_a_field_stay_words(page: Page) -> None:
    page.goto(PAGE)
    assert _paste(page, "#note-a", "from a document") is True
    expect(page.locator("#tray")).to_be_hidden()
    assert _paste(page, "#note-a", "") is False  # a picture alone is nothing for a field of text
    expect(page.locator("#objective-a .evidence-list")).to_contain_text("Screenshot")
    page.goto("/artifacts")
    assert _paste(page, "body", "") is True  # nothing takes files here


# Triage


def _key(page: Page, key: str) -> None:
    """Press a key on a page that has come wholly, its scripts too."""
    page.wait_for_load_state()
    page.keyboard.press(key)


def test_a_pile_is_gone_through_with_the_keyboard_alone(page: Page, ada: Served, tmp_path: Path) -> None:
    _add(ada, tmp_path, "Third", "AC.L2-3.1.1[a] second", "PE.L2-3.10.3[a] first")
    page.goto("/triage")
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text("PE.L2-3.10.3[a] first")
    _key(page, "1")
    expect(page.locator(".flash")).to_contain_text("Linked to PE.L2-3.10.3[a].")
    _key(page, "u")
    expect(page.locator(".flash")).to_contain_text("Undone: 1 link was taken away.")
    _key(page, "1")
    expect(page.locator(".flash")).to_contain_text("Linked to")
    _key(page, "n")
    expect(heading).to_have_text("AC.L2-3.1.1[a] second")
    _key(page, "b")
    expect(heading).to_have_text("PE.L2-3.10.3[a] first")
    _key(page, "ArrowRight")
    expect(heading).to_have_text("AC.L2-3.1.1[a] second")
    _key(page, "d")
    expect(page.locator("#covers_from")).to_be_focused()
    page.keyboard.type("01012026")
    page.keyboard.press("Enter")
    expect(page.locator(".flash")).to_contain_text("Saved.")
    expect(page.locator("#covers_from")).to_have_value("2026-01-01")
    _key(page, "l")
    page.keyboard.type("n1 visitors")
    page.keyboard.press("Enter")
    expect(page.get_by_text("No objective has all of these words.")).to_be_visible()
    _key(page, "?")
    expect(page.get_by_text("out of a field, so that the keys work again")).to_be_visible()
    _key(page, "n")
    expect(heading).to_have_text("Third")
    page.goto("/")
    page.goto("/triage")
    expect(heading).to_have_text("Third")
    _key(page, "n")
    expect(page.locator("main")).to_contain_text(
        "This is the end of the pile. 2 artifacts have no link yet, 1 is linked."
    )


def test_unsaved_dates_are_not_lost_by_going_on(page: Page, ada: Served, tmp_path: Path) -> None:
    _add(ada, tmp_path, "One", "Two")
    page.goto("/triage")
    page.locator("#collected_on").fill("2026-01-02")
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    page.wait_for_timeout(300)
    assert asked == ["beforeunload"]
    expect(page.locator("#collected_on")).to_have_value("2026-01-02")


# Many at once


def test_one_artifact_is_linked_to_many_objectives_in_a_dialog_by_keyboard(
    page: Page, ada: Served, tmp_path: Path
) -> None:
    _add(ada, tmp_path, "Badge policy", objective="3.10.1[a]")
    page.goto("/artifacts/1")
    page.get_by_role("link", name="Link to objectives …").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Link to objectives")
    expect(dialog.get_by_label("Find among the objectives")).to_be_focused()
    assert _axe(page) == []
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("link", name="Link to objectives …")).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog.get_by_label("Find among the objectives")).to_be_focused()
    page.keyboard.type("3.10.1")
    expect(dialog.locator("[data-choice] label:visible")).to_have_count(4)
    expect(dialog.locator("input[value='PE.L2-3.10.1[a]']")).to_be_disabled()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    expect(dialog).to_contain_text("2 chosen")
    dialog.get_by_label("Find among the objectives").fill("3.10.3[a]")
    dialog.locator("[data-choice] label:visible").first.click()
    dialog.get_by_label("Where in the file").fill("section 2")
    page.keyboard.press("Enter")
    expect(page.locator(".flash")).to_contain_text("Linked to PE.L2-3.10.1[b], PE.L2-3.10.1[c], PE.L2-3.10.3[a].")
    page.locator(".flash").get_by_role("button", name="Undo").click()
    expect(page.locator(".flash")).to_contain_text("Undone: 3 links were taken away.")
    expect(page.locator("#links-title ~ .evidence-list").first.locator("li")).to_have_count(1)


def test_rows_are_chosen_linked_and_the_links_taken_back(page: Page, ada: Served, tmp_path: Path) -> None:
    _add(ada, tmp_path, "One", "Two", "Three")
    page.goto("/artifacts")
    page.get_by_label("Choose all on this page").check()
    expect(page.locator("#selection")).to_contain_text("3 chosen:")
    page.get_by_label("Choose Two").uncheck()
    expect(page.locator("#selection")).to_contain_text("2 chosen:")
    assert _axe(page) == []
    page.get_by_role("button", name="Link to objectives …").click()
    page.get_by_label("Find among the objectives").fill("3.1.1[a]")
    page.locator("[data-choice] label:visible").click()
    page.get_by_role("button", name="Link to objectives").click()
    expect(page.locator(".flash")).to_contain_text("2 links made.")
    expect(page.get_by_role("row", name="Two")).to_contain_text("not linked yet")
    page.locator(".flash").get_by_role("button", name="Undo").click()
    expect(page.locator(".flash")).to_contain_text("Undone: 2 links were taken away.")


def test_what_hinders_a_selection_is_shown_without_a_barrier(page: Page, ada: Served, tmp_path: Path) -> None:
    _add(ada, tmp_path, "One", "Two")
    other = page.context.new_page()
    page.goto("/artifacts")
    other.goto("/artifacts/1")
    other.get_by_text("Change the facts").click()
    other.locator("#title").fill("One, newer")
    other.get_by_role("button", name="Save").click()
    expect(other.locator(".flash")).to_contain_text("Saved.")
    page.get_by_label("Choose all on this page").check()
    page.get_by_role("button", name="Put into the trash").click()
    expect(page.get_by_role("alert")).to_contain_text("One, newer: Somebody else changed it since you chose it.")
    assert _axe(page) == []
    page.get_by_role("button", name="Do it again").click()
    expect(page.locator(".flash")).to_contain_text("1 artifact was put into the trash")


def test_several_artifacts_are_linked_to_an_objective_and_undone_in_place(
    page: Page, ada: Served, tmp_path: Path
) -> None:
    _add(ada, tmp_path, "Visitor log", "Visitor policy", "Badge list")
    page.goto(PAGE)
    objective = page.locator("#objective-a")
    objective.locator("#pick-a").fill("visi")
    objective.get_by_label("Choose Visitor log").check()
    objective.locator("#pick-a").fill("badge")
    objective.get_by_label("Choose Badge list").check()
    expect(objective.get_by_label("Choose Visitor log")).to_be_checked()  # kept over the next search
    objective.get_by_placeholder("where in it").fill("row 4")
    assert _axe(page) == []
    objective.get_by_role("button", name="Link the ticked ones").click()
    expect(objective.locator(".flash")).to_contain_text("2 artifacts are linked to AC.L2-3.1.1[a].")
    expect(objective.locator(".evidence-list").first.locator("li")).to_have_count(2)
    objective.locator(".flash").get_by_role("button", name="Undo").click()
    expect(page.locator(".flash").first).to_contain_text("Undone: 2 links were taken away.")
    expect(page.locator("#objective-a")).to_contain_text("Nothing is linked yet.")


def test_artifacts_are_found_ticked_and_linked_to_an_objective_by_keyboard(
    page: Page, ada: Served, tmp_path: Path
) -> None:
    _add(ada, tmp_path, "Visitor log", "Visitor policy", "Visitor badges")
    page.goto(PAGE)
    objective = page.locator("#objective-a")
    objective.locator("#pick-a").focus()
    page.keyboard.type("visitor")
    expect(objective.locator(".picked input[name=artifact]")).to_have_count(3)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    expect(objective.locator("#pick-a")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")  # the last one stays the last one
    page.keyboard.press("Space")
    ticked = [one.get_attribute("aria-label") or "" for one in objective.locator(".picked input:checked").all()]
    page.keyboard.press("Enter")
    expect(objective.locator(".flash")).to_contain_text("2 artifacts are linked to AC.L2-3.1.1[a].")
    linked = objective.locator(".evidence-list").first.locator("li span > a").all_inner_texts()
    assert sorted(f"Choose {title}" for title in linked) == sorted(ticked)


def test_pages_of_choosing_and_triage_weigh_little(page: Page, ada: Served, tmp_path: Path) -> None:
    _add(ada, tmp_path, "One")
    for path in ("/triage", "/artifacts/1/objectives", "/artifacts/upload"):
        sizes: list[int] = []
        page.on("requestfinished", lambda request, sizes=sizes: sizes.append(request.sizes()["responseBodySize"]))
        page.goto(path)
        page.wait_for_load_state("networkidle")
        assert 1_000 < sum(sizes) < 250_000, path
