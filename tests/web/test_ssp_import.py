"""Starting from an existing plan or score sheet: looked at, confirmed, and nothing of the file kept."""

import html
import io
import json
import re
from typing import Any

import docx
import openpyxl
import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from cmmc_tracker.services import unused
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import blobs, findings, implementations
from tests.conftest import OPERATOR, Person
from tests.services.evidence import give, switch
from tests.web.test_ssp import SSP, narrate

IMPORT = f"{SSP}/import"


def document(*lines: str) -> bytes:
    """A Word document of paragraphs, the last line in a table."""
    made, file = docx.Document(), io.BytesIO()
    for line in lines[:-1]:
        made.add_paragraph(line)
    made.add_table(1, 1).cell(0, 0).text = lines[-1]
    made.save(file)
    return file.getvalue()


def workbook(*rows: list[str]) -> bytes:
    """A workbook of one sheet."""
    made, file = openpyxl.Workbook(), io.BytesIO()
    for row in rows:
        made.active.append(row)
    made.save(file)
    return file.getvalue()


def send(who: Person, what: str, name: str, content: bytes) -> TestResponse:
    """Send a file as the page does."""
    data: dict[str, Any] = {"csrf_token": who.token, "what": what, "file": (io.BytesIO(content), name)}
    return who.client.post(IMPORT, data=data)


def fields(page: str) -> dict[str, Any]:
    """What the confirming form would send, with everything ticked that is ticked on the page."""
    found: dict[str, Any] = {"take": re.findall(r'name="take" value="([^"]+)" checked', page)}
    for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page):
        if name == "row":
            found.setdefault("row", []).append(html.unescape(value))
        elif name != "csrf_token":
            found[name] = html.unescape(value)
    for name, value in re.findall(r'<textarea id="[^"]+" name="([^"]+)"[^>]*>(.*?)</textarea>', page, re.DOTALL):
        found[name] = html.unescape(value)
    return found


def narratives(tracker: Tracker) -> dict[str, str]:
    """What is written, by requirement."""
    with tracker.read(OPERATOR) as work:
        query = select(implementations.c.requirement, implementations.c.narrative)
        return {row.requirement: row.narrative for row in work.rows(query) if row.narrative}


def statuses(tracker: Tracker, requirement: str) -> dict[str, tuple[str, str]]:
    """What was found, with the notes."""
    with tracker.read(OPERATOR) as work:
        rows = work.rows(select(findings).where(findings.c.requirement == requirement))
        return {row.letter: (row.status, row.note) for row in rows}


PLAN = document("3.1.1 Authorized access", "The list is kept <here>.", "AC.L2-3.1.2 Roles", "Roles are written down.")


def test_a_plan_is_looked_at_beside_what_is_here_and_saved_as_ticked(user: Person, tracker: Tracker) -> None:
    narrate(user, "what Bo wrote")
    page = send(user, "plan", "plan.docx", PLAN)
    assert page.status_code == 200, page.text
    assert "1 new, 1 differ from what is here" in page.text
    assert "what Bo wrote" in page.text
    assert "The list is kept &lt;here&gt;." in page.text
    assert narratives(tracker) == {"AC.L2-3.1.1": "what Bo wrote"}
    form = fields(page.text)
    assert form["take"] == ["AC.L2-3.1.2"], "what would replace somebody's words is not ticked"
    assert user.post(f"{IMPORT}/narratives", form).status_code == 302
    after = narratives(tracker)
    assert after["AC.L2-3.1.1"] == "what Bo wrote"
    assert after["AC.L2-3.1.2"].startswith("**Draft** from plan.docx")
    assert after["AC.L2-3.1.2"].endswith("Roles are written down.")
    with tracker.read(OPERATOR) as work:
        assert work.rows(select(blobs)) == [], "nothing of the file is kept"


