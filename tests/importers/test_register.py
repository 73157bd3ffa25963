"""A register of evidence into a plan: what rows change, what they make, and why others are refused."""

import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmmc_tracker.errors import Invalid
from cmmc_tracker.importers.register import Action, Change, Known, Present, plan
from cmmc_tracker.importers.register_table import MOST_ROWS
from tests.importers.register_samples import (
    HASH,
    KNOWN,
    NEW_HASH,
    OTHER_HASH,
    POLICY,
    POLICY_HEADER,
    TODAY,
    one_row,
    planned,
    problem,
    row_of,
)

# What rows do


def test_a_row_that_names_the_file_of_an_artifact_shows_what_it_changes() -> None:
    row = one_row(title="Access policy", description="Signed", owner="bo WEISS", covers_until="2027-01-31")
    assert (row.action, row.artifact_id, row.number, row.title) == (Action.CHANGE, 3, 2, "Access control policy")
    assert row.facts == {
        "title": "Access policy",
        "description": "Signed",
        "owner": "Bo Weiß",
        "covers_until": "2027-01-31",
    }
    assert Change("title", "Access control policy", "Access policy") in row.changes
    assert Change("owner", "Ann", "Bo Weiß") in row.changes
    assert Change("covers_until", "2026-12-31", "2027-01-31") in row.changes
    assert row.owner == "Bo Weiß"


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("File", "policy.pdf"),
        ("File", "evidence/AC/Policy.PDF"),
        ("Path", "C:\\evidence\\policy.pdf"),
        ("Title", "  ACCESS  control policy"),
        ("SHA-256", "A" * 64),
        ("Hash", f"SHA256:{HASH}"),
    ],
)
def test_an_artifact_is_found_by_its_file_title_or_hash(column: str, cell: str) -> None:
    row = row_of([column, "Notes"], cell, "seen")
    assert (row.action, row.artifact_id) == (Action.CHANGE, 3)
    assert row.facts["description"] == "seen"


def test_a_row_that_says_what_is_known_changes_nothing() -> None:
    row = one_row(title="Access control policy", kind="Policy", owner="ann", objectives="3.1.1[a]", cadence="annually")
    assert (row.action, row.facts, row.changes) == (Action.NOTHING, {}, ())


def test_an_empty_cell_changes_nothing() -> None:
    assert one_row(owner="", covers_from="", description="").action is Action.NOTHING


def test_objectives_are_added_and_none_is_taken_away() -> None:
    row = one_row(objectives="3.1.2[b]")
    assert (row.action, row.objectives) == (Action.CHANGE, ("AC.L2-3.1.2[b]",))
    assert row.changes == (Change("objectives", "", "AC.L2-3.1.2[b]"),)


def test_a_location_with_a_hash_registers_evidence_that_stays_where_it_is() -> None:
    header = [*POLICY_HEADER, "Size", "Kind", "Owner"]
    row = row_of(header, "Pump", "", "\\\\enclave\\pump.pdf", NEW_HASH, "3.1.3[a]", "1,234,567 bytes", "Diagram", "Ann")
    assert (row.action, row.artifact_id, row.title) == (Action.CREATE, None, "Pump")
    assert (row.location, row.sha256, row.size) == ("\\\\enclave\\pump.pdf", NEW_HASH, 1_234_567)
    assert row.facts == {"title": "Pump", "kind": "diagram", "owner": "Ann"}
    assert row.objectives == ("AC.L2-3.1.3[a]",)
    assert Change("location", "", "\\\\enclave\\pump.pdf") in row.changes


def test_what_has_no_title_takes_its_files_name_and_says_so() -> None:
    row = row_of(["Location", "Hash"], "https://enclave.example/drawings/pump%20x.pdf", NEW_HASH)
    assert row.facts["title"] == "pump%20x"
    assert "no title" in " ".join(row.notes)


def test_evidence_in_an_enclave_can_be_said_to_have_moved() -> None:
    row = row_of(["Location", "SHA256"], "\\\\new\\index.xlsx", OTHER_HASH)
    assert (row.action, row.artifact_id, row.location) == (Action.CHANGE, 5, "\\\\new\\index.xlsx")
    assert row.changes == (Change("location", "\\\\enclave\\index.xlsx", "\\\\new\\index.xlsx"),)


