"""The second factor as a person meets it: setting up, signing in by two steps, losing the phone."""

import re
from typing import Any

import pyotp
import pytest
from flask import Flask

from cmmc_tracker.services.work import Tracker
from tests.conftest import PASSWORD, Clock, Person, person

PAGE = "/profile/second-factor"
SETTINGS = {"session_idle_minutes": "30", "session_longest_hours": "12", "scanner_away": "refuse"}
CONFIRMED = {"confirm_password": PASSWORD}


def _key(who: Person) -> pyotp.TOTP:
    """Begin, and read the key off the page as somebody who types it."""
    assert who.post(f"{PAGE}/begin").status_code == 302
    found = re.search(r"secret[^>]*>([A-Z2-7 ]{39})<", who.get(PAGE).text)
    assert found
    return pyotp.TOTP(found[1].replace(" ", ""))


def _codes(page: str) -> list[str]:
    return re.findall(r"\b[a-z2-9]{4}-[a-z2-9]{4}-[a-z2-9]{4}-[a-z2-9]{4}\b", page)


def _enrol(who: Person, clock: Clock) -> tuple[pyotp.TOTP, list[str]]:
    key = _key(who)
    done = who.post(PAGE, {"code": key.at(clock()), **CONFIRMED})
    assert done.status_code == 200
    clock.forward(seconds=31)
    return key, _codes(done.text)


def _first_step(app: Flask, name: str, wanted: str = "") -> Person:
    """Somebody in a fresh browser whose password was right."""
    who = Person(name, app.test_client())
    token = who.token_of("/login")
    answer = who.client.post(
        "/login", query_string={"next": wanted}, data={"csrf_token": token, "username": name, "password": PASSWORD}
    )
    assert answer.headers["Location"].startswith("/login/code")
    who.token = who.token_of("/login/code")
    return who


def _second_step(who: Person, code: str, **more: Any) -> Any:
    return who.post("/login/code", {"code": code}, **more)


def test_setting_it_up_shows_key_and_picture_then_ten_codes_once(user: Person, clock: Clock) -> None:
    page = user.post(f"{PAGE}/begin", follow_redirects=True).text
    assert "data:image/svg+xml" in page
    key, codes = _enrol(user, clock)
    assert len(set(codes)) == 10
    again = user.get(PAGE).text
    assert _codes(again) == []
    assert key.secret not in again.replace(" ", "")
    assert "10 recovery codes left" in again


def test_without_the_password_or_a_right_code_nothing_is_set_up(user: Person, clock: Clock) -> None:
    key = _key(user)
    wrong = user.post(PAGE, {"code": key.at(clock()), "confirm_password": "x"})
    assert (wrong.status_code, "Your password is not right" in wrong.text) == (422, True)
    wrong = user.post(PAGE, {"code": "000000", **CONFIRMED})
    assert (wrong.status_code, "code is not right" in wrong.text) == (422, True)
    assert key.secret in user.get(PAGE).text.replace(" ", "")


def test_after_the_password_only_the_code_opens_anything(app: Flask, user: Person, clock: Clock) -> None:
    key, _ = _enrol(user, clock)
    half = _first_step(app, "bo", "/artifacts?q=x")
    assert half.get("/").headers["Location"].startswith("/login/code?next=")
    assert half.get("/profile").status_code == 302
    assert half.call("GET", "/systems").status_code == 401
    assert half.post("/profile/password", {"old_password": PASSWORD}).status_code == 302
    wrong = _second_step(half, "000000")
    assert (wrong.status_code, "code is not right" in wrong.text) == (401, True)
    done = _second_step(half, key.at(clock()), query_string={"next": "/artifacts?q=x"})
    assert (done.status_code, done.headers["Location"]) == (302, "/artifacts?q=x")
    assert half.get("/").status_code == 200


def test_the_second_step_begins_a_session_of_its_own_with_another_csrf_token(
    app: Flask, user: Person, clock: Clock
) -> None:
    key, _ = _enrol(user, clock)
    half = _first_step(app, "bo")
    old = half.client.get_cookie("session")
    assert old is not None
    _second_step(half, key.at(clock()))
    assert half.token_of("/") != half.token
    thief = app.test_client()
    thief.set_cookie("session", old.value)
    assert thief.get("/").headers["Location"].startswith("/login?")


