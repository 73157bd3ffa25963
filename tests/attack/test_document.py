"""Lines of the security document, and of the ASVS, that no test of a single feature shows."""

import hmac
import http.client
import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyotp
import pytest
from flask import Flask
from sqlalchemy import select

from cmmc_tracker import config, errors
from cmmc_tracker.app import build
from cmmc_tracker.config import MIB, Settings
from cmmc_tracker.domain.permissions import Actor, Role
from cmmc_tracker.domain.uploads import ALLOWED, INLINE
from cmmc_tracker.gate import headers
from cmmc_tracker.gate.problems import STATUS
from cmmc_tracker.services import logins, second_factor
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import audit, second_factors
from tests.attack.raw import exchange, served
from tests.conftest import PASSWORD, Person, add_account
from tests.domain.test_uploads import REAL, SAME
from tests.test_house import ADMIN_ONLY

NEW = "Another-Long-Phrase-7"
PLACES = (
    "/login",
    "/",
    "/no/such/page",
    "/static/app.css",
    "/static/none.js",
    "/healthz",
    "/setup/x",
    "/api/v1/systems",
)
POLICY = {
    "default-src": "'self'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data: blob:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
    "object-src": "'none'",
}


def _directives(policy: str) -> dict[str, str]:
    parts = [part.strip().partition(" ") for part in policy.split(";")]
    assert len({name for name, _, _ in parts}) == len(parts)
    return {name: value for name, _, value in parts}


@pytest.mark.parametrize("path", PLACES)
def test_the_policy_is_exactly_the_one_of_the_document_without_unsafe_inline(stranger: Person, path: str) -> None:
    assert _directives(stranger.get(path).headers["Content-Security-Policy"]) == POLICY


@pytest.mark.parametrize("policy", [headers.UPLOAD_POLICY, headers.PDF_POLICY])
def test_uploads_are_shown_under_a_policy_that_runs_nothing_and_is_framed_by_nobody(policy: str) -> None:
    given = _directives(policy)
    assert (given["default-src"], given["frame-ancestors"]) == ("'none'", "'none'")
    assert not {"script-src", "object-src", "connect-src", "form-action"} & set(given)
    assert "allow-" not in policy


