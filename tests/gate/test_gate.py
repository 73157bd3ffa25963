"""Headers, cookies, origins, hosts and errors: what every request passes."""

import logging
import re

import pytest
from flask import Flask

from cmmc_tracker import config
from cmmc_tracker.app import build
from cmmc_tracker.services.work import Tracker
from tests.conftest import PASSWORD, Person, add_account

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-XSS-Protection": "1; mode=block",
    "Referrer-Policy": "strict-origin-when-cross-origin",
}


def _production(database_url: str, tracker: Tracker, tmp_path: object, **more: str) -> Flask:
    given = {"FLASK_SECRET": "s" * 40, "CMMC_DATA_DIR": str(tmp_path), "DATABASE_URL": database_url}
    return build(config.read({**given, "FLASK_ENV": "production", **more}), tracker)


@pytest.mark.parametrize(
    "path", ["/login", "/", "/no/such/page", "/static/app.css", "/api/v1/systems", "/healthz", "/setup/x", "/api/v1/no"]
)
def test_every_answer_carries_the_headers(stranger: Person, path: str) -> None:
    answer = stranger.get(path)
    for name, value in HEADERS.items():
        assert answer.headers[name] == value, name
    policy = answer.headers["Content-Security-Policy"]
    assert "'unsafe-inline'" not in policy
    for part in (
        "default-src 'self'",
        "script-src 'self'",
        "frame-ancestors 'none'",
        "form-action 'self'",
        "base-uri 'none'",
    ):
        assert part in policy
    assert "Strict-Transport-Security" not in answer.headers
    assert "Werkzeug" not in answer.headers.get("Server", "")


def test_what_is_behind_sign_in_is_never_cached(user: Person) -> None:
    for path in ("/", "/artifacts", "/api/v1/systems"):
        assert user.get(path).headers["Cache-Control"] == "no-store"


def test_assets_are_cached_by_their_fingerprint_only(stranger: Person) -> None:
    found = re.search(r'href="(/static/app\.css\?v=[0-9a-f]{10})"', stranger.get("/login").text)
    assert found
    assert "immutable" in stranger.get(found[1]).headers["Cache-Control"]
    assert stranger.get("/static/app.css?v=another").headers["Cache-Control"] == "no-cache"
    assert stranger.get("/static/app.css").headers["Cache-Control"] == "no-cache"


def test_the_cookie_is_for_the_server_alone(app: Flask, tracker: Tracker) -> None:
    add_account(tracker, "bo")
    bo = Person("bo", app.test_client())
    cookie = bo.sign_in().headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie


def test_production_makes_the_cookie_secure_and_sends_hsts(
    database_url: str, tracker: Tracker, tmp_path: object
) -> None:
    client = _production(database_url, tracker, tmp_path).test_client()
    answer = client.get("/login")
    assert answer.headers["Set-Cookie"].startswith("__Host-session=")
    assert "Secure" in answer.headers["Set-Cookie"]
    assert "max-age=31536000" in answer.headers["Strict-Transport-Security"]


def test_in_production_only_the_public_host_is_answered(database_url: str, tracker: Tracker, tmp_path: object) -> None:
    app = _production(database_url, tracker, tmp_path, PUBLIC_URL="https://tracker.example.com")
    client = app.test_client()
    assert client.get("/login", base_url="https://tracker.example.com").status_code == 200
    assert client.get("/login", base_url="https://evil.example").status_code == 400
    assert client.get("/healthz", base_url="http://10.0.0.1").status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 302),
        ({"Sec-Fetch-Site": "same-origin"}, 302),
        ({"Sec-Fetch-Site": "none"}, 302),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "http://localhost"}, 302),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_what_the_browser_says_of_the_origin_counts_besides_the_token(
    user: Person, headers: dict[str, str], status: int
) -> None:
    assert user.post("/logout", headers=headers).status_code == status


