"""A provider's responsibility matrix as a sheet: columns guessed, every way to write an id, and what is refused."""

import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmmc_tracker.domain.catalog import ObjectiveId, load, parse_objective_id
from cmmc_tracker.domain.matrix import LineEntry
from cmmc_tracker.domain.providers import ProviderEntry
from cmmc_tracker.domain.scope import Duty, Held
from cmmc_tracker.domain.text import clean_text
from cmmc_tracker.errors import Invalid
from cmmc_tracker.importers.columns import Columns, titles
from cmmc_tracker.importers.matrix_table import Act, Known, MatrixPlan, guess, plan, read_mapping
from cmmc_tracker.importers.register_table import read_csv
from cmmc_tracker.reports import matrix_sheet
from cmmc_tracker.reports.matrix_sheet import Said
from tests.importers.workbooks import workbook_rows

NOTHING = Known({})
PLAIN = Columns(0, {"id": 0, "duty": 1, "text": 2})


def _plan(*rows: list[str], known: Known = NOTHING, columns: Columns = PLAIN) -> MatrixPlan:
    return plan([["Id", "Duty", "Text"], *rows], columns, known)


def _named(made: MatrixPlan) -> list[str]:
    return [str(one.objective) for one in made.lines]


@pytest.mark.parametrize(
    "cell",
    [
        "3.1.1[a]",
        "AC.L2-3.1.1[a]",
        "3.1.1 (a)",
        "3.1.1a",
        "3.1.1.a",
        "3.1.1 a",
        "AC.L2-3.1.1-a",
        "3.1.1[A] Users known",
    ],
)
def test_an_objective_is_known_in_every_way_it_is_written(cell: str) -> None:
    assert _named(_plan([cell, "Provider"])) == ["AC.L2-3.1.1[a]"]


@pytest.mark.parametrize("cell", ["3.1.1", "AC.L2-3.1.1", "3.1.1 Authorized Access Control", "3.1.1 A list of users"])
def test_a_requirement_speaks_for_all_its_objectives_and_it_is_said(cell: str) -> None:
    made = _plan([cell, "Shared", "both"])
    assert _named(made) == [f"AC.L2-3.1.1[{letter}]" for letter in "abcdef"]
    assert all(one.whole for one in made.lines)
    assert made.whole == 1


def test_a_row_with_a_letter_goes_before_one_of_the_whole_requirement() -> None:
    made = _plan(["3.1.1", "Customer"], ["3.1.1[b]", "Provider"])
    assert [one.after.duty for one in made.lines] == [Duty.CUSTOMER, Duty.PROVIDER, *[Duty.CUSTOMER] * 4]


def test_a_letter_may_stand_in_a_column_of_its_own() -> None:
    rows = [["Practice", "Objective letter", "Responsible"], ["AC.L2-3.1.1", "[c]", "CSP"]]
    columns = Columns(0, {"id": 0, "letter": 1, "duty": 2})
    assert _named(plan(rows, columns, NOTHING)) == ["AC.L2-3.1.1[c]"]


@pytest.mark.parametrize(
    ("word", "duty"),
    [
        ("Provider", Duty.PROVIDER),
        ("CSP", Duty.PROVIDER),
        ("Inherited", Duty.PROVIDER),
        ("OSA", Duty.CUSTOMER),
        ("customer responsibility", Duty.CUSTOMER),
        ("Hybrid", Duty.SHARED),
        ("Provider and customer", Duty.SHARED),
        ("N/A", Duty.NOT_APPLICABLE),
    ],
)
def test_duties_are_known_by_the_words_that_providers_use(word: str, duty: Duty) -> None:
    assert [one.after.duty for one in _plan(["3.1.1[a]", word]).lines] == [duty]


@pytest.mark.parametrize(
    ("marks", "duty"),
    [
        (["X", "", ""], Duty.PROVIDER),
        (["", "x", ""], Duty.CUSTOMER),
        (["", "", "✓"], Duty.SHARED),
        (["x", "x", ""], Duty.SHARED),
        (["no", "yes", "-"], Duty.CUSTOMER),
        (["We patch it", "N/A", ""], Duty.PROVIDER),
    ],
)
def test_marks_in_columns_say_whose_duty_it_is(marks: list[str], duty: Duty) -> None:
    columns = Columns(0, {"id": 0, "provider": 1, "customer": 2, "shared": 3})
    made = plan([["Id", "CSP", "Customer", "Shared"], ["3.1.1[a]", *marks]], columns, NOTHING)
    assert [one.after.duty for one in made.lines] == [duty]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (["3.99.1", "Provider"], "no requirement 3.99.1"),
        (["3.1.1[z]", "Provider"], "no objective [z]"),
        (["03.01.01", "Provider"], "03.01.01"),
        (["3.1.1[a]", "Wizard"], "none of provider, customer, shared"),
        (["3.1.1[a]", ""], "merged with the one above"),
        (["", "Provider", "text"], "merged with the one above"),
        (["3.1.1[a]", "Provider", "x" * 4_001], "4,000 characters"),
        (["AC.L1-3.1.1", "Provider"], "AC.L1-3.1.1"),
    ],
)
def test_a_row_that_cannot_be_taken_is_named_with_its_reason(row: list[str], why: str) -> None:
    made = _plan(row, ["3.1.2[a]", "Provider"])
    assert _named(made) == ["AC.L2-3.1.2[a]"]
    assert [number for number, _, _ in made.refused] == [2]
    assert why in made.refused[0][2]


