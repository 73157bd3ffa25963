"""Backups to and from a bucket, and restores across stores: what was in one comes back in the other."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pytest

from cmmc_tracker.domain.backups import Keep
from cmmc_tracker.errors import Busy, Conflict
from cmmc_tracker.services import verify
from cmmc_tracker.services.backups import ahead, checking, making, reading, restoring
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage import s3_places, sealing
from cmmc_tracker.storage.addresses import parse
from cmmc_tracker.storage.database import make_engine
from cmmc_tracker.storage.locks import FileLocks
from cmmc_tracker.storage.store import Held
from cmmc_tracker.storage.stores import place_of, store_of
from tests.buckets.server import Door
from tests.conftest import OPERATOR, prepare
from tests.services.evidence import made, somebody

WORDS = "correct horse battery staple"
Other = Callable[[str], Tracker]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few rounds: the passphrase is stretched in no time."""
    monkeypatch.setattr(sealing, "_ITERATIONS", 1)


@pytest.fixture
def other(door: Door, tmp_path: Path) -> Iterator[Other]:
    """Makes an empty installation whose store is at an address."""
    assert door.url
    engines = []

    def make(store: str) -> Tracker:
        folder = tmp_path / f"other-{len(engines)}"
        folder.mkdir()
        url = f"sqlite:///{folder}/cmmc.db"
        prepare(url, folder)
        engines.append(make_engine(url))
        return Tracker(engines[-1], store_of(parse(store), engines[-1], folder))

    yield make
    for one in engines:
        one.dispose()


def _keys(prefix: str) -> list[str]:
    found = boto3.session.Session().client("s3").list_objects_v2(Bucket="evidence", Prefix=prefix)
    return [one["Key"] for one in found.get("Contents", [])]


