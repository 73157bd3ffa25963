"""The artifact library as people see it."""

import io

import pytest
from sqlalchemy import text

from cmmc_tracker.services.work import Tracker
from tests.conftest import Person, png


def _upload(person: Person, *files: tuple[bytes, str], **fields: str) -> object:
    data = {"csrf_token": person.token, "system": "main", **fields, "file": [(io.BytesIO(c), n) for c, n in files]}
    return person.client.post("/artifacts/upload", data=data)


def test_an_empty_library_says_what_to_do_next(user: Person) -> None:
    page = user.get("/artifacts").text
    assert "No evidence is in here yet" in page
    assert "/artifacts/upload" in page


def test_files_are_uploaded_without_scripts_each_an_artifact(user: Person) -> None:
    answer = _upload(user, (b"a", "log_review October.txt"), (png(), "shot.png"), objectives="3.1.1[a] 3.1.2[a]")
    assert answer.status_code == 302
    page = user.get("/artifacts").text
    assert "log review October" in page
    assert "AC.L2-3.1.2[a]" in page


def test_one_refused_file_does_not_stop_the_others_and_is_named(user: Person) -> None:
    answer = _upload(user, (b"a", "good.txt"), (b"MZ", "bad.exe"), (b"", "empty.txt"))
    assert answer.status_code == 422
    assert "bad.exe" in answer.text
    assert "empty.txt" in answer.text
    assert "is empty" in answer.text
    assert len(user.call("GET", "/artifacts").get_json()["items"]) == 1


def test_wrong_facts_keep_what_was_typed(user: Person) -> None:
    answer = _upload(user, (b"a", "a.txt"), objectives="3.1.99[a]", description="kept words")
    assert answer.status_code == 422
    assert "There is no requirement 3.1.99" in answer.text
    assert "kept words" in answer.text


def test_no_file_is_told_beside_the_field(user: Person) -> None:
    answer = user.post("/artifacts/upload", {"system": "main"})
    assert answer.status_code == 422
    assert "choose a file first" in answer.text


@pytest.mark.parametrize(
    ("name", "content", "shown"),
    [
        ("a.txt", b"plain <b>text</b>", "plain &lt;b&gt;text&lt;/b&gt;"),
        ("a.csv", b"name,role\r\nada,<i>admin</i>\r\n", "<td>&lt;i&gt;admin&lt;/i&gt;</td>"),
        ("a.md", b"# Title\n\n**bold** <script>x</script>", "<strong>bold</strong>"),
        ("a.png", png(), '<img src="/uploads/1/1/a.png"'),
    ],
)
def test_previews_show_the_content_and_do_no_harm(user: Person, name: str, content: bytes, shown: str) -> None:
    user.upload(name, content)
    page = user.get("/artifacts/1").text
    assert shown in page
    assert "<script>x" not in page


def test_a_pdf_is_shown_as_pictures_of_its_pages(user: Person) -> None:
    from cmmc_tracker.reports.demo_files import pdf

    user.upload("policy.pdf", pdf("Policy", [("One", "text")]))
    page = user.get("/artifacts/1").text
    assert "/artifacts/1/versions/1/pages/1.png" in page
    picture = user.get("/artifacts/1/versions/1/pages/1.png")
    assert picture.mimetype == "image/png"
    assert picture.data.startswith(b"\x89PNG")
    assert user.get("/artifacts/1/versions/1/pages/2.png").status_code == 404


def test_a_broken_pdf_still_has_its_page_and_its_download(user: Person) -> None:
    user.upload("broken.pdf", b"%PDF-1.7\nnothing that follows is right")
    page = user.get("/artifacts/1")
    assert page.status_code == 200
    assert "cannot be shown as pictures" in page.text
    assert user.get("/uploads/1/1/broken.pdf").data.startswith(b"%PDF")


@pytest.mark.parametrize(
    ("name", "content", "inline", "sandboxed"),
    [
        ("a.png", png(), True, True),
        ("a.txt", b"x", True, True),
        ("a.pdf", b"%PDF-1.4 x", True, False),
        ("a.csv", b"a,b", False, True),
        ("a.md", b"x", False, True),
    ],
)
def test_bytes_are_sent_with_their_type_and_can_run_nothing(
    user: Person, name: str, content: bytes, inline: bool, sandboxed: bool
) -> None:
    user.upload(name, content)
    answer = user.get(f"/uploads/1/1/{name}")
    assert answer.data == content
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"].startswith("inline" if inline else "attachment")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert ("sandbox" in policy) is sandboxed
    assert user.get(f"/uploads/1/1/{name}?download").headers["Content-Disposition"].startswith("attachment")


