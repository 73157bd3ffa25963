"""What people type into the search, and what it is taken for."""

import contextlib
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmmc_tracker.domain.artifacts import ArtifactStatus, Kind
from cmmc_tracker.domain.catalog import ObjectiveId
from cmmc_tracker.domain.searching import Query, marked, parse
from cmmc_tracker.errors import Invalid

TODAY = date(2026, 11, 24)
SHA = "e74f9d901d6ff5b9064f93b4fefc28a0ac80adea2738061bf4edd70eeaba2658"
LETTER = ObjectiveId("AC.L2-3.1.1", "a")


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("kind:policy", "kind", Kind.POLICY),
        ("KIND:Training-Record", "kind", Kind.TRAINING_RECORD),
        ('kind:"training record"', "kind", Kind.TRAINING_RECORD),
        ("owner:ada", "owner", "ada"),
        ('owner:"Ada Ortiz"', "owner", "Ada Ortiz"),
        ("state:in_review", "state", ArtifactStatus.IN_REVIEW),
        ("state:in-review", "state", ArtifactStatus.IN_REVIEW),
        ("objective:3.1.1[a]", "objective", LETTER),
        ("objective:AC.L2-3.1.1[a]", "objective", LETTER),
        ("objective:3.1.1", "requirement", "AC.L2-3.1.1"),
        ("3.1.1[a]", "objective", LETTER),
        ("ac.l2-3.1.1", "requirement", "AC.L2-3.1.1"),
        ("stale:yes", "stale_on", TODAY),
        ("stale:", "stale_on", TODAY),
        ("stale:2027-02-28", "stale_on", date(2027, 2, 28)),
        ("before:2026-07-01", "before", date(2026, 7, 1)),
        ("after:2026-01-01", "after", date(2026, 1, 1)),
        (SHA, "hash", SHA),
        (SHA.upper(), "hash", SHA),
        (" ".join(SHA[i : i + 8].upper() for i in range(0, 64, 8)), "hash", SHA),
        ("E74F9D90", "hash", "e74f9d90"),
        ("firewall rules", "words", "firewall rules"),
        ("note: see below", "words", "note  see below"),
        ("http://example.com", "words", "http //example.com"),
    ],
)
def test_what_is_typed_is_taken_for_what_is_meant(text: str, field: str, value: object) -> None:
    assert getattr(parse(text, TODAY), field) == value


def test_operators_and_words_stand_together() -> None:
    query = parse("firewall kind:log owner:bo after:2026-01-01 export", TODAY)
    assert (query.words, query.kind, query.owner, query.after) == (
        "firewall export",
        Kind.LOG,
        "bo",
        date(2026, 1, 1),
    )
    assert query.plain == ["firewall", "export"]


@pytest.mark.parametrize(
    "wrong",
    [
        "kind:potato",
        "state:done",
        "objective:3.99.1",
        "objective:",
        "before:soon",
        "before:",
        "stale:2027-02-29",
        "after:2026-13-01",
    ],
)
def test_an_operator_that_cannot_be_read_is_told_with_its_name(wrong: str) -> None:
    with pytest.raises(Invalid) as told:
        parse(wrong, TODAY)
    assert told.value.fields["q"].startswith(wrong.split(":", maxsplit=1)[0])


def test_an_empty_search_narrows_nothing() -> None:
    assert parse("   ", TODAY).is_empty
    assert not parse("kind:log", TODAY).is_empty


@given(st.text(max_size=300))
def test_whatever_is_typed_it_is_a_search_or_is_told(text: str) -> None:
    with contextlib.suppress(Invalid):
        found = parse(text, TODAY)
        assert isinstance(found, Query)
        assert len(found.plain) <= 12


@given(st.text(max_size=200), st.lists(st.text(min_size=1, max_size=8), max_size=4))
def test_marking_changes_no_letter(text: str, words: list[str]) -> None:
    assert "".join(part for part, _ in marked(text, words)) == text


def test_the_beginnings_of_words_are_marked_and_nothing_within_them() -> None:
    assert marked("Firewall and the wall", ["wall", "fire"]) == [
        ("Fire", True),
        ("wall and the ", False),
        ("wall", True),
    ]
