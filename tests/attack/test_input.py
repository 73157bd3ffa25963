"""Odd values in every place that takes one: an answer that says so, never a failure of ours, on either database."""

import io
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.conftest import PASSWORD, Person

BIG = "99999999999999999999"  # over 64 bits
NUL = "%00"

FOR_USERS = [
    (f"/artifacts/{BIG}", 404),
    (f"/api/v1/artifacts/{BIG}", 404),
    (f"/api/v1/artifacts/1/versions/{BIG}/content", 404),
    (f"/api/v1/artifacts/1/versions/1/content?file={BIG}", 404),
    (f"/uploads/{BIG}/1/a.txt", 404),
    (f"/uploads/1/{BIG}/a.txt", 404),
    (f"/artifacts/1/versions/{BIG}/pages/1.png", 404),
    (f"/artifacts/1/versions/1/pages/{BIG}.png", 404),
    (f"/artifacts/1?version={BIG}", 200),
    (f"/artifacts?cursor={BIG}", 400),
    (f"/api/v1/artifacts?limit=000000001{BIG}", 422),
    ("/api/v1/artifacts?limit=0000000019999", 422),
    (f"/api/v1/artifacts?limit=000000001{'9' * 5_000}", 422),
    (f"/artifacts?q=a{NUL}b", 200),
    (f"/artifacts?family={NUL}", 200),
    (f"/artifacts?family=A{NUL}", 200),
    (f"/artifacts?kind={NUL}", 422),
    (f"/artifacts?status={NUL}", 422),
    (f"/artifacts?objective={NUL}", 422),
    (f"/systems/{NUL}/requirements", 404),
    (f"/systems/main/requirements?q={NUL}&family={NUL}&status={NUL}", 200),
    ("/systems/main/requirements/nope", 404),
    ("/systems/main/requirements/AC.L2-3.1.1/objectives/z", 404),
    (f"/?system={NUL}", 404),
    (f"/uploads/1/1/{NUL}", 404),
    ("/uploads/1/1/..%2f..%2fcmmc.db", 404),
    ("/static/..%2f..%2fconfig.py", 404),
    ("/%ff%fe", 404),
]


@pytest.mark.parametrize(("path", "status"), FOR_USERS)
def test_an_odd_address_gets_its_status(user: Person, path: str, status: int) -> None:
    user.upload("a.txt", b"hello")
    assert user.get(path).status_code == status


FOR_ADMINS = [
    ("/audit?until=9999-12-31", {200, 422}),
    ("/audit?since=0001-01-01", {200}),
    (f"/audit?actor={NUL}", {200, 422}),
    (f"/audit?action={NUL}", {200, 422}),
    (f"/audit?entity={NUL}*", {200, 422}),
    ("/api/v1/audit?since=0001-01-01T00:00:00%2B14:00", {200, 422}),
    ("/api/v1/audit?until=9999-12-31T23:59:59-14:00", {200, 422}),
    (f"/api/v1/audit?actor={NUL}", {200, 422}),
    (f"/api/v1/audit?entity={NUL}", {200, 422}),
    (f"/api/v1/audit?since={NUL}", {422}),
]


@pytest.mark.parametrize(("path", "statuses"), FOR_ADMINS)
def test_an_odd_filter_of_the_audit_log_gets_its_status(admin: Person, path: str, statuses: set[int]) -> None:
    assert admin.get(path).status_code in statuses


@pytest.mark.parametrize("act", ["disable", "enable", "role", "password"])
def test_an_account_of_an_impossible_number_is_not_found(admin: Person, act: str) -> None:
    answer = admin.post(f"/admin/users/{BIG}/{act}", {"role": "user", "password": PASSWORD})
    assert answer.status_code == 404


def test_a_session_of_an_impossible_number_is_not_found(user: Person) -> None:
    assert user.post(f"/profile/sessions/{BIG}/end").status_code == 404


