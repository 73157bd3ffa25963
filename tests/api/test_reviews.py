"""Review, several files, due days and the trash by the API."""

import io
from typing import Any

import pytest
from werkzeug.test import TestResponse

from cmmc_tracker.services.work import Tracker
from tests.conftest import Person
from tests.services.evidence import give, switch


@pytest.fixture
def reviewed(tracker: Tracker) -> None:
    """Review is asked for."""
    switch(tracker, review_required=True)


def _act(person: Person, act: str, version: int | None = None, **more: Any) -> TestResponse:
    headers = {"If-Match": f'"{version}"'} if version is not None else {}
    return person.call("POST", "/artifacts/1/review", {"act": act, **more}, headers=headers)


def _send(
    person: Person, path: str, *files: tuple[str, bytes], version: int | None = None, **fields: str
) -> TestResponse:
    data = {**fields, "file": [(io.BytesIO(content), name) for name, content in files]}
    headers = {"X-CSRF-Token": person.token} | ({"If-Match": f'"{version}"'} if version is not None else {})
    return person.client.post(f"/api/v1{path}", data=data, headers=headers)


def _one(person: Person) -> dict[str, Any]:
    found: dict[str, Any] = person.call("GET", "/artifacts/1").get_json()
    return found


@pytest.mark.usefixtures("reviewed")
def test_a_script_brings_evidence_through_review(tracker: Tracker, user: Person, admin: Person) -> None:
    give(tracker, admin.id, may_approve=True)
    made = user.upload("a.txt", b"one", reviewer="ada").get_json()
    assert (made["status"], made["reviewer"], made["approved_by"], made["approved_at"]) == ("draft", "ada", "", None)
    assert _act(user, "submit", made["version"]).get_json()["status"] == "in_review"
    seen = _one(admin)
    manifest = seen["current_version"]["manifest_sha256"]
    done = _act(admin, "approve", seen["version"], manifest_sha256=manifest.upper())
    assert done.status_code == 200
    assert (done.get_json()["status"], done.get_json()["approved_by"]) == ("approved", "ada")


@pytest.mark.usefixtures("reviewed")
def test_an_act_of_somebody_who_may_not_is_refused(
    user: Person, outsider: Person, stranger: Person, admin: Person
) -> None:
    user.upload("a.txt", b"one")
    assert _act(stranger, "submit").status_code == 401
    assert _act(outsider, "submit").status_code == 404
    assert _act(user, "submit").status_code == 200
    assert _act(user, "approve").status_code == 403
    assert _act(admin, "approve").status_code == 403
    assert _one(user)["status"] == "in_review"


@pytest.mark.usefixtures("reviewed")
@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"act": "burn"}, 422),
        ({"act": ""}, 422),
        ({}, 422),
        ({"act": "return"}, 422),
        ({"act": "submit", "remark": "x" * 5_001}, 422),
        ({"act": "submit", "remark": "a\0b"}, 422),
        ({"act": 7}, 422),
        ({"act": "submit", "colour": "red"}, 422),
        ({"act": "approve"}, 409),
        ({"act": "revive"}, 409),
        ({"act": "submit", "manifest_sha256": "0" * 64}, 412),
    ],
)
def test_an_act_that_cannot_be_is_refused_and_changes_nothing(user: Person, body: dict[str, Any], status: int) -> None:
    user.upload("a.txt", b"one")
    assert user.call("POST", "/artifacts/1/review", body).status_code == status
    found = _one(user)
    assert (found["status"], found["version"]) == ("draft", 1)


@pytest.mark.usefixtures("reviewed")
def test_an_act_upon_an_old_version_answers_412_whatever_the_state_is_now(user: Person) -> None:
    user.upload("a.txt", b"one")
    assert _act(user, "submit", 1).status_code == 200
    assert _act(user, "submit", 1).status_code == 412
    assert _act(user, "withdraw", 1).status_code == 412
    assert _act(user, "withdraw", 2).status_code == 200


def test_an_unknown_artifact_has_no_review(user: Person) -> None:
    assert _act(user, "retire").status_code == 404


@pytest.mark.usefixtures("reviewed")
def test_drafts_support_no_met_in_the_score(user: Person) -> None:
    user.upload("a.txt", b"one", objectives="3.1.1[a]")
    user.call("PATCH", "/systems/main/requirements/3.1.1/objectives/a", {"status": "met"})
    assert user.call("GET", "/systems/main/score").get_json()["met_without_final_evidence"] == 1


