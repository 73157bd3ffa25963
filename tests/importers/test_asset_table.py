"""An inventory as a sheet: headings and categories as people write them, and what each row would do."""

import io
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmmc_tracker.domain.inventory import AssetEntry, CuiUse, Documented
from cmmc_tracker.domain.scope import AssetCategory
from cmmc_tracker.domain.text import clean_line, clean_text, is_visible
from cmmc_tracker.errors import Invalid
from cmmc_tracker.importers.asset_table import Act, AssetPlan, Present, guess, plan
from cmmc_tracker.importers.columns import Columns
from cmmc_tracker.importers.register_table import read_csv
from cmmc_tracker.reports import asset_sheet
from tests.importers.workbooks import workbook_rows

KNOWN = (Present(7, 3, AssetEntry("File server", AssetCategory.CUI, owner="IT", cui_use=(CuiUse.STORE,))),)


def read_by_guess(rows: list[list[str]], present: Sequence[Present]) -> AssetPlan:
    """The plan of a sheet whose columns nobody chose."""
    return plan(rows, present, guess(rows))


def _one(header: list[str], *rows: list[str]) -> AssetPlan:
    return read_by_guess([header, *rows], KNOWN)


@pytest.mark.parametrize(
    ("word", "category"),
    [
        ("CUI", AssetCategory.CUI),
        ("cui asset", AssetCategory.CUI),
        ("CUI Assets", AssetCategory.CUI),
        ("SPA", AssetCategory.SECURITY_PROTECTION),
        ("Security Protection Asset (SPA)", AssetCategory.SECURITY_PROTECTION),
        ("security-protection", AssetCategory.SECURITY_PROTECTION),
        ("CRMA", AssetCategory.CONTRACTOR_RISK_MANAGED),
        ("Contractor Risk Managed Assets", AssetCategory.CONTRACTOR_RISK_MANAGED),
        ("Specialised", AssetCategory.SPECIALIZED),
        ("OT", AssetCategory.SPECIALIZED),
        ("IoT", AssetCategory.SPECIALIZED),
        ("GFE", AssetCategory.SPECIALIZED),
        ("Out of Scope", AssetCategory.OUT_OF_SCOPE),
        ("OUT-OF-SCOPE ASSET", AssetCategory.OUT_OF_SCOPE),
        ("oos", AssetCategory.OUT_OF_SCOPE),
        ("Not in scope", AssetCategory.OUT_OF_SCOPE),
    ],
)
def test_a_category_is_known_by_the_words_that_people_use(word: str, category: AssetCategory) -> None:
    row = _one(["Name", "Category"], ["New", word]).rows[0]
    assert row.problems == []
    assert row.entry is not None
    assert row.entry.category is category


@pytest.mark.parametrize(
    ("cell", "uses"),
    [
        ("process, store, transmit", tuple(CuiUse)),
        ("Stores", (CuiUse.STORE,)),
        ("Processes/Transmits", (CuiUse.PROCESS, CuiUse.TRANSMIT)),
        ("storing and processing", (CuiUse.PROCESS, CuiUse.STORE)),
        ("none", ()),
        ("No", ()),
    ],
)
def test_what_an_asset_does_with_cui_may_stand_in_one_column(cell: str, uses: tuple[CuiUse, ...]) -> None:
    row = _one(["Hostname", "CUI"], ["New", cell]).rows[0]
    assert row.problems == []
    assert row.entry is not None
    assert row.entry.cui_use == uses


def test_three_columns_of_flags_change_only_what_they_say() -> None:
    row = _one(["Name", "Processes CUI", "Stores CUI"], ["file SERVER", "yes", ""]).rows[0]
    assert row.entry is not None
    assert (row.act, row.asset_id, row.version) == (Act.CHANGE, 7, 3)
    assert row.entry.cui_use == (CuiUse.PROCESS, CuiUse.STORE)
    assert row.changes == [("cui_use", "store", "process, store")]


def test_an_empty_cell_changes_nothing_and_the_name_that_is_there_stays() -> None:
    row = _one(["Name", "Owner", "Category"], ["FILE server", "", ""]).rows[0]
    assert (row.act, row.changes) == (Act.NOTHING, [])


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        (["", "CUI", ""], "It has no name"),
        (["New", "Golden", ""], "none of the five categories"),
        (["New", "Out of scope", "stores"], "it cannot be out of scope"),
        (["New", "CUI", "eats"], "none of process, store, transmit"),
        (["x" * 201, "CUI", ""], "at most 200 characters"),
    ],
)
def test_a_row_that_cannot_be_taken_is_named_with_its_reason(cells: list[str], why: str) -> None:
    made = _one(["Asset", "Category", "CUI"], cells, ["Good", "SPA", ""])
    assert [row.act for row in made.rows] == [Act.REFUSE, Act.ADD]
    assert made.rows[0].number == 2
    assert why in " ".join(made.rows[0].problems)


def test_a_name_twice_in_a_sheet_is_taken_once() -> None:
    made = _one(["Name", "Owner"], ["New", "a"], ["new", "b"])
    assert [row.act for row in made.rows] == [Act.ADD, Act.REFUSE]
    assert made.rows[1].problems == ["Row 2 names the same asset."]


