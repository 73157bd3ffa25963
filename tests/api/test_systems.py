"""Systems, score, requirements and objectives by the API."""

import pytest
from sqlalchemy import event

from cmmc_tracker.services.work import Tracker
from tests.conftest import Person

OBJECTIVE = "/systems/main/requirements/AC.L2-3.1.1/objectives/a"
REQUIREMENT = "/systems/main/requirements/AC.L2-3.1.1"


def judge(person: Person, objective: str, status: str = "met", **more: object) -> None:
    """Judge one objective such as `3.12.4[a]`."""
    number, letter = objective[:-1].split("[")
    answer = person.call(
        "PATCH", f"/systems/main/requirements/{number}/objectives/{letter}", {"status": status, **more}
    )
    assert answer.status_code == 200, answer.text


def test_a_new_install_has_one_system_at_level_2(user: Person) -> None:
    items = user.call("GET", "/systems").get_json()["items"]
    assert [(i["slug"], i["level"]) for i in items] == [("main", 2)]


def test_the_score_of_a_new_install_is_null_with_its_reason(user: Person) -> None:
    found = user.call("GET", "/systems/main/score").get_json()
    assert found["score"] is None
    assert "3.12.4[a]" in found["reason"]
    assert found["provisional"] is True
    assert found["unassessed_objectives"] == 320
    assert found["counts"] == {"met": 0, "not_met": 0, "not_applicable": 0, "not_assessed": 110}
    assert found["status"] == "No CMMC Status"
    assert found["poam"]["possible"] is False
    assert (found["max"], found["min"], found["level"]) == (110, -203, 2)


def test_judging_the_plan_gives_a_score_and_judging_more_raises_it(user: Person) -> None:
    judge(user, "3.12.4[a]")
    judge(user, "3.12.4[h]")
    assert user.call("GET", "/systems/main/score").get_json()["score"] == -203
    for letter in "abcdef":
        judge(user, f"3.1.1[{letter}]")
    found = user.call("GET", "/systems/main/score").get_json()
    assert found["score"] == -198
    assert found["met_without_final_evidence"] == 8
    assert found["ssp_documented"] is True


def test_all_requirements_come_in_one_answer_with_the_fields_of_the_contract(user: Person) -> None:
    items = user.call("GET", "/systems/main/requirements").get_json()["items"]
    assert len(items) == 110
    assert items[0] == {
        "id": "AC.L2-3.1.1",
        "nist_id": "3.1.1",
        "title": "Authorized Access Control",
        "family": "AC",
        "weight": 5,
        "status": "not_assessed",
        "objectives_met": 0,
        "objectives_total": 6,
        "artifacts": 0,
    }
    assert next(i for i in items if i["id"] == "CA.L2-3.12.4")["weight"] is None


@pytest.mark.parametrize(
    ("query", "number"), [("family=PS", 2), ("family=ps", 2), ("q=3.12.4", 1), ("status=met", 0), ("q=zzzz", 0)]
)
def test_requirements_can_be_narrowed(user: Person, query: str, number: int) -> None:
    assert len(user.call("GET", f"/systems/main/requirements?{query}").get_json()["items"]) == number


def test_an_unknown_status_to_narrow_by_is_told(user: Person) -> None:
    assert user.call("GET", "/systems/main/requirements?status=green").status_code == 422


def test_one_requirement_shows_its_objectives_and_implementation(user: Person) -> None:
    found = user.call("GET", "/systems/main/requirements/3.1.1").get_json()
    assert [o["letter"] for o in found["objectives"]] == list("abcdef")
    assert found["objectives"][0]["id"] == "AC.L2-3.1.1[a]"
    assert found["implementation"] == {"status": "planned", "narrative": "", "responsibility": "own", "version": 1}
    assert found["partial"] is False


def test_judging_keeps_what_was_not_given(user: Person) -> None:
    user.call("PATCH", OBJECTIVE, {"status": "not_met", "note": "no list", "methods": ["test", "examine"]})
    answer = user.call("PATCH", OBJECTIVE, {"status": "met"})
    found = answer.get_json()
    assert (found["status"], found["note"], found["methods"], found["version"]) == (
        "met",
        "no list",
        ["examine", "test"],
        3,
    )
    assert found["judged_by"] == "bo"


def test_a_judgement_that_changes_nothing_makes_no_new_version(user: Person) -> None:
    user.call("PATCH", OBJECTIVE, {"status": "met"})
    assert user.call("PATCH", OBJECTIVE, {"status": "met"}).get_json()["version"] == 2


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"status": "green"}, "status"),
        ({"status": "not_applicable"}, "note"),
        ({"status": "not_applicable", "note": "  "}, "note"),
        ({"status": None}, "status"),
        ({"status": 1}, "status"),
        ({"methods": "test"}, "methods"),
        ({"methods": ["guess"]}, "methods"),
        ({"note": "x" * 20_001}, "note"),
        ({"note": "x" * 1_048_576}, "note"),
        ({"note": "a\u0000b"}, "note"),
        ({"verdict": "met"}, "verdict"),
        ({}, "body"),
    ],
)
def test_a_wrong_judgement_names_its_field_and_changes_nothing(
    user: Person, body: dict[str, object], field: str
) -> None:
    answer = user.call("PATCH", OBJECTIVE, body)
    assert answer.status_code == 422
    assert answer.mimetype == "application/problem+json"
    assert field in answer.get_json()["errors"]
    assert user.call("GET", REQUIREMENT).get_json()["objectives"][0]["version"] == 1


