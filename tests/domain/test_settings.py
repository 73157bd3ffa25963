"""The installation's settings and their bounds."""

from datetime import timedelta

import pytest

from cmmc_tracker.domain.settings import Preferences, kept, parse
from cmmc_tracker.errors import Invalid

FORM = {
    "session_idle_minutes": "30",
    "session_longest_hours": "12",
    "scanner_away": "refuse",
    "security_contact": "",
}


def test_a_new_install_has_thirty_idle_minutes_twelve_hours_and_refuses_without_its_scanner() -> None:
    new = Preferences()
    assert (new.idle, new.longest) == (timedelta(minutes=30), timedelta(hours=12))
    assert (new.second_factor_required, new.scanner_away, new.security_contact) == (False, "refuse", "")
    assert parse(FORM) == new
    assert kept({}) == new


def test_what_an_older_or_newer_version_kept_is_read() -> None:
    assert kept({"session_idle_minutes": 10, "unknown": 1}) == Preferences(session_idle_minutes=10)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("session_idle_minutes", "4"),
        ("session_idle_minutes", "121"),
        ("session_idle_minutes", "30.5"),
        ("session_idle_minutes", ""),
        ("session_idle_minutes", "９"),
        ("session_longest_hours", "0"),
        ("session_longest_hours", "25"),
        ("session_longest_hours", "1e1"),
        ("second_factor_required", "yes"),
        ("scanner_away", ""),
        ("scanner_away", "ignore"),
        ("security_contact", "nobody"),
        ("security_contact", "http://example.com"),
        ("security_contact", "javascript:alert(1)"),
        ("security_contact", "https://a b"),
        ("security_contact", "security@example.com x"),
    ],
)
def test_a_value_out_of_bounds_is_refused_beside_its_field(field: str, value: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse({**FORM, field: value})
    assert list(refused.value.fields) == [field]


def test_every_wrong_field_is_named_at_once() -> None:
    with pytest.raises(Invalid) as refused:
        parse({})
    assert set(refused.value.fields) == {"session_idle_minutes", "session_longest_hours", "scanner_away"}


@pytest.mark.parametrize(("value", "is_kept"), [("5", 5), ("120", 120), (" 60 ", 60)])
def test_the_bounds_themselves_are_taken(value: str, is_kept: int) -> None:
    assert parse({**FORM, "session_idle_minutes": value}).session_idle_minutes == is_kept


@pytest.mark.parametrize(
    ("typed", "contact"),
    [
        ("security@example.com", "mailto:security@example.com"),
        ("mailto:security@example.com", "mailto:security@example.com"),
        ("https://example.com/report?x=1", "https://example.com/report?x=1"),
        (" https://example.com ", "https://example.com"),
    ],
)
def test_a_contact_is_a_mail_address_or_a_web_address(typed: str, contact: str) -> None:
    assert parse({**FORM, "security_contact": typed}).security_contact == contact
