"""An artifact that another system shares: what its readers there learn, and what they do not."""

import hashlib
from pathlib import Path

import pytest
from flask import Flask

from cmmc_tracker.domain.catalog import ObjectiveId
from cmmc_tracker.domain.permissions import Access
from cmmc_tracker.services import links, systems
from cmmc_tracker.services.jobs import checks, texts
from cmmc_tracker.services.jobs.house import House
from cmmc_tracker.services.links import Target
from cmmc_tracker.services.work import Tracker
from tests.conftest import OPERATOR, Person


@pytest.fixture
def lab(tracker: Tracker, outsider: Person) -> Access:
    """A system of Cal's alone, who is no member of `main`."""
    with tracker.write(OPERATOR) as work:
        made = systems.create(work, "Lab", 2)
        systems.enrol(work, made.system_id, outsider.id)
    return made


@pytest.fixture
def shared(tracker: Tracker, user: Person, outsider: Person, lab: Access) -> Person:
    """Bo's artifact 1 of `main`, linked in Cal's system too; gives Cal."""
    answer = user.upload("plan.txt", b"what we do", title="Plan", owner="bo", reviewer="bo")
    assert answer.status_code == 201, answer.text
    with tracker.write(OPERATOR) as work:
        links.put(work, 1, Target(lab, ObjectiveId("AC.L2-3.1.1", "a")))
    return outsider


def test_remarks_stay_at_home_in_the_history_too(shared: Person, user: Person) -> None:
    assert user.post("/artifacts/1/remarks", {"text": "The firewall is open", "ask": "bo"}).status_code == 302
    assert "The firewall is open" in user.get("/artifacts/1").text
    page = shared.get("/artifacts/1")
    assert page.status_code == 200
    assert "The firewall is open" not in page.text


def test_owner_and_reviewer_are_for_members_of_the_home_system(shared: Person, user: Person) -> None:
    assert user.call("GET", "/artifacts/1").get_json()["owner"] == "bo"
    seen = shared.call("GET", "/artifacts/1").get_json()
    assert (seen["owner"], seen["reviewer"]) == ("", "")
    assert shared.get("/api/v1/artifacts?q=owner:bo").get_json()["items"] == []


def test_a_search_for_a_hash_tells_nothing_of_files_of_others(user: Person, outsider: Person, lab: Access) -> None:
    secret = hashlib.sha256(b"only for main").hexdigest()
    user.upload("a.txt", b"only for main")
    for known in (secret, hashlib.sha256(b"nobody has this").hexdigest()):
        made = outsider.upload("b.txt", known.encode(), title=f"note {known}", system=lab.slug)
        found = outsider.get(f"/api/v1/artifacts?q={known[:8]}").get_json()["items"]
        assert [one["id"] for one in found] == [made.get_json()["id"]]


def test_names_of_the_same_bytes_elsewhere_are_not_told(
    tracker: Tracker, user: Person, outsider: Person, lab: Access
) -> None:
    user.upload("CUI_ProjectX_wing.txt", b"the same bytes")
    made = outsider.upload("plain.txt", b"the same bytes", system=lab.slug).get_json()["id"]
    texts.turn(House(tracker))
    assert "ProjectX" not in outsider.get(f"/artifacts/{made}").text
    assert "Markings of controlled information" in user.get("/artifacts/1").text


def test_the_last_unlinking_of_a_shared_artifact_leads_to_a_page_that_is_there(shared: Person) -> None:
    answer = shared.post("/artifacts/1/unlink", {"system": "lab", "objective": "3.1.1[a]"})
    assert answer.status_code == 302
    assert shared.get(answer.headers["Location"]).status_code == 200


def test_damaged_bytes_are_not_drawn_or_previewed(tracker: Tracker, user: Person, tmp_path: Path) -> None:
    sha256 = user.upload("a.txt", b"what was received").get_json()["current_version"]["sha256"]
    path = tmp_path / "uploads" / sha256[:2] / sha256
    path.chmod(0o600)
    path.write_bytes(b"zebra forged")
    checks.turn(House(tracker))
    for page in ("/artifacts/1", "/artifacts/1/compare"):
        assert "zebra forged" not in user.get(page).text


@pytest.mark.usefixtures("app")
def test_more_files_than_a_version_takes_are_refused_before_any_is_kept(
    app: Flask, user: Person, tmp_path: Path
) -> None:
    import io

    many = [(io.BytesIO(b"%d" % n), f"{n}.txt") for n in range(101)]
    form = {"csrf_token": user.token, "together": "yes", "title": "many", "file": many}
    answer = user.client.post("/artifacts/upload", data=form)
    assert answer.status_code == 422
    assert "at most 100 files" in answer.text
    kept = [one for one in (tmp_path / "uploads").rglob("*") if one.is_file() and len(one.name) == 64]
    assert kept == []
