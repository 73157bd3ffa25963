"""Session fixation: a cookie from before a sign-in, or from after a sign-out, signs nobody in."""

import pyotp
import pytest
from flask import Flask
from sqlalchemy import insert, select

from cmmc_tracker.domain.permissions import Actor, Role
from cmmc_tracker.services import second_factor
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import second_factors, sessions
from tests.conftest import OPERATOR, PASSWORD, Clock, Person, add_account, person

KEY = "JBSWY3DPEHPK3PXP" * 2


def _cookie(who: Person) -> str:
    found = who.client.get_cookie("session")
    assert found is not None
    return found.value


def _opens(app: Flask, cookie: str) -> bool:
    client = app.test_client()
    client.set_cookie("session", cookie)
    return client.get("/profile").status_code == 200


def test_a_cookie_planted_before_the_sign_in_is_not_signed_in_after_it(app: Flask, tracker: Tracker) -> None:
    thief = Person("", app.test_client())
    thief.token_of("/login")
    planted = _cookie(thief)
    add_account(tracker, "bo")
    bo = Person("bo", app.test_client())
    bo.client.set_cookie("session", planted)
    assert bo.sign_in().status_code == 302
    assert _cookie(bo) != planted
    assert not _opens(app, planted)
    assert _opens(app, _cookie(bo))


def test_the_csrf_token_that_a_thief_knows_from_before_is_of_no_use_after(app: Flask, tracker: Tracker) -> None:
    thief = Person("", app.test_client())
    known = thief.token_of("/login")
    add_account(tracker, "bo")
    bo = Person("bo", app.test_client())
    bo.client.set_cookie("session", _cookie(thief))
    bo.sign_in()
    assert bo.token != known
    assert bo.post("/logout", token=known).status_code == 403


def test_signing_in_over_a_planted_session_of_the_thief_leaves_nothing_of_it(
    app: Flask, tracker: Tracker, user: Person
) -> None:
    thief = person(app, tracker, "eve")
    user.client.set_cookie("session", _cookie(thief))
    user.sign_in()
    assert "bo" in user.get("/profile").text
    with user.client.session_transaction() as held:
        assert set(held) <= {"sid", "csrf_token"}
    assert not _opens(app, _cookie(thief))  # a browser holds one session: the other one ended


def test_what_stood_in_the_cookie_before_the_sign_in_is_gone(app: Flask, tracker: Tracker) -> None:
    add_account(tracker, "bo")
    bo = Person("bo", app.test_client())
    bo.token_of("/login")
    with bo.client.session_transaction() as held:
        held["planted"] = "x"
    bo.sign_in()
    with bo.client.session_transaction() as held:
        assert "planted" not in held


@pytest.mark.parametrize("way", ["/logout", "end", "password"])
def test_the_cookie_of_an_ended_session_opens_nothing(app: Flask, tracker: Tracker, user: Person, way: str) -> None:
    old = _cookie(user)
    assert _opens(app, old)
    with tracker.read() as work:
        number = work.rows(select(sessions.c.id))[0].id
    new = "Other-Horse-Battery-9"
    paths = {"end": f"/profile/sessions/{number}/end", "password": "/profile/password"}
    form = {"old_password": PASSWORD, "new_password": new, "password_repeat": new}
    assert user.post(paths.get(way, way), form).status_code == 302
    assert not _opens(app, old)
    assert user.get("/profile").status_code == 302


def test_a_second_sign_in_makes_another_session_and_ends_the_first(app: Flask, user: Person) -> None:
    first = _cookie(user)
    user.sign_in()
    assert _cookie(user) != first
    assert not _opens(app, first)


@pytest.fixture
def guarded(app: Flask, tracker: Tracker, clock: Clock) -> Person:
    """Gil has a second factor."""
    gil = Person("gil", app.test_client(), add_account(tracker, "gil"))
    values = {"user_id": gil.id, "secret": KEY, "begun_at": clock(), "confirmed_at": clock(), "last_step": 0}
    with tracker.write(OPERATOR) as work:
        work.db.execute(insert(second_factors).values(**values))
    return gil


def test_the_token_of_a_half_session_is_never_promoted(app: Flask, guarded: Person, clock: Clock) -> None:
    form = {"username": "gil", "password": PASSWORD}
    guarded.post("/login", form, token=guarded.token_of("/login"))
    half = _cookie(guarded)
    assert not _opens(app, half)
    code = pyotp.TOTP(KEY).at(clock())
    assert guarded.post("/login/code", {"code": code}, token=guarded.token_of("/login/code")).status_code == 302
    assert guarded.get("/profile").status_code == 200
    assert not _opens(app, half)
    assert _cookie(guarded) != half
    # Nor can the second step be taken again with it, even by another good code.
    clock.forward(seconds=31)
    again = Person("", app.test_client())
    again.client.set_cookie("session", half)
    assert again.get("/login/code").headers["Location"].startswith("/login?next=")


def test_the_csrf_token_changes_at_each_step_of_the_sign_in(guarded: Person, clock: Clock) -> None:
    first = guarded.token_of("/login")
    guarded.post("/login", {"username": "gil", "password": PASSWORD}, token=first)
    second = guarded.token_of("/login/code")
    guarded.post("/login/code", {"code": pyotp.TOTP(KEY).at(clock())}, token=second)
    third = guarded.token_of("/")
    assert len({first, second, third}) == 3


def test_a_half_session_set_up_for_one_person_finishes_for_no_other(
    app: Flask, tracker: Tracker, guarded: Person, user: Person, clock: Clock
) -> None:
    form = {"username": "gil", "password": PASSWORD}
    guarded.post("/login", form, token=guarded.token_of("/login"))
    data = {"code": pyotp.TOTP(KEY).at(clock()), "username": "bo", "user_id": str(user.id)}
    guarded.post("/login/code", data, token=guarded.token_of("/login/code"))
    assert "gil" in guarded.get("/profile").text
    with tracker.read(Actor(user.id, "bo", Role.USER)) as work:
        assert second_factor.is_set(work, guarded.id)


@pytest.mark.parametrize("sid", ["", "x", 1, None, True, ["a"], {"a": 1}])
def test_a_session_of_another_shape_is_a_stranger(app: Flask, sid: object) -> None:
    # Only who holds the secret could sign such a cookie; it must not fail all the same.
    client = app.test_client()
    with client.session_transaction() as held:
        held.update(sid=sid, csrf_token=sid)
    assert client.get("/").status_code == 302
    assert client.get("/login").status_code == 200
    assert client.post("/login", data={"csrf_token": "no"}).status_code == 403


def test_a_cookie_of_another_installation_opens_nothing(app: Flask, tracker: Tracker, user: Person) -> None:
    secret = app.config["SECRET_KEY"]
    try:
        app.config["SECRET_KEY"] = "o" * 40
        other = person(app, tracker, "dee")
        foreign = _cookie(other)
    finally:
        app.config["SECRET_KEY"] = secret
    assert not _opens(app, foreign)
    assert _opens(app, _cookie(user))
