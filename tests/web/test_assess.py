"""Working through the objectives, on screen and on paper; the placemat; on what a finding rests."""

import re
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import update

from cmmc_tracker.domain.catalog import load
from cmmc_tracker.domain.rulebook import sections
from cmmc_tracker.domain.special import Basis
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import artifacts
from tests.conftest import OPERATOR, Person

ASSESS = "/systems/main/assess"
REQUIREMENT = "/systems/main/requirements/AC.L2-3.1.1"
OBJECTIVE = f"{REQUIREMENT}/objectives/a"
EXCEPTION = {
    "basis": "enduring_exception",
    "description": "A lathe of 1998",
    "mitigation": "a network apart",
    "reference": "section 4",
}


def judge(who: Person, status: str, note: str = "because", **more: str) -> int:
    return who.post(OBJECTIVE, {"status": status, "note": note, "methods": "examine", **more}).status_code


def version(who: Person) -> str:
    """The version in the form that judges the first objective."""
    page = who.get(f"{REQUIREMENT}?objective=a").text
    found = re.search(r'objectives/a"[^>]*data-judge.*?name="version" value="(\d+)"', page, re.S)
    assert found
    return found[1]


def test_one_goes_from_objective_to_objective_without_a_script(user: Person) -> None:
    page = user.get(ASSESS).text
    assert "1 of 320 · 0 of 320 objectives assessed" in page
    here = re.search(r'name="next" value="([^"]+)"', page)
    assert here
    back = here[1].replace("&amp;", "&")
    saved = user.post(OBJECTIVE, {"status": "met", "methods": "examine", "next": back})
    assert saved.headers["Location"] == back
    after = user.get(back).text
    assert "done; 319 left on this list · 1 of 320 objectives assessed" in after
    following = re.search(r'rel="next"[^>]* href="([^"]+)"', after)
    assert following
    assert "[b]" in user.get(following[1].replace("&amp;", "&")).text.split("<title>")[1].split("</title>")[0]


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/\\evil.example"])
def test_saving_leads_nowhere_else(user: Person, target: str) -> None:
    saved = user.post(OBJECTIVE, {"status": "met", "next": target})
    assert saved.headers["Location"] in {"/", "/systems/main/"}


def test_lists_that_are_empty_searches_and_addresses_that_are_none(user: Person) -> None:
    assert "Nothing is left here" in user.get(f"{ASSESS}?way=not-met").text
    assert user.get(f"{ASSESS}?way=sideways").status_code == 404
    assert user.get(f"{ASSESS}?at=nonsense").status_code == 200
    found = user.get(f"{ASSESS}?way=all&q=multifactor").text
    assert "IA.L2-3.5.3[a]" in found
    assert "No objectives with" in user.get(f"{ASSESS}?q=zzzz").text


def test_the_worksheet_has_every_objective_and_room_to_write(user: Person) -> None:
    judge(user, "not_met", "no list yet", interviewed="Bo, administrator")
    page = user.get("/systems/main/worksheet").text
    assert "70 objectives" in page
    assert "no list yet" in page
    assert "Bo, administrator" in page
    assert user.get("/systems/main/worksheet?family=all").text.count('class="ways"') == 320
    assert user.get("/systems/main/worksheet?family=XX").status_code == 404


def test_questions_are_by_role_and_say_what_was_asked_already(user: Person) -> None:
    judge(user, "met", interviewed="Bo, administrator")
    page = user.get("/systems/main/worksheet/interviews").text
    assert "asked: Bo, administrator" in page
    assert "Personnel and training" in page
    assert "Screen Individuals" in user.get("/systems/main/worksheet/interviews?role=people").text
    assert user.get("/systems/main/worksheet/interviews?role=clown").status_code == 404


def test_the_placemat_has_all_110_and_fades_what_does_not_fit(user: Person) -> None:
    page = user.get("/systems/main/placemat").text
    assert len(re.findall(r'<li class="w[0135]">', page)) == 110
    assert "faded" not in page
    fives = sum(r.weight == 5 for r in load(2).requirements)
    assert user.get("/systems/main/placemat?weight=5").text.count(" faded") == 110 - fives
    assert user.get("/systems/main/placemat?owner=nobody").text.count(" faded") == 0
    assert user.get("/systems/main/placemat?status=met&weight=none").text.count(" faded") == 110


def test_the_placemat_shows_where_evidence_is_stale_or_missing(user: Person, tracker: Tracker) -> None:
    judge(user, "met")
    assert user.get("/systems/main/placemat?evidence=missing").text.count(" faded") == 109
    assert user.get("/systems/main/placemat?evidence=stale").text.count(" faded") == 110
    assert user.upload("a.txt", b"a", objectives="3.1.1[a]", cadence="monthly").status_code == 201
    with tracker.write(OPERATOR) as work:
        work.db.execute(update(artifacts).values(due_on=work.today - timedelta(days=1)))
    assert user.get("/systems/main/placemat?evidence=stale").text.count(" faded") == 109
    assert user.get("/systems/main/placemat?evidence=missing").text.count(" faded") == 110


