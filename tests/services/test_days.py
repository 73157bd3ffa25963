"""Days are those of the calendar where the organization is, whatever the clock of the machine says in UTC."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from cmmc_tracker import config
from cmmc_tracker.domain.clocks import AssessmentKind
from cmmc_tracker.domain.handoff.package import Asked, Purpose
from cmmc_tracker.domain.lifecycle import Act, Stage
from cmmc_tracker.domain.permissions import Actor
from cmmc_tracker.domain.recording import AffirmationGiven, StatusGiven
from cmmc_tracker.errors import Conflict, Invalid, Misconfigured
from cmmc_tracker.services import statuses
from cmmc_tracker.services.handoff import packages
from cmmc_tracker.services.plans import keeping, reading
from cmmc_tracker.services.work import Tracker
from tests.services.evidence import somebody
from tests.services.test_statuses import find, mended, official, waits

NEW_YORK, KIRITIMATI = ZoneInfo("America/New_York"), ZoneInfo("Pacific/Kiritimati")
FIRST_DAY = date(2025, 11, 10)  # the last day for closing out is then 9 May 2026
LAST_DAY = date(2026, 5, 9)


@pytest.fixture
def bo(tracker: Tracker) -> Actor:
    """Bo approves in `main`, where everything is MET."""
    find(tracker, "met")
    return somebody(tracker, "bo", may_approve=True)


def at(tracker: Tracker, zone: ZoneInfo, *local: int) -> Tracker:
    """The installation at a moment, as the clocks show it where the organization is."""
    instant = datetime(*local, tzinfo=zone).astimezone(UTC)  # type: ignore[misc, arg-type]
    fixed: Callable[[], datetime] = lambda: instant  # noqa: E731
    return replace(tracker, clock=fixed, zone=zone)


def freeze(tracker: Tracker, bo: Actor, purpose: Purpose = Purpose.FINAL) -> int:
    asked = Asked("Of record", purpose, "As it is.", releasable=False)
    return packages.freeze(tracker, bo, "", bo.systems["main"], asked).id


def record(tracker: Tracker, bo: Actor, act: Act, package: int, on: date) -> None:
    with tracker.write(bo) as work:
        form = {"act": act, "kind": AssessmentKind.LEVEL_2_SELF, "status_on": on.isoformat(), "package": str(package)}
        statuses.record(work, bo.systems["main"], StatusGiven.parse(form, 2, work.today))


def stage(tracker: Tracker, bo: Actor) -> Stage:
    with tracker.read(bo) as work:
        return statuses.of(work, bo.systems["main"]).standing.stage


def test_a_day_ends_at_midnight_where_the_organization_is(tracker: Tracker) -> None:
    evening = at(tracker, NEW_YORK, 2026, 5, 9, 23, 59)
    assert evening.clock().date() == date(2026, 5, 10), "in UTC it is the next day already"
    assert evening.today == LAST_DAY
    with evening.read() as work:
        assert work.today == LAST_DAY
        assert work.day(work.now + timedelta(minutes=1)) == date(2026, 5, 10)
    assert at(tracker, KIRITIMATI, 2026, 5, 10, 0, 1).today == date(2026, 5, 10), "and there UTC is a day behind"


def test_170_21_b_the_180th_day_lasts_until_midnight_where_the_organization_is(tracker: Tracker, bo: Actor) -> None:
    waits(tracker)
    begun = at(tracker, NEW_YORK, 2025, 11, 10, 22, 0)
    record(begun, bo, Act.RECORD_CONDITIONAL, freeze(begun, bo), FIRST_DAY)
    last_minute, next_day = at(tracker, NEW_YORK, 2026, 5, 9, 23, 59), at(tracker, NEW_YORK, 2026, 5, 10, 0, 1)
    assert (stage(last_minute, bo), stage(next_day, bo)) == (Stage.CONDITIONAL, Stage.EXPIRED)
    mended(tracker)
    with pytest.raises(Conflict, match="frozen after 9 May 2026"):
        record(next_day, bo, Act.CLOSE_OUT, freeze(next_day, bo, Purpose.CLOSEOUT), LAST_DAY)
    record(last_minute, bo, Act.CLOSE_OUT, freeze(last_minute, bo, Purpose.CLOSEOUT), LAST_DAY)
    assert stage(last_minute, bo) is Stage.FINAL


def test_a_status_of_tomorrow_is_refused_though_it_is_tomorrow_in_utc(tracker: Tracker, bo: Actor) -> None:
    evening = at(tracker, NEW_YORK, 2026, 5, 9, 22, 0)
    with pytest.raises(Invalid) as refused:
        record(evening, bo, Act.RECORD_FINAL, freeze(evening, bo), date(2026, 5, 10))
    assert refused.value.fields == {"status_on": "This day is in the future."}


def test_170_22_an_affirmation_of_29_february_is_due_on_28_february_and_lapses_after_its_midnight(
    tracker: Tracker, bo: Actor
) -> None:
    official(tracker, bo)
    leap = date(2028, 2, 29)
    then = at(tracker, NEW_YORK, 2028, 2, 29, 21, 0)
    record(then, bo, Act.RECORD_FINAL, freeze(then, bo), leap)
    with then.write(bo) as work:
        statuses.affirm(work, bo.systems["main"], AffirmationGiven(leap, None))
    due, over = at(tracker, NEW_YORK, 2029, 2, 28, 23, 59), at(tracker, NEW_YORK, 2029, 3, 1, 0, 1)
    assert (stage(due, bo), stage(over, bo)) == (Stage.FINAL, Stage.LAPSED)


def test_an_item_that_was_made_in_the_evening_is_reviewed_the_same_evening(tracker: Tracker, bo: Actor) -> None:
    find(tracker, "not_met", "AC.L2-3.1.3")
    evening = at(tracker, NEW_YORK, 2026, 5, 9, 22, 0)
    with evening.write(bo) as work:
        given = {"requirement": "AC.L2-3.1.3", "weakness": "Flows are open."}
        made = keeping.add(work, bo.systems["main"], given)
        keeping.review(work, bo.systems["main"], made, {"progress": "Begun"}, None)
        (review,) = reading.detail(work, bo.systems["main"], made).reviews
    assert review.reviewed_on == LAST_DAY


def test_the_time_zone_is_read_once_and_a_wrong_one_stops_the_start() -> None:
    assert config.read({}).time_zone == ZoneInfo("UTC")
    assert config.read({"TIME_ZONE": "America/New_York"}).time_zone == NEW_YORK
    for wrong in ("Mars/Olympus", "../../etc/passwd", "/etc/localtime", "New York", "America"):
        with pytest.raises(Misconfigured, match=r"^TIME_ZONE cannot be used: it must be the name of a time zone"):
            config.read({"TIME_ZONE": wrong})
