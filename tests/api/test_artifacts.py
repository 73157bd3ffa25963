"""Artifacts by the API: uploading, describing, linking, downloading."""

import hashlib
import io
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from cmmc_tracker.services import verify
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import artifacts as artifacts_table
from tests.conftest import Person, png


def _rows(tracker: Tracker) -> int:
    with tracker.read() as work:
        return int(work.db.execute(select(func.count()).select_from(artifacts_table)).scalar_one())


def _files(root: Path) -> list[str]:
    return sorted(p.name for p in root.rglob("*") if p.is_file() and p.name != ".gate")


def test_an_upload_is_kept_byte_for_byte_and_described(user: Person, tmp_path: Path) -> None:
    content = png(40, 30)
    answer = user.upload("shot.png", content, title="Firewall", kind="screenshot", collected_on="2026-01-02")
    made = answer.get_json()
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/api/v1/artifacts/{made['id']}"
    assert made["title"] == "Firewall"
    assert made["kind"] == "screenshot"
    assert made["status"] == "approved"
    assert made["collected_on"] == "2026-01-02"
    current = made["current_version"]
    assert current["sha256"] == hashlib.sha256(content).hexdigest()
    assert (current["number"], current["filename"], current["media_type"]) == (1, "shot.png", "image/png")
    assert current["size"] == len(content)
    assert current["received_by"] == "bo"
    assert _files(tmp_path / "uploads") == [current["sha256"]]


def test_only_a_title_and_a_file_are_needed(user: Person) -> None:
    made = user.upload("a.txt", b"text").get_json()
    assert (made["kind"], made["description"], made["objectives"]) == ("other", "", [])


def test_the_token_may_come_as_a_form_field(user: Person) -> None:
    data = {"csrf_token": user.token, "title": "t", "file": (io.BytesIO(b"x"), "a.txt")}
    assert user.client.post("/api/v1/artifacts", data=data).status_code == 201


def test_the_same_bytes_twice_are_stored_once_and_shown_as_such(user: Person, tmp_path: Path) -> None:
    first, second = (user.upload(name, b"same bytes").get_json() for name in ("a.txt", "b.txt"))
    assert first["id"] != second["id"]
    assert len(_files(tmp_path / "uploads")) == 1
    assert "Same bytes as" in user.get(f"/artifacts/{second['id']}").text


def test_objectives_are_linked_at_upload_with_what_they_show(user: Person) -> None:
    made = user.upload(
        "a.txt", b"x", objectives=["AC.L2-3.1.1[a]", "3.1.1[B]", "3.1.1[a]"], locator="p. 3", shows="the list"
    ).get_json()
    assert made["objectives"] == [
        {"system": "main", "id": "AC.L2-3.1.1[a]", "locator": "p. 3", "shows": "the list"},
        {"system": "main", "id": "AC.L2-3.1.1[b]", "locator": "p. 3", "shows": "the list"},
    ]
    objective = user.call("GET", "/systems/main/requirements/3.1.1").get_json()["objectives"][0]
    assert objective["artifacts"] == [
        {"id": made["id"], "title": "a.txt", "status": "approved", "locator": "p. 3", "shows": "the list"}
    ]


@pytest.mark.parametrize(
    ("name", "content", "fields", "status", "field"),
    [
        ("a.txt", b"", {}, 422, "file"),
        ("a.txt", b"x", {"title": ""}, 422, "title"),
        ("a.txt", b"x", {"title": "x" * 301}, 422, "title"),
        ("a.txt", b"x", {"kind": "poster"}, 422, "kind"),
        ("a.txt", b"x", {"collected_on": "2999-01-01"}, 422, "collected_on"),
        ("a.txt", b"x", {"collected_on": "2026-02-30"}, 422, "collected_on"),
        ("a.txt", b"x", {"covers_from": "2026-05-02", "covers_until": "2026-05-01"}, 422, "covers_from"),
        ("a.txt", b"x", {"objectives": "3.1.99[a]"}, 422, "objective"),
        ("a.txt", b"x", {"system": "nowhere"}, 422, "system"),
        ("a.txt", b"x", {"colour": "red"}, 422, "colour"),
        ("a.exe", b"MZ", {}, 415, None),
        ("a", b"x", {}, 415, None),
        ("a.pdf", b"PK\x03\x04 not a pdf", {}, 415, None),
        ("a.txt", b"\x89PNG\r\n\x1a\n" + b"\0" * 50, {}, 415, None),
        ("a.png", b"just text", {}, 415, None),
    ],
)
def test_a_refused_upload_names_why_and_leaves_nothing(
    user: Person,
    tracker: Tracker,
    tmp_path: Path,
    name: str,
    content: bytes,
    fields: dict[str, str],
    status: int,
    field: str | None,
) -> None:
    answer = user.upload(name, content, **fields)
    assert answer.status_code == status, answer.text
    problem = answer.get_json()
    assert problem["status"] == status
    assert field is None or field in problem["errors"]
    assert _rows(tracker) == 0
    assert _files(tmp_path / "uploads") == []