@pytest.mark.parametrize("letter", ["a", "h"])
def test_no_objective_of_the_plan_can_be_not_applicable(user: Person, letter: str) -> None:
    body = {"status": "not_applicable", "note": "we have none"}
    answer = user.call("PATCH", f"/systems/main/requirements/3.12.4/objectives/{letter}", body)
    assert answer.status_code == 422
    assert "170.24" in answer.get_json()["errors"]["status"]


def test_a_stale_judgement_is_refused_and_says_what_is_there_now(user: Person, admin: Person) -> None:
    user.call("PATCH", OBJECTIVE, {"status": "not_met", "note": "the list is old"})
    answer = admin.call("PATCH", OBJECTIVE, {"status": "met"}, headers={"If-Match": '"1"'})
    assert answer.status_code == 412
    assert "NOT MET" in answer.get_json()["detail"]
    assert "the list is old" in answer.get_json()["detail"]
    assert user.call("GET", REQUIREMENT).get_json()["objectives"][0]["status"] == "not_met"
    assert admin.call("PATCH", OBJECTIVE, {"status": "met"}, headers={"If-Match": '"2"'}).status_code == 200


@pytest.mark.parametrize(("tag", "status"), [("1", 400), ('"abc"', 412), ("*", 200), ('W/"1"', 200)])
def test_if_match_is_read_as_the_rfc_says(user: Person, tag: str, status: int) -> None:
    assert user.call("PATCH", OBJECTIVE, {"status": "met"}, headers={"If-Match": tag}).status_code == status


@pytest.mark.parametrize(
    "path",
    [
        "/systems/main/requirements/3.1.99",
        "/systems/main/requirements/nonsense",
        "/systems/main/requirements/AC.L2-3.1.1/objectives/z",
        "/systems/other/requirements/AC.L2-3.1.1",
    ],
)
def test_what_does_not_exist_is_not_found(user: Person, path: str) -> None:
    assert (
        user.call("PATCH", path, {"status": "met"} if "objectives" in path else {"narrative": "x"}).status_code == 404
    )


def test_a_requirement_is_described_and_its_partial_switch_set(user: Person) -> None:
    path = "/systems/main/requirements/SC.L2-3.13.11"
    body = {
        "narrative": "We use **TLS**.",
        "implementation_status": "partial",
        "responsibility": "shared",
        "partial": True,
    }
    answer = user.call("PATCH", path, body)
    found = answer.get_json()
    assert answer.status_code == 200
    assert found["partial"] is True
    assert found["implementation"]["version"] == found["version"] == 2
    stale = user.call("PATCH", path, {"narrative": "x"}, headers={"If-Match": '"1"'})
    assert stale.status_code == 412
    judge(user, "3.12.4[a]")
    judge(user, "3.12.4[h]")
    judge(user, "3.13.11[a]", "not_met", note="not validated")
    losses = user.call("GET", "/systems/main/score").get_json()["losses"]
    assert next(x["points"] for x in losses if x["requirement"] == "SC.L2-3.13.11") == 3


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"partial": True}, "partial"),
        ({"partial": "yes"}, "partial"),
        ({"implementation_status": "done"}, "implementation_status"),
        ({"responsibility": "nobody"}, "responsibility"),
        ({"narrative": "x" * 100_001}, "narrative"),
        ({"narrative": None}, "narrative"),
    ],
)
def test_a_wrong_description_names_its_field(user: Person, body: dict[str, object], field: str) -> None:
    answer = user.call("PATCH", REQUIREMENT, body)
    assert answer.status_code == 422
    assert field in answer.get_json()["errors"]


def test_a_second_system_is_made_and_its_objectives_are_its_own(user: Person, admin: Person) -> None:
    answer = user.call("POST", "/systems", {"name": "Test & Lab", "level": 2})
    assert answer.status_code == 201
    assert answer.get_json()["slug"] == "test-lab"
    judge(user, "3.1.1[a]")
    other = user.call("GET", "/systems/test-lab/requirements/3.1.1").get_json()
    assert other["objectives"][0]["status"] == "not_assessed"
    assert admin.call("GET", "/systems/test-lab/score").status_code == 404
    assert user.call("POST", "/systems", {"name": "Test Lab", "level": 2}).get_json()["slug"] == "test-lab-2"


@pytest.mark.parametrize(
    "body", [{}, {"name": "x"}, {"name": "", "level": 2}, {"name": "x", "level": 9}, {"name": "x", "level": "2"}]
)
def test_a_wrong_system_is_refused(user: Person, body: dict[str, object]) -> None:
    assert user.call("POST", "/systems", body).status_code == 422


@pytest.mark.parametrize("raw", [b"{", b"[]", b"7", b'{"status": "met"', b"[" * 5_000, b"\xff\xfe"])
def test_a_body_that_is_no_json_object_is_malformed(user: Person, raw: bytes) -> None:
    answer = user.client.patch(
        f"/api/v1{OBJECTIVE}", data=raw, headers={"X-CSRF-Token": user.token, "Content-Type": "application/json"}
    )
    assert answer.status_code == 400
    assert answer.mimetype == "application/problem+json"


@pytest.mark.parametrize(
    "path", ["/api/v1/systems/main/requirements", "/api/v1/systems/main/score", "/systems/main/requirements", "/"]
)
def test_pages_take_at_most_six_statements_whatever_the_amount_of_data(
    user: Person, tracker: Tracker, path: str
) -> None:
    for number in range(3):
        user.upload(f"file{number}.txt", f"evidence {number}".encode(), objectives=["3.1.1[a]", "3.1.2[a]", "3.1.3[b]"])
    judge(user, "3.1.1[a]")
    seen: list[str] = []
    event.listen(tracker.engine, "before_cursor_execute", lambda _c, _u, statement, *_: seen.append(statement))
    assert user.get(path).status_code == 200
    assert 1 <= len(seen) <= 6, seen
