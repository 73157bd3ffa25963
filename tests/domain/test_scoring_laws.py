"""Laws that hold for every assessment there can be."""

from hypothesis import given, settings
from hypothesis import strategies as st

from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.domain.catalog import load
from cmmc_tracker.domain.scoring import score

CATALOG = load(2)
SSP = "CA.L2-3.12.4"
IDS = [r.id for r in CATALOG.requirements]
LETTERS = {r.id: len(r.objectives) for r in CATALOG.requirements}
Findings = dict[str, list[Status]]
partials = st.sets(st.sampled_from(["IA.L2-3.5.3", "SC.L2-3.13.11"])).map(frozenset)


@st.composite
def assessments(draw: st.DrawFn, statuses: tuple[Status, ...] = tuple(Status)) -> Findings:
    """Everything MET but for up to 40 objectives with any status; now and then nothing is MET to begin with."""
    base = draw(st.sampled_from([Status.MET, Status.MET, Status.MET, statuses[-1]]))
    found = {i: [base] * LETTERS[i] for i in IDS}
    for requirement in draw(st.lists(st.sampled_from(IDS), max_size=40)):
        at = draw(st.integers(0, LETTERS[requirement] - 1))
        found[requirement][at] = draw(st.sampled_from(statuses))
    if draw(st.booleans()):
        found[SSP] = [Status.MET] * LETTERS[SSP]
    return found


def changed(found: Findings, requirement: str, at: int, status: Status) -> Findings:
    """The same with one objective changed."""
    return {**found, requirement: [*found[requirement][:at], status, *found[requirement][at + 1 :]]}


@given(assessments(), partials, st.data())
def test_meeting_an_objective_never_lowers_the_score(
    found: Findings, partial: frozenset[str], data: st.DataObject
) -> None:
    requirement = data.draw(st.sampled_from(IDS))
    at = data.draw(st.integers(0, LETTERS[requirement] - 1))
    before = score(CATALOG, found, partial)
    after = score(CATALOG, changed(found, requirement, at, Status.MET), partial)
    if before.score is not None:
        # A partial value needs a finding: mending the last NOT MET of a half-assessed requirement leaves it
        # not assessed, which counts at full value.
        half = requirement in partial and Status.NOT_ASSESSED in found[requirement]
        assert after.score is not None
        assert after.score >= before.score or half


@given(assessments(), partials)
def test_the_score_stays_within_its_bounds(found: Findings, partial: frozenset[str]) -> None:
    value = score(CATALOG, found, partial).score
    assert value is None or -203 <= value <= 110


@given(assessments(), partials)
def test_the_losses_add_up_to_what_is_missing(found: Findings, partial: frozenset[str]) -> None:
    result = score(CATALOG, found, partial)
    value = result.score if result.score is not None else result.hint
    assert value is not None
    assert sum(loss.points for loss in result.losses) == 110 - value


@given(assessments())
def test_there_is_no_score_exactly_without_an_up_to_date_plan(found: Findings) -> None:
    result = score(CATALOG, found)
    plan = found[SSP][0] is Status.MET and found[SSP][7] is Status.MET
    assert (result.score is not None) is plan is result.ssp_documented


@given(assessments(), st.data())
def test_not_applicable_scores_as_met(found: Findings, data: st.DataObject) -> None:
    requirement = data.draw(st.sampled_from([i for i in IDS if i != SSP]))
    at = data.draw(st.integers(0, LETTERS[requirement] - 1))
    met = score(CATALOG, changed(found, requirement, at, Status.MET))
    absent = score(CATALOG, changed(found, requirement, at, Status.NOT_APPLICABLE))
    assert (met.score, met.status, met.poam) == (absent.score, absent.status, absent.poam)


@given(assessments(), st.sampled_from(["IA.L2-3.5.3", "SC.L2-3.13.11"]))
def test_switching_partial_on_never_lowers_the_score(found: Findings, requirement: str) -> None:
    before, after = score(CATALOG, found), score(CATALOG, found, frozenset({requirement}))
    if before.score is not None:
        assert after.score is not None
        assert after.score >= before.score


@given(assessments(), partials, st.sets(st.sampled_from(IDS)).map(frozenset))
def test_a_plan_never_changes_score_or_status(
    found: Findings, partial: frozenset[str], planned: frozenset[str]
) -> None:
    without, with_plan = score(CATALOG, found, partial), score(CATALOG, found, partial, planned)
    assert (without.score, without.status, without.poam.blocking) == (
        with_plan.score,
        with_plan.status,
        with_plan.poam.blocking,
    )
    assert not set(with_plan.poam.missing) & planned


@given(assessments(), partials)
def test_a_status_needs_everything_assessed_and_a_poam_that_is_possible(
    found: Findings, partial: frozenset[str]
) -> None:
    result = score(CATALOG, found, partial)
    if result.status != "No CMMC Status":
        assert result.unassessed_objectives == 0
        assert result.poam.possible
    if result.poam.possible:
        assert result.poam.blocking == ()
        assert result.score is not None
        assert result.score * 5 >= 440
    if result.status.startswith("Final"):
        assert result.score == 110
        assert result.counts.not_met == result.counts.not_assessed == 0


@given(assessments())
def test_blocking_is_in_catalog_order_and_counts_add_up(found: Findings) -> None:
    result = score(CATALOG, found)
    places = [IDS.index(i) for i in result.poam.blocking]
    assert places == sorted(places)
    counts = result.counts
    assert counts.met + counts.not_met + counts.not_applicable + counts.not_assessed == 110


@settings(max_examples=20)
@given(assessments(), st.randoms())
def test_the_order_of_the_findings_never_matters(found: Findings, chance: object) -> None:
    items = list(found.items())
    chance.shuffle(items)  # type: ignore[attr-defined]
    assert score(CATALOG, dict(items)) == score(CATALOG, found)
