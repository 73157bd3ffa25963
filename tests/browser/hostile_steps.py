"""Steps that walks with hostile texts share: what there must be before a page can be walked, and bringing an answer."""

import io
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import count
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Route
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from cmmc_tracker.domain import catalog
from cmmc_tracker.services.handoff import freezing
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import artifacts, requests
from tests.browser.hostile import TEXTS, Eyes
from tests.conftest import OPERATOR, Person
from tests.services.evidence import give

REQUIREMENTS = [r.id for r in catalog.load(2).requirements][: len(TEXTS)]


PLACES = (f"10.{n // 250}.{n % 250}.7" for n in count())


def ahead() -> str:
    return (datetime.now(UTC) + timedelta(days=9)).date().isoformat()


def changed(ada: Person, path: str, body: dict[str, str], version: int = 1) -> None:
    answer = ada.call("PATCH", path, body, headers={"If-Match": f'"{version}"'})
    assert answer.status_code == 200, answer.text


def pages_of(eyes: Eyes, path: str) -> Iterator[None]:
    """Every page of a list, each looked at."""
    eyes.go(path)
    yield
    while eyes.page.locator("a[rel=next]").count():
        eyes.go(eyes.page.locator("a[rel=next]").get_attribute("href") or "")
        yield


def link_of(ada: Person, number: int) -> str:
    found = re.search(r'data-copy="(http\S+/link/[\w-]{43})"', ada.post(f"/requests/{number}/links").text)
    assert found
    return found[1]


def requested(ada: Person, tracker: Tracker) -> list[str]:
    """The pages of a request with two rounds that were missed, its link, what another link brought; of an item."""
    changed(ada, "/systems/main/requirements/AC.L2-3.1.3/objectives/a", {"status": "not_met"})
    item = {"requirement": "AC.L2-3.1.3", "weakness": "evidence is missing"}
    assert ada.call("POST", "/systems/main/poam", item).status_code == 201
    assert ada.call("PATCH", "/systems/main/poam/1", {"status": "ready"}).status_code == 200
    given = {"objective": "3.5.3[b]", "wanted": "a list", "outside": "Northwind", "first_due": ahead()}
    assert ada.post("/systems/main/requests", {**given, "cadence": "monthly"}).status_code == 302
    with tracker.write(OPERATOR) as work:
        work.db.execute(update(requests).values(first_due=date.fromisoformat(ahead()) - timedelta(days=50)))
    guest = Person("", ada.client.application.test_client())
    used = urlsplit(link_of(ada, 1)).path
    sent = {"csrf_token": guest.token_of(used), "file": (io.BytesIO(b"a list"), "list.txt")}
    with tracker.read() as work:
        number = len(work.rows(select(artifacts.c.id))) + 1
    assert guest.client.post(used, data=sent).status_code == 200
    good = urlsplit(link_of(ada, 1)).path
    return [
        *("/systems/main/poam", "/systems/main/poam/new", "/systems/main/poam/1", "/systems/main/score"),
        *("/systems/main/requests", "/requests/1", "/requests/1?q=evi", "/my-work", good),
        *("/quarantine", f"/quarantine/{number}", "/admin/users", "/spills/1"),
    ]


def frozen(ada: Person, tracker: Tracker) -> list[str]:
    """The pages of a package, and of the status where it may be recorded."""
    give(tracker, ada.id, may_approve=True)
    packages = "/systems/main/packages"
    asked = {"name": "First", "purpose": "final", "reason": "as it is", "releasable": "on"}
    assert ada.post(packages, asked).status_code == 303
    assert ada.post(packages, {**asked, "name": "Second"}).status_code == 303
    assert ada.post(f"{packages}/2/holds", {"reason": "a dispute"}).status_code in {302, 303}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(freezing, "AT_ONCE", -1)  # one that waits for the job
        waits = ada.post(packages, asked).headers["Location"]
    shown = [packages, f"{packages}/1", f"{packages}/2", f"{packages}/2/changes?since=1", waits]
    return [*shown, "/systems/main/status", "/systems/main/documents", "/admin/systems"]