def test_a_text_that_somebody_wrote_meanwhile_is_not_overwritten(admin: Person, user: Person, tracker: Tracker) -> None:
    form = fields(send(user, "plan", "plan.docx", PLAN).text)
    narrate(admin, "what Ada wrote")
    answer = user.post(f"{IMPORT}/narratives", form)
    assert answer.status_code == 412
    assert "what Ada wrote" in answer.text
    assert "The list is kept &lt;here&gt;." in answer.text
    assert narratives(tracker) == {"AC.L2-3.1.1": "what Ada wrote"}
    assert user.post(f"{IMPORT}/narratives", {**fields(answer.text), "take": ["AC.L2-3.1.1"]}).status_code == 302


def test_a_sheet_of_texts_is_taken_too(user: Person, tracker: Tracker) -> None:
    page = send(user, "plan", "plan.xlsx", workbook(["Control", "Narrative"], ["3.1.1", "By list"], ["x", "lost"]))
    assert "Row 3: It names no requirement" in page.text
    user.post(f"{IMPORT}/narratives", fields(page.text))
    assert narratives(tracker)["AC.L2-3.1.1"].endswith("By list")


SHEET = workbook(
    ["Practice", "Result", "Comment"],
    ["3.1.1", "Met", ""],
    ["3.1.2[a]", "NOT MET", "no roles"],
    ["3.1.3", "N/A", ""],
    ["3.1.16", "N/A", "No wireless here"],
)


def test_a_score_sheet_judges_all_objectives_of_a_row_on_confirmation_only(user: Person, tracker: Tracker) -> None:
    page = send(user, "scores", "scores.xlsx", SHEET)
    assert page.status_code == 200, page.text
    assert "3 rows would change something, 0 say what is here already, 1 cannot be taken" in page.text
    assert "Not applicable needs a written reason" in page.text
    assert {one[0] for one in statuses(tracker, "AC.L2-3.1.1").values()} == {"not_assessed"}
    form = fields(page.text)
    form["take"].remove("3")
    assert user.post(f"{IMPORT}/scores", form).status_code == 302
    found = statuses(tracker, "AC.L2-3.1.1")
    assert set(found.values()) == {("met", "From the imported sheet scores.xlsx, row 2.")}
    assert statuses(tracker, "AC.L2-3.1.2")["a"][0] == "not_assessed", "it was not ticked"
    assert statuses(tracker, "AC.L2-3.1.16")["a"] == (
        "not_applicable",
        "No wireless here\n\nFrom the imported sheet scores.xlsx, row 5.",
    )
    again = send(user, "scores", "scores.xlsx", SHEET)
    assert "1 row would change something, 2 say what is here already" in again.text


FOREIGN = workbook(
    ["Assessment of May"], ["Ref", "Ergebnis", "Warum"], ["3.1.1", "Met", ""], ["3.1.2[a]", "no", "none"]
)


def choice(page: str, **chosen: str) -> dict[str, str]:
    """What the form of the columns sends, with other choices."""
    form = page[page.index('id="columns"') : page.index("Show what would change")]
    kept = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form)
    return {**{name: html.unescape(value) for name, value in kept if name != "csrf_token"}, **chosen}


def test_of_a_score_sheet_with_unknown_headings_a_person_says_which_column_is_what(
    user: Person, tracker: Tracker
) -> None:
    page = send(user, "scores", "mai.xlsx", FOREIGN)
    assert page.status_code == 422
    assert "Say which column is: Status." in page.text
    assert "row 2: Ref · Ergebnis · Warum" in page.text
    assert 'name="take"' not in page.text
    chosen = {"header": "2", "column_number": "0", "column_status": "1", "column_reason": "2"}
    shown = user.post(IMPORT, choice(page.text, **chosen))
    assert shown.status_code == 200
    assert "2 rows would change something" in shown.text
    assert '<option value="1" selected>Ergebnis</option>' in shown.text
    assert {one[0] for one in statuses(tracker, "AC.L2-3.1.1").values()} == {"not_assessed"}
    with tracker.read(OPERATOR) as work:
        assert work.rows(select(blobs)) == []
    assert user.post(f"{IMPORT}/scores", fields(shown.text)).status_code == 302
    assert {one[0] for one in statuses(tracker, "AC.L2-3.1.1").values()} == {"met"}
    assert statuses(tracker, "AC.L2-3.1.2")["a"] == ("not_met", "none\n\nFrom the imported sheet mai.xlsx, row 4.")


