"""API tokens: shown once, kept as a hash, with an end, never more than their owner."""

import re
from dataclasses import replace

import pytest
from sqlalchemy import select

from cmmc_tracker.domain.permissions import Actor, Role
from cmmc_tracker.domain.settings import Preferences
from cmmc_tracker.errors import Conflict, Invalid, NotFound
from cmmc_tracker.services import accounts, settings, tokens
from cmmc_tracker.services.tokens import Bearer, Wanted
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import api_tokens
from tests.conftest import OPERATOR, Clock, add_account


@pytest.fixture
def bo(tracker: Tracker) -> Actor:
    return Actor(add_account(tracker, "bo"), "bo", Role.USER)


def _made(tracker: Tracker, who: Actor, scope: str = "write", days: str = "30", name: str = "nightly logs") -> str:
    with tracker.write(who) as work:
        return tokens.make(work, Wanted.parse(name, scope, days))


def _found(tracker: Tracker, token: str) -> Bearer | None:
    with tracker.read() as work:
        return tokens.find(work, token)


def test_a_token_acts_as_its_owner_in_the_owners_systems_and_says_so_in_the_log(tracker: Tracker, bo: Actor) -> None:
    found = _found(tracker, _made(tracker, bo))
    assert found is not None
    assert (found.actor.id, found.actor.role, found.writes) == (bo.id, Role.USER, True)
    assert list(found.actor.systems) == ["main"]
    assert found.actor.via == f"token {found.id} (nightly logs)"


def test_a_token_has_a_prefix_that_scanners_know_and_the_database_keeps_a_hash_only(
    tracker: Tracker, bo: Actor
) -> None:
    token = _made(tracker, bo)
    assert re.fullmatch(r"cmmc_[A-Za-z0-9_-]{43}", token)
    with tracker.read() as work:
        row = work.row(select(api_tokens))
    assert row is not None
    assert re.fullmatch(r"[0-9a-f]{64}", row.token_hash)
    assert token not in str(tuple(row))
    assert token.endswith(row.hint)


def test_a_token_ends_on_its_day_and_when_it_is_revoked(tracker: Tracker, bo: Actor, clock: Clock) -> None:
    short, other = _made(tracker, bo, days="1"), _made(tracker, bo, name="other")
    clock.forward(hours=25)
    assert _found(tracker, short) is None
    found = _found(tracker, other)
    assert found is not None
    with tracker.write(bo) as work:
        tokens.revoke(work, found.id)
    assert _found(tracker, other) is None
    with pytest.raises(NotFound), tracker.write(bo) as work:
        tokens.revoke(work, found.id)


@pytest.mark.parametrize("token", ["", "cmmc_", "x", "cmmc_" + "a" * 43, "cmmc_" + "ä" * 40, "\0", "a" * 100_000])
def test_what_is_no_token_finds_nobody(tracker: Tracker, bo: Actor, token: str) -> None:
    _made(tracker, bo)
    assert _found(tracker, token) is None


def test_nobody_revokes_or_sees_somebody_elses_token(tracker: Tracker, bo: Actor) -> None:
    found = _found(tracker, _made(tracker, bo))
    assert found is not None
    dee = Actor(add_account(tracker, "dee", "admin"), "dee", Role.ADMIN)
    with tracker.read(dee) as work:
        assert tokens.own(work) == []
    with pytest.raises(NotFound), tracker.write(dee) as work:
        tokens.revoke(work, found.id)


@pytest.mark.parametrize("act", [accounts.disable, accounts.remove])
def test_a_token_of_a_disabled_or_deleted_person_opens_nothing(tracker: Tracker, bo: Actor, act: object) -> None:
    add_account(tracker, "ada", "admin")
    token = _made(tracker, bo)
    with tracker.write(OPERATOR) as work:
        act(work, bo.id)  # type: ignore[operator]
    assert _found(tracker, token) is None


def test_a_password_that_an_administrator_sets_revokes_all_tokens(tracker: Tracker, bo: Actor) -> None:
    token = _made(tracker, bo)
    accounts.reset_password(tracker, OPERATOR, "", bo.id or 0, "Another-Long-Phrase-7")
    assert _found(tracker, token) is None


def test_a_changed_role_holds_for_the_token_at_once(tracker: Tracker, bo: Actor) -> None:
    token = _made(tracker, bo)
    with tracker.write(OPERATOR) as work:
        accounts.set_role(work, bo.id or 0, Role.ADMIN)
    found = _found(tracker, token)
    assert found is not None
    assert found.actor.is_admin


def test_a_token_of_somebody_who_must_enrol_says_so(tracker: Tracker, bo: Actor) -> None:
    token = _made(tracker, bo)
    with tracker.write(OPERATOR) as work:
        settings.change(work, replace(Preferences(), second_factor_required=True), None)
    found = _found(tracker, token)
    assert found is not None
    assert found.must_enrol


def test_the_list_tells_name_scope_end_and_last_use(tracker: Tracker, bo: Actor, clock: Clock) -> None:
    found = _found(tracker, _made(tracker, bo, "read", "2"))
    assert found is not None
    assert not found.writes
    with tracker.write(address="192.0.2.4") as work:
        tokens.touch(work, found.id)
    clock.forward(days=3)
    with tracker.read(bo) as work:
        listed = tokens.own(work)
    assert [(one.name, one.writes, one.expired, one.last_used_from) for one in listed] == [
        ("nightly logs", False, True, "192.0.2.4")
    ]


@pytest.mark.parametrize(
    ("name", "scope", "days", "field"),
    [
        ("", "read", "1", "token_name"),
        ("\u200b", "read", "1", "token_name"),
        ("x" * 81, "read", "1", "token_name"),
        ("x", "", "1", "scope"),
        ("x", "admin", "1", "scope"),
        ("x", "read", "0", "days"),
        ("x", "read", "367", "days"),
        ("x", "read", "1.5", "days"),
        ("x", "read", "٣", "days"),
        ("x", "read", "", "days"),
    ],
)
def test_a_token_that_cannot_be_says_which_field_is_wrong(name: str, scope: str, days: str, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        Wanted.parse(name, scope, days)
    assert list(refused.value.fields) == [field]


def test_nobody_has_more_than_fifty_tokens(tracker: Tracker, bo: Actor) -> None:
    for number in range(50):
        _made(tracker, bo, name=f"program {number}")
    with pytest.raises(Conflict, match="revoke one"):
        _made(tracker, bo)
