"""Who answers for what, read from a form; and the questions for interviews, which leave no objective out."""

import pytest

from cmmc_tracker.domain import assignments, interviews
from cmmc_tracker.domain.assignments import Duty
from cmmc_tracker.domain.catalog import load
from cmmc_tracker.errors import Invalid

KNOWN = load(2)


@pytest.mark.parametrize(
    ("what", "many", "first"),
    [
        ("3.1.5", 1, "AC.L2-3.1.5"),
        ("ac.l2-3.1.5", 1, "AC.L2-3.1.5"),
        ("IR", 3, "IR.L2-3.6.1"),
        ("All", 110, "AC.L2-3.1.1"),
    ],
)
def test_an_owner_has_one_requirement_a_family_or_all(what: str, many: int, first: str) -> None:
    found = assignments.parse({"duty": "owner", "what": what, "person": " Bo  B ", "title": "x", "contact": "y"}, KNOWN)
    assert (len(found.requirements), found.requirements[0]) == (many, first)
    assert (found.duty, found.person) == (Duty.OWNER, "Bo B")
    assert (found.title, found.contact) == ("", ""), "only the official has these"


@pytest.mark.parametrize("what", ["", "3.1", "3.1.99", "XX", "AC.L2-3.1.5[a]", "a" * 500])
def test_what_is_no_requirement_and_no_family_is_named_as_the_wrong_field(what: str) -> None:
    with pytest.raises(Invalid) as wrong:
        assignments.parse({"duty": "reviewer", "what": what, "person": "Bo"}, KNOWN)
    assert set(wrong.value.fields) == {"what"}


def test_the_official_is_of_the_whole_system_and_has_a_title() -> None:
    given = {
        "duty": "affirming_official",
        "person": "Dee",
        "title": "Chief Executive Officer",
        "contact": "dee@x.example",
    }
    assert assignments.parse(given, KNOWN).requirements == ("",)
    for title, field in (("", "title"), ("x" * 201, "title")):
        with pytest.raises(Invalid) as wrong:
            assignments.parse({**given, "title": title}, KNOWN)
        assert set(wrong.value.fields) == {field}
    assert assignments.parse({"duty": "affirming_official"}, KNOWN).person == ""


@pytest.mark.parametrize("duty", ["", "admin", "Owner"])
def test_there_are_three_duties_and_no_others(duty: str) -> None:
    with pytest.raises(Invalid) as wrong:
        assignments.parse({"duty": duty, "what": "3.1.1", "person": "Bo"}, KNOWN)
    assert set(wrong.value.fields) == {"duty"}


def test_the_questions_cover_every_objective_once_and_every_family_has_somebody_to_ask() -> None:
    asked = [objective.id for some in interviews.questions().values() for one in some for objective in one.covers]
    assert sorted(asked) == sorted(o.id for r in KNOWN.requirements for o in r.objectives)
    assert sorted(code for role in interviews.ROLES for code in role.families) == sorted(f.code for f in KNOWN.families)
