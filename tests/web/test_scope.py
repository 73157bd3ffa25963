"""The scope's pages: works, stranger, another's system, reader, bad input, stale; and the import of an inventory."""

import io
import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, update

from cmmc_tracker.domain.inventory import AssetEntry
from cmmc_tracker.domain.permissions import Access, Actor
from cmmc_tracker.domain.scope import AssetCategory
from cmmc_tracker.services.scope import inventory, rows
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import assets, memberships
from tests.conftest import OPERATOR, Person, person

SCOPE = "/systems/main/scope"
SERVER = {"name": "File server", "category": "cui", "cui_use": ["store"], "owner": "IT", "location": "Hall 2"}
PAGES = ("", "/assets", "/groups", "/people", "/facilities", "/networks", "/flows", "/inventory.csv", "/inventory.xlsx")


@pytest.fixture
def reader(app: Flask, tracker: Tracker) -> Person:
    """Dee may look at `main`, and no more."""
    made = person(app, tracker, "dee")
    with tracker.write(OPERATOR) as work:
        of_it = update(memberships).where(memberships.c.user_id == made.id)
        work.db.execute(of_it.values(may_contribute=False, may_judge=False, may_approve=False))
    return made


def _version(page: str) -> str:
    found = re.search(r'name="version" value="(\d+)"', page)
    assert found
    return found[1]


def test_every_page_opens_for_a_member_and_is_not_there_for_others(user: Person, outsider: Person) -> None:
    for path in (*PAGES, "/assets/new", "/import"):
        assert user.get(SCOPE + path).status_code == 200, path
        assert outsider.get(SCOPE + path).status_code == 404, path
    assert user.get(f"{SCOPE}/castles").status_code == 404
    assert user.get(f"{SCOPE}/assets/7").status_code == 404
    assert user.get(f"{SCOPE}/people/7").status_code == 404


def test_an_asset_is_added_shown_with_what_it_lacks_changed_and_taken_away(user: Person) -> None:
    made = user.post(f"{SCOPE}/assets", SERVER)
    assert made.status_code == 302
    page = user.get(made.headers["Location"]).text
    assert "its treatment in the security plan, a place on the network diagram" in page
    assert "170.19(c)(1), Table 3" in page
    assert "File server" in user.get(f"{SCOPE}/assets?lacking=1").text
    whole = {**SERVER, "treatment": "Encrypted.", "on_diagram": "on", "version": _version(page)}
    assert user.post(made.headers["Location"], whole).status_code == 302
    assert "File server" not in user.get(f"{SCOPE}/assets?lacking=1").text
    stale = user.post(made.headers["Location"], {**whole, "owner": "Typed owner"})
    assert stale.status_code == 412
    assert "Typed owner" in stale.text
    assert "Somebody else changed this asset meanwhile" in stale.text
    assert user.post(f"{made.headers['Location']}/remove", {"version": "1"}).status_code == 412
    assert user.post(f"{made.headers['Location']}/remove", {"version": "2"}).status_code == 302
    assert user.get(made.headers["Location"]).status_code == 404


def test_what_is_wrong_is_named_and_what_was_typed_stays(user: Person) -> None:
    wrong = user.post(f"{SCOPE}/assets", {**SERVER, "category": "out_of_scope", "note": "typed by hand"})
    assert wrong.status_code == 422
    assert "it cannot be out of scope" in wrong.text
    assert "typed by hand" in wrong.text
    assert user.post(f"{SCOPE}/assets", SERVER).status_code == 302
    again = user.post(f"{SCOPE}/assets", SERVER)
    assert again.status_code == 422
    assert "of that name is in the inventory already" in again.text
    assert user.get(f"{SCOPE}/assets?category=gold").status_code == 422


def test_a_reader_sees_the_scope_and_changes_nothing(user: Person, reader: Person) -> None:
    made = user.post(f"{SCOPE}/assets", SERVER).headers["Location"]
    assert "File server" in reader.get(made).text
    assert '<form method="post" action="/systems' not in reader.get(made).text
    for path, form in (
        (f"{SCOPE}/assets", SERVER),
        (made, {**SERVER, "version": "1"}),
        (f"{made}/remove", {"version": "1"}),
        (f"{SCOPE}/groups", {"name": "x"}),
        (f"{SCOPE}/people", {"name": "x"}),
        (f"{SCOPE}/people/1", {"name": "x"}),
        (f"{SCOPE}/people/1/remove", {}),
        (f"{SCOPE}/import", {}),
    ):
        assert reader.post(path, form).status_code == 403, path
    assert reader.get(f"{SCOPE}/assets/new").status_code == 403


