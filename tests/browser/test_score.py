"""What if: what the page counts with each tick is what the server counts when the form is sent."""

from collections.abc import Callable

from playwright.sync_api import Page

from tests.browser.conftest import Served, sign_in

WOULD = ("[data-ticked]", "[data-would]", "[data-supports]", "[data-poam]")


def answers(page: Page) -> list[str]:
    """What stands in the line above the ticks."""
    return [page.locator(f".would {one}").inner_text() for one in WOULD]


def test_each_tick_counts_at_once_what_the_server_counts(ada: Served, tab: Callable[..., Page]) -> None:
    assert ada.command("demo").returncode == 0
    page = tab()
    sign_in(page)
    page.goto("/systems/main/score")
    before = answers(page)
    boxes = page.locator("input[name=mend]")
    for chosen in ([0], [0, 1, 2], range(15), range(boxes.count())):
        for n in chosen:
            boxes.nth(n).check()
        told = answers(page)
        assert told != before
        page.get_by_role("button", name="Count it").click()
        page.wait_for_url("**mend=**")
        without = page.context.request.get(page.url.split("#")[0])
        assert all(f">{one}<" in without.text() for one in told), told
        page.goto("/systems/main/score")
    assert answers(page) == before  # nothing of it was saved
