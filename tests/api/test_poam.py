"""The POA&M through the API: what the contract says of it, and each clause that refuses."""

from typing import Any

import pytest
from sqlalchemy import update

from cmmc_tracker.domain.audit import Event
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import memberships
from tests.conftest import OPERATOR, Person
from tests.services.evidence import switch
from tests.services.plan_steps import BARRED, MAY_WAIT, freeze, judge, planned

POAM = "/systems/main/poam"


def score(person: Person) -> dict[str, Any]:
    found: dict[str, Any] = person.call("GET", "/systems/main/score").get_json()
    return found


def test_an_item_is_made_read_changed_and_taken_away(user: Person) -> None:
    judge(user, MAY_WAIT)
    steps = [{"text": "Buy a firewall", "due_on": "2027-01-31", "owner": "Bo"}]
    made = planned(user, planned_completion="2027-03-01", milestones=steps)
    assert {
        "id": 1,
        "requirement": MAY_WAIT,
        "status": "open",
        "eligible": True,
        "counts": True,
    }.items() <= made.items()
    assert made["clause"].startswith("32 CFR 170.21(a)(2)")
    assert made["milestones"] == [{**steps[0], "done_on": None}]
    at = f"{POAM}/{made['id']}"
    assert user.call("GET", at).get_json() == made
    assert [one["id"] for one in user.call("GET", POAM).get_json()["items"]] == [1]
    changed = user.call("PATCH", at, {"owner": "Ada", "planned_completion": None}, headers={"If-Match": '"1"'})
    assert changed.status_code == 200, changed.text
    assert (changed.get_json()["owner"], changed.get_json()["planned_completion"]) == ("Ada", None)
    assert changed.get_json()["version"] == 2
    assert changed.get_json()["milestones"] == made["milestones"]
    assert user.call("DELETE", at, headers={"If-Match": '"1"'}).status_code == 412
    assert user.call("DELETE", at).status_code == 204
    assert user.call("GET", at).status_code == 404


def test_170_21_a_2_what_the_rules_forbid_is_refused_with_its_clause_or_kept_as_an_operational_plan(
    user: Person,
) -> None:
    judge(user, BARRED)
    given = {"requirement": BARRED, "weakness": "No list of users."}
    refused = user.call("POST", POAM, given)
    assert refused.status_code == 409
    assert "32 CFR 170.21(a)(2)(ii)" in refused.get_json()["detail"]
    kept = planned(user, BARRED, operational=True)
    assert (kept["kind"], kept["eligible"], kept["counts"]) == ("operational", False, False)


@pytest.mark.parametrize("status", ["met", "not_assessed"])
def test_170_21_a_a_requirement_that_is_not_not_met_is_refused_with_its_clause(user: Person, status: str) -> None:
    judge(user, MAY_WAIT, status)
    answer = user.call("POST", POAM, {"requirement": MAY_WAIT, "weakness": "x"})
    assert answer.status_code == 409
    assert "32 CFR 170.21(a)" in answer.get_json()["detail"]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "requirement"),
        ({"requirement": BARRED}, "weakness"),
        ({"requirement": BARRED, "weakness": "  "}, "weakness"),
        ({"requirement": "3.1.99", "weakness": "x"}, "requirement"),
        ({"requirement": "AC.L1-b.1.i", "weakness": "x"}, "requirement"),
        ({"requirement": BARRED, "weakness": "x", "planned_completion": "soon"}, "planned_completion"),
        ({"requirement": BARRED, "weakness": "x", "milestones": [{"text": ""}]}, "milestones"),
        ({"requirement": BARRED, "weakness": "x", "milestones": "none"}, "milestones"),
        ({"requirement": BARRED, "weakness": "x", "operational": "yes"}, "operational"),
        ({"requirement": BARRED, "weakness": "x", "surprise": 1}, "surprise"),
    ],
)
def test_fields_are_checked_before_rules(user: Person, given: dict[str, Any], field: str) -> None:
    judge(user, BARRED)
    answer = user.call("POST", POAM, given)
    assert answer.status_code == 422, answer.text
    assert field in answer.get_json()["errors"]


