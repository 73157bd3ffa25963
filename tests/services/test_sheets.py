"""Workbooks: their first visible sheet as rows, read by a child process that no file can make slow or dangerous."""

import io
import re
import subprocess
import sys
import time
import zipfile
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from cmmc_tracker.errors import Busy, Invalid
from cmmc_tracker.importers.register import Action, Known, Present, plan
from cmmc_tracker.services import sheet_child, sheets
from cmmc_tracker.services.sheets import rows_of_workbook

MEGABYTE = 1_048_576
AT = datetime(2026, 1, 2, 3, 4)  # noqa: DTZ001 workbooks know no zones
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def _workbook(*rows: Sequence[Any], **more: Sequence[Sequence[Any]]) -> openpyxl.Workbook:
    workbook = openpyxl.Workbook()
    for row in rows:
        workbook.active.append(row)
    for name, others in more.items():
        sheet = workbook.create_sheet(name)
        for row in others:
            sheet.append(row)
    return workbook


def _bytes(workbook: openpyxl.Workbook) -> bytes:
    file = io.BytesIO()
    workbook.save(file)
    return file.getvalue()


def _kept(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "stored file"
    path.write_bytes(data)
    return path


def _with(data: bytes, changed: dict[str, bytes]) -> bytes:
    """The workbook with other parts."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for name in dict.fromkeys((*old.namelist(), *changed)):
            new.writestr(name, changed[name] if name in changed else old.read(name))
    return file.getvalue()


def _sheet(inner: bytes, before: bytes = b"") -> bytes:
    """A workbook whose sheet is written by hand."""
    head = b'<?xml version="1.0"?>' + before
    content = head + f'<worksheet xmlns="{MAIN}"><sheetData>'.encode() + inner + b"</sheetData></worksheet>"
    return _with(_bytes(_workbook(["a"])), {"xl/worksheets/sheet1.xml": content})


def _refusal(tmp_path: Path, data: bytes) -> str:
    begun = time.monotonic()
    with pytest.raises(Invalid) as refused:
        rows_of_workbook(_kept(tmp_path, data))
    assert time.monotonic() - begun < 30
    assert set(refused.value.fields) == {"file"}
    assert refused.value.message.endswith("Nothing was changed.")
    return refused.value.message


def test_the_rows_of_a_sheet_come_as_texts(tmp_path: Path) -> None:
    workbook = _workbook(
        ["File", "Collected", "At", "Number", "Ratio", "Yes", "Gap", "Text"],
        [],
        ["policy.pdf", date(2026, 11, 24), AT, 3, 1.5, True, None, " é𝄞\n=1 "],
        ["", None, ""],
    )
    assert rows_of_workbook(_kept(tmp_path, _bytes(workbook))) == [
        ["File", "Collected", "At", "Number", "Ratio", "Yes", "Gap", "Text"],
        [],
        ["policy.pdf", "2026-11-24", "2026-01-02 03:04:00", "3", "1.5", "TRUE", "", "é𝄞\n=1"],
    ]


def test_a_register_in_a_workbook_is_planned_like_any_other(tmp_path: Path) -> None:
    workbook = _workbook(["File", "Collected", "Objectives"], ["policy.pdf", date(2026, 11, 24), "3.1.1[a]"])
    artifact = Present(3, {"title": "Policy"}, (("policy.pdf", "a" * 64),))
    rows = rows_of_workbook(_kept(tmp_path, _bytes(workbook)))
    (row,) = plan(rows, Known((artifact,), {}, 2, date(2026, 11, 25))).rows
    assert (row.action, row.artifact_id, row.facts) == (Action.CHANGE, 3, {"collected_on": "2026-11-24"})


def test_the_first_visible_sheet_counts(tmp_path: Path) -> None:
    workbook = _workbook(["hidden"], Seen=[["seen"]], Other=[["other"]])
    workbook.worksheets[0].sheet_state = "veryHidden"
    workbook.active = 1
    assert rows_of_workbook(_kept(tmp_path, _bytes(workbook))) == [["seen"]]


def test_a_formula_counts_as_its_stored_value(tmp_path: Path) -> None:
    data = _sheet(b'<row r="1"><c r="A1"><f>1+1</f><v>2</v></c><c r="B1" t="str"><f>A1</f><v>=cmd</v></c></row>')
    assert rows_of_workbook(_kept(tmp_path, data)) == [["2", "=cmd"]]


def test_what_the_sheet_says_of_its_size_is_not_believed(tmp_path: Path) -> None:
    data = _sheet(b'<row r="1"><c r="A1"><v>1</v></c></row><row r="9"><c r="C9"><v>2</v></c></row>')
    content = zipfile.ZipFile(io.BytesIO(data)).read("xl/worksheets/sheet1.xml")
    lying = content.replace(b"<sheetData>", b'<dimension ref="A1"/><sheetData>')
    rows = rows_of_workbook(_kept(tmp_path, _with(data, {"xl/worksheets/sheet1.xml": lying})))
    assert rows == [["1"], *[[]] * 7, ["", "", "2"]]


def test_as_many_rows_as_a_register_may_have_are_read(tmp_path: Path) -> None:
    rows = [["File", "Notes"], *([f"file {number}.pdf", f"note {number}"] for number in range(5_000))]
    assert rows_of_workbook(_kept(tmp_path, _bytes(_workbook(*rows)))) == rows
    assert "more than 5,000 rows" in _refusal(tmp_path, _bytes(_workbook(*rows, ["one more"])))


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (["x"] * 51, "Row 1 has 51 columns"),
        ([*[None] * 99, "far to the right"], "Row 1 has 51 columns"),
        (["a", "x" * 20_001], "row 1, column 2 is longer"),
        (["", None], "The register is empty"),
        ([], "The register is empty"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_more_or_less_than_a_register_is_refused(tmp_path: Path, row: list[Any], told: str) -> None:
    assert told in _refusal(tmp_path, _bytes(_workbook(row or [None])))


def test_a_workbook_without_a_visible_sheet_is_refused(tmp_path: Path) -> None:
    workbook = _bytes(_workbook(["a"]))
    book = zipfile.ZipFile(io.BytesIO(workbook)).read("xl/workbook.xml")
    hidden = book.replace(b'state="visible"', b'state="hidden"')
    assert hidden != book
    assert "no visible sheet" in _refusal(tmp_path, _with(workbook, {"xl/workbook.xml": hidden}))


# What is no workbook, or a hostile one

LAUGHS = b"<!DOCTYPE x [<!ENTITY a0 'ha'>" + b"".join(
    b"<!ENTITY a%d '%s'>" % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 12)
)
OUTSIDE = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
TEXT = b'<row r="1"><c r="A1" t="inlineStr"><is><t>%s</t></is></c></row>'


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "no .xlsx file"),
        (b"File,Notes\n", "no .xlsx file"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "asks for a password, or is of the old kind"),
        (b"PK\x03\x04 nothing", "damaged"),
        (_bytes(_workbook(["a"]))[:-40], "damaged"),
        (_sheet(b"<row"), "damaged"),
        (_with(_bytes(_workbook(["a"])), {"xl/workbook.xml": b""}), "damaged"),
        (_sheet(TEXT % b"&a11;", LAUGHS + b"]>"), "used for attacks"),
        (_sheet(TEXT % b"&a;", OUTSIDE), "used for attacks"),
        (_with(_bytes(_workbook(["a"])), {"xl/sharedStrings.xml": OUTSIDE + b"<sst/>"}), "used for attacks"),
        (
            _with(
                _bytes(_workbook(["a"])),
                {"xl/workbook.xml": ('<?xml version="1.0" encoding="UTF-16"?>' + OUTSIDE.decode()).encode("utf-16")},
            ),
            "used for attacks",
        ),
        (_with(_bytes(_workbook(["a"])), {"xl/media/bomb.bin": bytes(110 * MEGABYTE)}), "larger than any register"),
        (_sheet(b'<row r="1"><c r="A1"><v>1</v></c></row>' * 3_000_000), "larger than any register"),
        (_sheet(b'<row r="1048576"><c r="A1048576"><v>1</v></c></row>'), "more than 20,000 rows"),
        (_sheet(b"<row/>" * 1_048_576), "more than 20,000 rows"),
        (_sheet(b'<row r="1"><c r="ZZZZZZZ1"><v>1</v></c></row>'), ""),
    ],
    ids=[
        *("empty", "csv", "old", "cut at once", "cut short", "torn xml", "empty part", "billion laughs", "outside"),
        *(
            "outside in strings",
            "outside in utf-16",
            "bomb beside",
            "bomb",
            "far below",
            "rows of nothing",
            "far right",
        ),
    ],
)
def test_a_hostile_or_broken_workbook_is_told_in_one_sentence(tmp_path: Path, data: bytes, told: str) -> None:
    assert told in _refusal(tmp_path, data)


def test_a_size_that_lies_is_noticed(tmp_path: Path) -> None:
    """A part that unpacks to 300 MB and says that it has one byte."""
    data = bytearray(_with(_bytes(_workbook(["a"])), {"xl/worksheets/sheet1.xml": b" " * 300 * MEGABYTE}))
    at = data.rfind(b"PK\x01\x02")
    while data[at + 46 : at + 70] != b"xl/worksheets/sheet1.xml":
        at = data.rfind(b"PK\x01\x02", 0, at)
    data[at + 24 : at + 28] = b"\1\0\0\0"
    assert "damaged" in _refusal(tmp_path, bytes(data))


def test_a_picture_with_a_declaration_is_no_hindrance(tmp_path: Path) -> None:
    svg = b'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://example.org/svg11.dtd"><svg/>'
    data = _with(_bytes(_workbook(["a", "b"])), {"xl/media/image1.svg": svg})
    assert rows_of_workbook(_kept(tmp_path, data)) == [["a", "b"]]


def test_a_file_over_the_limit_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "LARGEST", 1_000)
    assert "too large for a register" in _refusal(tmp_path, _bytes(_workbook(["a"])))


def test_a_workbook_that_takes_too_long_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "WALL_SECONDS", 1.0)
    begun = time.monotonic()
    assert "takes too long" in _refusal(tmp_path, _sheet(b"<row>" + b"<c>" * 2_000_000))
    assert time.monotonic() - begun < 5


# The child


def _stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> Path:
    """Something else runs in the child's place, as if the file had taken it over."""
    place = tmp_path / "child.py"
    place.write_text(script)
    monkeypatch.setattr(sheet_child, "__file__", str(place))
    return _kept(tmp_path, b"PK\x03\x04 bytes of the file")


@pytest.mark.parametrize(
    "script",
    [
        "print('rows')",
        "print('[1]')",
        "print('[null]')",
        "print('[[]]')",
        "print('{}')",
        "print('[\"a\"]', end='')",
        "print('[' * 100_000)",
        "print('[\"a\"]'); import sys; sys.exit(1)",
        "print('[\"a\"]'); import os; os.abort()",
        "import sys; sys.stdout.buffer.write(b'\\xff\\n')",
    ],
)
def test_an_answer_that_is_no_rows_is_not_passed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    with pytest.raises(Invalid, match="cannot be read: it is damaged"):
        rows_of_workbook(_stand_in(tmp_path, monkeypatch, script))


def test_an_answer_of_more_than_a_register_is_held_to_its_bounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Invalid, match="more than 5,000 rows"):
        rows_of_workbook(_stand_in(tmp_path, monkeypatch, "for _ in range(6_000): print('[\"a\"]')"))


