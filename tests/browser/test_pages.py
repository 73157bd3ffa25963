"""Every page in a real browser: nothing on the console, no sideways scroll, no barrier, in both themes and widths."""

import io
import zipfile
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

import pyotp
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PASSWORD, Served, sign_in
from tests.browser.looking import look, tab_options
from tests.conftest import png

CELL = "/systems/halvorsen-inspection-cell-cui-demo"  # with a Conditional status whose 180 days run
PAGES = (
    "/",
    "/systems/main/requirements",
    "/systems/main/requirements?family=PS&q=zzz",
    "/systems/main/requirements/IA.L2-3.5.3?objective=d",
    "/systems/main/requirements/AC.L2-3.1.1?objective=a",
    "/artifacts",
    "/artifacts?q=nothing-like-this",
    "/artifacts/1",
    "/artifacts/2",
    "/artifacts/3",
    "/artifacts/9",
    "/artifacts?q=policy",
    "/artifacts?q=kind:potato",
    "/artifacts/1/compare",
    "/artifacts/import",
    "/artifacts/upload",
    "/my-work",
    "/calendar",
    "/calendar?assessment=2028-01-01",
    "/trash",
    "/systems/main/readiness",
    "/systems/main/readiness?by=requirement",
    "/systems/main/placemat",
    "/systems/main/assess",
    "/systems/main/worksheet",
    "/systems/main/worksheet/interviews",
    "/systems/main/people",
    "/rules",
    "/systems",
    "/systems/main/poam",
    "/systems/main/poam?kind=operational&state=closed",
    "/systems/main/poam/1",
    "/systems/main/poam/2",
    "/systems/main/poam/new?requirement=AU.L2-3.3.9",
    "/systems/main/poam/import",
    "/systems/new",
    "/systems/main/score",
    "/systems/main/score?mend=IA.L2-3.5.3",
    "/systems/main/requests",
    "/systems/main/requests?shown=closed",
    "/systems/main/requests?objective=AC.L2-3.1.1[a]",
    "/systems/main/scope",
    "/systems/main/scope/assets",
    "/systems/main/scope/assets?q=nothing-like-this",
    "/systems/main/scope/assets/new",
    "/systems/main/scope/assets/1",
    "/systems/main/scope/groups",
    "/systems/main/scope/groups?name=Engineering+workstations",
    "/systems/main/scope/people",
    "/systems/main/scope/people/1",
    "/systems/main/scope/flows",
    "/systems/main/scope/import",
    "/systems/main/providers",
    "/systems/main/providers/1",
    "/systems/main/providers/1/matrix/SC.L2-3.13.8",
    "/systems/main/providers/1/import",
    "/systems/main/requirements/SC.L2-3.13.8?objective=a",
    "/systems/main/ssp",
    "/systems/main/ssp/sections/boundary",
    "/systems/main/ssp/requirements/AC.L2-3.1.1",
    "/systems/main/ssp/references?find=policy",
    "/systems/main/ssp/versions",
    "/systems/main/ssp/contradictions",
    "/systems/main/ssp/import",
    "/systems/main/values",
    "/systems/main/changes",
    "/systems/main/status",
    "/systems/main/packages",
    "/systems/main/packages/4",
    "/systems/main/documents",
    "/systems/main/packages/4/changes?since=3",
    "/systems/main/packages/4/viewers",
    "/admin/systems",
    "/quarantine",
    "/spills/1",
    f"{CELL}/status",
    f"{CELL}/poam",
    f"{CELL}/ssp/versions/1",
    "/triage",
    "/triage?end=1",
    "/artifacts/1/objectives",
    "/artifacts/1/objectives?q=zeppelin",
    "/artifacts/picker?system=main&objective=3.1.1[a]",
    "/audit",
    "/admin/users",
    "/profile",
    "/profile/second-factor",
    "/config",
    "/welcome",
    "/api/docs",
    "/no/such/page",
)
PARTS = 4  # for as many workers
LARGEST_UNCACHED = 250_000


@pytest.mark.parametrize("part", range(PARTS))
def test_every_page_is_quiet_fits_and_has_no_barrier(ada: Served, tab: Callable[..., Page], part: int) -> None:
    assert ada.command("demo").returncode == 0
    page = tab(**tab_options())
    page.goto("/login")
    look(page, "/login")
    sign_in(page)
    for path in PAGES[part::PARTS]:
        page.goto(path)
        look(page, path)


def test_pages_of_accounts_fit_and_have_no_barrier_in_any_of_their_states(
    ada: Served, tab: Callable[..., Page]
) -> None:
    for name in ("bo", "carla.mendez-with-a-long-name@subsidiary.example.com"):
        assert ada.command("user", "add", name, "--role", "user", "--password-stdin", given=PASSWORD).returncode == 0
    sign_in(tab(user_agent="curl/8.5.0"))
    page = tab(**tab_options())
    for state in chain(_settings(page), _users(page), _tokens(page), _second_factor(page)):
        look(page, state)