@pytest.mark.parametrize(
    "path",
    [
        "/uploads/1/1/other.txt",
        "/uploads/1/2/a.txt",
        "/uploads/9/1/a.txt",
        "/uploads/1/1/..%2f..%2fcmmc.db",
        "/uploads/../cmmc.db",
        "/uploads/1/1/%00",
        "/uploads/1/1/..%5c..%5cx",
    ],
)
def test_paths_that_climb_or_guess_find_nothing(user: Person, path: str) -> None:
    user.upload("a.txt", b"x")
    assert user.get(path).status_code == 404


def test_facts_are_changed_and_a_stale_change_keeps_what_was_typed(user: Person, admin: Person) -> None:
    user.upload("a.txt", b"x", title="First")
    assert user.post("/artifacts/1", {"title": "Second", "kind": "plan", "version": "1"}).status_code == 302
    stale = admin.post("/artifacts/1", {"title": "Third", "version": "1"})
    assert stale.status_code == 412
    assert 'value="Third"' in stale.text
    assert "<h1>Second</h1>" in stale.text
    wrong = user.post("/artifacts/1", {"title": "", "version": "2"})
    assert wrong.status_code == 422
    assert "give the artifact a title" in wrong.text


def test_a_new_version_by_the_form_and_the_old_one_stays_readable(user: Person) -> None:
    user.upload("a.txt", b"one")
    data = {"csrf_token": user.token, "note": "mended", "version": "1", "file": (io.BytesIO(b"two"), "b.txt")}
    assert user.client.post("/artifacts/1/versions", data=data).status_code == 302
    page = user.get("/artifacts/1?version=1").text
    assert "This is version 1, kept as it was" in page
    assert "mended" in page
    assert user.get("/uploads/1/1/a.txt").data == b"one"


def test_missing_bytes_are_told_on_the_page(user: Person, tracker: Tracker) -> None:
    made = user.upload("a.txt", b"one").get_json()
    tracker.blobs.path(made["current_version"]["sha256"]).unlink()
    page = user.get("/artifacts/1")
    assert page.status_code == 200
    assert "missing from the store" in page.text
    assert user.get("/uploads/1/1/a.txt").status_code == 404


def test_the_trash_hides_an_artifact(user: Person) -> None:
    user.upload("a.txt", b"one")
    assert user.post("/artifacts/1/delete").status_code == 302
    assert user.get("/artifacts/1").status_code == 404


def test_who_searches_for_a_word_is_led_to_the_requirements_too(user: Person) -> None:
    page = user.get("/artifacts?q=multifactor").text
    assert "No artifact fits" in page
    assert 'href="/systems/main/requirements?q=multifactor"' in page
    assert "IA.L2-3.5.3" in user.get("/systems/main/requirements?q=multifactor").text
    assert "Search the requirements" not in user.get("/artifacts").text


def test_the_list_goes_on_with_older_ones(user: Person, tracker: Tracker) -> None:
    for number in range(27):
        user.upload(f"f{number}.txt", b"x")
    page = user.get("/artifacts?kind=other").text
    assert page.count('class="row-link"') == 25
    assert "kind=other&amp;cursor=3" in page or "cursor=3&amp;kind=other" in page
    older = user.get("/artifacts?kind=other&cursor=3").text
    assert older.count('class="row-link"') == 2
    assert "cursor" not in older.split('rel="next"')[0].split("pager")[1]


def test_a_database_that_fails_is_a_page_not_a_trace(user: Person, tracker: Tracker) -> None:
    user.upload("a.txt", b"x")
    with tracker.engine.connect() as connection, connection.begin():
        connection.execute(text("ALTER TABLE artifact_files RENAME TO gone"))
    user.client.application.testing = False
    answer = user.get("/artifacts/1")
    assert answer.status_code in {500, 503}
    assert "Traceback" not in answer.text