@pytest.mark.parametrize("wanted", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:x"])
def test_the_second_step_follows_only_a_local_path(app: Flask, user: Person, clock: Clock, wanted: str) -> None:
    key, _ = _enrol(user, clock)
    half = _first_step(app, "bo", wanted)
    done = _second_step(half, key.at(clock()), query_string={"next": wanted})
    assert (done.status_code, done.headers["Location"]) == (302, "/")


def test_nobody_comes_to_the_second_step_without_the_first(stranger: Person, user: Person) -> None:
    assert stranger.get("/login/code").headers["Location"] == "/login?next=/"
    assert user.get("/login/code").headers["Location"] == "/"


def test_a_lost_phone_is_helped_by_a_recovery_code_or_an_administrator(
    app: Flask, admin: Person, user: Person, clock: Clock
) -> None:
    _, codes = _enrol(user, clock)
    assert _second_step(_first_step(app, "bo"), codes[3]).status_code == 302
    assert _second_step(_first_step(app, "bo"), codes[3]).status_code == 401
    assert admin.post(f"/admin/users/{user.id}/second-factor").status_code == 302
    assert user.sign_in().headers["Location"] == "/"


def test_wrong_codes_are_limited_like_wrong_passwords(app: Flask, user: Person, clock: Clock) -> None:
    key, _ = _enrol(user, clock)
    half = _first_step(app, "bo")
    assert [_second_step(half, "000000").status_code for _ in range(5)] == [401] * 5
    answer = _second_step(half, key.at(clock()))
    assert answer.status_code == 429
    assert "Too many login attempts" in answer.text
    assert 1 <= int(answer.headers["Retry-After"]) <= 300


def test_it_is_removed_with_the_password_only_and_other_sessions_end(app: Flask, user: Person, clock: Clock) -> None:
    key, _ = _enrol(user, clock)
    other = _first_step(app, "bo")
    assert _second_step(other, key.at(clock())).status_code == 302
    assert user.post(f"{PAGE}/remove", {"confirm_password": "x"}).status_code == 422
    assert other.get("/").status_code == 200
    assert user.post(f"{PAGE}/remove", CONFIRMED).status_code == 302
    assert user.get("/profile").status_code == 200
    assert other.get("/").status_code == 302
    assert user.sign_in().headers["Location"] == "/"


def test_new_codes_need_the_password(user: Person, clock: Clock) -> None:
    _, old = _enrol(user, clock)
    assert user.post(f"{PAGE}/codes", {"confirm_password": "x"}).status_code == 422
    fresh = _codes(user.post(f"{PAGE}/codes", CONFIRMED).text)
    assert len(set(fresh)) == 10
    assert not set(fresh) & set(old)


def test_where_everybody_must_have_one_nothing_else_opens_before_it(
    app: Flask, tracker: Tracker, admin: Person, user: Person, clock: Clock
) -> None:
    assert admin.post("/config", {**SETTINGS, "second_factor_required": "on"}).status_code == 302
    for who in (admin, user):
        assert who.get("/").headers["Location"] == PAGE
        assert who.get("/artifacts").headers["Location"] == PAGE
        assert who.call("GET", "/systems").status_code == 403
        assert who.post("/profile/tokens", {"token_name": "x"}).headers["Location"] == PAGE
    _enrol(user, clock)
    assert user.get("/").status_code == 200
    refused = user.post(f"{PAGE}/remove", CONFIRMED)
    assert refused.status_code == 409
    late = person(app, tracker, "eve")
    assert late.get("/").headers["Location"] == PAGE
    assert late.post("/logout").status_code == 302


def test_a_wrong_password_at_remove_is_told_at_that_field_only(user: Person, clock: Clock) -> None:
    _enrol(user, clock)
    page = user.post(f"{PAGE}/remove", {"confirm_password": "x"}).text
    assert 'id="remove_password-error"' in page
    assert 'id="confirm_password-error"' not in page


def test_turning_it_on_says_so_and_a_reload_says_it_is_on(user: Person, clock: Clock) -> None:
    form = {"code": _key(user).at(clock()), **CONFIRMED}
    assert "Your second factor is on." in user.post(PAGE, form).text
    again = user.post(PAGE, form)
    assert (again.status_code, "It is on. The codes were shown once" in again.text) == (409, True)
    assert "Nothing was saved yet" not in again.text
