"""Choosing many: artifacts in the list, objectives for one artifact, artifacts for one objective; folders by form."""

import csv
import io
import re

import pytest
from werkzeug.test import TestResponse

from cmmc_tracker.services.work import Tracker
from tests.conftest import Person
from tests.services.evidence import give, other_system, switch
from tests.web.test_reviews import _undo


@pytest.fixture
def three(user: Person) -> list[str]:
    """Three artifacts of Bo's, as the list sends them when they are ticked."""
    for name in ("one", "two", "=cmd()"):
        assert user.upload(f"{name}.txt", name.encode(), title=name).status_code == 201
    return ["1.1", "2.1", "3.1"]


def act(person: Person, act: str, chosen: list[str], **fields: object) -> TestResponse:
    return person.post("/artifacts/selection", {"act": act, "chosen": chosen, **fields})


def said(person: Person, answer: TestResponse) -> str:
    assert answer.status_code == 302, answer.text
    return person.get(answer.headers["Location"]).text


def test_the_list_offers_ticks_and_acts_to_who_may_change_something(
    tracker: Tracker, user: Person, three: list[str]
) -> None:
    page = user.get("/artifacts").text
    assert re.findall(r'name="chosen" value="([\d.]+)"', page) == three[::-1]
    assert len(re.findall(r'name="act" value="(\w+)"', page)) == 9
    give(tracker, user.id, may_contribute=False)
    page = user.get("/artifacts").text
    assert 'name="chosen"' not in page
    assert 'name="act"' not in page


def test_the_list_shows_as_many_rows_as_it_is_asked_for(user: Person) -> None:
    for n in range(27):
        user.upload(f"{n}.txt", b"%d" % n)
    page = user.get("/artifacts?kind=other").text
    assert page.count('class="row-link"') == 25
    more = re.search(r'href="([^"]+)">Show 100 on a page', page)
    assert more
    page = user.get(more[1].replace("&amp;", "&")).text
    assert page.count('class="row-link"') == 27
    assert user.get("/artifacts?limit=101").status_code == 422


def test_a_selection_is_linked_in_one_act_and_taken_back_by_the_message(user: Person, three: list[str]) -> None:
    page = act(user, "link", three[:2], next="/artifacts?kind=other").text
    assert re.findall(r'name="chosen" value="([\d.]+)" checked', page) == three[:2]
    assert page.count('name="objectives"') == 320
    form = {"sure": "yes", "system": "main", "objectives": ["AC.L2-3.1.1[a]", "AC.L2-3.1.2[b]"], "locator": "p. 2"}
    answer = act(user, "link", three[:2], **form, next="/artifacts?kind=other")
    assert answer.headers["Location"] == "/artifacts?kind=other"
    page = said(user, answer)
    assert "4 links made." in page
    assert user.call("GET", "/artifacts/2").get_json()["objectives"][0]["locator"] == "p. 2"
    address, fields = _undo(page)
    assert "Undone: 4 links were taken away." in said(user, user.post(address, fields))
    assert user.call("GET", "/artifacts/2").get_json()["objectives"] == []


def test_facts_of_a_selection_are_set(user: Person, three: list[str]) -> None:
    assert "What is left empty stays" in act(user, "dates", three).text
    page = said(
        user, act(user, "dates", three, sure="yes", collected_on="2026-01-02", cadence="yearly", covers_from="")
    )
    assert "3 artifacts were changed." in page
    again = ["1.2", "2.2", "3.2"]
    assert "3 artifacts were changed." in said(user, act(user, "kind", again, sure="yes", kind="log"))
    again = ["1.3", "2.3", "3.3"]
    assert "<option>bo</option>" in act(user, "owner", again).text
    assert "3 artifacts were changed." in said(user, act(user, "owner", again, sure="yes", owner="bo"))
    made = user.call("GET", "/artifacts/1").get_json()
    assert (made["collected_on"], made["cadence"], made["kind"], made["owner"]) == ("2026-01-02", "yearly", "log", "bo")
    assert "1 artifact was changed." in said(user, act(user, "owner", ["1.4"], sure="yes", owner=""))
    assert user.call("GET", "/artifacts/1").get_json()["owner"] == ""


