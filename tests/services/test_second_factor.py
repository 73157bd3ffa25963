"""The second factor: codes by time, each good once, and recovery codes."""

import re
import threading
from dataclasses import replace
from datetime import timedelta

import pyotp
import pytest
from sqlalchemy import select

from cmmc_tracker.domain.permissions import Actor, Role
from cmmc_tracker.domain.settings import Preferences
from cmmc_tracker.errors import Conflict, Forbidden, Invalid, NotFound, NotSignedIn, TooMany
from cmmc_tracker.services import audit, logins, second_factor, sessions, settings
from cmmc_tracker.services.audit import AuditFilter
from cmmc_tracker.services.limits import DatabaseLimiter, SharedLimiter
from cmmc_tracker.services.logins import SignedIn, Visitor
from cmmc_tracker.services.sessions import Session
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import recovery_codes, second_factors
from tests.conftest import OPERATOR, PASSWORD, Clock, add_account

HERE = Visitor("192.0.2.7", "192.0.2.7", "a browser")


def _elsewhere(number: int) -> Visitor:
    return Visitor(f"192.0.2.{number}", f"192.0.2.{number}", "a browser")


def _key(tracker: Tracker, user_id: int) -> pyotp.TOTP:
    with tracker.read() as work:
        row = work.row(select(second_factors.c.secret).where(second_factors.c.user_id == user_id))
    assert row is not None
    return pyotp.TOTP(row.secret)


def _enrolled(tracker: Tracker, clock: Clock, name: str = "bo") -> tuple[Actor, pyotp.TOTP, list[str]]:
    """Somebody with a second factor, half a minute after setting it up: that code is used up."""
    actor = Actor(add_account(tracker, name), name, Role.USER)
    with tracker.write(actor) as work:
        second_factor.begin(work)
    key = _key(tracker, actor.id or 0)
    with tracker.write(actor) as work:
        codes = second_factor.confirm(work, key.at(clock()), None)
    clock.forward(seconds=31)
    return actor, key, codes


def _first_step(tracker: Tracker, visitor: Visitor = HERE, name: str = "bo") -> tuple[SignedIn, Session]:
    done = logins.sign_in(tracker, DatabaseLimiter(tracker), visitor, name, PASSWORD)
    with tracker.read() as work:
        half = sessions.find(work, done.token)
    assert half is not None
    return done, half


def _finish(tracker: Tracker, half: Session, code: str, visitor: Visitor = HERE) -> SignedIn:
    return logins.finish(tracker, DatabaseLimiter(tracker), visitor, half, code)


def _actions(tracker: Tracker) -> list[str]:
    with tracker.read(OPERATOR) as work:
        return [entry.action for entry in audit.page(work, AuditFilter())[0]]


def test_the_password_alone_opens_half_a_session_and_the_code_the_whole(tracker: Tracker, clock: Clock) -> None:
    _, key, _ = _enrolled(tracker, clock)
    done, half = _first_step(tracker)
    assert done.half
    assert half.half
    assert _actions(tracker)[0] == "login:code_asked"
    whole = _finish(tracker, half, key.at(clock()))
    with tracker.read() as work:
        found = sessions.find(work, whole.token)
        assert sessions.find(work, done.token) is None
    assert found is not None
    assert not found.half
    assert _actions(tracker)[0] == "login:succeeded"


def test_a_code_is_good_once_and_none_of_before_it_is_taken(tracker: Tracker, clock: Clock) -> None:
    _, key, _ = _enrolled(tracker, clock)
    code, earlier = key.at(clock()), key.at(clock() - timedelta(seconds=30))
    _finish(tracker, _first_step(tracker)[1], code)
    for used in (code, earlier):
        with pytest.raises(NotSignedIn, match="was used already"):
            _finish(tracker, _first_step(tracker)[1], used)


