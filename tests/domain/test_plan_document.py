"""The plan as a document: its parts, comparing two of them, what may be typed."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmmc_tracker.domain import catalog
from cmmc_tracker.domain.narrative_drafts import FIRST_LINE, blanks, draft
from cmmc_tracker.domain.plan_document import (
    AssetLine,
    Document,
    Line,
    ObjectiveLine,
    Planned,
    ProviderLine,
    RequirementText,
    Section,
    SectionName,
    differences,
    parse_months,
    section_of,
)
from cmmc_tracker.errors import Invalid, NotFound


def requirement(narrative: str = "", *texts: str) -> RequirementText:
    """3.1.2 with a text for each of its objectives."""
    written = dict(zip("ab", texts, strict=False))
    objectives = tuple(ObjectiveLine(one, "met", written.get(one, ""), "", "") for one in "ab")
    planned = (Planned("poam", "No roles", "2027-01-01"),)
    return RequirementText(
        *("AC.L2-3.1.2", "Transactions", "AC", "met", "implemented", "own", narrative), objectives, planned
    )


def document(narrative: str = "", names: dict[str, str] | None = None, **more: str) -> Document:
    """A small plan."""
    sections = tuple(Section(one, more.get(one, "")) for one in SectionName)
    asset = AssetLine(1, "Server", "cui", "Ada", "Room 2", "locked", draft=False)
    provider = ProviderLine(1, "Northwind", is_cloud=True, services="mail", holds="cui", draft=True)
    return Document("Main", 2, "2026-11-28", sections, (asset,), (provider,), (requirement(narrative),), names or {})


def test_a_document_comes_back_from_its_json_as_it_was() -> None:
    one = document("See [[artifact:1]]", {"artifact:1": "A"}, boundary="All of it")
    assert Document.from_json(json.loads(json.dumps(one.as_json()))) == one


def test_only_the_parts_that_differ_are_told_with_a_line_around_each() -> None:
    before = document("a\nb\nc\nd\ne", boundary="one")
    after = document("a\nb\nX\nd\ne", boundary="one\ntwo")
    found = {one.part: one.lines for one in differences(before, after)}
    assert set(found) == {"boundary", "AC.L2-3.1.2"}
    assert found["boundary"] == (Line(" ", "one"), Line("+", "two"))
    told = [f"{one.sign}{one.text}" for one in found["AC.L2-3.1.2"]]
    assert told == ["…", " b", "-c", "+X", " d"]


def test_a_thing_that_was_only_renamed_is_no_change_and_one_that_is_gone_keeps_its_last_name() -> None:
    before, after = document("[[artifact:1]]", {"artifact:1": "Old"}), document("[[artifact:1]]", {"artifact:1": "New"})
    assert differences(before, after) == []
    assert differences(before, document("[[artifact:1]]")) == []


def test_assets_providers_and_requirements_that_came_or_went_are_told() -> None:
    before = document()
    after = replace(before, assets=(), providers=(), requirements=())
    assert [one.part for one in differences(before, after)] == ["assets", "providers", "AC.L2-3.1.2"]
    assert {line.sign for one in differences(before, after) for line in one.lines} == {"-"}


def test_texts_of_very_many_lines_are_shown_whole_not_compared() -> None:
    before, after = document("\n".join("a" * 500)), document("\n".join("b" * 500))
    (found,) = differences(before, after)
    assert len(found.lines) > 1_000


@given(st.text(alphabet="ab\n", max_size=60), st.text(alphabet="ab\n", max_size=60))
def test_a_comparison_without_its_minus_lines_is_made_of_the_new_text_only(first: str, second: str) -> None:
    for one in differences(document(first), document(second)):
        new = second.splitlines()
        assert all(line.text in new or line.sign in "-…" or ":" in line.text for line in one.lines)


def test_a_document_is_the_same_as_itself() -> None:
    assert differences(document("x"), document("x")) == []


def test_what_a_text_by_objective_leaves_out_is_listed() -> None:
    assert requirement("x").left_out == []
    assert requirement("", "one").left_out == ["b"]
    assert requirement("", "one", "two").left_out == []
    assert not requirement("  ").is_written
    assert requirement("", "one").is_written


@pytest.mark.parametrize("months", ["1", "6", "12"])
def test_170_4_a_review_at_least_once_a_year_is_taken(months: str) -> None:
    assert parse_months(months) == int(months)


@pytest.mark.parametrize("months", ["0", "13", "", "-1", "1.5", "١", "012", "one"])
def test_170_4_a_longer_interval_or_none_is_refused(months: str) -> None:
    with pytest.raises(Invalid, match=r"170\.4|once a year"):
        parse_months(months)


def test_only_the_five_sections_exist() -> None:
    assert [section_of(one).label for one in SectionName]
    with pytest.raises(NotFound):
        section_of("appendix")


def test_every_family_has_a_pattern_for_its_drafts() -> None:

    for one in catalog.load(2).requirements:
        text = draft(one, {})
        assert text.startswith(FIRST_LINE)
        assert len(blanks(text)) > 3
        assert all(f"[{objective.letter}]" in text for objective in one.objectives)
