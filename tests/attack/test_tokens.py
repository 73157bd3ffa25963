"""API tokens: what passes for one, what does not, and what no token can do."""

import hashlib

import pytest
from flask import Flask
from sqlalchemy import select

from cmmc_tracker.domain.permissions import Actor, Role
from cmmc_tracker.gate.session import bearer_of
from cmmc_tracker.services import tokens
from cmmc_tracker.services.tokens import Wanted
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import api_tokens, audit, sessions, users
from tests.attack.raw import answers, exchange, served, signs
from tests.conftest import PASSWORD, Person

SYSTEMS = "/api/v1/systems"
CHANGE = "/api/v1/systems/main/requirements/3.1.1"


def _made(tracker: Tracker, owner: Person, scope: str = "write") -> str:
    with tracker.write(Actor(owner.id, owner.name, Role.USER)) as work:
        return tokens.make(work, Wanted.parse("program", scope, "30"))


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
@pytest.mark.parametrize("space", [" ", "  ", "\t"])
def test_the_schemes_name_is_read_in_any_case(
    app: Flask, tracker: Tracker, user: Person, scheme: str, space: str
) -> None:
    header = {"Authorization": f"{scheme}{space}{_made(tracker, user)}"}
    assert app.test_client().get(SYSTEMS, headers=header).status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        *(
            "Bearer",
            "Bearer ",
            "bearer\t",
            "Bearer x",
            "Bearer cmmc_",
            "Bearer {token}x",
            "Bearer {cut}",
            "Bearer {upper}",
        ),
        *(
            "Bearer {token}, Bearer {token}",
            "Basic Ym86eA==, Bearer {token}",
            "Bearer {token},",
            "Bearer x, Basic Ym86eA==",
        ),
        *(
            "Bearer {hash}",
            "Bearer {token} {token}",
            "Bearer \xff\xfe",
            "Bearer " + "a" * 50_000,
            "Bearer %00",
            "Bearer '--",
        ),
    ],
)
def test_what_is_no_good_token_opens_nothing_also_beside_a_cookie(tracker: Tracker, user: Person, header: str) -> None:
    token = _made(tracker, user)
    hashed = hashlib.sha256(token.encode()).hexdigest()
    given = header.format(token=token, cut=token[:-1], upper=token.upper(), hash=hashed)
    assert user.get(SYSTEMS).status_code == 200
    for path in (SYSTEMS, "/", "/login", "/no", "/api/v1/no"):
        assert user.get(path, headers={"Authorization": given}).status_code == 401, path
    change = user.client.patch(
        CHANGE, json={"narrative": "x"}, headers={"Authorization": given, "X-CSRF-Token": user.token}
    )
    assert change.status_code == 401


@pytest.mark.parametrize("header", ["Basic {token}", "Token {token}", "{token}", "Bearer:{token}", "BearerX {token}"])
def test_other_schemes_are_no_tokens(app: Flask, tracker: Tracker, user: Person, header: str) -> None:
    given = {"Authorization": header.format(token=_made(tracker, user))}
    assert app.test_client().get(SYSTEMS, headers=given).status_code == 401
    assert user.get(SYSTEMS, headers=given).status_code == 200  # the cookie's own right, with the cookie's own rules
    assert user.client.patch(CHANGE, json={"narrative": "x"}, headers=given).status_code == 403


def test_a_token_is_taken_from_the_header_alone(app: Flask, tracker: Tracker, user: Person) -> None:
    token = _made(tracker, user)
    client = app.test_client()
    for name in ("access_token", "token", "api_key", "authorization"):
        assert client.get(f"{SYSTEMS}?{name}={token}").status_code == 401
        assert client.get(SYSTEMS, headers={"Cookie": f"{name}={token}"}).status_code == 401
        assert client.post("/api/v1/artifacts", data={name: token}).status_code == 401
    for name in ("X-Api-Key", "X-Auth-Token", "Proxy-Authorization", "X-Authorization"):
        assert client.get(SYSTEMS, headers={name: f"Bearer {token}"}).status_code == 401
    client.set_cookie("session", token)
    assert client.get(SYSTEMS).status_code == 401


def test_two_authorization_headers_are_no_token(app: Flask, tracker: Tracker, user: Person) -> None:
    good = f"Authorization: Bearer {_made(tracker, user)}\r\n".encode()
    head = b"GET /api/v1/systems HTTP/1.1\r\n" + signs(user) + b"Connection: close\r\n"
    with served(app) as server:
        assert answers(exchange(server, head + good + b"\r\n")) == [200]
        assert answers(exchange(server, head + good + good + b"\r\n")) == [401]
        assert answers(exchange(server, head + b"Authorization: Basic Ym86eA==\r\n" + good + b"\r\n")) == [401]
        assert answers(exchange(server, head + good + b"Authorization: Basic Ym86eA==\r\n\r\n")) == [401]