def test_the_page_that_expired_says_so_and_nothing_changed(user: Person) -> None:
    answer = user.post("/logout", token="0" * 64)
    assert answer.status_code == 403
    assert "page had expired" in answer.text
    assert user.get("/").status_code == 200


@pytest.mark.parametrize("header", ["Bearer wrong", "bearer x", "Bearer "])
def test_a_wrong_token_never_falls_back_to_the_cookie(user: Person, header: str) -> None:
    assert user.get("/api/v1/systems", headers={"Authorization": header}).status_code == 401


def test_a_forged_or_cut_cookie_is_a_stranger(app: Flask, user: Person) -> None:
    cookie = user.client.get_cookie("session")
    assert cookie
    for value in (cookie.value[:-3], cookie.value[:-3] + "abc", "x", "." * 500, ""):
        thief = app.test_client()
        thief.set_cookie("session", value)
        assert thief.get("/").status_code == 302, value


def test_a_refusal_is_in_the_audit_log_with_its_person(user: Person, admin: Person) -> None:
    user.get("/admin/users")
    entry = admin.call("GET", "/audit?action=request:refused").get_json()["items"][0]
    assert entry["actor"] == "bo"
    assert entry["detail"]["path"] == "/admin/users"


def test_an_unforeseen_failure_shows_a_reference_that_is_in_the_log(
    app: Flask, user: Person, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("cmmc_tracker.services.assessment.picture", broken)
    with caplog.at_level(logging.ERROR):
        page, call = user.get("/"), user.call("GET", "/systems/main/score")
    assert (page.status_code, call.status_code) == (500, 500)
    assert "secret detail" not in page.text + call.text
    assert call.mimetype == "application/problem+json"
    reference = re.search(r"reference <code>([0-9a-f]{8})", page.text)
    assert reference
    assert reference[1] in caplog.text


@pytest.mark.parametrize(
    ("method", "path", "status"), [("DELETE", "/login", 405), ("PUT", "/artifacts", 405), ("BREW", "/", 405)]
)
def test_a_wrong_method_is_told(user: Person, method: str, path: str, status: int) -> None:
    answer = user.client.open(path, method=method, headers={"X-CSRF-Token": user.token})
    assert answer.status_code == status
    assert "Allow" in answer.headers


def test_error_pages_are_small(stranger: Person, user: Person) -> None:
    for answer in (
        stranger.get("/no"),
        user.get("/admin/users"),
        user.get("/artifacts/99"),
        user.get("/artifacts?cursor=x"),
    ):
        assert answer.status_code >= 400
        assert len(answer.data) < 8_000


def test_health_checks_need_no_sign_in_and_tell_nothing(stranger: Person, tracker: Tracker) -> None:
    assert (stranger.get("/healthz").status_code, stranger.get("/healthz").text) == (200, "alive\n")
    assert (stranger.get("/readyz").status_code, stranger.get("/readyz").text) == (200, "ready\n")


def test_trusted_proxies_read_that_many_addresses_from_the_right(
    database_url: str, tracker: Tracker, tmp_path: object
) -> None:
    given = {"FLASK_SECRET": "s" * 40, "CMMC_DATA_DIR": str(tmp_path), "DATABASE_URL": database_url}
    app = build(config.read({**given, "TRUSTED_PROXIES": "1"}), tracker)
    add_account(tracker, "bo")
    bo = Person("bo", app.test_client())
    token = bo.token_of("/login")
    for number in range(7):
        answer = bo.post(
            "/login",
            {"username": f"nobody{number}", "password": "wrong"},
            token=token,
            headers={"X-Forwarded-For": f"203.0.113.9, 192.0.2.{number}"},
        )
        assert answer.status_code == 401
    ok = bo.post(
        "/login", {"username": "bo", "password": PASSWORD}, token=token, headers={"X-Forwarded-For": "192.0.2.99"}
    )
    assert ok.status_code == 302
