"""Mass assignment: what a form or a call does not take is refused or left aside, never written."""

import io
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from cmmc_tracker.services import logins
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import artifact_versions, artifacts, users
from tests.conftest import PASSWORD, Person, add_account

EXTRA: dict[str, Any] = {
    "id": 99,
    "version": 99,
    "role": "admin",
    "is_admin": True,
    "user_id": 1,
    "created_by": "eve",
    "created_at": "2001-01-01",
    "organization": "x",
    "system_id": 1,
    "sha256": "0" * 64,
    "slug": "x",
    "demo": True,
    "rights": ["judge"],
    "points": 110,
    "__class__": "x",
    "constructor": {"a": 1},
    "": "x",
}
CALLS = [
    ("POST", "/systems", {"name": "Lab", "level": 2}, 201),
    ("PATCH", "/artifacts/1", {"title": "b"}, 200),
    ("PUT", "/artifacts/1/objectives/3.1.1[b]", {"locator": "p. 1"}, 204),
    ("PATCH", "/systems/main/requirements/3.1.1", {"narrative": "n"}, 200),
    ("PATCH", "/systems/main/requirements/3.1.1/objectives/a", {"status": "met"}, 200),
]


@pytest.mark.parametrize(("method", "path", "body", "status"), CALLS)
def test_a_call_takes_the_fields_that_it_declares_and_no_other(
    user: Person, method: str, path: str, body: dict[str, Any], status: int
) -> None:
    user.upload("a.txt", b"hello")
    for name, value in EXTRA.items():
        answer = user.call(method, path, {**body, name: value})
        assert answer.status_code == 422, name
        assert answer.get_json()["errors"] == {name or "body": "There is no such field."}, name
    assert user.call(method, path, body).status_code == status


@pytest.mark.parametrize("path", ["/api/v1/artifacts", "/api/v1/artifacts/1/versions"])
@pytest.mark.parametrize("name", ["id", "status", "created_by", "received_by", "sha256", "version", "number", "size"])
def test_an_upload_takes_the_fields_that_it_declares_and_no_other(
    user: Person, tracker: Tracker, path: str, name: str
) -> None:
    user.upload("a.txt", b"hello")
    data = {"title": "t"} if path.endswith("artifacts") else {}
    file = (io.BytesIO(b"other"), "b.txt")
    answer = user.client.post(path, data={**data, name: "9", "file": file}, headers={"X-CSRF-Token": user.token})
    assert answer.status_code == 422
    with tracker.read() as work:
        assert len(work.rows(select(artifact_versions.c.number))) == 1


def test_a_form_that_makes_an_account_sets_name_password_and_role_alone(admin: Person, tracker: Tracker) -> None:
    form = {"username": "bo", "password": PASSWORD, "role": "user"}
    more = {"id": "99", "disabled_at": "2001-01-01", "password_hash": "x", "is_admin": "1", "created_at": "2001-01-01"}
    assert admin.post("/admin/users", {**form, **more}).status_code == 302
    with tracker.read() as work:
        made = work.row(select(users).where(users.c.name == "bo"))
    assert made is not None
    assert (made.id, made.role, made.disabled_at) == (2, "user", None)
    assert made.created_at.year > 2001
    assert made.password_hash != "x"


@pytest.mark.parametrize("role", ["", "root", "Admin", "ADMIN", "admin ", "owner", "admin\0", "user,admin"])
def test_no_role_is_taken_but_the_two(admin: Person, tracker: Tracker, role: str) -> None:
    add_account(tracker, "bo")
    assert admin.post("/admin/users/2/role", {"role": role}).status_code == 422
    form = {"username": "cy", "password": PASSWORD, "role": role}
    assert admin.post("/admin/users", form).status_code == 422
    with tracker.read() as work:
        assert [row.role for row in work.rows(select(users.c.role).order_by(users.c.id))] == ["admin", "user"]


def test_two_roles_in_one_form_are_the_first(admin: Person, tracker: Tracker) -> None:
    data = {"csrf_token": admin.token, "username": "bo", "password": PASSWORD, "role": ["user", "admin"]}
    admin.client.post("/admin/users", data=data)
    with tracker.read() as work:
        assert [row.role for row in work.rows(select(users.c.role).where(users.c.name == "bo"))] == ["user"]


@pytest.mark.parametrize("path", ["/profile/password", "/profile/tokens", "/login", "/profile/second-factor/begin"])
def test_no_form_of_ones_own_account_raises_ones_role(user: Person, tracker: Tracker, path: str) -> None:
    new = "Other-Horse-Battery-9"
    form = {
        "old_password": PASSWORD,
        "new_password": new,
        "password_repeat": new,
        "confirm_password": PASSWORD,
        "username": "bo",
        "password": PASSWORD,
        "token_name": "t",
        "scope": "admin",
        "days": "3",
        "role": "admin",
        "is_admin": "true",
        "user_id": "1",
        "id": "1",
    }
    user.post(path, form)
    with tracker.read() as work:
        assert [row.role for row in work.rows(select(users.c.role))] == ["user"]


def test_a_set_up_makes_an_administrator_and_takes_no_other_field(
    app: Flask, tracker: Tracker, stranger: Person
) -> None:
    link = logins.make_setup_link(tracker)
    form = {"username": "ada", "password": PASSWORD, "password_repeat": PASSWORD, "id": "7", "role": "user"}
    assert stranger.post(f"/setup/{link}", form, token=stranger.token_of(f"/setup/{link}")).status_code == 302
    with tracker.read() as work:
        assert [(row.id, row.role) for row in work.rows(select(users.c.id, users.c.role))] == [(1, "admin")]


def test_the_form_of_an_artifact_changes_its_facts_alone(user: Person, tracker: Tracker) -> None:
    user.upload("a.txt", b"hello")
    more = {
        "id": "9",
        "status": "draft",
        "sha256": "0" * 64,
        "system_id": "9",
        "created_by": "9",
        "deleted_at": "2001-01-01",
    }
    form = {"title": "b", "version": "1", **more}
    assert user.post("/artifacts/1", form).status_code == 302
    with tracker.read() as work:
        kept = work.row(select(artifacts))
    assert kept is not None
    assert (kept.id, kept.title, kept.status, kept.version) == (1, "b", "approved", 2)
    assert user.get("/api/v1/artifacts/1").get_json()["current_version"]["filename"] == "a.txt"
