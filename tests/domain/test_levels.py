"""Level 1 is MET as a whole or not; Level 3 counts 24 points (32 CFR 170.21, 170.24(c)(1), (c)(3))."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.domain.catalog import Eligibility, load
from cmmc_tracker.domain.scoring import Score, score
from cmmc_tracker.domain.status import NONE

FIRST, THIRD = load(1), load(3)
MAY_WAIT = [r.id for r in THIRD.requirements if r.poam is Eligibility.ALLOWED]
NAMED = [r.id for r in THIRD.requirements if r.poam is Eligibility.NEVER]
CONDITIONAL, FINAL = "Conditional Level 3 (DIBCAC)", "Final Level 3 (DIBCAC)"


def scored(level: int, not_met: Sequence[str] = (), not_assessed: Sequence[str] = ()) -> Score:
    known = load(level)
    found = {r.id: [Status.MET] * len(r.objectives) for r in known.requirements}
    found |= {one: [Status.NOT_MET, *found[one][1:]] for one in not_met}
    found |= {one: [Status.NOT_ASSESSED] * len(found[one]) for one in not_assessed}
    return score(known, found)


def test_170_24_c_1_level_1_is_met_when_every_requirement_is_and_has_no_score() -> None:
    found = scored(1)
    assert (found.score, found.max, found.hint) == (None, None, None)
    assert "no score" in (found.reason or "")
    assert found.status == "Final Level 1 (Self)"
    assert found.ssp_documented is None


@pytest.mark.parametrize("requirement", FIRST.requirements, ids=lambda r: r.id)
def test_170_21_a_1_one_requirement_that_is_not_met_leaves_level_1_without_status_and_without_poam(
    requirement: object,
) -> None:
    one = getattr(requirement, "id", "")
    found = scored(1, [one])
    assert found.status == NONE
    assert "170.21(a)(1)" in found.status_reason
    assert (found.poam.possible, found.poam.threshold) == (False, None)
    assert (found.poam.blocking, found.poam.missing) == ((one,), ())


def test_level_1_that_is_not_assessed_is_incomplete() -> None:
    found = scored(1, not_assessed=["AC.L1-b.1.i"])
    assert (found.status, found.provisional, found.unassessed_objectives) == (NONE, True, 6)
    assert "incomplete" in found.status_reason


@pytest.mark.parametrize(
    ("not_met", "value", "possible", "supports"),
    [
        ([], 24, True, FINAL),
        (MAY_WAIT[:1], 23, True, CONDITIONAL),
        (MAY_WAIT[:4], 20, True, CONDITIONAL),
        (MAY_WAIT[:5], 19, False, NONE),
        *[([one], 23, False, NONE) for one in NAMED],
        ([r.id for r in THIRD.requirements], 0, False, NONE),
    ],
)
def test_170_21_a_3_golden_case(not_met: list[str], value: int, possible: bool, supports: str) -> None:
    found = scored(3, not_met)
    assert (found.score, found.max, found.min) == (value, 24, 0)
    assert (found.poam.possible, found.status) == (possible, supports)
    assert "Final Level 2 (C3PAO)" in found.before


@given(st.sets(st.sampled_from([r.id for r in THIRD.requirements])))
def test_170_24_c_3_the_score_is_the_number_that_is_met(not_met: set[str]) -> None:
    found = scored(3, sorted(not_met))
    assert found.score == 24 - len(not_met)
    assert set(found.poam.blocking) == not_met & set(NAMED)
    assert all(loss.clause == "32 CFR 170.24(c)(3)" for loss in found.losses)
