"""Working with the keyboard, dropping files, errors that keep what was typed."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import Served, sign_in

PAGE = "/systems/main/requirements/AC.L2-3.1.1?objective=a"
_DROP = """([selector, name, text]) => {
  const data = new DataTransfer();
  data.items.add(new File([text], name, {type: 'text/plain'}));
  const target = document.querySelector(selector);
  target.dispatchEvent(new DragEvent('dragover', {dataTransfer: data, bubbles: true, cancelable: true}));
  target.dispatchEvent(new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true}));
}"""


def test_an_objective_is_judged_with_two_keys(ada: Served, tab: Callable[..., Page]) -> None:
    page = tab()
    sign_in(page)
    page.goto(PAGE)
    page.keyboard.press("j")
    expect(page.locator("#objective-b")).to_have_attribute("open", "")
    page.keyboard.press("m")
    expect(page.locator("#objective-b > summary")).to_contain_text("● MET")
    page.keyboard.press("k")
    page.keyboard.press("n")
    expect(page.locator("#note-a")).to_be_focused()
    page.keyboard.type("no list yet")
    page.keyboard.press("Control+s")
    expect(page.locator("#objective-a > summary")).to_contain_text("NOT MET")
    expect(page.locator("[data-headline]")).to_contain_text("[a]")


def test_the_search_opens_from_everywhere_by_control_or_command_and_k(ada: Served, tab: Callable[..., Page]) -> None:
    page = tab()
    sign_in(page)
    for path, key in (("/", "Control+k"), (PAGE, "Meta+k"), ("/artifacts/upload", "Control+k")):
        page.goto(path)
        page.keyboard.press(key)
        expect(page.locator(".bar input[type=search]")).to_be_focused()
    page.goto(PAGE)
    page.locator("#note-a").focus()
    page.keyboard.press("Control+k")
    page.keyboard.type("3.13.11")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_contain_text("SC.L2-3.13.11")
    small = tab(390, 844)
    sign_in(small)
    small.goto(PAGE)
    small.keyboard.press("Control+k")
    small.wait_for_url("**/artifacts")


def test_not_applicable_without_a_reason_is_told_beside_the_note(ada: Served, tab: Callable[..., Page]) -> None:
    page = tab()
    sign_in(page)
    page.goto(PAGE)
    page.locator("#objective-a").get_by_label("N/A", exact=True).check()
    page.locator("#objective-a").get_by_role("button", name="Save").click()
    expect(page.locator("#objective-a .error")).to_contain_text("needs a written reason")
    expect(page.locator("#objective-a").get_by_label("N/A", exact=True)).to_be_checked()


def test_two_people_on_one_objective_both_keep_their_words(ada: Served, tab: Callable[..., Page]) -> None:
    given = "Correct-Horse-Battery-9"
    assert ada.command("user", "add", "bo", "--role", "user", "--password-stdin", given=given).returncode == 0
    first, second = tab(), tab()
    sign_in(first)
    sign_in(second, "bo")
    for page in (first, second):
        page.goto(PAGE)
    for page, words in ((first, "from Ada"), (second, "from Bo")):
        page.locator("#note-a").fill(words)
        page.locator("#objective-a").get_by_label("NOT MET", exact=True).check()
        page.locator("#objective-a").get_by_role("button", name="Save").click()
        page.wait_for_timeout(300)
    expect(second.locator("#objective-a .theirs")).to_contain_text("from Ada")
    expect(second.locator("#note-a")).to_have_value("from Bo")
    second.locator("#objective-a").get_by_role("button", name="Save").click()
    expect(second.locator("#objective-a .saved")).to_contain_text("saved")


def test_a_file_dropped_on_an_objective_becomes_its_evidence(ada: Served, tab: Callable[..., Page]) -> None:
    page = tab()
    sign_in(page)
    page.goto(PAGE)
    page.evaluate(_DROP, ["#objective-a .drop", "review.txt", "reviewed in October"])
    expect(page.locator("#objective-a .evidence-list")).to_contain_text("review")


def test_each_file_has_its_own_error_and_the_others_go_on(
    ada: Served, tab: Callable[..., Page], tmp_path: Path
) -> None:
    page = tab()
    sign_in(page)
    page.goto("/artifacts/upload")
    (tmp_path / "good.txt").write_text("fine")
    (tmp_path / "bad.exe").write_bytes(b"MZ")
    (tmp_path / "false.pdf").write_text("no pdf at all")
    page.set_input_files("#file", [tmp_path / n for n in ("bad.exe", "good.txt", "false.pdf")])
    page.get_by_role("button", name="Upload").click()
    expect(page.locator("#tray")).to_contain_text("Files of type .exe are not taken")
    expect(page.locator("#tray")).to_contain_text("false.pdf says it is a PDF, but its content is text")
    expect(page.locator("#tray").get_by_role("link", name="good")).to_be_visible()


def test_typing_finds_an_artifact_and_links_it(ada: Served, tab: Callable[..., Page], tmp_path: Path) -> None:
    (tmp_path / "policy.txt").write_text("policy")
    assert ada.command("artifact", "add", str(tmp_path / "policy.txt"), "--title", "Visitor policy").returncode == 0
    page = tab()
    sign_in(page)
    page.goto(PAGE)
    page.locator("#pick-a").fill("visi")
    row = page.locator("#objective-a .picked li")
    expect(row).to_contain_text("Visitor policy")
    page.locator("#objective-a .picked").get_by_placeholder("where in it").fill("section 2")
    row.get_by_role("button", name="Link Visitor policy").click()
    expect(page.locator("#objective-a .evidence-list").first).to_contain_text("section 2")


def test_leaving_with_unsaved_words_asks(ada: Served, tab: Callable[..., Page]) -> None:
    page = tab()
    sign_in(page)
    page.goto(PAGE)
    page.locator("#note-a").fill("unsaved")
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.goto("/artifacts")
    assert asked == ["beforeunload"]


def test_hostile_text_is_shown_as_typed_and_runs_nowhere(ada: Served, tab: Callable[..., Page], tmp_path: Path) -> None:
    evil = "<img src=x onerror=alert(1)>\"'><script>alert(2)</script>{{7*7}}"
    (tmp_path / "a.txt").write_text(evil)
    add = ada.command("artifact", "add", str(tmp_path / "a.txt"), "--title", evil, "--objective", "3.1.1[a]")
    assert add.returncode == 0, add.stderr
    page = tab()
    page.on("dialog", lambda dialog: (_ for _ in ()).throw(AssertionError(dialog.message)))
    sign_in(page)
    for path in ("/artifacts", "/artifacts/1", PAGE, "/audit"):
        page.goto(path)
        page.wait_for_load_state("networkidle")
    page.goto("/artifacts/1")
    expect(page.get_by_role("heading", level=1)).to_have_text(evil)