def test_a_selection_is_handed_in_retired_or_put_into_the_trash(
    tracker: Tracker, user: Person, three: list[str]
) -> None:
    page = said(user, act(user, "trash", three[:1]))
    assert "1 artifact was put into the trash" in page
    address, fields = _undo(page)
    assert "Undone: 1 artifact was restored." in said(user, user.post(address, fields))
    assert "Retire: 2 artifacts" in act(user, "retire", three[1:]).text
    assert "2 artifacts were retired." in said(user, act(user, "retire", three[1:], sure="yes"))
    switch(tracker, review_required=True)
    user.upload("draft.txt", b"draft")
    assert "1 artifact was handed in for review." in said(user, act(user, "submit", ["4.1"]))


def test_what_would_stand_without_evidence_is_told_before_a_selection_is_retired(user: Person) -> None:
    for name in ("a.txt", "b.txt"):
        user.upload(name, name.encode(), objectives="3.1.1[a]")
    user.call("PATCH", "/systems/main/requirements/3.1.1/objectives/a", {"status": "met"})
    assert "No objective marked MET loses" in act(user, "retire", ["1.1"]).text
    assert (
        "1 objective marked MET stands without approved evidence: AC.L2-3.1.1[a]."
        in act(user, "retire", ["1.1", "2.1"]).text
    )


def test_what_stands_in_the_way_is_listed_and_left_unticked(user: Person, three: list[str]) -> None:
    user.post("/artifacts/2/review", {"act": "retire", "version": "1"})
    answer = act(user, "retire", ["1.1", "2.2", "3.1"], sure="yes")
    assert answer.status_code == 409
    assert "Nothing was changed: 1 of the chosen stands in the way." in answer.text
    assert '<a href="/artifacts/2">two</a>: This is not possible while the artifact is superseded.' in answer.text
    assert re.findall(r'name="chosen" value="([\d.]+)" checked', answer.text) == ["1.1", "3.1"]
    assert user.call("GET", "/artifacts/1").get_json()["status"] == "approved"


def test_a_stale_selection_changes_nothing_and_keeps_what_was_typed(user: Person, three: list[str]) -> None:
    user.post("/artifacts/1", {"title": "newer", "version": "1"})
    answer = act(user, "kind", three, sure="yes", kind="log")
    assert answer.status_code == 412
    assert '<a href="/artifacts/1">newer</a>: Somebody else changed it' in answer.text
    assert '<option value="log" selected>' in answer.text
    assert re.findall(r'name="chosen" value="([\d.]+)"', answer.text) == ["1.2", "2.1", "3.1"]
    assert user.call("GET", "/artifacts/2").get_json()["kind"] == "other"


def test_a_wrong_selection_is_told_plainly(user: Person, three: list[str]) -> None:
    for name in ("link", "trash", "export", "kind"):
        answer = act(user, name, [])
        assert answer.status_code == 422
        assert "Choose at least one artifact first." in answer.text
    assert act(user, "kind", ["x"]).status_code == 422
    assert act(user, "explode", three).status_code == 400
    wrong = act(user, "dates", three, sure="yes", collected_on="2026-02-30")
    assert wrong.status_code == 422
    assert 'value="2026-02-30"' in wrong.text
    for objectives in ([], ["AC.L2-3.1.1[z]"]):
        answer = act(user, "link", three, sure="yes", system="main", objectives=objectives)
        assert answer.status_code == 422
    assert act(user, "link", three, sure="yes", system="nope", objectives=["3.1.1[a]"]).status_code == 422


def test_others_do_nothing_to_a_selection(
    tracker: Tracker, user: Person, outsider: Person, stranger: Person, three: list[str]
) -> None:
    assert act(stranger, "trash", three).status_code in {302, 403}
    answer = act(outsider, "trash", three)
    assert answer.status_code == 409
    assert "two" not in answer.text
    assert act(outsider, "export", three).text.count("\n") == 1
    give(tracker, user.id, may_contribute=False)
    assert act(user, "trash", three).status_code == 409
    assert act(user, "kind", three, sure="yes", kind="log").status_code == 409
    assert act(user, "link", three, sure="yes", system="main", objectives=["3.1.1[a]"]).status_code in {403, 409}


def test_the_export_holds_the_chosen_rows_and_no_formula(user: Person, three: list[str]) -> None:
    answer = act(user, "export", three[1:])
    assert answer.mimetype == "text/csv"
    assert 'filename="artifacts.csv"' in answer.headers["Content-Disposition"]
    header, *rows = csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig")))
    assert header[:2] == ["Number", "Title"]
    assert [row[1] for row in rows] == ["two", "'=cmd()"]
    assert len(rows[0][-1]) == 64


# One artifact to many objectives, and the other way round