def test_an_answer_without_end_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "ANSWER_BYTES", 1_000_000)
    script = "import sys\nwhile True: sys.stdout.buffer.write(b'[]\\n' * 100_000)"
    with pytest.raises(Invalid, match="holds more than any register"):
        rows_of_workbook(_stand_in(tmp_path, monkeypatch, script))


def test_only_two_workbooks_are_read_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "_PATIENCE", 0.01)
    path = _kept(tmp_path, _bytes(_workbook(["a"])))
    with sheets._children, sheets._children, pytest.raises(Busy, match="try again"):
        rows_of_workbook(path)
    for _ in range(3):
        with pytest.raises(Invalid):
            rows_of_workbook(_kept(tmp_path, b"PK broken"))
    assert rows_of_workbook(_kept(tmp_path, _bytes(_workbook(["a"])))) == [["a"]]


def test_while_it_reads_the_child_can_do_nothing_but_compute(tmp_path: Path) -> None:
    path = _kept(tmp_path, _sheet(b'<row r="1"><c r="A1"><v>1</v></c></row>' + b"<!-- -->" * 5_000_000))
    command = [sys.executable, "-I", sheet_child.__file__]
    with path.open("rb") as file, subprocess.Popen(command, stdin=file, stdout=subprocess.PIPE) as child:
        try:
            limits: dict[str, str] = {}
            until = time.monotonic() + 10
            while limits.get("Max processes") != "0" and time.monotonic() < until:
                time.sleep(0.02)
                table = Path(f"/proc/{child.pid}/limits").read_text()
                limits = dict(re.findall(r"^(Max [a-z ]+?)  .*?(\d+|unlimited) +(?:[a-z]+ *)?$", table, re.MULTILINE))
        finally:
            child.kill()
    assert limits["Max open files"] == limits["Max file size"] == limits["Max processes"] == "0"
    assert limits["Max core file size"] == "0"
    assert limits["Max address space"] == str(sheet_child.MEMORY)
    assert limits["Max cpu time"] == str(sheet_child.SECONDS)
