"""Signing in and out, the first set-up, the profile, and the accounts of administrators."""

import re

import pytest
from flask import Flask

from cmmc_tracker.services import logins
from cmmc_tracker.services.work import Tracker
from tests.conftest import PASSWORD, Person, add_account, person

NEW = "Another-Long-Phrase-7"


def test_signing_in_clears_the_old_session_and_changes_its_csrf_token(app: Flask, tracker: Tracker) -> None:
    add_account(tracker, "bo")
    bo = Person("bo", app.test_client())
    before = bo.token_of("/login")
    with bo.client.session_transaction() as session:
        session["planted"] = "x"
    bo.sign_in()
    with bo.client.session_transaction() as session:
        assert set(session) == {"sid", "csrf_token"}
    assert bo.token != before
    assert re.fullmatch(r"[0-9a-f]{64}", bo.token)


@pytest.mark.parametrize(
    ("wanted", "goes"),
    [
        ("/artifacts?q=x", "/artifacts?q=x"),
        ("//evil.example", "/"),
        ("https://evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/\tx", "/"),
        ("\\\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
    ],
)
def test_after_sign_in_only_a_local_path_is_followed(app: Flask, tracker: Tracker, wanted: str, goes: str) -> None:
    add_account(tracker, "bo")
    bo = Person("bo", app.test_client())
    token = bo.token_of("/login")
    answer = bo.client.post(
        "/login", query_string={"next": wanted}, data={"csrf_token": token, "username": "bo", "password": PASSWORD}
    )
    assert (answer.status_code, answer.headers["Location"]) == (302, goes)


def test_a_wrong_password_keeps_the_name_and_says_no_more(app: Flask, tracker: Tracker, stranger: Person) -> None:
    add_account(tracker, "bo")
    answers = []
    for name in ("bo", "nobody"):
        token = stranger.token_of("/login")
        answer = stranger.post("/login", {"username": name, "password": "wrong"}, token=token)
        assert answer.status_code == 401
        answers.append(re.sub(r'value="[^"]*"', "", answer.text))
    assert answers[0] == answers[1]


def test_too_many_tries_answer_429_with_the_form_still_there(app: Flask, tracker: Tracker, stranger: Person) -> None:
    add_account(tracker, "bo")
    token = stranger.token_of("/login")
    for _ in range(5):
        assert stranger.post("/login", {"username": "bo", "password": "wrong"}, token=token).status_code == 401
    answer = stranger.post("/login", {"username": "bo", "password": PASSWORD}, token=token)
    assert answer.status_code == 429
    assert "Too many login attempts" in answer.text
    assert 1 <= int(answer.headers["Retry-After"]) <= 300
    assert 'name="password"' in answer.text
    assert stranger.get("/login").status_code == 200
    assert stranger.post("/login", {"username": "bo"}, token="x").status_code == 403


def test_forwarded_addresses_are_ignored_without_trusted_proxies(
    app: Flask, tracker: Tracker, stranger: Person
) -> None:
    add_account(tracker, "bo")
    token = stranger.token_of("/login")
    for number in range(6):
        answer = stranger.post(
            "/login", {"username": "bo", "password": "x"}, token=token, headers={"X-Forwarded-For": f"192.0.2.{number}"}
        )
    assert answer.status_code == 429


def test_signing_out_ends_the_session_for_a_kept_cookie_too(app: Flask, user: Person) -> None:
    cookie = user.client.get_cookie("session")
    assert cookie is not None
    assert user.post("/logout").status_code == 302
    thief = app.test_client()
    thief.set_cookie("session", cookie.value)
    assert thief.get("/").status_code == 302
    assert user.get("/").status_code == 302


def test_the_set_up_link_makes_an_admin_who_is_signed_in_at_once(
    app: Flask, tracker: Tracker, stranger: Person
) -> None:
    link = f"/setup/{logins.make_setup_link(tracker)}"
    token = stranger.token_of(link)
    weak = stranger.post(link, {"username": "ada", "password": "weak", "password_repeat": "weak"}, token=token)
    assert weak.status_code == 422
    assert "16 characters" in weak.text
    done = stranger.post(link, {"username": "ada", "password": PASSWORD, "password_repeat": PASSWORD}, token=token)
    assert done.status_code == 302
    assert stranger.get("/admin/users").status_code == 200
    assert app.test_client().get(link).status_code == 404


def test_a_guessed_set_up_link_is_not_found(stranger: Person) -> None:
    assert stranger.get("/setup/guess").status_code == 404


def test_changing_the_password_ends_all_sessions(app: Flask, tracker: Tracker, user: Person) -> None:
    other = Person("bo", app.test_client())
    other.sign_in()
    form = {"old_password": PASSWORD, "new_password": NEW, "password_repeat": NEW}
    assert user.post("/profile/password", form).status_code == 302
    assert user.get("/").status_code == other.get("/").status_code == 302
    assert user.sign_in(NEW).status_code == 302
    assert user.get("/").status_code == 200


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"old_password": "wrong", "new_password": NEW, "password_repeat": NEW}, "present password is not right"),
        ({"old_password": PASSWORD, "new_password": "weak", "password_repeat": "weak"}, "16 characters"),
        ({"old_password": PASSWORD, "new_password": NEW, "password_repeat": "x"}, "differ"),
        ({"old_password": PASSWORD, "new_password": PASSWORD, "password_repeat": PASSWORD}, "choose another"),
    ],
)
def test_a_password_change_that_cannot_be_says_why(user: Person, form: dict[str, str], said: str) -> None:
    answer = user.post("/profile/password", form)
    assert answer.status_code == 422
    assert said in answer.text
    assert user.get("/").status_code == 200


