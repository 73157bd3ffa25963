"""The score, clause by clause, and the golden cases (32 CFR 170.21, 170.24)."""

from collections.abc import Sequence

import pytest

from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.domain.catalog import load
from cmmc_tracker.domain.poam import eligibility
from cmmc_tracker.domain.scoring import Score, score

CATALOG = load(2)
FINAL, CONDITIONAL, NONE = "Final Level 2 (Self)", "Conditional Level 2 (Self)", "No CMMC Status"
CASE_8 = [
    *(f"AC.L2-3.1.{n}" for n in (3, 4, 6, 7, 8, 9, 10, 11, 14, 15, 21)),
    "AT.L2-3.2.3",
    *(f"AU.L2-3.3.{n}" for n in (3, 4, 6, 7, 8, 9)),
    *(f"CM.L2-3.4.{n}" for n in (3, 4, 9)),
    "IA.L2-3.5.4",
]


def findings(**changed: object) -> dict[str, list[Status]]:
    """Everything MET but for the objectives and requirements that are named: id -> status, or id[letter] -> status."""
    found = {r.id: [Status.MET] * len(r.objectives) for r in CATALOG.requirements}
    for name, status in dict(changed).items():
        assert isinstance(status, Status)
        requirement, _, letter = name.partition("[")
        letters = [o.letter for o in CATALOG.requirement(requirement).objectives]
        for at, one in enumerate(letters):
            if not letter or one == letter[0]:
                found[requirement][at] = status
    return found


def scored(not_met: Sequence[str] = (), partial: Sequence[str] = (), **changed: object) -> Score:
    """The score with those NOT MET."""
    return score(CATALOG, findings(**dict.fromkeys(not_met, Status.NOT_MET), **changed), frozenset(partial))


@pytest.mark.parametrize(
    ("number", "not_met", "partial", "value", "possible", "supports"),
    [
        (1, [], [], 110, True, FINAL),
        (2, ["AC.L2-3.1.3", "AU.L2-3.3.3"], [], 108, True, CONDITIONAL),
        (3, ["PE.L2-3.10.4"], [], 109, False, NONE),
        (4, ["SC.L2-3.13.11"], ["SC.L2-3.13.11"], 107, True, CONDITIONAL),
        (5, ["SC.L2-3.13.11"], [], 105, False, NONE),
        (6, ["IA.L2-3.5.3"], ["IA.L2-3.5.3"], 107, False, NONE),
        (7, ["AC.L2-3.1.5"], [], 107, False, NONE),
        (8, CASE_8, [], 88, True, CONDITIONAL),
        (9, [*CASE_8, "IA.L2-3.5.5"], [], 87, False, NONE),
        (10, ["CA.L2-3.12.4[a]"], [], None, False, NONE),
        (11, ["CA.L2-3.12.4[e]"], [], 110, False, NONE),
        (12, [r.id for r in CATALOG.requirements if r.id != "CA.L2-3.12.4"], [], -203, False, NONE),
    ],
)
def test_golden_case(
    number: int, not_met: list[str], partial: list[str], value: int | None, possible: bool, supports: str
) -> None:
    found = scored(not_met, partial)
    assert (found.score, found.poam.possible, found.status) == (value, possible, supports), number
    assert not found.provisional


@pytest.mark.parametrize("requirement", CATALOG.requirements, ids=lambda r: r.id)
def test_170_24_c_2_each_requirement_costs_its_value_and_no_more(requirement: object) -> None:
    found = scored([requirement.id])  # type: ignore[attr-defined]
    weight = requirement.weight  # type: ignore[attr-defined]
    if weight is None:
        assert found.score is None
        assert found.gate is not None
    else:
        assert found.score == 110 - weight
        assert [(x.requirement_id, x.points) for x in found.losses] == [(requirement.id, weight)]  # type: ignore[attr-defined]


@pytest.mark.parametrize("letter", ["a", "h"])
@pytest.mark.parametrize("status", [Status.NOT_MET, Status.NOT_ASSESSED])
def test_170_24_c_2_i_b_5_without_an_up_to_date_plan_there_is_no_score(letter: str, status: Status) -> None:
    found = scored(**{f"CA.L2-3.12.4[{letter}]": status})
    assert found.score is None
    assert found.reason is not None
    assert f"3.12.4[{letter}]" in found.reason
    assert "170.24" in found.reason
    assert found.hint == 110
    assert not found.ssp_documented


