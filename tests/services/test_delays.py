"""The growing delay of an account that is guessed, from whatever address."""

import re
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from cmmc_tracker.errors import NotSignedIn, TooMany
from cmmc_tracker.services import accounts, delays, logins
from cmmc_tracker.services.delays import delay_after
from cmmc_tracker.services.limits import DatabaseLimiter
from cmmc_tracker.services.logins import Visitor
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import account_tries
from tests.conftest import OPERATOR, PASSWORD, Clock, add_account


def _from(number: int, known: frozenset[int] = frozenset(), since: datetime | None = None) -> Visitor:
    """Somebody at an address of their own: the limit by address stays out of the way."""
    return Visitor(f"192.0.2.{number}", f"192.0.2.{number}", "a browser", known, since)


def _fail(tracker: Tracker, times: int, name: str = "bo", first: int = 1) -> None:
    for number in range(first, first + times):
        with pytest.raises(NotSignedIn):
            logins.sign_in(tracker, DatabaseLimiter(tracker), _from(number), name, "wrong")


@pytest.mark.parametrize(
    ("failures", "seconds"), [(0, 0), (5, 0), (6, 4), (7, 8), (8, 16), (9, 32), (10, 60), (11, 60), (10_000, 60)]
)
def test_the_delay_grows_from_the_sixth_failure_to_a_minute_at_most(failures: int, seconds: int) -> None:
    assert delay_after(failures) == timedelta(seconds=seconds)


def test_after_six_failures_from_six_addresses_the_seventh_must_wait_and_the_right_password_too(
    tracker: Tracker, clock: Clock
) -> None:
    add_account(tracker, "bo")
    _fail(tracker, 6)
    with pytest.raises(TooMany, match="Too many login attempts for this account") as refused:
        logins.sign_in(tracker, DatabaseLimiter(tracker), _from(99), "bo", PASSWORD)
    assert 1 <= refused.value.retry_after <= 4
    clock.forward(seconds=4)
    assert logins.sign_in(tracker, DatabaseLimiter(tracker), _from(99), "bo", PASSWORD)


def test_five_failures_in_a_row_cost_nobody_a_delay(tracker: Tracker) -> None:
    add_account(tracker, "bo")
    _fail(tracker, 5)
    assert logins.sign_in(tracker, DatabaseLimiter(tracker), _from(99), "bo", PASSWORD)


def test_without_a_delay_due_nobody_waits_also_when_clocks_of_nodes_differ(tracker: Tracker, clock: Clock) -> None:
    add_account(tracker, "bo")
    _fail(tracker, 5)
    clock.forward(seconds=-2)
    assert logins.sign_in(tracker, DatabaseLimiter(tracker), _from(99), "bo", PASSWORD)


def test_a_success_begins_the_row_anew_for_that_account_only(tracker: Tracker, clock: Clock) -> None:
    add_account(tracker, "bo")
    add_account(tracker, "dee")
    _fail(tracker, 5)
    _fail(tracker, 6, "dee", first=50)
    logins.sign_in(tracker, DatabaseLimiter(tracker), _from(99), "bo", PASSWORD)
    _fail(tracker, 5, first=20)
    assert logins.sign_in(tracker, DatabaseLimiter(tracker), _from(99), "bo", PASSWORD)
    with pytest.raises(TooMany):
        logins.sign_in(tracker, DatabaseLimiter(tracker), _from(98), "dee", PASSWORD)


def test_refused_tries_do_not_lengthen_the_wait(tracker: Tracker, clock: Clock) -> None:
    add_account(tracker, "bo")
    _fail(tracker, 6)
    for number in range(30):
        with pytest.raises(TooMany):
            logins.sign_in(tracker, DatabaseLimiter(tracker), _from(100 + number), "bo", "wrong")
    clock.forward(seconds=4)
    assert logins.sign_in(tracker, DatabaseLimiter(tracker), _from(99), "bo", PASSWORD)


