"""The page of who answers for what."""

import re

from cmmc_tracker.services.work import Tracker
from tests.conftest import Person
from tests.services.evidence import give

PAGE = "/systems/main/people"
OFFICIAL = {"duty": "affirming_official", "person": "bo", "title": "Chief Executive", "contact": "bo@x.example"}


def version(who: Person) -> str:
    found = re.search(r'name="version" value="(\d+)"', who.get(PAGE).text)
    assert found
    return found[1]


def test_an_owner_is_named_and_shows_where_the_requirement_is(admin: Person, user: Person) -> None:
    given = {"duty": "owner", "what": "AC", "person": "bo", "version": version(admin)}
    assert admin.post(PAGE, given).status_code == 302
    page = admin.get(PAGE).text
    assert "bo is owner of 22 requirements now." in page
    assert re.search(r"bo <span class=\"quiet\">all 22", page)
    assert "owner: bo" in user.get("/systems/main/requirements/AC.L2-3.1.5").text
    assert "no owner" in user.get("/systems/main/requirements/AU.L2-3.3.1").text
    assert 'Mine <span class="quiet">70' in user.get("/systems/main/assess").text


def test_the_official_has_a_title_and_can_be_read_by_everybody(admin: Person, user: Person) -> None:
    assert admin.post(PAGE, {**OFFICIAL, "title": ""}).status_code == 422
    assert admin.post(PAGE, OFFICIAL).status_code == 302
    page = user.get(PAGE).text
    assert "Chief Executive" in page
    assert "Name somebody else" not in page
    assert "and administrators who are members of it" in page


def test_what_was_typed_is_kept_when_a_field_is_wrong_or_somebody_was_quicker(admin: Person, user: Person) -> None:
    wrong = admin.post(PAGE, {"duty": "owner", "what": "3.1.99", "person": "bo"})
    assert wrong.status_code == 422
    assert 'value="3.1.99"' in wrong.text
    assert "There is no requirement 3.1.99" in wrong.text
    unknown = admin.post(PAGE, {**OFFICIAL, "person": "nobody"})
    assert unknown.status_code == 422
    assert 'value="Chief Executive"' in unknown.text
    seen = version(admin)
    admin.post(PAGE, {**OFFICIAL, "version": seen})
    late = admin.post(PAGE, {"duty": "owner", "what": "IR", "person": "bo", "version": seen})
    assert late.status_code == 412
    assert 'value="IR"' in late.text
    assert "Nothing of yours was saved yet" in late.text


def test_a_contributor_may_look_and_an_approver_may_name(tracker: Tracker, user: Person) -> None:
    given = {"duty": "owner", "what": "IR", "person": "bo"}
    assert user.post(PAGE, given).status_code == 403
    give(tracker, user.id, may_approve=True)
    assert user.post(PAGE, given).status_code == 302


def test_strangers_learn_nothing(outsider: Person) -> None:
    assert outsider.get(PAGE).status_code == 404
    assert outsider.post(PAGE, OFFICIAL).status_code == 404


def test_what_would_be_handed_over_is_shown_first_and_goes_as_it_was_shown(user: Person, admin: Person) -> None:
    people = "/systems/main/people"
    assert admin.post(people, {"duty": "owner", "what": "AT", "person": "bo"}).status_code == 302
    page = user.get("/my-work/hand-over?to=ada").text
    assert "requirements owned: AT.L2-3.2.1, AT.L2-3.2.2, AT.L2-3.2.3" in page
    assert 'name="title"' not in page
    version = re.search(r'name="version" value="(\d+)"', page)
    assert version
    given = {"to": "ada", "version": version[1]}
    assert admin.post(people, {"duty": "reviewer", "what": "AC", "person": "bo"}).status_code == 302
    stale = user.post("/my-work/hand-over", given)
    assert stale.status_code == 412
    assert "Nothing was handed over" in stale.text
    assert "requirements reviewed: 22" in stale.text
    fresh = re.search(r'name="version" value="(\d+)"', stale.text)
    assert fresh
    assert user.post("/my-work/hand-over", {**given, "version": fresh[1]}).status_code == 302
    assert "Nothing would go to ada." in user.get("/my-work/hand-over?to=ada").text
    assert user.get("/my-work/hand-over?to=nobody").status_code == 422
    assert user.get("/my-work/hand-over").status_code == 422


def test_170_4_an_administrator_hands_the_affirming_official_on_with_a_title(user: Person, admin: Person) -> None:
    official = {"duty": "affirming_official", "person": "bo", "title": "President"}
    assert admin.post("/systems/main/people", official).status_code == 302
    address = f"/admin/users/{user.id}/hand-over"
    page = admin.get(f"{address}?to=ada").text
    assert "affirming official: Main enclave" in page
    assert 'name="title"' in page
    wrong = admin.post(address, {"to": "ada", "title": "x" * 201})
    assert wrong.status_code == 422
    assert "at most 200 characters" in wrong.text
    assert "x" * 201 in wrong.text
    assert admin.post(address, {"to": "ada", "title": "Owner"}).status_code == 302
    assert "<strong>ada</strong>, Owner" in admin.get("/systems/main/people").text
    assert user.get(f"{address}?to=ada").status_code == 403
