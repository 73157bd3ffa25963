"""The page of packages: frozen with a reason, refused without one, downloaded, and closed to others."""

import io
import zipfile

from cmmc_tracker.domain.audit import Event
from cmmc_tracker.reports.registry import REPORTS
from cmmc_tracker.services import audit
from cmmc_tracker.services.work import Tracker
from tests.conftest import Person
from tests.services.evidence import give, other_system

PAGE = "/systems/main/packages"
FORM = {"name": "Of record", "purpose": "final", "reason": "To see what is missing."}


def test_a_package_is_frozen_shown_and_downloaded(user: Person) -> None:
    assert user.upload("policy.txt", b"what we do", objectives="3.1.1[a]").status_code == 201
    answer = user.post(PAGE, FORM)
    assert answer.status_code == 303
    page = user.get(answer.headers["Location"]).text
    assert "Package 1: Of record" in page
    assert "artifacts/AC/AC.L2-3.1.1/a policy.txt" in page
    zipped = user.get(f"{PAGE}/1/download")
    assert zipped.mimetype == "application/zip"
    assert zipped.headers["Content-Disposition"].startswith("attachment;")
    with zipfile.ZipFile(io.BytesIO(zipped.data)) as found:
        assert found.testzip() is None
        assert found.read("artifacts/AC/AC.L2-3.1.1/a policy.txt") == b"what we do"
        assert {"documents/sprs.json", "documents/poam.xlsx", "documents/artifacts.xlsx"} <= set(found.namelist())
    assert "Of record" in user.get(PAGE).text


def test_each_download_stands_in_the_log_with_who_took_it(user: Person, tracker: Tracker) -> None:
    user.post(PAGE, FORM)
    for path in (f"{PAGE}/1/download", f"/api/v1{PAGE}/1/download"):
        assert user.get(path).status_code == 200
    with tracker.read() as work:
        entries = [one for one in audit.history(work, "package:1") if one.action == Event.PACKAGE_DOWNLOADED]
    assert [one.actor for one in entries] == ["bo", "bo"]


def test_without_a_reason_it_says_what_is_not_ready_and_keeps_what_was_typed(user: Person) -> None:
    answer = user.post(PAGE, {**FORM, "reason": ""})
    assert answer.status_code == 409
    assert "findings of the readiness checks are open" in answer.text
    assert 'value="Of record"' in answer.text
    assert "Nothing was frozen yet." in answer.text


def test_a_name_is_needed(user: Person) -> None:
    answer = user.post(PAGE, {**FORM, "name": ""})
    assert answer.status_code == 422
    assert "Give the package a name" in answer.text
    assert "To see what is missing." in answer.text


def test_a_second_package_tells_what_was_added(user: Person) -> None:
    user.post(PAGE, FORM)
    user.upload("policy.txt", b"what we do", objectives="3.1.1[a]")
    place = user.post(PAGE, FORM).headers["Location"]
    page = user.get(place).text
    assert "Since package 1" in page
    assert "Artifacts: 1 added" in page
    changes = user.get(f"{place}/changes").text
    assert "What changed from package 1 to 2" in changes
    assert "Artifact 1: policy.txt" in changes
    user.call("PATCH", "/systems/main/requirements/3.1.1/objectives/a", {"status": "not_met"})
    place = user.post(PAGE, FORM).headers["Location"]
    changes = user.get(f"{place}/changes").text
    assert "AC.L2-3.1.1[a]" in changes
    assert ">NOT MET<" in changes
    assert user.get(f"{place}/changes?since=1").status_code == 200
    for nonsense in ("9", "-1", "x", "\u0661"):
        assert user.get(f"{place}/changes?since={nonsense}").status_code == 404
    assert user.get(f"{PAGE}/1/changes").status_code == 404  # nothing is before the first


def test_a_package_has_every_document(user: Person, every_document: None) -> None:
    user.post(PAGE, FORM)
    with zipfile.ZipFile(io.BytesIO(user.get(f"{PAGE}/1/download").data)) as found:
        made = {name.removeprefix("documents/") for name in found.namelist() if name.startswith("documents/")}
    impossible = {"oscal-poam.json"}  # an empty POA&M has no valid document
    assert made == {*REPORTS, "records.json"} - impossible


def test_strangers_to_the_system_find_nothing(user: Person, outsider: Person, stranger: Person) -> None:
    assert user.post(PAGE, FORM).status_code == 303
    for path in (PAGE, f"{PAGE}/1", f"{PAGE}/1/download"):
        assert outsider.get(path).status_code == 404
        assert stranger.get(path).status_code == 302
    assert outsider.post(PAGE, FORM).status_code == 404


def test_a_package_is_found_in_its_own_system_only(user: Person, tracker: Tracker) -> None:
    user.post(PAGE, FORM)
    other_system(tracker, user.id)
    assert user.get("/systems/lab/packages/1").status_code == 404
    assert user.get("/systems/lab/packages/1/download").status_code == 404


def test_who_may_not_judge_sees_packages_and_freezes_none(user: Person, tracker: Tracker) -> None:
    user.post(PAGE, FORM)
    give(tracker, user.id, may_judge=False)
    assert "Freeze a package" not in user.get(PAGE).text
    assert user.post(PAGE, FORM).status_code == 403
    assert user.get(f"{PAGE}/1/download").status_code == 200


# The API


def test_the_api_freezes_lists_shows_and_sends_packages(user: Person) -> None:
    refused = user.call("POST", PAGE, {"name": "Of record"})
    assert refused.status_code == 409
    assert "findings" in refused.get_json()["detail"]
    made = user.call("POST", PAGE, {"name": "Of record", "reason": "to see"})
    assert made.status_code == 201
    told = made.get_json()
    assert {"id", "number", "name", "frozen_at", "snapshot_sha256", "artifacts", "bytes"} <= told.keys()
    assert user.call("GET", PAGE).get_json() == {"items": [told]}
    assert user.call("GET", f"{PAGE}/{told['id']}").get_json() == {**told, "holds": []}
    assert zipfile.is_zipfile(io.BytesIO(user.get(f"/api/v1{PAGE}/{told['id']}/download").data))
    assert user.call("GET", f"{PAGE}/99").status_code == 404
    assert user.call("POST", PAGE, {}).status_code == 422
    assert user.call("POST", PAGE, {"name": "x", "purpose": "party", "reason": "y"}).status_code == 422


def test_the_exports_are_made_from_what_stands_now(user: Person) -> None:
    told = user.call("GET", "/systems/main/exports/sprs.json").get_json()
    assert (told["score"], told["max"], len(told["requirements"])) == (None, 110, 110)
    assert told["provisional"] is True
    assert user.call("GET", "/systems/main/exports/artifacts.xlsx").status_code == 200
    assert user.call("GET", "/systems/main/exports/nothing.xlsx").status_code == 404