def test_a_mark_beside_an_empty_id_is_named_and_not_taken_for_a_heading() -> None:
    columns = Columns(0, {"id": 0, "provider": 1})
    made = plan([["Id", "CSP"], ["3.1.1[a]", "X"], ["", "X"]], columns, NOTHING)
    assert [(number, names) for number, names, _ in made.refused] == [(3, "")]


def test_headings_between_the_rows_are_passed_over() -> None:
    made = _plan(["Access Control"], ["3.1.1[a]", "Provider"], [], ["", "", ""])
    assert (made.refused, _named(made)) == ([], ["AC.L2-3.1.1[a]"])


def test_two_rows_that_differ_are_both_refused_and_two_that_agree_are_one() -> None:
    differ = _plan(["3.1.1[a]", "Provider"], ["3.1.1 (a)", "Customer"])
    assert differ.lines == []
    assert "Rows 2, 3 say different things" in differ.refused[0][2]
    agree = _plan(["3.1.1[a]", "Provider"], ["3.1.1[a]", "Provider"])
    assert (_named(agree), agree.refused) == (["AC.L2-3.1.1[a]"], [])


def test_a_new_sheet_is_told_apart_from_the_lines_that_are_there_and_their_evidence_stays() -> None:
    a, b, c = (parse_objective_id(f"3.1.1[{letter}]") for letter in "abc")
    lines = {a: LineEntry(Duty.PROVIDER, "x", 7), b: LineEntry(Duty.SHARED), c: LineEntry(Duty.SHARED)}
    made = _plan(["3.1.1[a]", "Shared", "x"], ["3.1.1[b]", "Shared"], ["3.1.1[d]", "Customer"], known=Known(lines))
    assert [one.act for one in made.lines] == [Act.CHANGE, Act.NOTHING, Act.ADD]
    assert made.lines[0].after == LineEntry(Duty.SHARED, "x", 7)
    assert made.missing == [c]
    assert (made.count(Act.ADD), made.count(Act.CHANGE), len(made.doing)) == (1, 1, 2)


def test_a_line_that_the_sheet_has_but_that_was_refused_is_not_missing() -> None:
    a = parse_objective_id("3.1.1[a]")
    made = _plan(["3.1.1[a]", "Provider"], ["3.1.1[a]", "Shared"], known=Known({a: LineEntry(Duty.SHARED)}))
    assert made.missing == []


def test_what_gives_an_inherited_objective_back_to_the_customer_is_refused() -> None:
    a = parse_objective_id("3.1.1[a]")
    assert _plan(["3.1.1[a]", "Customer"], known=Known({}, {a})).lines == []
    assert len(_plan(["3.1.1[a]", "Customer"], known=Known({}, {a}, {a})).lines) == 1
    assert len(_plan(["3.1.1[a]", "Provider"], known=Known({}, {a})).lines) == 1


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        (
            [["Title"], ["Control ID", "Responsibility", "Details"], ["3.1.1", "CSP", "x"]],
            (1, {"id": 0, "duty": 1, "text": 2}),
        ),
        ([["Nr", "Wer"], ["3.1.1[a]", "shared"]], (-1, {"id": 0, "duty": 1})),
        ([["Practice", "CSP", "Customer"], ["3.1.1", "X", ""]], (0, {"id": 0, "provider": 1, "customer": 2})),
    ],
)
def test_the_header_and_the_columns_are_guessed(rows: list[list[str]], found: tuple[int, dict[str, int]]) -> None:
    columns = guess(rows)
    assert (columns.header, dict(columns.columns)) == found
    assert len(titles(rows, columns)) == max(map(len, rows))


def test_without_the_columns_that_are_needed_nothing_is_planned() -> None:
    with pytest.raises(Invalid) as refused:
        plan([["a"]], Columns(0, {}), NOTHING)
    assert set(refused.value.fields) == {"column_id", "column_duty"}


