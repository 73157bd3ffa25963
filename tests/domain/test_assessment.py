"""From objective to requirement, and what may be said of either (32 CFR 170.24(b))."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmmc_tracker.domain.assessment import Implementation, Judgement, Method, Status, requirement_status
from cmmc_tracker.domain.catalog import ObjectiveId, load
from cmmc_tracker.errors import Invalid

M, N, A, U = Status.MET, Status.NOT_MET, Status.NOT_APPLICABLE, Status.NOT_ASSESSED
ACCESS = ObjectiveId("AC.L2-3.1.1", "a")
PLAN = ObjectiveId("CA.L2-3.12.4", "c")
MFA = load(2).requirement("IA.L2-3.5.3")


@pytest.mark.parametrize(
    ("objectives", "status"),
    [
        ((M, M), M),
        ((M, A), M),
        ((A, A), A),
        ((M, N), N),
        ((N, U), N),
        ((N, A, U, M), N),
        ((M, U), U),
        ((A, U), U),
        ((U,), U),
        ((), U),
    ],
)
def test_170_24_b_a_requirement_follows_from_its_objectives(objectives: tuple[Status, ...], status: Status) -> None:
    assert requirement_status(objectives) is status


def test_170_24_b_2_one_not_met_decides_whatever_the_others_are() -> None:
    for others in product(Status, repeat=3):
        assert requirement_status((N, *others)) is N


@given(st.lists(st.sampled_from(Status), min_size=1, max_size=15), st.randoms())
def test_the_order_of_objectives_never_matters(objectives: list[Status], chance: object) -> None:
    mixed = list(objectives)
    chance.shuffle(mixed)  # type: ignore[attr-defined]
    assert requirement_status(mixed) is requirement_status(objectives)


@given(st.lists(st.sampled_from([M, A]), min_size=1, max_size=15))
def test_170_24_b_3_not_applicable_is_equivalent_to_met(objectives: list[Status]) -> None:
    assert requirement_status(objectives) is (A if set(objectives) == {A} else M)


def test_a_judgement_is_read_and_its_methods_put_in_order() -> None:
    found = Judgement.parse(ACCESS, "met", " seen\r\nagain ", ["test", "examine", "test"])
    assert found == Judgement(M, "seen\nagain", (Method.EXAMINE, Method.TEST))
    assert not found.asks_for_reason


def test_not_met_without_a_reason_is_taken_and_asked_about() -> None:
    assert Judgement.parse(ACCESS, "not_met", "", []).asks_for_reason


@pytest.mark.parametrize(
    ("status", "note", "methods", "field"),
    [
        ("green", "", [], "status"),
        ("", "", [], "status"),
        (None, "", [], "status"),
        ("not_applicable", "", [], "note"),
        ("not_applicable", " \n ", [], "note"),
        ("met", "x" * 20_001, [], "note"),
        ("met", "a\0b", [], "note"),
        ("met", "a\x1bb", [], "note"),
        ("met", 7, [], "note"),
        ("met", "", ["guess"], "methods"),
    ],
)
def test_a_wrong_judgement_names_its_field(status: object, note: object, methods: list[str], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        Judgement.parse(ACCESS, status, note, methods)
    assert set(refused.value.fields) == {field}


def test_170_24_c_2_i_b_5_no_objective_of_the_plan_can_be_not_applicable() -> None:
    with pytest.raises(Invalid, match="plan must exist"):
        Judgement.parse(PLAN, "not_applicable", "we have none", [])
    assert Judgement.parse(ACCESS, "not_applicable", "no such thing here", []).status is A


def test_an_implementation_keeps_only_what_was_given() -> None:
    assert Implementation.parse({"narrative": "Ours "}, MFA) == {"narrative": "Ours"}
    assert Implementation.parse({"partial": True, "responsibility": "shared"}, MFA) == {
        "responsibility": "shared",
        "partial": True,
    }


@pytest.mark.parametrize(
    ("given_values", "field"),
    [
        ({"narrative": "x" * 100_001}, "narrative"),
        ({"narrative": "\0"}, "narrative"),
        ({"implementation_status": "done"}, "implementation_status"),
        ({"responsibility": "nobody"}, "responsibility"),
        ({"partial": "on"}, "partial"),
    ],
)
def test_a_wrong_implementation_names_its_field(given_values: dict[str, object], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        Implementation.parse(given_values, MFA)
    assert set(refused.value.fields) == {field}


def test_partial_is_for_two_requirements_only() -> None:
    with pytest.raises(Invalid, match=r"3\.5\.3 and 3\.13\.11"):
        Implementation.parse({"partial": True}, load(2).requirement("AC.L2-3.1.1"))
    assert Implementation.parse({"partial": False}, load(2).requirement("AC.L2-3.1.1")) == {"partial": False}


def test_every_status_has_a_word_and_a_sign_of_its_own() -> None:
    assert [s.label for s in Status] == ["MET", "NOT MET", "N/A", "not assessed"]
    assert len({s.sign for s in Status}) == 4
