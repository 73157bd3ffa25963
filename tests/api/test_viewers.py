"""The API of who looks at a package: let in, listed, taken back, answered."""

from datetime import timedelta

import pytest
from flask import Flask

from cmmc_tracker.services.work import Tracker
from tests.conftest import Person
from tests.services.evidence import switch
from tests.services.handoff.shown import Stage, assessor, browser, staged

VIEWERS = "/systems/main/packages/1/viewers"
QUESTIONS = "/systems/main/packages/1/questions"


@pytest.fixture
def stage(tracker: Tracker) -> Stage:
    return staged(tracker)


def _given(tracker: Tracker, **more: object) -> dict[str, object]:
    return {"whom": "asa", "until": (tracker.today + timedelta(days=9)).isoformat(), **more}


def test_an_account_is_let_in_listed_and_taken_back(admin: Person, app: Flask, tracker: Tracker, stage: Stage) -> None:
    assessor(tracker)
    made = admin.call("POST", VIEWERS, _given(tracker, may_download=True))
    assert made.status_code == 201
    assert made.get_json() | {"created_at": ""} == {
        "id": 1,
        "whom": "asa",
        "is_link": False,
        "may_download": True,
        "created_at": "",
        "created_by": "ada",
        "until": _given(tracker)["until"],
        "state": "open",
        "address": None,
        "word": None,
    }
    browser(app, tracker).get("/assessor/1")
    listed = admin.call("GET", VIEWERS).get_json()
    assert [one["state"] for one in listed["items"]] == ["open"]
    assert [(one["who"], one["action"], one["what"]["page"]) for one in listed["looks"]] == [
        ("asa", "package:looked_at", "overview")
    ]
    assert admin.call("DELETE", f"{VIEWERS}/1").status_code == 204
    assert admin.call("DELETE", f"{VIEWERS}/1").status_code == 204
    assert admin.call("GET", VIEWERS).get_json()["items"][0]["state"] == "revoked"


def test_a_links_address_and_word_come_in_one_answer(admin: Person, tracker: Tracker, stage: Stage) -> None:
    made = admin.call("POST", VIEWERS, _given(tracker, whom="Kim", link=True)).get_json()
    assert made["address"].startswith("http://localhost/link/")
    assert len(made["word"]) == 19
    listed = admin.call("GET", VIEWERS)
    assert made["word"] not in listed.text
    assert made["address"].split("/")[4] not in listed.text


def test_what_is_refused_says_why(admin: Person, user: Person, tracker: Tracker, stage: Stage) -> None:
    assessor(tracker)
    assert admin.call("POST", VIEWERS, _given(tracker, whom="bo")).status_code == 422
    wrong = admin.call("POST", VIEWERS, {"whom": "asa", "until": "2020-01-01"})
    assert (wrong.status_code, set(wrong.get_json()["errors"])) == (422, {"until"})
    assert admin.call("POST", VIEWERS, {"until": "2030-01-01"}).status_code == 422
    assert user.call("POST", VIEWERS, _given(tracker)).status_code == 403
    assert user.call("DELETE", f"{VIEWERS}/1").status_code == 403
    assert admin.call("DELETE", f"{VIEWERS}/9").status_code == 404
    assert admin.call("GET", "/systems/main/packages/9/viewers").status_code == 404
    switch(tracker, cui_allowed=True)
    assert admin.call("POST", VIEWERS, _given(tracker, link=True)).status_code == 409


def test_a_question_is_answered_by_the_version_that_was_read(
    admin: Person, app: Flask, tracker: Tracker, stage: Stage
) -> None:
    assessor(tracker)
    assert admin.call("POST", VIEWERS, _given(tracker)).status_code == 201
    asa = browser(app, tracker)
    asa.post("/assessor/1/questions", {"text": "Why?", "requirement": "3.1.1", "letter": "a"})
    (one,) = admin.call("GET", QUESTIONS).get_json()["items"]
    assert (one["about"], one["text"], one["answer"], one["version"]) == ("AC.L2-3.1.1[a]", "Why?", "", 1)
    path, seen = f"{QUESTIONS}/1", {"If-Match": '"1"'}
    done = admin.call("PATCH", path, {"answer": "So."}, headers=seen)
    assert (done.status_code, done.get_json()["answer"], done.get_json()["version"]) == (200, "So.", 2)
    assert admin.call("PATCH", path, {"answer": "No."}, headers=seen).status_code == 412
    assert admin.call("PATCH", path, {"answer": " "}).status_code == 422
    assert admin.call("PATCH", f"{QUESTIONS}/9", {"answer": "So."}).status_code == 404
    assert "So." in asa.get("/assessor/1/questions").text


def test_strangers_of_the_system_find_nothing(outsider: Person, tracker: Tracker, stage: Stage) -> None:
    for method, path, body in (
        ("GET", VIEWERS, None),
        ("POST", VIEWERS, _given(tracker)),
        ("DELETE", f"{VIEWERS}/1", None),
        ("GET", QUESTIONS, None),
        ("PATCH", f"{QUESTIONS}/1", {"answer": "So."}),
    ):
        assert outsider.call(method, path, body).status_code == 404, (method, path)