def test_a_group_is_said_once_for_all_its_assets(user: Person) -> None:
    made = user.post(f"{SCOPE}/assets", {**SERVER, "group": "Servers"}).headers["Location"]
    said = {"name": "Servers", "treatment": "Hardened alike.", "on_diagram": "on", "version": "0"}
    assert user.post(f"{SCOPE}/groups", said).status_code == 302
    assert "Missing:" not in user.get(made).text
    assert user.post(f"{SCOPE}/groups", {**said, "treatment": "Other."}).status_code == 412
    used = user.post(f"{SCOPE}/groups", {**said, "version": "1", "act": "remove"})
    assert used.status_code == 409
    assert "Assets are in this group" in used.text
    assert user.post(f"{SCOPE}/groups", {"name": ""}).status_code == 422
    assert user.get(f"{SCOPE}/groups?name=nobody").status_code == 404


@pytest.mark.parametrize("part", ["people", "facilities", "networks", "flows"])
def test_each_list_is_added_to_changed_and_taken_from(user: Person, part: str) -> None:
    first = {"flows": {"what": "Drawings", "source": "customer", "destination": "server"}}.get(
        part, {"name": "Drawings"}
    )
    field = next(iter(first))
    assert user.post(f"{SCOPE}/{part}", first).status_code == 302
    assert "Drawings" in user.get(f"{SCOPE}/{part}").text
    assert user.post(f"{SCOPE}/{part}", {}).status_code == 422
    one = f"{SCOPE}/{part}/1"
    assert user.post(one, {**first, field: "Plans", "version": "1"}).status_code == 302
    stale = user.post(one, {**first, field: "Typed plans", "version": "1"})
    assert stale.status_code == 412
    assert "Typed plans" in stale.text
    assert user.post(one, {"version": "2"}).status_code == 422
    assert user.post(f"{one}/remove", {"version": "1"}).status_code == 412
    assert user.post(f"{one}/remove", {"version": "2"}).status_code == 302
    assert user.get(one).status_code == 404


def test_people_without_training_or_with_an_old_one_are_marked(user: Person) -> None:
    for given in ({"name": "Ada"}, {"name": "Bo", "trained_on": "2020-01-02"}):
        assert user.post(f"{SCOPE}/people", given).status_code == 302
    page = user.get(f"{SCOPE}/people").text
    assert "no record" in page
    assert "more than a year ago" in page
    assert user.post(f"{SCOPE}/people", {"name": "Cal", "trained_on": "2999-01-02"}).status_code == 422


def test_a_person_of_one_list_is_no_row_of_another(user: Person) -> None:
    assert user.post(f"{SCOPE}/people", {"name": "Ada"}).status_code == 302
    assert user.get(f"{SCOPE}/people/1").status_code == 200
    assert user.get(f"{SCOPE}/networks/1").status_code == 404
    assert user.post(f"{SCOPE}/networks/1/remove", {"version": "1"}).status_code == 404


def test_a_drafted_asset_is_confirmed_in_the_scope(admin: Person) -> None:
    form = {"organization": "Acme", "system_name": "Enclave", "cui": "no", "place": "premises"}
    versions = dict(re.findall(r'name="(version|system_version)" value="(\d+)"', admin.get("/welcome").text))
    assert admin.post("/welcome", {**form, **versions}).status_code == 302
    page = admin.get(SCOPE).text
    assert "Drafted, and counts for nothing" in page
    path = re.search(rf'href="({SCOPE}/assets/\d+)"', page)
    assert path
    before = admin.get(path[1]).text
    said = {"name": "The tracker", "category": "security_protection", "version": _version(before)}
    assert admin.post(path[1], said).status_code == 302
    assert "Drafted, and counts for nothing" not in admin.get(SCOPE).text


def _sheet(text: str, name: str = "assets.csv") -> dict[str, Any]:
    return {"file": (io.BytesIO(text.encode()), name)}


ROWS = (
    "Asset,Category,Processes CUI,Owner,Colour\n"
    "File server,CUI asset,yes,Ada,red\n"
    "Firewall,SPA,,Bo,\n"
    "Lathe,Golden,,,\n"
    ",OT,,,\n"
    "firewall,SPA,,Bo,\n"
)


def test_an_inventory_is_imported_row_by_row_after_it_was_confirmed(user: Person) -> None:
    assert user.post(f"{SCOPE}/assets", SERVER).status_code == 302
    sent = user.post(f"{SCOPE}/import", _sheet(ROWS))
    assert sent.status_code == 302
    page = user.get(sent.headers["Location"]).text
    assert "1 to add, 1 to change, 0 as they are, 3 refused" in page
    assert "none of the five categories" in page
    assert "It has no name" in page
    assert "Row 3 names the same asset" in page
    assert "Not used: the columns Colour" in page
    assert "Firewall" not in user.get(f"{SCOPE}/assets").text
    digest = re.search(r'name="digest" value="(\w+)"', page)
    assert digest
    here = sent.headers["Location"]
    assert user.post(here, {"digest": digest[1]}).status_code == 422
    assert user.post(here, {"digest": "x", "row": ["2", "3"]}).status_code == 412
    assert user.post(here, {"digest": digest[1], "row": ["2", "3"]}).status_code == 302
    page = user.get(f"{SCOPE}/assets").text
    assert "Firewall" in page
    assert "process, store" in page
    assert user.post(here, {"digest": digest[1], "row": ["2"]}).status_code == 409