@pytest.mark.parametrize(("seconds", "taken"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_a_clock_may_differ_by_one_step(tracker: Tracker, clock: Clock, seconds: int, taken: bool) -> None:
    _, key, _ = _enrolled(tracker, clock)
    clock.forward(minutes=5)
    half = _first_step(tracker)[1]
    code = key.at(clock() + timedelta(seconds=seconds))
    if taken:
        assert not _finish(tracker, half, code).half
    else:
        with pytest.raises(NotSignedIn):
            _finish(tracker, half, code)


@pytest.mark.parametrize("wrong", ["", "12345", "1234567", "abcdef", "１２３４５６", "-1", "0" * 4_000, "a b c d"])
def test_what_is_no_code_is_refused(tracker: Tracker, clock: Clock, wrong: str) -> None:
    _enrolled(tracker, clock)
    with pytest.raises(NotSignedIn):
        _finish(tracker, _first_step(tracker)[1], wrong)
    assert _actions(tracker)[0] == "login:failed"


def test_a_clock_that_ran_ahead_and_was_set_right_shuts_nobody_out(tracker: Tracker, clock: Clock) -> None:
    _, key, _ = _enrolled(tracker, clock)
    clock.forward(days=400)
    _finish(tracker, _first_step(tracker)[1], key.at(clock()))
    clock.forward(days=-400)
    code = key.at(clock())
    assert _finish(tracker, _first_step(tracker)[1], code).token
    with pytest.raises(NotSignedIn):
        _finish(tracker, _first_step(tracker)[1], code)


def test_a_code_may_be_typed_with_a_space(tracker: Tracker, clock: Clock) -> None:
    _, key, _ = _enrolled(tracker, clock)
    code = key.at(clock())
    assert _finish(tracker, _first_step(tracker)[1], f" {code[:3]} {code[3:]} ").token


def test_one_code_twice_at_the_same_instant_opens_one_session(tracker: Tracker, clock: Clock) -> None:
    _, key, _ = _enrolled(tracker, clock)
    halves = [_first_step(tracker, _elsewhere(n))[1] for n in range(5)]
    code, opened, refused = key.at(clock()), [], []
    together = threading.Barrier(5)

    def attempt(number: int) -> None:
        together.wait()
        try:
            opened.append(_finish(tracker, halves[number], code, _elsewhere(number)))
        except NotSignedIn:
            refused.append(number)

    threads = [threading.Thread(target=attempt, args=(n,)) for n in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (len(opened), len(refused)) == (1, 4)


def test_wrong_codes_count_against_the_sign_in_limit(tracker: Tracker, clock: Clock) -> None:
    _, key, _ = _enrolled(tracker, clock)
    half = _first_step(tracker)[1]
    for _ in range(5):
        with pytest.raises(NotSignedIn):
            _finish(tracker, half, "000000")
    with pytest.raises(TooMany, match="Too many login attempts"):
        _finish(tracker, half, key.at(clock()))
    with pytest.raises(TooMany):
        logins.sign_in(tracker, DatabaseLimiter(tracker), HERE, "bo", PASSWORD)


def test_wrong_codes_from_many_addresses_make_the_account_wait(tracker: Tracker, clock: Clock) -> None:
    _enrolled(tracker, clock)
    half = _first_step(tracker)[1]
    for number in range(6):
        with pytest.raises(NotSignedIn):
            _finish(tracker, half, "000000", _elsewhere(number))
    with pytest.raises(TooMany, match="for this account"):
        _finish(tracker, half, "000000", _elsewhere(99))


def test_who_lacks_the_password_cannot_make_the_second_step_wait(tracker: Tracker, clock: Clock) -> None:
    _, key, _ = _enrolled(tracker, clock)
    for number in range(12):
        with pytest.raises(NotSignedIn):
            logins.sign_in(tracker, DatabaseLimiter(tracker), _elsewhere(number), "bo", "wrong")
        clock.forward(seconds=61)
    half = _first_step(tracker, _elsewhere(99))[1]
    assert _finish(tracker, half, key.at(clock()), _elsewhere(99)).token


def test_half_a_session_lives_ten_minutes(tracker: Tracker, clock: Clock) -> None:
    _enrolled(tracker, clock)
    done, _ = _first_step(tracker)
    clock.forward(minutes=11)
    with tracker.read() as work:
        assert sessions.find(work, done.token) is None


def test_ten_recovery_codes_each_sign_in_once(tracker: Tracker, clock: Clock) -> None:
    _, _, codes = _enrolled(tracker, clock)
    assert len(set(codes)) == 10
    assert all(re.fullmatch(r"[a-z2-9]{4}(-[a-z2-9]{4}){3}", code) for code in codes)
    for number, code in enumerate(codes):
        half = _first_step(tracker, _elsewhere(number))[1]
        assert _finish(tracker, half, code.upper().replace("-", " "), _elsewhere(number)).token
    with pytest.raises(NotSignedIn):
        _finish(tracker, _first_step(tracker)[1], codes[0])


def test_recovery_codes_are_kept_as_hashes_only(tracker: Tracker, clock: Clock) -> None:
    _, _, codes = _enrolled(tracker, clock)
    with tracker.read() as work:
        kept = [row.code_hash for row in work.rows(select(recovery_codes))]
    assert len(kept) == 10
    assert all(re.fullmatch(r"[0-9a-f]{64}", one) for one in kept)
    assert not set(kept) & set(codes)


def test_a_recovery_code_of_somebody_else_is_of_no_use(tracker: Tracker, clock: Clock) -> None:
    _enrolled(tracker, clock)
    _, _, others = _enrolled(tracker, clock, "dee")
    with pytest.raises(NotSignedIn):
        _finish(tracker, _first_step(tracker)[1], others[0])


def test_new_recovery_codes_end_the_old_ones(tracker: Tracker, clock: Clock) -> None:
    actor, _, old = _enrolled(tracker, clock)
    with tracker.write(actor) as work:
        new = second_factor.renew_codes(work)
    with pytest.raises(NotSignedIn):
        _finish(tracker, _first_step(tracker)[1], old[0])
    assert _finish(tracker, _first_step(tracker)[1], new[0]).token


def test_beginning_again_beside_a_confirmation_never_takes_the_second_factor_away(
    tracker: Tracker, clock: Clock
) -> None:
    actor = Actor(add_account(tracker, "bo"), "bo", Role.USER)
    with tracker.write(actor) as work:
        second_factor.begin(work)
    key, refused = _key(tracker, actor.id or 0), []

    def again() -> None:
        try:
            with tracker.write(actor) as work:
                second_factor.begin(work)
        except Conflict:
            refused.append(1)

    thread = threading.Thread(target=again)
    with tracker.write(actor) as work:
        second_factor.confirm(work, key.at(clock()), None)
        thread.start()
        thread.join(0.5)
    thread.join(30)
    assert refused == [1]
    with tracker.read() as work:
        assert second_factor.is_set(work, actor.id or 0)


def test_a_sign_in_beside_a_confirmation_opens_no_whole_session(tracker: Tracker, clock: Clock) -> None:
    actor = Actor(add_account(tracker, "bo"), "bo", Role.USER)
    with tracker.write(actor) as work:
        second_factor.begin(work)
    key, begun = _key(tracker, actor.id or 0), []

    def signing_in() -> None:
        begun.append(logins.sign_in(tracker, SharedLimiter("memory://"), HERE, "bo", PASSWORD))

    thread = threading.Thread(target=signing_in)
    with tracker.write(actor) as work:
        second_factor.confirm(work, key.at(clock()), None)
        # The password is checked meanwhile; the session waits for this Work's end.
        thread.start()
        thread.join(0.7)
    thread.join(30)
    assert [one.half for one in begun] == [True]


def test_setting_it_up_needs_a_right_code_and_ends_other_sessions(tracker: Tracker, clock: Clock) -> None:
    actor = Actor(add_account(tracker, "bo"), "bo", Role.USER)
    other = logins.sign_in(tracker, DatabaseLimiter(tracker), HERE, "bo", PASSWORD)
    with tracker.write(actor) as work:
        second_factor.begin(work)
    with pytest.raises(Invalid, match="not right"), tracker.write(actor) as work:
        second_factor.confirm(work, "000000", None)
    assert logins.sign_in(tracker, DatabaseLimiter(tracker), HERE, "bo", PASSWORD).half is False
    code = _key(tracker, actor.id or 0).at(clock())
    with tracker.write(actor) as work:
        second_factor.confirm(work, code, None)
    with tracker.read() as work:
        assert sessions.find(work, other.token) is None
    with pytest.raises(Conflict, match="already"), tracker.write(actor) as work:
        second_factor.begin(work)
    with pytest.raises(NotSignedIn):
        _finish(tracker, _first_step(tracker)[1], code)


def test_an_enrolment_that_was_begun_is_no_second_factor_and_ends_after_an_hour(tracker: Tracker, clock: Clock) -> None:
    actor = Actor(add_account(tracker, "bo"), "bo", Role.USER)
    with tracker.write(actor) as work:
        second_factor.begin(work)
    with tracker.read(actor) as work:
        begun = second_factor.under_way(work)
    assert begun is not None
    assert begun.uri.startswith("otpauth://totp/CMMC%20Artifact%20Tracker:bo?secret=")
    assert logins.sign_in(tracker, DatabaseLimiter(tracker), HERE, "bo", PASSWORD).half is False
    clock.forward(minutes=61)
    with tracker.read(actor) as work:
        assert second_factor.under_way(work) is None
    with pytest.raises(Conflict, match="took too long"), tracker.write(actor) as work:
        second_factor.confirm(work, pyotp.TOTP(begun.key).at(clock()), None)


def test_it_is_removed_by_its_owner_unless_everybody_must_have_one(tracker: Tracker, clock: Clock) -> None:
    actor, _, _ = _enrolled(tracker, clock)
    with tracker.write(OPERATOR) as work:
        settings.change(work, replace(Preferences(), second_factor_required=True), None)
    with pytest.raises(Conflict, match="Everybody must"), tracker.write(actor) as work:
        second_factor.remove(work, None)
    with tracker.write(OPERATOR) as work:
        settings.change(work, Preferences(), None)
    with tracker.write(actor) as work:
        second_factor.remove(work, None)
    assert logins.sign_in(tracker, DatabaseLimiter(tracker), HERE, "bo", PASSWORD).half is False


def test_an_administrator_resets_it_and_nobody_else(tracker: Tracker, clock: Clock) -> None:
    actor, key, _ = _enrolled(tracker, clock)
    whole = _finish(tracker, _first_step(tracker)[1], key.at(clock()))
    with pytest.raises(Forbidden), tracker.write(actor) as work:
        second_factor.reset(work, actor.id or 0)
    with tracker.write(OPERATOR) as work:
        second_factor.reset(work, actor.id or 0)
    with tracker.read() as work:
        assert sessions.find(work, whole.token) is None
        assert work.rows(select(recovery_codes)) == []
    assert logins.sign_in(tracker, DatabaseLimiter(tracker), HERE, "bo", PASSWORD).half is False
    with pytest.raises(Conflict, match="no second factor"), tracker.write(OPERATOR) as work:
        second_factor.reset(work, actor.id or 0)
    with pytest.raises(NotFound), tracker.write(OPERATOR) as work:
        second_factor.reset(work, 999)
