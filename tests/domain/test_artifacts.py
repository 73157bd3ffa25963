"""What a person may say of an artifact."""

from datetime import date

import pytest

from cmmc_tracker.domain.artifacts import Kind, parse_facts, parse_link
from cmmc_tracker.domain.text import clean_line, clean_text
from cmmc_tracker.errors import Invalid

TODAY = date(2026, 11, 24)


def test_facts_are_parsed_and_only_what_was_given_is_there() -> None:
    found = parse_facts({"title": "  A \t title ", "kind": "log", "collected_on": "2026-11-24"}, TODAY)
    assert found == {"title": "A title", "kind": Kind.LOG, "collected_on": TODAY}


def test_an_empty_date_clears_it() -> None:
    assert parse_facts({"covers_from": ""}, TODAY) == {"covers_from": None}


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("title", "", "give the artifact a title"),
        ("title", " \u202e ", "give the artifact a title"),
        ("title", "x" * 301, "at most 300"),
        ("title", "x" * 10_000, "10,000"),
        ("title", "a\0b", "NUL"),
        ("title", 7, "must be text"),
        ("kind", "poster", "not known"),
        ("description", "x" * 20_001, "at most 20,000"),
        ("collected_on", "2026-11-25", "in the future"),
        ("collected_on", "1989-12-31", "before 1990"),
        ("collected_on", "2026-02-30", "not a date"),
        ("collected_on", "24.11.2026", "not a date"),
        ("collected_on", "20261124", "not a date"),
        ("collected_on", "2026-W48-2", "not a date"),
        ("covers_from", "2026-12-01", "begins in the future"),
        ("covers_until", "2999-01-01", "far in the future"),
    ],
)
def test_a_wrong_field_is_named_with_its_reason(field: str, value: object, said: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_facts({"title": "x", field: value}, TODAY)
    assert said in refused.value.fields[field]


def test_all_wrong_fields_are_named_at_once() -> None:
    with pytest.raises(Invalid) as refused:
        parse_facts({"title": "", "kind": "x", "collected_on": "never", "covers_from": "2031-01-01"}, TODAY)
    assert set(refused.value.fields) == {"title", "kind", "collected_on", "covers_from"}


def test_the_covered_time_cannot_begin_after_it_ends_also_when_only_one_end_is_changed() -> None:
    with pytest.raises(Invalid, match="begins after it ends"):
        parse_facts({"title": "x", "covers_from": "2026-05-02", "covers_until": "2026-05-01"}, TODAY)
    with pytest.raises(Invalid, match="begins after it ends"):
        parse_facts({"covers_from": "2026-05-02"}, TODAY, {"covers_until": date(2026, 5, 1)})


def test_a_policy_may_cover_a_time_that_is_still_to_come() -> None:
    found = parse_facts({"title": "x", "covers_from": "2026-01-01", "covers_until": "2027-12-31"}, TODAY)
    assert found["covers_until"] == date(2027, 12, 31)


def test_lines_and_texts_lose_what_could_mislead() -> None:
    assert clean_line("a\u202e b\r\n c\x07") == "a b c"
    assert clean_text("a\r\nb\rc\x00\u2066") == "a\nb\nc"


def test_a_link_says_where_and_what_within_bounds() -> None:
    assert parse_link(" §4.2,  p. 7 ", "the rule\n") == ("§4.2, p. 7", "the rule")
    with pytest.raises(Invalid) as refused:
        parse_link("x" * 301, "y" * 2_001)
    assert set(refused.value.fields) == {"locator", "shows"}
