"""Numbers of requirements in other people's documents, texts of plans, score sheets."""

import pytest

from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.errors import Invalid
from cmmc_tracker.importers import narratives, score_sheet
from cmmc_tracker.importers.columns import Columns
from cmmc_tracker.importers.numbered import number_in


@pytest.mark.parametrize(
    ("text", "about"),
    [
        ("3.1.1", "AC.L2-3.1.1"),
        ("AC.L2-3.1.1", "AC.L2-3.1.1"),
        ("ac.l2-3.1.12: Remote access", "AC.L2-3.1.12"),
        ("3.1.1[a]", "AC.L2-3.1.1[a]"),
        ("3.1.1 (B)", "AC.L2-3.1.1[b]"),
        ("3.1.1.c", "AC.L2-3.1.1[c]"),
        ("3.1.1d", "AC.L2-3.1.1[d]"),
        ("NIST SP 800-171 3.13.11", "SC.L2-3.13.11"),
        ("3.1.1 a list of people", "AC.L2-3.1.1"),
        ("3.1.1.", "AC.L2-3.1.1"),
        ("3.1.1, 3.1.2", "AC.L2-3.1.1"),
        ("AC.L1-b.1.i Access", "AC.L1-b.1.i"),
        ("pe.l1-B.1.IX[d]", "PE.L1-b.1.ix[d]"),
        ("AC.L3-3.1.2e Organization", "AC.L3-3.1.2e"),
        ("3.1.1e", "AC.L2-3.1.1[e]"),
    ],
)
def test_a_number_is_read_in_every_usual_spelling(text: str, about: str) -> None:
    found = number_in(text)
    assert found
    assert str(found.about) == about


@pytest.mark.parametrize(
    "text", ["", "Access control", "3.1", "3.1.1.5", "13.1.1", "10.3.1.1", "v3.1.1", "2.1.1", "3.1.100"]
)
def test_what_is_no_number_of_ours_is_none(text: str) -> None:
    assert number_in(text) is None


@pytest.mark.parametrize("text", ["3.9.9", "AU.L2-3.1.1", "3.1.1[z]"])
def test_a_number_that_nobody_knows_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        number_in(text)


def test_a_document_is_cut_at_the_lines_that_begin_with_a_number() -> None:
    text = """Contents
3.1.1 Authorized access control
3.1.2 Transactions
1. Access
AC.L2-3.1.1 Authorized access control
The office manager keeps the list.

It is looked at every month.
3.1.1[b] Service accounts are listed too.
3.1.2 – Transactions
Roles are written down, see 3.1.1 for the list.
3.1.99 is no requirement
3.1.3 A heading that is so long that it must be the text itself, as there is no other one under it at all
"""
    found = {one.requirement: one for one in narratives.of_lines(text).texts}
    assert found["AC.L2-3.1.1"].text == (
        "The office manager keeps the list.\n\nIt is looked at every month.\n\n[b] Service accounts are listed too."
    )
    assert found["AC.L2-3.1.2"].text.startswith("Roles are written down, see 3.1.1 for the list.")
    assert found["AC.L2-3.1.3"].text.startswith("A heading that is so long")
    assert len(found) == 3


def test_a_number_that_stands_twice_counts_where_most_is_said_and_says_so() -> None:
    found = narratives.of_lines("3.1.1 X\nshort\n3.1.2 Y\nother\n3.1.1 X\nthe longer text of the two")
    one = next(one for one in found.texts if one.requirement == "AC.L2-3.1.1")
    assert one.text == "the longer text of the two"
    assert one.notes == ("It stands 2 times in the document; the longest text was taken.",)


def test_a_document_without_a_text_says_what_was_left_out() -> None:
    found = narratives.of_lines("3.1.1 Authorized access control\n3.1.2 Transactions\n")
    assert found.texts == ()
    assert len(found.left_out) == 2


def test_texts_that_are_too_long_are_left_out_by_name() -> None:
    found = narratives.of_lines(f"3.1.1 X\n{'a' * 100_001}\n3.1.2 Y\nfine")
    assert [one.requirement for one in found.texts] == ["AC.L2-3.1.2"]
    assert "too long" in found.left_out[0]


