"""Review, remarks, my work, the calendar and the trash as people see them."""

import io
import re

import pytest
from werkzeug.test import TestResponse

from cmmc_tracker.services.work import Tracker
from tests.conftest import Clock, Person, add_account
from tests.services.evidence import give, switch


@pytest.fixture
def reviewed(tracker: Tracker) -> None:
    """Review is asked for."""
    switch(tracker, review_required=True)


def _send(person: Person, path: str, *files: tuple[str, bytes], **fields: str) -> TestResponse:
    data = {"csrf_token": person.token, **fields, "file": [(io.BytesIO(content), name) for name, content in files]}
    return person.client.post(path, data=data)


def _hidden(page: str) -> dict[str, str]:
    """The fields that the form of the review carries."""
    form = page[page.index('action="/artifacts/1/review"') :]
    return {name: re.findall(f'name="{name}" value="([^"]*)"', form)[0] for name in ("version", "manifest")}


def _undo(page: str) -> tuple[str, dict[str, str]]:
    """Where the button of the message leads, and what it carries."""
    form = re.search(r'<form class="flash".*?action="([^"]+)">(.*?)</form>', page, re.DOTALL)
    assert form
    return form[1], dict(re.findall(r'name="(\w+)" value="([^"]*)"', form[2]))


@pytest.mark.usefixtures("reviewed")
def test_people_bring_evidence_through_review_on_its_page(tracker: Tracker, user: Person, admin: Person) -> None:
    give(tracker, admin.id, may_approve=True)
    user.upload("a.txt", b"one")
    page = user.get("/artifacts/1").text
    assert "State: draft" in page
    assert "Hand in for review" in page
    assert ">Approve<" not in page
    answer = user.post("/artifacts/1/review", {"act": "submit", **_hidden(page)})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/artifacts/1")
    page = user.get("/artifacts/1").text
    assert "The artifact is now in review." in page
    assert ">Approve<" not in page
    page = admin.get("/artifacts/1").text
    assert ">Approve<" in page
    assert admin.post("/artifacts/1/review", {"act": "approve", **_hidden(page)}).status_code == 302
    assert "Approved by ada on" in user.get("/artifacts/1").text


@pytest.mark.usefixtures("reviewed")
def test_the_page_of_a_review_is_closed_to_others(
    user: Person, admin: Person, outsider: Person, stranger: Person
) -> None:
    user.upload("a.txt", b"one")
    assert stranger.client.post("/artifacts/1/review").headers["Location"].startswith("/login")
    assert outsider.post("/artifacts/1/review", {"act": "submit"}).status_code == 404
    assert user.post("/artifacts/1/review", {"act": "submit"}).status_code == 302
    assert admin.post("/artifacts/1/review", {"act": "approve"}).status_code == 403
    assert "State: in review" in user.get("/artifacts/1").text


@pytest.mark.usefixtures("reviewed")
def test_evidence_that_is_sent_back_without_why_keeps_the_page_and_tells(
    tracker: Tracker, user: Person, admin: Person
) -> None:
    give(tracker, admin.id, may_approve=True)
    user.upload("a.txt", b"one")
    user.post("/artifacts/1/review", {"act": "submit"})
    answer = admin.post("/artifacts/1/review", {"act": "return", "remark": " "})
    assert answer.status_code == 422
    assert "Please write what is missing" in answer.text
    long = admin.post("/artifacts/1/review", {"act": "return", "remark": "kept words " * 500})
    assert long.status_code == 422
    assert "kept words" in long.text
    assert admin.post("/artifacts/1/review", {"act": "burn"}).status_code == 422
    assert admin.post("/artifacts/1/review", {"act": "return", "remark": "Page 2 <b>is</b> gone"}).status_code == 302
    page = user.get("/artifacts/1").text
    assert "Page 2 &lt;b&gt;is&lt;/b&gt; gone" in page
    assert "State: draft" in page


