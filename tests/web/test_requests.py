"""The pages of requests: asking, the plain page of who is asked, the links, My work and the calendar."""

import io
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from cmmc_tracker.services.work import Tracker
from tests.conftest import Clock, Person, person, png
from tests.services.evidence import give

DUE = (datetime.now(UTC) + timedelta(days=20)).date().isoformat()
FORM = {
    "objective": "3.3.5[b]",
    "wanted": "Log review, signed",
    "person": "bo",
    "first_due": DUE,
    "cadence": "quarterly",
}
LINK = re.compile(r'data-copy="(http://localhost/link/[\w-]{43})"')


def ask(who: Person, **given: str) -> str:
    """The address of a new request."""
    answer = who.post("/systems/main/requests", {**FORM, **given})
    assert answer.status_code == 302, answer.text
    return answer.headers["Location"]


def version_of(who: Person, address: str) -> str:
    """The version that the request's page carries."""
    found = re.search(r'name="version" value="(\d+)"', who.get(address).text)
    assert found
    return found[1]


def send(who: Person, address: str, *files: tuple[str, bytes], **fields: str) -> TestResponse:
    """Answer a request with files, as its page does."""
    data: dict[str, Any] = {"csrf_token": who.token, "version": version_of(who, address), **fields}
    data["file"] = [(io.BytesIO(content), name) for name, content in files]
    return who.client.post(f"{address}/answer", data=data)


def link_of(who: Person, address: str, **given: str) -> str:
    """The path of a new upload link."""
    found = LINK.search(who.post(f"{address}/links", given).text)
    assert found
    return found[1].removeprefix("http://localhost")


@pytest.fixture
def bo(app: Flask, tracker: Tracker, admin: Person, user: Person) -> Person:
    """Bo is asked by Ada."""
    return user


def test_a_request_is_asked_found_under_my_work_and_answered_in_one_drop(admin: Person, bo: Person) -> None:
    address = ask(admin)
    mine = bo.get("/my-work").text
    assert "Log review, signed" in mine
    assert "1 thing waits for you" in mine
    assert "Asked of bo" in admin.get("/systems/main/requirements/AU.L2-3.3.5").text
    page = bo.get(address).text
    assert page.count('type="file"') == 1
    assert send(bo, address, ("log.txt", b"reviewed"), ("shot.png", png())).status_code == 302
    after = bo.get(address).text
    assert "Nothing is to be sent just now" in after
    artifact = re.search(r'href="(/artifacts/\d+)"', after)
    assert artifact
    shown = bo.get(artifact[1]).text
    assert f'href="{address}"' in shown
    assert "AU.L2-3.3.5[b]" in shown
    assert "Nothing waits for you" in bo.get("/my-work").text


def test_the_list_narrows_by_state_and_objective_and_the_form_is_prefilled(admin: Person, bo: Person) -> None:
    address = ask(admin)
    assert address in admin.get("/systems/main/requests").text
    assert address not in admin.get("/systems/main/requests?shown=closed").text
    assert address not in admin.get("/systems/main/requests?about=3.1.1[a]").text
    assert 'value="AC.L2-3.1.1[a]"' in admin.get("/systems/main/requests?objective=AC.L2-3.1.1[a]").text
    assert admin.get("/systems/main/requests?shown=potato").status_code == 404
    assert admin.get("/systems/main/requests?about=potato").status_code == 422


def test_misses_stand_in_the_calendar_and_the_lists(admin: Person, bo: Person, clock: Clock) -> None:
    address = ask(admin)
    assert address in admin.get("/calendar").text
    assert "missed" not in admin.get("/calendar").text
    clock.forward(days=25)
    admin.sign_in()
    assert "missed" in admin.get("/calendar").text
    assert "1 missed" in admin.get("/systems/main/requests?shown=overdue").text
    assert admin.post(f"{address}/waive", {"round": "1", "why": ""}).status_code == 422
    assert admin.post(f"{address}/waive", {"round": "x", "why": "y"}).status_code == 400
    assert admin.post(f"{address}/waive", {"round": "1", "why": "no server then"}).status_code == 302
    assert "no server then" in admin.get(address).text


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("objective", "9.9.9[z]"),
        ("objective", ""),
        ("wanted", ""),
        ("wanted", "x" * 2_001),
        ("person", "nobody"),
        ("person", ""),
        ("first_due", "1990-01-01"),
        ("first_due", "9999-12-31"),
        ("first_due", "31.3.2026"),
        ("cadence", "on_change"),
    ],
)
def test_what_cannot_be_asked_is_said_beside_the_field_and_what_was_typed_stays(
    admin: Person, bo: Person, field: str, value: str
) -> None:
    answer = admin.post("/systems/main/requests", {**FORM, field: value})
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert ("Log review, signed" in answer.text) == (field != "wanted")