def test_a_guess_that_was_wrong_is_chosen_otherwise(user: Person) -> None:
    sheet = workbook(["Requirement", "Status", "Result", "Comment"], ["3.1.1", "final", "Met", ""])
    page = send(user, "scores", "s.xlsx", sheet)
    assert "is no status" in page.text
    chosen = {"header": "1", "column_number": "0", "column_status": "2"}
    assert "1 row would change something" in user.post(IMPORT, choice(page.text, **chosen)).text
    twice = user.post(IMPORT, choice(page.text, **{**chosen, "column_number": "2"}))
    assert twice.status_code == 422
    assert "name the same column" in twice.text


@pytest.mark.parametrize(
    "sheet",
    [
        "",
        "null",
        "{}",
        "[1]",
        '[["a", 1]]',
        "[" * 9_000,
        r'[["\ud800"]]',
        json.dumps([["x"] * 51]),
        json.dumps([["x" * 300_001]]),
    ],
    ids=lambda one: one[:9],
)
def test_a_sheet_that_somebody_made_up_is_no_sheet(user: Person, sheet: str) -> None:
    assert user.post(IMPORT, {"what": "scores", "name": "x", "sheet": sheet}).status_code == 400


def test_a_sheet_that_comes_back_is_looked_at_for_markings_as_its_file_was(user: Person, tracker: Tracker) -> None:
    switch(tracker, cui_quarantine=True)
    rows = [["Requirement", "Status"], ["3.1.1", "met"], ["CUI//SP-CTI", ""]]
    answer = user.post(IMPORT, {"what": "scores", "name": "x", "sheet": json.dumps(rows)})
    assert answer.status_code == 422
    assert "marking of controlled information" in answer.text


def test_a_sheet_too_long_to_come_back_is_taken_by_its_headings_only(user: Person) -> None:
    long = [["x" * 1_000] * 31] * 10
    known = send(user, "scores", "s.xlsx", workbook(["Control", "Status"], ["3.1.1", "met"], *long))
    assert known.status_code == 200
    assert "1 row would change something" in known.text
    assert 'id="columns"' not in known.text
    unknown = send(user, "scores", "s.xlsx", workbook(["Ref", "Ergebnis"], ["3.1.1", "met"], *long))
    assert unknown.status_code == 422
    assert "Say which column is: Status." in unknown.text
    assert 'id="columns"' not in unknown.text


def test_an_objective_that_somebody_judged_meanwhile_stays(admin: Person, user: Person, tracker: Tracker) -> None:
    form = fields(send(user, "scores", "scores.xlsx", SHEET).text)
    body = {"status": "not_met", "note": "no list"}
    assert admin.call("PATCH", "/systems/main/requirements/AC.L2-3.1.1/objectives/a", body).status_code == 200
    answer = user.post(f"{IMPORT}/scores", form)
    assert answer.status_code == 412
    assert statuses(tracker, "AC.L2-3.1.1")["a"] == ("not_met", "no list")
    assert statuses(tracker, "AC.L2-3.1.2")["a"][0] == "not_assessed", "all rows together, or none"
    assert user.post(f"{IMPORT}/scores", fields(answer.text)).status_code == 302