@pytest.mark.usefixtures("reviewed")
def test_what_somebody_changed_meanwhile_is_told_and_not_decided(user: Person) -> None:
    user.upload("a.txt", b"one")
    before = _hidden(user.get("/artifacts/1").text)
    user.post("/artifacts/1", {"title": "Another", "version": "1"})
    answer = user.post("/artifacts/1/review", {"act": "submit", **before})
    assert answer.status_code == 412
    assert "Somebody else changed this artifact meanwhile" in answer.text
    assert user.post("/artifacts/1/review", {"act": "submit", "version": "x"}).status_code == 400
    assert "State: draft" in user.get("/artifacts/1").text


def test_several_files_become_one_artifact_where_the_form_says_so(user: Person) -> None:
    files = ("image.png.txt", b"one"), ("a.txt", b"two"), ("A.TXT", b"three")
    answer = _send(user, "/artifacts/upload", *files, system="main", together="yes", title="Set")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/artifacts/1")
    page = user.get("/artifacts/1").text
    assert "Set (3 files) is kept." in page
    assert all(shown in page for shown in ("1. image.png.txt", "2. a.txt", "3. A (2).TXT"))
    assert "three" in user.get("/artifacts/1?file=3").text
    assert user.get("/uploads/1/1/A%20(2).TXT").data == b"three"
    assert user.get("/artifacts/1?file=99&version=77").status_code == 200
    assert len(user.call("GET", "/artifacts").get_json()["items"]) == 1


def test_several_files_are_an_artifact_each_without_it(user: Person) -> None:
    _send(user, "/artifacts/upload", ("a.txt", b"one"), ("b.txt", b"two"), system="main")
    assert len(user.call("GET", "/artifacts").get_json()["items"]) == 2


def test_one_refused_file_refuses_all_that_belong_together(user: Person) -> None:
    answer = _send(user, "/artifacts/upload", ("a.txt", b"one"), ("b.exe", b"MZ"), system="main", together="yes")
    assert answer.status_code == 422
    assert "None of the files was kept" in answer.text
    assert user.call("GET", "/artifacts").get_json()["items"] == []


def test_a_script_that_sent_files_is_told_where_to_go_and_the_confirmation_waits_there(user: Person) -> None:
    files = {"file": [(io.BytesIO(b"one"), "a.txt"), (io.BytesIO(b"two"), "b.txt")], "together": "yes", "title": "Set"}
    answer = user.post("/artifacts/upload", files, headers={"X-Part": "address"})
    assert (answer.status_code, answer.text) == (200, "/artifacts/1")
    assert "Set (2 files) is kept." in user.get(answer.text).text


def test_what_is_wrong_with_all_files_alike_is_told_once_at_its_field(user: Person) -> None:
    dates = {"covers_from": "2026-05-01", "covers_until": "2026-04-01"}
    answer = _send(user, "/artifacts/upload", ("a.txt", b"one"), ("b.txt", b"two"), system="main", **dates)
    assert answer.status_code == 422
    assert re.search('id="covers_(from|until)-error"', answer.text)
    assert "Not every file was taken" not in answer.text
    assert "choose them again" in answer.text
    assert user.call("GET", "/artifacts").get_json()["items"] == []


def test_two_versions_stand_next_to_each_other(user: Person, outsider: Person, stranger: Person) -> None:
    user.upload("a.txt", b"old words")
    _send(user, "/artifacts/1/versions", ("b.txt", b"new words"), ("a.txt", b"old words"), note="Better")
    page = user.get("/artifacts/1/compare").text
    assert page.index("old words") < page.index("new words")
    assert page.count("the same bytes in both") == 2
    assert "Better" in page
    turned = user.get("/artifacts/1/compare?left=2&right=1").text
    assert turned.index("new words") < turned.index("old words")
    for odd in ("?left=0&right=99", "?left=x", "?right=-1"):
        assert user.get(f"/artifacts/1/compare{odd}").status_code == 200
    assert outsider.get("/artifacts/1/compare").status_code == 404
    assert stranger.get("/artifacts/1/compare").status_code == 302
    assert user.get("/artifacts/2/compare").status_code == 404