def test_a_sheet_that_would_be_more_than_a_system_has_room_for_adds_nothing(
    user: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = user.post(f"{SCOPE}/import", _sheet(ROWS)).headers["Location"]
    digest = re.search(r'name="digest" value="(\w+)"', user.get(sent).text)
    assert digest
    monkeypatch.setitem(rows.MOST, assets, (1, "assets"))
    refused = user.post(sent, {"digest": digest[1], "row": ["2", "3"]})
    assert refused.status_code == 422
    assert "A system has at most 1 assets; here are 0." in refused.text
    assert "File server" not in user.get(f"{SCOPE}/assets").text
    assert user.post(sent, {"digest": digest[1], "row": ["2"]}).status_code == 302


def test_of_a_sheet_in_another_language_a_person_says_which_column_is_what(user: Person) -> None:
    at = user.post(f"{SCOPE}/import", _sheet("Gerät,Klasse,Wer\nGate,SPA,Bo\n", "assets.csv")).headers["Location"]
    page = user.get(at).text
    assert "Say which column is: Name." in page
    assert 'name="digest"' not in page
    page = user.get(f"{at}?header=1&column_name=0&column_category=1").text
    assert "1 to add" in page
    assert "Not used: the columns Wer." in page
    form = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page[page.index('"digest"') - 80 :]))
    assert user.post(at, {**form, "row": "2"}).status_code == 302
    assert "Gate" in user.get(f"{SCOPE}/assets").text
    assert "Security Protection Asset" in user.get(f"{SCOPE}/assets").text


@pytest.mark.parametrize(("name", "text"), [("assets.txt", "x"), ("assets.csv", ""), ("assets.xlsx", "PK no")])
def test_a_sheet_that_cannot_be_read_is_refused_and_nothing_is_kept(user: Person, name: str, text: str) -> None:
    answer = user.post(f"{SCOPE}/import", _sheet(text, name))
    assert answer.status_code in {415, 422}
    assert 'id="file"' in answer.text


def test_an_import_is_its_senders_alone(user: Person, admin: Person) -> None:
    here = user.post(f"{SCOPE}/import", _sheet(ROWS)).headers["Location"]
    assert admin.get(here).status_code == 404
    assert admin.post(here, {"row": "2"}).status_code == 404


def test_what_is_exported_is_imported_again_without_a_change(user: Person) -> None:
    what = {"kind": "Server", "model": "=Dell R740", "serial": "SN-7"}
    assert user.post(f"{SCOPE}/assets", {**SERVER, **what, "name": "=1+1", "treatment": "x"}).status_code == 302
    assert "Server, =Dell R740" in user.get(f"{SCOPE}/assets?q=sn-7").text
    for ending in ("csv", "xlsx"):
        file = user.get(f"{SCOPE}/inventory.{ending}")
        assert "attachment" in file.headers["Content-Disposition"]
        sent = user.post(f"{SCOPE}/import", {"file": (io.BytesIO(file.data), f"inventory.{ending}")})
        assert sent.status_code == 302, sent.text
        page = user.get(sent.headers["Location"]).text
        assert "0 to add, 0 to change, 1 as they are, 0 refused" in page


@pytest.fixture
def counted(tracker: Tracker) -> Iterator[list[str]]:
    """The statements that are run."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    event.listen(tracker.engine, "before_cursor_execute", note)
    yield seen
    event.remove(tracker.engine, "before_cursor_execute", note)


def test_the_pages_cost_the_same_statements_whatever_there_is(
    user: Person, tracker: Tracker, actor: Actor, main: Access, counted: list[str]
) -> None:
    def cost(path: str) -> int:
        counted.clear()
        assert user.get(SCOPE + path).status_code == 200
        return len(counted)

    few = [cost(path) for path in PAGES]
    with tracker.write(actor) as work:
        for number in range(300):
            inventory.add(work, main, AssetEntry(f"A-{number}", AssetCategory.CUI, group=f"G-{number % 9}"))
    assert [cost(path) for path in PAGES] == few


def test_an_asset_of_another_system_is_not_there(user: Person, admin: Person, tracker: Tracker) -> None:
    assert admin.call("POST", "/systems", {"name": "Other", "level": 2}).status_code == 201
    assert admin.post("/systems/other/scope/assets", SERVER).status_code == 302
    with tracker.read() as work:
        number = work.db.execute(assets.select()).one().id
    assert user.get(f"/systems/other/scope/assets/{number}").status_code == 404
    assert user.get(f"{SCOPE}/assets/{number}").status_code == 404
    assert user.post(f"{SCOPE}/assets/{number}", SERVER).status_code == 404
    assert user.post(f"{SCOPE}/assets/{number}/remove", {"version": "1"}).status_code == 404
