"""Objectives found by words or numbers."""

import pytest

from cmmc_tracker.domain.catalog import load
from cmmc_tracker.domain.choosing import objectives_about


def _found(text: str, family: str = "") -> list[str]:
    return [one.id for one in objectives_about(text, family)]


def test_without_words_all_are_offered_in_the_order_of_the_catalog() -> None:
    assert _found("") == [one.id for requirement in load(2).requirements for one in requirement.objectives]


def test_a_number_finds_its_requirement_and_none_that_only_begins_like_it() -> None:
    assert {one.partition("[")[0] for one in _found("3.1.1")} == {"AC.L2-3.1.1"}
    assert _found("3.1.1[a]") == ["AC.L2-3.1.1[a]"]
    assert {one.partition("[")[0] for one in _found("ac.l2-3.1.12")} == {"AC.L2-3.1.12"}


def test_every_word_must_stand_there_whatever_its_capitals() -> None:
    assert "AC.L2-3.1.1[a]" in _found("LIST person approved")
    assert _found("list person zeppelin") == []


def test_a_family_narrows_by_its_code_or_its_name() -> None:
    assert {one[:2] for one in _found("", "PE")} == {"PE"}
    assert {one[:2] for one in _found("awareness training")} >= {"AT"}


@pytest.mark.parametrize(("text", "count"), [("3.1.1(", 0), ("[a-", 0), ("\\", 0), (".*", 0), ("list " * 500, None)])
def test_what_people_type_is_looked_for_as_it_stands(text: str, count: int | None) -> None:
    assert len(_found(text)) == (len(_found("list")) if count is None else count)