def test_an_unlinking_is_undone_with_what_the_link_said(user: Person) -> None:
    user.upload("a.txt", b"one", objectives="3.1.1[a]", locator="p. 3", shows="the <list>")
    answer = user.post("/artifacts/1/unlink", {"system": "main", "objective": "3.1.1[a]", "next": "/artifacts?x=1"})
    assert answer.headers["Location"] == "/artifacts?x=1"
    assert user.call("GET", "/artifacts/1").get_json()["objectives"] == []
    address, fields = _undo(user.get("/artifacts").text)
    assert user.post(address, fields, token=fields["csrf_token"]).headers["Location"] == "/artifacts?x=1"
    assert user.call("GET", "/artifacts/1").get_json()["objectives"] == [
        {"system": "main", "id": "AC.L2-3.1.1[a]", "locator": "p. 3", "shows": "the <list>"}
    ]


def test_nothing_is_put_back_that_was_never_there(user: Person, outsider: Person) -> None:
    user.upload("a.txt", b"one", objectives="3.1.1[a]")
    assert user.post("/artifacts/1/relink", {"system": "main", "objective": "3.1.2[a]"}).status_code == 404
    assert outsider.post("/artifacts/1/relink", {"system": "main", "objective": "3.1.1[a]"}).status_code in {404, 422}


def test_putting_into_the_trash_is_undone_by_the_message_or_on_its_page(user: Person) -> None:
    user.upload("a.txt", b"one", title="Fire & wall")
    assert "The trash is empty." in user.get("/trash").text
    assert user.post("/artifacts/1/delete", {"version": "1"}).status_code == 302
    address, fields = _undo(user.get("/artifacts").text)
    assert address == "/trash/1/restore"
    assert "Fire &amp; wall" in user.get("/trash").text
    assert user.get("/artifacts/1").status_code == 404
    assert user.post(address, fields, token=fields["csrf_token"]).headers["Location"] == "/artifacts/1"
    assert "Restored: it is as it was." in user.get("/artifacts/1").text
    assert "The trash is empty." in user.get("/trash").text
    assert user.post("/trash/1/restore").status_code == 404


def test_the_trash_of_a_system_is_closed_to_others(user: Person, outsider: Person, stranger: Person) -> None:
    user.upload("a.txt", b"one", title="Firewall")
    user.post("/artifacts/1/delete")
    assert "Firewall" not in outsider.get("/trash").text
    assert outsider.post("/trash/1/restore").status_code == 404
    assert stranger.get("/trash").headers["Location"].startswith("/login")


def test_deleting_what_somebody_changed_meanwhile_is_told(user: Person) -> None:
    user.upload("a.txt", b"one")
    user.post("/artifacts/1", {"title": "Another", "version": "1"})
    assert user.post("/artifacts/1/delete", {"version": "1"}).status_code == 412
    assert user.get("/artifacts/1").status_code == 200


def test_a_question_waits_in_my_work_until_it_is_settled(user: Person, admin: Person, outsider: Person) -> None:
    user.upload("a.txt", b"one")
    assert user.post("/artifacts/1/remarks", {"text": "Is <i>this</i> current?", "ask": "ada"}).status_code == 302
    assert "Nothing waits for you" in user.get("/my-work").text
    page = admin.get("/my-work").text
    assert "1 thing waits for you" in page
    assert "Is &lt;i&gt;this&lt;/i&gt; current?" in page
    assert outsider.post("/remarks/1/settle").status_code == 404
    answer = admin.post("/remarks/1/settle", {"next": "//evil.example/"})
    assert (answer.status_code, "evil" in answer.headers["Location"]) == (302, False)
    assert "Nothing waits for you" in admin.get("/my-work").text
    assert "settled by ada" in user.get("/artifacts/1").text


def test_a_remark_that_cannot_be_kept_is_told_beside_its_field(user: Person, outsider: Person) -> None:
    user.upload("a.txt", b"one")
    empty = user.post("/artifacts/1/remarks", {"text": " "})
    assert (empty.status_code, "Please write what is to be said." in empty.text) == (422, True)
    asked = user.post("/artifacts/1/remarks", {"text": "kept words", "ask": "nobody"})
    assert (asked.status_code, "kept words" in asked.text) == (422, True)
    assert outsider.post("/artifacts/1/remarks", {"text": "x"}).status_code == 404