def let_in(ada: Person) -> tuple[str, str]:
    """A link to the package, and its word."""
    made = ada.post("/systems/main/packages/1/viewers/links", {"whom": "Kim", "until": ahead()}).text
    link, word = re.search(r"/link/[\w-]{64}/package", made), re.search(r">(\w{4}(?:-\w{4}){3})<", made)
    assert link
    assert word
    return link[0], word[1]


def looked_at(eyes: Eyes, link: str, word: str) -> None:
    """A package that is opened by a link and its word, a question that was asked there, and where it is answered."""
    eyes.go(f"{link}/word")
    eyes.page.fill("#word", word)
    eyes.page.click("main button[type=submit]")
    eyes.page.wait_for_url("**/package")
    eyes.look()
    for path in ("/requirements/IA.L2-3.5.3", "/artifacts/1", "/search?q=evidence", "/questions"):
        eyes.go(link + path)
    eyes.page.fill("main #text", "why")
    eyes.page.get_by_role("button", name="Ask the contractor").click()
    eyes.page.wait_for_selector("#question-1")
    eyes.go("/systems/main/packages/1/viewers")


def scoped(ada: Person) -> list[str]:
    """The pages of a scope with one of each kind, and of two sheets that wait to be confirmed."""
    scope, flow = "/systems/main/scope", {"what": "plans", "source": "customer", "destination": "server"}
    kept = (ada.post(f"{scope}/assets", {"name": "Server", "group": "Servers"}).headers["Location"],)
    for part in ("people", "facilities", "networks", "flows"):
        assert ada.post(f"{scope}/{part}", flow if part == "flows" else {"name": "One"}).status_code == 302
    provider = ada.post("/systems/main/providers", {"name": "Northwind", "holds": "cui"}).headers["Location"]
    sheets = []
    for place, sheet in ((scope, b"name,owner\nLaptop,Ada\n"), (provider, b"objective,duty\n3.1.1[a],shared\n")):
        sheets.append(ada.post(f"{place}/import", {"file": (io.BytesIO(sheet), "a.csv")}).headers["Location"])
    return [
        *(scope, f"{scope}/assets", f"{scope}/assets/new", *kept, f"{scope}/groups", f"{scope}/groups?name=Servers"),
        *(f"{scope}/people", f"{scope}/people/1", f"{scope}/facilities", f"{scope}/flows", f"{scope}/flows/1"),
        *("/systems/main/providers", provider, f"{provider}/matrix/AC.L2-3.1.1"),
        *(f"{scope}/import", f"{provider}/import", *sheets),
    ]


def planned(ada: Person) -> list[str]:
    """The pages of the security plan, with a version of it and a change of the environment."""
    plan, today = "/systems/main/ssp", datetime.now(UTC).date().isoformat()
    assert ada.post(f"{plan}/versions", {}).status_code == 302
    change = {"happened_on": today, "kind": "plan", "text": "a new server"}
    assert ada.post("/systems/main/changes", change).status_code == 302
    return [
        *(plan, f"{plan}/sections/boundary", f"{plan}/requirements/AC.L2-3.1.1", f"{plan}/references?find=evi"),
        *(f"{plan}/versions", f"{plan}/versions/1", f"{plan}/compare", f"{plan}/contradictions", f"{plan}/import"),
        *("/systems/main/values", "/systems/main/changes", "/systems/main/changes/1"),
    ]


def bring(eyes: Eyes, path: str, answer: TestResponse) -> None:
    """Show an answer to the browser, with all its headers, as if it had asked for it."""
    headers = {name: value for name, value in answer.headers if name not in {"Set-Cookie", "Content-Length"}}

    def bring(route: Route) -> None:
        route.fulfill(status=answer.status_code, headers=headers, body=answer.get_data())

    eyes.page.route(f"**{path}", bring)
    eyes.go(path)
    eyes.page.unroute(f"**{path}", bring)
