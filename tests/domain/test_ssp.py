"""The plan's text: references that stay true, and each way in which it can contradict the records."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmmc_tracker.domain import ssp
from cmmc_tracker.domain.artifacts import ArtifactStatus, Kind
from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.domain.scope import Asset, AssetCategory
from cmmc_tracker.domain.snapshot import Snapshot
from cmmc_tracker.domain.ssp import CitedArtifact, PlanText, Reference, Subject, contradictions
from tests.domain.test_readiness import AT, in_order, with_objective, with_parts, with_requirement

CITED = {
    1: CitedArtifact("Access Control Policy", Kind.POLICY, ArtifactStatus.APPROVED, date(2026, 10, 1)),
    2: CitedArtifact("Old diagram", Kind.DIAGRAM, ArtifactStatus.SUPERSEDED, date(2024, 1, 1)),
    3: CitedArtifact("New diagram", Kind.DIAGRAM, ArtifactStatus.APPROVED, date(2026, 11, 20)),
}


def test_a_plan_that_agrees_with_the_records_has_no_contradiction() -> None:
    said = with_requirement(narrative="As the Access Control Policy [[artifact:1]] says, on [[asset:1]].")
    assert contradictions(said(in_order()), CITED) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (with_objective(status=Status.NOT_MET, note="x"), "implemented; [a] was found NOT MET"),
        (with_requirement(implementation_status="planned"), "it is planned; every objective was found MET"),
        (with_requirement(implementation_status="not_applicable"), "does not apply; it was found MET"),
        (with_requirement(implementation_status="inherited"), "our own duty alone"),
        (with_requirement(narrative="See [[artifact:2]]."), "cites Old diagram, which is retired"),
        (with_requirement(narrative="See [[artifact:99]]."), "cites artifact 99, which is not here"),
        (with_requirement(narrative="On [[asset:99]]."), "asset 99, which is not here"),
        (with_requirement(narrative="By [[provider:99]]."), "provider 99, which is not here"),
        (with_requirement(narrative="See [[artifact:3]]."), "older than the New diagram that it cites"),
        (with_requirement(narrative="How: ⟨what is done, by whom⟩."), "a draft still: ⟨what is done, by whom⟩"),
        (with_requirement(narrative="The Media Protection Policy says so."), "names the “Media Protection Policy”"),
        (
            with_parts(assets=(Asset(1, "Mill", AssetCategory.SPECIALIZED, in_plan=False, on_diagram=True),)),
            "Specialized Asset, and the plan treats none",
        ),
    ],
)
def test_each_contradiction_is_told(change: Callable[[Snapshot], Snapshot], said: str) -> None:
    found = contradictions(change(in_order()), CITED)
    assert len(found) == 1
    assert said in found[0].sentence


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("On [[artifact:2]].", "cites Old diagram, which is retired"),
        ("On [[artifact:3]].", "older than the New diagram"),
        ("On [[asset:99]].", "asset 99, which is not here"),
        ("The Media Protection Policy says so.", "names the “Media Protection Policy”"),
    ],
)
def test_the_sections_about_the_system_are_held_against_the_records_too(text: str, said: str) -> None:
    sections = [PlanText("The enclave, with [[asset:1]].", None), PlanText(text, date(2026, 10, 2), section="boundary")]
    (one,) = contradictions(in_order(), CITED, sections)
    assert (one.section, one.requirement) == ("boundary", "")
    assert said in one.sentence


def test_what_is_not_applicable_by_every_objective_must_say_so_in_the_plan() -> None:
    whole = in_order()
    state = next(s for s in whole.requirements if s.requirement.id == AT.requirement)
    none = tuple(replace(o, status=Status.NOT_APPLICABLE, note="x") for o in state.objectives)
    found = contradictions(with_requirement(objectives=none)(whole), CITED)
    assert [one.sentence for one in found] == ["It was found not applicable; the plan says that it is implemented."]


def test_references_are_shown_by_the_name_of_the_day() -> None:
    text = "By [[artifact:1]] and [[artifact:1]], not [[artifact:x]], on [[asset:2]]."
    known = Reference(Subject.ARTIFACT, 1)
    assert ssp.references(text) == [known, Reference(Subject.ASSET, 2)]
    assert ssp.resolved(text, {known: "The policy"}) == (
        "By The policy and The policy, not [[artifact:x]], on (asset 2, which is not here any more)."
    )


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (
            "The Access Control Policy and our Incident Response Procedure.",
            ["Access Control Policy", "Incident Response Procedure"],
        ),
        ("This Policy is good. The policy of the house.", []),
        ("see Acceptable Use Policy; Acceptable Use Policy", ["Acceptable Use Policy"]),
    ],
)
def test_policies_that_a_text_names_are_found(text: str, names: list[str]) -> None:
    assert ssp.named_policies(text) == names


@given(st.text(alphabet="[]artifcse:0123456789 AbPolicy", max_size=400))
def test_no_text_breaks_the_reading_and_resolving_leaves_no_reference(text: str) -> None:
    ssp.named_policies(text)
    assert ssp.references(ssp.resolved(text, {})) == []


def test_a_text_by_objective_names_those_that_it_leaves_out() -> None:
    assert ssp.uncovered({"a": "We do.", "b": "  "}, ["a", "b", "c"]) == ["b", "c"]