def test_a_restore_into_a_bucket_holds_a_lock_for_each_thread_and_no_more(
    other: Other, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On PostgreSQL each is a connection, and a server has a hundred."""
    before = other(str(tmp_path / "before"))
    bo = somebody(before, "bo")
    for number in range(ahead.THREADS + 4):
        made(before, bo, ("a.txt", b"%d" % number))
    making.run(before, OPERATOR, place_of(parse(str(tmp_path / "copies")))[0], told={})
    after = other("s3://evidence/after")
    real, held, most = FileLocks.shared, set[int](), [0]

    class Counted:
        def __init__(self, lock: Held) -> None:
            self.lock = lock
            held.add(id(self))
            most[0] = max(most[0], len(held))

        def close(self) -> None:
            held.discard(id(self))
            self.lock.close()

    monkeypatch.setattr(FileLocks, "shared", lambda locks, name: Counted(real(locks, name)))
    done = restoring.run(after, OPERATOR, reading.opened(*place_of(parse(str(tmp_path / "copies")))), None)
    assert (done.problems, done.contents) == ([], ahead.THREADS + 4)
    assert 0 < most[0] <= ahead.THREADS
    assert not held


@pytest.mark.parametrize("passphrase", ["", WORDS])
@pytest.mark.parametrize(
    ("first", "kept", "second"),
    [("s3", "folder", "folder"), ("folder", "s3", "s3"), ("s3", "s3", "folder")],
)
def test_what_was_in_one_store_comes_back_in_the_other(
    other: Other, tmp_path: Path, passphrase: str, first: str, kept: str, second: str
) -> None:
    def at(kind: str, name: str) -> str:
        return f"s3://evidence/{name}" if kind == "s3" else str(tmp_path / name)

    before = other(at(first, "before"))
    bo = somebody(before, "bo")
    made(before, bo, ("a.txt", b"words of a policy"))
    made(before, bo, ("b.txt", b"other words"))
    place = parse(at(kept, "copies"))
    assert making.run(before, OPERATOR, place_of(place)[0], told={}, passphrase=passphrase).copied == 2
    done = making.run(before, OPERATOR, place_of(place)[0], told={}, passphrase=passphrase)
    assert (done.copied, done.problems) == (0, [])
    backup = reading.opened(*place_of(parse(f"{at(kept, 'copies')}/{done.name}")), passphrase)
    assert checking.run(backup).problems == []
    after = other(at(second, "after"))
    restored = restoring.run(after, OPERATOR, backup, None)
    assert (restored.contents, restored.problems, restored.report.problems) == (2, [], [])
    assert set(after.blobs.names()) == set(before.blobs.names())
    assert verify.run(after).problems == []


def test_older_backups_in_a_bucket_go_and_what_nobody_needs_with_them(other: Other) -> None:
    tracker = other("s3://evidence/store")
    place = place_of(parse("s3://evidence/copies"))[0]
    first = making.run(tracker, OPERATOR, place, told={})
    done = making.run(tracker, OPERATOR, place_of(parse("s3://evidence/copies"))[0], told={}, keep=Keep(daily=1))
    assert done.removed == [first.name]
    assert not [key for key in _keys("copies/") if first.name in key]
    assert reading.opened(*place_of(parse("s3://evidence/copies"))).name == done.name


def test_two_backups_into_one_bucket_do_not_go_at_once_and_a_dead_one_stops_nobody(other: Other) -> None:
    tracker = other("s3://evidence/store")
    place = place_of(parse("s3://evidence/copies"))[0]
    making.run(tracker, OPERATOR, place, told={})
    with place.alone(), pytest.raises(Busy, match="under way"):
        making.run(tracker, OPERATOR, place_of(parse("s3://evidence/copies"))[0], told={})
    dead = json.dumps({"until": (datetime.now(UTC) - timedelta(seconds=1)).isoformat()}).encode()
    boto3.session.Session().client("s3").put_object(Bucket="evidence", Key="copies/under-way.json", Body=dead)
    assert making.run(tracker, OPERATOR, place, told={}).problems == []
    assert "copies/under-way.json" not in _keys("copies/")


def test_a_part_of_a_bucket_that_holds_other_things_is_refused(other: Other) -> None:
    tracker = other("s3://evidence/store")
    boto3.session.Session().client("s3").put_object(Bucket="evidence", Key="photos/a.jpg", Body=b"x")
    with pytest.raises(Conflict, match="holds other things"):
        making.run(tracker, OPERATOR, place_of(parse("s3://evidence/photos"))[0], told={})
    assert _keys("photos/") == ["photos/a.jpg"]


def test_a_bucket_that_refuses_fails_the_backup_and_leaves_none_that_looks_whole(other: Other, door: Door) -> None:
    tracker = other("s3://evidence/store")
    made(tracker, somebody(tracker, "bo"), ("a.txt", b"words"))
    place = place_of(parse("s3://evidence/copies"))[0]
    place.prepare()
    door.refuse = "PUT"
    with pytest.raises(Busy, match="refuses this installation"):
        making.run(tracker, OPERATOR, place, told={})
    door.refuse = ""
    assert not [key for key in _keys("copies/") if key.endswith("manifest.json")]
    assert making.run(tracker, OPERATOR, place_of(parse("s3://evidence/copies"))[0], told={}).problems == []


def _overtake() -> None:
    """Another backup begins, and there is time to see that."""
    mark = json.dumps({"until": (datetime.now(UTC) + timedelta(minutes=9)).isoformat()}).encode()
    boto3.session.Session().client("s3").put_object(Bucket="evidence", Key="copies/under-way.json", Body=mark)
    time.sleep(0.5)


def test_a_backup_that_stood_still_while_another_began_says_so_and_leaves_the_others_mark(
    other: Other, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_places, "_MOVED_ON", 0.05)
    other("s3://evidence/store")
    place = place_of(parse("s3://evidence/copies"))[0]
    place.prepare()
    with pytest.raises(Busy, match="stood still"), place.alone():
        _overtake()
    assert "copies/under-way.json" in _keys("copies/")
    with pytest.raises(Busy, match="under way"), place.alone():
        pass


def test_a_mark_that_is_none_stops_a_backup_with_a_sentence(other: Other) -> None:
    other("s3://evidence/store")
    place = place_of(parse("s3://evidence/copies"))[0]
    place.prepare()
    for body in (b"{", b"[]", b'{"until": 5}', b'{"until": "2026-11-28T10:00:00"}'):
        boto3.session.Session().client("s3").put_object(Bucket="evidence", Key="copies/under-way.json", Body=body)
        with pytest.raises(Conflict, match="no mark"), place.alone():
            pass
