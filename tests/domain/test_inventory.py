"""The inventory's rules: what an asset needs in each category, and what is refused (32 CFR 170.19(c)(1), Table 3)."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmmc_tracker.domain.inventory import (
    AssetEntry,
    CuiUse,
    Documented,
    EntryKind,
    FlowEntry,
    GroupEntry,
    SurroundingEntry,
    advice,
    coded,
    lacks,
    training_is_old,
    uncoded,
)
from cmmc_tracker.domain.scope import AssetCategory
from cmmc_tracker.errors import Invalid

IN_SCOPE = [one for one in AssetCategory if one.in_scope]
PLAN, DIAGRAM = "its treatment in the security plan", "a place on the network diagram"
TODAY = date(2026, 11, 28)


@pytest.mark.parametrize("category", IN_SCOPE)
def test_an_asset_in_scope_needs_its_treatment_in_the_plan_and_its_place_on_the_diagram(
    category: AssetCategory,
) -> None:
    assert lacks(category, Documented(False, False)) == [PLAN, DIAGRAM]
    assert lacks(category, Documented(True, False)) == [DIAGRAM]
    assert lacks(category, Documented(False, True)) == [PLAN]
    assert lacks(category, Documented(True, True)) == []


def test_an_asset_out_of_scope_needs_nothing_and_one_without_a_category_needs_that() -> None:
    assert lacks(AssetCategory.OUT_OF_SCOPE, Documented(False, False)) == []
    assert lacks(None, Documented(True, True)) == ["a category"]


def test_the_treatment_of_a_group_counts_for_each_asset_in_it() -> None:
    alike = GroupEntry("Laptops", "Encrypted, managed, locked.", on_diagram=True)
    assert Documented.of(AssetEntry("L-1"), alike) == Documented(True, True)
    assert Documented.of(AssetEntry("L-1")) == Documented(False, False)
    assert Documented.of(AssetEntry("L-1", treatment="x", on_diagram=True)) == Documented(True, True)


@pytest.mark.parametrize("use", list(CuiUse))
def test_what_handles_cui_cannot_be_out_of_scope_and_the_clause_is_named(use: CuiUse) -> None:
    with pytest.raises(Invalid) as refused:
        AssetEntry.parse({"name": "Server", "category": "out_of_scope", "cui_use": [use.value]})
    assert "170.19(c)(1), Table 3" in refused.value.fields["category"]


def test_a_justification_for_out_of_scope_is_advised_and_never_demanded() -> None:
    bare = AssetEntry.parse({"name": "Lobby screen", "category": "out_of_scope"})
    assert "Write down why" in advice(bare)
    assert advice(AssetEntry.parse({"name": "x", "category": "out_of_scope", "justification": "no network"})) == ""


def test_a_risk_managed_asset_that_handles_cui_is_told_to_be_a_cui_asset() -> None:
    assert "is a CUI Asset" in advice(AssetEntry("x", AssetCategory.CONTRACTOR_RISK_MANAGED, cui_use=(CuiUse.STORE,)))
    assert "say which" in advice(AssetEntry("x", AssetCategory.CUI))


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": "\u200b"}, "name"),
        ({"name": "x", "category": "gold"}, "category"),
        ({"name": "x", "owner": "o" * 201}, "owner"),
        ({"name": "x", "treatment": "t" * 1_000_000}, "treatment"),
        ({"name": "x", "cui_use": ["eat"]}, "cui_use"),
        ({"name": "x", "on_diagram": "maybe"}, "on_diagram"),
    ],
)
def test_a_wrong_field_of_an_asset_is_named(given: dict[str, object], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        AssetEntry.parse(given)
    assert set(refused.value.fields) == {field}


@given(st.sets(st.sampled_from(CuiUse)))
def test_what_an_asset_does_with_cui_is_kept_in_the_rules_order(uses: set[CuiUse]) -> None:
    code = coded(tuple(uses))
    assert set(uncoded(code)) == uses
    assert len(code) <= 20
    assert coded(uncoded(code)) == code


def test_only_people_are_trained_and_not_on_a_day_to_come() -> None:
    given = {"name": "Ada", "trained_on": "2026-11-28"}
    assert SurroundingEntry.parse(EntryKind.PERSON, given, TODAY).trained_on == TODAY
    assert SurroundingEntry.parse(EntryKind.NETWORK, given, TODAY).trained_on is None
    with pytest.raises(Invalid) as refused:
        SurroundingEntry.parse(EntryKind.PERSON, {"name": "Ada", "trained_on": "2026-11-29"}, TODAY)
    assert set(refused.value.fields) == {"trained_on"}


def test_training_is_old_from_the_day_after_a_year_on() -> None:
    assert not training_is_old(date(2025, 11, 28), TODAY)
    assert training_is_old(date(2025, 11, 27), TODAY)


def test_a_flow_says_what_from_where_and_to_where() -> None:
    with pytest.raises(Invalid) as refused:
        FlowEntry.parse({"protection": "TLS"})
    assert set(refused.value.fields) == {"what", "source", "destination"}
