"""The store and what vouches for it."""

import hashlib
from pathlib import Path

import pytest
from sqlalchemy import text

from cmmc_tracker.errors import NoSpace
from cmmc_tracker.services import sessions, verify
from cmmc_tracker.services.work import Tracker
from tests.conftest import Clock, Person

BYTES = b"hello"


def _place(tmp_path: Path, content: bytes) -> Path:
    sha256 = hashlib.sha256(content).hexdigest()
    return tmp_path / "uploads" / sha256[:2] / sha256


def test_an_upload_is_not_confirmed_on_top_of_damaged_bytes(user: Person, tmp_path: Path) -> None:

    user.upload("a.txt", BYTES)
    place = _place(tmp_path, BYTES)
    place.chmod(0o600)
    place.write_bytes(b"jello")
    answer = user.upload("b.txt", BYTES)
    if answer.status_code == 201:
        number = answer.get_json()["id"]
        assert user.get(f"/api/v1/artifacts/{number}/versions/1/content").data == BYTES
    else:
        assert answer.status_code == 503


def test_verify_sees_a_size_that_is_not_that_of_the_bytes(user: Person, tracker: Tracker) -> None:

    user.upload("a.txt", BYTES)
    with tracker.engine.connect().execution_options(writes=True) as connection, connection.begin():
        connection.execute(text("UPDATE blobs SET size = 99"))
    assert verify.run(tracker).problems


def test_verify_sees_a_version_that_lost_its_file(user: Person, tracker: Tracker) -> None:

    user.upload("a.txt", BYTES)
    with tracker.engine.connect().execution_options(writes=True) as connection, connection.begin():
        connection.execute(text("DELETE FROM artifact_files"))
    assert verify.run(tracker).problems


def test_reading_goes_on_while_the_disk_is_full(user: Person, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:

    def full(*_: object) -> None:
        raise NoSpace("The disk is full.")

    clock.forward(minutes=2)
    monkeypatch.setattr(sessions, "touch", full)
    assert user.get("/").status_code == 200


def test_a_sweep_leaves_an_upload_alone_that_lives_and_takes_one_that_died(tracker: Tracker, tmp_path: Path) -> None:
    living = tracker.blobs.receive()
    living.write(b"living")
    kept = tracker.blobs.receive()
    kept.write(BYTES)
    kept.keep()
    died = tmp_path / "uploads" / ".incoming" / "died"
    died.write_bytes(b"half")
    assert tracker.blobs.sweep(lambda _: False) == [".incoming/died"]
    assert _place(tmp_path, BYTES).read_bytes() == BYTES
    kept.close()
    living.close()
    assert tracker.blobs.sweep(lambda _: False) == [hashlib.sha256(BYTES).hexdigest()]


def test_the_second_of_two_uploads_of_the_same_bytes_keeps_them_when_the_first_is_let_go(
    tracker: Tracker, tmp_path: Path
) -> None:
    first, second = tracker.blobs.receive(), tracker.blobs.receive()
    for one in (first, second):
        one.write(BYTES)
    assert first.keep().new
    assert not second.keep().new
    first.close()
    assert tracker.blobs.sweep(lambda _: False) == []
    second.close()
    assert tracker.blobs.sweep(lambda _: False) == [hashlib.sha256(BYTES).hexdigest()]


def test_a_link_in_the_store_that_leads_elsewhere_is_not_followed(user: Person, tmp_path: Path) -> None:
    user.upload("a.txt", BYTES)
    place = _place(tmp_path, BYTES)
    place.unlink()
    place.symlink_to(tmp_path / "cmmc.db")
    assert user.get("/uploads/1/1/a.txt").status_code == 404
