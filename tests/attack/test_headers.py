"""The headers of every answer: pages, calls, files, failures, and what the server itself says."""

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from http.cookies import SimpleCookie
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from cmmc_tracker.app import build
from cmmc_tracker.config import Settings
from cmmc_tracker.errors import Busy, NoSpace, TooMany
from cmmc_tracker.gate import problems
from cmmc_tracker.services.work import Tracker
from tests.attack.raw import exchange, served
from tests.conftest import PASSWORD, Person, add_account, person, png
from tests.test_house import VALUES

PUBLIC_URL = "https://tracker.example.com"
# The document's directives without 'unsafe-inline', and what the product adds; written out, in any order.
POLICY = {
    *("default-src 'self'", "script-src 'self'", "style-src 'self'", "img-src 'self' data: blob:", "font-src 'self'"),
    *("form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'", "object-src 'none'", "connect-src 'self'"),
}
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-XSS-Protection": "1; mode=block",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


# What people uploaded, and what is made for a download, has the narrower policy of such.
OWN_POLICY = {
    *("artifacts.content_of", "api.show_content", "exports.show", "api.show_export"),
    *("scope.download", "providers.download_matrix", "documents.template"),
}


def _directives(headers: Mapping[str, str]) -> set[str]:
    return {part.strip() for part in headers["Content-Security-Policy"].split(";")}


def _check(headers: Mapping[str, str], what: object, *, policy: bool = True) -> None:
    # The address of an upload link is a secret: no other site learns even of its host.
    secret = {"Referrer-Policy": "same-origin"} if "/link/" in str(what) else {}
    for name, value in {**ALWAYS, **secret}.items():
        assert headers[name] == value, (what, name)
    assert "camera=()" in headers["Permissions-Policy"], what
    assert not policy or _directives(headers) == POLICY, what
    assert "Server" not in headers, what
    assert "X-Powered-By" not in headers, what
    assert "Access-Control-Allow-Origin" not in headers, what


def _paths(app: Flask) -> Iterator[tuple[str, str]]:
    with app.test_request_context():
        adapter = app.url_map.bind("localhost")
        for rule in app.url_map.iter_rules():
            values = {name: VALUES.get(name, 1) for name in rule.arguments}
            yield rule.endpoint, adapter.build(rule.endpoint, values, method=next(iter(rule.methods or {"GET"})))


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "BREW"])
def test_every_address_answers_with_the_headers_whatever_it_answers(
    app: Flask, admin: Person, stranger: Person, method: str
) -> None:
    admin.upload("a.txt", b"hello", objectives="3.1.1[a]")
    for who in (admin, stranger):
        for endpoint, path in _paths(app):
            answer = who.client.open(path, method=method, buffered=True)
            shown = answer.status_code == 200 and endpoint in OWN_POLICY
            _check(answer.headers, (method, path), policy=not shown or method == "OPTIONS")
            assert "Strict-Transport-Security" not in answer.headers, path
            if endpoint != "static":
                assert "no-store" in answer.headers["Cache-Control"], (method, path)


def _bad(user: Person) -> TestResponse:
    return user.get("/artifacts?cursor=x")


def _unknown(user: Person) -> TestResponse:
    return user.client.get("/api/v1/systems", headers={"Authorization": "Bearer x"})


def _stale(user: Person) -> TestResponse:
    return user.call("PATCH", "/artifacts/1", {"title": "b"}, headers={"If-Match": '"9"'})


def _large(user: Person) -> TestResponse:
    return user.client.post("/profile/password", data=b"a" * 3_000_000, headers={"X-CSRF-Token": user.token})


def _range(user: Person, given: str) -> TestResponse:
    return user.get("/api/v1/artifacts/1/versions/1/content", headers={"Range": given})