def test_the_location_of_what_the_tracker_has_itself_is_told_to_be_left_out() -> None:
    row = one_row(location="\\\\share\\policy.pdf")
    assert (row.action, row.location) == (Action.NOTHING, "")
    assert "location is not kept" in " ".join(row.notes)


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        (("", "new.pdf", "", "", ""), "“new.pdf” in this system: upload the file first"),
        (("New", "", "", "", ""), "“New” in this system: upload the file first"),
        (("New", "", "\\\\enclave\\x", "", ""), "give its SHA-256 too"),
        (("New", "", "", NEW_HASH, ""), "upload the file first, or give its location"),
        (("", "", "", "", "3.1.1[a]"), "names no artifact"),
        (("", "policy.pdf", "", NEW_HASH, ""), "Artifact 3 has other bytes"),
        (("Access control policy", "", "\\\\enclave\\x", NEW_HASH, ""), "Artifact 3 has other bytes"),
        (("Drawing index", "policy.pdf", "", "", ""), "two artifacts at once, 3 and 5"),
        (("", "index.xlsx", "", HASH, ""), "two artifacts at once, 3 and 5"),
        (("", "", "\\\\enclave\\x", "abc", ""), "64 of the signs"),
        (("New", "", "x" * 1_001, NEW_HASH, ""), "at most 1,000 characters"),
        (("t" * 301, "policy.pdf", "", "", ""), "at most 300 characters"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_a_row_that_cannot_be_done_says_what_to_do(cells: tuple[str, ...], told: str) -> None:
    assert told in problem(row_of(POLICY_HEADER, *cells))


def test_artifacts_of_one_name_are_told_apart_or_the_row_is_refused() -> None:
    twin = Present(7, {"title": "Other policy"}, (("policy.pdf", OTHER_HASH),))
    known = Known((POLICY, twin), {}, 2, TODAY)
    assert "any of the artifacts 3, 7" in problem(one_row(known, owner=""))
    assert one_row(known, title="Other policy").artifact_id == 7
    assert one_row(known, sha256=HASH).artifact_id == 3


def test_a_second_row_for_one_artifact_is_refused_and_told() -> None:
    rows = planned(
        ["Title", "File", "Notes"],
        ["", "policy.pdf", "one"],
        ["", "", ""],
        ["Access control policy", "", "two"],
    ).rows
    assert [(row.number, row.action) for row in rows] == [(2, Action.CHANGE), (4, Action.REFUSE)]
    assert "Row 2 already speaks" in problem(rows[1])


@pytest.mark.parametrize("second", [("\\\\a\\2", NEW_HASH), ("\\\\a\\1", "d" * 64)])
def test_a_second_row_for_one_location_or_hash_is_refused(second: tuple[str, str]) -> None:
    rows = planned(["Location", "SHA256"], ["\\\\a\\1", NEW_HASH], second).rows
    assert [row.action for row in rows] == [Action.CREATE, Action.REFUSE]


def test_a_refused_row_does_not_stand_in_the_way_of_the_next() -> None:
    rows = planned(["File", "Collected"], ["policy.pdf", "never"], ["policy.pdf", "2026-11-01"]).rows
    assert [row.action for row in rows] == [Action.REFUSE, Action.CHANGE]


def test_an_owner_without_an_account_is_told_and_left_out() -> None:
    row = one_row(owner="The IT manager", description="x")
    assert row.facts == {"description": "x"}
    assert row.notes == ("owner: there is no account “The IT manager”; it stays as it is.",)


def test_all_that_is_wrong_with_a_row_is_told_at_once() -> None:
    text = problem(one_row(covers_from="soon", collected="03/04/2026", objectives="3.1.1[z]"))
    assert all(one in text for one in ("covers from: “soon” is not a day", "collected: “03/04/2026” may be", "[z]"))
    text = problem(one_row(kind="novel", cadence="now and then", collected="2026-11-26"))
    assert all(one in text for one in ("kind: This kind", "cadence: This cadence", "collected: Evidence cannot"))


def test_the_period_is_checked_with_what_is_there() -> None:
    assert "begins after it ends" in problem(one_row(covers_until="2025-12-31"))


@pytest.mark.parametrize("cell", ["=cmd|'/c calc'!A1", "+1", "-1", "@SUM(1)", "=HYPERLINK(1)"])
def test_a_cell_that_looks_like_a_formula_is_text(cell: str) -> None:
    assert one_row(title=cell).facts["title"] == cell


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Policy", "policy"),
        ("SCREEN SHOT", "screenshot"),
        ("Configuration export", "configuration_export"),
        ("config", "configuration_export"),
        ("Training", "training_record"),
        ("SSP", "plan"),
        ("SOP", "procedure"),
        ("log file", "log"),
    ],
)
def test_kinds_are_read_as_people_call_them(text: str, kind: str) -> None:
    found = row_of(["Location", "SHA256", "Type"], "\\\\a\\1", NEW_HASH, text)
    assert found.facts["kind"] == kind


@pytest.mark.parametrize(
    ("text", "cadence"),
    [
        ("Monthly", "monthly"),
        ("every 3 months", "quarterly"),
        ("Semi-annual", "half_yearly"),
        ("half-yearly", "half_yearly"),
        ("on change", "on_change"),
        ("One-time", "once"),
    ],
)
def test_cadences_are_read_as_people_call_them(text: str, cadence: str) -> None:
    assert one_row(frequency=text).facts["cadence"] == cadence


def test_a_large_register_is_planned_soon() -> None:
    header = ["File", "Title", "Objectives", "Collected", "Owner"]
    rows = [[f"file {n}.pdf", f"title {n}", "3.1.1[a-f]; 3.1.2", "11/24/2025", "Ann"] for n in range(MOST_ROWS)]
    artifacts = [Present(n, {"title": f"old {n}"}, ((f"file {n}.pdf", HASH),)) for n in range(MOST_ROWS)]
    begun = time.process_time()
    found = plan([header, *rows], Known(artifacts, {"ann": "Ann"}, 2, TODAY))
    assert time.process_time() - begun < 5.0
    assert all(row.action is Action.CHANGE for row in found.rows)


_CELLS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["policy.pdf", HASH, NEW_HASH, "3.1.1[a]", "3.1.1", "03/04/2026", "\\\\a\\b", "\0", "Ann", "\ud800"]
    ),
)
_HEADERS = st.lists(
    st.sampled_from(["Title", "File", "Location", "SHA256", "Objectives", "Collected", "Owner", "Size", "x"])
)


@settings(deadline=None)
@given(_HEADERS, st.lists(st.lists(_CELLS, max_size=9), max_size=4))
def test_whatever_stands_in_the_rows_each_has_an_answer(header: list[str], rows: list[list[str]]) -> None:
    with suppress(Invalid):
        found = plan([header, *rows], KNOWN)
        for row in found.rows:
            assert (row.action is Action.REFUSE) == bool(row.problems)
            assert (row.action in {Action.CHANGE, Action.CREATE}) == bool(row.changes)
