"""Confirming a spill as the second person, in a browser."""

import re

import pytest

from cmmc_tracker.errors import Conflict
from cmmc_tracker.services import spill, spill_plan
from cmmc_tracker.services.spill_plan import Wanted
from cmmc_tracker.services.work import Tracker
from tests.conftest import OPERATOR, Person


def test_a_second_person_looks_and_confirms_once(admin: Person, user: Person) -> None:
    made = user.upload("a.txt", b"a drawing", title="Drawing").get_json()
    place = f"/spills/{made['id']}"
    page = user.get(place).text
    assert "“Drawing”" in page
    assert made["current_version"]["sha256"] in page
    assert "Nobody has confirmed yet" in page
    assert user.post(place, {"version": "7"}).status_code == 412
    assert user.post(place, {"version": "1"}).status_code == 302
    told = admin.get(place).text
    assert "bo confirmed on" in told
    assert "Confirm that it is to be taken out" not in told


def test_what_lies_in_the_trash_can_be_confirmed_too(admin: Person, user: Person) -> None:
    number = user.upload("a.txt", b"a drawing", title="Drawing").get_json()["id"]
    assert user.call("DELETE", f"/artifacts/{number}").status_code == 204
    assert "Nobody has confirmed yet" in admin.get(f"/spills/{number}").text
    assert admin.post(f"/spills/{number}", {"version": "2"}).status_code == 302


def test_one_that_waits_stands_on_my_work_until_it_is_confirmed(admin: Person, user: Person, tracker: Tracker) -> None:
    number = user.upload("a.txt", b"a drawing", title="Drawing <1>").get_json()["id"]
    wanted = Wanted.parse(number, None, "sent by mistake")
    with pytest.raises(Conflict):
        spill.spill(tracker, OPERATOR, wanted, spill_plan.plan(tracker, OPERATOR, wanted), everywhere=False)
    for who in (admin, user):
        page = who.get("/my-work").text
        assert f'<a href="/spills/{number}">Artifact {number}, “Drawing &lt;1&gt;”</a>' in page
        assert "1 thing waits for you" in page
    assert "It was to be taken out on" in user.get(f"/spills/{number}").text
    assert user.post(f"/spills/{number}", {"version": "1"}).status_code == 302
    for who in (admin, user):
        assert "Spills to confirm" not in who.get("/my-work").text


def test_with_one_person_none_is_asked_for(user: Person) -> None:
    number = user.upload("a.txt", b"a drawing", title="Drawing").get_json()["id"]
    assert "None is asked for: one person judges in this system" in user.get(f"/spills/{number}").text


def test_strangers_find_no_spill(user: Person, outsider: Person) -> None:
    number = user.upload("a.txt", b"a drawing", title="Drawing").get_json()["id"]
    assert outsider.get(f"/spills/{number}").status_code == 404
    assert outsider.post(f"/spills/{number}", {"version": "1"}).status_code == 404


def test_a_stranger_is_told_the_same_of_what_is_there_and_of_what_is_not(user: Person, outsider: Person) -> None:
    number = user.upload("a.txt", b"a drawing", title="Drawing").get_json()["id"]
    told = [
        re.sub(rf"<code>[0-9a-f]+</code>|artifact {one}\b|/spills/{one}\b", "", outsider.get(f"/spills/{one}").text)
        for one in (number, number + 1)
    ]
    assert told[0] == told[1]
