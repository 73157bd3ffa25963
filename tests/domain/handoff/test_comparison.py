"""What changed between two records: each part, each kind of change, nothing where nothing changed."""

import copy
from typing import Any

import pytest

from cmmc_tracker.domain.handoff import comparison
from cmmc_tracker.domain.handoff.comparison import Kind, Section, compare
from cmmc_tracker.errors import Invalid

_LISTS = (
    *("implementations", "findings", "specials", "objective_texts", "defined_values", "items", "assets", "groups"),
    *("entries", "flows", "providers", "sections", "changes", "assignments", "statuses", "artifacts"),
)


@pytest.fixture
def then() -> dict[str, Any]:
    """A record with one thing of each kind."""
    at = {"requirement": "AC.L2-3.1.1", "letter": "a"}
    record: dict[str, Any] = {name: [] for name in _LISTS}
    record |= {
        "score": {"score": 88, "supports": "Conditional", "unassessed_objectives": 2},
        "findings": [{**at, "status": "not_met", "methods": ["test"], "note": "", "judged_at": "2026-01-01T00:00:00Z"}],
        "implementations": [{"requirement": "AC.L2-3.1.1", "status": "planned", "narrative": "We plan."}],
        "items": [{"id": 4, "requirement": "AC.L2-3.1.1", "weakness": "open", "status": "open", "milestones": []}],
        "assets": [{"id": 2, "name": "Server", "owner": "Ada", "version": 1, "created_by": "ada"}],
        "providers": [{"id": 1, "name": "Cloud", "contact": "", "matrix": [{**at, "duty": "shared", "text": ""}]}],
        "assignments": [{"duty": "owner", "requirement": "AC.L2-3.1.1", "user": "ada", "title": ""}],
        "artifacts": [
            {
                **dict.fromkeys(("covers_from", "covers_until", "collected_on"), ""),
                "id": 7,
                "title": "Policy",
                "kind": "policy",
                "status": "approved",
                "current_version": 1,
                "links": [at],
            }
        ],
    }
    return record


@pytest.fixture
def now(then: dict[str, Any]) -> dict[str, Any]:
    """The same record, to be changed."""
    return copy.deepcopy(then)


def the_only(found: list[Section]) -> tuple[str, Kind, str, list[tuple[str, str, str]]]:
    (section,) = found
    (change,) = section.changes
    return section.name, change.kind, change.what, [(one.name, one.then, one.now) for one in change.fields]


def test_the_same_record_has_not_changed(then: dict[str, Any], now: dict[str, Any]) -> None:
    now["frozen_at"] = "2027-01-01T00:00:00Z"
    now["assets"][0]["version"] = 9  # how often it was saved says nothing
    now["findings"][0]["judged_at"] = "2026-02-02T00:00:00Z"
    assert compare(then, now) == []
    assert comparison.sentence(comparison.counts([])) == "Nothing changed"


def test_a_judgement_tells_both_findings(then: dict[str, Any], now: dict[str, Any]) -> None:
    now["findings"][0] |= {"status": "met", "methods": ["examine", "test"]}
    facts = [("status", "not_met", "met"), ("methods", "test", "examine; test")]
    assert the_only(compare(then, now)) == ("judgements", Kind.CHANGED, "AC.L2-3.1.1[a]", facts)


def test_a_narrative_has_both_texts_whole(then: dict[str, Any], now: dict[str, Any]) -> None:
    now["implementations"][0]["narrative"] = "We do. " * 300
    told = the_only(compare(then, now))
    assert told[3] == [("narrative", "We plan.", "We do. " * 300)]


def test_the_score_and_what_it_supports(then: dict[str, Any], now: dict[str, Any]) -> None:
    now["score"] = {"score": None, "supports": "No CMMC Status", "unassessed_objectives": 2}
    told = the_only(compare(then, now))
    assert told[3] == [("score", "88", ""), ("supports", "Conditional", "No CMMC Status")]


def test_artifacts_are_added_replaced_and_gone(then: dict[str, Any], now: dict[str, Any]) -> None:
    old = now["artifacts"].pop()
    now["artifacts"] = [{**old, "id": 9, "title": "Log"}]
    (section,) = compare(then, now)
    assert [(one.kind, one.what) for one in section.changes] == [
        (Kind.GONE, "Artifact 7: Policy"),
        (Kind.ADDED, "Artifact 9: Log"),
    ]
    now["artifacts"] = [{**old, "current_version": 2, "links": []}]
    facts = [("version", "1", "2"), ("evidence for", "AC.L2-3.1.1[a]", "")]
    assert the_only(compare(then, now)) == ("artifacts", Kind.CHANGED, "Artifact 7: Policy", facts)


@pytest.mark.parametrize(
    ("part", "place", "change", "what"),
    [
        ("items", "items", {"status": "closed"}, "AC.L2-3.1.1: open"),
        ("assets", "assets", {"owner": "Bo"}, "Server"),
        ("providers", "providers", {"contact": "Cy"}, "Cloud"),
        ("people", "assignments", {"user": "bo"}, "owner: AC.L2-3.1.1"),
    ],
)
def test_plans_scope_providers_and_people(
    then: dict[str, Any], now: dict[str, Any], part: str, place: str, change: dict[str, str], what: str
) -> None:
    now[place][0] |= change
    ((name, new),) = change.items()
    told = the_only(compare(then, now))
    assert told == (part, Kind.CHANGED, what, [(name, then[place][0][name], new)])


def test_a_line_of_a_matrix_is_told_by_its_provider(then: dict[str, Any], now: dict[str, Any]) -> None:
    now["providers"][0]["matrix"][0]["duty"] = "provider"
    told = the_only(compare(then, now))
    assert told == ("matrix", Kind.CHANGED, "Cloud: AC.L2-3.1.1: a", [("duty", "shared", "provider")])


@pytest.mark.parametrize("place", ["items", "assets", "providers", "assignments", "findings", "implementations"])
def test_what_comes_and_what_goes(then: dict[str, Any], now: dict[str, Any], place: str) -> None:
    now[place] = []
    assert {one.kind for section in compare(then, now) for one in section.changes} == {Kind.GONE}
    assert {one.kind for section in compare(now, then) for one in section.changes} == {Kind.ADDED}


def test_the_numbers_in_words(then: dict[str, Any], now: dict[str, Any]) -> None:
    now["assets"] = [{**now["assets"][0], "id": n} for n in (3, 4)]
    now["findings"][0]["status"] = "met"
    told = comparison.sentence(comparison.counts(compare(then, now)))
    assert told == "Judgements: 1 changed; Assets: 2 added, 1 gone"


@pytest.mark.parametrize("wrong", [{}, {"score": {}}, {"score": 1, "artifacts": [], "providers": []}])
def test_what_is_no_record_is_refused(then: dict[str, Any], wrong: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        compare(then, wrong)