def test_a_requirement_says_why_in_one_sentence_with_the_clause(user: Person) -> None:
    assert "nothing of it is judged yet" in user.get(REQUIREMENT).text
    judge(user, "not_met")
    page = user.get(REQUIREMENT).text
    assert "is NOT MET, which decides whatever the others are" in page
    assert 'href="/rules#rule-not_met"' in page
    for letter in "abcdef":
        user.post(f"{REQUIREMENT}/objectives/{letter}", {"status": "met", "note": "n"})
    assert "all 6 objectives are MET" in user.get(REQUIREMENT).text
    user.post(f"{OBJECTIVE}/basis", EXCEPTION)
    assert 'by enduring exception (<a href="/rules#rule-enduring_exception">' in user.get(REQUIREMENT).text


def test_every_clause_that_a_page_links_stands_on_the_page_of_rules(user: Person) -> None:
    page = user.get("/rules").text
    assert all(f"<dt>{word}</dt>" in page for word in ("CUI", "Objective", "SSP", "POA&amp;M", "SPRS", "C3PAO"))
    keys = {rule.key for section in sections() for rule in section.rules}
    for key in ("met", "not_met", "not_applicable", "not_assessed", "time", *(set(Basis) - {Basis.PLAIN})):
        assert key in keys
        assert f'id="rule-{key}"' in page


def test_a_basis_is_recorded_shown_and_refused_where_it_must_be(user: Person) -> None:
    judge(user, "met")
    assert user.post(f"{OBJECTIVE}/basis", {**EXCEPTION, "version": "0"}).status_code == 302
    assert "A lathe of 1998" in user.get(REQUIREMENT).text
    stale = user.post(f"{OBJECTIVE}/basis", {**EXCEPTION, "description": "mine", "version": "0"})
    assert stale.status_code == 412
    assert "A lathe of 1998" in stale.text
    assert ">mine</textarea>" in stale.text
    wrong = user.post(f"{OBJECTIVE}/basis", {"basis": "temporary_deficiency", "description": "kept words"})
    assert wrong.status_code == 422
    assert ">kept words</textarea>" in wrong.text
    assert "deficiency review" in wrong.text
    deficiency = {**EXCEPTION, "basis": "temporary_deficiency", "reviewed_on": "2026-01-01"}
    never = user.post(f"{REQUIREMENT}/objectives/b/basis", deficiency)
    assert never.status_code == 409
    assert "32 CFR 170.24(b)(1)(ii)" in never.text
    judge(user, "not_met")
    assert "without effect: it is NOT MET" in user.get(REQUIREMENT).text


def test_a_second_person_confirms_and_who_judged_does_not(admin: Person, user: Person) -> None:
    judge(user, "not_applicable")
    page = user.get(REQUIREMENT).text
    assert "waits for a second person" in page
    assert user.post(f"{OBJECTIVE}/confirm", {"version": version(user)}).status_code == 409
    assert admin.post(f"{OBJECTIVE}/confirm", {"version": "999"}).status_code == 412
    assert admin.post(f"{OBJECTIVE}/confirm", {"version": version(admin)}).status_code == 302
    assert "Confirmed by ada" in user.get(REQUIREMENT).text
    answer = user.call("GET", "/systems/main/requirements/3.1.1").get_json()["objectives"][0]
    assert answer["confirmed_by"] == "ada"


def test_one_who_works_alone_confirms_and_it_shows(user: Person) -> None:
    judge(user, "not_applicable")
    assert user.post(f"{OBJECTIVE}/confirm", {"version": version(user)}).status_code == 302
    assert "the same person who judged it" in user.get(REQUIREMENT).text


def test_two_people_on_one_objective_see_both_texts(admin: Person, user: Person) -> None:
    seen = version(user)
    judge(admin, "met", "hers", version=seen, examined="her list")
    late = user.post(OBJECTIVE, {"status": "not_met", "note": "mine", "examined": "my list", "version": seen})
    assert late.status_code == 412
    for words in ("hers", "her list", ">mine</textarea>", 'value="my list"'):
        assert words in late.text


def test_the_api_takes_what_was_looked_at_and_keeps_what_is_not_given(user: Person) -> None:
    path = "/systems/main/requirements/3.1.1/objectives/a"
    first = user.call("PATCH", path, {"status": "met", "methods": [], "examined": "the account list"}).get_json()
    assert (first["examined"], first["methods"], first["basis"]) == ("the account list", ["examine"], None)
    second = user.call("PATCH", path, {"tested": "tried an old account"}).get_json()
    assert (second["status"], second["examined"], second["tested"]) == (
        *("met", "the account list", "tried an old account"),
    )
    assert second["methods"] == ["examine", "test"]
    assert user.call("PATCH", path, {"tested": None}).status_code == 422
    assert user.call("PATCH", path, {"interviewed": 7}).status_code == 422
    plain = user.call("PATCH", path, {"status": "not_met", "note": "n", "methods": ["examine"]}).get_json()
    assert plain["examined"] == "the account list"


def test_strangers_find_none_of_it(app: Flask, tracker: Tracker, outsider: Person) -> None:
    for path in (ASSESS, "/systems/main/worksheet", "/systems/main/worksheet/interviews", "/systems/main/placemat"):
        assert outsider.get(path).status_code == 404
    for path in (f"{OBJECTIVE}/basis", f"{OBJECTIVE}/confirm"):
        assert outsider.post(path, EXCEPTION).status_code == 404
