"""What people see of an upload's examination, of the virus scanner, and of the wish to take a location out."""

import hashlib
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from cmmc_tracker.app import build
from cmmc_tracker.config import Settings
from cmmc_tracker.opening import open_tracker
from cmmc_tracker.services import verify
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.scanner import Clamd
from cmmc_tracker.storage.tables import artifacts as artifacts_table
from tests.conftest import Person, person
from tests.domain.samples import pdf, picture, zipped
from tests.storage.test_scanner import BAD, LIMIT, Daemon, clamd

LOCATED = picture("JPEG", turned=6)
SCRIPTED = pdf(b"/S/JavaScript/JS(app.alert(1))")


def files(folder: Path) -> list[str]:
    """What is in the store, names of folders left out."""
    return sorted(p.name for p in (folder / "uploads").rglob("*") if p.is_file() and p.name != ".gate")


def send(person: Person, *files: tuple[str, bytes], **fields: str) -> TestResponse:
    """Upload by the page."""
    data: dict[str, Any] = {"csrf_token": person.token, "system": "main", **fields}
    data["file"] = [(io.BytesIO(content), name) for name, content in files]
    return person.client.post("/artifacts/upload", data=data)


def entries(admin: Person, action: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = admin.call("GET", f"/audit?action={action}").get_json()["items"]
    return found


# Examination


def test_what_was_noticed_is_in_the_answer_on_the_page_and_in_the_log(user: Person, admin: Person) -> None:
    current = user.upload("a.pdf", SCRIPTED).get_json()["current_version"]
    assert current["warnings"] == ["It holds JavaScript, which a PDF program may run."]
    assert current["files"][0]["warnings"] == current["warnings"]
    page = user.get("/artifacts/1").text
    assert "Noticed at upload" in page
    assert "<li>It holds JavaScript, which a PDF program may run.</li>" in page
    assert entries(admin, "artifact:created")[0]["detail"]["warnings"] == current["warnings"]


def test_nothing_noticed_is_nothing_said(user: Person) -> None:
    assert user.upload("a.txt", b"text").get_json()["current_version"]["warnings"] == []
    assert "Noticed" not in user.get("/artifacts/1").text


def test_each_version_keeps_what_was_noticed_in_it(user: Person) -> None:
    user.upload("a.pdf", SCRIPTED)
    data = {"file": (io.BytesIO(b"text"), "b.txt"), "csrf_token": user.token}
    made = user.client.post("/api/v1/artifacts/1/versions", data=data).get_json()
    assert made["current_version"]["warnings"] == []
    assert "Noticed" not in user.get("/artifacts/1").text
    assert "JavaScript" in user.get("/artifacts/1?version=1").text


def test_names_from_inside_an_archive_are_shown_as_text(user: Person) -> None:
    user.upload("a.zip", zipped("../<img src=x onerror=alert(1)>.exe"))
    page = user.get("/artifacts/1").text
    assert "../&lt;img src=x onerror=alert(1)&gt;.exe" in page
    assert "<img src=x" not in page


def test_what_an_archive_holds_is_listed_without_unpacking_it(user: Person) -> None:
    user.upload("a.zip", zipped("rules/<b>.txt", "zeros", content=b"\0" * 20_000_000))
    page = user.get("/artifacts/1").text
    assert "2 entries, 40.0 MB when unpacked" in page
    assert "<td>rules/&lt;b&gt;.txt</td>" in page
    user.upload("b.zip", zipped(*map(str, range(300))))
    assert "The first 200 of them." in user.get("/artifacts/2").text


def test_what_was_noticed_is_never_a_reason_to_refuse_or_change_a_file(user: Person) -> None:
    for name, content in (
        ("a.zip", zipped("zeros", content=b"\0" * 20_000_000)),
        ("a.docx", zipped("[Content_Types].xml", "word/document.xml", "word/vbaProject.bin")),
        ("a.pdf", SCRIPTED),
        ("a.jpg", LOCATED),
        ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\xff" * 600),
    ):
        answer = user.upload(name, content)
        assert answer.status_code == 201, answer.text
        made = answer.get_json()
        assert made["current_version"]["warnings"]
        assert made["current_version"]["sha256"] == hashlib.sha256(content).hexdigest()
        assert user.get(f"/api/v1/artifacts/{made['id']}/versions/1/content").data == content


def test_the_outcome_of_several_files_names_those_with_something_to_look_at(user: Person) -> None:
    assert send(user, ("a.pdf", SCRIPTED), ("b.txt", b"x")).status_code == 302
    page = user.get("/artifacts").text
    assert "a.pdf, b.txt are kept." in page
    assert "Something was noticed in a.pdf: see the page of each." in page


def test_the_outcome_of_many_files_still_fits_into_the_cookie(user: Person) -> None:
    many = [(f"{hashlib.sha256(str(number).encode()).hexdigest()}.pdf", SCRIPTED) for number in range(60)]
    answer = send(user, *many)
    assert answer.status_code == 302
    assert all(len(cookie) < 4_000 for cookie in answer.headers.getlist("Set-Cookie"))
    told = user.get("/artifacts").text.split('class="flash"')[1].split("</p>")[0]
    assert "and 55 more are kept" in told
    assert len(told) < 600


def test_beside_a_refused_file_the_kept_ones_tell_what_was_noticed(user: Person) -> None:
    answer = send(user, ("a.pdf", SCRIPTED), ("b.exe", b"MZ"))
    assert answer.status_code == 422
    assert "It holds JavaScript" in answer.text
    assert "Files of type .exe are not taken" in answer.text


# Location


def test_a_location_is_named_and_stays_unless_somebody_asks(user: Person) -> None:
    made = user.upload("a.jpg", LOCATED).get_json()
    assert "where it was taken" in made["current_version"]["warnings"][0]
    assert user.get("/uploads/1/1/a.jpg").data == LOCATED


@pytest.mark.parametrize("way", ["page", "api", "version", "version page"])
def test_a_location_is_taken_out_for_who_asks_and_that_is_said(user: Person, admin: Person, way: str) -> None:
    number = 1
    if way == "page":
        send(user, ("a.jpg", LOCATED), strip_location="yes")
    elif way == "api":
        user.upload("a.jpg", LOCATED, strip_location="yes")
    else:
        user.upload("a.txt", b"first")
        number = 2
        path = "/api/v1/artifacts/1/versions" if way == "version" else "/artifacts/1/versions"
        data = {"csrf_token": user.token, "strip_location": "yes", "file": (io.BytesIO(LOCATED), "a.jpg")}
        assert user.client.post(path, data=data).status_code in {201, 302}
    current = user.call("GET", "/artifacts/1").get_json()["current_version"]
    sent = hashlib.sha256(LOCATED).hexdigest()
    bytes_kept = user.get(f"/uploads/1/{number}/a.jpg").data
    assert current["sha256"] == hashlib.sha256(bytes_kept).hexdigest() != sent
    assert current["size"] == len(bytes_kept)
    assert b"A camera" not in bytes_kept
    assert len(current["warnings"]) == 1
    assert "taken out" in current["warnings"][0]
    assert sent in current["warnings"][0]
    assert sent in user.get("/artifacts/1").text
    event = "artifact:created" if number == 1 else "artifact:versioned"
    assert entries(admin, event)[0]["detail"]["sent_sha256"] == sent


def test_only_the_changed_bytes_are_in_the_store(user: Person, tracker: Tracker, tmp_path: Path) -> None:
    made = user.upload("a.jpg", LOCATED, strip_location="yes").get_json()
    assert files(tmp_path) == [made["current_version"]["sha256"]]
    assert verify.run(tracker).problems == []


def test_the_wish_changes_no_file_that_has_nothing_to_take_out(user: Person) -> None:
    for name, content in (("a.txt", b"text"), ("a.pdf", SCRIPTED)):
        current = user.upload(name, content, strip_location="yes").get_json()["current_version"]
        assert current["sha256"] == hashlib.sha256(content).hexdigest()
        assert "taken out" not in " ".join(current["warnings"])


def test_a_picture_that_the_location_cannot_be_taken_out_of_is_refused_to_who_asked(
    user: Person, tmp_path: Path
) -> None:
    answer = user.upload("a.jpg", LOCATED[:-40], strip_location="yes")
    assert answer.status_code == 422
    assert "cannot be taken out" in answer.get_json()["errors"]["file"]
    assert files(tmp_path) == []
    assert user.upload("a.jpg", LOCATED[:-40]).status_code == 201


def test_a_wish_that_cannot_be_understood_is_refused(user: Person, tmp_path: Path) -> None:
    answer = user.upload("a.jpg", LOCATED, strip_location="perhaps")
    assert answer.status_code == 422
    assert "strip_location" in answer.get_json()["errors"]
    assert send(user, ("a.jpg", LOCATED), strip_location="perhaps").status_code == 422
    assert files(tmp_path) == []


def test_the_upload_page_offers_the_wish_and_keeps_it_beside_an_error(user: Person) -> None:
    assert 'name="strip_location" value="yes"' in user.get("/artifacts/upload").text
    answer = send(user, ("b.exe", b"MZ"), strip_location="yes")
    assert 'name="strip_location" value="yes" checked' in answer.text


# The virus scanner


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A real ClamAV daemon."""
    with clamd(tmp_path_factory.mktemp("clamd")) as found:
        yield found


def scanned_by(url: str, settings: Settings, tracker: Tracker) -> Person:
    """Somebody on an installation with that scanner."""
    app: Flask = build(settings, replace(tracker, scanner=Clamd(url)))
    return person(app, tracker, "dee", "admin")


@pytest.fixture
def scanned(daemon: Daemon, settings: Settings, tracker: Tracker) -> Person:
    """Dee's uploads are shown to a real scanner."""
    return scanned_by(daemon.unix, settings, tracker)


@pytest.fixture
def unscanned(settings: Settings, tracker: Tracker, tmp_path: Path) -> Person:
    """Dee's uploads would be shown to a scanner that is not there."""
    return scanned_by(f"unix://{tmp_path}/nothing", settings, tracker)


def mark_when_away(admin: Person) -> None:
    page = admin.get("/config").text
    version = page.split('name="version" value="')[1].split('"')[0]
    form = {"session_idle_minutes": "30", "session_longest_hours": "12", "scanner_away": "mark", "version": version}
    assert admin.post("/config", form).status_code == 302


def rows(tracker: Tracker) -> int:
    with tracker.read() as work:
        return len(work.rows(select(artifacts_table.c.id)))


def test_an_infected_file_is_refused_nothing_is_kept_and_the_log_says_so(
    scanned: Person, tracker: Tracker, tmp_path: Path
) -> None:
    answer = scanned.upload("letter.txt", BAD)
    assert answer.status_code == 422
    assert "Own.Test.Signature" in answer.get_json()["errors"]["file"]
    assert files(tmp_path) == []
    assert rows(tracker) == 0
    entry = entries(scanned, "upload:refused")[0]
    assert entry["actor"] == "dee"
    assert entry["entity"] == f"upload:{hashlib.sha256(BAD).hexdigest()}"
    assert entry["detail"]["file"] == "letter.txt"
    assert entry["detail"]["found"].startswith("Own.Test.Signature")
    page = send(scanned, ("letter.txt", BAD), ("good.txt", b"good"))
    assert page.status_code == 422
    assert "Own.Test.Signature" in page.text
    assert rows(tracker) == 1


def test_an_infected_version_is_refused_too(scanned: Person, tmp_path: Path) -> None:
    made = scanned.upload("a.txt", b"good").get_json()
    data = {"csrf_token": scanned.token, "file": (io.BytesIO(BAD), "b.txt")}
    assert scanned.client.post("/artifacts/1/versions", data=data).status_code == 422
    assert files(tmp_path) == [made["current_version"]["sha256"]]


def test_a_clean_file_is_taken_without_a_word(scanned: Person) -> None:
    assert scanned.upload("a.txt", b"good").get_json()["current_version"]["warnings"] == []


def test_while_the_scanner_is_away_files_are_refused_until_it_is_back(unscanned: Person, tmp_path: Path) -> None:
    answer = unscanned.upload("a.txt", b"good")
    assert answer.status_code == 503
    assert "virus scanner cannot be asked" in answer.get_json()["detail"]
    assert "try again" in answer.get_json()["detail"]
    assert send(unscanned, ("a.txt", b"good")).status_code == 503
    assert files(tmp_path) == []


def test_while_the_scanner_is_away_files_are_taken_and_marked_where_the_settings_say_so(unscanned: Person) -> None:
    mark_when_away(unscanned)
    current = unscanned.upload("a.txt", b"good").get_json()["current_version"]
    assert current["warnings"][0].startswith("Not scanned for viruses")
    assert "Not scanned for viruses" in unscanned.get("/artifacts/1").text


def test_a_file_too_long_for_the_scanner_is_refused_or_marked_and_the_setting_is_named(
    scanned: Person, tmp_path: Path
) -> None:
    content = b"x" * (LIMIT + 1)
    answer = scanned.upload("a.txt", content)
    assert answer.status_code == 422
    assert "StreamMaxLength" in answer.get_json()["errors"]["file"]
    assert files(tmp_path) == []
    mark_when_away(scanned)
    current = scanned.upload("a.txt", content).get_json()["current_version"]
    assert "StreamMaxLength" in current["warnings"][0]


def test_the_scanner_s_address_comes_from_the_environment_and_without_one_nobody_is_asked(
    settings: Settings, database_url: str
) -> None:
    without = open_tracker(settings)
    assert without.scanner is None
    named = open_tracker(replace(settings, scanner_url="tcp://127.0.0.1:3310"))
    assert isinstance(named.scanner, Clamd)
    for tracker in (without, named):
        tracker.engine.dispose()


def test_without_a_scanner_no_socket_is_opened(user: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise AssertionError("something connects")

    monkeypatch.setattr("socket.create_connection", refused)
    monkeypatch.setattr("cmmc_tracker.storage.scanner.socket.socket.connect", refused)
    assert user.upload("a.txt", b"text").status_code == 201
