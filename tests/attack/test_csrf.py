"""Cross-site request forgery: every way in which a token can come, or fail to, and what the browser says besides."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from cmmc_tracker.app import build
from cmmc_tracker.config import Settings
from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.permissions import Actor, Role
from cmmc_tracker.services import logins, sessions, tokens
from cmmc_tracker.services.tokens import Wanted
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import artifacts
from tests.attack.raw import answers, exchange, served, signs
from tests.conftest import PASSWORD, Person, add_account

API = "/api/v1/systems/main/requirements/3.1.1"
PUBLIC_URL = "https://tracker.example.com"
BIG = 200_000


def _field(user: Person, token: str) -> TestResponse:
    return user.client.post("/systems/main/requirements/3.1.1/implementation", data={"csrf_token": token})


def _header(user: Person, token: str) -> TestResponse:
    return user.client.patch(API, json={"narrative": "theirs"}, headers={"X-CSRF-Token": token})


def _multipart(user: Person, token: str) -> TestResponse:
    file = (io.BytesIO(b"theirs"), "a.txt")
    return user.client.post("/api/v1/artifacts", data={"csrf_token": token, "title": "t", "file": file})


def _upload_page(user: Person, token: str) -> TestResponse:
    file = (io.BytesIO(b"theirs"), "a.txt")
    return user.client.post("/artifacts/upload", data={"csrf_token": token, "title": "t", "file": file})


WAYS = [_field, _header, _multipart, _upload_page]


@pytest.mark.parametrize("way", WAYS)
def test_the_sessions_token_is_taken_in_a_field_or_a_header(user: Person, way: Callable[..., TestResponse]) -> None:
    assert way(user, user.token).status_code in {200, 201, 302}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("token", ["", "0" * 64, "short", "é" * 64, "0" * 100_000, "cut", "upper", "other", "before"])
def test_no_other_token_is_taken(
    app: Flask, tracker: Tracker, user: Person, way: Callable[..., TestResponse], token: str
) -> None:
    other = Person("", app.test_client())
    known = {
        "cut": user.token[:-1],
        "upper": user.token.upper(),
        "other": other.token_of("/login"),
        "before": _before_sign_in(app, tracker),
    }
    given = known.get(token, token)
    if way is _header and not given.isascii():
        given = given.encode().decode("latin-1")
    answer = way(user, given)
    assert answer.status_code == 403
    assert "page had expired" in answer.text
    assert "What you typed is kept" in answer.text
    assert user.get(API).get_json()["implementation"]["narrative"] == ""


def _before_sign_in(app: Flask, tracker: Tracker) -> str:
    """The token that a browser had before somebody signed in on it."""
    add_account(tracker, "dee")
    dee = Person("dee", app.test_client())
    before = dee.token_of("/login")
    dee.sign_in()
    assert dee.token != before
    return before


def test_the_token_of_before_the_sign_in_is_of_no_use_after_it(app: Flask, tracker: Tracker) -> None:
    add_account(tracker, "bo")
    bo = Person("bo", app.test_client())
    before = bo.token_of("/login")
    bo.sign_in()
    assert bo.post("/logout", token=before).status_code == 403
    assert bo.get("/").status_code == 200


def test_a_token_in_the_address_counts_for_nothing(user: Person) -> None:
    assert user.client.post(f"/logout?csrf_token={user.token}").status_code == 403
    assert user.client.patch(f"{API}?csrf_token={user.token}", json={"narrative": "x"}).status_code == 403


def test_a_token_in_the_body_of_json_counts_for_nothing(user: Person) -> None:
    assert user.client.patch(API, json={"csrf_token": user.token}).status_code == 403


def test_a_cookie_of_the_tokens_name_counts_for_nothing(user: Person) -> None:
    user.client.set_cookie("csrf_token", "a" * 64)
    assert user.client.post("/logout", data={"csrf_token": "a" * 64}).status_code == 403


# What a browser says, and whether it then is the site itself; in development, and in production with a public address.
SAID = [
    ({}, True, True),
    ({"Sec-Fetch-Site": "same-origin"}, True, True),
    ({"Sec-Fetch-Site": "none"}, True, True),
    ({"Sec-Fetch-Site": "same-site"}, False, False),
    ({"Sec-Fetch-Site": "cross-site"}, False, False),
    ({"Sec-Fetch-Site": "nonsense"}, False, False),
    ({"Sec-Fetch-Site": ""}, False, False),
    ({"Origin": "null"}, False, False),
    ({"Origin": ""}, False, False),
    ({"Origin": "https://evil.example"}, False, False),
    ({"Origin": PUBLIC_URL}, True, True),
    ({"Origin": "HTTPS://TRACKER.EXAMPLE.COM"}, True, True),
    ({"Origin": f"{PUBLIC_URL}:443"}, True, True),
    ({"Origin": "http://tracker.example.com"}, True, False),  # in development a proxy may end TLS, unknown to us
    ({"Origin": f"{PUBLIC_URL}:8443"}, False, False),
    ({"Origin": f"{PUBLIC_URL}.evil.example"}, False, False),
    ({"Origin": "https://evil.example/tracker.example.com"}, False, False),
    ({"Origin": "https://tracker.example.com@evil.example"}, False, False),
    ({"Origin": "https://me@tracker.example.com"}, False, False),
    ({"Origin": "//tracker.example.com"}, False, False),
    ({"Origin": "tracker.example.com"}, False, False),
    ({"Origin": "file://tracker.example.com"}, False, False),
    ({"Origin": "https://tracker.example.com:99999"}, False, False),
    ({"Origin": "https://[::1"}, False, False),
    ({"Origin": PUBLIC_URL, "Sec-Fetch-Site": "cross-site"}, False, False),
    ({"Origin": "null", "Sec-Fetch-Site": "same-origin"}, False, False),
]


@pytest.mark.parametrize("production", [False, True])
@pytest.mark.parametrize(("said", "in_development", "in_production"), SAID)
def test_what_the_browser_says_counts_besides_a_right_token(
    settings: Settings,
    tracker: Tracker,
    production: bool,
    said: dict[str, str],
    in_development: bool,
    in_production: bool,
) -> None:
    app = build(replace(settings, production=production, public_url=PUBLIC_URL if production else ""), tracker)
    base = {"base_url": PUBLIC_URL}
    client = app.test_client()
    client.get("/login", **base)
    with client.session_transaction(**base) as held:
        token = held["csrf_token"]
    add_account(tracker, "bo")
    form = {"username": "bo", "password": PASSWORD, "csrf_token": token}
    status = client.post("/login", data=form, headers=said, **base).status_code
    assert status == (302 if (in_production if production else in_development) else 403)


@pytest.mark.parametrize("path", ["/login", "/login/code", "/setup/x"])
def test_a_form_before_the_sign_in_needs_its_token_too(app: Flask, stranger: Person, path: str) -> None:
    token = stranger.token_of("/login")
    assert stranger.client.post(path, data={"username": "x", "password": "y"}).status_code == 403
    assert stranger.client.post(path, data={"csrf_token": "0" * 64}).status_code == 403
    for said in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        assert stranger.client.post(path, data={"csrf_token": token}, headers=said).status_code == 403
    assert stranger.client.post(path, data={"csrf_token": token}).status_code in {302, 401, 404}


def test_a_set_up_link_is_not_used_up_by_another_site(app: Flask, tracker: Tracker, stranger: Person) -> None:
    link = logins.make_setup_link(tracker)
    form = {"username": "eve", "password": PASSWORD, "password_repeat": PASSWORD}
    assert stranger.client.post(f"/setup/{link}", data=form).status_code == 403
    assert stranger.get(f"/setup/{link}").status_code == 200


def test_a_half_session_needs_its_token_for_the_second_step(app: Flask, tracker: Tracker, user: Person) -> None:
    with tracker.write(Actor(user.id, "bo", Role.USER)) as work:
        half = sessions.start(work, user.id, "", half=True)
        work.record(Event.LOGIN_CODE_ASKED, "user:1")
    with user.client.session_transaction() as held:
        held.update(sid=half, csrf_token="c" * 64)
    assert user.client.post("/login/code", data={"code": "123456"}).status_code == 403
    assert user.client.post("/login/code", data={"code": "123456", "csrf_token": "c" * 64}).status_code == 401


def test_only_a_token_that_signed_the_request_in_spares_the_csrf_token(app: Flask, user: Person) -> None:
    # A wrong one, another scheme, or a token in the address leave the cookie's rule as it is, or open nothing.
    for header, status in (("Bearer wrong", 401), ("Basic Ym86eA==", 403), ("Token x", 403), ("", 403)):
        answer = user.client.patch(API, json={"narrative": "x"}, headers={"Authorization": header})
        assert answer.status_code == status, header


def test_a_request_that_a_token_signed_in_needs_no_csrf_token_whatever_cookie_lies_beside(
    tracker: Tracker, user: Person
) -> None:
    with tracker.write(Actor(user.id, "bo", Role.USER)) as work:
        token = tokens.make(work, Wanted.parse("program", "write", "30"))
    headers = {"Authorization": f"Bearer {token}"}
    assert user.client.patch(API, json={"narrative": "by token"}, headers=headers).status_code == 200


# An upload whose header already says that it will be refused, as the server meets it.
REFUSED = {
    "wrong token": b"X-CSRF-Token: " + b"0" * 64 + b"\r\n",
    "another site": b"Sec-Fetch-Site: cross-site\r\n",
    "a sister site": b"Sec-Fetch-Site: same-site\r\n",
    "another origin": b"Origin: https://evil.example\r\n",
    "no origin": b"Origin: null\r\n",
}


@pytest.mark.parametrize("why", REFUSED)
@pytest.mark.parametrize("path", ["/api/v1/artifacts", "/artifacts/upload"])
def test_an_upload_that_its_header_gives_away_is_refused_before_its_body_comes(
    app: Flask, user: Person, tmp_path: Path, why: str, path: str
) -> None:
    said = signs(user).split(b"X-CSRF")[0] + REFUSED[why]
    head = b"POST " + path.encode() + b" HTTP/1.1\r\n" + said + b"Content-Type: multipart/form-data; boundary=b\r\n"
    with served(app) as server:
        # The answer comes though not one byte of the body is sent.
        got = exchange(server, head + f"Content-Length: {BIG}\r\n\r\n".encode())
    assert answers(got) == [403]
    assert b"so nothing was changed" in got
    assert [f.name for f in (tmp_path / "uploads" / ".incoming").iterdir() if f.name != ".gate"] == []


def test_a_small_upload_that_its_header_gives_away_writes_no_file(
    app: Flask, user: Person, tracker: Tracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[object] = []
    receive = type(tracker.blobs).receive

    def watched(store: object) -> object:
        opened.append(store)
        return receive(store)  # type: ignore[arg-type]

    monkeypatch.setattr(type(tracker.blobs), "receive", watched)
    for said in (
        {"X-CSRF-Token": "0" * 64},
        {"X-CSRF-Token": user.token, "Sec-Fetch-Site": "cross-site"},
        {"X-CSRF-Token": user.token, "Origin": "https://evil.example"},
    ):
        data = {"csrf_token": user.token, "title": "t", "file": (io.BytesIO(b"x"), "a.txt")}
        assert user.client.post("/api/v1/artifacts", data=data, headers=said).status_code == 403
    assert opened == []
    assert user.upload("a.txt", b"x").status_code == 201
    assert len(opened) == 1


def test_a_large_upload_with_its_token_in_the_form_alone_is_taken_in(app: Flask, user: Person) -> None:
    head = f'--b\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\n{user.token}\r\n'
    head += '--b\r\nContent-Disposition: form-data; name="title"\r\n\r\nt\r\n'
    head += '--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
    body = head.encode() + b"x" * BIG + b"\r\n--b--\r\n"
    said = signs(user).split(b"X-CSRF")[0] + b"Sec-Fetch-Site: same-origin\r\nOrigin: http://h\r\nConnection: close\r\n"
    said += f"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with served(app) as server:
        got = exchange(server, b"POST /api/v1/artifacts HTTP/1.1\r\n" + said + body)
    assert answers(got) == [201]


@pytest.mark.parametrize("ended", ["signed out", "disabled", "half"])
def test_the_server_takes_no_body_for_a_session_that_has_ended(
    app: Flask, tracker: Tracker, user: Person, ended: str
) -> None:
    # The cookie still carries our signature; whoever kept it could fill the disk.
    said = signs(user)
    with tracker.write(Actor(user.id, "bo", Role.USER)) as work:
        if ended == "half":
            half = sessions.start(work, user.id, "", half=True)
            work.record(Event.LOGIN_CODE_ASKED, "user:1")
        else:
            sessions.end_all(work, user.id)
            work.record(Event.LOGOUT_DONE, "user:1")
    if ended == "half":
        with user.client.session_transaction() as held:
            held["sid"] = half
        said = signs(user)
    head = b"POST /api/v1/artifacts HTTP/1.1\r\n" + said + f"Content-Length: {BIG}\r\n\r\n".encode()
    with served(app) as server:
        assert answers(exchange(server, head)) == [401]


def test_nothing_of_all_this_made_an_artifact(app: Flask, tracker: Tracker, user: Person) -> None:
    for token in ("", "0" * 64):
        _multipart(user, token)
        _upload_page(user, token)
    with tracker.read() as work:
        assert work.rows(select(artifacts.c.id)) == []
    assert json.loads(user.get("/api/v1/artifacts").text)["items"] == []
