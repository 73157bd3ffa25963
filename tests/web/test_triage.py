"""Triage without scripts: forms and links, what is refused, and how much it costs."""

import re

from flask import Flask
from sqlalchemy import event

from cmmc_tracker.services.work import Tracker
from tests.conftest import Person
from tests.services.evidence import give
from tests.web.test_reviews import _undo


def _pile(person: Person, *names: str) -> None:
    for name in names:
        assert person.upload(name, f"about {name}".encode()).status_code == 201


def _title(person: Person, path: str) -> str:
    page = person.get(path)
    assert page.status_code == 200, page.text
    found = re.search(r"<h1>(?:<a[^>]*>)?([^<]+)", page.text)
    assert found
    return found[1]


def _go(person: Person, act: str, at: int, **more: str) -> str:
    answer = person.post("/triage", {"act": act, "at": str(at), **more})
    assert answer.status_code == 302, answer.text
    return str(answer.headers["Location"])


def test_people_go_through_the_pile_and_come_back_to_where_they_stopped(app: Flask, user: Person) -> None:
    _pile(user, "one.txt", "two.txt", "three.txt")
    assert _title(user, "/triage") == "three.txt"
    assert "3 in the pile, 2 after this one" in user.get("/triage").text
    there = _go(user, "next", 3)
    assert _title(user, there) == "two.txt"
    other = Person("bo", app.test_client())
    other.sign_in()
    assert _title(other, "/triage") == "two.txt"
    back = _go(user, "back", 2, **{"from": "3"})
    assert _title(user, back) == "three.txt"
    assert _title(user, _go(user, "next", 2)) == "one.txt"


def test_the_kind_that_a_name_speaks_of_is_said_and_not_set(user: Person) -> None:
    _pile(user, "network diagram.txt")
    page = user.get("/triage").text
    assert "By its name: diagram." in page
    assert '<option value="other" selected>' in page
    assert user.call("PATCH", "/artifacts/1", {"kind": "record"}).status_code == 200
    assert "By its name" not in user.get("/triage").text


def test_the_end_of_the_pile_says_so_with_counts_and_begins_anew(user: Person) -> None:
    _pile(user, "one.txt", "two.txt")
    assert user.upload("linked.txt", b"x", objectives="3.1.1[a]").status_code == 201
    page = user.get(_go(user, "next", 1)).text
    assert "This is the end of the pile." in page
    assert "2 artifacts have no link yet, 1 is linked." in page
    assert _title(user, str(user.post("/triage", {"act": "begin"}).headers["Location"])) == "two.txt"
    for number in (1, 2):
        user.post(f"/artifacts/{number}/link", {"system": "main", "objective": "3.1.1[a]"})
    assert "Nothing waits here." in user.get("/triage").text


def test_the_oldest_first_and_one_system_only_stay_chosen_while_going_on(user: Person) -> None:
    _pile(user, "one.txt", "two.txt")
    page = user.get("/triage?order=oldest&system=main").text
    assert '<input type="hidden" name="order" value="oldest">' in page
    assert _title(user, "/triage?order=oldest") == "one.txt"
    there = _go(user, "next", 1, order="oldest", system="main")
    assert "order=oldest" in there
    assert "system=main" in there
    assert _title(user, there) == "two.txt"


def test_a_suggestion_is_linked_in_place_and_undone_by_the_message(user: Person) -> None:
    assert user.upload("AC.L2-3.1.1[a] list.txt", b"x").status_code == 201
    page = user.get("/triage").text
    form = re.search(
        r'<form method="post" action="/artifacts/1/link" data-suggestion="1">(.*?)</form>', page, re.DOTALL
    )
    assert form
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form[1]))
    answer = user.post("/artifacts/1/link", fields)
    assert answer.headers["Location"].startswith("/triage?at=1")
    page = user.get(answer.headers["Location"]).text
    assert "Linked to AC.L2-3.1.1[a]." in page
    assert "✓ AC.L2-3.1.1[a]" in page
    assert "Next" in page
    address, undo = _undo(page)
    assert address == "/artifacts/undo"
    back = user.post(address, undo)
    page = user.get(back.headers["Location"]).text
    assert "Undone: 1 link was taken away." in page
    assert "✓ AC" not in page


