"""Importing archives and registers as people see it."""

import io
import re
import time
import warnings
import zipfile
from pathlib import Path

import openpyxl
import pytest
from werkzeug.test import TestResponse

from cmmc_tracker.services import imports, registers
from tests.conftest import Clock, Person, png
from tests.services.test_imports import zipped

PAGE = "/artifacts/import"


def _send(someone: Person, name: str, content: bytes) -> TestResponse:
    """Send a file; the body is made here, for the test client keeps a large one in a file."""
    body = b'--B\r\nContent-Disposition: form-data; name="system"\r\n\r\nmain\r\n'
    body += b'--B\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n\r\n' % name.encode()
    body += content + b"\r\n--B--\r\n"
    headers = {"X-CSRF-Token": someone.token, "Content-Type": "multipart/form-data; boundary=B"}
    return someone.client.post(PAGE, input_stream=io.BytesIO(body), headers=headers, content_length=len(body))


def _sent(someone: Person, name: str, content: bytes) -> str:
    answer = _send(someone, name, content)
    assert answer.status_code == 302, answer.text
    return answer.headers["Location"]


def _form(page: str) -> dict[str, list[str]]:
    """What the page's form sends when nobody touches it."""
    ticked = re.findall(r'<input type="checkbox" name="(\w+)" value="(\d+)" checked>', page)
    hidden = re.findall(r'<input type="hidden" name="(shown|digest)" value="(\w+)">', page)
    found: dict[str, list[str]] = {}
    for name, value in [*ticked, *hidden]:
        found.setdefault(name, []).append(value)
    return found


def _confirm(someone: Person, place: str) -> TestResponse:
    return someone.post(place, _form(someone.get(place).text))


def _titles(someone: Person) -> list[str]:
    return sorted(one["title"] for one in someone.call("GET", "/artifacts?limit=100").get_json()["items"])


def test_the_way_to_an_import_is_on_the_pages_of_artifacts(user: Person) -> None:
    assert f'href="{PAGE}"' in user.get("/artifacts").text
    assert f'href="{PAGE}"' in user.get("/artifacts/upload").text
    assert "Nothing is done until you confirm it" in user.get(PAGE).text


def test_an_archive_is_shown_first_and_taken_when_it_is_confirmed(user: Person) -> None:
    place = _sent(user, "evidence.zip", zipped(("3.1.1/[a] rules.txt", b"a"), ("x/shot.png", png()), ("b.exe", b"MZ")))
    page = user.get(place).text
    assert "Files taken: 2" in page
    assert 'Link to <span class="nowrap">AC.L2-3.1.1[a]</span>' in page
    assert "Files of type .exe are not taken" in page
    assert _titles(user) == []
    answer = _confirm(user, place)
    assert answer.status_code == 200
    assert "2 files are kept" in answer.text
    assert "The import is done" in answer.text
    assert _titles(user) == ["rules", "shot"]
    assert "AC.L2-3.1.1[a]" in user.get("/artifacts/1").text
    again = user.post(place, {"member": "0"})
    assert again.status_code == 409
    assert "nothing was done twice" in again.text
    assert user.get(place).status_code == 409


def test_a_file_or_a_link_that_is_not_chosen_is_not_made(user: Person) -> None:
    place = _sent(user, "a.zip", zipped(("3.1.1[a] one.txt", b"a"), ("3.1.2[a] two.txt", b"b")))
    form = _form(user.get(place).text)
    answer = user.post(place, {"member": form["member"][:1], "shown": form["shown"]})
    assert answer.status_code == 200
    assert "not chosen" in answer.text
    assert _titles(user) == ["one"]
    assert "not linked yet" in user.get("/artifacts").text


def test_what_fails_is_named_and_the_rest_is_kept(user: Person) -> None:
    answer = _confirm(user, _sent(user, "a.zip", zipped(("a.txt", b"a"), ("fake.png", b"words"))))
    assert answer.status_code == 422
    assert "1 file failed" in answer.text
    assert "its content is text" in answer.text
    assert _titles(user) == ["a"]


def test_a_long_archive_goes_on_with_a_button(user: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "MOST_FILES", 2)
    place = _sent(user, "a.zip", zipped(*((f"3.1.1[a] {n}.txt", b"%d" % n) for n in range(3))))
    answer = _confirm(user, place)
    assert "Go on with the rest" in answer.text
    assert "1 file that you chose is still to be taken" in answer.text
    form = _form(answer.text)
    assert len(form["member"]) == len(form["link"]) == 1
    assert "2 files of this archive are kept already" in user.get(place).text
    done = user.post(place, form)
    assert "The import is done" in done.text
    assert _titles(user) == ["0", "1", "2"]