def test_no_file_is_refused(user: Person) -> None:
    none = user.client.post("/api/v1/artifacts", data={"title": "t"}, headers={"X-CSRF-Token": user.token})
    assert none.status_code == 422
    assert "file" in none.get_json()["errors"]


def test_without_a_system_it_must_be_named_when_several_could_be_meant(user: Person) -> None:
    user.call("POST", "/systems", {"name": "Lab", "level": 2})
    answer = user.upload("a.txt", b"x")
    assert answer.status_code == 422
    assert "system" in answer.get_json()["errors"]
    assert user.upload("a.txt", b"x", system="lab").status_code == 201


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd.txt", "passwd.txt"),
        ("a\u202egpj.txt", "agpj.txt"),
        ("x" * 400 + ".txt", None),
    ],
)
def test_hostile_names_are_cleaned_for_display_and_never_reach_the_disk(
    user: Person, tmp_path: Path, name: str, shown: str | None
) -> None:
    made = user.upload(name, b"content", title="t").get_json()
    filename = made["current_version"]["filename"]
    assert filename == shown or (shown is None and len(filename) == 200 and filename.endswith(".txt"))
    assert _files(tmp_path / "uploads") == [made["current_version"]["sha256"]]


def test_the_content_comes_back_with_its_hash_as_etag_and_ranges(user: Person) -> None:
    content = bytes(range(256)) * 40
    made = user.upload("a.zip", _zip(content)).get_json()
    stored = _zip(content)
    path = f"/api/v1/artifacts/{made['id']}/versions/1/content"
    whole = user.get(path)
    assert whole.data == stored
    assert whole.headers["ETag"] == f'"{hashlib.sha256(stored).hexdigest()}"'
    assert whole.mimetype == "application/zip"
    assert whole.headers["Content-Disposition"].startswith("attachment")
    assert "sandbox" in whole.headers["Content-Security-Policy"]
    part = user.get(path, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.data) == (206, stored[10:20])
    assert part.headers["Content-Range"] == f"bytes 10-19/{len(stored)}"
    assert user.get(path, headers={"If-None-Match": whole.headers["ETag"]}).status_code == 304
    beyond = user.get(path, headers={"Range": f"bytes={len(stored) + 5}-"})
    assert beyond.status_code == 416


def _zip(content: bytes) -> bytes:
    import zipfile

    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        info = zipfile.ZipInfo("data.bin", (2026, 1, 1, 0, 0, 0))
        archive.writestr(info, content)
    return file.getvalue()


@pytest.mark.parametrize(
    "tail", ["versions/2/content", "versions/0/content", "versions/1/content?file=2", "versions/1/content?file=x"]
)
def test_content_that_is_not_there_is_not_found(user: Person, tail: str) -> None:
    made = user.upload("a.txt", b"x").get_json()
    assert user.get(f"/api/v1/artifacts/{made['id']}/{tail}").status_code == 404


def test_a_new_version_keeps_the_old_one(user: Person) -> None:
    made = user.upload("a.txt", b"one").get_json()
    data = {"file": (io.BytesIO(b"two"), "b.txt"), "note": "October"}
    answer = user.client.post(
        f"/api/v1/artifacts/{made['id']}/versions", data=data, headers={"X-CSRF-Token": user.token}
    )
    found = answer.get_json()
    assert answer.status_code == 201
    assert found["current_version"]["number"] == 2
    assert found["current_version"]["note"] == "October"
    assert user.get(f"/api/v1/artifacts/{made['id']}/versions/1/content").data == b"one"
    assert user.get(f"/api/v1/artifacts/{made['id']}/versions/2/content").data == b"two"


def test_facts_are_changed_and_a_stale_change_is_refused(user: Person) -> None:
    made = user.upload("a.txt", b"x", covers_from="2026-01-01").get_json()
    path = f"/artifacts/{made['id']}"
    answer = user.call("PATCH", path, {"title": "New", "covers_from": None}, headers={"If-Match": '"1"'})
    found = answer.get_json()
    assert (answer.status_code, found["title"], found["covers_from"], found["version"]) == (200, "New", None, 2)
    assert user.call("PATCH", path, {"title": "Newer"}, headers={"If-Match": '"1"'}).status_code == 412
    assert user.call("PATCH", path, {"title": ""}).status_code == 422
    assert user.call("PATCH", path, {"sha256": "x"}).status_code == 422
    assert user.call("GET", path).get_json()["title"] == "New"