@pytest.mark.parametrize("path", PLACES)
def test_the_headers_past_the_document_are_on_every_answer(stranger: Person, path: str) -> None:
    answer = stranger.get(path)
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    for power in ("camera", "geolocation", "microphone"):
        assert f"{power}=()" in answer.headers["Permissions-Policy"]
    assert not [name for name, _ in answer.headers if name.lower().startswith("access-control-")]
    given = stranger.get(path, headers={"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in given.headers


@pytest.mark.parametrize("path", PLACES)
def test_production_sends_hsts_on_errors_and_static_files_too(settings: Settings, tracker: Tracker, path: str) -> None:
    client = build(replace(settings, production=True), tracker).test_client()
    given = client.get(path, buffered=True).headers["Strict-Transport-Security"]
    assert re.fullmatch(r"max-age=(\d+); includeSubDomains", given)
    assert int(given.removeprefix("max-age=").split(";")[0]) >= 31_536_000


def test_an_answer_at_the_door_carries_the_headers_and_tells_no_server(app: Flask) -> None:
    with served(app) as server:
        got = exchange(server, b"POST /login HTTP/1.1\r\nHost: h\r\nContent-Length: 99999\r\n\r\n").decode()
        page = exchange(server, b"GET /login HTTP/1.0\r\nHost: h\r\n\r\n").decode()
    for name, value in headers.always(production=False).items():
        assert f"{name}: {value}\r\n".lower() in got.lower()
    for answer in (got, page):
        assert not re.search(
            r"^(?:Server|Via|X-Powered-By):", answer.split("\r\n\r\n")[0], re.IGNORECASE | re.MULTILINE
        )


def test_every_answer_says_its_type_and_charset(user: Person) -> None:
    user.upload("a.txt", b"x")
    for path in ("/", "/login", "/no", "/static/app.js", "/static/app.css", "/uploads/1/1/a.txt", "/healthz"):
        assert "charset=utf-8" in user.get(path).headers["Content-Type"].lower(), path
    assert user.get("/api/v1/systems").mimetype == "application/json"
    assert user.get("/api/v1/no").mimetype == "application/problem+json"


@pytest.mark.parametrize("method", ["TRACE", "TRACK", "CONNECT", "PROPFIND"])
def test_methods_that_nobody_needs_are_refused(user: Person, method: str) -> None:
    answer = user.client.open("/", method=method, headers={"X-Told-Back": "secret"})
    assert answer.status_code == 405
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    "path", ["/static/", "/static", "/uploads/", "/uploads/1/1/", "/.git/config", "/.env", "/cmmc.db"]
)
def test_no_folder_is_listed_and_no_file_of_the_machine_is_served(user: Person, path: str) -> None:
    user.upload("a.txt", b"x")
    assert user.get(path).status_code == 404


@pytest.mark.parametrize("extension", sorted(ALLOWED))
def test_every_type_is_sent_under_its_own_name_and_only_harmless_ones_are_shown(user: Person, extension: str) -> None:
    content = REAL[SAME.get(extension, extension)]
    made = user.upload(f"a{extension}", content)
    assert made.status_code == 201, made.text
    answer = user.get(f"/uploads/1/1/a{extension}")
    assert answer.mimetype == ALLOWED[extension]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    shown = answer.headers["Content-Disposition"].startswith("inline")
    assert shown is (ALLOWED[extension] in INLINE)
    assert shown is (extension in {".png", ".jpg", ".jpeg", ".gif", ".webp", ".pdf", ".txt"})


def test_without_any_setting_debug_is_off_and_the_limit_is_a_hundred_megabytes(database_url: str) -> None:
    given = config.read({"DATABASE_URL": database_url})
    assert (given.debug, given.production, given.trusted_proxies) == (False, False, 0)
    assert given.max_upload_bytes == 100 * MIB
    assert given.secret_is_random
    assert len(given.secret) == 64
    assert given.secret != config.read({"DATABASE_URL": database_url}).secret


def test_the_cookie_and_the_limit_are_set_as_the_document_names_them(settings: Settings, tracker: Tracker) -> None:
    for production in (False, True):
        app = build(replace(settings, production=production), tracker)
        assert app.config["SESSION_COOKIE_HTTPONLY"] is True
        assert app.config["SESSION_COOKIE_SAMESITE"] == "Lax"
        assert app.config["SESSION_COOKIE_SECURE"] is production
        assert app.config["MAX_CONTENT_LENGTH"] == 100 * MIB
        assert app.debug is False


def test_the_csrf_token_is_compared_in_constant_time(user: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[Any, Any]] = []
    real = hmac.compare_digest

    def seen(a: Any, b: Any) -> bool:
        compared.append((a, b))
        return real(a, b)

    monkeypatch.setattr(hmac, "compare_digest", seen)
    assert user.post("/logout", token="0" * 64).status_code == 403
    assert (user.token.encode(), b"0" * 64) in compared


_OF_THEIR_OWN = {errors.Invalid, errors.TooMany, errors.Hindered}
_FAILURES = [
    errors.Invalid({"title": "Please give it a title."}),
    *(kind("What happened, in a sentence.") for kind in STATUS if kind not in _OF_THEIR_OWN),
    errors.TooMany("What happened, in a sentence.", 7),
    errors.Hindered([(1, "Access policy", "It is in review.")], stale=False),
]


@pytest.mark.parametrize("failure", _FAILURES, ids=lambda one: type(one).__name__)
def test_every_failure_has_a_short_page_and_problem_json_with_a_reference_in_the_log(
    app: Flask, user: Person, caplog: pytest.LogCaptureFixture, failure: errors.TrackerError
) -> None:
    def fails(**_: object) -> None:
        raise failure

    app.view_functions["dashboard.show"] = app.view_functions["api.list_systems"] = fails
    with caplog.at_level(logging.INFO):
        page, call = user.get("/"), user.get("/api/v1/systems")
    for answer in (page, call):
        assert answer.status_code == STATUS[type(failure)]
        assert failure.message in answer.text
        assert len(answer.data) < 8_000
        assert "Traceback" not in answer.text
    assert (page.mimetype, call.mimetype) == ("text/html", "application/problem+json")
    shown = re.search(r"reference <code>([0-9a-f]{8})", page.text)
    assert shown
    for reference in (shown[1], call.get_json()["reference"]):
        assert f"reference {reference}" in caplog.text


def test_the_statuses_of_the_document_all_have_a_failure() -> None:
    assert {400, 401, 403, 404, 409, 412, 413, 415, 422, 429, 503, 507} == set(STATUS.values())


def _set_up_second_factor(tracker: Tracker, who: Person) -> pyotp.TOTP:
    actor = Actor(who.id, who.name, Role.USER)
    with tracker.write(actor) as work:
        second_factor.begin(work)
        secret = work.db.execute(select(second_factors.c.secret).where(second_factors.c.user_id == who.id)).scalar_one()
        second_factor.confirm(work, pyotp.TOTP(secret).at(tracker.clock()), None)
    return pyotp.TOTP(secret)


def test_a_password_that_an_administrator_sets_leaves_the_second_factor(
    tracker: Tracker, admin: Person, user: Person
) -> None:
    _set_up_second_factor(tracker, user)
    assert admin.post(f"/admin/users/{user.id}/password", {"password": NEW}).status_code == 302
    answer = user.post("/login", {"username": "bo", "password": NEW}, token=user.token_of("/login"))
    assert answer.headers["Location"].startswith("/login/code")
    assert user.get("/").headers["Location"].startswith("/login/code")


def test_every_page_of_administrators_says_so_by_its_decorator(app: Flask) -> None:
    pages = {one for one in ADMIN_ONLY if not one.startswith("api.")}
    assert len(pages) > 8
    assert {one for one in pages if not getattr(app.view_functions[one], "admin_only", False)} == set()


def test_guessing_the_present_password_where_it_is_changed_is_limited(user: Person) -> None:
    form = {"new_password": NEW, "password_repeat": NEW}
    for number in range(5):
        assert user.post("/profile/password", {**form, "old_password": f"wrong {number}"}).status_code == 422
    answer = user.post("/profile/password", {**form, "old_password": PASSWORD})
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 300
    assert user.get("/").status_code == 200


def test_the_answer_to_a_limited_address_says_nothing_of_the_password(tracker: Tracker, stranger: Person) -> None:
    add_account(tracker, "bo")
    token = stranger.token_of("/login")
    for number in range(5):
        stranger.post("/login", {"username": f"nobody{number}", "password": "x"}, token=token)
    told = []
    for name, password in (("bo", PASSWORD), ("bo", "wrong"), ("nobody", "wrong")):
        answer = stranger.post("/login", {"username": name, "password": password}, token=token)
        assert answer.status_code == 429
        of_each = {"Set-Cookie", "Retry-After", "Content-Length", "X-Request-Id"}
        kept = {n: v for n, v in answer.headers if n not in of_each}
        told.append((re.sub(r'value="[^"]*"', "", answer.text), kept))
    assert told[0] == told[1] == told[2]


def test_every_page_of_somebody_signed_in_offers_to_sign_out(admin: Person) -> None:
    admin.upload("a.txt", b"x")
    for path in ("/", "/artifacts", "/artifacts/1", "/artifacts/upload", "/systems/main/requirements", "/profile"):
        assert re.search(r'<form method="post" action="/logout">.*?Sign out', admin.get(path).text, re.S), path
    for path in ("/profile/second-factor", "/admin/users", "/config", "/audit", "/api/docs"):
        assert re.search(r'<form method="post" action="/logout">.*?Sign out', admin.get(path).text, re.S), path


def test_the_log_says_when_who_from_where_and_what(admin: Person, user: Person) -> None:
    user.upload("a.txt", b"x")
    entry = admin.call("GET", "/audit?action=artifact:created").get_json()["items"][0]
    assert (entry["actor"], entry["address"], entry["entity"]) == ("bo", "127.0.0.1", "artifact:1")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", entry["at"])
    assert re.fullmatch(r"[0-9a-f]{64}", entry["hash"])


def test_a_change_is_logged_with_before_and_after(admin: Person, user: Person) -> None:
    admin.post(f"/admin/users/{user.id}/role", {"role": "admin"})
    entry = admin.call("GET", "/audit?action=user:role_changed").get_json()["items"][0]
    assert (entry["detail"]["before"], entry["detail"]["after"]) == ("user", "admin")


def test_what_is_given_in_the_wrong_place_or_twice_is_not_taken(user: Person, stranger: Person) -> None:
    form = {"csrf_token": stranger.token_of("/login"), "username": "bo", "password": PASSWORD}
    for name in ("username", "password"):
        rest = {key: value for key, value in form.items() if key != name}
        assert stranger.client.post("/login", query_string={name: form[name]}, data=rest).status_code == 401
    assert stranger.client.post("/login", data=form).status_code == 302
    assert user.client.post("/logout", query_string={"csrf_token": user.token}).status_code == 403
    headers_of = {"X-CSRF-Token": user.token, "Content-Type": "application/json"}
    twice = user.client.post("/api/v1/systems", data=b'{"name":"a","name":"b","level":2}', headers=headers_of)
    assert twice.status_code == 400


@pytest.mark.parametrize("path", ["/api/v1/systems", "/api/v1/artifacts", "/api/v1/artifacts/1", "/api/v1/audit"])
def test_no_answer_of_the_api_holds_more_than_its_declared_fields(admin: Person, path: str) -> None:
    admin.upload("a.txt", b"x")
    described = admin.get("/api/openapi.json").get_json()
    route = path.removeprefix("/api/v1").replace("/1", "/{artifact_id}")
    known = next(
        one
        for name, one in described["paths"].items()
        if re.sub(r"\{\w+\}", "{}", name).endswith(re.sub(r"\{\w+\}", "{}", route))
    )
    schema = known["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    shapes = described["components"]["schemas"]

    def compare(value: Any, shape: dict[str, Any]) -> None:
        shape = shapes[shape["$ref"].rsplit("/", 1)[1]] if "$ref" in shape else shape
        if isinstance(value, dict) and "properties" in shape:
            assert set(value) <= set(shape["properties"])
            for name, one in value.items():
                compare(one, shape["properties"][name])
        if isinstance(value, list) and "items" in shape:
            for one in value:
                compare(one, shape["items"])

    compare(admin.get(path).get_json(), schema)
    # The log says with whom an account is; administrators read it.
    hidden = r"password|token_hash|secret" if path.endswith("/audit") else r"password|token_hash|secret|organization"
    assert not re.search(hidden, admin.get(path).text)


def test_a_live_set_up_link_that_is_refused_stands_in_no_log(
    app: Flask, tracker: Tracker, stranger: Person, caplog: pytest.LogCaptureFixture
) -> None:
    link = logins.make_setup_link(tracker) or ""
    head = f"POST /setup/{link} HTTP/1.1\r\nHost: h\r\nContent-Length: 99999\r\n\r\n".encode()
    with caplog.at_level(logging.INFO), served(app) as server:
        assert stranger.client.post(f"/setup/{link}").status_code == 403
        assert stranger.client.delete(f"/setup/{link}").status_code == 405
        assert stranger.client.get(f"/setup/{link}", headers={"Authorization": "Bearer x"}).status_code == 401
        assert b" 401 " in exchange(server, head)
    assert stranger.get(f"/setup/{link}").status_code == 200
    said = [one.module for one in caplog.records if "'/setup/(left out)'" in one.getMessage()]
    assert sum(module in {"problems", "reception"} for module in said) == 4
    with tracker.read() as work:
        written = " ".join(row.detail for row in work.rows(select(audit)))
    assert link not in caplog.text + written


@pytest.fixture
def first_start(tmp_path: Path) -> Iterator[tuple[int, str, Path]]:
    """A new installation served: its port, the set-up link, and the file of its standard error."""
    environment = {**os.environ, "CMMC_DATA_DIR": str(tmp_path / "data"), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "cmmc_tracker", "serve", "--port", "0"]
    said = tmp_path / "said"
    with said.open("w") as errors_to:
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=errors_to, text=True)
        try:
            assert process.stdout
            lines = [process.stdout.readline() for _ in range(3)]
            link = re.fullmatch(r"http://127\.0\.0\.1:(\d+)(/setup/[\w-]{43})\n", lines[2])
            assert link, lines
            yield int(link[1]), link[2], said
        finally:
            process.terminate()
            process.wait(timeout=20)
            if process.stdout:
                process.stdout.close()


def _asked(port: int, method: str, path: str, cookie: str = "", form: str = "") -> tuple[int, str, str]:
    """One request on a connection of its own: status, page, and the cookie that is held after it."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    kind = {"Content-Type": "application/x-www-form-urlencoded"} if form else {}
    connection.request(method, path, form or None, {"Cookie": cookie, **kind})
    answer = connection.getresponse()
    page = answer.read().decode()
    given = [one.split(";")[0] for one in answer.headers.get_all("Set-Cookie", []) if one.startswith("session=")]
    connection.close()
    return answer.status, page, given[0] if given else cookie


def test_the_set_up_link_is_on_the_terminal_and_in_no_file(first_start: tuple[int, str, Path], tmp_path: Path) -> None:
    port, link, said = first_start
    _, page, cookie = _asked(port, "GET", link)
    token = page.split('name="csrf_token" value="')[1][:64]
    form = f"username=ada&password={PASSWORD}&password_repeat={PASSWORD}&csrf_token={token}"
    status, _, cookie = _asked(port, "POST", link, cookie, form)
    assert status == 302
    assert _asked(port, "GET", "/", cookie)[0] == 200
    assert _asked(port, "GET", link)[0] == 404
    secret = link.removeprefix("/setup/")
    assert "404 for" in said.read_text()
    for file in [said, *(tmp_path / "data").rglob("*")]:
        assert not file.is_file() or secret.encode() not in file.read_bytes(), file