@pytest.mark.parametrize(
    ("name", "content", "status", "said"),
    [
        ("run.exe", b"MZ", 415, "None of the files was kept"),
        ("empty.txt", b"", 422, "empty"),
        ("pic.png", b"no picture", 415, "None of the files was kept"),
    ],
)
def test_one_bad_file_among_several_and_none_is_kept(
    admin: Person, bo: Person, tracker: Tracker, name: str, content: bytes, status: int, said: str
) -> None:
    address = ask(admin)
    answer = send(bo, address, ("good.txt", b"good"), (name, content))
    assert answer.status_code == status
    assert said in answer.text
    assert tracker.blobs.sweep(lambda _sha256: False) == [], "bytes without a row were left over"
    assert "open" in bo.get(address).text


def test_no_file_at_all_and_a_stale_page_are_told_and_change_nothing(admin: Person, bo: Person) -> None:
    address = ask(admin)
    assert send(bo, address).status_code == 422
    before = version_of(bo, address)
    assert send(bo, address, ("a.txt", b"first")).status_code == 302
    data = {"csrf_token": admin.token, "version": before, "file": (io.BytesIO(b"second"), "b.txt")}
    answer = admin.client.post(f"{address}/answer", data=data)
    assert answer.status_code == 412
    assert "Somebody else changed or answered" in answer.text


def test_a_change_a_close_and_their_stale_pages_keep_what_was_typed(admin: Person, bo: Person) -> None:
    address = ask(admin)
    fields = {**FORM, "wanted": "Better words", "version": "1"}
    assert admin.post(address, {**fields, "first_due": "1990-01-01"}).status_code == 422
    assert admin.post(address, fields).status_code == 302
    stale = admin.post(address, {**fields, "wanted": "My words"})
    assert stale.status_code == 412
    assert "My words" in stale.text
    assert "Better words" in stale.text
    assert admin.post(f"{address}/close", {"reason": "typed", "version": "1"}).status_code == 412
    assert admin.post(f"{address}/close", {"reason": "", "version": "2"}).status_code == 422
    assert admin.post(f"{address}/close", {"reason": "not needed", "version": "2"}).status_code == 302
    assert "not needed" in admin.get(address).text
    assert address in admin.get("/systems/main/requests?shown=closed").text
    assert send_closed(bo, address).status_code == 409


def send_closed(who: Person, address: str) -> TestResponse:
    """Send to a request whose page has no form any more."""
    return who.client.post(f"{address}/answer", data={"csrf_token": who.token, "file": (io.BytesIO(b"x"), "a.txt")})


def test_days_of_a_request_that_was_answered_stay(admin: Person, bo: Person) -> None:
    address = ask(admin)
    send(bo, address, ("a.txt", b"first"))
    answer = admin.post(address, {**FORM, "cadence": "yearly", "version": version_of(admin, address)})
    assert answer.status_code == 409
    assert "days stay as they are" in answer.text


def test_an_artifact_that_is_here_already_is_found_and_answers(admin: Person, bo: Person) -> None:
    made = bo.upload("the-log.txt", b"reviewed", title="The log").get_json()["id"]
    address = ask(admin)
    assert f'value="{made}"' in bo.get(f"{address}?q=log").text
    assert bo.post(f"{address}/answer-with", {"artifact": ""}).status_code == 422
    assert bo.post(f"{address}/answer-with", {"artifact": "999"}).status_code == 404
    assert bo.post(f"{address}/answer-with", {"artifact": str(made), "version": "1"}).status_code == 302
    assert bo.post(f"{address}/answer-with", {"artifact": str(made), "version": "1"}).status_code == 412
    assert "The log" in bo.get(address).text


def test_strangers_outsiders_and_who_may_only_look(
    app: Flask, tracker: Tracker, admin: Person, bo: Person, outsider: Person, stranger: Person
) -> None:
    address = ask(admin)
    viewer = person(app, tracker, "view")
    give(tracker, viewer.id, may_contribute=False)
    assert stranger.get(address).status_code == 302
    for path in (address, "/systems/main/requests"):
        assert outsider.get(path).status_code == 404
        assert viewer.get(path).status_code == 200
    page = viewer.get(address).text
    assert "Upload links" not in page
    assert 'type="file"' not in page
    given = {**FORM, "version": "1", "reason": "x", "round": "1", "why": "x", "artifact": "1"}
    for who, status in ((viewer, 403), (outsider, 404)):
        for act in ("", "/answer-with", "/close", "/links", "/waive", "/links/1/revoke"):
            assert who.post(address + act, given).status_code == status, act
        data = {"csrf_token": who.token, "version": "1", "file": (io.BytesIO(b"x"), "a.txt")}
        assert who.client.post(f"{address}/answer", data=data).status_code == status
    assert viewer.post("/systems/main/requests", FORM).status_code == 403