def test_a_deleted_artifact_is_found_nowhere_and_its_bytes_stay(user: Person, tracker: Tracker) -> None:
    made = user.upload("a.txt", b"x", objectives="3.1.1[a]").get_json()
    path = f"/artifacts/{made['id']}"
    assert user.call("DELETE", path).status_code == 204
    assert user.call("DELETE", path).status_code == 404
    assert user.call("GET", path).status_code == 404
    assert user.call("PATCH", path, {"title": "x"}).status_code == 404
    assert user.get(f"/api/v1{path}/versions/1/content").status_code == 404
    assert user.call("PUT", f"{path}/objectives/3.1.1[a]").status_code == 404
    assert user.call("GET", "/artifacts").get_json()["items"] == []
    assert user.call("GET", "/systems/main/requirements/3.1.1").get_json()["objectives"][0]["artifacts"] == []
    report = verify.run(tracker)
    assert (report.blobs, report.problems, report.removed) == (1, [], [])


def test_linking_and_unlinking_again_is_no_error(user: Person) -> None:
    made = user.upload("a.txt", b"x").get_json()
    path = f"/artifacts/{made['id']}/objectives/AC.L2-3.1.1[a]"
    assert user.call("PUT", path, {"locator": "§4.2, p. 7", "shows": "who may"}).status_code == 204
    assert user.call("PUT", path, {"locator": "§4.2, p. 7", "shows": "who may"}).status_code == 204
    found = user.call("GET", f"/artifacts/{made['id']}").get_json()["objectives"]
    assert found == [{"system": "main", "id": "AC.L2-3.1.1[a]", "locator": "§4.2, p. 7", "shows": "who may"}]
    assert user.call("DELETE", path).status_code == 204
    assert user.call("DELETE", path).status_code == 204
    assert user.call("GET", f"/artifacts/{made['id']}").get_json()["objectives"] == []


@pytest.mark.parametrize("objective", ["AC.L2-3.1.99[a]", "3.1.1[z]", "nonsense"])
def test_an_unknown_objective_cannot_be_linked(user: Person, objective: str) -> None:
    made = user.upload("a.txt", b"x").get_json()
    assert user.call("PUT", f"/artifacts/{made['id']}/objectives/{objective}").status_code == 422


def test_the_list_is_paged_by_its_cursor_newest_first(user: Person) -> None:
    for number in range(7):
        user.upload(f"file {number}.txt", b"x")
    first = user.call("GET", "/artifacts?limit=3").get_json()
    second = user.call("GET", f"/artifacts?limit=3&cursor={first['next_cursor']}").get_json()
    third = user.call("GET", f"/artifacts?limit=3&cursor={second['next_cursor']}").get_json()
    titles = [i["title"] for page in (first, second, third) for i in page["items"]]
    assert titles == [f"file {n}.txt" for n in range(6, -1, -1)]
    assert third["next_cursor"] is None


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("limit=0", 422),
        ("limit=201", 422),
        ("limit=x", 422),
        ("cursor=x", 400),
        ("kind=x", 422),
        ("status=x", 422),
        ("objective=x", 422),
        ("limit=200", 200),
    ],
)
def test_wrong_list_parameters_are_told(user: Person, query: str, status: int) -> None:
    assert user.call("GET", f"/artifacts?{query}").status_code == status


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("q=firewall", ["Firewall rules"]),
        ("q=FIRE", ["Firewall rules"]),
        ("q=rules_2026", ["Firewall rules"]),
        ("q=gap", ["Plan"]),
        ("q=wall", []),
        ("q=%22%20OR%20*", []),
        ("q=firewall+nothing", []),
        ("kind=plan", ["Plan"]),
        ("objective=3.1.1[a]", ["Plan"]),
        ("status=approved", ["Firewall rules", "Plan"]),
        ("status=draft", []),
    ],
)
def test_artifacts_are_found_by_words_kind_and_objective(user: Person, query: str, titles: list[str]) -> None:
    user.upload("plan.md", b"# Plan", title="Plan", kind="plan", description="closes the gap", objectives="3.1.1[a]")
    user.upload("rules_2026.txt", b"allow", title="Firewall rules", kind="configuration_export")
    assert [i["title"] for i in user.call("GET", f"/artifacts?{query}").get_json()["items"]] == titles


