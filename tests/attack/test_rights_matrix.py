"""Every address times everybody who may stand before it. A new address fails until its place in the table is known."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.permissions import Actor, Role
from cmmc_tracker.gate.session import ENROLMENT, PUBLIC
from cmmc_tracker.services import accounts, sessions, settings, systems, tokens
from cmmc_tracker.services.tokens import Wanted
from cmmc_tracker.services.work import Tracker
from tests.conftest import OPERATOR, Clock, Person, add_account, person
from tests.test_house import VALUES

READS = {"GET"}
NAMELESS = {"about.security_txt", "health.alive", "health.figures", "health.ready", "static"}
# Addresses of a list or a form that any signed-in person may open; what is in them depends on their systems.
LISTS = {
    *("dashboard.show", "artifacts.index", "artifacts.upload", "artifacts.receive", "artifacts.picker"),
    *(
        "duties.mine",
        "duties.calendar",
        "duties.hand_over",
        "duties.preview_hand_over",
        "trash.index",
        "imports.new",
        "imports.receive",
    ),
    *("quarantine.index", "rules.show", "portfolio.show", "systems.new", "systems.create"),
    *("triage.show", "triage.move", "artifacts.act_on_selection", "artifacts.undo"),
    *("api.list_systems", "api.create_system", "api.list_artifacts", "api.create_artifact"),
}
ADMIN = ("/admin/", "/config", "/welcome", "/audit", "/api/v1/audit")
# Of a system, for its approvers, or for its affirming official; `people.assign` for administrators who are members.
SHARING = {"sharing.give", "sharing.make_link", "sharing.revoke", "api.delete_viewer"}
APPROVING = {"people.assign", "ssp.approve_version", "status.record", "status.affirm"} | SHARING
ADMINISTRATORS_TOO = {"people.assign"} | SHARING
# Of a system, for administrators who are its members.
FOR_ADMINS = {"packages.keep", "packages.hold", "packages.lift"}
OWN = ("/profile", "/logout", "/api/docs", "/api/openapi.json")
SYSTEM = (
    *(
        "/assessor/",
        "/systems/",
        "/artifacts/",
        "/uploads/",
        "/trash/",
        "/remarks/",
        "/requests/",
        "/quarantine/",
        "/triage/",
        "/spills/",
    ),
    *("/api/v1/systems/", "/api/v1/artifacts/"),
)


@dataclass(frozen=True)
class Address:
    """One method of one rule, with values that exist in the stage of this test."""

    endpoint: str
    method: str
    path: str

    @property
    def is_api(self) -> bool:
        return self.path.startswith("/api/")

    @property
    def kind(self) -> str:
        """Who may pass: `public`, `admin`, `own`, `lists` or `system`."""
        if self.endpoint in PUBLIC:
            return "public"
        if self.endpoint in LISTS:
            return "lists"
        for kind, prefixes in (("admin", ADMIN), ("own", OWN), ("system", SYSTEM)):
            if self.path.startswith(prefixes):
                return kind
        pytest.fail(f"say in this table who may open {self.path} ({self.endpoint})")


@dataclass
class Asker:
    """Somebody before the door: a browser, or a program with a token."""

    person: Person
    bearer: str = ""
    again: Callable[[], None] = lambda: None
    turn: int = 0

    def ask(self, address: Address) -> TestResponse:
        """Ask from an address of its own each time, so that no limit on tries answers instead."""
        self.again()
        headers = {"Authorization": self.bearer} if self.bearer else {"X-CSRF-Token": self.person.token}
        self.turn += 1
        return self.person.client.open(
            address.path,
            method=address.method,
            json={} if address.is_api and address.method not in {"GET", "DELETE"} else None,
            headers=headers,
            buffered=True,
            environ_overrides={"REMOTE_ADDR": f"10.{self.turn // 250}.{self.turn % 250}.1"},
        )


def _addresses(app: Flask) -> list[Address]:
    found = []
    with app.test_request_context():
        adapter = app.url_map.bind("localhost")
        for rule in app.url_map.iter_rules():
            path = adapter.build(rule.endpoint, {name: VALUES.get(name, 1) for name in rule.arguments})
            methods = sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
            found += [Address(rule.endpoint, method, path) for method in methods]
    return found


@pytest.fixture
def stage(app: Flask, tracker: Tracker) -> None:
    """Account 1 and its session 1 are nobody's who walks; artifact 1 is there."""
    first = person(app, tracker, "first", "admin")
    assert first.id == 1
    assert first.upload("a.txt", b"only for main", title="only for main", objectives="3.1.1[a]").get_json()["id"] == 1


