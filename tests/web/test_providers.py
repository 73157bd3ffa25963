"""The pages of providers and their matrices: works, stranger, another's system, reader, bad input, stale, import."""

import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from openpyxl import Workbook
from sqlalchemy import event, insert, update

from cmmc_tracker.domain.catalog import load
from cmmc_tracker.domain.permissions import Access
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import matrix_lines, memberships, specials
from tests.conftest import OPERATOR, Person, person

PROVIDERS = "/systems/main/providers"
CLOUD = {"name": "Northwind Cloud", "is_cloud": "on", "holds": "cui", "services": "Mail and files"}
ONE = f"{PROVIDERS}/1"
LINE = f"{ONE}/matrix/AC.L2-3.1.1/a"


@pytest.fixture
def cloud(user: Person) -> Person:
    """Bo, after Northwind Cloud was named: provider 1."""
    assert user.post(PROVIDERS, CLOUD).headers["Location"] == ONE
    return user


@pytest.fixture
def reader(app: Flask, tracker: Tracker) -> Person:
    """Dee may look at `main`, and no more."""
    made = person(app, tracker, "dee")
    with tracker.write(OPERATOR) as work:
        of_it = update(memberships).where(memberships.c.user_id == made.id)
        work.db.execute(of_it.values(may_contribute=False, may_judge=False, may_approve=False))
    return made


def _inherit(tracker: Tracker, main: Access, requirement: str = "AC.L2-3.1.1", letter: str = "a") -> None:
    """Say that an objective is inherited."""
    with tracker.write(OPERATOR) as work:
        key = {"system_id": main.system_id, "requirement": requirement, "letter": letter}
        said = {"basis": "inherited", "description": "Northwind does it.", "recorded_at": datetime.now(UTC)}
        work.db.execute(insert(specials).values(**key, **said))


def test_pages_open_for_a_member_and_are_not_there_for_others(cloud: Person, outsider: Person) -> None:
    for path in (PROVIDERS, ONE, f"{ONE}/matrix/AC.L2-3.1.1", f"{ONE}/import"):
        assert cloud.get(path).status_code == 200, path
        assert outsider.get(path).status_code == 404, path
    assert cloud.get(f"{PROVIDERS}/7").status_code == 404
    assert cloud.get(f"{ONE}/matrix/3.1.1").status_code == 302
    assert cloud.get(f"{ONE}/matrix/AC.L2-3.1.99").status_code == 404


def test_cui_in_a_cloud_service_without_a_basis_is_told_with_the_clause(cloud: Person) -> None:
    page = cloud.get(ONE).text
    assert "no FedRAMP basis is recorded" in page
    assert "170.16(c)(2)" in page
    assert "has no responsibility matrix" in page
    form = {
        **CLOUD,
        "basis": "authorized",
        "basis_on": "2026-01-02",
        "basis_link": "https://marketplace.example/northwind",
        "matrix_on": "2026-06-01",
        "version": "1",
    }
    assert cloud.post(ONE, form).status_code == 302
    page = cloud.get(ONE).text
    assert "Missing:" not in page
    assert 'href="https://marketplace.example/northwind"' in page
    old = cloud.post(ONE, {**form, "matrix_on": "2020-06-01", "version": "2"})
    assert old.status_code == 302
    assert "older than a year" in cloud.get(PROVIDERS).text


EQUIVALENT = {**CLOUD, "basis": "equivalent", "matrix_on": "2026-06-01"}
UNPROVED = "is said to be equivalent to FedRAMP Moderate, and nothing shows it"


@pytest.fixture
def proved(cloud: Person) -> Person:
    """Bo, after the equivalency of Northwind Cloud was shown by artifact 1."""
    assert cloud.upload("boe.txt", b"what they do", title="Body of <evidence>", kind="contract").status_code == 201
    assert cloud.post(ONE, {**EQUIVALENT, "basis_artifact_id": "1", "version": "1"}).status_code == 302
    return cloud