def test_a_sheet_of_texts_is_read_by_its_headings() -> None:
    rows = [
        ["Plan of Northwind"],
        ["Control #", "Title", "Implementation Statement"],
        ["3.1.1", "x", "One"],
        ["3.1.1[b]", "x", "Two"],
        ["", "x", "lost"],
        ["3.1.2", "x", ""],
    ]
    found = narratives.of_rows(rows)
    assert [(one.requirement, one.text) for one in found.texts] == [("AC.L2-3.1.1", "One\n\n[b] Two")]
    assert found.left_out == ("Row 5: It names no requirement, such as 3.1.1 or AC.L2-3.1.1[a].",)
    with pytest.raises(Invalid):
        narratives.of_rows([["a", "b"], ["3.1.1", "x"]])


SHEET = [["Requirement", "Status", "Comment"]]


def scored(rows: list[list[str]]) -> list[score_sheet.Row]:
    """What a sheet says whose columns nobody chose."""
    return score_sheet.plan(rows, score_sheet.guess(rows))


def test_a_score_sheet_is_read_by_the_columns_that_a_person_chose() -> None:
    rows = [["Assessment of May"], ["Ref", "Ergebnis", "Warum"], ["3.1.1", "N/A", "no users"]]
    assert score_sheet.guess(rows) == Columns(1, {"number": 0})
    (found,) = score_sheet.plan(rows, Columns(1, {"number": 0, "status": 1, "reason": 2}))
    assert (found.number, found.status, found.reason) == (3, Status.NOT_APPLICABLE, "no users")
    with pytest.raises(Invalid) as refused:
        score_sheet.plan(rows, Columns(1, {"number": 0}))
    assert set(refused.value.fields) == {"column_status"}


@pytest.mark.parametrize(
    ("said", "status"),
    [
        *(("MET", Status.MET), ("Implemented", Status.MET), ("yes", Status.MET), ("Not Met", Status.NOT_MET)),
        *(("NOT_MET", Status.NOT_MET), ("Other than satisfied", Status.NOT_MET), ("no", Status.NOT_MET)),
        *(("Partially implemented", Status.NOT_MET), ("Planned", Status.NOT_MET), ("POA&M", Status.NOT_MET)),
        *(("N/A", Status.NOT_APPLICABLE), ("not applicable", Status.NOT_APPLICABLE)),
    ],
)
def test_a_status_is_read_in_every_usual_word(said: str, status: Status) -> None:
    (row,) = scored([*SHEET, ["3.1.2", said, "no wireless here"]])
    assert row.status is status
    assert row.problem == ""
    assert row.letters(2) == ("a", "b")
    assert bool(row.note) == (said in {"Partially implemented", "Planned", "POA&M"})


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (["3.1.2", "N/A", ""], "needs a written reason"),
        (["3.12.4[a]", "N/A", "none"], "170.24(c)(2)(i)(B)(5)"),
        (["3.1.2", "maybe", ""], "is no status"),
        (["potato", "MET", ""], "names no requirement"),
        (["3.9.9", "MET", ""], "There is no requirement"),
        (["3.1.2", "MET", "x" * 2_001], "longer than"),
    ],
)
def test_a_row_that_cannot_be_taken_says_why(row: list[str], why: str) -> None:
    (found,) = scored([*SHEET, row])
    assert why in found.problem


def test_rows_that_speak_of_the_same_are_not_taken_twice() -> None:
    rows = [
        ["3.1.1", "MET"],
        ["3.1.1[a]", "NOT MET"],
        ["3.1.2", "MET"],
        ["AC.L2-3.1.2", "MET"],
        ["3.1.3[a]", "MET"],
        ["3.1.3 (a)", "NOT MET"],
        ["3.1.4", ""],
    ]
    found = scored([*SHEET, *rows])
    assert [row.problem for row in found] == [
        *("Its objectives have rows of their own; those count.", "", "", "Row 4 says it already."),
        *("Rows 6 and 7 say different things of it.", "Rows 6 and 7 say different things of it."),
    ]


def test_reasons_that_are_too_long_together_are_refused() -> None:
    with pytest.raises(Invalid, match="together"):
        scored([*SHEET, *[["3.1.1", "MET", "x" * 1_000]] * 301])


def test_a_sheet_without_end_is_refused() -> None:
    with pytest.raises(Invalid):
        scored([*SHEET, *[["3.1.1", "MET"]] * 402])
