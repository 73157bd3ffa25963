"""What waits for a person, and what falls due when."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import delete, select

from cmmc_tracker.domain.freshness import Freshness
from cmmc_tracker.domain.permissions import Actor
from cmmc_tracker.services import duties, remarks, reviews, trash
from cmmc_tracker.services.duties import DueArtifact
from cmmc_tracker.services.reviews import Verdict
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import memberships
from tests.conftest import OPERATOR, Clock
from tests.services.evidence import acting, made, other_system, seen, somebody, switch, versioned

TODAY = date(2026, 3, 15)


@pytest.fixture
def bo(tracker: Tracker, clock: Clock) -> Actor:
    """Bo works in `main`, on the Ides of March."""
    _now_is(clock, TODAY)
    return somebody(tracker, "bo")


def _now_is(clock: Clock, day: date, hour: int = 12) -> None:
    clock.offset = datetime(day.year, day.month, day.day, hour, tzinfo=UTC) - datetime.now(UTC)


def _mine(tracker: Tracker, actor: Actor) -> duties.MyWork:
    with tracker.read(actor) as work:
        return duties.mine(work)


def _count(tracker: Tracker, actor: Actor) -> int:
    with tracker.read(actor) as work:
        return int(work.db.execute(select(duties.counted(work))).scalar_one())


def _does(tracker: Tracker, actor: Actor, artifact_id: int, act: str, remark: str = "") -> None:
    with tracker.write(actor) as work:
        reviews.decide(work, artifact_id, Verdict.parse(act, remark, None))


def _titles(found: list[DueArtifact]) -> list[str]:
    return [one.title for one in found]


def _calendar(tracker: Tracker, actor: Actor, until: date) -> list[DueArtifact]:
    with tracker.read(actor) as work:
        return duties.calendar(work, until)


def _stale(tracker: Tracker, actor: Actor, day: date) -> list[DueArtifact]:
    with tracker.read(actor) as work:
        return duties.stale_on(work, day)


def test_who_has_nothing_to_do_is_told_of_nothing(tracker: Tracker, bo: Actor) -> None:
    made(tracker, bo, owner="bo")
    assert _mine(tracker, bo).count == _count(tracker, bo) == 0


def test_own_evidence_waits_when_it_falls_due_within_thirty_days_or_is_overdue(tracker: Tracker, bo: Actor) -> None:
    somebody(tracker, "eva")
    for title, until, owner in (
        ("overdue", "2026-02-14", "bo"),
        ("today", "2026-02-15", "bo"),
        ("in thirty days", "2026-03-14", "bo"),
        ("in thirty-one days", "2026-03-15", "bo"),
        ("of somebody else", "2026-02-14", "eva"),
        ("of nobody", "2026-02-14", ""),
    ):
        made(tracker, bo, title=title, covers_until=until, cadence="monthly", owner=owner)
    found = _mine(tracker, bo).renew
    assert [(one.title, one.freshness) for one in found] == [
        ("overdue", Freshness.OVERDUE),
        ("today", Freshness.SOON),
        ("in thirty days", Freshness.SOON),
    ]
    assert _count(tracker, bo) == 3


def test_a_new_version_with_new_dates_lifts_the_duty(tracker: Tracker, bo: Actor) -> None:
    artifact = made(tracker, bo, covers_until="2026-01-31", cadence="monthly", owner="bo")
    assert _titles(_mine(tracker, bo).renew) == ["Log review"]
    versioned(tracker, bo, artifact, covers_until="2026-03-15")
    assert seen(tracker, bo, artifact).due_on == date(2026, 4, 15)
    assert _mine(tracker, bo).count == _count(tracker, bo) == 0


def test_a_new_version_of_what_names_no_time_counts_from_the_day_it_was_received(
    tracker: Tracker, bo: Actor, clock: Clock
) -> None:
    artifact = made(tracker, bo, cadence="monthly")
    assert seen(tracker, bo, artifact).due_on == date(2026, 4, 15)
    _now_is(clock, date(2026, 5, 31))
    versioned(tracker, bo, artifact)
    assert seen(tracker, bo, artifact).due_on == date(2026, 6, 30)


def test_own_drafts_wait_until_they_are_handed_in(tracker: Tracker, bo: Actor) -> None:
    switch(tracker, review_required=True)
    artifact = made(tracker, bo, owner="bo")
    assert (_titles(_mine(tracker, bo).drafts), _count(tracker, bo)) == (["Log review"], 1)
    _does(tracker, bo, artifact, "submit")
    assert (_mine(tracker, bo).count, _count(tracker, bo)) == (0, 0)


def test_retired_evidence_and_evidence_in_the_trash_waits_for_nobody(tracker: Tracker, bo: Actor) -> None:
    retired, removed = (
        made(tracker, bo, covers_until="2026-01-31", cadence="monthly", owner="bo", reviewer="bo") for _ in range(2)
    )
    _does(tracker, bo, retired, "retire")
    with tracker.write(bo) as work:
        trash.remove(work, removed)
    assert _mine(tracker, bo).count == _count(tracker, bo) == 0
    assert _calendar(tracker, bo, date(2027, 3, 15)) == _stale(tracker, bo, date(2027, 3, 15)) == []


def test_evidence_waits_for_its_reviewer_and_where_none_is_named_for_who_may_approve(
    tracker: Tracker, bo: Actor
) -> None:
    switch(tracker, review_required=True)
    eva, dan = somebody(tracker, "eva", may_approve=True), somebody(tracker, "dan")
    named, unnamed, own = (
        made(tracker, bo, title="for dan", reviewer="dan"),
        made(tracker, bo, title="for whoever may"),
        made(tracker, eva, title="sent by eva"),
    )
    assert _mine(tracker, dan).count == _mine(tracker, eva).count == 0
    for who, one in ((bo, named), (bo, unnamed), (eva, own)):
        _does(tracker, who, one, "submit")
    assert _titles(_mine(tracker, dan).review) == ["for dan"]
    assert _titles(_mine(tracker, eva).review) == ["for whoever may"]
    assert _titles(_mine(tracker, bo).review) == []
    assert [_count(tracker, who) for who in (dan, eva, bo)] == [1, 1, 0]


def test_the_count_of_every_page_is_that_of_the_list(tracker: Tracker, bo: Actor) -> None:
    switch(tracker, review_required=True)
    eva = somebody(tracker, "eva", may_approve=True)
    due = made(tracker, bo, covers_until="2026-01-31", cadence="monthly", owner="eva", reviewer="eva")
    for title in ("one", "two"):
        _does(tracker, bo, made(tracker, bo, title=title), "submit")
    with tracker.write(bo) as work:
        remarks.write_on_artifact(work, due, "Why?", "eva")
    work_list = _mine(tracker, eva)
    assert (len(work_list.renew), len(work_list.drafts), len(work_list.review), len(work_list.answer)) == (1, 1, 2, 1)
    assert work_list.count == _count(tracker, eva)


def test_who_left_a_system_is_bothered_by_it_no_more(tracker: Tracker, bo: Actor) -> None:
    eva = somebody(tracker, "eva")
    artifact = made(tracker, bo, covers_until="2026-01-31", cadence="monthly", owner="eva")
    with tracker.write(bo) as work:
        remarks.write_on_artifact(work, artifact, "Why?", "eva")
    assert _count(tracker, eva) == _mine(tracker, eva).count == 2
    with tracker.write(OPERATOR) as work:
        work.db.execute(delete(memberships).where(memberships.c.user_id == eva.id))
    eva = acting(tracker, int(eva.id or 0), "eva")
    assert _mine(tracker, eva).count == 0
    assert _count(tracker, eva) == 0


def test_the_calendar_shows_what_falls_due_by_day_with_the_overdue_first(tracker: Tracker, bo: Actor) -> None:
    for title, until, cadence in (
        ("in a year", "2026-03-15", "yearly"),
        ("beyond", "2026-03-16", "yearly"),
        ("next", "2026-03-10", "monthly"),
        ("overdue", "2026-01-31", "monthly"),
        ("same day", "2026-01-10", "quarterly"),
        ("never", "2020-01-01", "once"),
    ):
        if until <= TODAY.isoformat() or cadence == "yearly":
            made(tracker, bo, title=title, covers_until=until, cadence=cadence)
    found = _calendar(tracker, bo, date(2027, 3, 15))
    assert [(one.title, one.due_on) for one in found] == [
        ("overdue", date(2026, 2, 28)),
        ("next", date(2026, 4, 10)),
        ("same day", date(2026, 4, 10)),
        ("in a year", date(2027, 3, 15)),
    ]


def test_other_systems_fall_due_for_their_members_only(tracker: Tracker, bo: Actor) -> None:
    lab = other_system(tracker)
    made(tracker, bo, covers_until="2026-01-31", cadence="monthly")
    stranger = Actor(bo.id, "zed", bo.role, {"lab": lab})
    assert _calendar(tracker, stranger, date(2027, 1, 1)) == _stale(tracker, stranger, date(2027, 1, 1)) == []
    assert len(_calendar(tracker, bo, date(2027, 1, 1))) == 1


def test_stale_on_a_day_is_what_is_overdue_or_older_than_a_year_by_then(tracker: Tracker, bo: Actor) -> None:
    for title, facts in (
        ("due that day", {"covers_until": "2026-02-28", "cadence": "quarterly"}),
        ("due the day before", {"covers_until": "2026-02-27", "cadence": "quarterly"}),
        ("a year old that day", {"covers_until": "2025-05-28"}),
        ("a year and a day", {"covers_until": "2025-05-27"}),
        ("collected long ago", {"collected_on": "2024-01-01", "cadence": "on_change"}),
        ("received today", {}),
    ):
        made(tracker, bo, title=title, **facts)
    found = _stale(tracker, bo, date(2026, 5, 28))
    assert _titles(found) == ["due the day before", "a year and a day", "collected long ago"]
    assert [one.freshness for one in found] == [Freshness.OVERDUE, Freshness.AGED, Freshness.AGED]
    assert "received today" in _titles(_stale(tracker, bo, date(2027, 3, 16)))
    assert "received today" not in _titles(_stale(tracker, bo, date(2027, 3, 15)))


def test_evidence_of_29_february_without_a_cadence_is_stale_from_1_march(
    tracker: Tracker, bo: Actor, clock: Clock
) -> None:
    made(tracker, bo, covers_until="2024-02-29")
    assert _stale(tracker, bo, date(2025, 2, 28)) == []
    assert len(_stale(tracker, bo, date(2025, 3, 1))) == 1


@pytest.mark.parametrize("hour", [0, 23])
def test_the_day_that_evidence_was_received_is_reckoned_alike_at_any_hour(
    tracker: Tracker, bo: Actor, clock: Clock, hour: int
) -> None:
    _now_is(clock, date(2026, 3, 20), hour)
    made(tracker, bo)
    assert _stale(tracker, bo, date(2027, 3, 20)) == []
    assert len(_stale(tracker, bo, date(2027, 3, 21))) == 1


@pytest.mark.parametrize("day", [date.min, date(1, 6, 1), date.max])
def test_any_day_of_the_calendar_can_be_asked_about(tracker: Tracker, bo: Actor, day: date) -> None:
    made(tracker, bo, covers_until="2026-01-31", cadence="monthly")
    assert len(_stale(tracker, bo, day)) == (1 if day == date.max else 0)


def test_the_most_urgent_come_first_where_there_are_too_many_to_show(
    tracker: Tracker, bo: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duties, "MOST", 2)
    for back in (10, 30, 20):
        until = (TODAY - timedelta(days=31 + back)).isoformat()
        made(tracker, bo, title=str(back), covers_until=until, cadence="monthly", owner="bo")
    assert _titles(_mine(tracker, bo).renew)[0] == "30"