def _acted(who: Person, act: str) -> None:
    """Retire artifact 1, or bring it back, as its page offers it."""
    version = str(who.call("GET", "/artifacts/1").get_json()["version"])
    assert who.post("/artifacts/1/review", {"act": act, "remark": "Over.", "version": version}).status_code == 302


def test_equivalency_asks_for_a_link_or_an_artifact_that_shows_it(cloud: Person) -> None:
    assert cloud.post(ONE, {**EQUIVALENT, "version": "1"}).status_code == 302
    assert UNPROVED in cloud.get(ONE).text
    assert UNPROVED in cloud.get(PROVIDERS).text
    assert UNPROVED in cloud.get("/systems/main/readiness").text
    linked = {**EQUIVALENT, "basis_link": "https://northwind.example/boe", "version": "2"}
    assert cloud.post(ONE, linked).status_code == 302
    assert UNPROVED not in cloud.get(ONE).text
    assert UNPROVED not in cloud.get("/systems/main/readiness").text


def test_the_artifact_that_shows_it_is_led_to_under_its_title_of_today(proved: Person) -> None:
    page = proved.get(ONE).text
    assert 'proved by <a href="/artifacts/1">Body of &lt;evidence&gt;</a>' in page
    assert "Missing:" not in page
    assert proved.call("PATCH", "/artifacts/1", {"title": "Letter of the assessor"}).status_code == 200
    newer = {"held_files": f"{'a' * 64}  enclave/boe.txt", "version": "2"}
    assert proved.post("/artifacts/1/versions", newer).status_code == 302
    assert 'proved by <a href="/artifacts/1">Letter of the assessor</a>' in proved.get(ONE).text
    assert UNPROVED not in proved.get("/systems/main/readiness").text


def test_what_is_retired_shows_nothing_any_more_and_is_said_to_be(proved: Person) -> None:
    _acted(proved, "retire")
    page = proved.get(ONE).text
    assert "Body of &lt;evidence&gt;</a> (retired)" in page
    assert UNPROVED in page
    assert UNPROVED in proved.get("/systems/main/readiness").text
    _acted(proved, "revive")
    assert UNPROVED not in proved.get(ONE).text


def test_what_lies_in_the_trash_shows_nothing_stays_named_and_counts_again_when_it_is_back(proved: Person) -> None:
    assert proved.call("DELETE", "/artifacts/1").status_code == 204
    page = proved.get(ONE).text
    assert "proved by artifact 1, which is in the trash or in quarantine" in page
    assert "Body of" not in page
    assert UNPROVED in page
    again = {**EQUIVALENT, "basis_artifact_id": "1", "note": "still named", "version": "2"}
    assert proved.post(ONE, again).status_code == 302
    assert proved.post("/trash/1/restore", {}).status_code == 302
    page = proved.get(ONE).text
    assert 'href="/artifacts/1">Body of' in page
    assert UNPROVED not in page


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": ""}, "name"),
        ({"holds": ""}, "holds"),
        ({"basis_link": "javascript:go()"}, "basis_link"),
        ({"basis_on": "2999-01-01"}, "basis_on"),
        ({"matrix_on": "soon"}, "matrix_on"),
        ({"matrix_artifact_id": "99"}, "matrix_artifact_id"),
        ({"basis_artifact_id": "99"}, "basis_artifact_id"),
        ({"basis_artifact_id": "x"}, "basis_artifact_id"),
        ({"matrix_artifact_id": "x"}, "matrix_artifact_id"),
    ],
)
def test_a_wrong_field_of_a_provider_is_named_and_what_was_typed_stays(
    user: Person, wrong: dict[str, str], field: str
) -> None:
    answer = user.post(PROVIDERS, {**CLOUD, "note": "typed by hand", **wrong})
    assert answer.status_code == 422
    assert f'href="#{field}"' in answer.text
    assert "typed by hand" in answer.text