@pytest.mark.parametrize("letter", list("bcdefg"))
def test_another_gap_of_the_plan_takes_no_points_but_bars_every_status(letter: str) -> None:
    found = scored([f"CA.L2-3.12.4[{letter}]"])
    assert (found.score, found.status, found.poam.blocking) == (110, NONE, ("CA.L2-3.12.4",))
    assert found.losses == ()
    assert found.gate is not None


def test_what_is_not_assessed_costs_its_full_value_and_makes_the_score_provisional() -> None:
    found = scored(partial=["IA.L2-3.5.3"], **{"IA.L2-3.5.3[d]": Status.NOT_ASSESSED})
    assert (found.score, found.provisional, found.unassessed_objectives) == (105, True, 1)
    assert found.status == NONE
    assert "incomplete" in found.status_reason


def test_nothing_assessed_at_all() -> None:
    found = score(CATALOG, {})
    assert found.score is None
    assert found.hint == -203
    assert found.unassessed_objectives == 320
    assert found.counts.not_assessed == 110
    assert len(found.losses) == 109


def test_the_partial_switch_has_no_effect_while_the_requirement_is_met() -> None:
    assert scored(partial=["IA.L2-3.5.3", "SC.L2-3.13.11"]).score == 110


def test_the_partial_switch_of_another_requirement_does_nothing() -> None:
    assert scored(["AC.L2-3.1.1"], ["AC.L2-3.1.1"]).score == 105


def test_not_applicable_counts_as_met_everywhere() -> None:
    found = scored(**{"AC.L2-3.1.16": Status.NOT_APPLICABLE})
    assert (found.score, found.status, found.counts.not_applicable, found.counts.met) == (110, FINAL, 1, 109)


def test_losses_are_largest_first_then_in_catalog_order_and_say_why() -> None:
    found = scored(["AU.L2-3.3.3[b]", "AC.L2-3.1.5", "AC.L2-3.1.3", "SI.L2-3.14.1"])
    assert [x.requirement_id for x in found.losses] == ["SI.L2-3.14.1", "AC.L2-3.1.5", "AC.L2-3.1.3", "AU.L2-3.3.3"]
    assert found.losses[3].reason == "[b] not met."
    assert found.losses[3].clause.startswith("32 CFR 170.24")


def test_blocking_is_in_catalog_order_and_missing_lists_eligible_ones_without_an_item() -> None:
    found = score(
        CATALOG,
        findings(**dict.fromkeys(["SC.L2-3.13.11", "AC.L2-3.1.1", "AC.L2-3.1.3", "AU.L2-3.3.3"], Status.NOT_MET)),
        planned=frozenset({"AC.L2-3.1.3"}),
    )
    assert found.poam.blocking == ("AC.L2-3.1.1", "SC.L2-3.13.11")
    assert found.poam.missing == ("AU.L2-3.3.3",)


@pytest.mark.parametrize(
    ("requirement", "partial", "allowed", "clause"),
    [
        ("AC.L2-3.1.3", False, True, "32 CFR 170.21(a)(2)"),
        ("AC.L2-3.1.1", False, False, "32 CFR 170.21(a)(2)(ii)"),
        ("SC.L2-3.13.11", False, False, "32 CFR 170.21(a)(2)(ii)"),
        ("SC.L2-3.13.11", True, True, "32 CFR 170.21(a)(2)(ii)"),
        ("IA.L2-3.5.3", True, False, "32 CFR 170.21(a)(2)(ii)"),
        ("AC.L2-3.1.20", False, False, "32 CFR 170.21(a)(2)(iii)"),
        ("AC.L2-3.1.22", False, False, "32 CFR 170.21(a)(2)(iii)"),
        ("CA.L2-3.12.4", False, False, "32 CFR 170.21(a)(2)(iii)"),
        ("PE.L2-3.10.3", False, False, "32 CFR 170.21(a)(2)(iii)"),
        ("PE.L2-3.10.4", False, False, "32 CFR 170.21(a)(2)(iii)"),
        ("PE.L2-3.10.5", False, False, "32 CFR 170.21(a)(2)(iii)"),
    ],
)
def test_170_21_who_may_stand_on_a_poam(requirement: str, partial: bool, allowed: bool, clause: str) -> None:
    found = eligibility(CATALOG.requirement(requirement), partial=partial)
    assert found.allowed is allowed
    assert found.clause.startswith(clause)