@pytest.mark.parametrize(
    "given_", [{"column_id": one} for one in ("x", "-1", "99", "٣")] + [{"header": "77", "column_id": "0"}]
)
def test_a_choice_of_columns_that_is_none_is_refused(given_: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        read_mapping(given_, [["a", "b"]])


_CELLS = st.one_of(st.sampled_from(["3.1.1[a]", "3.1.2", "Provider", "shared", "x", "", "N/A"]), st.text(max_size=12))
_ALL = {ObjectiveId(r.id, o.letter) for r in load(2).requirements for o in r.objectives}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(_CELLS, max_size=4), max_size=8))
def test_whatever_a_sheet_holds_each_objective_is_planned_once_or_not_at_all(rows: list[list[str]]) -> None:
    columns = guess(rows)
    try:
        made = plan(rows, columns, NOTHING)
    except Invalid:
        return
    objectives = [one.objective for one in made.lines]
    assert len(objectives) == len(set(objectives))
    assert set(objectives) <= _ALL


@pytest.mark.parametrize(
    ("cell", "objective"),
    [
        ("AC.L1-b.1.i[a]", "AC.L1-b.1.i[a]"),
        ("b.1.IX (d)", "PE.L1-b.1.ix[d]"),
        ("3.1.1[a]", "AC.L1-b.1.i[a]"),  # as providers number it: Level 1 is assessed with the NIST objectives
        ("PE.L2-3.10.5[b]", "PE.L1-b.1.ix[e]"),
    ],
)
def test_170_15_c_1_a_sheet_for_level_1_is_read_by_its_own_numbers_and_by_those_of_nist(
    cell: str, objective: str
) -> None:
    made = _plan([cell, "Provider"], known=Known({}, level=1))
    assert _named(made) == [objective]


def test_a_sheet_for_level_3_is_read_and_another_levels_rows_are_named() -> None:
    rows = (["AC.L3-3.1.2e", "Shared"], ["3.1.3e", "Provider"], ["3.1.1[a]", "Provider"], ["b.1.i", "Provider"])
    made = _plan(*rows, known=Known({}, level=3))
    assert _named(made) == ["AC.L3-3.1.2e[a]", "AC.L3-3.1.3e[a]"]
    assert [row for row, _, _ in made.refused] == [4, 5]
    assert guess([["Control", "Who"], *map(list, rows[:2])]).columns["id"] == 0


def test_at_level_2_an_e_behind_the_number_is_the_objectives_letter() -> None:
    assert _named(_plan(["3.1.1e", "Provider"])) == ["AC.L2-3.1.1[e]"]


def test_evidence_is_known_by_number_and_title_together_and_else_stays_as_it_is() -> None:
    columns = Columns(0, {"id": 0, "duty": 1, "evidence": 2})
    here = parse_objective_id("3.1.1[b]")
    known = Known({here: LineEntry(Duty.SHARED, "", 3)}, documents={3: "Contract", 4: "Report"})
    rows = [["3.1.1[a]", "shared", "Artifact 4: Report"], ["3.1.1[b]", "shared", "Artifact 4: Contract"]]
    made = plan([["Id", "Duty", "Evidence"], *rows], columns, known)
    assert [(one.act, one.after.artifact_id) for one in made.lines] == [(Act.ADD, 4), (Act.NOTHING, 3)]
    assert made.strange == 1


_SAID = st.builds(
    LineEntry,
    st.sampled_from(Duty),
    st.text(max_size=60).map(clean_text) | st.sampled_from(["=1+1", "'=1", "a\n\n-b", "3.1.1[a]", "x;y"]),
    st.sampled_from([None, 7]),
)
_OBJECTIVES = [ObjectiveId(r.id, o.letter) for r in load(2).requirements[:3] for o in r.objectives]


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(_OBJECTIVES), _SAID, max_size=6), st.sampled_from(["csv", "xlsx"]))
def test_whatever_a_matrix_holds_what_is_exported_is_read_back_as_it_was(
    lines: dict[ObjectiveId, LineEntry], form: str
) -> None:
    provider = ProviderEntry("Provider of shared control", True, Held.CUI, "=Mail; files")
    titles = {7: "CRM, signed"}
    said = [Said(one, entry, titles.get(entry.artifact_id or 0, "")) for one, entry in lines.items()]
    file = io.BytesIO()
    matrix_sheet.write(file, matrix_sheet.rows([(provider, said)], 2), form, "2026-11-28T10:00:00+00:00")
    rows = read_csv(file.getvalue()) if form == "csv" else workbook_rows(file)
    columns = guess(rows)
    made = plan(rows, columns, Known({}, documents=titles))
    assert {one.objective: one.after for one in made.lines} == lines
    assert made.refused == []
    again = plan(rows, columns, Known(lines, documents=titles))
    assert [one.act for one in again.lines] == [Act.NOTHING] * len(lines)
    assert (again.missing, again.strange) == ([], 0)
