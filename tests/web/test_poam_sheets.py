"""The POA&M goes out as a workbook and comes in as one; each door with its strangers and its bad input."""

import io
import re

import openpyxl
import pytest

from cmmc_tracker.services.plans import keeping
from cmmc_tracker.services.work import Tracker
from tests.conftest import Person
from tests.services.plan_steps import BARRED, MAY_WAIT, judge, planned

POAM, EXPORT = "/systems/main/poam", "/systems/main/exports/poam.xlsx"
CSV = """Requirement,Weakness,Responsible,Milestones
3.1.3,Flows are open,Bo,Buy a firewall; due 2027-01-31
3.1.1,No list,,
"""


def send(person: Person, content: bytes, name: str = "poam.csv") -> str:
    answer = person.post(f"{POAM}/import", {"file": (io.BytesIO(content), name)})
    assert answer.status_code == 302, answer.text
    return str(answer.headers["Location"])


def digest(page: str) -> str:
    found = re.search(r'name="digest" value="([0-9a-f]{64})"', page)
    assert found
    return found[1]


def test_the_workbook_says_what_the_plans_say(user: Person) -> None:
    judge(user, MAY_WAIT)
    judge(user, BARRED)
    planned(user, weakness="=HYPERLINK(1)", planned_completion="2027-03-01", milestones=[{"text": "Buy"}])
    planned(user, BARRED, operational=True)
    for answer in (user.get(EXPORT), user.get(f"/api/v1{EXPORT}")):
        assert answer.status_code == 200
        assert answer.headers["Content-Disposition"] == "attachment; filename=main-poam.xlsx"
        book = openpyxl.load_workbook(io.BytesIO(answer.data))
    head, *rows = book["POA&M"].iter_rows(values_only=True)
    found = [dict(zip(head, row, strict=True)) for row in rows]
    assert [one["Kind"] for one in found] == ["POA&M", "operational plan of action"]
    assert [one["Counts for a Conditional status"] for one in found] == ["yes", "no"]
    assert found[0]["Weakness or deficiency"] == "'=HYPERLINK(1)"
    assert found[0]["Objectives NOT MET"] == "[a] [b] [c] [d] [e]"
    assert str(found[0]["Scheduled completion date"])[:10] == "2027-03-01"
    about = dict(book["Summary"].iter_rows(values_only=True))
    assert (about["System"], about["POA&M possible"]) == ("Main enclave", "no")
    assert "objectives not assessed" in about["PROVISIONAL"]


def test_only_documents_that_exist_answer(user: Person, outsider: Person) -> None:
    assert user.get("/api/v1/systems/main/exports/ssp.exe").status_code == 404
    assert user.get("/systems/main/exports/nothing").status_code == 404
    assert outsider.get(EXPORT).status_code == 404
    assert outsider.get(f"/api/v1{EXPORT}").status_code == 404


def test_a_sheet_is_shown_row_by_row_and_done_when_confirmed(user: Person) -> None:
    judge(user, MAY_WAIT)
    judge(user, BARRED)
    at = send(user, CSV.encode())
    page = user.get(at).text
    assert "1 to add" in page
    assert "170.21(a)(2)(ii)" in page
    assert user.call("GET", POAM).get_json()["items"] == []
    assert user.post(at, {"digest": digest(page)}).status_code == 422
    assert user.post(at, {"digest": digest(page), "row": "2"}).headers["Location"] == POAM
    (made,) = user.call("GET", POAM).get_json()["items"]
    assert (made["weakness"], made["owner"]) == ("Flows are open", "Bo")
    assert made["milestones"][0] == {"text": "Buy a firewall", "due_on": "2027-01-31", "owner": "", "done_on": None}
    assert user.post(at, {"digest": digest(page), "row": "2"}).status_code == 409


def test_our_own_workbook_comes_back_as_it_was(user: Person) -> None:
    judge(user, MAY_WAIT)
    planned(
        user, weakness="- first\n- second", resources="2 weeks", milestones=[{"text": "Buy", "due_on": "2027-01-31"}]
    )
    at = send(user, user.get(EXPORT).data, "poam.xlsx")
    assert "0 to add, 0 to change, 1 as they are, 0 refused" in user.get(at).text


