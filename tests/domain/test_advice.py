"""The cheapest way to Conditional and to Final: it leads there, and no shorter one does."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmmc_tracker.domain.advice import advise, what_if
from cmmc_tracker.domain.assessment import SSP, Status
from cmmc_tracker.domain.catalog import Eligibility, load
from cmmc_tracker.domain.scoring import Score, score
from tests.domain.test_scoring import CASE_8

CATALOG = load(2)
IDS = [r.id for r in CATALOG.requirements]
MAY_WAIT = [r.id for r in CATALOG.requirements if r.poam is Eligibility.ALLOWED]
OPEN = st.dictionaries(st.sampled_from(IDS), st.sampled_from([Status.NOT_MET, Status.NOT_ASSESSED]), max_size=110)
PARTIAL = st.sets(st.sampled_from(["SC.L2-3.13.11", "IA.L2-3.5.3"]))


def findings(opened: dict[str, Status], level: int = 2) -> dict[str, list[Status]]:
    known = load(level).requirements
    return {r.id: [opened.get(r.id, Status.MET)] * len(r.objectives) for r in known}


def scored(opened: dict[str, Status], partial: set[str] | None = None, level: int = 2) -> Score:
    return score(load(level), findings(opened, level), partial or set())


def ids(steps: object) -> list[str]:
    return [step.requirement_id for step in steps]  # type: ignore[attr-defined]


def not_met(names: list[str]) -> dict[str, Status]:
    return dict.fromkeys(names, Status.NOT_MET)


@given(OPEN, PARTIAL)
def test_the_way_leads_to_conditional_then_to_final(opened: dict[str, Status], partial: set[str]) -> None:
    advice = advise(scored(opened, partial))
    assert advice.to_conditional is not None
    there = what_if(CATALOG, findings(opened), partial, set(ids(advice.to_conditional)))
    assert there.poam.possible
    every = [*advice.to_conditional, *advice.to_final]
    assert sorted(ids(every)) == sorted(opened)
    final = what_if(CATALOG, findings(opened), partial, set(ids(every)))
    assert (final.score, final.status) == (110, "Final Level 2 (Self)")
    for n, step in enumerate(every, 1):
        assert what_if(CATALOG, findings(opened), partial, set(ids(every[:n]))).score == step.after


@given(OPEN, PARTIAL, st.randoms(use_true_random=False))
def test_no_choice_of_fewer_requirements_makes_a_conditional_status_possible(
    opened: dict[str, Status], partial: set[str], chance: object
) -> None:
    least = len(advise(scored(opened, partial)).to_conditional or ())
    if least == 0:
        return
    fewer = set(chance.sample(sorted(opened), least - 1))  # type: ignore[attr-defined]
    assert not what_if(CATALOG, findings(opened), partial, fewer).poam.possible


@pytest.mark.parametrize("extra", [1, 2, 3])
def test_of_23_to_25_one_pointers_none_fewer_will_do_tried_out_whole(extra: int) -> None:
    opened = not_met(MAY_WAIT[: 22 + extra])
    way = advise(scored(opened)).to_conditional
    assert way is not None
    assert len(way) == extra
    for fewer in combinations(opened, extra - 1):
        assert not what_if(CATALOG, findings(opened), set(), set(fewer)).poam.possible


def test_golden_case_8_is_there_and_case_9_lacks_one() -> None:
    assert advise(scored(not_met(CASE_8))).to_conditional == ()
    case_9 = advise(scored(not_met([*CASE_8, "IA.L2-3.5.5"])))
    assert len(case_9.to_conditional or ()) == 1
    assert len(case_9.to_final) == 22


def test_3_13_11_in_part_is_worth_three_so_it_comes_before_any_one_pointer() -> None:
    opened = not_met([*MAY_WAIT[:21], "SC.L2-3.13.11"])
    assert ids(advise(scored(opened, {"SC.L2-3.13.11"})).to_conditional) == ["SC.L2-3.13.11"]


def test_the_security_plan_comes_first_for_without_it_there_is_no_score() -> None:
    way = advise(scored(not_met(["AC.L2-3.1.1", SSP]))).to_conditional or ()
    assert ids(way) == [SSP, "AC.L2-3.1.1"]
    assert [step.after for step in way] == [105, 110]


def test_what_may_wait_but_is_not_assessed_must_be_assessed_all_the_same() -> None:
    advice = advise(scored({"AC.L2-3.1.3": Status.NOT_ASSESSED, "AU.L2-3.3.3": Status.NOT_MET}))
    assert advice.to_conditional == ()
    assert advice.assess == ("AC.L2-3.1.3",)


def test_where_points_are_alike_what_has_the_fewest_open_objectives_comes_first() -> None:
    opened = findings(not_met(MAY_WAIT[:24]))
    fewest = next(r for r in CATALOG.requirements if r.id in MAY_WAIT[:24] and len(r.objectives) > 2)
    opened[fewest.id] = [Status.NOT_MET, *[Status.MET] * (len(fewest.objectives) - 1)]
    way = advise(score(CATALOG, opened)).to_conditional or ()
    assert {step.open_objectives for step in way} == {1}


def test_level_1_has_no_conditional_status_so_all_that_is_open_is_the_way() -> None:
    advice = advise(scored(not_met(["AC.L1-b.1.i", "SI.L1-b.1.xv"]), level=1))
    assert advice.to_conditional is None
    assert ids(advice.to_final) == ["SI.L1-b.1.xv", "AC.L1-b.1.i"]
    assert [step.after for step in advice.to_final] == [None, None]


@given(st.sets(st.sampled_from([r.id for r in load(3).requirements])))
def test_level_3_needs_twenty_and_the_seven(opened: set[str]) -> None:
    advice = advise(scored(not_met(sorted(opened)), level=3))
    named = [r.id for r in load(3).requirements if r.poam is Eligibility.NEVER and r.id in opened]
    assert len(advice.to_conditional or ()) == max(len(named), len(opened) - 4)


@given(OPEN, PARTIAL, st.sets(st.sampled_from(IDS)))
def test_what_would_be_mended_only_ever_helps(opened: dict[str, Status], partial: set[str], mended: set[str]) -> None:
    before = scored(opened, partial)
    after = what_if(CATALOG, findings(opened), partial, mended)
    assert len(after.poam.blocking) <= len(before.poam.blocking)
    if before.score is not None:
        assert after.score is not None
        assert after.score >= before.score