def test_several_files_are_one_version_in_their_order(user: Person) -> None:
    made = _send(user, "/artifacts", ("b.txt", b"two"), ("a.csv", b"x,y"), ("B.TXT", b"three"), title="Set").get_json()
    current = made["current_version"]
    assert [one["filename"] for one in current["files"]] == ["b.txt", "a.csv", "B (2).TXT"]
    assert (current["filename"], current["size"]) == ("b.txt", 3)
    assert current["sha256"] == current["files"][0]["sha256"]
    for position, content in enumerate((b"two", b"x,y", b"three"), 1):
        answer = user.get(f"/api/v1/artifacts/1/versions/1/content?file={position}")
        assert answer.data == content
        assert answer.headers["ETag"] == f'"{current["files"][position - 1]["sha256"]}"'
    assert user.get("/api/v1/artifacts/1/versions/1/content").data == b"two"


@pytest.mark.parametrize("position", ["0", "3", "-1", "x", "", "99999", "٢"])
def test_a_file_that_is_none_answers_404(user: Person, position: str) -> None:
    _send(user, "/artifacts", ("a.txt", b"one"), ("b.txt", b"two"), title="Set")
    assert user.get(f"/api/v1/artifacts/1/versions/1/content?file={position}").status_code == 404


def test_one_refused_file_of_several_keeps_none(user: Person) -> None:
    assert _send(user, "/artifacts", ("a.txt", b"one"), ("b.exe", b"MZ"), title="Set").status_code == 415
    assert user.call("GET", "/artifacts").get_json()["items"] == []


def test_the_files_of_a_version_are_closed_to_others(user: Person, outsider: Person, stranger: Person) -> None:
    _send(user, "/artifacts", ("a.txt", b"one"), ("b.txt", b"two"), title="Set")
    path = "/api/v1/artifacts/1/versions/1/content?file=2"
    assert (stranger.get(path).status_code, outsider.get(path).status_code) == (401, 404)


def test_a_new_version_with_new_dates_moves_the_due_day(user: Person) -> None:
    made = user.upload("a.txt", b"one", covers_until="2026-01-31", cadence="monthly").get_json()
    assert made["due_on"] == "2026-02-28"
    newer = _send(
        user, "/artifacts/1/versions", ("b.txt", b"two"), ("c.txt", b"3"), version=1, covers_until="2026-02-28"
    )
    assert newer.status_code == 201
    found = newer.get_json()
    assert (found["due_on"], found["covers_until"]) == ("2026-03-28", "2026-02-28")
    assert [one["filename"] for one in found["current_version"]["files"]] == ["b.txt", "c.txt"]
    late = _send(user, "/artifacts/1/versions", ("d.txt", b"4"), version=1, covers_until="2026-03-31")
    assert late.status_code == 412
    wrong = _send(user, "/artifacts/1/versions", ("d.txt", b"4"), covers_until="2026-02-30")
    assert (wrong.status_code, set(wrong.get_json()["errors"])) == (422, {"covers_until"})
    assert _one(user)["current_version"]["number"] == 2


def test_a_changed_cadence_moves_the_due_day(user: Person) -> None:
    user.upload("a.txt", b"one", covers_until="2026-01-31")
    for cadence, due_on in (("quarterly", "2026-04-30"), ("once", None), ("yearly", "2027-01-31"), ("on_change", None)):
        assert user.call("PATCH", "/artifacts/1", {"cadence": cadence}).get_json()["due_on"] == due_on
    assert user.call("PATCH", "/artifacts/1", {"cadence": "daily"}).status_code == 422


@pytest.mark.parametrize("field", ["owner", "reviewer"])
def test_a_person_who_cannot_be_named_is_told_and_nothing_is_left_over(
    tracker: Tracker, user: Person, field: str
) -> None:
    answer = user.upload("a.txt", b"one", **{field: "nobody"})
    assert (answer.status_code, set(answer.get_json()["errors"])) == (422, {field})
    assert list(tracker.blobs.names()) == []  # type: ignore[attr-defined]


def test_what_was_deleted_can_be_restored_with_its_links(user: Person, outsider: Person, stranger: Person) -> None:
    user.upload("a.txt", b"one", objectives="3.1.1[a]")
    assert user.call("POST", "/artifacts/1/restore").status_code == 404
    assert user.call("DELETE", "/artifacts/1").status_code == 204
    assert [user.call("GET", "/artifacts/1").status_code, _act(user, "retire").status_code] == [404, 404]
    assert stranger.call("POST", "/artifacts/1/restore").status_code == 401
    assert outsider.call("POST", "/artifacts/1/restore").status_code == 404
    back = user.call("POST", "/artifacts/1/restore")
    assert back.status_code == 200
    assert [one["id"] for one in back.get_json()["objectives"]] == ["AC.L2-3.1.1[a]"]