def test_what_changed_meanwhile_is_shown_again_and_nothing_is_done(user: Person) -> None:
    judge(user, MAY_WAIT)
    at = send(user, CSV.encode())
    page = user.get(at).text
    planned(user)
    answer = user.post(at, {"digest": digest(page), "row": "2"})
    assert answer.status_code == 412
    assert "1 to change" in answer.text
    assert user.call("GET", f"{POAM}/1").get_json()["weakness"] == "Flows are not controlled."


@pytest.mark.parametrize(
    ("name", "content"),
    [("poam.txt", b"x"), ("poam.csv", b""), ("poam.xlsx", b"PK\x03\x04 no archive")],
)
def test_a_file_that_is_no_poam_is_refused_and_not_kept(
    user: Person, tracker: Tracker, name: str, content: bytes
) -> None:
    answer = user.post(f"{POAM}/import", {"file": (io.BytesIO(content), name)})
    assert answer.status_code in {415, 422}, answer.text
    assert "not imported" in answer.text
    assert user.post(f"{POAM}/import").status_code == 422


FOREIGN = "Our list,,\nRef,What is wrong,Who\n3.1.3,Flows are open,Bo\n"


def hidden(page: str) -> dict[str, str]:
    """The fields of the form that confirms a plan."""
    form = page[page.index('name="digest"') - 80 :]
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form))


def test_of_a_sheet_with_headings_that_nobody_knows_a_person_says_which_column_is_what(user: Person) -> None:
    judge(user, MAY_WAIT)
    at = send(user, FOREIGN.encode())
    page = user.get(at)
    assert page.status_code == 200
    assert "Say which column is: Requirement." in page.text
    assert 'name="digest"' not in page.text
    assert "row 2: Ref · What is wrong · Who" in page.text
    page = user.get(f"{at}?header=2&column_requirement=0&column_weakness=1&column_owner=2")
    assert "1 to add" in page.text
    assert '<option value="1" selected>What is wrong</option>' in page.text
    assert user.call("GET", POAM).get_json()["items"] == []
    form = hidden(page.text)
    assert form["column_owner"] == "2"
    assert user.post(at, {**form, "row": "3", "column_owner": ""}).status_code == 412  # not what was shown
    assert user.post(at, {**form, "row": "3"}).status_code == 302
    (made,) = user.call("GET", POAM).get_json()["items"]
    assert (made["weakness"], made["owner"]) == ("Flows are open", "Bo")


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ("header=2&column_requirement=0", "Say which column is: Weakness or deficiency."),
        ("header=2&column_requirement=0&column_weakness=0", "name the same column"),
        ("header=2&column_requirement=77&column_weakness=0", "not of this sheet"),
        ("header=99&column_requirement=1&column_weakness=0", "not of this sheet"),
        ("header=x&column_requirement=-1&column_weakness=0", "not of this sheet"),
    ],
)
def test_a_choice_of_columns_that_cannot_be_is_told_and_the_sheet_waits(user: Person, choice: str, said: str) -> None:
    at = send(user, FOREIGN.encode())
    page = user.get(f"{at}?{choice}")
    assert page.status_code == 200
    assert said in page.text
    assert 'name="digest"' not in page.text
    given = dict(one.split("=") for one in choice.split("&"))
    assert user.post(at, {**given, "digest": "0" * 64, "row": "3"}).status_code == 422


def test_a_sheet_is_its_senders_alone(user: Person, admin: Person, outsider: Person) -> None:
    judge(user, MAY_WAIT)
    at = send(user, CSV.encode())
    for other in (admin, outsider):
        assert other.get(at).status_code == 404
        assert other.post(at, {"digest": "0" * 64, "row": "2"}).status_code == 404
    slug = user.call("POST", "/systems", {"name": "Lab", "level": 2}).get_json()["slug"]
    assert user.get(at.replace("/main/", f"/{slug}/")).status_code == 404
    assert outsider.get(f"{POAM}/import").status_code == 404


def test_a_sheet_adds_no_more_items_than_a_system_may_have(user: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    judge(user, MAY_WAIT)
    monkeypatch.setattr(keeping, "MOST_ITEMS", 0)
    at = send(user, CSV.encode())
    assert user.post(at, {"digest": digest(user.get(at).text), "row": "2"}).status_code == 409
    assert user.call("GET", POAM).get_json()["items"] == []