def test_a_stale_provider_is_told_and_a_provider_is_taken_away_with_its_matrix(cloud: Person) -> None:
    assert cloud.post(PROVIDERS, CLOUD).status_code == 422  # of the same name
    assert cloud.post(LINE, {"duty": "provider", "version": "0"}).status_code == 302
    stale = cloud.post(ONE, {**CLOUD, "note": "typed", "version": "9"})
    assert stale.status_code == 412
    assert ">typed</textarea>" in stale.text
    assert cloud.post(f"{ONE}/remove", {"version": "9"}).status_code == 412
    assert cloud.post(f"{ONE}/remove", {"version": "1"}).status_code == 302
    assert cloud.get(ONE).status_code == 404
    assert "Northwind" not in cloud.get("/systems/main/requirements/AC.L2-3.1.1").text


def test_a_reader_changes_nothing(cloud: Person, reader: Person) -> None:
    assert "Northwind Cloud" in reader.get(ONE).text
    for path, form in (
        (PROVIDERS, CLOUD),
        (ONE, CLOUD),
        (f"{ONE}/remove", {}),
        (LINE, {"duty": "provider"}),
        (f"{ONE}/import", {}),
        (f"{ONE}/import/1", {}),
    ):
        assert reader.post(path, form).status_code == 403, path
    assert reader.get(f"{ONE}/import").status_code == 403


def test_a_line_is_written_changed_shown_at_the_requirement_and_taken_away(cloud: Person) -> None:
    made = cloud.upload("matrix.txt", b"the matrix", title="The matrix", kind="contract").get_json()["id"]
    said = {"duty": "shared", "text": "They patch, we approve.", "artifact_id": str(made), "version": "0"}
    assert cloud.post(LINE, said).status_code == 302
    page = cloud.get("/systems/main/requirements/AC.L2-3.1.1?objective=a").text
    assert "They patch, we approve." in page
    assert f'href="{ONE}/matrix/AC.L2-3.1.1#objective-a"' in page
    stale = cloud.post(LINE, {**said, "text": "typed anew"})
    assert stale.status_code == 412
    assert "typed anew" in stale.text
    assert cloud.post(LINE, {**said, "duty": "provider", "version": "1"}).status_code == 302
    assert cloud.post(LINE, {"act": "remove", "version": "1"}).status_code == 412
    assert cloud.post(LINE, {"act": "remove", "version": "2"}).status_code == 302
    assert cloud.post(LINE, {"act": "remove", "version": "2"}).status_code == 404


def test_a_wrong_line_is_told(cloud: Person) -> None:
    assert cloud.post(LINE, {"version": "0"}).status_code == 422
    assert cloud.post(LINE, {"duty": "nobody", "version": "0"}).status_code == 422
    wrong = cloud.post(LINE, {"duty": "shared", "artifact_id": "99", "version": "0"})
    assert wrong.status_code == 422
    assert "no such artifact" in wrong.text
    assert cloud.post(f"{ONE}/matrix/AC.L2-3.1.1/z", {"duty": "shared"}).status_code == 404


def test_a_claim_without_a_line_is_listed_and_a_circle_is_refused_with_the_clause(
    cloud: Person, tracker: Tracker, main: Access
) -> None:
    _inherit(tracker, main)
    page = cloud.get(PROVIDERS).text
    assert "It is judged as inherited, and no line of a matrix gives it to a provider." in page
    circle = cloud.post(LINE, {"duty": "customer", "text": "typed", "version": "0"})
    assert circle.status_code == 409
    assert "each would rest on the other" in circle.text
    assert "170.19(c)(2)" in circle.text
    assert ">typed</textarea>" in circle.text
    assert cloud.post(LINE, {"duty": "provider", "version": "0"}).status_code == 302
    assert "Nothing: each claim has its line." in cloud.get(PROVIDERS).text
    changed = cloud.call("PATCH", "/systems/main/requirements/AC.L2-3.1.2", {"responsibility": "shared"})
    assert changed.status_code == 200
    assert "shared with a provider, and no line" in cloud.get(PROVIDERS).text


