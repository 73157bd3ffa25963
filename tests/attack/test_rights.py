"""What people without the right try: they are refused, it is written down, and nothing of theirs is kept."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import delete, select, update

from cmmc_tracker.app import build
from cmmc_tracker.config import Settings
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import audit, memberships, systems
from tests.conftest import OPERATOR, Person, person


def _stored(tmp_path: Path) -> set[str]:
    return {file.name for file in (tmp_path / "uploads").rglob("*") if file.is_file() and len(file.name) == 64}


def _actions(tracker: Tracker) -> list[str]:
    with tracker.read() as work:
        return [row.action for row in work.rows(select(audit.c.action).order_by(audit.c.id))]


@pytest.fixture
def viewer(app: Flask, tracker: Tracker) -> Person:
    """Vic may look at `main`, no more."""
    made = person(app, tracker, "vic")
    with tracker.write(OPERATOR) as work:
        mine = memberships.c.user_id == made.id
        work.db.execute(update(memberships).where(mine).values(may_contribute=False, may_judge=False))
    return made


@pytest.fixture
def artifact(user: Person) -> int:
    """An artifact of `main`."""
    return int(user.upload("a.txt", b"hello").get_json()["id"])


@pytest.mark.parametrize("number", [1, 999])
def test_a_version_by_somebody_of_no_system_leaves_no_bytes(
    outsider: Person, artifact: int, number: int, tmp_path: Path
) -> None:
    before = _stored(tmp_path)
    answer = outsider.post(f"/artifacts/{number}/versions", {"file": (io.BytesIO(b"not yours"), "x.txt")})
    assert answer.status_code == 404
    assert _stored(tmp_path) == before


def test_a_version_by_somebody_who_may_only_look_leaves_no_bytes(viewer: Person, artifact: int, tmp_path: Path) -> None:
    before = _stored(tmp_path)
    data = {"file": (io.BytesIO(b"looked at only"), "x.txt")}
    path = f"/api/v1/artifacts/{artifact}/versions"
    assert viewer.client.post(path, data=data, headers={"X-CSRF-Token": viewer.token}).status_code == 403
    assert _stored(tmp_path) == before


@pytest.mark.parametrize(("match", "note", "status"), [('"77"', "", 412), ("x", "", 400), ('"1"', "n" * 2_001, 422)])
def test_a_version_that_is_refused_leaves_no_bytes(
    user: Person, artifact: int, tmp_path: Path, match: str, note: str, status: int
) -> None:
    before = _stored(tmp_path)
    headers = {"X-CSRF-Token": user.token, "If-Match": match}
    data = {"note": note, "file": (io.BytesIO(b"refused"), "x.txt")}
    answer = user.client.post(f"/api/v1/artifacts/{artifact}/versions", data=data, headers=headers)
    assert answer.status_code == status
    assert _stored(tmp_path) == before


def test_an_upload_without_the_right_is_forbidden_and_written_down(viewer: Person, tracker: Tracker) -> None:

    answer = viewer.post("/artifacts/upload", {"title": "t", "file": (io.BytesIO(b"x"), "x.txt")})
    assert answer.status_code == 403
    assert _actions(tracker)[-1] == "request:refused"


def test_a_stale_delete_on_the_page_deletes_nothing(user: Person, artifact: int) -> None:

    assert user.post(f"/artifacts/{artifact}", {"title": "changed", "version": "1"}).status_code == 302
    assert user.post(f"/artifacts/{artifact}/delete", {"version": "1"}).status_code == 412
    assert user.get(f"/artifacts/{artifact}").status_code == 200


def test_who_may_only_look_cannot_take_evidence_along_into_a_system_of_their_own(
    viewer: Person, artifact: int, tracker: Tracker
) -> None:

    # Who once could look would keep reading, also new versions, after the membership has ended.
    mine = viewer.call("POST", "/systems", {"name": "Mine", "level": 2}).get_json()["slug"]
    viewer.call("PUT", f"/artifacts/{artifact}/objectives/3.1.1[a]?system={mine}", {})
    with tracker.write(OPERATOR) as work:
        main = select(systems.c.id).where(systems.c.slug == "main").scalar_subquery()
        gone = (memberships.c.user_id == viewer.id, memberships.c.system_id == main)
        work.db.execute(delete(memberships).where(*gone))
    assert viewer.get(f"/uploads/{artifact}/1/a.txt").status_code == 404


def test_the_history_of_a_shared_artifact_tells_nothing_of_other_systems(user: Person, admin: Person) -> None:

    artifact = user.upload("a.txt", b"hello").get_json()["id"]
    own = user.call("POST", "/systems", {"name": "Secret lab", "level": 2}).get_json()["slug"]
    user.call("PUT", f"/artifacts/{artifact}/objectives/3.13.11[a]?system={own}", {"shows": "where the keys are"})
    page = admin.get(f"/artifacts/{artifact}").text
    assert "3.13.11" not in page
    assert "where the keys are" not in page


@pytest.mark.parametrize(
    "path",
    [
        "/artifacts/1",
        "/uploads/1/1/a.txt",
        "/api/v1/artifacts/1",
        "/api/v1/artifacts/1/versions/1/content",
        "/artifacts/1/versions/1/pages/1.png",
        "/systems/main/requirements",
        "/systems/main/requirements/AC.L2-3.1.1",
        "/api/v1/systems/main/score",
        "/api/v1/systems/main/requirements/3.1.1",
    ],
)
def test_somebody_of_no_system_finds_nothing(outsider: Person, artifact: int, path: str) -> None:
    assert artifact == 1
    assert outsider.get(path).status_code == 404


def test_the_lists_of_somebody_of_no_system_are_empty(outsider: Person, artifact: int) -> None:
    assert artifact == 1
    assert outsider.get("/api/v1/artifacts").get_json()["items"] == []
    assert outsider.get("/api/v1/artifacts?q=a").get_json()["items"] == []
    assert outsider.get("/api/v1/systems").get_json()["items"] == []


@pytest.mark.parametrize(
    "public", ["https://tracker.example.com", "https://Tracker.Example.com", "https://tracker.example.com:443"]
)
def test_the_public_address_is_answered_however_it_was_written(
    settings: Settings, tracker: Tracker, public: str
) -> None:

    app = build(replace(settings, production=True, public_url=public), tracker)
    answer = app.test_client().get("/login", base_url="https://tracker.example.com")
    assert answer.status_code == 200


def test_another_host_than_the_public_one_is_refused_in_production(settings: Settings, tracker: Tracker) -> None:
    app = build(replace(settings, production=True, public_url="https://tracker.example.com"), tracker)
    for path in ("/login", "/systems/main", "//systems"):
        answer = app.test_client().get(path, base_url="https://evil.example")
        assert answer.status_code == 400
        assert "evil.example" not in answer.headers.get("Location", "")


@pytest.mark.parametrize(
    "wanted", ["//evil.example", "/\\evil.example", "https://evil.example", "/\t/evil.example", "javascript:alert(1)"]
)
def test_nobody_is_sent_to_another_site(user: Person, wanted: str) -> None:
    user.upload("a.txt", b"hello")
    assert user.get("/login", query_string={"next": wanted}).headers["Location"] == "/"
    linked = user.post("/artifacts/1/link", {"objective": "3.1.1[a]", "next": wanted})
    assert linked.headers["Location"] == "/"


def test_another_site_cannot_change_anything(user: Person) -> None:
    path, body = "/api/v1/systems/main/requirements/3.1.1", {"narrative": "theirs"}
    token = {"X-CSRF-Token": user.token}
    for more in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}):
        assert user.client.patch(path, json=body, headers={**token, **more}).status_code == 403
    assert user.client.patch(path, json=body).status_code == 403
    assert user.get(path).get_json()["implementation"]["narrative"] == ""


def test_the_public_address_is_answered_behind_a_proxy_that_ends_tls(settings: Settings, tracker: Tracker) -> None:
    # The proxy passes Host on and speaks plain HTTP to the tracker; without TRUSTED_PROXIES nothing says https.
    app = build(replace(settings, production=True, public_url="https://tracker.example.com"), tracker)
    answer = app.test_client().get("/login", base_url="http://tracker.example.com")
    assert answer.status_code == 200


def test_who_may_not_judge_turns_no_partial_credit_on(user: Person, tracker: Tracker) -> None:
    """The switch decides about points, and whether 3.13.11 may wait: it is a judgement beside the texts."""
    at = "/systems/main/requirements/IA.L2-3.5.3"
    form = "/systems/main/requirements/IA.L2-3.5.3/implementation"
    assert user.call("PATCH", at, {"partial": True}).status_code == 200
    with tracker.write(OPERATOR) as work:
        mine = memberships.c.user_id == user.id
        work.db.execute(update(memberships).where(mine).values(may_contribute=True, may_judge=False))
    assert user.call("PATCH", at, {"partial": False}).status_code == 403
    assert user.call("PATCH", at, {"partial": True, "narrative": "By API."}).status_code == 200
    assert user.post(form, {"narrative": "By page.", "version": "3"}).status_code == 302
    found = user.call("GET", at).get_json()
    assert (found["implementation"]["narrative"], found["partial"]) == ("By page.", True)
