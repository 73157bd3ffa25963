"""The catalog's totals and facts, and what people may type for an identifier."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmmc_tracker.domain.catalog import Eligibility, ObjectiveId, load, parse_objective_id, parse_requirement_id
from cmmc_tracker.errors import Invalid, NotFound

CATALOG = load(2)
IDS = [o.id for r in CATALOG.requirements for o in r.objectives]


def test_the_totals_are_those_of_the_rule() -> None:
    assert len(CATALOG.families) == 14
    assert len(CATALOG.requirements) == 110
    assert len(IDS) == len(set(IDS)) == 320
    assert Counter(r.weight for r in CATALOG.requirements) == {5: 44, 3: 14, 1: 51, None: 1}
    assert 110 - sum(r.weight or 0 for r in CATALOG.requirements) == -203
    assert CATALOG.requirement("CA.L2-3.12.4").weight is None


def test_46_may_stand_on_a_poam_one_only_in_part_and_63_never() -> None:
    assert Counter(r.poam for r in CATALOG.requirements) == {
        Eligibility.ALLOWED: 46,
        Eligibility.NEVER: 63,
        Eligibility.CONDITIONAL: 1,
    }
    for requirement in CATALOG.requirements:
        if requirement.weight not in {1, None} and requirement.poam is not Eligibility.CONDITIONAL:
            assert requirement.poam is Eligibility.NEVER, requirement.id
        assert "32 CFR 170.21" in requirement.poam_reason


def test_only_two_requirements_count_in_part() -> None:
    found = {r.id: r.partial.points for r in CATALOG.requirements if r.partial}
    assert found == {"IA.L2-3.5.3": 3, "SC.L2-3.13.11": 3}


def test_the_order_is_by_number_not_by_letters() -> None:
    numbers = [tuple(int(p) for p in r.nist_id.split(".")) for r in CATALOG.requirements]
    assert numbers == sorted(numbers)


def test_families_hold_their_requirements() -> None:
    assert sum(len(f.requirements) for f in CATALOG.families) == 110
    assert all(r.id.startswith(f"{f.code}.L2-") for f in CATALOG.families for r in f.requirements)


def test_unknown_things_are_not_found_and_other_levels_refused() -> None:
    with pytest.raises(NotFound):
        CATALOG.requirement("AC.L2-3.1.99")
    with pytest.raises(NotFound):
        CATALOG.objective("AC.L2-3.1.1[z]")
    assert CATALOG.objective("AC.L2-3.1.1[f]").letter == "f"
    with pytest.raises(Invalid):
        load(4)


def test_170_15_c_1_level_1_has_15_requirements_and_the_59_objectives_of_17_nist_requirements() -> None:
    first = load(1)
    objectives = [o for r in first.requirements for o in r.objectives]
    assert (len(first.requirements), len(objectives)) == (15, 59)
    assert len({n for r in first.requirements for n in r.nist_id.split(", ")}) == 17
    assert len({o.source for o in objectives}) == len({o.id for o in objectives}) == 59
    known = {o.id.split("-")[1] for r in CATALOG.requirements for o in r.objectives}
    assert {o.source for o in objectives} <= known
    assert {r.poam for r in first.requirements} == {Eligibility.NEVER}
    assert not any("CUI" in o.summary for o in objectives)


def test_letters_run_on_where_a_level_1_requirement_maps_to_several() -> None:
    visitors = load(1).requirement("PE.L1-b.1.ix")
    assert visitors.nist_id == "3.10.3, 3.10.4, 3.10.5"
    sources = ["3.10.3[a]", "3.10.3[b]", "3.10.4[a]", "3.10.5[a]", "3.10.5[b]", "3.10.5[c]"]
    assert [(o.letter, o.source) for o in visitors.objectives] == list(zip("abcdef", sources, strict=True))


def test_170_21_a_3_level_3_has_24_requirements_seven_of_which_may_not_wait() -> None:
    third = load(3)
    assert len(third.requirements) == 24
    assert {(r.weight, len(r.objectives)) for r in third.requirements} == {(1, 1)}
    assert [r.id for r in third.requirements if r.poam is Eligibility.NEVER] == [
        *("IR.L3-3.6.1e", "IR.L3-3.6.2e", "RA.L3-3.11.1e", "RA.L3-3.11.4e", "RA.L3-3.11.6e", "RA.L3-3.11.7e"),
        "SI.L3-3.14.3e",
    ]
    assert len({o.summary for r in third.requirements for o in r.objectives}) == 24


@pytest.mark.parametrize(
    ("typed", "level", "meant"),
    [
        ("AC.L1-b.1.i", 2, "AC.L1-b.1.i"),
        ("ac.l1-B.1.IV", 2, "AC.L1-b.1.iv"),
        ("b.1.xv", 1, "SI.L1-b.1.xv"),
        ("AC.L3-3.1.2e", 2, "AC.L3-3.1.2e"),
        ("3.14.3E", 3, "SI.L3-3.14.3e"),
        ("AC.L2-3.1.1", 1, "AC.L2-3.1.1"),
    ],
)
def test_a_requirement_of_any_level_is_read_as_people_type_it(typed: str, level: int, meant: str) -> None:
    assert parse_requirement_id(typed, level) == meant


def test_an_objective_of_any_level_is_read_and_3_1_2e_alone_stays_level_2() -> None:
    assert str(parse_objective_id("PE.L1-b.1.ix (f)")) == "PE.L1-b.1.ix[f]"
    assert str(parse_objective_id("AC.L3-3.1.2e")) == "AC.L3-3.1.2e[a]"
    assert str(parse_objective_id("3.1.2e[a]", 3)) == "AC.L3-3.1.2e[a]"
    with pytest.raises(Invalid, match="no objective"):
        parse_objective_id("3.1.2e")
    with pytest.raises(Invalid):
        parse_requirement_id("3.1.1", 1)


@pytest.mark.parametrize("level", [1, 3])
def test_every_identifier_of_the_other_levels_reads_back(level: int) -> None:
    for requirement in load(level).requirements:
        assert parse_requirement_id(requirement.id.upper()) == requirement.id
        for objective in requirement.objectives:
            assert str(parse_objective_id(objective.id.lower())) == objective.id


@pytest.mark.parametrize(
    "typed", ["3.1.1[a]", "AC.L2-3.1.1[a]", "ac.l2-3.1.1[a]", " 3.1.1 [A] ", "3.1.1(a)", "3.1.1a", "Ac.L2-3.1.1 ( a )"]
)
def test_an_objective_is_read_as_people_type_it(typed: str) -> None:
    assert str(parse_objective_id(typed)) == "AC.L2-3.1.1[a]"


@pytest.mark.parametrize("typed", ["3.1.1", "AC.L2-3.1.1", "ac.l2-3.1.1", "  3.1.1\n"])
def test_a_requirement_is_read_as_people_type_it(typed: str) -> None:
    assert parse_requirement_id(typed) == "AC.L2-3.1.1"


def test_the_letter_may_be_left_out_where_there_is_one_objective() -> None:
    assert parse_objective_id("3.4.4") == ObjectiveId("CM.L2-3.4.4", "a")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "write it like"),
        ("3.1.1[z]", "only [a] to [f]"),
        ("3.4.4[b]", "only [a]"),
        ("3.1.1", "[a] to [f]: say which"),
        ("AU.L2-3.1.1[a]", "3.1.1 is AC.L2-3.1.1"),
        ("3.1.99[a]", "no requirement 3.1.99"),
        ("3.1[a]", "write it like"),
        ("3.1.1[aa]", "write it like"),
        ("3.1.1[a]\0", "write it like"),
        ("x" * 5_000, "…"),
        ("３.1.1[a]", "write it like"),
    ],
)
def test_what_cannot_be_read_is_refused_with_an_example(typed: str, said: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_objective_id(typed)
    assert said in refused.value.fields["objective"]
    assert len(refused.value.message) < 300
    assert refused.value.message.isprintable()


@given(st.sampled_from(IDS), st.booleans(), st.booleans())
def test_every_identifier_reads_back_whatever_its_case_and_prefix(identifier: str, lower: bool, bare: bool) -> None:
    typed = identifier.split("-")[1] if bare else identifier
    assert str(parse_objective_id(typed.lower() if lower else typed)) == identifier


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused_never_anything_else(text: str) -> None:
    try:
        found = str(parse_objective_id(text))
    except Invalid as error:
        found = next(iter(error.fields))
    assert found in {*IDS, "objective"}
