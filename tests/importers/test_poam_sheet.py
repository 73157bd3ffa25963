"""A POA&M as a spreadsheet: what each row would do, and why another does nothing."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmmc_tracker.domain import plans
from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.domain.catalog import load
from cmmc_tracker.domain.plans import ItemStatus, Milestone
from cmmc_tracker.errors import Invalid
from cmmc_tracker.importers.columns import Columns
from cmmc_tracker.importers.poam_sheet import Act, Known, Present, SheetPlan, Standing, _steps, guess, plan, told

CATALOG = load(2)
OPEN = {r.id: Standing(Status.NOT_MET, partial=False, excepted=False) for r in CATALOG.requirements}
HEAD = ["Item ID", "Kind", "Requirement", "Weakness or deficiency", "Responsible", "Scheduled completion date"]


def known(*items: Present, **more: Standing) -> Known:
    return Known(CATALOG, {**OPEN, **more}, items)


def item(number: int = 7, requirement: str = "AC.L2-3.1.3", **more: Any) -> Present:
    one = plans.parse({"requirement": requirement, "weakness": "Open.", **more})
    return Present(number, 1, ItemStatus.OPEN, frozen=False, plan=one)


def read_by_guess(rows: list[list[str]], known: Known) -> SheetPlan:
    """The plan of a sheet whose columns nobody chose."""
    return plan(rows, known, guess(rows))


def only(*cells: str, of: Known | None = None) -> Any:
    (row,) = read_by_guess([HEAD, list(cells)], of or known()).rows
    return row


def test_a_row_adds_an_item_where_the_rules_let_it_stand() -> None:
    row = only("", "POA&M", "3.1.3", "Flows are open", "Bo", "1/31/2027")
    assert row.act is Act.ADD
    assert row.given["planned_completion"] == "2027-01-31"
    assert ("weakness", "", "Flows are open") in row.changes


def test_170_21_a_2_a_barred_requirement_is_refused_with_its_clause_but_not_as_an_operational_plan() -> None:
    row = only("", "", "3.1.1", "No list")
    assert row.act is Act.REFUSE
    assert "170.21(a)(2)(ii)" in row.problems[0]
    assert only("", "Operational plan of action", "3.1.1", "No list").act is Act.ADD


def test_a_requirement_that_is_met_is_refused() -> None:
    met = Standing(Status.MET, partial=False, excepted=False)
    assert only("", "", "3.1.3", "x", of=known(**{"AC.L2-3.1.3": met})).act is Act.REFUSE


def test_a_row_changes_the_item_of_its_number_or_the_one_open_item_of_its_requirement() -> None:
    for number in ("7", ""):
        row = only(number, "", "3.1.3", "Now half open", of=known(item()))
        assert (row.act, row.item_id) == (Act.CHANGE, 7)
        assert row.changes == [("weakness", "Open.", "Now half open")]
    assert only("7", "", "3.1.3", "", of=known(item())).act is Act.NOTHING
    two = known(item(7), item(8))
    assert only("", "", "3.1.3", "Third", of=two).act is Act.ADD
    assert only("8", "", "3.1.3", "Second", of=two).item_id == 8


def test_a_sheet_closes_reopens_and_moves_nothing() -> None:
    rows = [[*HEAD, "Status"], ["7", "", "3.1.3", "Half open", "", "", "Completed"]]
    (row,) = read_by_guess(rows, known(item())).rows
    assert row.act is Act.CHANGE
    assert "second person" in row.notes[0]
    assert only("7", "operational", "3.1.3", "x", of=known(item())).act is Act.REFUSE
    closed = replace(item(), status=ItemStatus.CLOSED)
    assert only("7", "", "3.1.3", "x", of=known(closed)).act is Act.REFUSE


def test_two_rows_about_one_item_are_told() -> None:
    found = read_by_guess([HEAD, ["7", "", "3.1.3", "a"], ["", "", "3.1.3", "b"]], known(item())).rows
    assert [row.act for row in found] == [Act.CHANGE, Act.REFUSE]
    added = read_by_guess([HEAD, ["", "", "3.1.3", "a"], ["", "", "3.1.3", "b"]], known()).rows
    assert [row.act for row in added] == [Act.ADD, Act.REFUSE]


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (["", "", "3.1.99", "x"], "no requirement 3.1.99"),
        (["", "", "AC.L3-3.1.2e", "x"], "no requirement"),
        (["", "", "", "x"], "is not a requirement"),
        (["", "", "3.1.3", ""], "Say what is weak"),
        (["", "", "3.1.3", "x", "", "03/04/2026"], "03/04/2026"),
        (["", "", "3.1.3", "x" * 6_000], "at most 5,000"),
    ],
)
def test_a_row_that_cannot_be_done_says_why(cells: list[str], said: str) -> None:
    row = only(*cells)
    assert row.act is Act.REFUSE
    assert said in " ".join(row.problems)


def test_columns_are_known_by_the_names_that_people_give_them_and_others_are_named() -> None:
    head = ["No.", "Security Control Number", "Control Vulnerability Description", "POC", "Devices Affected"]
    found = read_by_guess([["Plan of action"], [], head, ["1", "3.1.3", "Flows", "Bo", "all"]], known())
    assert found.rows[0].given == {"requirement": "AC.L2-3.1.3", "weakness": "Flows", "owner": "Bo"}
    assert found.left_out == ("Devices Affected",)


@pytest.mark.parametrize(
    ("rows", "asked"),
    [
        ([["a", "b"]], {"column_requirement", "column_weakness"}),
        ([["Requirement", "Owner"]], {"column_weakness"}),
        ([], {"column_requirement", "column_weakness"}),
        ([HEAD, *[["", "", "3.1.3", "x"]] * 501], {"file"}),
    ],
)
def test_a_sheet_that_cannot_be_planned_is_refused_whole(rows: list[list[str]], asked: set[str]) -> None:
    with pytest.raises(Invalid) as refused:
        read_by_guess(rows, known())
    assert set(refused.value.fields) == asked


def test_columns_that_a_person_chose_are_read_whatever_they_are_called() -> None:
    rows = [["Our list"], ["Ref", "What is wrong", "Who"], ["3.1.3", "Flows", "Bo"]]
    assert guess(rows) == Columns(0, {})
    found = plan(rows, known(), Columns(1, {"requirement": 0, "weakness": 1}))
    assert found.rows[0].given == {"requirement": "AC.L2-3.1.3", "weakness": "Flows"}
    assert found.left_out == ("Who",)


LINES = (
    st.text("abc XYZ0189.,-", min_size=1, max_size=20)
    .map(str.strip)
    .filter(lambda text: text and text.split()[0].casefold() not in {"due", "done"})
)


@given(st.lists(st.builds(Milestone, LINES, st.none() | st.dates(), LINES, st.none() | st.dates()), max_size=5))
def test_steps_read_back_as_they_were_written(steps: list[Milestone]) -> None:
    read = [{"due_on": "", "done_on": "", "owner": "", **one} for one in _steps(told(steps))]
    wanted = [
        {"text": s.text, "due_on": str(s.due_on or ""), "owner": s.owner, "done_on": str(s.done_on or "")}
        for s in steps
    ]
    assert read == wanted
