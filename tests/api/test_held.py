"""Evidence that stays where it is, by the API."""

import hashlib
import io
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from cmmc_tracker.services.work import Tracker
from tests.conftest import Person, person
from tests.services.evidence import give

HASH = hashlib.sha256(b"pump").hexdigest()
PLACE = "\\\\enclave\\cad\\pump.pdf"


def _send(who: Person, path: str = "/artifacts", **fields: Any) -> TestResponse:
    headers = {"X-CSRF-Token": who.token, **fields.pop("headers", {})}
    title = {"title": "Pump"} if path == "/artifacts" else {}
    given = {**title, "location": PLACE, "sha256": HASH, **fields}
    data = {name: value for name, value in given.items() if value is not None}
    return who.client.post(f"/api/v1{path}", data=data, headers=headers)


def _file() -> tuple[io.BytesIO, str]:
    return io.BytesIO(b"text"), "a.txt"


def test_it_is_registered_by_location_and_hash_alone(user: Person) -> None:
    answer = _send(user)
    made = answer.get_json()
    assert (answer.status_code, answer.headers["Location"]) == (201, f"/api/v1/artifacts/{made['id']}")
    current = made["current_version"]
    assert (current["location"], current["sha256"], current["number"]) == (PLACE, HASH, 1)
    assert (current["filename"], current["size"], current["media_type"], current["warnings"]) == (None, None, None, [])
    assert current["files"] == [
        {"filename": None, "media_type": None, "size": None, "sha256": HASH, "location": PLACE, "warnings": []}
    ]
    assert user.call("GET", f"/artifacts/{made['id']}").get_json() == made
    assert user.call("GET", "/artifacts?q=pump").get_json()["items"] == [made]


def test_what_is_known_of_it_is_kept_as_pasted_and_the_facts_go_with_it(user: Person) -> None:
    spaced = " ".join(HASH[i : i + 4] for i in range(0, 64, 4)).upper()
    more: dict[str, Any] = {"size": "4", "filename": "pump.pdf", "media_type": "application/pdf", "sha256": spaced}
    made = _send(user, **more, objectives=["3.1.1[a]", "3.1.2[b]"], locator="sheet 2", kind="diagram").get_json()
    current = made["current_version"]
    assert (current["filename"], current["size"], current["media_type"]) == ("pump.pdf", 4, "application/pdf")
    assert current["sha256"] == HASH
    assert [(one["id"], one["locator"]) for one in made["objectives"]] == [
        *(("AC.L2-3.1.1[a]", "sheet 2"), ("AC.L2-3.1.2[b]", "sheet 2")),
    ]
    assert made["kind"] == "diagram"


def test_a_plain_form_is_taken_as_well_as_a_multipart_one(user: Person) -> None:
    data = {"title": "Pump", "location": PLACE, "sha256": HASH}
    for kind in ("multipart/form-data", "application/x-www-form-urlencoded"):
        answer = user.client.post(
            "/api/v1/artifacts", data=data, content_type=kind, headers={"X-CSRF-Token": user.token}
        )
        assert answer.status_code == 201, (kind, answer.text)


def test_what_is_stored_here_has_no_location(user: Person) -> None:
    assert user.upload("a.txt", b"x").get_json()["current_version"]["location"] is None


def test_its_content_is_not_here_and_it_is_said_where_it_is(user: Person) -> None:
    made = _send(user, filename="pump.pdf").get_json()["id"]
    answer = user.call("GET", f"/artifacts/{made}/versions/1/content")
    assert answer.status_code == 409
    assert answer.mimetype == "application/problem+json"
    assert f"held at {PLACE}" in answer.get_json()["detail"]
    assert user.call("GET", f"/artifacts/{made}/versions/1/content?file=2").status_code == 404
    assert user.call("GET", f"/artifacts/{made}/versions/2/content").status_code == 404


def test_a_new_version_may_be_held_or_stored(user: Person) -> None:
    made = user.upload("a.txt", b"one").get_json()["id"]
    held = _send(user, f"/artifacts/{made}/versions", note="moved into the enclave").get_json()["current_version"]
    assert (held["number"], held["location"], held["size"], held["note"]) == (2, PLACE, None, "moved into the enclave")
    stored = _send(user, f"/artifacts/{made}/versions", location=None, sha256=None, file=_file())
    assert stored.get_json()["current_version"]["filename"] == "a.txt"
    assert stored.get_json()["current_version"]["location"] is None
    answers = [user.get(f"/api/v1/artifacts/{made}/versions/{n}/content") for n in (1, 2, 3)]
    assert [answer.status_code for answer in answers] == [200, 409, 200]


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"file": "FILE"}, {"location"}),
        ({"location": None, "sha256": None, "filename": "x.pdf", "file": "FILE"}, {"location"}),
        ({"location": None}, {"location"}),
        ({"sha256": None}, {"sha256"}),
        ({"sha256": "abc"}, {"sha256"}),
        ({"location": "a\nb"}, {"location"}),
        ({"location": "x" * 1_001}, {"location"}),
        ({"size": "-1"}, {"size"}),
        ({"size": "many", "filename": "/", "media_type": "pdf"}, {"size", "filename", "media_type"}),
        ({"location": None, "sha256": None}, {"file"}),
        ({"location": " ", "sha256": ""}, {"file"}),
        ({"held": "x"}, {"held"}),
    ],
)
@pytest.mark.parametrize("path", ["/artifacts", "/artifacts/1/versions"])
def test_what_is_wrong_is_told_by_its_field_and_nothing_is_kept(
    user: Person, path: str, fields: dict[str, Any], wrong: set[str]
) -> None:
    user.upload("a.txt", b"x")
    given = {name: _file() if value == "FILE" else value for name, value in fields.items()}
    answer = _send(user, path, **given)
    assert (answer.status_code, set(answer.get_json()["errors"])) == (422, wrong), answer.text
    items = user.call("GET", "/artifacts").get_json()["items"]
    assert [(one["id"], one["current_version"]["number"]) for one in items] == [(1, 1)]