def test_previews_of_imports_fit_and_have_no_barrier(ada: Served, tab: Callable[..., Page], tmp_path: Path) -> None:
    assert ada.command("demo").returncode == 0
    page = tab(**tab_options())
    sign_in(page)
    for name, content in _imports().items():
        (tmp_path / name).write_bytes(content)
        page.goto("/artifacts/import")
        page.locator("main input[type=file]").set_input_files(tmp_path / name)
        page.get_by_role("button", name="Show the plan").click()
        page.get_by_role("heading", name=name).wait_for()
        page.locator("main details").evaluate_all("all => all.forEach(one => { one.open = true; })")
        look(page, f"the preview of {name}")


def _imports() -> dict[str, bytes]:
    """An archive and a register with lines of every sort: what is taken, what is refused, what is already there."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("3.1.1/AC.L2-3.1.1[a] Rules of the firewall in the main building.txt", b"rules")
        archive.writestr("AC/image.png", png())
        archive.writestr("tools/setup.exe", b"MZ")
    lines = ["Title,Objectives,Owner,Notes"]
    lines += [
        "Access control policy,3.1.1[a] 3.1.2[a],ada,x",
        "Nothing of that name,3.1.1[a],,",
        "Access control policy,,,",
    ]
    return {"pile.zip": packed.getvalue(), "register.csv": "\n".join(lines).encode()}


def test_pages_of_requests_fit_and_have_no_barrier_in_any_of_their_states(
    ada: Served, tab: Callable[..., Page], tmp_path: Path
) -> None:
    assert ada.command("user", "add", "bo", "--role", "user", "--password-stdin", given=PASSWORD).returncode == 0
    page = tab(**tab_options())
    guest = tab(**tab_options())
    sign_in(page)
    for state in _requests(page):
        look(page, state)
    _guest(page, guest, tmp_path)
    for state in _quarantine(page):
        look(page, state)


def _requests(page: Page) -> Iterator[str]:
    page.goto("/systems/main/requests?objective=IA.L2-3.5.3[b]")
    due = page.evaluate("new Date(Date.now() + 864e5).toISOString().slice(0, 10)")
    for wanted in ("", "The list of administrators, exported and signed"):
        page.locator("form[data-guard]").evaluate("form => { form.noValidate = true; }")
        page.fill("#wanted", wanted)
        page.fill("#outside", "Northwind IT Services and Managed Infrastructure, Incorporated")
        page.fill("#first_due", due)
        page.select_option("#cadence", "quarterly")
        page.get_by_role("button", name="Ask").click()
        page.wait_for_selector("#wanted-error" if not wanted else "#rounds-title")
        yield f"a request, {'made' if wanted else 'refused'}"
    for path in ("/systems/main/requests", "/calendar", "/systems/main/requirements/IA.L2-3.5.3?objective=b"):
        page.goto(path)
        yield f"{path} with a request"
    page.goto("/requests/1")
    page.fill("#days", "99")
    page.get_by_role("button", name="Make a link").click()
    page.wait_for_selector("#days-error")
    yield "/requests/1, a link refused"
    page.locator("details.fold").evaluate_all("all => all.forEach(one => { one.open = true; })")
    yield "/requests/1, all open"
    page.goto("/my-work")
    page.locator("details.fold").evaluate_all("all => all.forEach(one => { one.open = true; })")
    yield "/my-work, all open"
    page.goto("/requests/1")
    page.get_by_role("button", name="Make a link").click()
    page.wait_for_selector(".once")
    yield "/requests/1, a link made"


def _guest(page: Page, guest: Page, folder: Path) -> None:
    """The page of a link: as it opens, with a refusal, after the files came, and when it opens no more."""
    address = page.locator("code.secret").inner_text()
    good, bad = folder / "administrators of the domain.csv", folder / "run.exe"
    good.write_bytes(b"name,role\nada,admin\n")
    bad.write_bytes(b"MZ")
    guest.goto(address)
    look(guest, "/link/…")
    for files, seen in (([good, bad], "#file-error"), ([good], "text=Thank you")):
        guest.set_input_files("#file", files)
        guest.get_by_role("button", name="Send").click()
        guest.wait_for_selector(seen)
        look(guest, f"/link/…, {seen}")
    guest.goto(address)
    look(guest, "/link/…, used")


def _quarantine(page: Page) -> Iterator[str]:
    for path in ("/quarantine", "/quarantine/1", "/requests/1", "/my-work"):
        page.goto(path)
        yield f"{path} with what a link brought"
    page.goto("/quarantine/1")
    page.locator("form[data-guard]").evaluate_all("all => all.forEach(form => { form.noValidate = true; })")
    page.get_by_role("button", name="Refuse").click()
    page.wait_for_selector("#reason-error")
    yield "/quarantine/1, refused"
    page.goto("/quarantine/1")
    page.get_by_role("button", name="Accept").click()
    page.wait_for_url("**/artifacts/1")
    yield "/artifacts/1, accepted"


def _settings(page: Page) -> Iterator[str]:
    sign_in(page)
    page.goto("/config")
    page.locator("form").evaluate_all("forms => forms.forEach(form => { form.noValidate = true; })")
    page.fill("#session_idle_minutes", "3")
    page.fill("#security_contact", "nobody")
    page.get_by_role("button", name="Save").click()
    page.wait_for_selector("#security_contact-error")
    yield "/config, refused"
    page.goto("/config")
    page.locator("[name=version]").first.evaluate("field => { field.value = '7'; }")
    page.get_by_role("button", name="Save").click()
    page.wait_for_selector(".theirs")
    yield "/config, stale"
    page.locator("[name=csrf_token]").evaluate_all("all => all.forEach(field => { field.value = '0'; })")
    page.locator("form[data-guard]").evaluate("form => form.submit()")
    page.wait_for_selector("[data-back]")
    yield "an expired page"


def _users(page: Page) -> Iterator[str]:
    page.goto("/admin/users")
    page.locator("tr details").evaluate_all("all => all.forEach(one => { one.open = true; })")
    yield "/admin/users, all open"
    page.get_by_label("New password for bo").fill("short")
    page.locator("tr", has_text="bo").get_by_role("button", name="Set the password").first.click()
    page.wait_for_selector("tr .error")
    yield "/admin/users, refused"


def _tokens(page: Page) -> Iterator[str]:
    page.goto("/profile")
    page.get_by_text("Make a token").click()
    page.fill("#token_name", "nightly upload of logs")
    for password in ("wrong", PASSWORD):
        page.fill("#confirm_password", password)
        page.get_by_role("button", name="Make the token").click()
        page.wait_for_selector(".once" if password == PASSWORD else "#confirm_password-error")
        yield f"/profile, a token {'made' if password == PASSWORD else 'refused'}"


def _second_factor(page: Page) -> Iterator[str]:
    page.goto("/profile/second-factor")
    page.get_by_role("button", name="Set it up").click()
    yield "/profile/second-factor, the key"
    totp = pyotp.TOTP(page.locator("code.secret").inner_text().replace(" ", ""))
    for code in ("no code", totp.now()):
        page.fill("#code", code)
        page.fill("#confirm_password", PASSWORD)
        page.get_by_role("button", name="Turn it on").click()
        page.wait_for_selector("#code-error" if code == "no code" else ".recovery")
        yield f"/profile/second-factor, {code}"
    page.goto("/profile/second-factor")
    yield "/profile/second-factor, set"
    page.context.clear_cookies()
    page.goto("/login")
    page.fill("#username", "ada")
    page.fill("#password", PASSWORD)
    page.click("button[type=submit]")
    page.fill("#code", "000000")
    page.click("button[type=submit]")
    page.wait_for_selector("[role=alert]")
    yield "/login/code, refused"


def test_the_policy_allows_everything_that_pages_do(ada: Served, tab: Callable[..., Page]) -> None:
    # The tab fixture fails on anything that the policy reports on the console.
    assert ada.command("demo").returncode == 0
    page = tab()
    sign_in(page)
    for path in PAGES:
        page.goto(path)
        page.wait_for_load_state("networkidle")
    expect(page.get_by_role("heading", name="Not Found")).to_be_visible()


def test_pages_weigh_little(ada: Served, tab: Callable[..., Page]) -> None:
    assert ada.command("demo").returncode == 0
    for path in ("/", "/systems/main/requirements", "/systems/main/requirements/AC.L2-3.1.1", "/artifacts"):
        page = tab()
        sign_in(page)
        sizes: list[int] = []
        page.context.clear_cookies(name="nothing")
        page.on("requestfinished", lambda request, sizes=sizes: sizes.append(request.sizes()["responseBodySize"]))
        page.goto(path)
        page.wait_for_load_state("networkidle")
        assert 1_000 < sum(sizes) < LARGEST_UNCACHED, path


def test_the_theme_can_be_switched_and_stays(ada: Served, tab: Callable[..., Page]) -> None:
    page = tab(color_scheme="light")
    sign_in(page)
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="Switch between light and dark").click()
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert light != dark
    page.reload()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark


def test_the_screenshot_of_the_readme_is_made_here(ada: Served, tab: Callable[..., Page]) -> None:
    assert ada.command("demo").returncode == 0
    page = tab(1280, 800, color_scheme="light")
    sign_in(page)
    page.wait_for_load_state("networkidle")
    picture = Path("docs/images/dashboard.png")
    fresh = page.screenshot()
    assert fresh.startswith(b"\x89PNG")
    assert len(fresh) > 20_000
    if not picture.exists():
        picture.write_bytes(fresh)
    assert picture.stat().st_size > 20_000