def test_a_changed_title_is_found_by_its_new_words_only(user: Person) -> None:
    made = user.upload("a.txt", b"x", title="Old words").get_json()
    user.call("PATCH", f"/artifacts/{made['id']}", {"title": "New phrase"})
    assert user.call("GET", "/artifacts?q=phrase").get_json()["items"]
    assert user.call("GET", "/artifacts?q=old").get_json()["items"] == []


def test_a_request_over_the_limit_is_too_large_and_nothing_is_kept(
    app: Flask, user: Person, tracker: Tracker, tmp_path: Path
) -> None:
    app.config["MAX_CONTENT_LENGTH"] = 10_000
    answer = user.upload("a.txt", b"x" * 20_000)
    assert answer.status_code == 413
    assert answer.mimetype == "application/problem+json"
    assert _rows(tracker) == 0
    assert _files(tmp_path / "uploads") == []


def test_an_upload_cut_short_is_malformed_and_leaves_nothing(user: Person, tracker: Tracker, tmp_path: Path) -> None:
    body = (
        b'--b\r\nContent-Disposition: form-data; name="title"\r\n\r\nt\r\n'
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nbegin'
    )
    answer = user.client.post(
        "/api/v1/artifacts",
        data=body,
        headers={"X-CSRF-Token": user.token, "Content-Type": "multipart/form-data; boundary=b"},
    )
    assert answer.status_code in {400, 422}
    assert _rows(tracker) == 0
    assert _files(tmp_path / "uploads") == []


def test_who_may_only_view_cannot_change_evidence(user: Person, admin: Person, tracker: Tracker) -> None:
    from sqlalchemy import update

    from cmmc_tracker.storage.tables import memberships

    made = admin.upload("a.txt", b"x").get_json()
    with tracker.write() as work:
        work.db.execute(
            update(memberships).where(memberships.c.user_id == user.id).values(may_contribute=False, may_judge=False)
        )
    path = f"/artifacts/{made['id']}"
    assert user.call("GET", path).status_code == 200
    assert user.upload("b.txt", b"y").status_code == 403
    assert user.call("PATCH", path, {"title": "x"}).status_code == 403
    assert user.call("DELETE", path).status_code == 403
    assert user.call("PUT", f"{path}/objectives/3.1.1[a]").status_code == 403
    judged = user.call("PATCH", "/systems/main/requirements/3.1.1/objectives/a", {"status": "met"})
    assert judged.status_code == 403


def test_an_artifact_of_another_system_is_unknown_until_it_is_linked_into_mine(user: Person, admin: Person) -> None:
    admin.call("POST", "/systems", {"name": "Lab", "level": 2})
    made = admin.upload("a.txt", b"x", system="lab").get_json()
    assert user.call("GET", f"/artifacts/{made['id']}").status_code == 404
    admin.call("PUT", f"/artifacts/{made['id']}/objectives/3.1.1[a]?system=main")
    admin.call("PUT", f"/artifacts/{made['id']}/objectives/3.1.1[b]?system=lab")
    found = user.call("GET", f"/artifacts/{made['id']}").get_json()
    assert [o["id"] for o in found["objectives"]] == ["AC.L2-3.1.1[a]"]
    assert user.call("PATCH", f"/artifacts/{made['id']}", {"title": "mine"}).status_code == 404


@pytest.mark.parametrize("number", ["999999999999", "9" * 18, "9" * 19, "11141820048625516544", "9" * 400])
def test_a_number_that_no_artifact_has_is_unknown_by_every_method(user: Person, number: str) -> None:
    for method, path in (
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/versions"),
        ("GET", "/versions/1/content"),
        ("PUT", "/objectives/3.1.1[a]"),
        ("DELETE", "/objectives/3.1.1[a]"),
    ):
        sent = {"title": "x"} if method == "PATCH" else None
        assert user.call(method, f"/artifacts/{number}{path}", sent).status_code == 404, (method, path)


def test_what_a_package_holds_cannot_go_and_the_description_says_so(user: Person) -> None:
    user.upload("policy.txt", b"what we do", objectives="3.1.1[a]")
    asked = {"name": "For Northwind", "purpose": "readiness", "reason": "To see what is missing."}
    assert user.call("POST", "/systems/main/packages", asked).status_code == 201
    refused = user.call("DELETE", "/artifacts/1")
    assert (refused.status_code, "held by package:1" in refused.get_json()["detail"]) == (409, True)
    assert user.call("GET", "/artifacts/1").status_code == 200
    described = user.get("/api/openapi.json").get_json()["paths"]["/api/v1/artifacts/{artifact_id}"]
    assert "409" in described["delete"]["responses"]