def test_what_is_missing_is_not_met_eligible_and_without_an_item(user: Person) -> None:
    judge(user, MAY_WAIT)
    judge(user, BARRED)
    assert score(user)["poam"]["missing"] == [MAY_WAIT]
    assert user.call("GET", POAM).get_json()["unplanned"] == [BARRED, MAY_WAIT]
    planned(user, operational=True)
    assert score(user)["poam"]["missing"] == [MAY_WAIT]  # that plan does not count
    planned(user)
    assert score(user)["poam"]["missing"] == []
    assert user.call("GET", POAM).get_json()["unplanned"] == [BARRED]


def test_judging_and_partial_are_never_refused_because_of_an_item_which_is_then_no_longer_eligible(
    user: Person,
) -> None:
    judge(user, "SC.L2-3.13.11")
    assert user.call("PATCH", "/systems/main/requirements/SC.L2-3.13.11", {"partial": True}).status_code == 200
    made = planned(user, "SC.L2-3.13.11")
    assert made["eligible"] is True
    assert user.call("PATCH", "/systems/main/requirements/SC.L2-3.13.11", {"partial": False}).status_code == 200
    after = user.call("GET", f"{POAM}/{made['id']}").get_json()
    assert (after["eligible"], after["counts"]) == (False, False)
    assert user.call("PATCH", f"{POAM}/{made['id']}", {"owner": "Bo"}).status_code == 200  # still worked on


def test_a_setting_lets_people_close_their_own_item_and_the_log_says_that_one_person_did(
    user: Person, admin: Person, tracker: Tracker
) -> None:
    judge(user, MAY_WAIT)
    at = f"{POAM}/{planned(user)['id']}"
    assert user.call("PATCH", at, {"status": "ready"}).status_code == 200
    judge(user, MAY_WAIT, "met")
    names = " ".join(f"3.1.3[{letter}]" for letter in "abcde").split()
    assert user.upload("a.txt", b"a", objectives=names).status_code == 201
    assert user.call("PATCH", at, {"status": "closed"}).status_code == 409
    switch(tracker, approve_own=True)
    assert user.call("PATCH", at, {"status": "closed"}).get_json()["closed_by"] == user.name
    (told,) = admin.call("GET", "/audit?action=poam_item:closed").get_json()["items"]
    assert told["detail"]["same_person"] is True


def test_moving_to_the_operational_plan_changes_no_finding_and_back_needs_the_rule(user: Person) -> None:
    judge(user, MAY_WAIT)
    made = planned(user)
    before = score(user)["score"]
    moved = user.call("PATCH", f"{POAM}/{made['id']}", {"operational": True}).get_json()
    assert (moved["kind"], score(user)["score"]) == ("operational", before)
    judge(user, MAY_WAIT, "met")
    assert user.call("PATCH", f"{POAM}/{made['id']}", {"operational": False}).status_code == 409


def test_170_21_b_closing_needs_all_met_with_approved_evidence_by_a_second_person(user: Person, admin: Person) -> None:
    judge(user, MAY_WAIT)
    at = f"{POAM}/{planned(user)['id']}"
    assert user.call("PATCH", at, {"status": "closed"}).status_code == 409  # not ready
    assert user.call("PATCH", at, {"status": "in_progress"}).get_json()["status"] == "in_progress"
    ready = user.call("PATCH", at, {"status": "ready"}).get_json()
    assert (ready["status"], ready["ready_by"]) == ("ready", user.name)
    answer = admin.call("PATCH", at, {"status": "closed"})
    assert answer.status_code == 409
    assert "32 CFR 170.21(b)" in answer.get_json()["detail"]
    judge(user, MAY_WAIT, "met")
    answer = admin.call("PATCH", at, {"status": "closed"})
    assert answer.status_code == 409
    assert "[a] [b]" in answer.get_json()["detail"]
    for letter in "abcde":
        assert user.upload(f"{letter}.txt", letter.encode(), objectives=f"3.1.3[{letter}]").status_code == 201
    mine = user.call("PATCH", at, {"status": "closed"})
    assert mine.status_code == 409
    assert "somebody else" in mine.get_json()["detail"]
    closed = admin.call("PATCH", at, {"status": "closed", "closing_note": "Seen working."}).get_json()
    assert (closed["status"], closed["closed_by"], closed["closing_note"]) == ("closed", "ada", "Seen working.")
    assert user.call("PATCH", at, {"owner": "x"}).status_code == 409
    reopened = admin.call("PATCH", at, {"status": "open"}).get_json()
    assert (reopened["status"], reopened["closed_by"]) == ("open", None)


