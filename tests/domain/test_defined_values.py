"""The values that objectives ask for: which there are, and what may be said."""

from typing import Any

import pytest

from cmmc_tracker.domain.catalog import load, parse_objective_id
from cmmc_tracker.domain.defined_values import Unit, asked, parse, shown
from cmmc_tracker.errors import Invalid, NotFound


def test_54_objectives_ask_for_a_value_in_catalog_order_each_with_a_name_of_its_own() -> None:
    found = list(asked().values())
    ids = [o.id for r in load(2).requirements for o in r.objectives]
    places = [ids.index(str(one.objective)) for one in found]
    assert len(found) == len({one.name for one in found}) == 54
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("objective", "said", "kept"),
    [
        ("3.1.10[a]", " 15 ", "15"),
        ("3.5.8[a]", "024", "24"),
        ("3.12.4[g]", "12", "12"),
        ("3.1.8[a]", "5 tries,  15 minutes", "5 tries,  15 minutes"),
        ("3.1.10[a]", "", ""),
    ],
)
def test_a_value_is_kept_as_the_plan_will_say_it(objective: str, said: str, kept: str) -> None:
    assert parse(parse_objective_id(objective), said) == kept


@pytest.mark.parametrize(
    ("objective", "said"),
    [
        ("3.1.10[a]", "fifteen"),
        ("3.1.10[a]", "0"),
        ("3.1.10[a]", "-5"),
        ("3.1.10[a]", "1.5"),
        ("3.1.10[a]", "9" * 5_000),
        ("3.1.10[a]", "²"),
        ("3.1.8[a]", "x" * 5_001),
        ("3.1.8[a]", None),
    ],
)
def test_what_is_no_value_is_refused(objective: str, said: Any) -> None:
    with pytest.raises(Invalid):
        parse(parse_objective_id(objective), said)


@pytest.mark.parametrize(
    ("objective", "most"), [("3.12.4[g]", 12), ("3.12.1[a]", 12), ("3.11.1[a]", 12), ("3.11.2[a]", 366)]
)
def test_170_4_what_is_periodic_is_done_once_a_year_at_least(objective: str, most: int) -> None:
    assert parse(parse_objective_id(objective), str(most)) == str(most)
    with pytest.raises(Invalid, match=r"170\.4"):
        parse(parse_objective_id(objective), str(most + 1))


def test_an_objective_that_asks_for_no_value_has_none() -> None:
    with pytest.raises(NotFound):
        parse(parse_objective_id("3.1.1[a]"), "5")


def test_a_value_is_shown_with_its_unit() -> None:
    by_unit = {one.unit: one for one in asked().values()}
    assert shown(by_unit[Unit.DAYS], "1") == "1 day"
    assert shown(by_unit[Unit.MONTHS], "12") == "12 months"
    assert shown(by_unit[Unit.COUNT], "24") == "24"
    assert shown(by_unit[Unit.DAYS], "") == ""