ANSWERS: dict[str, tuple[int, Callable[[Person], TestResponse]]] = {
    "malformed": (400, _bad),
    "unknown token": (401, _unknown),
    "forbidden": (403, lambda user: user.get("/admin/users")),
    "expired": (403, lambda user: user.post("/logout", token="0")),
    "not found": (404, lambda user: user.get("/no")),
    "method": (405, lambda user: user.client.put("/artifacts", headers={"X-CSRF-Token": user.token})),
    "stale": (412, _stale),
    "large": (413, _large),
    "type": (415, lambda user: user.upload("a.exe", b"MZ")),
    "field": (422, lambda user: user.upload("a.txt", b"x", title=" ")),
    "range": (206, lambda user: _range(user, "bytes=0-1")),
    "no range": (416, lambda user: _range(user, "bytes=9-")),
    "made": (201, lambda user: user.upload("b.txt", b"other")),
    "nothing": (204, lambda user: user.call("PUT", "/artifacts/1/objectives/3.1.1[b]", {})),
    "moved": (308, lambda user: user.get("/systems/main")),
    "static": (200, lambda user: user.get("/static/app.css")),
    "static, not there": (404, lambda user: user.get("/static/no.css")),
    "static, range": (206, lambda user: user.get("/static/app.css", headers={"Range": "bytes=0-1"})),
    "picture": (200, lambda user: user.get("/static/icon.svg")),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_answers_of_every_status_carry_the_headers(user: Person, name: str) -> None:
    user.upload("a.txt", b"hello", objectives="3.1.1[a]")
    status, ask = ANSWERS[name]
    answer = ask(user)
    assert answer.status_code == status
    _check(answer.headers, name, policy=status != 206)


@pytest.mark.parametrize("error", [Busy("x"), NoSpace("x"), TooMany("x", 9), RuntimeError("x"), MemoryError()])
@pytest.mark.parametrize("path", ["/", "/api/v1/systems/main/score"])
def test_failures_of_ours_carry_the_headers(
    user: Person, monkeypatch: pytest.MonkeyPatch, error: Exception, path: str
) -> None:
    def broken(*_: object) -> None:
        raise error

    monkeypatch.setattr("cmmc_tracker.services.assessment.picture", broken)
    answer = user.get(path)
    assert answer.status_code in {429, 500, 503, 507}
    _check(answer.headers, error)
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_file_not_changed_carries_the_headers(user: Person) -> None:
    user.upload("a.txt", b"hello")
    for path in ("/static/app.css", "/api/v1/artifacts/1/versions/1/content"):
        tag = user.get(path).headers["ETag"]
        answer = user.get(path, headers={"If-None-Match": tag})
        assert answer.status_code == 304
        _check(answer.headers, path, policy=path.startswith("/static"))


@pytest.mark.parametrize(("name", "content"), [("a.txt", b"hello"), ("a.png", png()), ("a.csv", b"a,b\n1,2\n")])
def test_what_people_uploaded_is_served_where_it_can_do_nothing(user: Person, name: str, content: bytes) -> None:
    user.upload(name, content)
    for path in (f"/uploads/1/1/{name}", "/api/v1/artifacts/1/versions/1/content", f"/uploads/1/1/{name}?download=1"):
        answer = user.get(path)
        assert answer.status_code == 200
        _check(answer.headers, path, policy=False)
        assert {"sandbox", "default-src 'none'", "frame-ancestors 'none'"} <= _directives(answer.headers)
        assert not any("script-src" in part for part in _directives(answer.headers))
        assert "no-store" in answer.headers["Cache-Control"]


@pytest.mark.parametrize(
    "sent",
    [
        *(b"\x00\r\n\r\n", b"GET / HTTP/3.0\r\n\r\n", b"GET /api/v1/x HTTP/1.1\r\n\r\n"),
        b"POST /api/v1/artifacts HTTP/1.1\r\nHost: h\r\nContent-Length: 900000\r\n\r\n",
        b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 999999999999\r\n\r\n",
        b"POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"a" * 300_000 + b"\r\n\r\n",
    ],
)
def test_what_the_server_itself_refuses_carries_the_headers(app: Flask, sent: bytes) -> None:
    with served(app) as server:
        got = exchange(server, sent)
    head = got.split(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
    found = {name: value for name, _, value in (line.partition(": ") for line in head)}
    found["X-XSS-Protection"] = found.pop("X-Xss-Protection")  # the server writes names in its own way
    _check(found, sent[:40])
    assert found["Cache-Control"] == "no-store"
    assert b"reference" in got.lower()
    assert b"waitress" not in got.lower()


def test_a_failure_outside_of_the_application_carries_the_headers_too(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_environ: object, _start: object) -> Any:
        raise RuntimeError("secret detail")

    app.wsgi_app = broken  # type: ignore[method-assign]
    with served(app) as server:
        page = exchange(server, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n")
        call = exchange(server, b"GET /api/v1/x HTTP/1.1\r\nHost: h\r\n\r\n")
    for got in (page, call):
        assert got.startswith(b"HTTP/1.1 500 ")
        assert b"Content-Security-Policy: default-src 'self'" in got
        assert b"secret detail" not in got
    assert b"application/problem+json" in call
    reference = page.split(b"<code>")[1][:8].decode()
    assert reference in caplog.text


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("production", [True, False])
def test_hsts_goes_out_in_production_alone_whatever_the_scheme(
    settings: Settings, tracker: Tracker, production: bool, scheme: str
) -> None:
    app = build(replace(settings, production=production), tracker)
    for path in ("/login", "/no", "/static/app.css", "/api/v1/systems", "/healthz", "/systems/main"):
        headers = app.test_client().get(path, base_url=f"{scheme}://localhost", buffered=True).headers
        assert ("Strict-Transport-Security" in headers) == production, path
        assert not production or headers["Strict-Transport-Security"].startswith("max-age=31536000"), path


def _cookies(answer: TestResponse) -> SimpleCookie:
    found: SimpleCookie = SimpleCookie()
    for line in answer.headers.getlist("Set-Cookie"):
        found.load(line)
    return found


@pytest.mark.parametrize("production", [True, False])
def test_every_cookie_is_for_the_server_alone_and_for_this_host_alone(
    settings: Settings, tracker: Tracker, production: bool
) -> None:
    app = build(replace(settings, production=production, public_url=PUBLIC_URL if production else ""), tracker)
    add_account(tracker, "bo")
    client, base = app.test_client(), {"base_url": PUBLIC_URL}
    first = client.get("/login", **base)
    token = first.text.split('name="csrf_token" value="')[1][:64]
    form = {"username": "bo", "password": PASSWORD, "csrf_token": token}
    signed_in = client.post("/login", data=form, **base)
    assert set(_cookies(signed_in)) == {"__Host-session", "__Host-device"} if production else {"session", "device"}
    for answer in (first, signed_in, client.get("/", **base)):
        for name, cookie in _cookies(answer).items():
            assert cookie["httponly"], name
            assert cookie["samesite"] == "Lax", name
            assert cookie["path"] == "/", name
            assert cookie["domain"] == "", name
            assert bool(cookie["secure"]) == production, name


def test_assets_are_kept_for_good_and_pages_never(app: Flask, tracker: Tracker) -> None:
    ada = person(app, tracker, "ada", "admin")
    page = ada.get("/").text
    assets = [part.split('"')[0] for part in page.split('="/static/')[1:]]
    assert assets
    for asset in assets:
        assert ada.get(f"/static/{asset}").headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert ada.get("/static/app.css").headers["Cache-Control"] == "no-cache"


def test_every_status_that_a_person_can_meet_has_words_of_its_own(app: Flask) -> None:
    for status in (400, 401, 403, 404, 405, 409, 412, 413, 415, 422, 429, 500, 503, 507):
        with app.test_request_context("/x"):
            page = problems.answer(status, "What happened.").get_data(as_text=True)
        with app.test_request_context("/api/v1/x"):
            call = problems.answer(status, "What happened.")
        assert "<h1>" in page
        assert "What happened." in page
        assert len(page) < 8_000
        assert call.mimetype == "application/problem+json"
        assert call.get_json()["status"] == status
        assert len(call.get_json()["reference"]) == 8


def test_a_cut_upload_answers_with_the_headers(user: Person) -> None:
    headers = {"X-CSRF-Token": user.token, "Content-Type": "multipart/form-data; boundary=b"}
    answer = user.client.post(
        "/api/v1/artifacts", input_stream=io.BytesIO(b"--b\r\n"), content_length=900, headers=headers
    )
    assert answer.status_code in {400, 422}
    _check(answer.headers, "cut")
