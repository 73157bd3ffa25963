"""The installation's settings: administrators only, versioned, recorded, and they hold at once."""

from dataclasses import replace

import pytest

from cmmc_tracker.domain.permissions import Actor, Role
from cmmc_tracker.domain.settings import Preferences
from cmmc_tracker.errors import Forbidden, Stale
from cmmc_tracker.services import audit, logins, sessions, settings
from cmmc_tracker.services.audit import AuditFilter
from cmmc_tracker.services.limits import DatabaseLimiter
from cmmc_tracker.services.logins import Visitor
from cmmc_tracker.services.work import Tracker
from tests.conftest import OPERATOR, PASSWORD, Clock, add_account

SHORT = replace(Preferences(), session_idle_minutes=5, session_longest_hours=1)
HERE = Visitor("192.0.2.7", "192.0.2.7", "a browser")


def test_a_change_is_kept_and_recorded_with_before_and_after(tracker: Tracker) -> None:
    with tracker.write(OPERATOR) as work:
        settings.change(work, SHORT, 1)
    with tracker.read(OPERATOR) as work:
        assert settings.current(work) == SHORT
        assert settings.version(work) == 2
        entry = audit.page(work, AuditFilter(action="settings:changed"))[0][0]
    assert entry.detail["before"] == {"session_idle_minutes": 30, "session_longest_hours": 12}
    assert entry.detail["after"] == {"session_idle_minutes": 5, "session_longest_hours": 1}


def test_a_stale_change_is_refused_and_saving_the_same_changes_nothing(tracker: Tracker) -> None:
    with tracker.write(OPERATOR) as work:
        settings.change(work, SHORT, 1)
    with pytest.raises(Stale), tracker.write(OPERATOR) as work:
        settings.change(work, Preferences(), 1)
    with pytest.raises(Stale), tracker.write(OPERATOR) as work:
        settings.change(work, SHORT, 1)
    with tracker.write(OPERATOR) as work:
        settings.change(work, SHORT, 2)
    with tracker.read(OPERATOR) as work:
        assert (settings.current(work), settings.version(work)) == (SHORT, 2)


def test_only_administrators_change_them(tracker: Tracker) -> None:
    with pytest.raises(Forbidden), tracker.write(Actor(1, "bo", Role.USER)) as work:
        settings.change(work, SHORT, None)


@pytest.mark.parametrize(("minutes", "alive"), [(4, True), (6, False)])
def test_the_idle_time_holds_at_once_for_sessions_that_have_begun(
    tracker: Tracker, clock: Clock, minutes: int, alive: bool
) -> None:
    add_account(tracker, "bo")
    token = logins.sign_in(tracker, DatabaseLimiter(tracker), HERE, "bo", PASSWORD).token
    with tracker.write(OPERATOR) as work:
        settings.change(work, SHORT, None)
    clock.forward(minutes=minutes)
    with tracker.read() as work:
        assert (sessions.find(work, token) is not None) is alive


def test_a_session_in_use_ends_after_the_longest_time(tracker: Tracker, clock: Clock) -> None:
    add_account(tracker, "bo")
    token = logins.sign_in(tracker, DatabaseLimiter(tracker), HERE, "bo", PASSWORD).token
    with tracker.write(OPERATOR) as work:
        settings.change(work, SHORT, None)
    alive = []
    for _ in range(16):
        clock.forward(minutes=4)
        with tracker.write() as work:
            found = sessions.find(work, token)
            alive.append(found is not None)
            if found:
                sessions.touch(work, found.id)
    assert alive == [True] * 14 + [False] * 2