def test_one_artifact_is_linked_to_many_objectives_on_a_plain_page(user: Person) -> None:
    user.upload("a.txt", b"x", objectives="3.1.1[a]", locator="p. 1")
    page = user.get("/artifacts/1/objectives").text
    assert 'value="AC.L2-3.1.1[a]" checked disabled' in page
    assert page.count('name="objectives"') == 320
    answer = user.post(
        "/artifacts/1/objectives",
        {"system": "main", "objectives": ["AC.L2-3.1.1[a]", "AC.L2-3.1.2[a]", "PE.L2-3.10.1[a]"], "locator": "p. 9"},
    )
    page = said(user, answer)
    places = {one["id"]: one["locator"] for one in user.call("GET", "/artifacts/1").get_json()["objectives"]}
    assert places == {"AC.L2-3.1.1[a]": "p. 1", "AC.L2-3.1.2[a]": "p. 9", "PE.L2-3.10.1[a]": "p. 9"}
    address, fields = _undo(page)
    assert "2 links were taken away" in said(user, user.post(address, fields))
    assert len(user.call("GET", "/artifacts/1").get_json()["objectives"]) == 1


def test_the_choice_of_objectives_is_narrowed_without_scripts(user: Person) -> None:
    user.upload("a.txt", b"x")
    page = user.get("/artifacts/1/objectives?q=visitors").text
    assert 0 < page.count('name="objectives"') < 40
    assert "PE.L2-3.10.3[a]" in page
    assert "data-nothing>No objective has all" in user.get("/artifacts/1/objectives?q=zeppelin").text
    assert "data-nothing>" not in page


@pytest.mark.parametrize(
    ("level", "name", "objective"),
    [(1, "AC.L1-b.1.i[a] List.txt", "AC.L1-b.1.i[a]"), (3, "3.1.2e Devices.txt", "AC.L3-3.1.2e[a]")],
)
def test_evidence_of_another_level_is_suggested_and_chosen_by_its_own_objectives(
    user: Person, level: int, name: str, objective: str
) -> None:
    slug = user.call("POST", "/systems", {"name": f"Level {level}", "level": level}).get_json()["slug"]
    number = user.upload(name, b"x", title="Proof", system=slug).get_json()["id"]
    assert f'value="{objective}"' in user.get(f"/artifacts/{number}").text
    page = user.get(f"/artifacts/{number}/objectives", query_string={"system": slug}).text
    assert f'value="{objective}"' in page
    assert ".L2-" not in page
    assert objective in user.get("/triage").text
    found = user.call("GET", f"/artifacts/{number}/suggestions").get_json()["items"]
    assert [one["objective"] for one in found] == [objective]


def test_a_choice_of_nothing_or_of_what_is_not_there_is_told_beside_it(user: Person) -> None:
    user.upload("a.txt", b"x")
    for objectives, locator in (([], ""), (["AC.L2-3.1.1[z]"], ""), (["AC.L2-3.1.1[a]"], "x" * 301)):
        answer = user.post("/artifacts/1/objectives", {"system": "main", "objectives": objectives, "locator": locator})
        assert answer.status_code == 422
        assert "error-summary" in answer.text
    assert 'value="AC.L2-3.1.1[a]" checked' in answer.text
    assert user.call("GET", "/artifacts/1").get_json()["objectives"] == []


def test_the_choice_is_of_a_system_that_one_contributes_to(
    tracker: Tracker, user: Person, outsider: Person, stranger: Person
) -> None:
    user.upload("a.txt", b"x")
    assert stranger.get("/artifacts/1/objectives").status_code == 302
    assert outsider.get("/artifacts/1/objectives").status_code == 404
    assert outsider.post("/artifacts/1/objectives", {"system": "main", "objectives": "3.1.1[a]"}).status_code in {
        404,
        422,
    }
    other_system(tracker, user.id)
    assert '<option value="lab" selected>' in user.get("/artifacts/1/objectives?system=lab").text
    assert said(user, user.post("/artifacts/1/objectives", {"system": "lab", "objectives": "3.1.1[a]"}))
    assert user.call("GET", "/artifacts/1").get_json()["objectives"][0]["system"] == "lab"
    give(tracker, user.id, may_contribute=False)
    assert user.get("/artifacts/1/objectives?system=main").status_code == 403


