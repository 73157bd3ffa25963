"""Every move of a recorded status, possible or not, and what the calendar does to it."""

from datetime import date, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmmc_tracker.domain import clocks
from cmmc_tracker.domain.clocks import AssessmentKind
from cmmc_tracker.domain.lifecycle import MOVES, NO_STATUS, Act, Recorded, Stage, moved, standing
from cmmc_tracker.errors import Conflict

C, F, E, L, X = Stage.CONDITIONAL, Stage.FINAL, Stage.EXPIRED, Stage.LAPSED, Stage.ENDED
# Every stage and act, by hand; what is left out is refused.
TABLE = {
    Stage.NONE: {Act.RECORD_CONDITIONAL: C, Act.RECORD_FINAL: F},
    C: {Act.RECORD_FINAL: F, Act.CLOSE_OUT: F, Act.EXPIRE: E, Act.AFFIRM: C},
    F: {Act.RECORD_CONDITIONAL: C, Act.RECORD_FINAL: F, Act.AFFIRM: F, Act.LAPSE: L, Act.END: X},
    E: {Act.RECORD_CONDITIONAL: C, Act.RECORD_FINAL: F},
    L: {Act.RECORD_CONDITIONAL: C, Act.RECORD_FINAL: F, Act.AFFIRM: F, Act.END: X},
    X: {Act.RECORD_CONDITIONAL: C, Act.RECORD_FINAL: F},
}
DAY = date(2026, 1, 10)


@pytest.mark.parametrize(("stage", "act"), list(product(Stage, Act)))
def test_each_move_is_as_the_table_says_and_names_its_clause(stage: Stage, act: Act) -> None:
    after = TABLE[stage].get(act)
    if after is None:
        with pytest.raises(Conflict) as refused:
            moved(stage, act)
        assert (refused.value.clause or "").startswith("32 CFR 170.")
        return
    assert moved(stage, act).after is after
    assert moved(stage, act).clause.startswith("32 CFR 170.")


def test_the_table_has_every_move_there_is() -> None:
    assert {(s, a) for s, acts in TABLE.items() for a in acts} == set(MOVES)


def test_170_21_b_an_expired_conditional_status_cannot_be_closed_out_nor_extended() -> None:
    with pytest.raises(Conflict, match="no extension exists"):
        moved(E, Act.CLOSE_OUT)
    with pytest.raises(Conflict, match="cannot be extended"):
        moved(C, Act.RECORD_CONDITIONAL)


def test_170_21_a_1_level_1_has_no_conditional_status() -> None:
    for act in (Act.RECORD_CONDITIONAL, Act.CLOSE_OUT):
        with pytest.raises(Conflict) as refused:
            moved(Stage.NONE, act, level=1)
        assert refused.value.clause == "32 CFR 170.21(a)(1)"
    assert moved(Stage.NONE, Act.RECORD_FINAL, level=1).after is F


def recorded(stage: Stage, kind: AssessmentKind = AssessmentKind.LEVEL_2_SELF, on: date = DAY) -> Recorded:
    return Recorded(kind, stage, on, on)


def test_nothing_recorded_is_no_status() -> None:
    assert standing(None, [], DAY).name == NO_STATUS


@pytest.mark.parametrize(("days", "stage"), [(0, C), (180, C), (181, E)])
def test_170_21_b_a_conditional_status_expires_by_itself(days: int, stage: Stage) -> None:
    found = standing(recorded(C), [DAY], DAY + timedelta(days=days))
    assert found.stage is stage
    assert found.name == ("Conditional Level 2 (Self)" if stage is C else NO_STATUS)


@pytest.mark.parametrize(
    ("affirmed", "today", "stage"),
    [
        ([], DAY, F),  # it is due with the status, and that day counts
        ([], DAY + timedelta(days=1), L),
        ([DAY], date(2027, 1, 10), F),
        ([DAY], date(2027, 1, 11), L),
        ([DAY, date(2027, 3, 1)], date(2027, 3, 1), F),  # a late affirmation brings it back
        ([DAY, date(2027, 1, 1), date(2028, 1, 1)], date(2029, 1, 1), F),
        ([DAY, date(2027, 1, 1), date(2028, 1, 1), date(2029, 1, 1)], date(2029, 1, 11), X),
    ],
)
def test_170_22_a_3_a_final_status_lapses_without_its_affirmation_and_ends_after_three_years(
    affirmed: list[date], today: date, stage: Stage
) -> None:
    assert standing(recorded(F), affirmed, today).stage is stage


def test_170_16_a_1_a_closeout_begins_no_new_three_years() -> None:
    closed = Recorded(AssessmentKind.LEVEL_2_C3PAO, F, date(2026, 6, 1), DAY)
    found = standing(closed, [date(2026, 6, 1)], date(2026, 6, 2))
    assert (found.name, found.valid_until) == ("Final Level 2 (C3PAO)", date(2029, 1, 10))


def test_170_15_level_1_holds_for_one_year() -> None:
    level1 = recorded(F, AssessmentKind.LEVEL_1_SELF)
    assert standing(level1, [DAY], date(2027, 1, 10)).name == "Final Level 1 (Self)"
    assert standing(level1, [DAY], date(2027, 1, 11)).stage is X


@given(st.sampled_from(AssessmentKind), st.integers(0, 2000))
def test_no_status_outlives_its_years_whatever_was_affirmed(kind: AssessmentKind, days: int) -> None:
    today = DAY + timedelta(days=days)
    every_month = [DAY + timedelta(days=n) for n in range(0, days + 1, 30)]
    found = standing(recorded(F, kind), every_month, today)
    assert (found.stage is X) == (today > clocks.valid_until(kind, DAY))
