"""What is read of who looks at a package and of what they ask."""

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cmmc_tracker.domain.handoff.viewing import LONGEST_DAYS, LONGEST_QUESTION, Asked, Wanted, parse_said
from cmmc_tracker.errors import Invalid

TODAY = date(2026, 11, 28)
GOOD = {"whom": " Kim\tof C3PAO ", "until": "2026-12-24", "may_download": True}


def test_a_view_that_is_to_be_given_is_read() -> None:
    assert Wanted.parse(GOOD, TODAY) == Wanted("Kim of C3PAO", date(2026, 12, 24), may_download=True)
    assert not Wanted.parse({"whom": "Kim", "until": "2026-11-28"}, TODAY).may_download


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"whom": ""}, "whom"),
        ({"whom": "\u200b"}, "whom"),
        ({"whom": "x" * 201}, "whom"),
        ({"whom": 7}, "whom"),
        ({"whom": None}, "whom"),
        ({"until": ""}, "until"),
        ({"until": "2026-11-27"}, "until"),
        ({"until": "2027-11-30"}, "until"),
        ({"until": "24.12.2026"}, "until"),
        ({"until": 7}, "until"),
        ({"may_download": "yes"}, "may_download"),
        ({"may_download": None}, "may_download"),
    ],
)
def test_what_is_wrong_with_a_view_is_named_at_its_field(given: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        Wanted.parse({**GOOD, **given}, TODAY)
    assert set(refused.value.fields) == {field}


def test_the_last_day_may_be_a_year_ahead_and_no_day_more() -> None:
    assert LONGEST_DAYS == 366
    assert Wanted.parse({**GOOD, "until": "2027-11-29"}, TODAY).until == date(2027, 11, 29)


def test_a_view_ends_with_its_day_where_the_organization_is() -> None:
    one = Wanted.parse(GOOD, TODAY)
    assert one.expires_at(UTC) == datetime(2026, 12, 25, tzinfo=UTC)
    assert one.expires_at(ZoneInfo("America/New_York")) == datetime(2026, 12, 25, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given", "about"),
    [
        ({}, (None, None, None)),
        ({"requirement": "3.1.1"}, ("AC.L2-3.1.1", None, None)),
        ({"requirement": "AC.L2-3.1.1", "letter": "A"}, ("AC.L2-3.1.1", "a", None)),
        ({"artifact": " 7 "}, (None, None, 7)),
    ],
)
def test_a_question_is_about_a_requirement_an_objective_an_artifact_or_all(
    given: dict[str, str], about: tuple[str | None, str | None, int | None]
) -> None:
    one = Asked.parse({"text": "Why?\r\nReally?", **given}, 2)
    assert (one.requirement, one.letter, one.artifact) == about
    assert one.text == "Why?\nReally?"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"text": ""}, "text"),
        ({"text": "a\0b"}, "text"),
        ({"text": "x" * (LONGEST_QUESTION + 1)}, "text"),
        ({"requirement": "3.99.1"}, "requirement"),
        ({"requirement": "3.1.1", "letter": "z"}, "requirement"),
        ({"letter": "a"}, "requirement"),
        ({"artifact": "-1"}, "artifact"),
        ({"artifact": "9" * 19}, "artifact"),
        ({"artifact": "7", "requirement": "3.1.1"}, "artifact"),
    ],
)
def test_what_is_wrong_with_a_question_is_named_at_its_field(given: dict[str, str], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        Asked.parse({"text": "Why?", **given}, 2)
    assert set(refused.value.fields) == {field}


def test_the_longest_question_is_taken() -> None:
    assert parse_said("x" * LONGEST_QUESTION, "answer") == "x" * LONGEST_QUESTION