@pytest.mark.parametrize("name", ["\0", "a\0b"])
def test_a_nul_in_the_name_is_a_wrong_sign_in(stranger: Person, name: str) -> None:
    answer = stranger.post("/login", {"username": name, "password": "x"}, token=stranger.token_of("/login"))
    assert answer.status_code == 401


def _by_api(user: Person, field: str) -> TestResponse:
    return user.upload("b.txt", b"other", **{field: "a\0b"})


def _by_page(user: Person, field: str) -> TestResponse:
    return user.post("/artifacts/upload", {"title": "t", "file": (io.BytesIO(b"more"), "b.txt"), field: "a\0b"})


def _by_link_form(user: Person, field: str) -> TestResponse:
    return user.post("/artifacts/1/link", {"objective": "3.1.1[a]", field: "a\0b"})


def _by_link_call(user: Person, field: str) -> TestResponse:
    return user.call("PUT", "/artifacts/1/objectives/3.1.1[a]", {field: "a\0b"})


@pytest.mark.parametrize("field", ["locator", "shows"])
@pytest.mark.parametrize("send", [_by_api, _by_page, _by_link_form, _by_link_call])
def test_a_nul_in_what_a_link_says_is_a_wrong_field(
    user: Person, field: str, send: Callable[[Person, str], TestResponse]
) -> None:
    user.upload("a.txt", b"hello")
    assert send(user, field).status_code == 422


@pytest.mark.parametrize("origin", ["http://[::1", "http://[", "null", "http://évil", "\x7f"])
def test_an_origin_that_is_none_is_another_site(client: FlaskClient, origin: str) -> None:
    assert client.post("/login", headers={"Origin": origin.encode("latin-1").decode("latin-1")}).status_code == 403


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser of nobody's."""
    return app.test_client()


@pytest.mark.parametrize("host", ["..", "x" * 5_000, "a..b", ".example.com"])
def test_a_host_that_no_name_can_be_is_answered_by_the_tracker(client: FlaskClient, host: str) -> None:

    answer = client.get("/login", headers={"Host": host})
    assert answer.status_code < 500
    assert "Content-Security-Policy" in answer.headers


@pytest.mark.parametrize(
    ("given", "status", "sent"),
    [
        ("bytes=0-0", 206, b"h"),
        ("bytes=-2", 206, b"lo"),
        ("bytes=-10", 206, b"hello"),
        ("lines=1-2", 200, b"hello"),
        ("bytes=9-", 416, None),
    ],
)
def test_a_range_is_read_as_the_standard_says(user: Person, given: str, status: int, sent: bytes | None) -> None:
    user.upload("a.txt", b"hello")
    answer = user.get("/uploads/1/1/a.txt", headers={"Range": given})
    assert answer.status_code == status
    assert sent is None or answer.data == sent


def test_a_static_file_that_is_not_there_is_not_kept_for_a_year(client: FlaskClient) -> None:
    answer = client.get("/static/nope.js?v=1")
    assert answer.status_code == 404
    assert "immutable" not in answer.headers["Cache-Control"]


@pytest.mark.parametrize(
    "body",
    [b"[" * 100_000, b'{"a":' * 100_000, b"1" * 5_000, b'{"narrative":' + b"1" * 5_000 + b"}", b"null", b"\xff"],
)
def test_a_body_that_is_no_object_is_malformed(user: Person, body: bytes) -> None:
    headers = {"X-CSRF-Token": user.token, "Content-Type": "application/json"}
    answer = user.client.patch("/api/v1/systems/main/requirements/3.1.1", data=body, headers=headers)
    assert answer.status_code == 400
    assert answer.mimetype == "application/problem+json"


@pytest.mark.parametrize("title", ["\u200b", "\u061c", "\u2060\u200d"])
def test_a_title_that_nobody_can_see_is_none(user: Person, title: str) -> None:
    assert user.upload("a.txt", b"hello", title=title).status_code == 422
