"""What people see of whether CUI may be stored: the notice, the forms, the flags, the first questions, the rows."""

import io
import re

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from cmmc_tracker.domain.scope import OURS
from cmmc_tracker.services import logins, settings
from cmmc_tracker.services.jobs import texts
from cmmc_tracker.services.jobs.house import House
from cmmc_tracker.services.work import Tracker
from tests.conftest import PASSWORD, Person
from tests.services.evidence import other_system, switch

NOTICE = "CUI may not be stored here."
ANSWERS = {"organization": "Acme", "system_name": "Enclave", "cui": "no", "place": "hosted", "host": "Hoster Inc."}
ROW = {"name": "Tracker", "category": "cui", "note": "changed"}


def _versions(page: str) -> dict[str, str]:
    """The versions that a page's first form carries, as a browser sends them."""
    return dict(reversed(re.findall(r'name="(version|system_version)" value="(\d+)"', page)))


def _row(page: str, kind: str) -> tuple[str, str]:
    """The address of a row's form and the version that it carries."""
    found = re.search(rf'action="(/config/scope/{kind}/\d+)".*?name="version" value="(\d+)"', page, re.S)
    assert found
    return found[1], found[2]


# The notice, and the pages where files are chosen


def test_every_page_says_that_cui_may_not_be_stored_until_it_may(user: Person, tracker: Tracker) -> None:
    for path in ("/", "/artifacts", "/systems/main/requirements/AC.L2-3.1.1", "/profile"):
        assert NOTICE in user.get(path).text, path
    switch(tracker, cui_allowed=True)
    assert NOTICE not in user.get("/").text


def test_every_choice_of_files_says_so_and_carries_the_words_that_scripts_look_for(
    user: Person, tracker: Tracker
) -> None:
    user.upload("a.txt", b"x")
    pages = ("/artifacts/upload", "/artifacts/import", "/artifacts/1", "/systems/main/requirements/AC.L2-3.1.1")
    for path in pages:
        assert 'data-marks="cui fouo noforn"' in user.get(path).text, path
        assert 'data-closed="main"' in user.get(path).text, path
    assert "No CUI here." in user.get(pages[3]).text
    switch(tracker, cui_allowed=True)
    for path in pages:
        assert "data-marks" not in user.get(path).text, path


def test_of_several_systems_those_are_named_where_it_may_not_be_stored(
    user: Person, admin: Person, tracker: Tracker
) -> None:
    other_system(tracker, user.id)
    switch(tracker, cui_allowed=True)
    assert admin.post("/config/systems/lab", {"cui_never": "on", "version": "1"}).status_code == 302
    page = user.get("/artifacts/upload").text
    assert "CUI may not be stored in Lab" in page
    assert 'data-closed="lab"' in page
    told = {one["slug"]: one["cui_allowed"] for one in user.call("GET", "/systems").get_json()["items"]}
    assert told == {"main": True, "lab": False}


def test_a_system_s_rule_is_taken_back_and_the_later_of_two_is_told(admin: Person) -> None:
    assert admin.post("/config/systems/main", {"cui_never": "on", "version": "1"}).status_code == 302
    assert "checked" in admin.get("/config").text.split("cui_never")[1][:20]
    assert admin.post("/config/systems/main", {"version": "1"}).status_code == 412
    assert admin.post("/config/systems/main", {"version": "2"}).status_code == 302
    assert admin.post("/config/systems/nowhere", {"version": "1"}).status_code == 404


# Flags and quarantine


def test_marked_evidence_is_flagged_in_the_list_at_its_objective_and_on_its_page(
    user: Person, tracker: Tracker
) -> None:
    user.upload("a.txt", b"CUI//SP-CTI\nsecret", objectives="3.1.1[a]")
    texts.turn(House(tracker))
    for path in ("/artifacts", "/systems/main/requirements/AC.L2-3.1.1?objective=a"):
        assert "CUI marking" in user.get(path).text, path
    page = user.get("/artifacts/1").text
    assert page.count("A line stands like a CUI banner") == 1  # not once more as noticed at upload
    assert "cmmc-tracker spill 1" in page
    switch(tracker, cui_allowed=True)
    assert "cmmc-tracker spill" not in user.get("/artifacts/1").text


