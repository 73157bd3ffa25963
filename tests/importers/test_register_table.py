"""A register's table: bytes of CSV into rows within bounds, and the columns that its header names."""

import csv
import io
import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmmc_tracker.errors import Invalid
from cmmc_tracker.importers.register import Known, plan, read_csv
from cmmc_tracker.importers.register_table import FIELDS, LARGEST, LONGEST_CELL, LONGEST_LINE, MOST_COLUMNS, MOST_ROWS
from tests.importers.register_samples import KNOWN, TODAY, planned, refusal

# The header


@pytest.mark.parametrize(
    "header",
    [
        ["Title", "FILE NAME", "Objectives", "owner"],
        ["owner", "file_name", "Control ID(s)", "Evidence Title"],
        ["Owner (account)", "File-Name", "Practices", "Artifact"],
    ],
)
def test_columns_are_known_in_any_case_order_and_common_name(header: list[str]) -> None:
    assert {column.field for column in planned(header).columns} == {"title", "file", "objectives", "owner"}


def test_every_field_has_names_and_no_name_has_two_fields() -> None:
    assert set(FIELDS.values()) == {
        *("title", "file", "location", "sha256", "size", "objectives", "kind", "covers_from", "covers_until"),
        *("collected_on", "owner", "reviewer", "description", "cadence"),
    }
    assert all(word == word.casefold() for word in FIELDS)


def test_unknown_columns_are_told_with_those_that_repeat_or_have_no_name() -> None:
    found = planned(["File", "Colour", "Path", "", "Owner"], ["policy.pdf", "red", "x", "y", "Ann", "z"])
    assert found.left_out == (
        "“Colour” is not used: its name is not known.",
        "“Path” is not used: “File” already says the same.",
        "“column 4” is not used: it has no name.",
        "“column 6” is not used: it has no name.",
    )


def test_lines_above_the_header_are_passed_over() -> None:
    found = planned(["Evidence of Acme"], [], ["File", "Notes"], ["policy.pdf", "x"])
    assert (found.header, [row.number for row in found.rows]) == (3, [4])


def test_a_table_without_a_header_is_refused_with_an_example() -> None:
    assert "such as title, file" in refusal([["policy.pdf", "x"], ["index.xlsx", "y"]])
    assert "such as title, file" in refusal([["Owner", "Notes"], ["Ann", "y"]])
    assert "such as title, file" in refusal([["Title"], ["x"]])


def test_a_level_without_a_catalog_is_refused() -> None:
    with pytest.raises(Invalid, match="level must be 1, 2 or 3"):
        planned(["File", "Notes"], known=Known((), {}, 4, TODAY))


def test_the_plan_is_told_in_lines() -> None:
    found = planned(["File", "Notes"], ["policy.pdf", "x"], ["index.xlsx", ""], ["a.pdf", ""], ["b.pdf", ""])
    assert found.summary == ("1 to change", "1 without a change", "2 refused")


# CSV


def _csv(rows: list[list[str]], separator: str = ",") -> str:
    file = io.StringIO()
    csv.writer(file, delimiter=separator).writerows(rows)
    return file.getvalue()


TABLE = [["Title", "File", "Owner"], ["Straße; Nr. 1, a", "x\ty.pdf", "“Bo”"], [], ["two\nlines", "p|q.pdf"]]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_csv_is_read_in_its_encoding_and_with_its_separator(separator: str, encoding: str) -> None:
    assert read_csv(_csv(TABLE, separator).encode(encoding)) == TABLE


def test_the_hint_that_a_spreadsheet_writes_in_the_first_line_is_followed() -> None:
    rows = read_csv(b"sep=;\r\nFile;Notes\r\npolicy.pdf;a,b,c,d\r\n")
    assert rows == [[], ["File", "Notes"], ["policy.pdf", "a,b,c,d"]]
    assert [row.number for row in plan(rows, KNOWN).rows] == [3]


def test_a_line_of_fifty_megabytes_is_refused_quickly() -> None:
    data = b"a" * 50_000_000
    begun = time.process_time()
    assert "Line 1 is longer than 130,000" in refusal(data)
    assert time.process_time() - begun < 0.5


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "empty"),
        (b" \r\n\t\n", "empty"),
        (b",,\n,,\n", "empty"),
        (b"\0" * 9, "empty"),
        (b"a,b\0\n", "NUL"),
        ("a,b\nc,d".encode("utf-16-le"), "NUL"),
        (b"a,b\n" + b"x" * (LONGEST_LINE + 1), "Line 2 is longer"),
        (b"a,b\n" * (LARGEST // 4 + 1), "too large"),
        (b"a,b\n" * (MOST_ROWS + 2), "more than 5,000 rows"),
        (b"a,b\n" + b"\n" * 30_000 + b"a,b\n", "more than 20,000 rows"),
        (b"\n" * 300_000 + b"a", "300,000 lines"),
        (b"," * MOST_COLUMNS + b"x\n", "51 columns"),
        (b"a,b\n1," + b"x" * (LONGEST_CELL + 1), "row 2, column 2 is longer"),
        (b'a,b\n1,"x\n' + b"y\n" * 99, "do not pair"),
        (b'a,"b"c\n', "do not pair"),
        (b'a,b\n1,"' + b"x\n" * 100_000, "do not pair"),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_a_file_that_is_no_register_is_refused_for_what_it_is(data: bytes, told: str) -> None:
    begun = time.process_time()
    assert told in refusal(data)
    assert time.process_time() - begun < 2.0


def test_as_much_as_the_bounds_allow_is_read() -> None:
    rows = read_csv(b"File,Notes\n" + b"policy.pdf,x\n" * MOST_ROWS + b"\n" * 1_000)
    assert len(rows) == MOST_ROWS + 1
    wide = read_csv(b"," * (MOST_COLUMNS - 1) + b"x" * LONGEST_CELL)
    assert len(wide[0]) == MOST_COLUMNS


@given(st.binary(max_size=200))
def test_no_bytes_make_the_reading_fail(data: bytes) -> None:
    with suppress(Invalid):
        rows = read_csv(data)
        assert all(isinstance(cell, str) for row in rows for cell in row)
