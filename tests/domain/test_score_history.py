"""The score over time is what the judgements of each day make of it."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.domain.catalog import load
from cmmc_tracker.domain.score_history import Change, replay
from cmmc_tracker.domain.scoring import score

CATALOG = load(2)
OBJECTIVES = [o.id for r in CATALOG.requirements for o in r.objectives]
JULY, AUGUST, SEPTEMBER = date(2026, 7, 1), date(2026, 8, 1), date(2026, 9, 1)


def everything(on: date) -> list[Change]:
    return [Change(on, one, Status.MET) for one in OBJECTIVES]


def test_a_point_is_the_score_at_the_end_of_a_day_on_which_something_changed() -> None:
    changes = [
        *everything(JULY),
        Change(AUGUST, "AC.L2-3.1.1[a]", Status.NOT_MET),
        Change(AUGUST, "AC.L2-3.1.3[a]", Status.NOT_MET),
        Change(AUGUST, "AC.L2-3.1.3[a]", Status.MET),
        Change(SEPTEMBER, "CA.L2-3.12.4[h]", Status.NOT_MET),
    ]
    found = [(one.on, one.value, one.total) for one in replay(CATALOG, changes)]
    assert found == [(JULY, 110, 110), (AUGUST, 105, 105), (SEPTEMBER, None, 105)]


def test_the_partial_switch_moves_the_line_too() -> None:
    changes = [
        *everything(JULY),
        Change(JULY, "SC.L2-3.13.11[a]", Status.NOT_MET),
        Change(AUGUST, "SC.L2-3.13.11", partial=True),
        Change(SEPTEMBER, "SC.L2-3.13.11", partial=False),
    ]
    assert [one.value for one in replay(CATALOG, changes)] == [105, 107, 105]


def test_what_the_catalog_does_not_know_is_passed_over() -> None:
    changes = [*everything(JULY), Change(JULY, "AC.L2-9.9.9[a]", Status.NOT_MET), Change(JULY, "?", Status.NOT_MET)]
    assert [one.value for one in replay(CATALOG, changes)] == [110]
    assert list(replay(CATALOG, [])) == []


@given(st.lists(st.tuples(st.sampled_from(OBJECTIVES), st.sampled_from(list(Status))), min_size=1, max_size=60))
def test_the_last_point_is_the_score_of_today(judged: list[tuple[str, Status]]) -> None:
    last = list(replay(CATALOG, [Change(JULY, *one) for one in judged]))[-1]
    now = dict(judged)
    found = {r.id: [now.get(o.id, Status.NOT_ASSESSED) for o in r.objectives] for r in CATALOG.requirements}
    assert last.value == score(CATALOG, found).score
