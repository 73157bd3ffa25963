"""What a document says of a defined value: only where a wrong hit is unlikely; and the register of changes."""

from datetime import date

import pytest

from cmmc_tracker.domain.changes import Change, ChangeKind, parse, parse_settled
from cmmc_tracker.domain.defined_values import Unit, asked
from cmmc_tracker.domain.said_values import defined, said, watched
from cmmc_tracker.errors import Invalid

TODAY = date(2026, 11, 28)


def of(key: str, text: str) -> list[int]:
    """The numbers that a text says of a value."""
    one = next(one for objective, one in asked().items() if str(objective).endswith(f"-{key}"))
    return said(one, text)


@pytest.mark.parametrize(
    ("key", "text", "numbers"),
    [
        ("3.1.10[a]", "The screen locks after 15 minutes.", [15]),
        ("3.1.10[a]", "Screens lock after 15 min of idle time; laptops lock after 5 minutes.", [15, 5]),
        ("3.1.10[a]", "Machine inactivity limit (lock): 900 seconds", []),
        ("3.1.10[a]", "The session is locked. It lasts 15 minutes.", []),
        ("3.1.10[a]", "lock lock lock", []),
        ("3.3.1[e]", "Audit logs are kept for 90 days.", [90]),
        ("3.3.1[e]", "Backups are kept for 90 days.", []),
        ("3.5.6[a]", "User accounts that are inactive for 35 days are disabled.", [35]),
        ("3.14.1[e]", "Patches are installed within 14 days.", [14]),
        ("3.5.8[a]", "24 passwords are remembered.", [24]),
        ("3.5.8[a]", "The last 24 passwords cannot be used.", []),
        ("3.1.8[a]", "The account is locked after 10 invalid logon attempts.", [10]),
        ("3.1.8[a]", "After 5 failed sign-ins the account is locked for 30 minutes.", [5]),
        ("3.1.8[a]", "5 people were locked out.", []),
        ("3.1.8[a]", "3 attempts to reach the vendor failed.", []),
    ],
)
def test_a_number_counts_in_a_sentence_about_its_value_only(key: str, text: str, numbers: list[int]) -> None:
    assert of(key, text) == numbers


def test_only_values_that_are_counted_are_watched() -> None:
    in_time = [one for one in watched().values() if one.unit in {Unit.MINUTES, Unit.DAYS, Unit.MONTHS}]
    others = {str(one.objective) for one in watched().values() if one not in in_time}
    assert len(in_time) == 7
    assert others == {"AC.L2-3.1.8[a]", "IA.L2-3.5.8[a]"}


@pytest.mark.parametrize(
    ("key", "value", "numbers"),
    [
        ("3.1.8[a]", "5 wrong tries within 15 minutes; then locked for 30 minutes", [5]),
        ("3.1.8[a]", "as the domain's policy says", []),
        ("3.1.10[a]", "15", [15]),
        ("3.1.10[a]", "", []),
        ("3.3.3[a]", "every 12 months", []),  # not looked for
    ],
)
def test_the_number_of_a_defined_value_is_known(key: str, value: str, numbers: list[int]) -> None:
    one = next(one for objective, one in asked().items() if str(objective).endswith(f"-{key}"))
    assert defined(one, value) == numbers


def test_a_long_text_is_looked_at_in_no_time() -> None:
    assert of("3.1.10[a]", "lock after 1 " * 100_000) == []


def test_a_change_that_asks_for_something_is_open_until_it_was_done() -> None:
    for kind in ChangeKind:
        assert Change(TODAY, kind, "x", None, "").is_open == (kind is not ChangeKind.COVERED)
        assert not Change(TODAY, kind, "x", TODAY, "done").is_open
        assert kind.label
        assert kind.follows


def test_a_change_is_read_with_every_wrong_field_at_once() -> None:
    with pytest.raises(Invalid) as refused:
        parse({"happened_on": 3, "kind": None, "text": None}, TODAY)
    assert set(refused.value.fields) == {"happened_on", "kind", "text"}
    with pytest.raises(Invalid) as refused:
        parse_settled({"settled_on": "2026-11-29", "settled": ""}, TODAY, TODAY)
    assert set(refused.value.fields) == {"settled_on", "settled"}
    assert parse_settled({"settled_on": "2026-11-28", "settled": "done"}, TODAY, TODAY) == (TODAY, "done")
