"""How long a package is kept, by pages and API; and the page of a freeze that a job does."""

from datetime import date, timedelta

import pytest
from sqlalchemy import update

from cmmc_tracker.services.handoff import freezing
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import freezes
from tests.conftest import Person

PAGE = "/systems/main/packages"
FORM = {"name": "Of record", "purpose": "final", "reason": "To see what is missing."}


@pytest.fixture
def until(admin: Person) -> date:
    """Until when package 1 is kept."""
    assert admin.post(PAGE, FORM).status_code == 303
    return date.fromisoformat(admin.call("GET", f"{PAGE}/1").get_json()["retained_until"])


def test_an_administrator_keeps_a_package_for_longer(admin: Person, until: date) -> None:
    later = (until + timedelta(days=365)).isoformat()
    answer = admin.post(f"{PAGE}/1/keep", {"retained_until": later, "version": "1"})
    assert answer.status_code == 303
    assert admin.call("GET", f"{PAGE}/1").get_json()["retained_until"] == later
    stale = admin.post(f"{PAGE}/1/keep", {"retained_until": "2090-01-01", "version": "1"})
    assert stale.status_code == 412
    sooner = admin.post(f"{PAGE}/1/keep", {"retained_until": until.isoformat(), "version": "2"})
    assert sooner.status_code == 409
    assert "never shorter" in sooner.text
    wrong = admin.post(f"{PAGE}/1/keep", {"retained_until": "soon", "version": "2"})
    assert wrong.status_code == 422
    assert "is not a date" in wrong.text
    assert 'value="soon"' in wrong.text


def test_a_legal_hold_is_placed_shown_and_lifted(admin: Person, until: date) -> None:
    assert admin.post(f"{PAGE}/1/holds", {"reason": ""}).status_code == 422
    assert admin.post(f"{PAGE}/1/holds", {"reason": "Case <7>"}).status_code == 303
    page = admin.get(f"{PAGE}/1").text
    assert "Case &lt;7&gt;" in page
    assert "stands" in page
    assert "legal hold" in admin.get(PAGE).text
    assert admin.post(f"{PAGE}/1/holds/1/lift", {"reason": "Settled"}).status_code == 303
    assert "Settled" in admin.get(f"{PAGE}/1").text
    assert "legal hold" not in admin.get(PAGE).text
    assert admin.post(f"{PAGE}/1/holds/1/lift", {"reason": "Settled"}).status_code == 412
    assert admin.post(f"{PAGE}/1/holds/9/lift", {"reason": "Settled"}).status_code == 404


def test_the_api_does_the_same(admin: Person, until: date) -> None:
    later = (until + timedelta(days=365)).isoformat()
    kept = admin.call("PATCH", f"{PAGE}/1", {"retained_until": later}, headers={"If-Match": '"1"'})
    assert (kept.status_code, kept.get_json()["retained_until"], kept.get_json()["version"]) == (200, later, 2)
    stale = admin.call("PATCH", f"{PAGE}/1", {"retained_until": "2090-01-01"}, headers={"If-Match": '"1"'})
    assert stale.status_code == 412
    assert admin.call("PATCH", f"{PAGE}/1", {"retained_until": later}).status_code == 409
    assert admin.call("PATCH", f"{PAGE}/1", {"retained_until": "soon"}).status_code == 422
    held = admin.call("POST", f"{PAGE}/1/holds", {"reason": "Case 7"})
    assert (held.status_code, held.get_json()["is_held"]) == (201, True)
    assert held.get_json()["holds"][0]["reason"] == "Case 7"
    lifted = admin.call("POST", f"{PAGE}/1/holds/1/lift", {"reason": "Settled"})
    assert (lifted.status_code, lifted.get_json()["is_held"]) == (200, False)
    assert admin.call("POST", f"{PAGE}/1/holds/1/lift", {"reason": "Settled"}).status_code == 412