def _browser(app: Flask, tracker: Tracker, name: str, role: str = "user") -> Asker:
    """Somebody signed in, who signs in again when an address has ended the session."""
    made = person(app, tracker, name, role)

    def again() -> None:
        if made.client.get("/api/openapi.json").status_code == 401:
            made.sign_in()

    return Asker(made, again=again)


def _program(app: Flask, tracker: Tracker, owner: int, scope: str) -> Asker:
    with tracker.write(Actor(owner, "owner", Role.USER)) as work:
        token = tokens.make(work, Wanted.parse("program", scope, "30"))
    return Asker(Person("", app.test_client()), f"Bearer {token}")


def _turned_away(address: Address, answer: TestResponse, to: str) -> bool:
    if address.is_api:
        return answer.status_code == 401 and answer.mimetype == "application/problem+json"
    return answer.status_code == 302 and answer.headers["Location"].startswith(to)


def _let_in(answer: TestResponse) -> bool:
    """Whether the gate let it through; what then is wrong with an empty form is the view's to say."""
    away = answer.headers.get("Location", "").startswith(("/login?", "/login/code", "/profile/second-factor"))
    ended = answer.headers.get("Location") == "/login"  # where a sign-out leads
    return answer.status_code not in {401, 403} and answer.status_code < 500 and (not away or ended)


def _own_way(address: Address, answer: TestResponse) -> bool:
    """Setting up a second factor leads back to its own page."""
    return _let_in(answer) or (address.endpoint.startswith("second_factor.") and answer.status_code in {302, 409, 422})


def test_every_address_has_a_place_in_the_table(app: Flask) -> None:
    kinds = [one.kind for one in _addresses(app)]
    assert set(kinds) == {"public", "admin", "own", "lists", "system"}
    assert len(kinds) > 60


@pytest.mark.usefixtures("stage")
def test_a_stranger_is_sent_to_the_sign_in(app: Flask) -> None:
    asker = Asker(Person("", app.test_client()))
    for address in _addresses(app):
        if address.kind != "public":
            assert _turned_away(address, asker.ask(address), "/login?next="), address


@pytest.mark.usefixtures("stage")
def test_a_half_session_opens_the_second_step_and_nothing_else(app: Flask, tracker: Tracker) -> None:
    half = Person("hal", app.test_client(), add_account(tracker, "hal"), "a" * 64)
    with tracker.write(Actor(half.id, "hal", Role.USER)) as work:
        token = sessions.start(work, half.id, "", half=True)
        work.record(Event.LOGIN_CODE_ASKED, f"user:{half.id}")
    with half.client.session_transaction() as cookie:
        cookie.update(sid=token, csrf_token=half.token)
    asker = Asker(half)
    assert half.get("/login/code").status_code == 200
    for address in _addresses(app):
        if address.kind != "public":
            assert _turned_away(address, asker.ask(address), "/login/code?next="), address


@pytest.mark.usefixtures("stage")
def test_a_plain_user_opens_everything_but_what_is_for_administrators(app: Flask, tracker: Tracker) -> None:
    asker = _browser(app, tracker, "bo")
    for address in _addresses(app):
        answer = asker.ask(address)
        if address.kind == "admin" or address.endpoint in APPROVING | FOR_ADMINS:
            assert answer.status_code == 403, address
        elif address.kind != "public":
            assert _own_way(address, answer), (address, answer.status_code)


@pytest.mark.usefixtures("stage")
def test_an_administrator_opens_everything(app: Flask, tracker: Tracker) -> None:
    asker = _browser(app, tracker, "ada", "admin")
    for address in _addresses(app):
        if address.kind != "public":
            answer = asker.ask(address)
            refused = address.endpoint in APPROVING - ADMINISTRATORS_TOO
            wanted = answer.status_code == 403 if refused else _own_way(address, answer)
            assert wanted, (address, answer.status_code)


@pytest.mark.usefixtures("stage")
def test_somebody_of_no_system_finds_nothing_of_any(app: Flask, tracker: Tracker, outsider: Person) -> None:
    asker = Asker(outsider, again=lambda: None if outsider.get("/api/docs").status_code == 200 else _in(outsider))
    for address in _addresses(app):
        answer = asker.ask(address)
        if address.kind == "admin":
            assert answer.status_code == 403, address
        if address.kind == "system":
            assert answer.status_code in {404, 422}, (address, answer.status_code)
        assert b"only for main" not in answer.data, address


def _in(someone: Person) -> None:
    someone.sign_in()


