"""Letting an assessor look at a package: who may, what is refused and why, what is shown once."""

import re

import pytest
from flask import Flask

from cmmc_tracker.services.work import Tracker
from tests.conftest import Clock, Person
from tests.services.evidence import give, switch
from tests.services.handoff.shown import Stage, assessor, browser, link, staged, view

PAGE = "/systems/main/packages/1/viewers"


@pytest.fixture
def stage(tracker: Tracker) -> Stage:
    return staged(tracker)


def _form(clock: Clock, **more: str) -> dict[str, str]:
    return {"whom": "asa", "until": clock().date().isoformat(), **more}


def test_an_administrator_makes_the_account_and_lets_it_look(
    admin: Person, app: Flask, tracker: Tracker, stage: Stage, clock: Clock
) -> None:
    form = {"username": "asa", "password": "Quartz-Lantern-77-Bridge", "role": "user", "organization": "assessor"}
    assert admin.post("/admin/users", form).status_code == 302
    assert "of an assessor" in admin.get("/admin/users").text
    assert admin.post(f"{PAGE}/accounts", _form(clock, may_download="on")).status_code == 303
    page = admin.get(PAGE).text
    assert "look and download" in page
    asa = Person("asa", app.test_client())
    asa.sign_in("Quartz-Lantern-77-Bridge")
    assert asa.client.get("/assessor/1").location == "/profile/second-factor"


def test_who_is_no_assessor_is_not_let_in_and_what_was_typed_stays(
    admin: Person, user: Person, stage: Stage, clock: Clock
) -> None:
    for name in ("bo", "nobody", ""):
        answer = admin.post(f"{PAGE}/accounts", _form(clock, whom=name))
        assert answer.status_code == 422, name
    assert 'value=""' in answer.text
    assert "no account of an assessor" in admin.post(f"{PAGE}/accounts", _form(clock, whom="bo")).text


@pytest.mark.parametrize(
    ("until", "said"),
    [("", "last day"), ("2020-01-01", "over"), ("2199-01-01", "at most 366 days"), ("soon", "not a date")],
)
def test_a_view_has_a_last_day_within_a_year(
    admin: Person, stage: Stage, tracker: Tracker, until: str, said: str
) -> None:
    assessor(tracker)
    for form in ("accounts", "links"):
        answer = admin.post(f"{PAGE}/{form}", {"whom": "asa", "until": until})
        assert answer.status_code == 422, form
        assert said in answer.text, form


def test_an_account_looks_at_one_package_at_a_time(admin: Person, stage: Stage, tracker: Tracker, clock: Clock) -> None:
    assessor(tracker)
    assert admin.post(f"{PAGE}/accounts", _form(clock)).status_code == 303
    again = admin.post(f"{PAGE}/accounts", _form(clock))
    assert again.status_code == 409
    assert "one at a time" in again.text
    assert admin.post(f"{PAGE}/1/revoke").status_code == 303
    assert admin.post(f"{PAGE}/1/revoke").status_code == 303
    assert admin.post(f"{PAGE}/accounts", _form(clock)).status_code == 303


def test_a_link_and_its_word_are_shown_once(admin: Person, stage: Stage, clock: Clock) -> None:
    answer = admin.post(f"{PAGE}/links", _form(clock, whom="Kim <C3PAO>"))
    assert answer.status_code == 200
    token = re.search(r"/link/([\w-]{64})/package", answer.text)
    word = re.search(r">([a-z2-9]{4}(?:-[a-z2-9]{4}){3})<", answer.text)
    assert token
    assert word
    assert "Kim &lt;C3PAO&gt;" in answer.text
    later = admin.get(PAGE).text
    assert token[1] not in later
    assert word[1] not in later


def test_no_link_where_cui_may_be_stored_nor_to_what_may_not_be_released(
    admin: Person, stage: Stage, tracker: Tracker, clock: Clock
) -> None:
    switch(tracker, cui_allowed=True)
    refused = admin.post(f"{PAGE}/links", _form(clock))
    assert refused.status_code == 409
    assert "without an account" in refused.text
    switch(tracker, cui_allowed=False)
    kept = staged(tracker, releasable=False, name="cy")
    path = f"/systems/main/packages/{kept.package.id}/viewers"
    refused = admin.post(f"{path}/links", _form(clock))
    assert refused.status_code == 409
    assert "not marked" in refused.text
    assert "link-form" not in admin.get(path).text


def test_a_package_is_marked_releasable_when_it_is_frozen(admin: Person, tracker: Tracker) -> None:
    form = {"name": "For Kim", "purpose": "readiness", "reason": "a look", "releasable": "on"}
    assert admin.post("/systems/main/packages", form).status_code == 303
    assert 'id="link-form"' in admin.get(PAGE).text


def test_who_may_not_approve_sees_the_list_and_lets_nobody_in(
    user: Person, stage: Stage, tracker: Tracker, clock: Clock
) -> None:
    assessor(tracker)
    view(tracker, stage)
    page = user.get(PAGE)
    assert page.status_code == 200
    assert "-form" not in page.text
    assert "Take back" not in page.text
    for path in ("accounts", "links", "1/revoke"):
        assert user.post(f"{PAGE}/{path}", _form(clock)).status_code == 403, path
    give(tracker, user.id, may_approve=True)
    assert user.post(f"{PAGE}/1/revoke").status_code == 303


def test_who_only_views_answers_nothing(user: Person, stage: Stage, app: Flask, tracker: Tracker) -> None:
    assessor(tracker)
    view(tracker, stage)
    browser(app, tracker).post("/assessor/1/questions", {"text": "Why so?"})
    assert "Why so?" in user.get("/my-work").text
    give(tracker, user.id, may_contribute=False, may_judge=False)
    assert "Why so?" not in user.get("/my-work").text
    assert "Send the answer" not in user.get(PAGE).text
    assert user.post(f"{PAGE}/questions/1", {"answer": "x", "version": "1"}).status_code == 403


def test_to_strangers_of_the_system_there_is_nothing(
    outsider: Person, stage: Stage, tracker: Tracker, clock: Clock
) -> None:
    link(tracker, stage)
    assert outsider.get(PAGE).status_code == 404
    for path in ("accounts", "links", "1/revoke", "questions/1"):
        assert outsider.post(f"{PAGE}/{path}", _form(clock)).status_code == 404, path


def test_an_assessor_is_no_member_and_no_administrator(admin: Person, tracker: Tracker) -> None:
    made = assessor(tracker)
    refused = admin.post("/admin/systems/1/members", {"person": "asa", "rights": "judge", "until": ""})
    assert refused.status_code == 422
    assert "an assessor cannot" in refused.text
    assert admin.post(f"/admin/users/{made}/role", {"role": "admin"}).status_code == 409
    form = {"username": "al", "password": "Quartz-Lantern-77-Bridge", "role": "admin", "organization": "assessor"}
    assert admin.post("/admin/users", form).status_code == 422
    assert admin.post("/admin/users", {**form, "role": "user", "organization": "them"}).status_code == 422


def test_an_assessors_second_factor_cannot_be_taken_away_by_the_assessor(
    app: Flask, tracker: Tracker, stage: Stage
) -> None:
    assessor(tracker)
    view(tracker, stage)
    asa = browser(app, tracker)
    assert asa.post("/profile/second-factor/remove", {"confirm_password": "x"}).status_code == 404
    assert "cannot be removed" in asa.get("/profile/second-factor").text
