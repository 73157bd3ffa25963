"""All workbooks and CSV files of a system, read back by another program than the one that wrote them."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from openpyxl.worksheet.worksheet import Worksheet
from sqlalchemy import insert, update

from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.domain.catalog import load
from cmmc_tracker.domain.matrix import LineEntry
from cmmc_tracker.domain.permissions import Actor
from cmmc_tracker.importers import asset_table, matrix_table, score_sheet
from cmmc_tracker.reports.asset_sheet import entry_of
from cmmc_tracker.reports.matrix_sheet import DUTIES, HEADINGS, PROVIDER
from cmmc_tracker.reports.registry import REPORTS
from cmmc_tracker.services import systems as services
from cmmc_tracker.services.handoff import packages
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import links, memberships
from tests.conftest import OPERATOR
from tests.services.evidence import FIRST, acting, linked_artifact, somebody

WORKBOOKS = sorted(name for name in REPORTS if name.endswith(".xlsx"))
# Words of the product's own, days, instants and identifiers: what nobody types. All other texts of a snapshot are.
_OWN = {
    *("requirement", "letter", "status", "kind", "stage", "act", "basis", "duty", "holds", "category", "cui_use"),
    *("responsibility", "methods", "sha256", "path", "section", "check", "level", "log", "poam", "statuses"),
    *("content_sha256", "supports", "objectives", "planned", "blocking", "Requirement", "scope_kind"),
}
_SIGNS = "=+-@\t\r\n＝＋－＠"


def _is_moment(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def poisoned(value: Any, text: str, name: str = "") -> Any:
    """The snapshot with that text wherever somebody may have typed something."""
    if isinstance(value, dict):
        return {key: one if key in _OWN else poisoned(one, text, key) for key, one in value.items()}
    if isinstance(value, list):
        return [poisoned(one, text, name) for one in value]
    return text if isinstance(value, str) and not _is_moment(value) else value


class Shown(dict[str, Any]):
    """A snapshot that a message about a failure does not print whole."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "the demo"


@pytest.fixture
def shown(demo_snapshot: dict[str, Any]) -> Shown:
    """The demo, whole."""
    return Shown(demo_snapshot)


def picture(tracker: Tracker, actor: Actor, slug: str = "main") -> dict[str, Any]:
    with tracker.read(actor) as work:
        found: dict[str, Any] = json.loads(json.dumps(packages.picture(work, actor.systems[slug])))
        return found


def sheets(name: str, snapshot: Mapping[str, Any]) -> dict[str, Worksheet]:
    book = openpyxl.load_workbook(io.BytesIO(REPORTS[name].make(snapshot)))
    return {one.title: one for one in book.worksheets}


def cells(sheet: Worksheet) -> list[dict[str, Any]]:
    """The rows of a sheet, by heading."""
    head, *rows = sheet.iter_rows(values_only=True)
    return [dict(zip(map(str, head), row, strict=True)) for row in rows]


def texts(sheet: Worksheet) -> list[list[str]]:
    """The rows as an import reads them."""
    return [[str("" if cell is None else cell) for cell in row] for row in sheet.iter_rows(values_only=True)]


# Of all workbooks