def test_columns_that_are_not_used_are_named_and_a_title_above_is_passed_over() -> None:
    made = read_by_guess([["Inventory of 2026"], [], ["Name", "Owner", "Colour"], ["New", "Bo", "red"]], ())
    assert made.left_out == ("Colour",)
    assert [row.number for row in made.rows] == [4]


def test_without_a_column_of_names_nothing_is_planned() -> None:
    with pytest.raises(Invalid) as refused:
        read_by_guess([["x", "y"], ["1", "2"]], ())
    assert set(refused.value.fields) == {"column_name"}


def test_columns_that_a_person_chose_are_read_whatever_they_are_called() -> None:
    rows = [["Gerät", "Klasse", "Wer"], ["Gate", "SPA", "Bo"]]
    made = plan(rows, (), Columns(0, {"name": 0, "category": 1}))
    assert [(row.name, row.entry.category) for row in made.doing if row.entry] == [
        ("Gate", AssetCategory.SECURITY_PROTECTION)
    ]
    assert made.left_out == ("Wer",)


def test_what_our_own_export_quoted_is_read_as_it_was() -> None:
    assert _one(["Name", "Owner"], ["'=1+1", "'quoted"]).rows[0].name == "=1+1"


def test_kind_model_and_serial_number_are_read_from_the_columns_that_people_have() -> None:
    header = ["Hostname", "Device type", "Manufacturer", "Model", "Serial number", "Firmware"]
    row = _one(header, ["New", "Server", "Dell", "R740", "SN-7", "2.4"]).rows[0]
    assert row.entry is not None
    assert (row.entry.kind, row.entry.model, row.entry.serial) == ("Server", "Dell R740", "SN-7, 2.4")


def test_a_maker_alone_takes_no_model_away() -> None:
    known = Present(1, 1, AssetEntry("Gate", model="Dell R740", serial="SN-7"))
    row = read_by_guess([["Name", "Manufacturer"], ["Gate", "dell"]], [known]).rows[0]
    assert row.act is Act.NOTHING
    assert read_by_guess([["Name", "Make"], ["Gate", "HPE"]], [known]).rows[0].changes == [
        ("model", "Dell R740", "HPE")
    ]


@pytest.mark.parametrize(
    ("header", "cells", "category", "kind"),
    [
        (["Name", "Type"], ["New", "CUI Asset"], AssetCategory.CUI, ""),
        (["Name", "Asset type"], ["New", "Laptop"], None, "Laptop"),
        (["Name", "Type", "CMMC category"], ["New", "OT", "Specialized"], AssetCategory.SPECIALIZED, "OT"),
    ],
)
def test_a_column_called_type_is_what_stands_in_it(
    header: list[str], cells: list[str], category: AssetCategory | None, kind: str
) -> None:
    row = _one(header, cells).rows[0]
    assert row.entry is not None
    assert (row.entry.category, row.entry.kind) == (category, kind)


_LINES = st.text(max_size=40).map(clean_line) | st.sampled_from(["=1+1", "'=1+1", "-5", "''@x", "a;b", 'say "x", then'])
_TEXTS = st.text(max_size=60).map(clean_text) | st.sampled_from(["=a\nb", "one\n\ntwo; three", "'", "'plain"])
_ENTRIES = st.builds(
    AssetEntry,
    st.text(min_size=1, max_size=30).map(clean_line).filter(is_visible) | st.just("'-9"),
    st.sampled_from([None, *(one for one in AssetCategory if one is not AssetCategory.OUT_OF_SCOPE)]),
    *(_LINES, _LINES, _LINES),
    st.sets(st.sampled_from(CuiUse)).map(lambda uses: tuple(one for one in CuiUse if one in uses)),
    *(_LINES, _TEXTS, st.booleans(), _TEXTS, _TEXTS, _LINES, _LINES, _LINES),
)


@settings(max_examples=80, deadline=None)
@given(st.lists(_ENTRIES, max_size=5, unique_by=lambda one: one.name.casefold()), st.sampled_from(["csv", "xlsx"]))
def test_whatever_an_inventory_holds_what_is_exported_is_read_back_as_it_was(
    entries: list[AssetEntry], form: str
) -> None:
    file = io.BytesIO()
    lines = [(number, one, Documented.of(one)) for number, one in enumerate(entries, 1)]
    asset_sheet.write(file, lines, form, "2026-11-28T10:00:00+00:00")
    rows = read_csv(file.getvalue()) if form == "csv" else workbook_rows(file)
    assert [row.entry for row in read_by_guess(rows, ()).rows] == entries
    known = [Present(number, 1, one) for number, one in enumerate(entries, 1)]
    assert [row.act for row in read_by_guess(rows, known).rows] == [Act.NOTHING] * len(entries)


_CELLS = st.one_of(st.sampled_from(["CUI", "yes", "SPA", "store", "File server", ""]), st.text(max_size=30))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(_CELLS, min_size=0, max_size=4), max_size=8))
def test_whatever_a_sheet_holds_a_row_is_planned_whole_or_refused_with_a_reason(rows: list[list[str]]) -> None:
    for row in _one(["Name", "Category", "CUI", "On diagram"], *rows).rows:
        assert (row.act is Act.REFUSE) == bool(row.problems)
        assert (row.entry is None) == bool(row.problems)
