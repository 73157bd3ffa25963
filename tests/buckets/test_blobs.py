"""The store in a bucket: what goes in comes out, whole, in stretches; nothing is lost when the bucket misbehaves."""

import hashlib
import os
import threading
import time
from contextlib import closing
from pathlib import Path

import boto3
import pytest

from cmmc_tracker.errors import Busy, Misconfigured, NoSpace, NotFound
from cmmc_tracker.storage import blobs_s3, s3
from cmmc_tracker.storage.addresses import Bucket
from cmmc_tracker.storage.blobs_s3 import S3Blobs
from cmmc_tracker.storage.locks import FileLocks
from cmmc_tracker.storage.s3 import Objects
from tests.buckets.server import Door

BUCKET = Bucket("evidence", "cmmc/store/")
WORDS = b"the words of a policy"
SHA256 = hashlib.sha256(WORDS).hexdigest()


def _store(folder: Path) -> S3Blobs:
    return S3Blobs(Objects(BUCKET), folder / "incoming", FileLocks(folder / "locks"))


@pytest.fixture
def store(door: Door, tmp_path: Path) -> S3Blobs:
    """A store in an empty bucket."""
    assert door.url
    return _store(tmp_path)


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of 5 MiB, the least that a store takes."""
    monkeypatch.setattr(s3, "PART", 5_242_880)


def _keep(store: S3Blobs, data: bytes) -> tuple[str, bool]:
    with closing(store.receive()) as incoming:
        for start in range(0, len(data), 1_000_003):
            incoming.write(data[start : start + 1_000_003])
        kept = incoming.keep()
    return kept.sha256, kept.new


def _keys() -> dict[str, int]:
    found = boto3.session.Session().client("s3").list_objects_v2(Bucket="evidence").get("Contents", [])
    return {one["Key"]: one["Size"] for one in found}


def test_bytes_come_back_under_their_hash_and_are_kept_once(store: S3Blobs, tmp_path: Path) -> None:
    assert _keep(store, WORDS) == (SHA256, True)
    assert _keep(store, WORDS) == (SHA256, False)
    assert _keys() == {f"cmmc/store/{SHA256[:2]}/{SHA256}": len(WORDS)}
    with store.open(SHA256) as file:
        assert file.read() == WORDS
    assert (store.size(SHA256), store.check(SHA256), list(store.names())) == (len(WORDS), SHA256, [SHA256])
    assert store.place(SHA256) is None
    with store.local(SHA256) as path:
        assert path.read_bytes() == WORDS
    assert not path.exists()
    assert [one for one in (tmp_path / "incoming").rglob("*") if one.is_file() and one.name != ".gate"] == []


def test_a_large_file_goes_in_parts_and_is_not_sent_again(store: S3Blobs, door: Door, small_parts: None) -> None:
    data = os.urandom(11_000_000)
    sha256, new = _keep(store, data)
    assert new
    assert store.check(sha256) == sha256
    assert sum("partNumber=" in one for one in door.asked) == 3
    door.asked.clear()
    assert _keep(store, data) == (sha256, False)
    assert not [one for one in door.asked if one.startswith("PUT")]


def test_a_stretch_is_asked_for_alone(store: S3Blobs, door: Door) -> None:
    data = os.urandom(3_000_000)
    sha256, _ = _keep(store, data)
    with store.open(sha256) as file:
        assert file.seek(0, 2) == len(data)
        file.seek(2_000_000)
        assert file.read(10) == data[2_000_000:2_000_010]
        file.seek(-5, 2)
        assert file.read() == data[-5:]
    assert sum(one.startswith("GET /evidence/cmmc") for one in door.asked) == 2


def test_what_is_not_there_is_told_as_missing(store: S3Blobs) -> None:
    for act in (store.open, store.size, store.check, store.place):
        with pytest.raises(NotFound, match="missing from the store"):
            act(SHA256)
    for name in ("../x", "A" * 64, ""):
        with pytest.raises(NotFound):
            store.open(name)


def test_bytes_that_were_altered_in_the_bucket_are_found_and_not_taken_for_the_same(store: S3Blobs) -> None:
    _keep(store, WORDS)
    key = f"cmmc/store/{SHA256[:2]}/{SHA256}"
    boto3.session.Session().client("s3").put_object(Bucket="evidence", Key=key, Body=WORDS[::-1])
    assert store.check(SHA256) != SHA256
    with pytest.raises(Busy, match="damaged file of this content"):
        _keep(store, WORDS)


def test_a_reading_that_is_cut_goes_on_where_it_stopped(store: S3Blobs, door: Door) -> None:
    data = os.urandom(1_000_000)
    sha256, _ = _keep(store, data)
    door.cut_after, door.cuts = 300_000, 2
    with store.open(sha256) as file:
        assert file.read() == data
    assert door.cuts == 0


def test_a_reading_that_is_cut_again_and_again_is_told_and_never_short(store: S3Blobs, door: Door) -> None:
    sha256, _ = _keep(store, os.urandom(1_000_000))
    door.cut_after, door.cuts = 0, 1_000
    with store.open(sha256) as file, pytest.raises(Busy, match="try again"):
        file.read()
    with pytest.raises(OSError, match="try again"):
        store.check(sha256)


@pytest.mark.parametrize(
    ("code", "status", "kind", "said"),
    [
        ("AccessDenied", 403, Busy, "refuses this installation"),
        ("InternalError", 500, Busy, "try again"),
        ("SlowDown", 503, Busy, "try again"),
        ("XMinioStorageFull", 507, NoSpace, "no space left"),
        ("BadDigest", 400, Busy, "other bytes than were sent"),
    ],
)
def test_a_write_that_fails_keeps_nothing_and_says_why(
    store: S3Blobs, door: Door, code: str, status: int, kind: type[Exception], said: str
) -> None:
    door.refuse, door.code, door.status = "PUT", code, status
    with pytest.raises(kind, match=said):
        _keep(store, WORDS)
    door.refuse = ""
    assert _keys() == {}
    assert _keep(store, WORDS) == (SHA256, True)


def test_parts_of_an_upload_that_failed_do_not_stay(store: S3Blobs, door: Door, small_parts: None) -> None:
    door.refuse = "PUT"
    with pytest.raises(Busy):
        _keep(store, os.urandom(11_000_000))
    assert Objects(BUCKET).broken_off("") == []


def test_a_store_that_does_not_answer_in_time_is_told(
    store: S3Blobs, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "PATIENCE", 0.2)
    monkeypatch.setattr(s3, "TRIES", 1)
    door.wait = 1.0
    with pytest.raises(Busy, match="does not answer"):
        Objects(BUCKET).ping()


def test_a_sweep_takes_what_no_row_needs_and_leaves_what_an_upload_holds(store: S3Blobs, tmp_path: Path) -> None:
    _keep(store, WORDS)
    other, _ = _keep(store, b"known")
    with closing(store.receive()) as living:
        living.write(b"not yet in a row")
        held = living.keep().sha256
        assert _store(tmp_path).sweep(lambda sha256: sha256 == other) == [SHA256]
        assert not store.discard(held, lambda _: False)
    assert store.discard(held, lambda _: True) is False
    assert store.discard(held, lambda _: False) is True
    assert list(store.names()) == [other]


def test_an_upload_in_parts_that_was_broken_off_is_swept(store: S3Blobs) -> None:
    key = f"cmmc/store/{SHA256[:2]}/{SHA256}"
    boto3.session.Session().client("s3").create_multipart_upload(Bucket="evidence", Key=key)
    assert store.sweep(lambda _: True) == [f"{SHA256[:2]}/{SHA256} (broken off)"]
    assert Objects(BUCKET).broken_off("") == []


def test_what_is_discarded_leaves_no_older_version(store: S3Blobs) -> None:
    client = boto3.session.Session().client("s3")
    client.put_bucket_versioning(Bucket="evidence", VersioningConfiguration={"Status": "Enabled"})
    _keep(store, WORDS)
    assert store.try_out().keeps_versions
    assert store.discard(SHA256, lambda _: False)
    left = client.list_object_versions(Bucket="evidence")
    assert left.get("Versions", []) + left.get("DeleteMarkers", []) == []


def test_a_bucket_that_cannot_be_used_stops_the_start_with_a_line_that_names_the_setting(
    door: Door, tmp_path: Path
) -> None:
    with pytest.raises(Misconfigured, match=r"UPLOAD_PATH cannot be used: s3://nowhere.*no such bucket"):
        S3Blobs(Objects(Bucket("nowhere", "")), tmp_path, FileLocks(tmp_path))
    door.refuse = "GET"
    with pytest.raises(Misconfigured, match=r"UPLOAD_PATH cannot be used: .*refuses this installation .AccessDenied"):
        _store(tmp_path)


def test_one_person_has_so_many_slots_over_all_processes(store: S3Blobs, tmp_path: Path) -> None:
    mine = [store.slot("bo", 2), store.slot("bo", 2)]
    assert None not in mine
    assert _store(tmp_path).slot("bo", 2) is None
    assert mine[0] is not None
    mine[0].close()
    again = _store(tmp_path).slot("bo", 2)
    assert again is not None
    again.close()


def test_a_bucket_that_anybody_may_read_is_told_from_one_that_nobody_may(store: S3Blobs) -> None:
    assert store.try_out() == (False, False)
    boto3.session.Session().client("s3").put_bucket_acl(Bucket="evidence", ACL="public-read")
    assert store.try_out() == (False, True)
    assert _keys() == {}


def test_many_who_ask_whether_the_store_is_there_ask_the_bucket_once(
    store: S3Blobs, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blobs_s3, "FRESH_SECONDS", 0.0)
    door.asked.clear()
    store.ping()
    monkeypatch.setattr(blobs_s3, "FRESH_SECONDS", 60.0)
    for _ in range(50):
        store.ping()
    assert len(door.asked) == 1
    door.refuse = "GET"
    monkeypatch.setattr(blobs_s3, "FRESH_SECONDS", 0.0)
    with pytest.raises(Busy):
        store.ping()
    monkeypatch.setattr(blobs_s3, "FRESH_SECONDS", 60.0)
    with pytest.raises(Busy):
        store.ping()
    assert len(door.asked) == 2
    door.refuse = ""
    monkeypatch.setattr(blobs_s3, "FRESH_SECONDS", 0.0)
    store.ping()


def test_while_the_bucket_does_not_answer_nobody_else_waits_for_it(
    store: S3Blobs, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blobs_s3, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(blobs_s3, "LATE_SECONDS", 0.5)
    door.asked.clear()
    door.wait = 2.0
    asker = threading.Thread(target=store.ping)
    asker.start()
    while not door.asked:
        time.sleep(0.01)
    begun = time.monotonic()
    store.ping()  # as it was a moment ago
    time.sleep(0.6)
    with pytest.raises(Busy, match="does not answer"):
        store.ping()
    assert time.monotonic() - begun < 1.5
    door.wait = 0.0
    asker.join()
    store.ping()


def test_a_place_that_is_claimed_while_the_store_is_away_is_told_in_words(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert door.url
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    with pytest.raises(Busy, match="Could not connect"):
        Objects(BUCKET).claim("mark", b"")