def _harmless(name: str, snapshot: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with a workbook."""
    for title, sheet in sheets(name, snapshot).items():
        if not sheet.print_area or sheet.freeze_panes != "A2" or sheet.print_title_rows != "$1:$1":
            yield f"{title}: no print area, or its headings do not stay"
        if not sheet.sheet_properties.pageSetUpPr.fitToPage or sheet.page_setup.orientation != "landscape":
            yield f"{title}: it is not as wide as a page"
        for cell in (cell for row in sheet.iter_rows() for cell in row):
            if cell.data_type == "f" or cell.hyperlink:
                yield f"{title}!{cell.coordinate}: a formula or a link"
            if isinstance(cell.value, str) and cell.value.lstrip().startswith(tuple(_SIGNS)):
                yield f"{title}!{cell.coordinate}: begins like a formula"
            if isinstance(cell.value, str) and not cell.alignment.wrap_text:
                yield f"{title}!{cell.coordinate}: long text does not wrap"
            if isinstance(cell.value, str) and _is_moment(cell.value) and title != "Summary":
                yield f"{title}!{cell.coordinate}: a day that is text"


@settings(
    max_examples=30,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # making a failing text shorter would take minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    name=st.sampled_from(WORKBOOKS),
    sign=st.sampled_from(_SIGNS),
    rest=st.text(max_size=40),
    blanks=st.sampled_from(["", " ", "\u00a0\t"]),
)
def test_whatever_was_typed_no_cell_is_a_formula_and_days_are_days(
    shown: Shown, name: str, sign: str, rest: str, blanks: str
) -> None:
    assert list(_harmless(name, poisoned(shown, f"{blanks}{sign}{rest}"))) == []


def test_what_is_typed_reaches_the_cells(shown: dict[str, Any]) -> None:
    hostile = poisoned(shown, "=1+1")
    for name in WORKBOOKS:
        found = {cell.value for sheet in sheets(name, hostile).values() for row in sheet.iter_rows() for cell in row}
        assert "'=1+1" in found, name


@pytest.mark.parametrize("name", WORKBOOKS)
def test_the_same_snapshot_gives_the_same_bytes(shown: dict[str, Any], name: str) -> None:
    made = REPORTS[name].make(shown)
    assert REPORTS[name].make(json.loads(json.dumps(shown))) == made
    assert REPORTS[name].make({**shown, "frozen_at": "2030-01-01T00:00:00Z"}) != made


@pytest.mark.parametrize("name", WORKBOOKS)
def test_a_text_of_any_length_fits_its_cell(shown: dict[str, Any], name: str) -> None:
    for sheet in sheets(name, poisoned(shown, "x" * 100_000)).values():
        longest = max(len(cell.value) for row in sheet.iter_rows() for cell in row if isinstance(cell.value, str))
        assert longest <= 32_767


@pytest.mark.parametrize("name", sorted({*WORKBOOKS, "artifacts.csv", "sprs.json"} - {"poam.xlsx"}))
@pytest.mark.parametrize("level", [1, 3])
def test_the_other_levels_and_new_systems_have_theirs(tracker: Tracker, level: int, name: str) -> None:
    bo = somebody(tracker, "bo")
    rights = dict.fromkeys(("may_contribute", "may_judge", "may_approve"), False)
    with tracker.write(OPERATOR) as work:
        made = services.create(work, "Office", level)
        work.db.execute(insert(memberships).values(system_id=made.system_id, user_id=bo.id, **rights))
    words = REPORTS[name].make(picture(tracker, acting(tracker, bo.id or 0, "bo"), made.slug))
    assert words
    if name == "objectives.xlsx":
        book = openpyxl.load_workbook(io.BytesIO(words))
        known = load(level).requirements
        assert book["Objectives"].max_row == 1 + sum(len(one.objectives) for one in known)


@pytest.mark.parametrize("name", [one for one in WORKBOOKS if one != "poam.xlsx"])
def test_it_says_of_what_it_is_and_that_it_is_provisional(shown: dict[str, Any], name: str) -> None:
    said = {row["Field"]: row["Value"] for row in cells(sheets(name, shown)["Summary"])}
    assert said["System"] == "Halvorsen main enclave (demo)"
    assert said["CMMC level"] == 2
    assert said["As of (UTC)"] == shown["frozen_at"]
    assert said["State"] == "PROVISIONAL: 90 of 320 objectives not assessed"


# The objective workbook


def test_the_objective_workbook_has_every_objective_with_what_was_found_and_how(shown: dict[str, Any]) -> None:
    rows = cells(sheets("objectives.xlsx", shown)["Objectives"])
    assert [row["Objective"] for row in rows] == [o.id for r in load().requirements for o in r.objectives]
    found = {f"{one['requirement']}[{one['letter']}]": one for one in shown["findings"]}
    for row in rows:
        one = found[row["Objective"]]
        assert row["Status"] == Status(one["status"]).label
        assert (row["Methods"] or "") == ", ".join(one["methods"])
        assert row["Assessed on"] == (datetime.fromisoformat(one["judged_at"][:10]) if one["judged_at"] else None), row[
            "Objective"
        ]


def test_each_link_has_its_line_with_where_to_look(tracker: Tracker) -> None:
    bo = somebody(tracker, "bo")
    number = linked_artifact(tracker, bo, "Access policy", ("policy.txt", b"what we do"), FIRST)
    with tracker.write(OPERATOR) as work:
        work.db.execute(update(links).values(locator="section 4.2, p. 7", shows="who may sign in"))
    (row,) = cells(sheets("objectives.xlsx", picture(tracker, bo))["Evidence"])
    assert (row["Objective"], row["Artifact ID"], row["Title"]) == (str(FIRST), number, "Access policy")
    assert (row["Where to look"], row["What it shows"]) == ("section 4.2, p. 7", "who may sign in")
    assert row["File in the package"].startswith("artifacts/AC/")
    assert isinstance(row["Linked at"], datetime)
    main = cells(sheets("objectives.xlsx", picture(tracker, bo))["Objectives"])[0]
    assert main["Evidence"] == f"{number}: Access policy (section 4.2, p. 7)"


def test_every_link_of_the_snapshot_stands_in_the_sheet_evidence(shown: dict[str, Any]) -> None:
    rows = cells(sheets("objectives.xlsx", shown)["Evidence"])
    assert len(rows) == sum(len(one["links"]) for one in shown["artifacts"]) > 50
    order = [o.id for r in load().requirements for o in r.objectives]
    places = [order.index(row["Objective"]) for row in rows]
    assert places == sorted(places)


def test_our_own_import_reads_the_objective_workbook_and_finds_what_stands_there(shown: dict[str, Any]) -> None:
    rows = texts(sheets("objectives.xlsx", shown)["Objectives"])
    read = score_sheet.plan(rows, score_sheet.guess(rows))
    judged = {
        (one["requirement"], one["letter"]): one["status"]
        for one in shown["findings"]
        if one["status"] != Status.NOT_ASSESSED
    }
    assert {(row.requirement, row.letter): row.status for row in read if not row.problem} == judged


# SPRS


def test_the_worksheet_asks_in_the_order_of_the_screens(shown: dict[str, Any]) -> None:
    book = sheets("sprs.xlsx", shown)
    fields = [row["Field"] for row in cells(book["Entry"])]
    wanted = [
        *("CMMC level and assessment type", "CMMC Status Date", "Assessment scope: kind", "Included CAGE codes"),
        *("Employee count", "Compliance status", "Overall score", "POA&M", "Resulting status"),
        *("Affirming official: name", "Affirming official: email", "Assessment date"),
        *("System security plan: name", "System security plan: date", "Plan of action completed by"),
    ]
    assert [one for one in fields if one in wanted] == wanted
    rows = cells(book["Requirements"])
    assert [row["Requirement"] for row in rows] == [one.id for one in load().requirements]
    assert [row["Step"] for row in rows] == list(range(7, 117))
    lost = {row["Requirement"]: row["Points lost"] for row in rows if row["Points lost"]}
    assert lost == {one: points for one, points in shown["score"]["losses"].items() if points}
    assert 110 - sum(lost.values()) == shown["score"]["score"]


# The register


def test_the_register_as_csv_says_what_the_workbook_says(shown: dict[str, Any]) -> None:
    lines = list(csv.reader(io.StringIO(REPORTS["artifacts.csv"].make(shown).decode("utf-8-sig"), newline="")))
    head, *rows = sheets("artifacts.xlsx", shown)["Artifacts"].iter_rows(values_only=True)
    assert lines[0] == list(head)
    assert len(lines) == 1 + len(rows)
    for line, row in zip(lines[1:], rows, strict=True):
        assert (line[0], line[1], line[7]) == (str(row[0]), row[1], row[7])


def test_a_title_that_begins_like_a_formula_is_text_in_the_csv_too(shown: dict[str, Any]) -> None:
    made = REPORTS["artifacts.csv"].make(poisoned(shown, "=1+1")).decode("utf-8-sig")
    assert {row[1] for row in list(csv.reader(io.StringIO(made, newline="")))[1:]} == {"'=1+1"}


# Inventory and matrix


def test_the_inventory_reads_back_by_the_import_without_a_change(shown: dict[str, Any]) -> None:
    present = [asset_table.Present(one["id"], one["version"], entry_of(one)) for one in shown["assets"]]
    rows = texts(sheets("assets.xlsx", shown)["Asset inventory"])
    plan = asset_table.plan(rows, present, asset_table.guess(rows))
    assert plan.count(asset_table.Act.NOTHING) == len(present) > 5
    assert plan.doing == []
    anew = asset_table.plan(rows, [], asset_table.guess(rows))
    assert [row.entry for row in anew.doing] == [one.entry for one in present]


def test_a_matrix_reads_back_by_the_import_without_a_change(shown: dict[str, Any]) -> None:
    rows = texts(sheets("responsibility-matrix.xlsx", shown)["Responsibilities"])
    for provider in (one for one in shown["providers"] if one["matrix"]):
        own = [rows[0], *(row for row in rows if row[HEADINGS.index(PROVIDER)] == provider["name"])]
        plan = matrix_table.plan(own, matrix_table.guess(own), matrix_table.Known({}))
        read = {(one.objective.requirement, one.objective.letter): one.after for one in plan.doing}
        lines = {(one["requirement"], one["letter"]): LineEntry(one["duty"], one["text"]) for one in provider["matrix"]}
        assert plan.refused == []
        assert read == lines


def test_every_provider_stands_in_the_workbook_with_its_contact(shown: dict[str, Any]) -> None:
    rows = cells(sheets("responsibility-matrix.xlsx", shown)["Providers"])
    assert [(row["Provider"], row["Contact"] or "") for row in rows] == [
        (one["name"], one["contact"]) for one in sorted(shown["providers"], key=lambda one: one["name"].casefold())
    ]
    lines = cells(sheets("responsibility-matrix.xlsx", shown)["Responsibilities"])
    assert {row["Responsibility"] for row in lines} <= set(DUTIES.values())
