"""The settings page of administrators, and what follows from it."""

import re

import pytest

from tests.conftest import Clock, Person

FORM = {
    "session_idle_minutes": "10",
    "session_longest_hours": "2",
    "scanner_away": "mark",
    "security_contact": "security@example.com",
}


def test_settings_are_saved_and_shown(admin: Person) -> None:
    assert admin.post("/config", FORM).status_code == 302
    page = admin.get("/config").text
    assert 'value="10"' in page
    assert 'value="mailto:security@example.com"' in page
    assert re.search(r'value="mark" checked', page)


def test_the_page_is_closed_to_users_and_strangers(user: Person, stranger: Person) -> None:
    assert user.get("/config").status_code == 403
    assert user.post("/config", FORM).status_code == 403
    assert stranger.get("/config").headers["Location"] == "/login?next=/config"


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("session_idle_minutes", "0", "from 5 to 120"),
        ("session_longest_hours", "x", "from 1 to 24"),
        ("security_contact", "<b>", "Give a mail address"),
    ],
)
def test_a_wrong_value_is_told_beside_its_field_and_nothing_is_saved(
    admin: Person, field: str, value: str, said: str
) -> None:
    answer = admin.post("/config", {**FORM, field: value})
    assert answer.status_code == 422
    assert said in answer.text
    assert 'value="30"' in admin.get("/config").text


def test_of_two_administrators_the_later_one_is_told_and_keeps_what_was_typed(admin: Person) -> None:
    seen = re.findall(r'name="version" value="(\d+)"', admin.get("/config").text)[0]
    assert admin.post("/config", {**FORM, "version": seen}).status_code == 302
    late = admin.post("/config", {**FORM, "session_idle_minutes": "77", "version": seen})
    assert late.status_code == 412
    assert "Somebody else changed the settings meanwhile" in late.text
    assert 'value="77"' in late.text
    assert 'value="10"' in admin.get("/config").text


def test_idle_minutes_hold_for_sessions_that_have_begun(admin: Person, user: Person, clock: Clock) -> None:
    admin.post("/config", FORM)
    clock.forward(minutes=9)
    assert user.get("/").status_code == 200
    clock.forward(minutes=11)
    assert user.get("/").status_code == 302


def test_a_form_that_sends_more_than_the_settings_changes_nothing_else(admin: Person) -> None:
    assert admin.post("/config", {**FORM, "max_upload_mb": "1", "value": "{}"}).status_code == 302
    entry = admin.call("GET", "/audit?action=settings:changed").get_json()["items"][0]
    assert set(entry["detail"]["after"]) == set(FORM)


def test_a_system_made_by_mistake_is_removed_and_one_with_something_in_it_says_why_not(admin: Person) -> None:
    for name in ("Typo", "Enclave two"):
        assert admin.call("POST", "/systems", {"name": name, "level": 2}).status_code == 201
    judged = admin.call("PATCH", "/systems/enclave-two/requirements/3.1.1/objectives/a", {"status": "met"})
    assert judged.status_code == 200
    gone = admin.post("/config/systems/typo", {"act": "remove", "version": "1"})
    assert gone.status_code == 302
    stays = admin.post("/config/systems/enclave-two", {"act": "remove", "version": "1"})
    assert stays.status_code == 409
    assert "Enclave two is not empty, so it stays. There is something in: findings." in stays.text
    assert [one["slug"] for one in admin.call("GET", "/systems").get_json()["items"]] == ["main", "enclave-two"]


def test_the_level_of_any_system_changes_on_the_page_while_nothing_is_kept_in_it(admin: Person) -> None:
    assert admin.call("POST", "/systems", {"name": "Lab", "level": 1}).status_code == 201
    page = admin.get("/config").text
    for slug in ("main", "lab"):
        assert f'id="level-{slug}" name="level"' in page
    assert admin.post("/config/systems/lab", {"act": "level", "level": "2", "version": "1"}).status_code == 302
    assert {one["slug"]: one["level"] for one in admin.call("GET", "/systems").get_json()["items"]}["lab"] == 2
    assert admin.call("GET", "/systems/lab/requirements/AC.L2-3.1.3").status_code == 200
    entry = admin.call("GET", "/audit?action=system:changed").get_json()["items"][0]
    assert entry["detail"] == {"before": {"level": 1}, "after": {"level": 2}}
    assert admin.post("/config/systems/lab", {"act": "level", "level": "1", "version": "1"}).status_code == 412
    wrong = admin.post("/config/systems/lab", {"act": "level", "level": "4", "version": "2"})
    assert wrong.status_code == 422
    assert 'href="#level-lab"' in wrong.text


def test_a_level_that_stays_says_what_is_kept_instead_of_offering_another(admin: Person) -> None:
    assert admin.call("POST", "/systems", {"name": "Lab", "level": 2}).status_code == 201
    judged = admin.call("PATCH", "/systems/lab/requirements/3.1.1/objectives/a", {"status": "met"})
    assert judged.status_code == 200
    page = admin.get("/config").text
    assert 'id="level-lab"' not in page
    assert "stays, because something is kept: findings</span>" in page
    refused = admin.post("/config/systems/lab", {"act": "level", "level": "1", "version": "1"})
    assert refused.status_code == 409
    assert "Lab stays at Level 2, because something is in it: findings." in refused.text
