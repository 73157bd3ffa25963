"""May CUI be stored here, and what row of the scope follows from where the tracker runs."""

import pytest

from cmmc_tracker.domain.cui import is_held_back, may_be_stored
from cmmc_tracker.domain.scope import (
    OURS,
    Answers,
    AssetCategory,
    AssetFacts,
    Place,
    ProviderFacts,
    drafted,
    follows_from_provider,
)
from cmmc_tracker.domain.settings import Preferences
from cmmc_tracker.errors import Invalid

FORM = {"organization": "Acme", "system_name": "Enclave", "cui": "no", "place": "premises", "host": ""}


@pytest.mark.parametrize(
    ("allowed", "never", "may"),
    [(False, False, False), (False, True, False), (True, False, True), (True, True, False)],
)
def test_the_installation_allows_and_a_system_is_only_ever_stricter(allowed: bool, never: bool, may: bool) -> None:
    assert may_be_stored(Preferences(cui_allowed=allowed), never=never) is may


def test_a_new_install_stores_no_cui_and_holds_nothing_back() -> None:
    assert not may_be_stored(Preferences(), never=False)
    assert not is_held_back(Preferences(), never=False)


@pytest.mark.parametrize(
    ("allowed", "never", "back"),
    [(False, False, True), (True, False, False), (True, True, True)],
)
def test_markings_are_held_back_only_where_cui_may_not_be_stored(allowed: bool, never: bool, back: bool) -> None:
    assert is_held_back(Preferences(cui_allowed=allowed, cui_quarantine=True), never=never) is back
    assert not is_held_back(Preferences(cui_allowed=allowed), never=never)


def test_our_own_machine_is_a_cui_asset_with_cui_and_a_security_protection_asset_without() -> None:
    for holds_cui, category in ((True, AssetCategory.CUI), (False, AssetCategory.SECURITY_PROTECTION)):
        asset, provider = drafted(Place.PREMISES, "", holds_cui=holds_cui)
        assert asset is not None
        assert provider is None
        assert (asset.name, asset.category) == (OURS, category)
        assert "170.19(c)(1)" in asset.note


def test_our_machine_at_a_provider_makes_both_rows_and_a_cloud_service_the_provider_s_alone() -> None:
    asset, provider = drafted(Place.HOSTED, "Hoster Inc.", holds_cui=False)
    assert asset is not None
    assert provider is not None
    assert (provider.name, provider.is_cloud) == ("Hoster Inc.", False)
    asset, provider = drafted(Place.CLOUD, "Cloud Inc.", holds_cui=True)
    assert asset is None
    assert provider is not None
    assert (provider.name, provider.is_cloud) == ("Cloud Inc.", True)


def test_without_an_answer_no_row_is_drafted() -> None:
    assert drafted(None, "", holds_cui=True) == (None, None)


def test_a_cloud_needs_fedramp_for_cui_alone_and_other_providers_never() -> None:
    for is_cloud in (True, False):
        for holds_cui in (True, False):
            said = follows_from_provider(is_cloud=is_cloud, holds_cui=holds_cui)
            assert ("FedRAMP" in said) is (is_cloud and holds_cui)
            assert ("Security Protection Assets" in said) is (not holds_cui)
            assert "170.19(c)(2)" in said


def test_answers_are_read_and_the_place_may_be_left_out() -> None:
    assert Answers.parse(FORM) == Answers("Acme", "Enclave", cui_allowed=False, place=Place.PREMISES, host="")
    assert Answers.parse({**FORM, "place": "", "cui": "yes"}).place is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("organization", "x" * 201),
        ("system_name", " "),
        ("system_name", "x" * 201),
        ("cui", ""),
        ("cui", "perhaps"),
        ("place", "moon"),
        ("host", "x" * 201),
    ],
)
def test_a_wrong_answer_is_refused_beside_its_field(field: str, value: str) -> None:
    with pytest.raises(Invalid) as refused:
        Answers.parse({**FORM, field: value})
    assert list(refused.value.fields) == [field]


@pytest.mark.parametrize("place", ["hosted", "cloud"])
def test_who_hosts_it_must_be_named(place: str) -> None:
    with pytest.raises(Invalid) as refused:
        Answers.parse({**FORM, "place": place})
    assert list(refused.value.fields) == ["host"]


def test_rows_are_read_and_every_wrong_field_is_named() -> None:
    assert AssetFacts.parse({"name": " A ", "category": "cui", "note": "n"}) == AssetFacts("A", AssetCategory.CUI, "n")
    assert ProviderFacts.parse({"name": "B", "is_cloud": "on"}) == ProviderFacts("B", is_cloud=True, note="")
    with pytest.raises(Invalid) as refused:
        AssetFacts.parse({"name": "", "category": "best", "note": "x" * 4_001})
    assert set(refused.value.fields) == {"name", "category", "note"}
    with pytest.raises(Invalid) as refused:
        ProviderFacts.parse({"name": "B", "is_cloud": "maybe"})
    assert list(refused.value.fields) == ["is_cloud"]