def test_the_matrix_of_a_draft_waits_until_the_provider_is_confirmed(admin: Person) -> None:
    form = {"organization": "A", "system_name": "Enclave", "cui": "no", "place": "cloud", "host": "Hoster"}
    versions = dict(re.findall(r'name="(version|system_version)" value="(\d+)"', admin.get("/welcome").text))
    assert admin.post("/welcome", {**form, **versions}).status_code == 302
    assert "It is a draft" in admin.get(PROVIDERS).text
    refused = admin.post(LINE, {"duty": "provider", "version": "0"})
    assert refused.status_code == 409
    assert "Confirm it first" in refused.text
    confirmed = {"name": "Hoster", "is_cloud": "on", "holds": "spd", "version": "1"}
    assert admin.post(ONE, confirmed).status_code == 302
    assert admin.post(LINE, {"duty": "provider", "version": "0"}).status_code == 302


SHEET = (
    "Northwind shared responsibility matrix,,\n"
    "Control ID,Responsibility,Details\n"
    "Access Control,,\n"
    "AC.L2-3.1.1[a],Provider,They keep the list.\n"
    "3.1.1.b,Shared,Both.\n"
    "3.1.2,Customer,You do.\n"
    "3.99.1,Provider,what is this\n"
    "3.1.3[a],,merged\n"
    "3.1.4[a],Provider,one\n"
    "3.1.4[a],Customer,other\n"
)


def _send(who: Person, text: str | bytes, name: str = "crm.csv") -> Any:
    data = text if isinstance(text, bytes) else text.encode()
    return who.post(f"{ONE}/import", {"file": (io.BytesIO(data), name)})


def _hidden(page: str) -> dict[str, str]:
    form = page[page.index('name="digest"') - 80 :]
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form))


def test_a_providers_sheet_is_mapped_previewed_and_confirmed(cloud: Person) -> None:
    assert cloud.post(f"{ONE}/matrix/AC.L2-3.1.1/c", {"duty": "shared", "version": "0"}).status_code == 302
    assert cloud.post(LINE, {"duty": "customer", "version": "0"}).status_code == 302
    sent = _send(cloud, SHEET)
    assert sent.status_code == 302
    here = sent.headers["Location"]
    page = cloud.get(here).text
    assert '<option value="2" selected>row 2' in page  # where the headings stand
    assert "3 objectives to add, 1 to change, 0 as they are; 3 refused; 1 lines that are here" in page
    assert "1 row names a requirement without a letter" in page
    assert "Rows 9, 10 say different things of it" in page
    assert "does not say whose duty it is" in page
    assert "3.99.1" in page
    form = {**_hidden(page), "matrix_on": "2026-06-01", "drop_missing": "on"}
    assert cloud.post(here, {**form, "digest": "x"}).status_code == 412
    assert cloud.post(here, {**form, "matrix_on": "2999-01-01"}).status_code == 422
    assert cloud.post(here, form).status_code == 302
    page = cloud.get(ONE).text
    assert "4 lines, of 1 Jun 2026" in page
    assert "They keep the list." in cloud.get(f"{ONE}/matrix/AC.L2-3.1.1").text
    assert cloud.post(here, form).status_code == 409  # done already


def test_another_choice_of_columns_is_followed_and_a_wrong_one_is_told(cloud: Person) -> None:
    sheet = "Which,Who,Said\n3.1.1[a],vendor,text\n3.1.1[b],nobody knows,text\n"
    here = _send(cloud, sheet).headers["Location"]
    assert "1 objectives to add" in cloud.get(f"{here}?header=1&column_id=0&column_duty=1&column_text=2").text
    assert "Say which column tells whose duty it is" in cloud.get(f"{here}?header=1&column_id=0").text
    assert "name the same column" in cloud.get(f"{here}?header=1&column_id=0&column_duty=0").text
    assert "not of this sheet" in cloud.get(f"{here}?header=1&column_id=77&column_duty=0").text


