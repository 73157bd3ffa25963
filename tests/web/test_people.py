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