@pytest.mark.usefixtures("stage")
def test_who_must_set_up_a_second_factor_does_that_and_nothing_else(app: Flask, tracker: Tracker) -> None:
    asker = _browser(app, tracker, "bo")
    with tracker.write(OPERATOR) as work:
        settings.change(work, replace(settings.current(work), second_factor_required=True), None)
    asker.again = lambda: None if asker.person.get("/profile").status_code == 302 else _in(asker.person)
    for address in _addresses(app):
        if address.kind == "public" or address.endpoint == "accounts.logout":
            continue
        answer = asker.ask(address)
        if address.endpoint in ENROLMENT:
            assert answer.status_code != 403, address
        elif address.is_api:
            assert answer.status_code == 403, address
        else:
            assert answer.headers.get("Location") == "/profile/second-factor", address


@pytest.mark.usefixtures("stage")
@pytest.mark.parametrize(("scope", "role"), [("read", Role.USER), ("write", Role.USER), ("write", Role.ADMIN)])
def test_a_token_opens_the_api_alone_and_no_more_than_its_owner(
    app: Flask, tracker: Tracker, scope: str, role: Role
) -> None:
    asker = _program(app, tracker, add_account(tracker, "owner", role), scope)
    passed = 0
    for address in _addresses(app):
        answer = asker.ask(address)
        if address.endpoint in NAMELESS:
            assert answer.status_code in {200, 404}, address
        elif (
            not address.is_api
            or (role is Role.USER and (address.kind == "admin" or address.endpoint in SHARING))
            or (scope == "read" and address.method not in READS)
        ):
            assert answer.status_code == 403, address
        else:
            assert _let_in(answer), (address, answer.status_code)
            passed += 1
        assert "Set-Cookie" not in answer.headers or not address.path.startswith("/api/v1/"), address
    assert passed > 5


def _is_more_than(address: Address, scope: str, role: Role) -> bool:
    return (address.kind == "admin" and role is Role.USER) or (scope == "read" and address.method not in READS)


def _expired(tracker: Tracker, owner: int, clock: Clock) -> None:
    clock.offset += timedelta(days=31)


def _revoked(tracker: Tracker, owner: int, clock: Clock) -> None:
    with tracker.write(Actor(owner, "owner", Role.USER)) as work:
        tokens.revoke(work, 1)


def _disabled(tracker: Tracker, owner: int, clock: Clock) -> None:
    with tracker.write(OPERATOR) as work:
        accounts.disable(work, owner)


def _deleted(tracker: Tracker, owner: int, clock: Clock) -> None:
    with tracker.write(OPERATOR) as work:
        accounts.remove(work, owner)


@pytest.mark.usefixtures("stage")
@pytest.mark.parametrize("ended", [_expired, _revoked, _disabled, _deleted])
def test_a_token_that_ended_opens_nothing_also_beside_a_good_cookie(
    app: Flask, tracker: Tracker, clock: Clock, ended: Callable[[Tracker, int, Clock], None]
) -> None:
    owner = add_account(tracker, "owner")
    asker = _program(app, tracker, owner, "write")
    with tracker.read() as work:
        assert tokens.find(work, asker.bearer.removeprefix("Bearer ")) is not None
    ended(tracker, owner, clock)
    asker.person = person(app, tracker, "ada", "admin")
    assert asker.person.get("/").status_code == 200
    for address in _addresses(app):
        if address.endpoint not in NAMELESS:
            answer = asker.ask(address)
            assert answer.status_code == 401, (address, answer.status_code)
            assert answer.headers["WWW-Authenticate"].startswith("Bearer"), address


@pytest.mark.usefixtures("stage")
def test_a_token_of_somebody_who_must_set_up_a_second_factor_opens_nothing(app: Flask, tracker: Tracker) -> None:
    asker = _program(app, tracker, add_account(tracker, "owner"), "write")
    with tracker.write(OPERATOR) as work:
        settings.change(work, replace(settings.current(work), second_factor_required=True), None)
    for address in _addresses(app):
        if address.endpoint not in NAMELESS:
            assert asker.ask(address).status_code == 403, address


def test_a_token_sees_the_systems_of_its_owner_as_they_are_now(app: Flask, tracker: Tracker, outsider: Person) -> None:
    asker = _program(app, tracker, outsider.id, "read")
    assert asker.ask(Address("api.list_systems", "GET", "/api/v1/systems")).get_json()["items"] == []
    assert asker.ask(Address("api.show_score", "GET", "/api/v1/systems/main/score")).status_code == 404
    with tracker.read() as work:
        assert "main" in systems.all_of(work)
