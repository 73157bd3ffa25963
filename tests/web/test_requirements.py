"""The list of requirements, and the page where people live."""

import io
import re

import pytest

from cmmc_tracker.services.work import Tracker
from tests.conftest import Person

PAGE = "/systems/main/requirements/AC.L2-3.1.1"


def test_the_list_shows_all_requirements_by_family(user: Person) -> None:
    page = user.get("/systems/main/requirements").text
    assert page.count('class="row-link"') == 110
    assert "AC · Access Control" in page
    assert page.index("AC.L2-3.1.2<") < page.index("AC.L2-3.1.10<")


@pytest.mark.parametrize(
    ("query", "rows"), [("family=PS", 2), ("q=multifactor", 1), ("status=met", 0), ("without=1", 110)]
)
def test_the_list_narrows_by_family_text_and_status(user: Person, query: str, rows: int) -> None:
    page = user.get(f"/systems/main/requirements?{query}").text
    assert page.count('class="row-link"') == rows
    if not rows:
        assert "No requirement fits this filter" in page


def _rows_of(page: str) -> list[str]:
    return re.findall(r'class="row-link" href="[^"]*/(\w\w\.L2-[\d.]+)"', page)


def test_the_list_shows_and_narrows_by_who_owns_a_requirement(user: Person, admin: Person) -> None:
    whole = "/systems/main/requirements"
    assert len(_rows_of(user.get(f"{whole}?owner=(nobody)").text)) == 110
    for what, who in (("AT", "bo"), ("3.1.1", "ada")):
        assert admin.post("/systems/main/people", {"duty": "owner", "what": what, "person": who}).status_code == 302
    page = user.get(whole).text
    assert page.count('<td data-label="Owner">bo</td>') == 3
    assert page.count('<td data-label="Owner">ada</td>') == 1
    assert _rows_of(user.get(f"{whole}?owner=ada").text) == ["AC.L2-3.1.1"]
    assert len(_rows_of(user.get(f"{whole}?owner=bo").text)) == 3
    assert len(_rows_of(user.get(f"{whole}?owner=(nobody)").text)) == 106
    assert _rows_of(user.get(f"{whole}?owner=bo&family=AC").text) == []
    assert "No requirement fits this filter." in user.get(f"{whole}?owner=stranger").text
    admin.post(f"/admin/users/{user.id}/disable", {})
    assert "cannot sign in any more" in admin.get(whole).text


def test_numbers_as_people_type_them_lead_to_the_page(user: Person) -> None:
    answer = user.get("/systems/main/requirements/3.1.1?objective=b")
    assert answer.status_code == 302
    assert answer.headers["Location"] == f"{PAGE}?objective=b"


def test_judging_by_the_form_saves_and_returns_to_the_objective(user: Person) -> None:
    form = {"status": "met", "note": "seen", "methods": ["examine", "test"], "version": "1"}
    answer = user.post(f"{PAGE}/objectives/b", form)
    assert answer.status_code == 302
    assert answer.headers["Location"] == f"{PAGE}?objective=b#objective-b"
    page = user.get(PAGE).text
    assert "judged by bo" in page
    assert ">seen</textarea>" in page


def test_a_wrong_judgement_keeps_what_was_typed_beside_the_error(user: Person) -> None:
    answer = user.post(f"{PAGE}/objectives/b", {"status": "not_applicable", "note": " ", "version": "1"})
    assert answer.status_code == 422
    assert "needs a written reason" in answer.text
    assert 'value="not_applicable" checked' in answer.text


def test_a_note_of_a_megabyte_is_refused_at_its_field_and_not_lost(user: Person) -> None:
    note = "word " * 209_716
    answer = user.post(f"{PAGE}/objectives/b", {"status": "met", "note": note, "version": "1"})
    assert answer.status_code == 422
    assert "at most 20,000 characters" in answer.text
    assert note.strip() in answer.text
    assert 'name="version" value="1"' in answer.text


def test_a_stale_judgement_shows_both_texts_and_can_be_saved_again(user: Person, admin: Person) -> None:
    admin.post(f"{PAGE}/objectives/b", {"status": "not_met", "note": "hers", "version": "1"})
    answer = user.post(f"{PAGE}/objectives/b", {"status": "met", "note": "mine", "version": "1"})
    assert answer.status_code == 412
    assert "“hers”" in answer.text
    assert ">mine</textarea>" in answer.text
    assert 'name="version" value="2"' in answer.text
    assert user.post(f"{PAGE}/objectives/b", {"status": "met", "note": "mine", "version": "2"}).status_code == 302


