"""Signing in: limits, refusals, and the first set-up."""

import threading

import pytest
from sqlalchemy import select, update

from cmmc_tracker.domain.permissions import Actor
from cmmc_tracker.errors import Invalid, NotFound, NotSignedIn, TooMany
from cmmc_tracker.services import accounts, audit, logins, sessions
from cmmc_tracker.services.audit import AuditFilter
from cmmc_tracker.services.limits import DatabaseLimiter, Limiter, SharedLimiter
from cmmc_tracker.services.logins import Visitor
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import users
from tests.conftest import OPERATOR, PASSWORD, Clock, add_account

HERE = Visitor("192.0.2.7", "192.0.2.7", "a browser")
ELSEWHERE = Visitor("192.0.2.8", "192.0.2.8", "a browser")


@pytest.fixture(params=["database", "memory"])
def limiter(request: pytest.FixtureRequest, tracker: Tracker) -> Limiter:
    return DatabaseLimiter(tracker) if request.param == "database" else SharedLimiter("memory://")


def _fail(tracker: Tracker, limiter: Limiter, times: int, visitor: Visitor = HERE, name: str = "bo") -> None:
    for _ in range(times):
        with pytest.raises(NotSignedIn):
            logins.sign_in(tracker, limiter, visitor, name, "wrong")


def _actions(tracker: Tracker) -> list[str]:
    with tracker.read(OPERATOR) as work:
        return [entry.action for entry in audit.page(work, AuditFilter())[0]]


def test_the_right_password_opens_a_session_of_that_person(tracker: Tracker, limiter: Limiter) -> None:
    user_id = add_account(tracker, "bo")
    token = logins.sign_in(tracker, limiter, HERE, " BO ", PASSWORD).token
    with tracker.read() as work:
        found = sessions.find(work, token)
    assert found is not None
    assert found.actor.id == user_id
    assert "main" in found.actor.systems
    assert _actions(tracker)[0] == "login:succeeded"


def test_wrong_password_and_unknown_name_are_answered_alike_and_recorded(tracker: Tracker, limiter: Limiter) -> None:
    add_account(tracker, "bo")
    messages = []
    for name in ("bo", "nobody"):
        with pytest.raises(NotSignedIn) as refused:
            logins.sign_in(tracker, limiter, HERE, name, "wrong")
        messages.append(refused.value.message)
    assert messages[0] == messages[1]
    assert _actions(tracker)[:2] == ["login:failed", "login:failed"]


def test_the_sixth_try_after_five_failures_is_refused_even_with_the_right_password(
    tracker: Tracker, limiter: Limiter
) -> None:
    add_account(tracker, "bo")
    _fail(tracker, limiter, 5)
    with pytest.raises(TooMany, match="Too many login attempts") as refused:
        logins.sign_in(tracker, limiter, HERE, "bo", PASSWORD)
    assert 1 <= refused.value.retry_after <= 300
    assert _actions(tracker)[0] == "login:refused"


def test_failures_of_unknown_names_count_too(tracker: Tracker, limiter: Limiter) -> None:
    add_account(tracker, "bo")
    _fail(tracker, limiter, 5, name="nobody")
    with pytest.raises(TooMany):
        logins.sign_in(tracker, limiter, HERE, "bo", PASSWORD)


def test_another_address_is_not_limited(tracker: Tracker, limiter: Limiter) -> None:
    add_account(tracker, "bo")
    _fail(tracker, limiter, 5)
    assert logins.sign_in(tracker, limiter, ELSEWHERE, "bo", PASSWORD)


def test_successes_do_not_count_and_do_not_clear_failures(tracker: Tracker, limiter: Limiter) -> None:
    add_account(tracker, "bo")
    _fail(tracker, limiter, 4)
    for _ in range(8):
        assert logins.sign_in(tracker, limiter, HERE, "bo", PASSWORD)
    _fail(tracker, limiter, 1)
    with pytest.raises(TooMany):
        logins.sign_in(tracker, limiter, HERE, "bo", PASSWORD)


def test_the_count_survives_a_restart_and_ends_after_five_minutes(tracker: Tracker, clock: Clock) -> None:
    add_account(tracker, "bo")
    _fail(tracker, DatabaseLimiter(tracker), 5)
    clock.forward(seconds=290)
    with pytest.raises(TooMany) as refused:
        logins.sign_in(tracker, DatabaseLimiter(tracker), HERE, "bo", PASSWORD)
    assert refused.value.retry_after <= 11
    clock.forward(seconds=11)
    assert logins.sign_in(tracker, DatabaseLimiter(tracker), HERE, "bo", PASSWORD)


def test_refused_tries_do_not_lengthen_the_wait(tracker: Tracker, clock: Clock) -> None:
    add_account(tracker, "bo")
    limiter = DatabaseLimiter(tracker)
    _fail(tracker, limiter, 5)
    for _ in range(6):
        clock.forward(seconds=49)
        with pytest.raises(TooMany):
            logins.sign_in(tracker, limiter, HERE, "bo", PASSWORD)
    clock.forward(seconds=7)
    assert logins.sign_in(tracker, limiter, HERE, "bo", PASSWORD)


def test_ten_wrong_tries_at_the_same_instant_get_five_answers_at_most(tracker: Tracker) -> None:
    add_account(tracker, "bo")
    limiter = DatabaseLimiter(tracker)
    looked_at, refused = [], []

    def attempt() -> None:
        try:
            logins.sign_in(tracker, limiter, HERE, "bo", "wrong")
        except NotSignedIn:
            looked_at.append(1)
        except TooMany:
            refused.append(1)

    threads = [threading.Thread(target=attempt) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(looked_at), len(refused)) == (5, 5)


