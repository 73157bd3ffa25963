"""The page of the CMMC Status: recorded and found side by side; and the page of who works where."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, update

from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import assignments, findings
from tests.conftest import OPERATOR, Person, put
from tests.services.evidence import give
from tests.services.plan_steps import freeze
from tests.services.test_snapshots import counted

TODAY = datetime.now(UTC).date().isoformat()
PAGE = "/systems/main/status"
FORM = {"act": "record_final", "kind": "level_2_self", "status_on": TODAY, "package": "1", "uid": "S200001"}


@pytest.fixture
def approver(user: Person, tracker: Tracker) -> Person:
    """Bo approves in a system in which all is MET, with a package frozen."""
    with tracker.write(OPERATOR) as work:
        work.db.execute(update(findings).values(status="met"))
    give(tracker, user.id, may_approve=True)
    form = {"name": "Of record", "purpose": "final", "reason": "as it is"}
    assert user.post("/systems/main/packages", form).status_code == 303
    return user


def test_a_status_is_recorded_and_stands_beside_what_is_found(approver: Person, tracker: Tracker) -> None:
    assert "No status has been recorded." in approver.get(PAGE).text
    assert approver.post(PAGE, FORM).status_code == 303
    page = approver.get(PAGE).text
    assert "S200001" in page
    assert "Supports Final Level 2 (Self)" in page
    put(tracker, update(findings).where(findings.c.requirement == "AC.L2-3.1.5").values(status="not_met"))
    page = approver.get(PAGE).text
    assert "Supports No CMMC Status" in page
    assert "AC.L2-3.1.5[a]: MET then, NOT MET now" in page


@pytest.mark.parametrize(
    ("gone", "said", "row", "warns"),
    [
        (60, "120 days are left (32 CFR 170.21(b)).", "120 days left to close out", False),
        (
            90,
            "90 days are left (32 CFR 170.21(b)). Have a day set for the closeout self-assessment.",
            "90 days left to close out",
            True,
        ),
        (180, "today is the last day (32 CFR 170.21(b)).", "the last day to close out", True),
        (181, "the Conditional status has expired (32 CFR 170.21(b)).", "not closed out by", True),
    ],
)
def test_170_21_b_the_180_days_are_said_alike_wherever_one_looks(
    user: Person, tracker: Tracker, gone: int, said: str, row: str, warns: bool
) -> None:
    freeze(tracker, [], datetime.now(UTC).date() - timedelta(days=gone))
    told = set()
    for path in ("/?system=main", "/systems/main/poam", PAGE, "/systems/main/score"):
        found = re.search(
            r'<p class="([a-z-]+)" role="note">(Level 2 \(Self\), Conditional since .*?)( <a|</p>)', user.get(path).text
        )
        assert found, path
        assert said in found[2], path
        told.add((found[1], found[2]))
    assert len(told) == 1, "the same words everywhere"
    assert [one for one, _ in told] == ["warning" if warns else "plain-clock"]
    assert row in user.get("/systems").text


def test_my_work_and_the_calendar_show_the_days_of_a_status_to_those_who_answer_for_it(
    user: Person, admin: Person, outsider: Person, tracker: Tracker
) -> None:
    freeze(tracker, [], datetime.now(UTC).date() - timedelta(days=175))
    give(tracker, user.id, may_approve=True)
    for path in ("/my-work", "/calendar"):
        page = user.get(path).text
        assert "POA&amp;M to be closed out" in page, path
        assert "5 days left" in page, path
    assert "Nothing waits for you" not in user.get("/my-work").text
    assert "POA&amp;M to be closed out" not in admin.get("/my-work").text, "bo may approve, so ada need not"
    assert "POA&amp;M to be closed out" in admin.get("/calendar").text
    assert "POA&amp;M to be closed out" not in outsider.get("/calendar").text


def test_without_a_conditional_status_no_page_shows_a_clock(approver: Person) -> None:
    assert approver.post(PAGE, FORM).status_code == 303
    for path in ("/?system=main", "/systems/main/poam", PAGE, "/systems/main/score", "/systems"):
        page = approver.get(path).text
        assert "Conditional since" not in page, path
        assert "to close out" not in page, path


def test_the_dashboard_reads_six_statements_with_a_clock_too(user: Person, tracker: Tracker) -> None:
    freeze(tracker, [], datetime.now(UTC).date())
    user.get("/")
    with counted(tracker) as statements:
        assert "Conditional since" in user.get("/").text
    assert len(statements) <= 6, statements


def test_what_is_typed_wrongly_is_said_and_kept(approver: Person) -> None:
    answer = approver.post(PAGE, {**FORM, "status_on": "2030-01-01", "uid": "kept as typed"})
    assert answer.status_code == 422
    assert "This day is in the future." in answer.text
    assert 'value="kept as typed"' in answer.text


def test_what_the_rule_forbids_is_said_with_its_clause(approver: Person) -> None:
    answer = approver.post(PAGE, {**FORM, "act": "close_out"})
    assert answer.status_code == 409
    assert "32 CFR 170" in answer.text


def test_only_approvers_record_and_only_the_official_affirms(approver: Person, tracker: Tracker) -> None:
    assert approver.post(PAGE, FORM).status_code == 303
    give(tracker, approver.id, may_approve=False)
    page = approver.get(PAGE).text
    assert "Record a status that stands in SPRS" not in page
    assert "takes the right to approve in this system" in page
    assert approver.post(PAGE, FORM).status_code == 403
    assert approver.post(f"{PAGE}/affirmations", {"affirmed_on": TODAY, "submitted": "on"}).status_code == 403
    with tracker.write(OPERATOR) as work:
        values = {"system_id": 1, "duty": "affirming_official", "requirement": "", "user_id": approver.id}
        work.db.execute(insert(assignments).values(**values, title="President", assigned_at=work.now))
    assert approver.post(f"{PAGE}/affirmations", {"affirmed_on": TODAY}).status_code == 422
    assert approver.post(f"{PAGE}/affirmations", {"affirmed_on": TODAY, "submitted": "on"}).status_code == 303
    assert "President" in approver.get(PAGE).text


def test_strangers_to_the_system_find_no_status(outsider: Person) -> None:
    assert outsider.get(PAGE).status_code == 404
    assert outsider.post(PAGE, FORM).status_code == 404


# Who works where


def test_an_administrator_makes_a_system_and_says_who_works_in_it(admin: Person, user: Person) -> None:
    assert admin.call("POST", "/systems", {"name": "Test lab", "level": 1}).status_code == 201
    page = admin.get("/admin/systems").text
    assert "Test lab" in page
    assert "Nobody may approve here yet" in page
    assert user.get("/systems/test-lab/requirements").status_code == 404
    given = {"person": "bo", "rights": ["contribute", "approve"]}
    assert admin.post("/admin/systems/2/members", given).status_code == 303
    assert user.get("/systems/test-lab/requirements").status_code == 200
    assert admin.post(f"/admin/systems/2/members/{user.id}/end").status_code == 303
    assert user.get("/systems/test-lab/requirements").status_code == 404


def test_who_works_somewhere_is_changed_without_naming_them_again(admin: Person, user: Person) -> None:
    given = {"person": "bo", "rights": ["judge"], "until": "2999-12-31"}
    assert admin.post("/admin/systems/1/members", given).status_code == 303
    page = admin.get("/admin/systems").text
    assert 'href="/admin/systems?at=main&amp;person=bo#system-1"' in page
    opened = admin.get("/admin/systems?at=main&person=bo").text
    assert "<summary>Change what bo may do</summary>" in opened
    assert 'name="person" value="bo"' in opened
    assert 'name="until" value="2999-12-31"' in opened
    boxes = re.findall(r'<input type="checkbox" name="rights" value="(\w+)"( checked)?', opened)
    assert [right for right, checked in boxes if checked] == ["judge"]
    for address in ("?at=main&person=cy", "?at=nowhere&person=bo", "?person=bo", "?at=main"):
        assert 'name="person" value=""' in admin.get(f"/admin/systems{address}").text, address


def test_the_people_to_choose_from_are_those_who_can_sign_in_and_be_members(admin: Person, user: Person) -> None:
    for name, organization in (("asa", "assessor"), ("dan", "ours"), ("pat", "provider")):
        form = {"username": name, "password": "Correct-Horse-Battery-9", "role": "user", "organization": organization}
        assert admin.post("/admin/users", form).status_code in {302, 303}
    (number,) = re.findall(r'/admin/users/(\d+)/disable".*\n.*Disable dan<', admin.get("/admin/users").text)
    assert admin.post(f"/admin/users/{number}/disable").status_code == 302
    offered = re.findall(r'<option value="(\w+)"></option>', admin.get("/admin/systems").text)
    assert offered == ["ada", "bo", "pat"]


def test_wrong_words_are_said_at_the_form_that_they_are_of(admin: Person) -> None:
    answer = admin.post("/admin/systems/1/members", {"person": "nobody", "rights": ["judge"]})
    assert answer.status_code == 422
    assert "nobody called" in answer.text
    boxes = re.findall(r'<input type="checkbox" name="rights" value="(\w+)"( checked)?', answer.text)
    assert [right for right, checked in boxes if checked] == ["judge"]  # sent again, it grants no more than was chosen


def test_users_do_not_say_who_works_where(user: Person) -> None:
    assert user.get("/admin/systems").status_code == 403
    assert user.post("/admin/systems/1/members", {"person": "bo"}).status_code == 403
    assert user.post(f"/admin/systems/1/members/{user.id}/end").status_code == 403