def test_a_script_gets_the_objective_alone(user: Person) -> None:
    form = {"status": "met", "note": "", "version": "1"}
    answer = user.post(f"{PAGE}/objectives/b", form, headers={"X-Part": "objective"})
    assert answer.status_code == 200
    assert answer.text.count('<details class="objective"') == 1
    assert "<html" not in answer.text
    assert "data-headline" in answer.text


def test_the_narrative_is_saved_and_a_stale_one_is_kept_on_the_page(user: Person, admin: Person) -> None:
    form = {"narrative": "Ours", "implementation_status": "implemented", "responsibility": "own", "version": "1"}
    assert user.post(f"{PAGE}/implementation", form).status_code == 302
    stale = admin.post(f"{PAGE}/implementation", {**form, "narrative": "Theirs"})
    assert stale.status_code == 412
    assert "Theirs</textarea>" in stale.text
    assert "<p>Ours</p>" in stale.text


def test_markdown_of_a_narrative_can_do_no_harm(user: Person, admin: Person) -> None:
    evil = "<script>alert(1)</script> [x](javascript:alert(1)) ![y](http://evil.example/p.png) **bold**"
    form = {"narrative": evil, "implementation_status": "implemented", "responsibility": "own", "version": "1"}
    user.post(f"{PAGE}/implementation", form)
    page = admin.post(f"{PAGE}/implementation", form).text
    assert "<strong>bold</strong>" in page
    assert "<script>alert" not in page
    assert 'href="javascript' not in page
    assert "<img" not in page.split("<main")[1]


def test_a_file_put_on_an_objective_without_scripts_is_linked_there(user: Person) -> None:
    data = {
        "csrf_token": user.token,
        "system": "main",
        "objectives": "AC.L2-3.1.1[c]",
        "next": f"{PAGE}?objective=c",
        "file": [(io.BytesIO(b"one"), "first file.txt"), (io.BytesIO(b"two"), "second.txt")],
    }
    answer = user.client.post("/artifacts/upload", data=data)
    assert (answer.status_code, answer.headers["Location"]) == (302, f"{PAGE}?objective=c")
    page = user.get(PAGE).text
    assert "first file" in page
    assert "2 files" in page


def test_the_picker_finds_and_links_an_artifact(user: Person) -> None:
    made = user.upload("policy.txt", b"x", title="Access policy").get_json()
    page = user.get("/artifacts/picker?system=main&objective=AC.L2-3.1.1[a]&q=acc").text
    assert "Access policy" in page
    form = {"system": "main", "objective": "AC.L2-3.1.1[a]", "locator": "§2", "next": PAGE}
    assert user.post(f"/artifacts/{made['id']}/link", form).headers["Location"] == PAGE
    assert "§2" in user.get(PAGE).text
    assert user.post(f"/artifacts/{made['id']}/unlink", form).status_code == 302
    assert "§2" not in user.get(PAGE).text


def test_official_wording_is_shown_beside_the_summary_with_its_source(
    user: Person, tracker: Tracker, actor: object
) -> None:
    from sqlalchemy import insert

    from cmmc_tracker.storage.tables import wording_sources, wordings

    with tracker.write() as work:
        made = work.db.execute(
            insert(wording_sources).values(
                level=2, title="The publisher's file", edition="1", sha256="0" * 64, imported_at=work.now
            )
        ).inserted_primary_key
        assert made
        work.db.execute(
            insert(wordings).values(
                source_id=made[0], item="AC.L2-3.1.1[a]", requirement="AC.L2-3.1.1", prose="official words"
            )
        )
    page = user.get(PAGE).text
    assert "official words" in page
    assert "The publisher&#39;s file" in page


@pytest.mark.parametrize("path", ["/systems/nope/requirements", "/systems/main/requirements/9.9.9"])
def test_what_is_not_there_is_told_plainly(user: Person, path: str) -> None:
    answer = user.get(path)
    assert answer.status_code in {404, 422}
    assert len(answer.data) < 8_000
    assert "Traceback" not in answer.text


def test_a_broken_version_field_is_malformed(user: Person) -> None:
    assert user.post(f"{PAGE}/objectives/b", {"status": "met", "version": "x"}).status_code == 400