def test_a_row_that_was_forged_into_the_form_is_read_as_strictly_as_the_sheet(user: Person, tracker: Tracker) -> None:
    row = json.dumps([2, "3.12.4[a]", "not_applicable", "because", {}])
    answer = user.post(f"{IMPORT}/scores", {"name": "x", "row": row, "take": "2", "seen-2": "1"})
    assert answer.status_code == 422
    assert statuses(tracker, "CA.L2-3.12.4")["a"][0] == "not_assessed"
    for ticked in ("000000002999", "3", "x", ""):
        assert user.post(f"{IMPORT}/scores", {"name": "x", "row": row, "take": ticked}).status_code == 422, ticked
    for bad in ("", "[1]", "{}", "[" * 9_000, '["2","3.1.1","met",""]', '[2,"3.1.1","met",null]', "null"):
        assert user.post(f"{IMPORT}/scores", {"name": "x", "row": bad, "take": "2"}).status_code == 400, bad


@pytest.mark.parametrize(
    ("what", "name", "content", "word"),
    [
        ("plan", "plan.docx", document("Nothing", "at all"), "No requirement&#39;s number"),
        ("plan", "plan.csv", b"a,b\n1,2\n", "No header was found"),
        ("scores", "scores.docx", PLAN, "as .xlsx or .csv"),
        ("scores", "scores.csv", b"control,status\n3.1.1,\n", "No row has a requirement and a status"),
        ("potato", "plan.docx", PLAN, "Say what the file is"),
    ],
)
def test_a_file_that_cannot_be_taken_is_told_and_not_kept(
    user: Person, tracker: Tracker, what: str, name: str, content: bytes, word: str
) -> None:
    answer = send(user, what, name, content)
    assert answer.status_code == 422
    assert word in answer.text
    with tracker.read(OPERATOR) as work:
        assert work.rows(select(blobs)) == []


def test_a_damaged_document_and_a_type_that_is_not_taken_are_refused(user: Person) -> None:
    assert send(user, "plan", "plan.docx", b"PK\x03\x04 broken").status_code in {415, 422}
    assert send(user, "plan", "plan.exe", b"MZ").status_code == 415
    assert user.post(IMPORT, {"what": "plan"}).status_code == 422


def test_a_plan_with_a_marking_of_cui_is_not_taken_where_cui_may_not_be(user: Person, tracker: Tracker) -> None:
    switch(tracker, cui_quarantine=True)
    marked = document("CUI//SP-CTI", "3.1.1 Access", "The list is kept.")
    answer = send(user, "plan", "plan.docx", marked)
    assert answer.status_code == 422
    assert "marking of controlled information" in answer.text
    assert narratives(tracker) == {}


def test_nothing_ticked_saves_nothing_and_keeps_the_form(user: Person, tracker: Tracker) -> None:
    form = fields(send(user, "plan", "plan.docx", PLAN).text)
    answer = user.post(f"{IMPORT}/narratives", {**form, "take": []})
    assert answer.status_code == 422
    assert "Tick the texts" in answer.text
    assert "Roles are written down." in answer.text
    form = fields(send(user, "scores", "scores.xlsx", SHEET).text)
    assert user.post(f"{IMPORT}/scores", {**form, "take": []}).status_code == 422
    assert user.post(f"{IMPORT}/narratives", {}).status_code == 400
    assert user.post(f"{IMPORT}/scores", {}).status_code == 400


def test_who_may_not_write_or_judge_takes_nothing_in(user: Person, tracker: Tracker) -> None:
    plan, scores = fields(send(user, "plan", "a.docx", PLAN).text), fields(send(user, "scores", "a.xlsx", SHEET).text)
    give(tracker, user.id, may_contribute=False, may_judge=False)
    assert user.get(IMPORT).status_code == 200
    assert send(user, "plan", "a.docx", PLAN).status_code == 403
    assert send(user, "scores", "a.xlsx", SHEET).status_code == 403
    assert user.post(f"{IMPORT}/narratives", plan).status_code == 403
    assert user.post(f"{IMPORT}/scores", scores).status_code == 403
    assert narratives(tracker) == {}


