"""When the rounds of a request are due, how each stands, and what may be asked for."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmmc_tracker.domain.freshness import Cadence
from cmmc_tracker.domain.requests import (
    LONGEST_WANTED,
    LONGEST_WHY,
    MIB,
    MOST_ROUNDS,
    LinkState,
    Mark,
    RoundState,
    Schedule,
    link_state,
    parse_asked,
    parse_link,
    parse_why,
    title_of,
)
from cmmc_tracker.errors import Invalid

TODAY = date(2026, 3, 15)
REPEATING = [c for c in Cadence if c.months]
DAYS = st.dates(date(1995, 1, 1), date(2060, 12, 31))


@pytest.mark.parametrize(
    ("first", "cadence", "due"),
    [
        (date(2026, 1, 31), Cadence.MONTHLY, [(1, 31), (2, 28), (3, 31), (4, 30), (5, 31)]),
        (date(2024, 2, 29), Cadence.YEARLY, [(2, 29), (2, 28), (2, 28), (2, 28), (2, 29)]),
        (date(2026, 11, 30), Cadence.QUARTERLY, [(11, 30), (2, 28), (5, 30), (8, 30), (11, 30)]),
        (date(2026, 8, 31), Cadence.HALF_YEARLY, [(8, 31), (2, 28), (8, 31), (2, 29), (8, 31)]),
    ],
)
def test_later_rounds_count_from_the_first_day_and_so_come_back_to_the_months_end(
    first: date, cadence: Cadence, due: list[tuple[int, int]]
) -> None:
    found = [Schedule(first, cadence).due(number) for number in range(1, 6)]
    assert [(day.month, day.day) for day in found] == due


@pytest.mark.parametrize(
    ("first", "cadence", "newest"),
    [
        (date(2026, 3, 15), Cadence.MONTHLY, 1),  # the due day itself is not over
        (date(2026, 3, 14), Cadence.MONTHLY, 2),
        (date(2026, 2, 15), Cadence.MONTHLY, 2),
        (date(2026, 2, 14), Cadence.MONTHLY, 3),
        (date(2025, 12, 31), Cadence.QUARTERLY, 2),
        (date(2025, 12, 15), Cadence.QUARTERLY, 2),
        (date(2025, 12, 14), Cadence.QUARTERLY, 3),
        (date(2027, 1, 1), Cadence.YEARLY, 1),
        (date(2020, 1, 1), Cadence.ONCE, 1),
    ],
)
def test_rounds_go_up_to_the_first_whose_day_is_not_over(first: date, cadence: Cadence, newest: int) -> None:
    assert Schedule(first, cadence).newest(TODAY) == newest


@given(DAYS, st.sampled_from(REPEATING), DAYS)
def test_the_newest_round_is_due_today_or_later_and_the_one_before_it_is_over(
    first: date, cadence: Cadence, today: date
) -> None:
    schedule = Schedule(first, cadence)
    newest = schedule.newest(today)
    assert schedule.due(newest) >= today
    assert newest == 1 or schedule.due(newest - 1) < today


@given(DAYS, st.sampled_from(REPEATING), DAYS, DAYS)
def test_a_later_day_takes_no_round_away_and_rounds_go_on_in_order(
    first: date, cadence: Cadence, one: date, other: date
) -> None:
    schedule = Schedule(first, cadence)
    early, late = sorted((one, other))
    assert schedule.newest(early) <= schedule.newest(late)
    due = [found.due_on for found in schedule.rounds({}, late)]
    assert due == sorted(set(due))
    assert len(due) <= MOST_ROUNDS


def test_a_first_miss_is_seen_before_there_is_any_file() -> None:
    found = Schedule(date(2026, 2, 1), Cadence.ONCE).rounds({}, TODAY)
    assert [(one.number, one.state, one.awaits) for one in found] == [(1, RoundState.MISSED, True)]


def test_a_request_of_decades_ago_makes_no_thousands_of_rounds() -> None:
    found = Schedule(date(1900, 1, 31), Cadence.MONTHLY).rounds({}, TODAY)
    assert len(found) == MOST_ROUNDS
    assert found[-1].due_on == date(2026, 3, 31)


@pytest.mark.parametrize(
    ("mark", "state"),
    [
        (Mark(), RoundState.MISSED),
        (Mark(answered=True), RoundState.SENT),
        (Mark(answered=True, met=True), RoundState.MET),
        (Mark(met=True), RoundState.MET),  # its artifact went into the trash since
        (Mark(waived=True), RoundState.WAIVED),
    ],
)
def test_how_a_round_stands(mark: Mark, state: RoundState) -> None:
    schedule = Schedule(date(2026, 3, 14), Cadence.MONTHLY)
    assert schedule.rounds({1: mark}, TODAY)[0].state is state


def test_the_due_day_itself_is_still_in_time() -> None:
    schedule = Schedule(TODAY, Cadence.ONCE)
    assert schedule.rounds({}, TODAY)[0].state is RoundState.OPEN
    assert schedule.rounds({}, TODAY + timedelta(days=1))[0].state is RoundState.MISSED


def test_a_closed_request_awaits_nothing_new_and_keeps_what_was_missed() -> None:
    closed = Schedule(date(2026, 1, 10), Cadence.MONTHLY, closed_on=date(2026, 2, 20))
    found = closed.rounds({1: Mark(answered=True, met=True)}, TODAY)
    assert [(one.due_on, one.state) for one in found] == [
        (date(2026, 1, 10), RoundState.MET),
        (date(2026, 2, 10), RoundState.MISSED),
    ]
    assert closed.ahead(TODAY, date(2027, 1, 1)) == []


def test_what_falls_due_later_is_known_beforehand() -> None:
    schedule = Schedule(date(2026, 1, 31), Cadence.QUARTERLY)
    assert schedule.ahead(TODAY, date(2026, 12, 31)) == [(3, date(2026, 7, 31)), (4, date(2026, 10, 31))]
    assert Schedule(TODAY, Cadence.ONCE).ahead(TODAY, date(2030, 1, 1)) == []


GOOD = {"wanted": "Log review, signed", "person": "cal", "first_due": "2026-03-31", "cadence": "quarterly"}


def test_what_is_typed_is_read() -> None:
    asked = parse_asked({**GOOD, "wanted": "  Log review,\r\nsigned "}, TODAY)
    assert asked.wanted == "Log review,\nsigned"
    assert (asked.person, asked.outside, asked.cadence) == ("cal", "", Cadence.QUARTERLY)
    assert asked.first_due == date(2026, 3, 31)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("wanted", ""),
        ("wanted", " \u200e\n"),
        ("wanted", "x" * (LONGEST_WANTED + 1)),
        ("wanted", "\u0315\u0300" * 100_000),
        ("person", ""),
        ("cadence", "daily"),
        ("cadence", "on_change"),
        ("first_due", ""),
        ("first_due", "soon"),
        ("first_due", "2026-02-30"),
        ("first_due", "1990-01-01"),
        ("first_due", "2026-03-14"),
        ("first_due", "9999-12-31"),
        ("first_due", "0000-00-00"),
    ],
)
def test_what_cannot_be_asked_is_said_beside_its_field(field: str, value: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_asked({**GOOD, field: value}, TODAY)
    assert list(caught.value.fields) == [field]


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(Invalid) as caught:
        parse_asked({}, TODAY)
    assert set(caught.value.fields) == {"wanted", "person", "first_due"}


def test_one_is_asked_a_member_or_an_outsider_not_both() -> None:
    assert parse_asked({**GOOD, "person": "", "outside": "Northwind IT"}, TODAY).outside == "Northwind IT"
    with pytest.raises(Invalid, match="one of the two"):
        parse_asked({**GOOD, "outside": "Northwind IT"}, TODAY)
    with pytest.raises(Invalid, match="200 characters"):
        parse_asked({**GOOD, "person": "", "outside": "x" * 201}, TODAY)


def test_a_first_due_day_that_is_over_may_stay_when_a_request_is_changed() -> None:
    assert parse_asked({**GOOD, "first_due": "2025-01-31"}, TODAY, date(2025, 1, 31)).first_due == date(2025, 1, 31)


def test_a_title_names_what_was_wanted_and_the_round() -> None:
    due = date(2026, 3, 31)
    assert title_of("Log review\nof all servers", due, Cadence.QUARTERLY) == "Log review, due 2026-03-31"
    assert title_of("Log review", due, Cadence.ONCE) == "Log review"
    assert len(title_of("x" * 2_000, due, Cadence.QUARTERLY)) == 300


def test_a_reason_must_be_given_and_is_short() -> None:
    assert parse_why(" not  needed ", "why") == "not needed"
    for wrong in ("", " \u200f", "x" * (LONGEST_WHY + 1)):
        with pytest.raises(Invalid) as caught:
            parse_why(wrong, "why")
        assert "why" in caught.value.fields


def test_a_link_has_usual_bounds_and_takes_others_within_what_the_installation_takes() -> None:
    usual = parse_link({}, 100 * MIB)
    assert (usual.days, usual.most_files, usual.most_bytes) == (7, 10, 25 * MIB)
    assert parse_link({}, 10 * MIB).most_bytes == 10 * MIB
    most = parse_link({"days": "30", "most_files": "20", "megabytes": "100"}, 100 * MIB)
    assert (most.days, most.most_files, most.most_bytes) == (30, 20, 100 * MIB)


@pytest.mark.parametrize(
    ("field", "value"),
    [("days", "0"), ("days", "31"), ("most_files", "21"), ("megabytes", "101"), ("days", "-1"), ("days", "７")],
)
def test_bounds_that_a_link_cannot_have(field: str, value: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_link({field: value}, 100 * MIB)
    assert list(caught.value.fields) == [field]


NOW = datetime(2026, 3, 15, tzinfo=UTC)
BEFORE, AFTER = NOW - timedelta(hours=1), NOW + timedelta(hours=1)


@pytest.mark.parametrize(
    ("expires", "used", "revoked", "has_maker", "state"),
    [
        (AFTER, None, None, True, LinkState.OPEN),
        (NOW, None, None, True, LinkState.EXPIRED),
        (BEFORE, BEFORE, None, True, LinkState.USED),
        (BEFORE, None, BEFORE, True, LinkState.REVOKED),
        (AFTER, None, None, False, LinkState.ORPHANED),
    ],
)
def test_how_a_link_stands(
    expires: datetime, used: datetime | None, revoked: datetime | None, has_maker: bool, state: LinkState
) -> None:
    found = link_state(NOW, expires_at=expires, used_at=used, revoked_at=revoked, has_maker=has_maker)
    assert found is state