def test_a_browser_that_signed_in_before_does_not_wait_so_nobody_is_locked_out_for_good(
    tracker: Tracker, clock: Clock
) -> None:
    user_id = add_account(tracker, "bo")
    for number in range(12):
        _fail(tracker, 1, first=number + 1)
        clock.forward(seconds=61)
    clock.forward(seconds=-60)
    with pytest.raises(TooMany):
        logins.sign_in(tracker, DatabaseLimiter(tracker), _from(98, frozenset({user_id + 1}), clock()), "bo", PASSWORD)
    assert logins.sign_in(tracker, DatabaseLimiter(tracker), _from(99, frozenset({user_id}), clock()), "bo", PASSWORD)


def test_a_network_that_hammers_waits_a_minute_and_cannot_make_others_wait_longer_than_four_seconds(
    tracker: Tracker, clock: Clock
) -> None:
    add_account(tracker, "bo")
    limiter = DatabaseLimiter(tracker)
    for _ in range(15):
        _fail(tracker, 1)
        clock.forward(seconds=61)
    _fail(tracker, 1)
    clock.forward(seconds=5)
    with pytest.raises(TooMany) as refused:
        logins.sign_in(tracker, limiter, _from(1), "bo", PASSWORD)
    assert 50 < refused.value.retry_after <= 60
    assert logins.sign_in(tracker, limiter, _from(99), "bo", PASSWORD)


def test_a_known_browser_in_other_hands_waits_after_ten_failures(tracker: Tracker, clock: Clock) -> None:
    user_id = add_account(tracker, "bo")
    for number in range(10):
        thief = _from(number, frozenset({user_id}), clock())
        with pytest.raises(NotSignedIn):
            logins.sign_in(tracker, DatabaseLimiter(tracker), thief, "bo", "wrong")
    with pytest.raises(TooMany, match="for this account"):
        logins.sign_in(tracker, DatabaseLimiter(tracker), _from(50, frozenset({user_id}), clock()), "bo", "wrong")


def test_a_browser_that_was_known_before_the_password_changed_is_known_no_more(tracker: Tracker, clock: Clock) -> None:
    user_id = add_account(tracker, "bo")
    before = clock()
    clock.forward(seconds=10)
    accounts.reset_password(tracker, OPERATOR, "", user_id, "Another-Long-Phrase-7")
    _fail(tracker, 6)
    old = _from(50, frozenset({user_id}), before)
    with pytest.raises(TooMany):
        logins.sign_in(tracker, DatabaseLimiter(tracker), old, "bo", "Another-Long-Phrase-7")
    new = _from(51, frozenset({user_id}), clock())
    assert logins.sign_in(tracker, DatabaseLimiter(tracker), new, "bo", "Another-Long-Phrase-7")


def test_nothing_that_was_typed_as_a_name_is_kept_but_its_hash(tracker: Tracker) -> None:
    _fail(tracker, 1, PASSWORD)
    with tracker.read() as work:
        kept = work.rows(select(account_tries))
    assert len(kept) == 2
    assert all(re.fullmatch("[0-9a-f]{64}", row.key_hash) for row in kept)


def test_names_that_nobody_has_wait_alike(tracker: Tracker) -> None:
    add_account(tracker, "bo")
    waits = []
    for name, first in (("bo", 1), ("nobody", 50)):
        _fail(tracker, 6, name, first)
        with pytest.raises(TooMany) as refused:
            logins.sign_in(tracker, DatabaseLimiter(tracker), _from(99), name, "wrong")
        waits.append(refused.value.message)
    assert waits[0] == waits[1]


def test_failures_are_forgotten_after_a_day(tracker: Tracker, clock: Clock) -> None:
    add_account(tracker, "bo")
    _fail(tracker, 6)
    clock.forward(hours=25)
    _fail(tracker, 1, "nobody", first=50)
    _fail(tracker, 5, first=20)
    assert logins.sign_in(tracker, DatabaseLimiter(tracker), _from(99), "bo", PASSWORD)


def test_failures_of_a_clock_that_ran_ahead_make_nobody_wait_until_then(tracker: Tracker, clock: Clock) -> None:
    one = delays.of_name("bo", "192.0.2.7", known_device=False)
    clock.forward(days=400)
    for _ in range(20):
        with tracker.write() as work:
            delays.begin(work, one)
        clock.forward(minutes=2)
    clock.forward(days=-401)
    with tracker.write() as work:
        delays.begin(work, one)
    with pytest.raises(TooMany), tracker.write() as work:
        delays.begin(work, one)
