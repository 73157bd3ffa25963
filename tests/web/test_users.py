"""What administrators may do to accounts, and what nobody may."""

import re
import threading

import pytest
from flask import Flask
from sqlalchemy import select

from cmmc_tracker.services import accounts
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import users
from tests.conftest import OPERATOR, PASSWORD, Person, person


def _active_admins(tracker: Tracker) -> list[str]:
    with tracker.read(OPERATOR) as work:
        return [a.name for a in accounts.everyone(work) if a.role == "admin" and a.disabled_at is None]


@pytest.mark.parametrize(("act", "form"), [("disable", {}), ("role", {"role": "user"}), ("delete", {})])
def test_an_administrator_takes_nothing_away_from_itself(
    app: Flask, tracker: Tracker, admin: Person, act: str, form: dict[str, str]
) -> None:
    person(app, tracker, "eva", "admin")
    answer = admin.post(f"/admin/users/{admin.id}/{act}", form)
    assert answer.status_code == 409
    assert "your own account" in answer.text
    assert admin.get("/admin/users").status_code == 200


@pytest.mark.parametrize(("act", "form"), [("disable", {}), ("role", {"role": "user"}), ("delete", {})])
def test_of_two_administrators_who_remove_each_other_at_once_one_stays(
    app: Flask, tracker: Tracker, admin: Person, act: str, form: dict[str, str]
) -> None:
    other = person(app, tracker, "eva", "admin")
    together = threading.Barrier(2)
    answers: list[int] = []

    def remove(who: Person, whom: Person) -> None:
        together.wait()
        answers.append(who.post(f"/admin/users/{whom.id}/{act}", form).status_code)

    threads = [threading.Thread(target=remove, args=pair) for pair in ((admin, other), (other, admin))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(answers) == 2
    assert set(answers) <= {302, 403, 409}
    assert len(_active_admins(tracker)) == 1


@pytest.mark.parametrize("role", ["root", "", "Admin", "superuser"])
def test_only_the_roles_admin_and_user_are_taken(tracker: Tracker, admin: Person, user: Person, role: str) -> None:
    assert admin.post(f"/admin/users/{user.id}/role", {"role": role}).status_code == 422
    added = admin.post("/admin/users", {"username": "dee", "password": PASSWORD, "role": role})
    assert added.status_code == 422
    assert _active_admins(tracker) == ["ada"]


def test_a_deleted_person_is_gone_from_lists_and_sign_in_but_stays_readable_in_the_log(
    app: Flask, admin: Person, user: Person
) -> None:
    user.upload("a.txt", b"evidence")
    assert admin.post(f"/admin/users/{user.id}/delete").status_code == 302
    assert user.get("/").status_code == 302
    assert ">bo<" not in admin.get("/admin/users").text
    back = Person("bo", app.test_client())
    token = back.token_of("/login")
    assert back.post("/login", {"username": "bo", "password": PASSWORD}, token=token).status_code == 401
    assert admin.post(f"/admin/users/{user.id}/enable").status_code == 404
    created = admin.call("GET", "/audit?action=artifact:created").get_json()["items"][0]
    deleted = admin.call("GET", "/audit?action=user:deleted").get_json()["items"][0]
    assert (created["actor"], deleted["actor"], deleted["detail"]["name"]) == ("bo", "ada", "bo")
    shown = admin.call("GET", "/artifacts").get_json()["items"][0]
    assert shown["current_version"]["received_by"] == "bo"


def test_the_name_of_a_deleted_person_is_not_given_again(admin: Person, user: Person) -> None:
    admin.post(f"/admin/users/{user.id}/delete")
    answer = admin.post("/admin/users", {"username": "BO", "password": PASSWORD, "role": "user"})
    assert answer.status_code == 422
    assert "is not given again" in answer.text


@pytest.mark.parametrize("act", ["disable", "enable", "role", "delete", "password", "second-factor"])
def test_a_user_changes_nobody(user: Person, admin: Person, act: str) -> None:
    assert user.post(f"/admin/users/{admin.id}/{act}", {"role": "user", "password": PASSWORD}).status_code == 403
    assert user.post(f"/admin/users/{user.id}/{act}", {"role": "admin", "password": PASSWORD}).status_code == 403
    assert admin.get("/admin/users").status_code == 200


@pytest.mark.parametrize("act", ["disable", "role", "delete", "second-factor"])
def test_an_account_that_is_not_there_cannot_be_changed(admin: Person, act: str) -> None:
    assert admin.post(f"/admin/users/999/{act}", {"role": "user"}).status_code == 404


@pytest.mark.parametrize(("act", "form"), [("password", {"password": "Another-Long-Phrase-7"}), ("second-factor", {})])
def test_an_administrator_changes_its_own_secrets_on_the_profile_only_where_the_password_is_asked(
    admin: Person, act: str, form: dict[str, str]
) -> None:
    answer = admin.post(f"/admin/users/{admin.id}/{act}", form)
    assert answer.status_code == 409
    assert "on your profile page" in answer.text
    assert admin.sign_in().status_code == 302


def test_a_token_of_a_person_who_was_disabled_does_not_live_again(admin: Person, user: Person) -> None:
    form = {"token_name": "x", "scope": "read", "days": "9", "confirm_password": PASSWORD}
    token = re.findall(r"cmmc_[\w-]{43}", user.post("/profile/tokens", form).text)[0]
    admin.post(f"/admin/users/{user.id}/disable")
    admin.post(f"/admin/users/{user.id}/enable")
    bearer = {"Authorization": f"Bearer {token}"}
    assert user.client.get("/api/v1/systems", headers=bearer).status_code == 401


def test_refusals_of_one_person_are_noted_sixty_times_in_five_minutes(admin: Person, user: Person) -> None:
    assert {user.get("/audit").status_code for _ in range(70)} == {403}
    found = [e for e in admin.call("GET", "/audit?action=request:refused").get_json()["items"] if e["actor"] == "bo"]
    rest = admin.call("GET", f"/audit?action=request:refused&cursor={found[-1]['id']}").get_json()["items"]
    assert len(found) + len(rest) == 60


def test_a_form_cannot_set_what_it_does_not_ask_for(tracker: Tracker, admin: Person) -> None:
    form = {"username": "dee", "password": PASSWORD, "role": "user", "id": "1"}
    assert admin.post("/admin/users", {**form, "deleted_at": "2020-01-01", "version": "9"}).status_code == 302
    with tracker.read() as work:
        row = work.row(select(users).where(users.c.name == "dee"))
    assert row is not None
    assert (row.id != 1, row.organization, row.deleted_at, row.version) == (True, "ours", None, 1)


def test_a_reset_password_revokes_tokens_and_is_none_of_the_last_five(admin: Person, user: Person) -> None:
    for number in range(5):
        form = {"password": f"Another-Long-Phrase-{number}"}
        assert admin.post(f"/admin/users/{user.id}/password", form).status_code == 302
    reused = admin.post(f"/admin/users/{user.id}/password", {"password": "Another-Long-Phrase-0"})
    assert (reused.status_code, "one of the last 5" in reused.text) == (422, True)
    assert admin.post(f"/admin/users/{user.id}/password", {"password": PASSWORD}).status_code == 302
