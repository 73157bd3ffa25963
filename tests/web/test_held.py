"""Evidence that stays where it is, on pages: registered without scripts, shown as held, never as a broken file."""

import hashlib
import io
import re
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from cmmc_tracker.services import held, quarantine
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.enclave import Enclave
from tests.conftest import OPERATOR, Person

HASH = hashlib.sha256(b"pump").hexdigest()
PLACE = "cad/pump <1>.pdf"
SHOWN = "cad/pump &lt;1&gt;.pdf"
FORM = {"system": "main", "title": "Pump", "location": PLACE, "sha256": HASH}


def _sent(user: Person, **fields: Any) -> TestResponse:
    return user.post("/artifacts/upload", {**FORM, **fields})


@pytest.fixture
def pump(user: Person) -> Person:
    """Artifact 1 is held elsewhere and linked to 3.1.1[a]."""
    assert _sent(user, objectives="3.1.1[a]", filename="pump.pdf", size="4").status_code == 302
    return user


def test_it_is_registered_by_the_form_and_its_page_says_where_it_is(user: Person) -> None:
    answer = _sent(user, objectives="3.1.1[a]", size="", filename="")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/artifacts/1")
    page = user.get("/artifacts/1").text
    assert "registered where it is" in page
    assert re.search(rf"<strong>Held at</strong> <span[^>]*>{SHOWN}", page)
    for said in ("name not said", "size not known", "not yet where it is held", HASH):
        assert said in page, said
    for unsaid in ("/uploads/", "Download", "Open in its own tab", "None"):
        assert unsaid not in page, unsaid


def test_without_a_title_its_name_or_its_place_gives_one(user: Person) -> None:
    _sent(user, title="", filename="Pump_1.pdf")
    _sent(user, title="")
    titles = [one["title"] for one in user.call("GET", "/artifacts").get_json()["items"]]
    assert titles == ["pump <1>", "Pump 1"]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"sha256": "abc"}, "The SHA-256 must be 64"),
        ({"sha256": ""}, "Give its SHA-256"),
        ({"location": ""}, "Say where it is held"),
        ({"size": "some"}, "whole number of bytes"),
        ({"collected_on": "2999-01-01"}, "collected in the future"),
        ({"objectives": "9.9.9[z]"}, "9.9.9"),
        ({"file": (io.BytesIO(b"x"), "a.txt")}, "not both"),
    ],
)
def test_what_is_wrong_is_told_and_what_was_typed_stays(user: Person, fields: dict[str, Any], told: str) -> None:
    answer = _sent(user, **{"filename": "pump.pdf", "description": "of the <cooling> loop", **fields})
    assert answer.status_code == 422
    page = answer.text
    assert told in page
    assert re.search(r"<details class=\"fold\" open><summary>It must stay where it is", page)
    typed = {**FORM, "filename": "pump.pdf", **{n: v for n, v in fields.items() if isinstance(v, str)}}
    for name in ("location", "sha256", "filename", "title"):
        shown = typed[name].replace("<", "&lt;").replace(">", "&gt;")
        assert re.search(rf'name="{name}" type="text" value="{re.escape(shown)}"', page), name
    assert "of the &lt;cooling&gt; loop" in page
    assert user.call("GET", "/artifacts").get_json()["items"] == []


def test_neither_a_file_nor_a_place_is_nothing(user: Person) -> None:
    answer = user.post("/artifacts/upload", {"system": "main", "title": "Kept title"})
    assert answer.status_code == 422
    assert "choose a file first, or say below where it must stay" in answer.text
    assert "Kept title" in answer.text


def test_everywhere_it_is_named_it_is_said_to_be_held_there(pump: Person) -> None:
    pump.upload("b.txt", b"other")
    for path in (
        "/artifacts",
        "/artifacts?q=pump",
        f"/artifacts?q={HASH}",
        "/artifacts/1",
        "/systems/main/requirements/AC.L2-3.1.1",
        "/artifacts/picker?system=main&objective=3.1.1[b]&q=pump",
        "/artifacts/1/compare",
    ):
        page = re.sub(r"</?(?:mark|span|strong)[^>]*>", "", pump.get(path).text)
        assert re.search(rf"[Hh]eld at {re.escape(SHOWN)}", page), path