def test_an_archive_that_was_kept_whole_before_a_kill_says_so_and_offers_nothing(
    user: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    place = _sent(user, "a.zip", zipped(("a.txt", b"a"), ("b.txt", b"b")))
    assert "Nothing was kept of it yet" in user.get(place).text
    with monkeypatch.context() as patch:
        patch.setattr(imports, "finish", killed)
        with pytest.raises(Killed):
            _confirm(user, place)
    page = user.get(place).text
    assert "Every file of this archive is kept." in page
    assert "Nothing was kept" not in page
    assert "Take in the chosen files" not in page
    assert _titles(user) == ["a", "b"]


def test_nothing_chosen_says_so_and_numbers_that_are_none_choose_nothing(user: Person) -> None:
    place = _sent(user, "a.zip", zipped(("a.txt", b"a")))
    for form in ({}, {"member": ["x", "-1", "9" * 30, "²"]}):
        answer = user.post(place, form)
        assert answer.status_code == 422
        assert "Choose at least one file" in answer.text
    shown = _form(user.get(place).text)["shown"]
    assert "not chosen" in user.post(place, {"member": "123456", "shown": shown}).text
    assert _titles(user) == []


def test_a_page_of_another_archive_is_stale(user: Person) -> None:
    place = _sent(user, "a.zip", zipped(("a.txt", b"a")))
    answer = user.post(place, {"member": _form(user.get(place).text)["member"], "shown": "0" * 64})
    assert answer.status_code == 412
    assert "choose again" in answer.text
    assert _titles(user) == []


def test_an_import_is_nobody_elses(user: Person, admin: Person, outsider: Person, stranger: Person) -> None:
    place = _sent(user, "a.zip", zipped(("a.txt", b"a")))
    form = _form(user.get(place).text)
    for someone in (admin, outsider):
        assert someone.get(place).status_code == 404
        assert someone.post(place, form).status_code == 404
    assert stranger.client.get(place).status_code == 302
    assert _send(outsider, "a.zip", zipped(("a.txt", b"a"))).status_code == 422
    assert "not add any" in outsider.get(PAGE).text
    assert user.get(f"{PAGE}/99").status_code == 404
    assert _titles(user) == []


def test_an_import_is_forgotten_after_a_day(user: Person, clock: Clock) -> None:
    place = _sent(user, "a.zip", zipped(("a.txt", b"a")))
    clock.forward(days=1, seconds=1)
    user.sign_in()
    assert user.get(place).status_code == 404


@pytest.mark.parametrize(
    ("name", "content", "status", "said"),
    [
        ("a.pdf", b"%PDF-1.4", 422, "Choose a ZIP archive"),
        ("a.zip", b"no archive", 415, "its content is text"),
        ("a.zip", zipped(), 422, "is empty"),
        ("a.csv", b"", 422, "is empty"),
        ("a.csv", b"just,words\nof,people\n", 422, "No header was found"),
        ("a.xlsx", zipped(("[Content_Types].xml", b"<a/>"), ("xl/x", b"")), 422, "cannot be read"),
        ("a.zip", zipped(*((f"{n}.txt", b"x") for n in range(10_000))), 422, "at most 2,000 are made at once"),
        ("a.zip", zipped(*((f"{n}.txt", b"x") for n in range(10_001))), 422, "at most 10,000 are looked through"),
    ],
    ids=["pdf", "text", "no members", "no bytes", "no header", "no workbook", "10,000 files", "10,001 entries"],
)
def test_what_cannot_be_imported_says_why_and_is_not_kept(
    user: Person, tmp_path: Path, name: str, content: bytes, status: int, said: str
) -> None:
    answer = _send(user, name, content)
    assert answer.status_code == status
    assert said in answer.text
    assert [one for one in (tmp_path / "uploads").rglob("*") if one.is_file() and one.name != ".gate"] == []


def test_no_file_or_two_are_told(user: Person) -> None:
    assert "choose a file first" in user.post(PAGE, {"system": "main"}).text
    files = [(io.BytesIO(b"x"), "a.csv"), (io.BytesIO(b"y"), "b.csv")]
    answer = user.client.post(PAGE, data={"csrf_token": user.token, "file": files})
    assert (answer.status_code, "one at a time" in answer.text) == (422, True)


def test_hostile_members_are_refused_one_by_one_and_the_good_ones_are_offered(user: Person) -> None:
    file = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        warnings.simplefilter("ignore")
        archive.writestr("inner.zip", zipped(("a.txt", b"a")))
        archive.writestr("zeros.txt", b"\0" * 20_000_000)
        archive.writestr("Same.txt", b"one")
        archive.writestr("same.TXT", b"two")
        archive.writestr("../../etc/<b>passwd.txt", b"three")
        archive.writestr("__MACOSX/._Same.txt", b"four")
    place = _sent(user, "hostile.zip", file.getvalue())
    page = user.get(place).text
    for said in (
        "an archive in an archive is not unpacked",
        "as only a bomb does",
        "differs from it only by case",
        "leads out of the archive",
        "Hidden files of a computer",
        "&lt;b&gt;passwd",
    ):
        assert said in page, said
    assert "<b>passwd" not in page
    assert _confirm(user, place).status_code == 200
    assert len(_titles(user)) == 3


def test_ten_thousand_refused_entries_are_shown_in_bounds_and_soon(user: Person) -> None:
    begun = time.monotonic()
    place = _sent(user, "a.zip", zipped(("a.txt", b"a"), *((f"{n}.exe", b"x") for n in range(9_999))))
    page = user.get(place).text
    assert "And 9,499 more." in page
    assert len(page) < 300_000
    assert time.monotonic() - begun < 15


def test_a_csv_of_one_line_of_fifty_megabytes_is_refused_soon_and_not_kept(user: Person, tmp_path: Path) -> None:
    content = b"title,objectives," + b"x" * 50_000_000
    begun = time.monotonic()
    answer = _send(user, "a.csv", content)
    assert answer.status_code == 422
    assert "Line 1 is longer than" in answer.text
    assert time.monotonic() - begun < 10
    answer = _send(user, "a.csv", b"title,objectives\n" + b"a,3.1.1[a]\n" * 2_000_000)
    assert "too large for a register: 22,000,017 bytes" in answer.text
    assert [one for one in (tmp_path / "uploads").rglob("*") if one.is_file() and one.name != ".gate"] == []


REGISTER = b"Title,Objectives,Kind,Owner,Location,SHA-256,Colour\n"


def test_a_register_shows_before_and_after_and_is_applied_when_confirmed(user: Person) -> None:
    user.upload("rules.txt", b"rules", kind="plan")
    rows = b"rules.txt,3.1.1[a],Policy,bo,,,red\nmissing,,,,,,\nfar,,,,https://a.example," + b"a" * 64 + b",\n"
    place = _sent(user, "register.csv", REGISTER + rows)
    page = user.get(place).text
    for said in (
        "plan → policy",
        "link to AC.L2-3.1.1[a]",
        "There is no artifact “missing”",
        "new, held at",
        "“Colour” is not used",
        "1 to change, 1 to register where they are, 1 refused",
    ):
        assert said in page, said
    answer = _confirm(user, place)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/artifacts")
    page = user.get("/artifacts").text
    assert "2 artifacts were changed or registered" in page
    assert "https://a.example" in page
    assert "AC.L2-3.1.1[a]" in user.get("/artifacts/1").text
    assert user.post(place, {"row": "2"}).status_code == 409


def test_a_register_whose_plan_is_no_longer_so_is_shown_again(user: Person) -> None:
    user.upload("rules.txt", b"rules", kind="plan")
    place = _sent(user, "register.csv", REGISTER + b"rules.txt,,Policy,,,,\n")
    form = _form(user.get(place).text)
    user.call("PATCH", "/artifacts/1", {"kind": "log"})
    answer = user.post(place, form)
    assert answer.status_code == 412
    assert "somebody changed the artifacts meanwhile" in answer.text
    assert "log → policy" in answer.text
    assert user.post(place, _form(answer.text)).status_code == 302


def test_a_register_without_a_chosen_row_or_a_change_says_so(user: Person) -> None:
    user.upload("rules.txt", b"rules", kind="plan")
    place = _sent(user, "register.csv", REGISTER + b"rules.txt,,Policy,,,,\n")
    answer = user.post(place, {"digest": _form(user.get(place).text)["digest"]})
    assert answer.status_code == 422
    assert "Choose 1 to 1,000 rows; these are 0" in answer.text
    nothing = user.get(_sent(user, "register.csv", REGISTER + b"rules.txt,,Plan,,,,\n")).text
    assert "No row changes anything" in nothing
    assert "1 row changes nothing" in nothing


def test_what_a_register_says_is_text_and_nothing_else(user: Person) -> None:
    user.upload("rules.txt", b"rules")
    rows = "title,description,<i>x</i>\nrules.txt,<script>alert(1)</script> =1+1,y\n"
    page = user.get(_sent(user, "register.csv", rows.encode())).text
    assert "<script>alert" not in page
    assert "<i>x" not in page
    assert "&lt;script&gt;" in page


def test_a_workbook_is_a_register(user: Person) -> None:
    user.upload("rules.txt", b"rules")
    workbook = openpyxl.Workbook()
    workbook.active.append(["File", "Objectives"])
    workbook.active.append(["rules.txt", "3.1.1[a]"])
    file = io.BytesIO()
    workbook.save(file)
    place = _sent(user, "register.xlsx", file.getvalue())
    assert _confirm(user, place).status_code == 302
    assert "AC.L2-3.1.1[a]" in user.get("/artifacts/1").text


def test_a_long_register_goes_on_in_turns(user: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registers, "MOST_ROWS", 1)
    for name in ("a", "b"):
        user.upload(f"{name}.txt", name.encode())
    place = _sent(user, "register.csv", REGISTER + b"a.txt,,Policy,,,,\nb.txt,,Policy,,,,\n")
    assert "only the first are chosen" in user.get(place).text
    assert _confirm(user, place).headers["Location"] == place
    page = user.get(place).text
    assert "1 artifact was changed or registered. Go on with the rest." in page
    assert "1 to change, 1 without a change" in page
    assert _confirm(user, place).headers["Location"] == "/artifacts"