def test_many_artifacts_are_linked_to_an_objective_at_once(user: Person, three: list[str]) -> None:
    page = user.get("/artifacts/picker?system=main&objective=3.1.1[a]").text
    assert re.findall(r'name="artifact" value="(\d+)"', page) == ["3", "2", "1"]
    form = {"system": "main", "objective": "AC.L2-3.1.1[a]", "locator": "row 4"}
    answer = user.post("/artifacts/picker", {**form, "artifact": ["1", "3"]})
    assert answer.headers["Location"].startswith("/systems/main/requirements/AC.L2-3.1.1?objective=a")
    page = said(user, answer)
    assert "2 artifacts are linked to AC.L2-3.1.1[a]." in page
    assert user.call("GET", "/artifacts/3").get_json()["objectives"][0]["locator"] == "row 4"
    page = said(user, user.post("/artifacts/picker", {**form, "artifact": ["1", "3"], "only": "2"}))
    assert "1 artifact is linked" in page
    assert "was linked to AC.L2-3.1.1[a] already" in said(user, user.post("/artifacts/picker", {**form, "only": "2"}))
    assert "already" not in user.get("/artifacts").text


def test_a_script_is_given_the_message_alone(user: Person, three: list[str]) -> None:
    form = {"system": "main", "objective": "AC.L2-3.1.1[a]", "artifact": ["1"]}
    answer = user.post("/artifacts/picker", form, headers={"X-Part": "message"})
    assert answer.status_code == 200
    assert "<html" not in answer.text
    address, fields = _undo(answer.text)
    answer = user.post(address, fields, headers={"X-Part": "message"})
    assert "Undone: 1 link was taken away." in answer.text
    assert 'class="flash"' not in user.get("/artifacts").text


def test_wrong_picks_link_nothing(user: Person, outsider: Person, three: list[str]) -> None:
    form = {"system": "main", "objective": "AC.L2-3.1.1[a]"}
    for more in ({}, {"artifact": ["x"]}, {"artifact": ["99"]}, {"artifact": ["1"], "objective": "9.9.9"}):
        assert user.post("/artifacts/picker", {**form, **more}).status_code == 422
    assert outsider.post("/artifacts/picker", {**form, "artifact": ["1"]}).status_code in {404, 422}
    assert user.call("GET", "/artifacts/1").get_json()["objectives"] == []


def test_undo_without_something_to_undo_is_told(user: Person, admin: Person, three: list[str]) -> None:
    assert user.post("/artifacts/undo", {"what": "everything", "at": "x"}).status_code == 400
    assert user.post("/artifacts/undo", {"what": "links", "at": "x"}).status_code == 404
    _, fields = _undo(said(user, act(user, "trash", three)))
    del fields["csrf_token"]
    assert admin.post("/artifacts/undo", fields).status_code == 404
    assert user.get("/artifacts/1").status_code == 404
    assert user.post("/artifacts/undo", fields).status_code == 302


# Folders sent by a form, without scripts


def test_the_files_of_a_folder_keep_their_paths_and_hidden_ones_are_left_out(user: Person) -> None:
    files = [
        (io.BytesIO(b"rules"), "evidence/3.1.1/rules.txt"),
        (io.BytesIO(b"junk"), "evidence/.DS_Store"),
        (io.BytesIO(b"junk"), "evidence/3.1.1/Thumbs.db"),
    ]
    data = {"csrf_token": user.token, "system": "main", "file": files}
    answer = user.client.post("/artifacts/upload", data=data)
    page = said(user, answer)
    assert "rules.txt is kept." in page
    assert "2 hidden files of the computer&#39;s own were left out." in page
    assert "evidence/3.1.1/rules.txt" in page
    assert "names AC.L2-3.1.1, from the folder “3.1.1”" in page
    assert "Nothing yet. Evidence counts once it is linked" in page


def test_a_folder_of_hidden_files_only_is_told_as_such(user: Person) -> None:
    data = {"csrf_token": user.token, "system": "main", "file": [(io.BytesIO(b"junk"), "evidence/.DS_Store")]}
    answer = user.client.post("/artifacts/upload", data=data)
    assert answer.status_code == 422
    assert "Only hidden files" in answer.text


def test_suggestions_are_asked_for_by_the_api(user: Person, outsider: Person) -> None:
    made = user.upload("scan.txt", b"x", path="3.1.1/scan.txt").get_json()
    items = user.call("GET", f"/artifacts/{made['id']}/suggestions").get_json()["items"]
    assert {one["objective"][:11] for one in items} == {"AC.L2-3.1.1"}
    assert items[0]["system"] == "main"
    assert "the folder “3.1.1”" in items[0]["reason"]
    assert outsider.call("GET", f"/artifacts/{made['id']}/suggestions").status_code == 404