def _send(person: Person, path: str, *names: str) -> TestResponse:
    data = {"csrf_token": person.token, "system": "main", "file": [(io.BytesIO(n.encode()), n) for n in names]}
    return person.client.post(path, data=data)


def test_who_uploads_what_is_held_back_is_told_where_it_is(user: Person, tracker: Tracker) -> None:
    switch(tracker, cui_quarantine=True)
    answer = _send(user, "/artifacts/upload", "CUI drawing.txt", "plain.txt")
    assert answer.headers["Location"] == "/quarantine"
    page = user.get("/artifacts").text
    assert "In quarantine, for a marking of controlled information: CUI drawing.txt." in page
    assert "plain" in page
    version = _send(user, "/artifacts/2/versions", "fouo.txt")
    assert version.headers["Location"] == "/quarantine"
    assert "the artifact is in quarantine" in user.get("/artifacts").text


# The first questions


def test_the_set_up_leads_to_the_questions_once_and_they_may_be_skipped(
    app: Flask, stranger: Person, tracker: Tracker
) -> None:
    link = f"/setup/{logins.make_setup_link(tracker)}"
    form = {"username": "ada", "password": PASSWORD, "password_repeat": PASSWORD}
    answer = stranger.post(link, form, token=stranger.token_of(link))
    assert answer.headers["Location"] == "/welcome"
    assert stranger.get("/").status_code == 200  # whatever is unfinished
    page = stranger.get("/welcome").text
    assert 'href="/">Skip for now</a>' in page
    assert 'value="no" checked' in page
    again = Person("ada", app.test_client())
    assert again.sign_in().headers["Location"] == "/"


def test_answers_are_kept_drafts_shown_there_and_under_settings(admin: Person) -> None:
    seen = _versions(admin.get("/welcome").text)
    assert admin.post("/welcome", {**ANSWERS, **seen}).status_code == 302
    for path in ("/welcome", "/config"):
        page = admin.get(path).text
        assert "Hoster Inc." in page, path
        assert page.count("· draft") == 2, path
        assert "Security Protection Asset" in page, path
        assert "32 CFR 170.19(c)(1), Table 3" in page, path
    assert 'value="Acme"' in admin.get("/config").text
    assert admin.call("GET", "/systems").get_json()["items"][0]["name"] == "Enclave"


def test_the_level_is_asked_while_nothing_is_kept_and_stays_after(admin: Person) -> None:
    page = admin.get("/welcome").text
    assert 'name="level" value="2" checked' in page
    wrong = admin.post("/welcome", {**ANSWERS, **_versions(page), "level": "9"})
    assert (wrong.status_code, "Choose one of the levels." in wrong.text) == (422, True)
    chosen = {**ANSWERS, "place": "", "host": "", "level": "1"}
    assert admin.post("/welcome", {**chosen, **_versions(page)}).status_code == 302
    assert admin.call("GET", "/systems/main/score").get_json()["level"] == 1
    assert admin.upload("policy.txt", b"what we do").status_code == 201
    page = admin.get("/welcome").text
    assert 'name="level"' not in page
    late = admin.post("/welcome", {**chosen, **_versions(page), "level": "2"})
    assert (late.status_code, "stays at Level 1" in late.text) == (409, True)
    assert admin.call("GET", "/systems/main/score").get_json()["level"] == 1


def test_who_confirms_a_row_among_the_first_questions_stays_there(admin: Person) -> None:
    seen = _versions(admin.get("/welcome").text)
    assert admin.post("/welcome", {**ANSWERS, **seen}).status_code == 302
    page = admin.get("/welcome").text
    path, version = _row(page, "asset")
    carried = 'name="from" value="welcome"' in page
    answer = admin.post(path, {**ROW, "version": version, "act": "confirm", "from": "welcome"})
    assert (carried, answer.headers["Location"]) == (True, "/welcome")
    assert 'name="from"' not in admin.get("/config").text


def test_a_wrong_answer_is_told_beside_its_field_and_what_was_typed_stays(admin: Person) -> None:
    answer = admin.post("/welcome", {**ANSWERS, "host": ""})
    assert answer.status_code == 422
    assert "Say who hosts it" in answer.text
    assert 'value="Enclave"' in answer.text
    assert "Main enclave" in admin.get("/config").text


