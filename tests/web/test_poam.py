"""The plans as pages: one register, an item, its steps, closing."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import event

from cmmc_tracker.services.plans import keeping
from cmmc_tracker.services.work import Tracker
from tests.conftest import Clock, Person
from tests.services.plan_steps import BARRED, MAY_WAIT, freeze, judge, planned

POAM = "/systems/main/poam"
STEPS = {"step_text": [], "step_due_on": [], "step_owner": [], "step_done_on": []}


def form(**more: object) -> dict[str, object]:
    return {
        "weakness": "Flows are open.",
        "kind": "poam",
        "planned_completion": "",
        "owner": "",
        "resources": "",
        **more,
    }


def test_the_register_shows_what_is_planned_and_what_is_not(user: Person) -> None:
    judge(user, MAY_WAIT)
    judge(user, BARRED, note="No list of users.")
    planned(user, planned_completion="2020-02-01")
    page = user.get(POAM).text
    assert "It was to be done by 1 Feb 2020." in page
    assert "overdue" in page
    assert f"requirement={BARRED}&amp;kind=operational" in page
    started = user.get(f"{POAM}/new?requirement={BARRED}&kind=operational").text
    assert "[a] No list of users." in started
    assert re.search(r'value="operational" selected', started)
    assert "No item fits" in user.get(f"{POAM}?kind=operational").text
    assert user.get(f"{POAM}?kind=wish").status_code == 404


def test_an_item_is_added_with_steps_and_saved_again(user: Person) -> None:
    judge(user, MAY_WAIT)
    steps = {
        "step_text": ["Buy", "", "Set up"],
        "step_due_on": ["2027-01-31", "", ""],
        "step_owner": ["Bo", "", ""],
        "step_done_on": ["", "", "2026-01-02"],
    }
    answer = user.post(POAM, form(requirement="3.1.3", **steps))
    assert answer.headers["Location"] == f"{POAM}/1", answer.text
    page = user.get(f"{POAM}/1").text
    assert 'value="Set up"' in page
    saved = user.call("GET", f"{POAM}/1").get_json()
    assert [one["text"] for one in saved["milestones"]] == ["Buy", "Set up"]
    assert saved["milestones"][1]["done_on"] == "2026-01-02"
    assert user.post(f"{POAM}/1", form(version="1", owner="Ada", **STEPS)).status_code == 302
    saved = user.call("GET", f"{POAM}/1").get_json()
    assert (saved["owner"], len(saved["milestones"])) == ("Ada", 2)  # no row was sent, so none is changed


def test_a_barred_requirement_keeps_what_was_typed_and_offers_the_operational_plan(user: Person) -> None:
    judge(user, BARRED)
    answer = user.post(POAM, form(requirement=BARRED, weakness="Kept as typed", **STEPS))
    assert answer.status_code == 409
    assert "Kept as typed" in answer.text
    assert "170.21(a)(2)(ii)" in answer.text
    assert user.post(POAM, form(requirement=BARRED, kind="operational")).status_code == 302


@pytest.mark.parametrize("more", [{"weakness": ""}, {"planned_completion": "soon"}, {"owner": "x" * 99}])
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_lost(user: Person, more: dict[str, str]) -> None:
    judge(user, MAY_WAIT)
    answer = user.post(POAM, form(requirement=MAY_WAIT, resources="Two weeks", **more))
    assert answer.status_code == 422
    assert "Two weeks" in answer.text
    planned(user)
    answer = user.post(f"{POAM}/1", form(version="1", resources="Two weeks", **more))
    assert answer.status_code == 422
    assert "Two weeks" in answer.text


def test_two_people_see_what_the_other_saved_and_keep_what_they_typed(user: Person, admin: Person) -> None:
    judge(user, MAY_WAIT)
    planned(user)
    assert user.post(f"{POAM}/1", form(version="1", weakness="By Bo")).status_code == 302
    answer = admin.post(f"{POAM}/1", form(version="1", weakness="By Ada"))
    assert answer.status_code == 412
    assert "By Bo" in answer.text
    assert "By Ada" in answer.text
    for path, data in (("act", {"act": "ready"}), ("remove", {}), ("reviews", {"progress": "x"})):
        assert admin.post(f"{POAM}/1/{path}", {"version": "1", **data}).status_code == 412


def test_an_item_is_readied_closed_by_somebody_else_and_opened_again(user: Person, admin: Person) -> None:
    judge(user, MAY_WAIT)
    planned(user)
    assert user.post(f"{POAM}/1/act", {"version": "1", "act": "ready"}).status_code == 302
    refused = admin.post(f"{POAM}/1/act", {"version": "2", "act": "close", "closing_note": "As typed"})
    assert refused.status_code == 409
    assert "As typed" in refused.text
    judge(user, MAY_WAIT, "met")
    for letter in "abcde":
        user.upload(f"{letter}.txt", letter.encode(), objectives=f"3.1.3[{letter}]")
    assert admin.post(f"{POAM}/1/act", {"version": "2", "act": "close", "closing_note": "Seen"}).status_code == 302
    page = user.get(f"{POAM}/1").text
    assert "by ada: Seen" in page
    assert admin.post(f"{POAM}/1/act", {"version": "3", "act": "reopen"}).status_code == 302
    assert admin.post(f"{POAM}/1/act", {"version": "4", "act": "dance"}).status_code == 400


def test_reviews_are_recorded_and_stand_in_the_history(user: Person) -> None:
    judge(user, MAY_WAIT)
    planned(user)
    assert user.post(f"{POAM}/1/reviews", {"version": "1", "progress": ""}).status_code == 422
    wrong = user.post(f"{POAM}/1/reviews", {"version": "1", "progress": "Half done", "reviewed_on": "2001-01-01"})
    assert wrong.status_code == 422
    assert "Half done" in wrong.text
    assert user.post(f"{POAM}/1/reviews", {"version": "1", "progress": "Half done"}).status_code == 302
    page = user.get(f"{POAM}/1").text
    assert page.count("Half done") == 2


def test_an_item_has_room_for_so_many_reviews_and_the_next_is_refused_with_what_was_typed(
    user: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge(user, MAY_WAIT)
    planned(user)
    monkeypatch.setattr(keeping, "MOST_REVIEWS", 1)
    assert user.post(f"{POAM}/1/reviews", {"version": "1", "progress": "Begun"}).status_code == 302
    refused = user.post(f"{POAM}/1/reviews", {"version": "2", "progress": "Half done"})
    assert refused.status_code == 409
    assert "at most 1 reviews" in refused.text
    assert ">Half done</textarea>" in refused.text


def test_170_21_b_the_180_days_stand_on_the_register_and_on_what_counts(
    user: Person, tracker: Tracker, clock: Clock
) -> None:
    judge(user, MAY_WAIT)
    planned(user, planned_completion="2099-01-01")
    today = clock().date()
    freeze(tracker, [1], today - timedelta(days=175))
    page = user.get(POAM).text
    assert "5 days are left (32 CFR 170.21(b))" in page
    assert "Have a day set for the closeout self-assessment." in page
    assert "Planned to be done after the last day of the closeout." in page
    page = user.get(f"{POAM}/1").text
    assert "5 days are left" in page
    assert "A recorded status names it" in page
    assert "Remove the item" not in page
    refused = user.post(f"{POAM}/1", form(version="1", kind="operational", weakness="Kept as typed"))
    assert refused.status_code == 409
    assert "Kept as typed" in refused.text
    assert user.post(f"{POAM}/1/remove", {"version": "1"}).status_code == 409


def test_an_item_put_there_by_mistake_is_removed(user: Person) -> None:
    judge(user, MAY_WAIT)
    planned(user)
    assert user.post(f"{POAM}/1/remove", {"version": "1"}).headers["Location"] == POAM
    assert user.get(f"{POAM}/1").status_code == 404


def test_a_requirement_names_its_plans_and_lets_one_be_started(user: Person) -> None:
    judge(user, MAY_WAIT)
    page = user.get(f"/systems/main/requirements/{MAY_WAIT}").text
    assert f"/systems/main/poam/new?requirement={MAY_WAIT}" in page
    planned(user)
    page = user.get(f"/systems/main/requirements/{MAY_WAIT}").text
    assert "POA&amp;M, item 1" in page
    assert "Start one" not in page


def test_the_register_takes_few_statements_whatever_the_number_of_items(user: Person, tracker: Tracker) -> None:
    seen: list[str] = []
    judge(user, MAY_WAIT)
    planned(user)
    event.listen(tracker.engine, "before_cursor_execute", lambda *given: seen.append(given[2]))
    assert user.get(POAM).status_code == 200
    few = len(seen)
    for one in ("AU.L2-3.3.3", "AU.L2-3.3.4"):
        judge(user, one)
        planned(user, one, milestones=[{"text": "Step"}])
    seen.clear()
    assert user.get(POAM).status_code == 200
    assert len(seen) == few
