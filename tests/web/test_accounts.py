"""Signing in and out, the first set-up, the profile, and the accounts of administrators."""

import itertools
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


def test_everything_that_is_wrong_with_the_first_account_is_told_at_once(tracker: Tracker, stranger: Person) -> None:
    link = f"/setup/{logins.make_setup_link(tracker)}"
    answer = stranger.post(
        link, {"username": "a/b", "password": "weak", "password_repeat": "x"}, token=stranger.token_of(link)
    )
    assert answer.status_code == 422
    for field in ("username", "password", "password_repeat"):
        assert f'id="{field}-error"' in answer.text


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
        ({"old_password": "wrong", "new_password": NEW, "password_repeat": NEW}, "current password is not right"),
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


def test_guesses_of_the_password_at_an_open_session_stand_in_the_log_without_what_was_guessed(
    user: Person, admin: Person
) -> None:
    user.post("/profile/password", {"old_password": "guess-one", "new_password": NEW, "password_repeat": NEW})
    user.post("/profile/second-factor/remove", {"confirm_password": "guess-two"})
    user.post("/profile/password", {"old_password": PASSWORD, "new_password": "weak", "password_repeat": "weak"})
    log = admin.call("GET", "/audit?action=password:refused").get_json()["items"]
    assert [(one["actor"], one["entity"]) for one in log] == [("bo", f"user:{user.id}")] * 2
    assert "guess" not in str(log)


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


def test_cookies_are_signed_with_sha_256(user: Person) -> None:
    for name in ("session", "device"):
        cookie = user.client.get_cookie(name)
        assert cookie is not None
        signature = cookie.value.rpartition(".")[2]
        assert len(signature) == 43, name  # 256 bits in base64


def test_signing_out_asks_the_browser_to_forget(user: Person) -> None:
    assert user.post("/logout").headers["Clear-Site-Data"] == '"cache", "storage"'


def test_signing_in_anew_ends_the_session_that_the_browser_held(app: Flask, user: Person) -> None:
    old = user.client.get_cookie("session")
    assert old is not None
    form = {"username": "bo", "password": PASSWORD}
    assert user.post("/login", form).status_code == 302
    thief = app.test_client()
    thief.set_cookie("session", old.value)
    assert thief.get("/").status_code == 302
    assert user.get("/").status_code == 200


def test_a_cookie_of_before_the_sign_in_is_not_signed_in_after_it(app: Flask, tracker: Tracker) -> None:
    add_account(tracker, "bo")
    bo = Person("bo", app.test_client())
    bo.token_of("/login")
    before = bo.client.get_cookie("session")
    assert before is not None
    bo.sign_in()
    planted = app.test_client()
    planted.set_cookie("session", before.value)
    assert planted.get("/").status_code == 302


def test_the_last_five_passwords_are_not_taken_again(user: Person) -> None:
    ones = [PASSWORD, *(f"Another-Long-Phrase-{n}" for n in range(5))]
    for old, new in itertools.pairwise(ones):
        form = {"old_password": old, "new_password": new, "password_repeat": new}
        assert user.post("/profile/password", form).status_code == 302
        user.sign_in(new)
    for known in ones[1:]:
        form = {"old_password": ones[-1], "new_password": known, "password_repeat": known}
        refused = user.post("/profile/password", form)
        assert refused.status_code == 422
        assert "choose another" in refused.text
    form = {"old_password": ones[-1], "new_password": PASSWORD, "password_repeat": PASSWORD}
    assert user.post("/profile/password", form).status_code == 302


def test_ipv6_addresses_of_one_customer_are_limited_together(app: Flask, tracker: Tracker, stranger: Person) -> None:
    add_account(tracker, "bo")
    token = stranger.token_of("/login")

    def tried(address: str, number: int) -> int:
        form = {"username": f"nobody{number}", "password": "x"}
        answer = stranger.post("/login", form, token=token, environ_overrides={"REMOTE_ADDR": address})
        return answer.status_code

    answers = [tried(f"2001:db8:1:2::{n}", n) for n in range(6)]
    assert answers == [401] * 5 + [429]
    assert tried("2001:db8:1:3::1", 7) == 401


def test_the_log_keeps_the_whole_address_and_never_a_password_typed_as_the_name(
    admin: Person, stranger: Person
) -> None:
    token = stranger.token_of("/login")
    form = {"username": PASSWORD, "password": "x"}
    stranger.post("/login", form, token=token, environ_overrides={"REMOTE_ADDR": "2001:db8:1:2::7"})
    entry = admin.call("GET", "/audit?action=login:failed").get_json()["items"][0]
    assert entry["address"] == "2001:db8:1:2::7"
    assert entry["actor"] == "(what may be a password)"


def test_a_browser_that_knows_the_person_does_not_wait_while_the_account_is_guessed(
    app: Flask, user: Person, stranger: Person
) -> None:
    token = stranger.token_of("/login")

    def tried(who: Person, password: str, address: str, token: str) -> int:
        form = {"username": "bo", "password": password}
        return who.post("/login", form, token=token, environ_overrides={"REMOTE_ADDR": address}).status_code

    answers = [tried(stranger, "wrong", f"192.0.2.{n}", token) for n in range(8)]
    assert answers[:6] == [401] * 6
    assert answers[6:] == [429] * 2
    user.post("/logout")
    assert tried(stranger, PASSWORD, "192.0.2.80", token) == 429
    assert tried(user, PASSWORD, "192.0.2.81", user.token_of("/login")) == 302


def test_a_forged_device_cookie_knows_nobody(app: Flask, tracker: Tracker, user: Person, stranger: Person) -> None:
    kept = user.client.get_cookie("device")
    assert kept is not None
    assert (kept.http_only, kept.same_site) == (True, "Lax")
    token = stranger.token_of("/login")

    def tried(password: str, number: int) -> int:
        form = {"username": "bo", "password": password}
        where = {"REMOTE_ADDR": f"192.0.2.{number}"}
        return stranger.post("/login", form, token=token, environ_overrides=where).status_code

    assert [tried("wrong", number) for number in range(6)] == [401] * 6
    for number, value in enumerate(("x", kept.value[:-3] + "abc", "W1wxXQ.x.y", "")):
        stranger.client.set_cookie("device", value)
        assert tried(PASSWORD, 50 + number) == 429
    stranger.client.set_cookie("device", kept.value)
    assert tried(PASSWORD, 60) == 302


def test_who_signed_out_is_told_so(user: Person) -> None:
    assert "You are signed out." in user.post("/logout", follow_redirects=True).text