def test_a_token_makes_no_tokens_and_changes_no_password_and_no_second_factor(
    app: Flask, tracker: Tracker, admin: Person
) -> None:
    bearer = {"Authorization": f"Bearer {_made(tracker, admin)}"}
    with tracker.read() as work:
        before = work.row(select(users.c.password_hash))
    client = app.test_client()
    wanted = {"confirm_password": PASSWORD, "token_name": "more", "scope": "write", "days": "30"}
    change = {
        "old_password": PASSWORD,
        "new_password": "Other-Horse-Battery-9",
        "password_repeat": "Other-Horse-Battery-9",
    }
    for path, form in (
        ("/profile/tokens", wanted),
        ("/profile/tokens/1/revoke", {}),
        ("/profile/password", change),
        ("/profile/second-factor/begin", {}),
        ("/profile/second-factor", {"confirm_password": PASSWORD, "code": "123456"}),
        ("/profile/sessions/1/end", {}),
        ("/admin/users", {"username": "eve", "password": PASSWORD, "role": "admin"}),
        ("/config", {"second_factor_required": ""}),
        ("/logout", {}),
    ):
        assert client.post(path, data=form, headers=bearer).status_code == 403, path
        assert client.get(path, headers=bearer).status_code in {403, 405}, path
    with tracker.read() as work:
        assert len(work.rows(select(api_tokens.c.id))) == 1
        assert work.row(select(users.c.password_hash)) == before
        assert len(work.rows(select(users.c.id))) == 1


def test_a_token_signs_nobody_in(app: Flask, tracker: Tracker, user: Person) -> None:
    # Neither by the form, whose CSRF token it would spare, nor by a cookie that its answers set.
    bearer = {"Authorization": f"Bearer {_made(tracker, user)}"}
    client = app.test_client()
    form = {"username": "bo", "password": PASSWORD}
    assert client.post("/login", data=form, headers=bearer).status_code == 403
    assert client.get("/login", headers=bearer).status_code == 403
    client.get("/api/docs", headers=bearer)
    client.get(SYSTEMS, headers=bearer)
    assert client.get(SYSTEMS).status_code == 401
    with tracker.read() as work:
        assert len(work.rows(select(sessions.c.id))) == 1


def test_a_token_is_kept_as_its_hash_and_stands_in_no_log_entry(
    app: Flask, tracker: Tracker, user: Person, caplog: pytest.LogCaptureFixture
) -> None:
    token = _made(tracker, user)
    client = app.test_client()
    for given in (token, token[:-1]):
        client.patch(CHANGE, json={"narrative": "x"}, headers={"Authorization": f"Bearer {given}"})
        client.get("/admin/users", headers={"Authorization": f"Bearer {given}"})
    with tracker.read() as work:
        kept = str(work.rows(select(api_tokens)))
        noted = str(work.rows(select(audit.c.actor, audit.c.entity, audit.c.detail)))
    for secret in (token, token[:-1], token.removeprefix("cmmc_")):
        assert secret not in kept
        assert secret not in noted
        assert secret not in caplog.text


def test_what_a_token_did_is_in_the_log_under_its_owner_and_its_own_name(
    app: Flask, tracker: Tracker, user: Person
) -> None:
    bearer = {"Authorization": f"Bearer {_made(tracker, user)}"}
    assert app.test_client().patch(CHANGE, json={"narrative": "x"}, headers=bearer).status_code == 200
    with tracker.read() as work:
        entry = work.rows(select(audit.c.actor, audit.c.detail).order_by(audit.c.id))[-1]
    assert entry.actor == "bo"
    assert "program" in str(entry.detail)


def test_wrong_tokens_are_limited_and_the_good_one_is_not(app: Flask, tracker: Tracker, user: Person) -> None:
    client, good = app.test_client(), {"Authorization": f"Bearer {_made(tracker, user)}"}
    statuses = [client.get(SYSTEMS, headers={"Authorization": "Bearer x"}).status_code for _ in range(32)]
    assert statuses[:30] == [401] * 30
    assert statuses[-1] == 429
    assert client.get(SYSTEMS, headers=good).status_code == 200


@pytest.mark.parametrize(
    ("header", "token"),
    [
        *(("Bearer a", "a"), ("bearer  a ", "a"), (" Bearer a", "a"), ("Bearer", ""), ("", None), ("Basic a", None)),
        *(("Bearer a, Bearer b", "Bearer a, Bearer b"), ("Basic a,bearer b", "Basic a,bearer b"), ("Xbearer a", None)),
    ],
)
def test_the_header_is_read_as_one_credential(header: str, token: str | None) -> None:
    assert bearer_of(header) == token