def test_where_somebody_has_the_right_to_approve_nobody_else_closes(
    user: Person, admin: Person, tracker: Tracker
) -> None:
    judge(user, MAY_WAIT)
    at = f"{POAM}/{planned(user)['id']}"
    user.call("PATCH", at, {"status": "ready"})
    with tracker.write(OPERATOR) as work:
        work.change(update(memberships).where(memberships.c.user_id == user.id).values(may_approve=True))
        work.record(Event.SYSTEM_CHANGED, "system:main")
    assert admin.call("PATCH", at, {"status": "closed"}).status_code == 403


def test_170_21_b_an_item_that_a_recorded_status_names_stays_where_it_is(
    user: Person, tracker: Tracker, clock: Any
) -> None:
    judge(user, MAY_WAIT)
    made = planned(user, planned_completion="2099-01-01")
    today = clock().date()
    freeze(tracker, [made["id"]], today)
    at = f"{POAM}/{made['id']}"
    assert user.call("GET", at).get_json()["frozen"] is True
    assert user.call("DELETE", at).status_code == 409
    assert user.call("PATCH", at, {"operational": True}).status_code == 409
    assert user.call("PATCH", at, {"owner": "Bo"}).status_code == 200
    closeout = user.call("GET", POAM).get_json()["closeout"]
    assert closeout["days_left"] == 180
    assert closeout["status_on"] == today.isoformat()


def test_two_people_never_overwrite_one_another(user: Person, admin: Person) -> None:
    judge(user, MAY_WAIT)
    at = f"{POAM}/{planned(user)['id']}"
    assert user.call("PATCH", at, {"owner": "Bo"}, headers={"If-Match": '"1"'}).status_code == 200
    for given in ({"owner": "Ada"}, {"status": "ready"}):
        assert admin.call("PATCH", at, given, headers={"If-Match": '"1"'}).status_code == 412
    assert user.call("GET", at).get_json()["owner"] == "Bo"


@pytest.mark.parametrize("given", [{}, {"weakness": None}, {"status": "done"}, {"weakness": ""}, {"owner": "x" * 99}])
def test_a_change_that_says_nothing_or_something_impossible_is_refused(user: Person, given: dict[str, Any]) -> None:
    judge(user, MAY_WAIT)
    assert user.call("PATCH", f"{POAM}/{planned(user)['id']}", given).status_code == 422


def test_an_item_of_another_system_is_not_there(user: Person, outsider: Person) -> None:
    judge(user, MAY_WAIT)
    made = planned(user)
    slug = user.call("POST", "/systems", {"name": "Lab", "level": 2}).get_json()["slug"]
    assert user.call("GET", f"/systems/{slug}/poam/{made['id']}").status_code == 404
    assert user.call("PATCH", f"/systems/{slug}/poam/{made['id']}", {"owner": "x"}).status_code == 404
    for method, path in (("GET", POAM), ("POST", POAM), ("GET", f"{POAM}/1"), ("DELETE", f"{POAM}/1")):
        assert outsider.call(method, path, {"requirement": MAY_WAIT, "weakness": "x"} if method == "POST" else None
        ).status_code == 404  # fmt: skip


def test_the_list_narrows_by_kind_state_and_words(user: Person) -> None:
    for one in (MAY_WAIT, "AU.L2-3.3.3"):
        judge(user, one)
    planned(user, planned_completion="2020-01-01")
    planned(user, "AU.L2-3.3.3", operational=True)

    def ids(query: str) -> list[int]:
        return [one["id"] for one in user.call("GET", f"{POAM}?{query}").get_json()["items"]]

    assert ids("kind=operational") == [2]
    assert ids("state=overdue") == [1]
    assert ids("state=closed") == []
    assert ids("q=3.3.3") == [2]
    assert user.call("GET", f"{POAM}?kind=wish").status_code == 422


def test_level_1_knows_no_poam_at_any_time(user: Person) -> None:
    slug = user.call("POST", "/systems", {"name": "First", "level": 1}).get_json()["slug"]
    judge(user, "AC.L1-b.1.i", system=slug)
    answer = user.call("POST", f"/systems/{slug}/poam", {"requirement": "AC.L1-b.1.i", "weakness": "x"})
    assert answer.status_code == 409
    assert "170.21(a)(1)" in answer.get_json()["detail"]
    planned(user, "AC.L1-b.1.i", slug, operational=True)