def test_an_objective_has_its_remarks_on_its_page(user: Person, admin: Person, outsider: Person) -> None:
    path = "/systems/main/requirements/AC.L2-3.1.1/objectives/a/remarks"
    assert user.post(path, {"text": "Who does this?", "ask": "ada"}).status_code == 302
    assert "Who does this?" in user.get("/systems/main/requirements/AC.L2-3.1.1").text
    assert "AC.L2-3.1.1[a]" in admin.get("/my-work").text
    assert user.post(path, {"text": ""}).status_code == 422
    assert outsider.post(path, {"text": "x"}).status_code == 404


def test_the_calendar_shows_what_falls_due_and_what_is_stale_on_a_day(user: Person, outsider: Person) -> None:
    assert "No evidence falls due." in user.get("/calendar").text
    user.upload("a.txt", b"one", title="Old review", covers_until="2025-01-31", cadence="monthly")
    assert "Old review" in user.get("/calendar").text
    assert "Overdue" in user.get("/calendar").text
    assert "Stale on" in user.get("/calendar?assessment=2027-01-01").text
    assert "Old review" not in outsider.get("/calendar?assessment=2027-01-01").text


@pytest.mark.parametrize("typed", ["2026-02-30", "soon", "24.11.2026", "9" * 500])
def test_a_day_that_is_none_is_told_beside_the_field(user: Person, typed: str) -> None:
    answer = user.get(f"/calendar?assessment={typed}")
    assert answer.status_code == 422
    assert "is not a date" in answer.text


@pytest.mark.parametrize("typed", ["", "0001-01-01", "9999-12-31"])
def test_any_day_that_is_one_is_answered(user: Person, typed: str) -> None:
    assert user.get(f"/calendar?assessment={typed}").status_code == 200


def test_a_new_version_with_new_dates_leaves_the_overdue_list(user: Person, clock: Clock) -> None:
    user.upload("a.txt", b"one", title="Review", covers_until="2025-01-31", cadence="monthly", owner="bo")
    assert "1 thing waits for you" in user.get("/my-work").text
    today = clock().date().isoformat()
    answer = _send(user, "/artifacts/1/versions", ("b.txt", b"two"), covers_until=today, version="1")
    assert answer.status_code == 302
    assert "Version 2 is kept." in user.get("/artifacts/1").text
    page = user.get("/calendar").text
    assert "Review" in page
    assert "Overdue" not in page
    wrong = _send(user, "/artifacts/1/versions", ("c.txt", b"3"), covers_until="2026-02-30")
    assert wrong.status_code == 422
    assert _send(user, "/artifacts/1/versions", ("c.txt", b"3"), version="1").status_code == 412
    assert _send(user, "/artifacts/1/versions").status_code == 422


def test_a_reviewer_who_was_disabled_stays_named_when_the_facts_are_saved(
    tracker: Tracker, user: Person, admin: Person
) -> None:
    eva = add_account(tracker, "eva")
    user.upload("a.txt", b"one", reviewer="eva")
    assert admin.post(f"/admin/users/{eva}/disable").status_code == 302
    assert "<option selected>eva</option>" in user.get("/artifacts/1").text
    assert user.post("/artifacts/1", {"title": "Another", "reviewer": "eva", "version": "1"}).status_code == 302
    assert user.post("/artifacts/1", {"title": "Another", "owner": "eva", "reviewer": "eva"}).status_code == 422


def test_an_administrator_switches_review_on_and_off(admin: Person, user: Person) -> None:
    form = {"session_idle_minutes": "30", "session_longest_hours": "12", "scanner_away": "refuse"}
    assert admin.post("/config", {**form, "review_required": "on", "approve_own": "on"}).status_code == 302
    page = admin.get("/config").text
    assert re.search(r'name="review_required" checked', page)
    assert re.search(r'name="approve_own" checked', page)
    assert user.upload("a.txt", b"one").get_json()["status"] == "draft"
    assert admin.post("/config", form).status_code == 302
    assert " checked> New evidence" not in admin.get("/config").text
    assert user.upload("b.txt", b"two").get_json()["status"] == "approved"
    assert admin.post("/config", {**form, "review_required": "maybe"}).status_code == 422