def test_what_the_folder_says_is_told_and_its_family_is_offered(user: Person) -> None:
    assert user.upload("scan.txt", b"x", path="evidence/3.1.1/scan.txt").status_code == 201
    assert "names AC.L2-3.1.1, from the folder “3.1.1”" in user.get("/triage").text
    assert "evidence/3.1.1/scan.txt" in user.get("/artifacts/1").text
    assert user.upload("other.txt", b"y", path="PE - Physical Protection/other.txt").status_code == 201
    page = user.get("/triage").text
    assert "From its folder: PE Physical Protection" in page
    assert "<strong>PE.L2-3.10.1[a]</strong>" in page


def test_an_objective_is_found_by_its_words(user: Person) -> None:
    _pile(user, "one.txt")
    page = user.get("/triage?at=1&q=visitors").text
    assert "<strong>PE.L2-3.10.3[a]</strong>" in page
    assert "No objective has all of these words." in user.get("/triage?q=zeppelin").text


def test_dates_and_kind_are_saved_in_place(user: Person) -> None:
    _pile(user, "one.txt")
    given = {"kind": "log", "cadence": "monthly", "covers_from": "2026-01-01", "covers_until": "2026-01-31"}
    answer = user.post("/triage/1", {**given, "version": "1"})
    assert answer.headers["Location"] == "/triage?at=1"
    assert "Saved." in user.get("/triage?at=1").text
    made = user.call("GET", "/artifacts/1").get_json()
    assert {name: made[name] for name in given} == given


def test_wrong_dates_and_a_stale_form_keep_what_was_typed(user: Person) -> None:
    _pile(user, "one.txt")
    wrong = user.post("/triage/1", {"covers_from": "2026-02-01", "covers_until": "2026-01-31", "version": "1"})
    assert wrong.status_code == 422
    assert "begins after it ends" in wrong.text
    assert 'value="2026-02-01"' in wrong.text
    assert user.post("/triage/1", {"kind": "log", "version": "1"}).status_code == 302
    stale = user.post("/triage/1", {"kind": "policy", "version": "1"})
    assert stale.status_code == 412
    assert "Somebody else changed this artifact meanwhile." in stale.text
    assert '<option value="policy" selected>' in stale.text
    assert user.call("GET", "/artifacts/1").get_json()["kind"] == "log"


def test_what_went_out_of_the_pile_meanwhile_is_not_mistaken_for_another(user: Person) -> None:
    _pile(user, "one.txt", "two.txt")
    assert user.post("/artifacts/1/review", {"act": "retire", "version": "1"}).status_code == 302
    answer = user.post("/triage/1", {"kind": "log", "version": "1"})
    assert answer.status_code == 404
    assert "two.txt" not in answer.text


def test_triage_is_closed_to_others(tracker: Tracker, user: Person, outsider: Person, stranger: Person) -> None:
    _pile(user, "one.txt")
    assert stranger.get("/triage").headers["Location"].startswith("/login?next=")
    page = outsider.get("/triage?at=1")
    assert page.status_code == 200
    assert "one.txt" not in page.text
    assert outsider.post("/triage/1", {"kind": "log", "version": "1"}).status_code == 404
    give(tracker, user.id, may_contribute=False)
    assert "one.txt" not in user.get("/triage?at=1").text
    assert user.post("/triage/1", {"kind": "log", "version": "1"}).status_code == 403


def test_a_form_that_says_nothing_is_malformed(user: Person) -> None:
    for form in ({}, {"act": "jump", "at": "1"}, {"act": "next"}, {"act": "next", "at": "x"}):
        assert user.post("/triage", form).status_code == 400
    assert user.get("/triage?at=99999999999999999999&from=x&order=y&system=nope").status_code == 200


def test_a_page_of_triage_takes_few_statements(tracker: Tracker, user: Person) -> None:
    _pile(user, *(f"{n}.txt" for n in range(8)))
    said: list[str] = []
    event.listen(tracker.engine, "before_cursor_execute", lambda *given: said.append(given[2]))
    assert user.get("/triage?at=4&from=5").status_code == 200
    assert len([one for one in said if one.lstrip().upper().startswith("SELECT")]) <= 10
