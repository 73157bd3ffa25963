"""Responsibility matrices and providers: what follows, what is missing, and the one circle there can be."""

from datetime import date
from itertools import product

import pytest

from cmmc_tracker.domain.assessment import Responsibility
from cmmc_tracker.domain.catalog import parse_objective_id
from cmmc_tracker.domain.matrix import LineEntry, carried, check_inherited, gaps, is_circle
from cmmc_tracker.domain.providers import ProviderEntry, follows
from cmmc_tracker.domain.scope import Duty, Held, MatrixLine
from cmmc_tracker.errors import Conflict, Invalid

A, B = parse_objective_id("3.1.1[a]"), parse_objective_id("3.1.1[b]")
TODAY = date(2026, 11, 28)


@pytest.mark.parametrize(
    ("holds", "is_cloud", "words"),
    [
        (Held.CUI, True, "FedRAMP Moderate"),
        (Held.CUI, False, "170.16(c)(3)"),
        (Held.SPD, True, "Security Protection Assets"),
        (Held.SPD, False, "Security Protection Assets"),
        (Held.NONE, True, "no external service provider"),
        (Held.NONE, False, "no external service provider"),
    ],
)
def test_what_follows_from_a_provider_stands_in_170_19_c_2(holds: Held, is_cloud: bool, words: str) -> None:
    sentence = follows(holds, is_cloud=is_cloud)
    assert words in sentence
    assert "32 CFR 170.19(c)(2)" in sentence


def test_a_provider_and_the_shared_part_of_one_carry_an_objective_others_do_not() -> None:
    lines = [MatrixLine(1, A, duty, "") for duty in Duty]
    assert carried(lines[:1]) == carried([lines[2]]) == {A}
    assert carried([lines[1], lines[3]]) == set()


@pytest.mark.parametrize(("duty", "inherited", "elsewhere"), list(product(Duty, (True, False), (True, False))))
def test_only_a_customers_line_of_an_inherited_objective_that_nobody_else_carries_is_a_circle(
    duty: Duty, inherited: bool, elsewhere: bool
) -> None:
    found = is_circle(A, duty, {A} if inherited else {B}, {A} if elsewhere else {B})
    assert found == (duty is Duty.CUSTOMER and inherited and not elsewhere)


@pytest.mark.parametrize(
    ("duties", "refused"),
    [
        ((), False),  # a gap, which is listed
        ((Duty.CUSTOMER,), True),
        ((Duty.CUSTOMER, Duty.NOT_APPLICABLE), True),
        ((Duty.CUSTOMER, Duty.SHARED), False),  # another provider carries it
        ((Duty.PROVIDER,), False),
        ((Duty.NOT_APPLICABLE,), False),
    ],
)
def test_170_19_c_2_what_the_matrix_gives_back_to_us_cannot_be_inherited(
    duties: tuple[Duty, ...], refused: bool
) -> None:
    if not refused:
        check_inherited(duties)
        return
    with pytest.raises(Conflict) as found:
        check_inherited(duties)
    assert found.value.clause == "32 CFR 170.19(c)(2)"


def test_what_is_claimed_without_a_line_is_listed_in_catalog_order() -> None:
    claimed = {"AC.L2-3.1.2": Responsibility.PROVIDER, "AC.L2-3.1.1": Responsibility.SHARED}
    found = gaps([], {A}, claimed, 2)
    assert [(one.requirement, one.letter) for one in found] == [
        ("AC.L2-3.1.1", ""),
        ("AC.L2-3.1.1", "a"),
        ("AC.L2-3.1.2", ""),
    ]
    assert gaps([MatrixLine(1, A, Duty.SHARED, "")], {A}, {"AC.L2-3.1.1": Responsibility.SHARED}, 2) == []


def test_a_line_that_gives_it_to_the_customer_fills_no_gap() -> None:
    assert len(gaps([MatrixLine(1, A, Duty.CUSTOMER, "")], {A}, {}, 2)) == 1


@pytest.mark.parametrize("link", ["javascript:go()", "ftp://x", "//x", "https://", "x", "data:text/html,x", "http://["])
def test_only_an_address_of_the_web_is_a_link(link: str) -> None:
    with pytest.raises(Invalid) as refused:
        ProviderEntry.parse({"name": "x", "holds": "none", "basis_link": link}, TODAY)
    assert set(refused.value.fields) == {"basis_link"}


def test_a_line_needs_a_duty_and_a_text_of_a_megabyte_is_refused() -> None:
    with pytest.raises(Invalid) as refused:
        LineEntry.parse({"text": "x" * 1_000_000, "artifact_id": "many"})
    assert set(refused.value.fields) == {"duty", "text", "artifact_id"}