def test_an_office_of_eight_behind_one_address_signs_in_at_the_same_instant(tracker: Tracker) -> None:
    add_account(tracker, "bo")
    limiter = DatabaseLimiter(tracker)
    tokens = []

    def attempt() -> None:
        tokens.append(logins.sign_in(tracker, limiter, HERE, "bo", PASSWORD).token)

    threads = [threading.Thread(target=attempt) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(tokens)) == 8


def test_a_disabled_person_cannot_sign_in_and_old_sessions_are_dead(tracker: Tracker, limiter: Limiter) -> None:
    user_id = add_account(tracker, "bo")
    token = logins.sign_in(tracker, limiter, HERE, "bo", PASSWORD).token
    add_account(tracker, "ada", "admin")
    with tracker.write(OPERATOR) as work:
        accounts.disable(work, user_id)
    with tracker.read() as work:
        assert sessions.find(work, token) is None
    with pytest.raises(NotSignedIn):
        logins.sign_in(tracker, limiter, HERE, "bo", PASSWORD)


@pytest.mark.parametrize(("idle", "alive"), [(29, True), (31, False)])
def test_a_session_ends_after_thirty_idle_minutes(tracker: Tracker, clock: Clock, idle: int, alive: bool) -> None:
    add_account(tracker, "bo")
    token = logins.sign_in(tracker, DatabaseLimiter(tracker), HERE, "bo", PASSWORD).token
    clock.forward(minutes=idle)
    with tracker.read() as work:
        assert (sessions.find(work, token) is not None) is alive


def test_a_session_ends_after_twelve_hours_of_use(tracker: Tracker, clock: Clock) -> None:
    add_account(tracker, "bo")
    token = logins.sign_in(tracker, DatabaseLimiter(tracker), HERE, "bo", PASSWORD).token
    for _ in range(36):
        clock.forward(minutes=20)
        with tracker.write() as work:
            found = sessions.find(work, token)
            if found:
                sessions.touch(work, found.id)
    assert found is None


def test_an_old_cheaper_hash_is_renewed_at_sign_in(tracker: Tracker, limiter: Limiter) -> None:
    from werkzeug.security import generate_password_hash

    user_id = add_account(tracker, "bo")
    old = generate_password_hash(PASSWORD, method="scrypt:1024:8:1")
    with tracker.write() as work:
        work.db.execute(update(users).where(users.c.id == user_id).values(password_hash=old))
    logins.sign_in(tracker, limiter, HERE, "bo", PASSWORD)
    with tracker.read() as work:
        row = work.row(select(users.c.password_hash).where(users.c.id == user_id))
    assert row is not None
    assert row.password_hash.startswith("pbkdf2:sha256:1$")


def test_the_set_up_link_makes_the_first_admin_once(tracker: Tracker) -> None:
    token = logins.make_setup_link(tracker)
    assert token is not None
    logins.set_up(tracker, HERE, token, name="ada", password=PASSWORD, repeat=PASSWORD)
    with pytest.raises(NotFound):
        logins.set_up(tracker, HERE, token, name="eve", password=PASSWORD, repeat=PASSWORD)
    assert logins.make_setup_link(tracker) is None


def test_two_tries_of_the_set_up_link_at_once_make_one_admin(tracker: Tracker) -> None:
    token = logins.make_setup_link(tracker)
    assert token is not None
    made, refused = [], []

    def attempt(name: str) -> None:
        try:
            made.append(logins.set_up(tracker, HERE, token, name=name, password=PASSWORD, repeat=PASSWORD))
        except NotFound:
            refused.append(name)

    threads = [threading.Thread(target=attempt, args=(name,)) for name in ("ada", "eve")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(made), len(refused)) == (1, 1)
    with tracker.read() as work:
        assert accounts.count(work) == 1


def test_a_new_start_prints_a_new_link_and_the_old_one_dies(tracker: Tracker, limiter: Limiter) -> None:
    old, new = logins.make_setup_link(tracker), logins.make_setup_link(tracker)
    assert old != new
    with pytest.raises(NotFound):
        logins.check_setup_link(tracker, limiter, HERE, str(old))
    logins.check_setup_link(tracker, limiter, HERE, str(new))


def test_the_set_up_link_expires_after_an_hour(tracker: Tracker, clock: Clock) -> None:
    token = str(logins.make_setup_link(tracker))
    clock.forward(minutes=61)
    with pytest.raises(NotFound):
        logins.check_setup_link(tracker, DatabaseLimiter(tracker), HERE, token)
    with pytest.raises(NotFound):
        logins.set_up(tracker, HERE, token, name="ada", password=PASSWORD, repeat=PASSWORD)


def test_guessing_set_up_links_is_limited(tracker: Tracker, limiter: Limiter) -> None:
    logins.make_setup_link(tracker)
    for _ in range(10):
        with pytest.raises(NotFound):
            logins.check_setup_link(tracker, limiter, HERE, "guess")
    with pytest.raises(TooMany):
        logins.check_setup_link(tracker, limiter, HERE, "guess")


def test_a_weak_or_differing_password_keeps_the_set_up_link_good(tracker: Tracker) -> None:
    token = str(logins.make_setup_link(tracker))
    for password, repeat in (("short", "short"), (PASSWORD, PASSWORD + "x")):
        with pytest.raises(Invalid):
            logins.set_up(tracker, HERE, token, name="ada", password=password, repeat=repeat)
    logins.set_up(tracker, HERE, token, name="ada", password=PASSWORD, repeat=PASSWORD)
    with tracker.read(Actor(None, "x", OPERATOR.role)) as work:
        assert accounts.everyone(work)[0].role == "admin"