def test_its_bytes_have_an_address_that_says_where_they_are(pump: Person) -> None:
    answer = pump.get("/uploads/1/1/pump.pdf")
    assert answer.status_code == 409
    assert f"held at {SHOWN}" in answer.text
    assert answer.mimetype == "text/html"
    assert pump.get("/uploads/1/1/other.pdf").status_code == 404
    assert pump.get("/artifacts/1/versions/1/pages/1.png").status_code in {404, 409}


def test_a_page_of_a_held_pdf_is_refused_not_drawn(user: Person) -> None:
    data = {"title": "P", "location": PLACE, "sha256": HASH, "media_type": "application/pdf"}
    assert user.client.post("/api/v1/artifacts", data=data, headers={"X-CSRF-Token": user.token}).status_code == 201
    assert user.get("/artifacts/1/versions/1/pages/1.png").status_code == 409
    assert user.get("/artifacts/1").status_code == 200


def test_a_new_version_is_held_by_the_same_fields_and_compared(pump: Person) -> None:
    form = {"version": "2", "location": "cad/new.pdf", "sha256": "A" * 64, "note": "revised"}
    version = re.search(r'versions"[^>]*>\s*.*?name="version" value="(\d+)"', pump.get("/artifacts/1").text, re.S)
    assert version
    answer = pump.post("/artifacts/1/versions", {**form, "version": version[1]})
    assert answer.status_code == 302, answer.text
    page = pump.get("/artifacts/1/compare").text
    assert "cad/new.pdf" in page
    assert SHOWN in page
    stored = {"version": str(int(version[1]) + 1), "file": (io.BytesIO(b"text"), "open.txt")}
    assert pump.post("/artifacts/1/versions", stored).status_code == 302
    page = pump.get("/artifacts/1/compare").text
    assert "open.txt" in page
    assert "cad/new.pdf" in page
    assert "Download" in pump.get("/artifacts/1").text
    assert "Download" not in pump.get("/artifacts/1?version=2").text


def test_a_new_version_that_is_wrong_or_stale_keeps_what_was_typed(pump: Person) -> None:
    form = {"location": "cad/new <2>.pdf", "sha256": "abc", "note": "revised", "covers_from": "2026-01-02"}
    for version, sha256, status in (("1", "abc", 422), ("99", "b" * 64, 412)):
        answer = pump.post("/artifacts/1/versions", {**form, "version": version, "sha256": sha256})
        assert answer.status_code == status
        for said in ("cad/new &lt;2&gt;.pdf", f'value="{sha256}"', 'value="revised"', 'value="2026-01-02"'):
            assert said in answer.text, (status, said)
    assert pump.call("GET", "/artifacts/1").get_json()["current_version"]["number"] == 1


def test_a_check_in_its_place_is_shown_and_damage_stands_on_the_dashboard(
    pump: Person, admin: Person, tracker: Tracker, tmp_path: Path
) -> None:
    place = tmp_path / "enclave" / PLACE
    place.parent.mkdir(parents=True)
    place.write_bytes(b"pump")
    held.recheck(tracker, OPERATOR, Enclave(tmp_path / "enclave"))
    assert re.search(r"checked there on <time[^>]*>[^<]*</time>: intact", pump.get("/artifacts/1").text)
    assert "held elsewhere" not in admin.get("/").text
    place.write_bytes(b"other")
    held.recheck(tracker, OPERATOR, Enclave(tmp_path / "enclave"))
    page = pump.get("/artifacts/1").text
    assert "What is held there is not what was registered" in page
    assert f"{SHOWN}</span> altered" in page
    assert "restored them from a backup" not in page
    dashboard = admin.get("/").text
    assert "1 held elsewhere is not as registered" in dashboard
    assert "Altered: <a href" in dashboard
    assert "Bytes are not what was received" not in dashboard
    assert "Altered: <a href" not in pump.get("/").text
    assert "integrity broken" in page


LINES = f"{HASH}  cad/pump.pdf\n{'b' * 64} *cad/valve <2>.pdf\n{'c' * 64}\tcad/seal.pdf\t12\tseal.pdf\tapplication/pdf"
SEVERAL = {"system": "main", "title": "Pump", "held_files": LINES}