def test_the_profile_lists_own_sessions_and_ends_them(app: Flask, user: Person, admin: Person) -> None:
    other = Person("bo", app.test_client())
    other.sign_in()
    found = re.findall(r"/profile/sessions/(\d+)/end", user.get("/profile").text)
    assert len(found) == 2
    newest = max(found, key=int)
    assert admin.post(f"/profile/sessions/{newest}/end").status_code == 404
    assert user.post(f"/profile/sessions/{newest}/end").status_code == 302
    assert other.get("/").status_code == 302
    assert user.get("/").status_code == 200


def test_an_admin_adds_a_person_who_can_sign_in(app: Flask, admin: Person) -> None:
    answer = admin.post("/admin/users", {"username": "dee", "password": PASSWORD, "role": "user"})
    assert answer.status_code == 302
    dee = Person("dee", app.test_client())
    dee.sign_in()
    assert dee.get("/").status_code == 200
    assert dee.get("/admin/users").status_code == 403


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"username": "", "password": PASSWORD, "role": "user"}, "give a user name"),
        ({"username": "ADA", "password": PASSWORD, "role": "user"}, "already an account"),
        ({"username": "dee", "password": "x", "role": "user"}, "16 characters"),
        ({"username": "dee", "password": PASSWORD, "role": "root"}, "admin or user"),
    ],
)
def test_a_person_who_cannot_be_added_is_told_beside_the_field(admin: Person, form: dict[str, str], said: str) -> None:
    answer = admin.post("/admin/users", form)
    assert answer.status_code == 422
    assert said in answer.text


def test_disabling_and_role_change_end_a_persons_sessions(admin: Person, user: Person) -> None:
    assert admin.post(f"/admin/users/{user.id}/role", {"role": "admin"}).status_code == 302
    assert user.get("/").status_code == 302
    user.sign_in()
    assert user.get("/admin/users").status_code == 200
    assert admin.post(f"/admin/users/{user.id}/disable").status_code == 302
    assert user.get("/").status_code == 302
    assert admin.post(f"/admin/users/{user.id}/enable").status_code == 302
    user.sign_in()
    assert user.get("/").status_code == 200


def test_an_admin_cannot_disable_or_demote_itself(admin: Person) -> None:
    for act, form in (("disable", {}), ("role", {"role": "user"})):
        answer = admin.post(f"/admin/users/{admin.id}/{act}", form)
        assert answer.status_code == 409
        assert "your own account" in answer.text
    assert admin.get("/admin/users").status_code == 200


def test_a_password_set_by_an_admin_works_and_ends_sessions(admin: Person, user: Person) -> None:
    assert admin.post(f"/admin/users/{user.id}/password", {"password": "weak"}).status_code == 422
    assert admin.post(f"/admin/users/{user.id}/password", {"password": NEW}).status_code == 302
    assert user.get("/").status_code == 302
    assert user.sign_in(NEW).status_code == 302


def test_an_unknown_person_cannot_be_changed(admin: Person) -> None:
    assert admin.post("/admin/users/999/disable").status_code == 404


def test_every_signed_in_page_carries_the_token_as_a_hidden_field(app: Flask, tracker: Tracker) -> None:
    ada = person(app, tracker, "ada", "admin")
    for path in (
        "/",
        "/artifacts",
        "/artifacts/upload",
        "/profile",
        "/admin/users",
        "/audit",
        "/api/docs",
        "/systems/main/requirements",
    ):
        assert f'<input type="hidden" name="csrf_token" value="{ada.token}">' in ada.get(path).text, path
