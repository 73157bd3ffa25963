"""API tokens: made and revoked on the profile page, used on the API, good for nothing else."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from cmmc_tracker.services.work import Tracker
from tests.conftest import PASSWORD, Clock, Person

FORM = {"token_name": "nightly logs", "scope": "write", "days": "30", "confirm_password": PASSWORD}


def _made(who: Person, **more: str) -> str:
    answer = who.post("/profile/tokens", {**FORM, **more})
    assert answer.status_code == 200
    found = re.search(r"cmmc_[A-Za-z0-9_-]{43}", answer.text)
    assert found
    return found[0]


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def script(app: Flask) -> FlaskClient:
    """A program without any cookie."""
    return app.test_client(use_cookies=False)


def test_a_token_is_shown_once_and_works_without_cookie_and_csrf_token(user: Person, script: FlaskClient) -> None:
    token = _made(user)
    page = user.get("/profile").text
    assert token not in page
    assert "nightly logs" in page
    assert script.get("/api/v1/systems", headers=_bearer(token)).status_code == 200
    made = script.post("/api/v1/systems", json={"name": "Lab", "level": 2}, headers=_bearer(token))
    assert made.status_code == 201


def test_what_a_token_did_is_in_the_log_under_its_owner_and_its_name(
    admin: Person, user: Person, script: FlaskClient
) -> None:
    script.post("/api/v1/systems", json={"name": "Lab", "level": 2}, headers=_bearer(_made(user)))
    entry = admin.call("GET", "/audit?action=system:created&actor=bo").get_json()["items"][0]
    assert re.fullmatch(r"token \d+ \(nightly logs\)", entry["detail"]["via"])


def test_a_token_that_may_only_read_changes_nothing(user: Person, script: FlaskClient) -> None:
    token = _made(user, scope="read")
    assert script.get("/api/v1/systems", headers=_bearer(token)).status_code == 200
    refused = script.post("/api/v1/systems", json={"name": "Lab", "level": 2}, headers=_bearer(token))
    assert (refused.status_code, refused.get_json()["detail"]) == (403, "This token may only read.")
    assert len(user.call("GET", "/systems").get_json()["items"]) == 1


@pytest.mark.parametrize("path", ["/", "/profile", "/artifacts", "/admin/users", "/config"])
def test_a_token_opens_no_page(admin: Person, script: FlaskClient, path: str) -> None:
    assert script.get(path, headers=_bearer(_made(admin))).status_code == 403


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/profile/tokens", FORM),
        ("/profile/password", {"old_password": PASSWORD, "new_password": "Another-Long-Phrase-7"}),
        ("/profile/second-factor/begin", {}),
        ("/profile/second-factor/remove", {"confirm_password": PASSWORD}),
        ("/admin/users", {"username": "eve", "password": PASSWORD, "role": "admin"}),
    ],
)
def test_a_token_makes_no_token_password_second_factor_or_account(
    admin: Person, script: FlaskClient, path: str, form: dict[str, str]
) -> None:
    token = _made(admin)
    assert script.post(path, data=form, headers=_bearer(token)).status_code == 403
    assert admin.sign_in().status_code == 302


@pytest.mark.parametrize("given", ["", "x", "cmmc_" + "a" * 43, "Bearer", "\u00e4"])
def test_a_wrong_token_is_401_also_beside_a_good_cookie(user: Person, given: str) -> None:
    answer = user.call("GET", "/systems", headers={"Authorization": f"Bearer {given}"})
    assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert user.client.get("/profile", headers={"Authorization": f"Bearer {given}"}).status_code == 401
    assert user.call("GET", "/systems").status_code == 200


def test_a_good_token_beside_a_cookie_acts_as_its_own_person(admin: Person, user: Person) -> None:
    answer = admin.client.get("/api/v1/audit", headers=_bearer(_made(user)))
    assert answer.status_code == 403


def test_a_revoked_and_an_expired_token_open_nothing(user: Person, script: FlaskClient, clock: Clock) -> None:
    revoked = _made(user)
    number = re.findall(r"/profile/tokens/(\d+)/revoke", user.get("/profile").text)[0]
    assert user.post(f"/profile/tokens/{number}/revoke").status_code == 302
    assert user.post(f"/profile/tokens/{number}/revoke").status_code == 404
    assert script.get("/api/v1/systems", headers=_bearer(revoked)).status_code == 401
    expired = _made(user, days="1")
    clock.forward(hours=25)
    assert script.get("/api/v1/systems", headers=_bearer(expired)).status_code == 401


def test_a_token_stays_good_when_its_owner_changes_the_password(user: Person, script: FlaskClient) -> None:
    token, new = _made(user), "Another-Long-Phrase-7"
    form = {"old_password": PASSWORD, "new_password": new, "password_repeat": new}
    assert user.post("/profile/password", form).status_code == 302
    assert script.get("/api/v1/systems", headers=_bearer(token)).status_code == 200


def test_trying_wrong_tokens_is_limited_and_a_good_one_goes_on(user: Person, script: FlaskClient) -> None:
    good = _made(user)
    answers = [script.get("/api/v1/systems", headers=_bearer(f"cmmc_{n}")).status_code for n in range(32)]
    assert answers == [401] * 30 + [429] * 2
    limited = script.get("/api/v1/systems", headers=_bearer("cmmc_x"))
    assert 1 <= int(limited.headers["Retry-After"]) <= 300
    assert script.get("/api/v1/systems", headers=_bearer(good)).status_code == 200


@pytest.mark.parametrize(
    ("changed", "status", "said"),
    [
        ({"token_name": ""}, 422, "give the token a name"),
        ({"days": "0"}, 422, "1 to 366 days"),
        ({"scope": "root"}, 422, "may only read"),
        ({"confirm_password": "wrong"}, 422, "Your password is not right"),
    ],
)
def test_a_token_that_cannot_be_made_says_why_and_keeps_what_was_typed(
    user: Person, changed: dict[str, str], status: int, said: str
) -> None:
    answer = user.post("/profile/tokens", {**FORM, **changed})
    assert answer.status_code == status
    assert said in answer.text
    assert "cmmc_" not in answer.text
    if "token_name" not in changed:
        assert 'value="nightly logs"' in answer.text


def test_guessing_the_password_on_the_profile_is_limited(user: Person) -> None:
    for _ in range(5):
        assert user.post("/profile/tokens", {**FORM, "confirm_password": "wrong"}).status_code == 422
    answer = user.post("/profile/tokens", FORM)
    assert answer.status_code == 429
    assert "Too many tries of the current password" in answer.text


def test_a_token_follows_the_second_factor_that_its_owner_must_have(
    admin: Person, user: Person, tracker: Tracker, script: FlaskClient
) -> None:
    token = _made(user)
    settings = {"session_idle_minutes": "30", "session_longest_hours": "12", "scanner_away": "refuse"}
    assert admin.post("/config", {**settings, "second_factor_required": "on"}).status_code == 302
    answer = script.get("/api/v1/systems", headers=_bearer(token))
    assert (answer.status_code, "second factor" in answer.get_json()["detail"]) == (403, True)


def test_a_form_sent_twice_makes_one_token_and_an_expired_name_is_free_again(user: Person, clock: Clock) -> None:
    _made(user, days="1")
    again = user.post("/profile/tokens", FORM)
    assert (again.status_code, "a token of this name already" in again.text) == (422, True)
    assert user.get("/profile").text.count("/revoke") == 1
    clock.forward(hours=11)
    user.sign_in()
    clock.forward(hours=14)
    user.sign_in()
    _made(user)