def test_others_see_how_long_and_change_nothing(admin: Person, user: Person, outsider: Person, until: date) -> None:
    admin.post(f"{PAGE}/1/holds", {"reason": "Case 7"})
    page = user.get(f"{PAGE}/1").text
    assert "Case 7" in page
    assert "Lift it" not in page
    assert "Keep it for longer" not in page
    for path, form in (
        ("keep", {"retained_until": "2090-01-01"}),
        ("holds", {"reason": "x"}),
        ("holds/1/lift", {"reason": "x"}),
    ):
        assert user.post(f"{PAGE}/1/{path}", form).status_code == 403
        assert outsider.post(f"{PAGE}/1/{path}", form).status_code in {403, 404}
    assert user.call("PATCH", f"{PAGE}/1", {"retained_until": "2090-01-01"}).status_code == 403
    assert outsider.call("POST", f"{PAGE}/1/holds", {"reason": "x"}).status_code == 404


def test_the_api_tells_what_changed(user: Person) -> None:
    user.post(PAGE, FORM)
    user.upload("policy.txt", b"what we do", objectives="3.1.1[a]")
    user.post(PAGE, FORM)
    told = user.call("GET", f"{PAGE}/2/changes/1").get_json()
    assert (told["then"]["number"], told["now"]["number"]) == (1, 2)
    assert [(one["name"], one["changes"][0]["kind"]) for one in told["sections"]] == [("artifacts", "added")]
    assert user.call("GET", f"{PAGE}/2").get_json()["since"]["counts"]["artifacts"]["added"] == 1
    assert user.call("GET", f"{PAGE}/2/changes/9").status_code == 404


# Freezes that a job does


@pytest.fixture
def waiting(user: Person, monkeypatch: pytest.MonkeyPatch) -> str:
    """The page of a freeze that waits for the job."""
    monkeypatch.setattr(freezing, "AT_ONCE", 5)
    user.upload("policy.txt", b"what we do", objectives="3.1.1[a]")
    answer = user.post(PAGE, FORM)
    assert answer.status_code == 303
    return answer.headers["Location"]


def test_the_page_of_a_freeze_tells_how_far_it_is_and_leads_to_the_package(
    user: Person, tracker: Tracker, waiting: str
) -> None:
    page = user.get(waiting).text
    assert "Freezing Of record" in page
    assert '<progress id="progress"' in page
    assert "Under way" in user.get(PAGE).text
    while freezing.wanted(tracker):
        freezing.turn(tracker)
    assert user.get(waiting).headers["Location"].endswith(f"{PAGE}/1")
    assert "Under way" not in user.get(PAGE).text


def test_a_freeze_is_given_up_and_one_that_failed_says_why(user: Person, tracker: Tracker, waiting: str) -> None:
    assert user.post(f"{waiting}/stop").status_code == 303
    assert user.post(f"{waiting}/stop").status_code == 412
    page = user.get(waiting).text
    assert "It was given up by bo." in page
    assert "Give it up" not in page
    with tracker.write() as work:
        work.db.execute(update(freezes).values(message="<b>policy.txt: missing"))
    assert "&lt;b&gt;policy.txt: missing" in user.get(PAGE).text


def test_the_api_answers_202_where_a_job_freezes(user: Person, tracker: Tracker, waiting: str) -> None:
    answer = user.call("POST", PAGE, {"name": "Second", "reason": "as it is"})
    assert answer.status_code == 202
    place = answer.headers["Location"]
    assert place == "/api/v1/systems/main/freezes/2"
    assert answer.get_json()["state"] == "waiting"
    while freezing.wanted(tracker):
        freezing.turn(tracker)
    told = user.call("GET", place.removeprefix("/api/v1")).get_json()
    assert (told["state"], told["package_id"]) == ("done", 2)
    assert user.call("DELETE", place.removeprefix("/api/v1")).status_code == 412


def test_strangers_see_no_freeze_and_give_none_up(outsider: Person, waiting: str) -> None:
    assert outsider.get(waiting).status_code == 404
    assert outsider.post(f"{waiting}/stop").status_code == 404
    assert outsider.call("GET", "/systems/main/freezes/1").status_code == 404
    assert outsider.call("DELETE", "/systems/main/freezes/1").status_code == 404