def test_wrong_facts_are_told_as_for_any_other(user: Person) -> None:
    assert set(_send(user, collected_on="2999-01-01").get_json()["errors"]) == {"collected_on"}
    assert set(_send(user, objectives=["9.9.9[z]"]).get_json()["errors"]) == {"objective"}
    assert set(_send(user, owner="nobody").get_json()["errors"]) == {"owner"}


def test_a_stale_version_is_not_replaced(user: Person) -> None:
    made = _send(user).get_json()
    path = f"/artifacts/{made['id']}/versions"
    assert _send(user, path, headers={"If-Match": '"1"'}).status_code == 201
    assert _send(user, path, headers={"If-Match": '"1"'}).status_code == 412
    assert user.call("GET", f"/artifacts/{made['id']}").get_json()["current_version"]["number"] == 2


def test_strangers_others_and_readers_are_kept_out(
    app: Flask, tracker: Tracker, user: Person, outsider: Person, stranger: Person
) -> None:
    made = _send(user).get_json()["id"]
    assert _send(outsider, system="main").status_code == 422  # of the system nothing is told
    assert _send(outsider, f"/artifacts/{made}/versions").status_code == 404
    assert outsider.call("GET", f"/artifacts/{made}/versions/1/content").status_code == 404
    assert stranger.client.post("/api/v1/artifacts", data={"title": "x"}).status_code == 401
    reader = person(app, tracker, "rea")
    give(tracker, reader.id, may_contribute=False)
    assert _send(reader).status_code == 403
    assert _send(reader, f"/artifacts/{made}/versions").status_code == 403
    assert PLACE in reader.call("GET", f"/artifacts/{made}").get_json()["current_version"]["location"]


def test_the_description_says_what_may_come_in_the_place_of_a_file(user: Person) -> None:
    found = user.get("/api/openapi.json").get_json()["paths"]
    for path in ("/api/v1/artifacts", "/api/v1/artifacts/{artifact_id}/versions"):
        schema = found[path]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
        assert schema["anyOf"] == [
            *({"required": ["file"]}, {"required": ["location", "sha256"]}, {"required": ["held_files"]}),
        ]
        assert "file" not in schema.get("required", [])
        assert {"location", "sha256", "size", "filename", "media_type", "held_files"} <= set(schema["properties"])
    assert "409" in found["/api/v1/artifacts/{artifact_id}/versions/{number}/content"]["get"]["responses"]


def test_several_files_that_stay_are_one_artifact_in_their_order(user: Person) -> None:
    lines = (
        f"{HASH}  cad/pump.pdf\n{'b' * 64} *cad/valve.pdf\n{'c' * 64}\tcad/seal.pdf\t12\tseal.pdf\tapplication/pdf\n"
    )
    answer = _send(user, location=None, sha256=None, held_files=lines)
    made = answer.get_json()
    assert answer.status_code == 201, answer.text
    current = made["current_version"]
    assert [(one["location"], one["sha256"], one["size"]) for one in current["files"]] == [
        *(("cad/pump.pdf", HASH, None), ("cad/valve.pdf", "b" * 64, None), ("cad/seal.pdf", "c" * 64, 12)),
    ]
    assert (current["location"], current["sha256"]) == ("cad/pump.pdf", HASH)
    third = user.call("GET", f"/artifacts/{made['id']}/versions/1/content?file=3")
    assert (third.status_code, "cad/seal.pdf" in third.get_json()["detail"]) == (409, True)
    again = _send(user, f"/artifacts/{made['id']}/versions", location=None, sha256=None, held_files=lines.upper())
    assert (again.status_code, again.get_json()["current_version"]["number"]) == (201, 2)


@pytest.mark.parametrize(
    ("fields", "field", "told"),
    [
        ({"held_files": f"{HASH}  a\nnonsense\n{HASH}  a"}, "held_files", "Line 2: It must be the SHA-256 and then"),
        ({"held_files": f"{HASH}  a\n", "location": "b", "sha256": HASH}, "held_files", "Keep one of the two"),
        ({"held_files": f"{HASH}  a\n", "file": True}, "held_files", "not both"),
        ({"held_files": " \n"}, "file", "A file is needed"),
    ],
)
def test_lines_that_are_wrong_or_beside_something_else_keep_nothing(
    user: Person, fields: dict[str, Any], field: str, told: str
) -> None:
    if fields.get("file"):
        fields = {**fields, "file": _file()}
    answer = _send(user, **{"location": None, "sha256": None, **fields})
    assert answer.status_code == 422
    assert told in answer.get_json()["errors"][field]
    assert user.call("GET", "/artifacts").get_json()["items"] == []
