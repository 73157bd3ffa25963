"""A package's download: the same bytes from anywhere, a broken one goes on, nothing damaged goes out unsaid."""

import hashlib
import io
import zipfile

import pytest
from sqlalchemy import update

from cmmc_tracker.domain.audit import Event
from cmmc_tracker.gate import places
from cmmc_tracker.reports.handoff import verify
from cmmc_tracker.services import audit, quarantine
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import blobs
from tests.conftest import Person

PAGE = "/systems/main/packages"
FORM = {"name": "Of record", "purpose": "final", "reason": "To see what is missing."}
ADDRESS = f"{PAGE}/1/download"


@pytest.fixture
def whole(user: Person) -> bytes:
    """The zip of a package with two artifacts."""
    assert user.upload("policy.txt", b"what we do " * 500, objectives="3.1.1[a]").status_code == 201
    assert user.upload("list.csv", b"ada,bo\n" * 900, objectives="3.1.2[b]").status_code == 201
    assert user.post(PAGE, FORM).status_code == 303
    return bytes(user.get(ADDRESS).data)


def test_a_download_that_was_cut_goes_on_where_it_stood_and_gives_the_same_zip(user: Person, whole: bytes) -> None:
    first = user.get(ADDRESS)
    tag = first.headers["ETag"]
    assert first.content_length == len(whole)
    assert first.headers["Accept-Ranges"] == "bytes"
    for at in (0, 1, 29, 30, 700, 5_000, len(whole) // 2, len(whole) - 23, len(whole) - 1):
        rest = user.get(ADDRESS, headers={"Range": f"bytes={at}-", "If-Range": tag})
        assert rest.status_code == 206
        assert rest.headers["Content-Range"] == f"bytes {at}-{len(whole) - 1}/{len(whole)}"
        assert rest.headers["ETag"] == tag
        assert whole[:at] + rest.data == whole
    assert zipfile.ZipFile(io.BytesIO(whole)).testzip() is None


def test_any_pieces_put_together_are_the_zip(user: Person, whole: bytes) -> None:
    step = len(whole) // 7
    pieces = [user.get(ADDRESS, headers={"Range": f"bytes={at}-{at + step - 1}"}) for at in range(0, len(whole), step)]
    assert b"".join(one.data for one in pieces) == whole
    assert user.get(ADDRESS, headers={"Range": "bytes=-40"}).data == whole[-40:]


@pytest.mark.parametrize(
    "unless", ['"other"', 'W/"{}"', "Sat, 28 Nov 2026 10:00:00 GMT", "nonsense"], ids=["other", "weak", "day", "none"]
)
def test_a_part_is_given_only_of_the_same_zip(user: Person, whole: bytes, unless: str) -> None:
    tag = user.get(ADDRESS).headers["ETag"].strip('"')
    answer = user.get(ADDRESS, headers={"Range": "bytes=5-", "If-Range": unless.format(tag)})
    assert (answer.status_code, answer.data) == (200, whole)


def test_a_range_beyond_the_end_is_told_how_long_it_is(user: Person, whole: bytes) -> None:
    answer = user.get(ADDRESS, headers={"Range": f"bytes={len(whole)}-"})
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == f"bytes */{len(whole)}"


def test_who_has_the_zip_already_is_told_so(user: Person, whole: bytes) -> None:
    tag = user.get(ADDRESS).headers["ETag"]
    answer = user.get(ADDRESS, headers={"If-None-Match": tag})
    assert (answer.status_code, answer.data) == (304, b"")


def test_what_is_only_asked_about_is_no_download(user: Person, whole: bytes, tracker: Tracker) -> None:
    answer = user.client.head(ADDRESS)
    assert (answer.status_code, answer.content_length, answer.data) == (200, len(whole), b"")
    user.get(ADDRESS, headers={"Range": "bytes=5-9"})
    with tracker.read() as work:
        taken = [one for one in audit.history(work, "package:1") if one.action == Event.PACKAGE_DOWNLOADED]
    assert [one.detail.get("part") for one in taken] in ([None, "5-9"], ["5-9", None])


def test_the_hash_of_the_manifest_is_shown_and_stands_in_the_log(user: Person, whole: bytes, tracker: Tracker) -> None:
    with zipfile.ZipFile(io.BytesIO(whole)) as found:
        actual = hashlib.sha256(found.read("manifest.json")).hexdigest()
    assert user.call("GET", f"{PAGE}/1").get_json()["manifest_sha256"] == actual
    assert actual.upper() in user.get(f"{PAGE}/1").text
    with tracker.read() as work:
        (frozen,) = (one for one in audit.history(work, "package:1") if one.action == Event.PACKAGE_FROZEN)
    assert frozen.detail["manifest_sha256"] == actual


def _damage(tracker: Tracker) -> None:
    with tracker.write() as work:
        state = {"check_state": "altered"}
        work.db.execute(
            update(blobs).where(blobs.c.sha256 == hashlib.sha256(b"ada,bo\n" * 900).hexdigest()).values(**state)
        )


def _hold(tracker: Tracker) -> None:
    with tracker.write() as work:
        quarantine.hold(work, 2, "It carries a marking.")


@pytest.mark.parametrize(
    ("harm", "said"), [(_damage, "b list.csv: altered"), (_hold, "b list.csv: in quarantine")], ids=["damage", "hold"]
)
def test_what_must_not_go_out_any_more_is_named_before_the_first_byte(
    user: Person, whole: bytes, tracker: Tracker, harm: object, said: str
) -> None:
    harm(tracker)  # type: ignore[operator]
    for address in (ADDRESS, f"/api/v1{ADDRESS}"):
        answer = user.get(address)
        assert answer.status_code == 409
        assert said in answer.text
    with tracker.read() as work:
        taken = [one for one in audit.history(work, "package:1") if one.action == Event.PACKAGE_DOWNLOADED]
    assert len(taken) == 1  # the one of before


def test_a_resumed_zip_passes_its_own_check(user: Person, whole: bytes, tmp_path: object) -> None:
    half = len(whole) // 2
    place = tmp_path / "package.zip"  # type: ignore[operator]
    place.write_bytes(whole[:half] + user.get(ADDRESS, headers={"Range": f"bytes={half}-"}).data)
    told = user.call("GET", f"{PAGE}/1").get_json()
    assert verify.look(str(place), told["log_sha256"], "", told["manifest_sha256"]).problems == []


def test_who_reads_slowly_holds_few_threads_and_others_are_not_hindered(
    user: Person, admin: Person, whole: bytes, tracker: Tracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "AT_A_TIME", len(whole) // 2)
    with tracker.read() as work:
        before = len([one for one in audit.history(work, "package:1") if one.action == Event.PACKAGE_DOWNLOADED])
    begun = [user.client.get(ADDRESS) for _ in range(places.AT_ONCE)]
    refused = user.get(ADDRESS)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "30")
    assert user.client.head(ADDRESS).status_code == 200
    assert user.get(ADDRESS, headers={"Range": "bytes=0-99"}).data == whole[:100]
    assert admin.get(ADDRESS).data == whole
    begun[0].close()
    assert user.get(ADDRESS).data == whole
    assert begun[1].data == whole
    with tracker.read() as work:
        taken = [one for one in audit.history(work, "package:1") if one.action == Event.PACKAGE_DOWNLOADED]
    assert len(taken) - before == places.AT_ONCE + 3
