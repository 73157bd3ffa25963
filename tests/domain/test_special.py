"""What lets an objective count as MET though it is not plainly so, clause by clause."""

from datetime import date
from typing import Any

import pytest

from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.domain.special import Basis, check_deficiency, needs_second, parse
from cmmc_tracker.errors import Conflict, Invalid

TODAY = date(2026, 11, 28)
WHOLE = {"description": "The mill's controller", "mitigation": "Its own network", "reference": "SSP 4.2"}


@pytest.mark.parametrize(
    ("basis", "lacking"),
    [
        (Basis.ENDURING_EXCEPTION, ("description", "mitigation", "reference")),
        (Basis.TEMPORARY_DEFICIENCY, ("description", "mitigation", "reference", "reviewed_on")),
        (Basis.INHERITED, ("description", "reference")),
        (Basis.ADJUDICATED, ("description", "reference")),
    ],
)
def test_170_24_b_1_each_record_says_what_it_needs_and_by_which_clause(basis: Basis, lacking: tuple[str, ...]) -> None:
    with pytest.raises(Invalid) as refused:
        parse({"basis": basis}, TODAY)
    assert set(refused.value.fields) == set(lacking)
    assert any(basis.clause in sentence for sentence in refused.value.fields.values())


def test_a_whole_record_is_kept_as_it_was_said() -> None:
    found = parse({"basis": "enduring_exception", **WHOLE}, TODAY)
    assert (found.basis, found.mitigation, found.reviewed_on) == (Basis.ENDURING_EXCEPTION, "Its own network", None)
    assert parse({"basis": "plain", **WHOLE}, TODAY).description == ""


@pytest.mark.parametrize(("reviewed", "stale"), [("2026-08-30", False), ("2026-08-29", True)])
def test_a_temporary_deficiency_is_told_when_its_last_review_is_over_90_days_old(reviewed: str, stale: bool) -> None:
    found = parse({"basis": "temporary_deficiency", "reviewed_on": reviewed, **WHOLE}, TODAY)
    assert found.stale(TODAY) is stale
    assert not parse({"basis": "enduring_exception", **WHOLE}, TODAY).stale(date(2040, 1, 1))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("reviewed_on", "2026-11-29"),
        ("reviewed_on", "2026-02-30"),
        ("description", "x" * 5_001),
        ("mitigation", 7),
        ("basis", "because"),
    ],
)
def test_a_wrong_field_is_named(field: str, value: Any) -> None:
    given = {"basis": "temporary_deficiency", "reviewed_on": "2026-11-01", **WHOLE, field: value}
    with pytest.raises(Invalid) as refused:
        parse(given, TODAY)
    assert set(refused.value.fields) == {field}


def test_170_24_b_1_ii_what_was_never_met_has_no_temporary_deficiency() -> None:
    with pytest.raises(Conflict) as refused:
        check_deficiency(has_been_met=False)
    assert refused.value.clause == "32 CFR 170.24(b)(1)(ii)"
    check_deficiency(has_been_met=True)


@pytest.mark.parametrize("basis", list(Basis))
def test_170_24_c_2_i_b_8_an_adjudication_may_say_not_applicable_too(basis: Basis) -> None:
    carried = {status for status in Status if basis.carries(status)}
    assert carried == ({Status.MET, Status.NOT_APPLICABLE} if basis is Basis.ADJUDICATED else {Status.MET})


@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize("basis", [None, *Basis])
def test_two_people_look_at_na_and_at_what_is_met_by_a_deficiency_and_at_nothing_else(
    basis: Basis | None, status: Status
) -> None:
    by_deficiency = basis is Basis.TEMPORARY_DEFICIENCY and status is Status.MET
    assert needs_second(status, basis) == (status is Status.NOT_APPLICABLE or by_deficiency)