def test_strangers_take_nothing_in(outsider: Person) -> None:
    assert outsider.get(IMPORT).status_code == 404
    assert send(outsider, "plan", "a.docx", PLAN).status_code == 404
    assert outsider.post(f"{IMPORT}/scores", {}).status_code == 404


def test_rows_of_another_level_are_named_beside_those_that_can_be_taken(user: Person, tracker: Tracker) -> None:
    others = [["SC.L3-3.13.4e", "MET"], ["AC.L3-3.1.2e[a]", "MET"], ["AC.L1-b.1.i", "MET"]]
    answer = send(user, "scores", "s.xlsx", workbook(["Requirement", "Status"], ["3.1.2", "MET"], *others))
    assert answer.status_code == 200
    assert answer.text.count("is not of Level 2, which this system is.") == 3
    assert "1 row would change something" in " ".join(answer.text.split())
    forged = json.dumps([2, "SC.L3-3.13.4e[a]", "MET", "", {}])
    refused = user.post(f"{IMPORT}/scores", {"row": forged, "take": "2", "seen-2": ""})
    assert (refused.status_code, "is not of Level 2" in refused.text) == (422, True)


def test_a_system_of_level_1_takes_a_sheet_of_its_own_requirements(user: Person, tracker: Tracker) -> None:
    with tracker.write(OPERATOR) as work:
        unused.set_level(work, "main", 1, None)
    page = send(user, "scores", "s.xlsx", workbook(["Requirement", "Status"], ["AC.L1-b.1.iii", "MET"])).text
    assert user.post(f"{IMPORT}/scores", fields(page)).status_code == 302
    assert {status for status, _ in statuses(tracker, "AC.L1-b.1.iii").values()} == {"met"}


def test_an_objective_workbook_that_went_out_comes_back_in_whole(user: Person, tracker: Tracker) -> None:
    place = "/systems/main/requirements/AC.L2-3.1.1/objectives/"
    said = {"examined": "the list of accounts", "interviewed": "Ada", "tested": "=a sign-in", "note": "-nothing left"}
    found = {"a": {"status": "met", "methods": ["test"], **said}, "b": {"status": "not_met", "note": "no list"}}
    for letter, finding in found.items():
        assert user.call("PATCH", f"{place}{letter}", finding).status_code == 200
    book = user.get("/systems/main/exports/objectives.xlsx").data
    for letter in found:
        nothing = {"status": "not_assessed", "note": "", "methods": [], "examined": "", "interviewed": "", "tested": ""}
        assert user.call("PATCH", f"{place}{letter}", nothing).status_code == 200
    shown = send(user, "scores", "objectives.xlsx", book)
    assert shown.status_code == 200
    assert "2 rows would change something, 0 say what is here already, 0 cannot be taken" in shown.text
    assert user.post(f"{IMPORT}/scores", fields(shown.text)).status_code == 302
    with tracker.read() as work:
        first, second = work.rows(
            select(findings).where(findings.c.status != "not_assessed").order_by(findings.c.letter)
        )
    assert (first.status, first.methods) == ("met", ["examine", "interview", "test"])
    assert (first.examined, first.interviewed, first.tested) == ("the list of accounts", "Ada", "=a sign-in")
    assert first.note.startswith("-nothing left")
    assert (second.status, second.methods) == ("not_met", [])


def test_what_was_looked_at_is_bounded_in_a_sheet_too(user: Person) -> None:
    sheet = workbook(["Objective", "Status", "Examined"], ["3.1.1[a]", "met", "x" * 6_000])
    assert "longer than 5,000 characters" in send(user, "scores", "s.xlsx", sheet).text


def test_a_packed_row_that_somebody_made_up_is_refused(user: Person) -> None:
    for how in (1, ["test"], {"examined": 1}, None, {"examined": "\ud800"}):
        row = json.dumps([2, "3.1.1[a]", "met", "", how])
        assert user.post(f"{IMPORT}/scores", {"name": "x", "row": row, "take": "2"}).status_code == 400, how