def test_a_workbook_with_marks_is_read_and_merged_cells_are_named(cloud: Person) -> None:
    book = Workbook()
    sheet = book.active
    sheet.append(["Objective", "CSP", "Customer", "Shared"])
    sheet.append(["3.1.1[a]", "X", None, None])
    sheet.append(["3.1.1[b]", "They do", "You do", None])
    sheet.append([None, "X", None, None])
    sheet.append(["3.1.1[c]", None, None, None])
    sheet.merge_cells("A3:A4")
    file = io.BytesIO()
    book.save(file)
    page = cloud.get(_send(cloud, file.getvalue(), "crm.xlsx").headers["Location"]).text
    assert "2 objectives to add" in page
    assert "It names no objective; if its cell is merged" in page
    assert "It does not say whose duty it is" in page


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_a_matrix_is_exported_and_imported_again_without_a_change(cloud: Person, outsider: Person, ending: str) -> None:
    sent = cloud.post("/api/v1/artifacts", {"file": (io.BytesIO(b"crm"), "crm.txt"), "title": "=Signed matrix"})
    assert sent.status_code == 201
    line = {"duty": "shared", "text": "=They; we\n\n-both", "artifact_id": "1", "version": "0"}
    assert cloud.post(LINE, line).status_code == 302
    file = cloud.get(f"{ONE}/matrix.{ending}")
    assert f"responsibility-matrix-main-1.{ending}" in file.headers["Content-Disposition"]
    assert f'href="{ONE}/matrix.{ending}"' in cloud.get(ONE).text
    assert outsider.get(f"{ONE}/matrix.{ending}").status_code == 404
    assert cloud.get(f"{PROVIDERS}/7/matrix.{ending}").status_code == 404
    assert cloud.get(f"{ONE}/matrix.pdf").status_code == 404
    page = cloud.get(_send(cloud, file.data, f"crm.{ending}").headers["Location"]).text
    assert "0 objectives to add, 0 to change, 1 as they are; 0 refused; 0 lines" in page
    assert cloud.post(f"{LINE}", {"act": "remove", "version": "1"}).status_code == 302
    here = _send(cloud, file.data, f"crm.{ending}").headers["Location"]
    assert cloud.post(here, _hidden(cloud.get(here).text)).status_code == 302
    page = cloud.get(f"{ONE}/matrix/AC.L2-3.1.1").text
    assert "=They; we\n\n-both" in page
    assert 'Now: <a href="/artifacts/1">=Signed matrix</a>' in page


def test_an_import_is_its_senders_alone_and_of_its_system(cloud: Person, admin: Person) -> None:
    here = _send(cloud, SHEET).headers["Location"]
    assert admin.get(here).status_code == 404
    assert admin.post(here, {"digest": "x"}).status_code == 404
    assert cloud.get(here.replace("/1/import", "/7/import")).status_code == 404


def test_a_circle_in_a_sheet_is_refused_row_by_row(cloud: Person, tracker: Tracker, main: Access) -> None:
    _inherit(tracker, main, "AC.L2-3.1.2", "a")
    page = cloud.get(_send(cloud, SHEET).headers["Location"]).text
    assert "each would rest on the other" in page


@pytest.fixture
def counted(tracker: Tracker) -> Iterator[list[str]]:
    """The statements that are run."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    event.listen(tracker.engine, "before_cursor_execute", note)
    yield seen
    event.remove(tracker.engine, "before_cursor_execute", note)


def test_the_pages_cost_the_same_statements_whatever_the_matrix_has(
    cloud: Person, tracker: Tracker, counted: list[str]
) -> None:
    paths = (
        PROVIDERS,
        ONE,
        f"{ONE}/matrix/AC.L2-3.1.1",
        "/systems/main/requirements/AC.L2-3.1.1",
        "/systems/main/scope",
    )

    def cost(path: str) -> int:
        counted.clear()
        assert cloud.get(path).status_code == 200
        return len(counted)

    few = [cost(path) for path in paths]
    for number in range(5):
        assert cloud.post(PROVIDERS, {**CLOUD, "name": f"Other {number}"}).status_code == 302
    with tracker.write(OPERATOR) as work:
        lines = [
            {"provider_id": 1, "requirement": r.id, "letter": o.letter, "duty": "shared"}
            for r in load(2).requirements
            for o in r.objectives
        ]
        work.db.execute(insert(matrix_lines), lines)
    assert [cost(path) for path in paths] == few