def test_a_link_is_shown_once_and_taken_back(admin: Person, bo: Person, stranger: Person) -> None:
    address = ask(admin, person="", outside="Northwind IT")
    path = link_of(admin, address, days="3", most_files="2", megabytes="5")
    assert path not in admin.get(address).text
    assert "2 files, 5 MB" in admin.get(address).text
    assert stranger.get(path).status_code == 200
    assert admin.post(f"{address}/links/1/revoke").status_code == 302
    assert stranger.get(path).status_code == 404
    assert admin.post(f"{address}/links/9/revoke").status_code == 404
    wrong = admin.post(f"{address}/links", {"days": "31", "most_files": "0", "megabytes": "9999"})
    assert wrong.status_code == 422
    assert all(f'id="{name}-error"' in wrong.text for name in ("days", "most_files", "megabytes"))
    assert 'value="31"' in wrong.text


def test_what_waits_in_quarantine_is_looked_at_safely_accepted_with_a_better_title_or_refused(
    admin: Person, bo: Person, stranger: Person, outsider: Person
) -> None:
    address = ask(admin, person="", outside="Northwind IT")
    for number, content in enumerate((b"<script>alert(1)</script>", b"second"), 1):
        path = link_of(admin, address)
        data = {
            "csrf_token": stranger.token_of(path),
            "file": [(io.BytesIO(content), "a.txt"), (io.BytesIO(png()), "b.png")],
        }
        assert stranger.client.post(path, data=data).status_code == 200
        assert "In quarantine" in bo.get("/my-work").text
        assert f"/quarantine/{number}" in bo.get("/quarantine").text
        page = bo.get(f"/quarantine/{number}")
        assert "<script>alert" not in page.text
        for position in (1, 2):
            sent = bo.get(f"/quarantine/{number}/files/{position}")
            assert sent.headers["Content-Disposition"].startswith("attachment")
            assert sent.headers["Content-Security-Policy"].startswith("sandbox")
        for file in ("", "/files/1"):
            assert outsider.get(f"/quarantine/{number}{file}").status_code == 404
            assert stranger.get(f"/quarantine/{number}{file}").status_code == 302
        assert bo.get(f"/artifacts/{number}").status_code == 404
        if number == 1:
            assert bo.post("/quarantine/1/reject", {"reason": "", "version": "2"}).status_code == 422
            assert bo.post("/quarantine/1/reject", {"reason": "wrong one", "version": "1"}).status_code == 412
            assert bo.post("/quarantine/1/reject", {"reason": "wrong one", "version": "2"}).status_code == 302
    assert bo.post("/quarantine/2/accept", {"title": "", "version": "2"}).status_code == 422
    assert bo.post("/quarantine/2/accept", {"title": "Better", "version": "1"}).status_code == 412
    answer = bo.post("/quarantine/2/accept", {"title": "Better", "version": "2"})
    assert answer.headers["Location"] == "/artifacts/2"
    assert "AU.L2-3.3.5[b]" in bo.get("/artifacts/2").text
    assert bo.post("/trash/1/restore").headers["Location"] == "/quarantine/1"
    assert bo.post("/quarantine/2/accept", {"title": "Again", "version": "3"}).status_code == 404


def test_own_duties_are_handed_over_and_an_administrator_does_it_for_others(admin: Person, bo: Person) -> None:
    address = ask(admin)
    assert bo.post("/my-work/hand-over", {"to": "nobody"}).status_code == 422
    done = bo.client.post("/my-work/hand-over", data={"csrf_token": bo.token, "to": "ada"}, follow_redirects=True)
    assert "Handed over to ada: requests: 1." in done.text
    assert "Wanted of <strong>ada</strong>" in bo.get(address).text
    ask(admin, wanted="Another")
    assert bo.post(f"/admin/users/{admin.id}/hand-over", {"to": "bo"}).status_code == 403
    admin.post(f"/admin/users/{bo.id}/disable")
    page = admin.get("/admin/users").text
    assert "1 open duty<" in page
    assert "bo cannot sign in any more: hand it over." in admin.get("/systems/main/requests").text
    assert admin.post(f"/admin/users/{bo.id}/hand-over", {"to": ""}).status_code == 422
    shown = admin.get(f"/admin/users/{bo.id}/hand-over?to=ada")
    assert "the open duties of bo; nothing has been changed yet" in shown.text
    assert admin.get(f"/admin/users/{bo.id}/hand-over?to=nobody").status_code == 422
    assert admin.post(f"/admin/users/{bo.id}/hand-over", {"to": "ada"}).status_code == 302
    assert "hand it over" not in admin.get("/systems/main/requests").text