def test_several_files_that_stay_are_registered_as_one_artifact_by_pasted_lines(user: Person) -> None:
    answer = user.post("/artifacts/upload", {**SEVERAL, "title": "", "objectives": "3.1.1[a]"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/artifacts/1")
    page = user.get("/artifacts/1").text
    assert "Its 3 files are registered where they are" in page
    assert "<h1>pump</h1>" in page
    for said in ("1. held at cad/pump.pdf", "2. held at cad/valve &lt;2&gt;.pdf", "3. seal.pdf"):
        assert said in page, said
    third = user.get("/artifacts/1?file=3").text
    assert re.search(r'<dt>Held at</dt><dd class="location">cad/seal.pdf</dd>', third)
    assert "application/pdf, 12 bytes" in third
    assert "cad/pump.pdf" in user.get("/artifacts").text
    assert "and 2 more" in user.get("/artifacts").text
    assert "and 2 more" in user.get("/artifacts/picker?system=main&objective=3.1.1[b]&q=pump").text


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"held_files": f"{LINES}\nnonsense <b>"}, "Line 4: It must be the SHA-256"),
        ({"location": PLACE, "sha256": HASH}, "Keep one of the two"),
        ({"file": (io.BytesIO(b"x"), "a.txt")}, "not both"),
        ({"collected_on": "2999-01-01"}, "collected in the future"),
    ],
)
def test_lines_that_are_wrong_are_told_and_stay_as_they_were_typed(
    user: Person, fields: dict[str, Any], told: str
) -> None:
    answer = user.post("/artifacts/upload", {**SEVERAL, **fields})
    assert answer.status_code == 422
    assert told in answer.text
    assert re.search(r"<details class=\"fold\" open><summary>It must stay where it is", answer.text)
    typed = fields.get("held_files", LINES).replace("<", "&lt;").replace(">", "&gt;")
    assert f">{typed}</textarea>" in answer.text
    assert user.call("GET", "/artifacts").get_json()["items"] == []


def test_a_new_version_of_several_files_that_stay_and_what_is_wrong_in_it(pump: Person) -> None:
    version = str(pump.call("GET", "/artifacts/1").get_json()["version"])
    wrong = pump.post("/artifacts/1/versions", {"version": version, "held_files": "x <1>", "note": "three now"})
    assert wrong.status_code == 422
    for said in ("Line 1: It must be", "x &lt;1&gt;</textarea>", 'value="three now"', '<details class="fold" open>'):
        assert said in wrong.text, said
    assert pump.post("/artifacts/1/versions", {"version": "99", "held_files": LINES}).status_code == 412
    assert pump.post("/artifacts/1/versions", {"version": version, "held_files": LINES}).status_code == 302
    compared = pump.get("/artifacts/1/compare").text
    for said in (SHOWN, "cad/valve &lt;2&gt;.pdf", "cad/seal.pdf", "the same bytes in both"):
        assert said in compared, said
    assert '3 files</span> <span class="quiet small">held at' in pump.get("/artifacts/1").text


def test_what_waits_in_quarantine_and_is_held_elsewhere_shows_its_places_and_no_download(
    user: Person, outsider: Person, tracker: Tracker
) -> None:
    assert user.post("/artifacts/upload", SEVERAL).status_code == 302
    with tracker.write(OPERATOR) as work:
        quarantine.hold(work, 1, "Looked at again.")
    assert "held at <span" in user.get("/quarantine").text
    page = user.get("/quarantine/1").text
    for said in ("cad/pump.pdf", "cad/valve &lt;2&gt;.pdf", "cad/seal.pdf", HASH, "File 2 of 3", "seal.pdf</h2>"):
        assert said in page, said
    for unsaid in ("Download", "/files/", "None"):
        assert unsaid not in page, unsaid
    refused = user.get("/quarantine/1/files/2")
    assert (refused.status_code, "held at cad/valve &lt;2&gt;.pdf" in refused.text) == (409, True)
    assert outsider.get("/quarantine/1/files/2").status_code == 404
    version = re.search(r'name="version" value="(\d+)"', page)
    assert version
    assert user.post("/quarantine/1/accept", {"version": version[1], "title": "Seen"}).status_code == 302
    assert "cad/pump.pdf" in user.get("/artifacts/1").text