def test_of_two_who_answer_the_later_is_told_and_keeps_what_was_typed(admin: Person) -> None:
    seen = _versions(admin.get("/welcome").text)
    assert admin.post("/welcome", {**ANSWERS, **seen}).status_code == 302
    late = admin.post("/welcome", {**ANSWERS, **seen, "organization": "Other", "cui": "yes"})
    assert late.status_code == 412
    assert "Somebody else changed the settings meanwhile" in late.text
    assert 'value="Other"' in late.text
    assert 'value="Acme"' in admin.get("/config").text


def test_drafts_are_confirmed_changed_and_taken_away(admin: Person) -> None:
    admin.post("/welcome", ANSWERS)
    path, version = _row(admin.get("/config").text, "asset")
    assert admin.post(path, {**ROW, "name": OURS, "act": "confirm", "version": version}).status_code == 302
    page = admin.get("/config").text
    assert "CUI Asset · Enclave · confirmed" in page
    path, version = _row(page, "asset")
    assert admin.post(path, {**ROW, "name": "Box", "act": "change", "version": version}).status_code == 302
    path, version = _row(admin.get("/config").text, "provider")
    assert admin.post(path, {"act": "remove", "version": version}).status_code == 302
    page = admin.get("/config").text
    assert "Box" not in page  # it has become one of the inventory, which only members of the system see
    assert "Box" in admin.get("/systems/main/scope/assets").text
    assert "Hoster Inc." not in page


def test_a_row_that_is_wrong_stale_or_gone_is_told_and_nothing_is_changed(admin: Person) -> None:
    admin.post("/welcome", ANSWERS)
    path, version = _row(admin.get("/config").text, "asset")
    wrong = admin.post(path, {**ROW, "name": " ", "act": "change", "version": version})
    assert wrong.status_code == 422
    assert "Give a name of at most 200 characters." in wrong.text
    assert ">changed</textarea>" in wrong.text
    stale = admin.post(path, {**ROW, "name": "Typed name", "act": "change", "version": "7"})
    assert stale.status_code == 412
    assert "Typed name" in stale.text
    assert admin.post(path, {**ROW, "act": "sell", "version": version}).status_code == 404
    assert admin.post("/config/scope/asset/99", {**ROW, "act": "change"}).status_code == 404
    assert admin.post("/config/scope/castle/1", {**ROW, "act": "change"}).status_code == 404
    assert "Tracker" in admin.get("/config").text


@pytest.mark.parametrize("path", ["/welcome", "/config/systems/main", "/config/scope/asset/1"])
def test_nobody_but_administrators_gets_there(user: Person, stranger: Person, path: str) -> None:
    assert user.post(path, {**ANSWERS, "act": "remove"}).status_code == 403
    assert stranger.get("/welcome").headers["Location"] == "/login?next=/welcome"
    assert stranger.post(path, ANSWERS, token="0" * 64).status_code in {302, 403}


def test_the_settings_say_what_each_choice_means(admin: Person, tracker: Tracker) -> None:
    page = admin.get("/config").text
    assert "share one database, one store, one search and every backup" in page
    form = {"session_idle_minutes": "30", "session_longest_hours": "12", "scanner_away": "refuse"}
    assert admin.post("/config", {**form, "cui_allowed": "on", "cui_quarantine": "on"}).status_code == 302
    assert NOTICE not in admin.get("/").text
    with tracker.read() as work:
        rules = settings.current(work)
    assert (rules.cui_allowed, rules.cui_quarantine) == (True, True)


def test_what_would_stand_without_evidence_is_said_before_it_is_retired_or_put_into_the_trash(user: Person) -> None:
    user.upload("a.txt", b"x", objectives="3.1.1[a]")
    user.call("PATCH", "/systems/main/requirements/3.1.1/objectives/a", {"status": "met"})
    page = user.get("/artifacts/1").text
    assert "If it is retired, 1 objective marked MET stands without approved evidence: AC.L2-3.1.1[a]." in page
    assert "AC.L2-3.1.1[a], marked MET, then stands without approved evidence." in page
    assert page.index("If it is retired") < page.index('value="retire"')
