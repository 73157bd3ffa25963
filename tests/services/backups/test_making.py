"""Backups are made beside writers, each as one instant, and older ones go when nobody needs them."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.backups import Keep
from cmmc_tracker.errors import Busy, Conflict, NoSpace
from cmmc_tracker.services import audit, trash
from cmmc_tracker.services.backups import making
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.addresses import refuse_own_store
from cmmc_tracker.storage.backups import Shelf
from cmmc_tracker.storage.places import FolderPlace
from cmmc_tracker.storage.tables import artifacts
from tests.conftest import OPERATOR, Clock
from tests.services.backups.steps import Empty, a_blob, back_up, flip, jumble, prove, restore
from tests.services.evidence import made, somebody


def test_a_second_backup_copies_only_what_is_new(tracker: Tracker, dest: Path) -> None:
    bo = somebody(tracker, "bo")
    made(tracker, bo)
    assert back_up(tracker, dest).copied == 1
    assert back_up(tracker, dest).copied == 0
    made(tracker, bo, ("b.txt", b"another"))
    again = back_up(tracker, dest)
    assert (again.contents, again.copied, again.copied_bytes) == (2, 1, 7)
    assert len(list(dest.glob("backup-*"))) == 3


def test_names_of_contents_are_on_the_disk_before_the_manifest_also_those_that_a_broken_off_backup_brought(
    tracker: Tracker, dest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(tracker, somebody(tracker, "bo"))

    def full(*_given: object) -> None:
        raise NoSpace("There is no space left.")

    with monkeypatch.context() as failing:
        failing.setattr(Shelf, "settle", full)
        with pytest.raises(NoSpace):
            back_up(tracker, dest)
    folder = a_blob(dest / "blobs").parent
    synced: list[Path] = []
    monkeypatch.setattr(os, "fsync", lambda number: synced.append(Path(f"/proc/self/fd/{number}").resolve()))
    assert back_up(tracker, dest).copied == 0
    manifest = next(number for number, one in enumerate(synced) if one.name == ".manifest.json.new")
    assert {folder.resolve(), folder.parent.resolve()} <= set(synced[:manifest])


def test_what_a_backup_writes_is_for_its_owner_only(tracker: Tracker, dest: Path) -> None:
    made(tracker, somebody(tracker, "bo"))
    before = os.umask(0)
    try:
        back_up(tracker, dest)
    finally:
        os.umask(before)
    modes = {(path.is_dir(), path.stat().st_mode & 0o777) for path in [dest, *dest.rglob("*")]}
    assert modes == {(True, 0o700), (False, 0o600)}


def test_the_log_names_the_backup_and_its_manifest(tracker: Tracker, dest: Path) -> None:
    done = back_up(tracker, dest)
    with tracker.read() as work:
        newest = audit.history(work, f"backup:{done.name}")[0]
    assert newest.action == Event.BACKUP_MADE
    assert newest.detail["manifest"] == done.manifest
    assert Shelf(FolderPlace(dest)).hashed(done.name, "manifest.json")[1] == done.manifest


def test_a_backup_beside_writers_is_one_instant(tracker: Tracker, empty: Empty, dest: Path) -> None:
    bo, stop, wrote = somebody(tracker, "bo"), threading.Event(), []

    def write() -> None:
        while not stop.is_set():
            wrote.append(made(tracker, bo, (f"{len(wrote)}.txt", b"%d" % len(wrote)), title=f"Number {len(wrote)}"))

    thread = threading.Thread(target=write)
    thread.start()
    try:
        made_ones = []
        while len(made_ones) < 3:
            if len(wrote) > 4 * len(made_ones):
                made_ones.append(back_up(tracker, dest))
    finally:
        stop.set()
        thread.join()
    for one in made_ones:
        assert one.problems == []
        assert prove(dest / one.name).problems == []
    new = empty("sqlite")
    assert restore(new, dest / made_ones[1].name).report.problems == []
    with new.read() as work:
        assert work.db.execute(select(func.count()).select_from(artifacts)).scalar_one() == made_ones[1].contents


@pytest.mark.parametrize("harm", ["missing", "altered"])
def test_what_the_store_lacks_is_named_and_the_rest_is_kept(
    tracker: Tracker, empty: Empty, dest: Path, tmp_path: Path, harm: str
) -> None:
    bo = somebody(tracker, "bo")
    for word in (b"one", b"two", b"three"):
        made(tracker, bo, ("a.txt", word))
    harmed = a_blob(tmp_path / "uploads")
    harmed.unlink() if harm == "missing" else harmed.write_bytes(b"x" * harmed.stat().st_size)
    done = back_up(tracker, dest, Keep(daily=1))
    assert [harmed.name in one and harm in one for one in done.problems] == [True]
    assert done.copied == 2
    proof = prove(dest)
    assert [harmed.name in one and "when the backup was made" in one for one in proof.problems] == [True]
    new = empty("sqlite")
    restored = restore(new, dest)
    assert (restored.contents, len(restored.problems), len(restored.report.problems)) == (2, 1, 1)


def test_a_content_purged_meanwhile_is_no_loss(
    tracker: Tracker, dest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bo = somebody(tracker, "bo")
    gone = made(tracker, bo, ("gone.txt", b"gone"))
    made(tracker, bo, ("stays.txt", b"stays"))
    with tracker.write(bo) as work:
        trash.remove(work, gone)
    copy = making._copy

    def slow(*given: Any) -> str:
        with tracker.write(OPERATOR) as work:
            past = work.now - timedelta(days=40)
            work.db.execute(artifacts.update().where(artifacts.c.id == gone).values(deleted_at=past))
        trash.purge(tracker, OPERATOR, [gone])
        return copy(*given)

    monkeypatch.setattr(making, "_copy", slow)
    done = back_up(tracker, dest)
    assert (done.problems, done.contents) == ([], 1)
    assert prove(dest).problems == []
    assert len(list(dest.glob("backup-*"))) == 1


def test_a_folder_of_other_things_and_the_store_itself_are_no_places(
    tracker: Tracker, dest: Path, tmp_path: Path
) -> None:
    dest.mkdir()
    (dest / "holiday.jpg").write_bytes(b"x")
    with pytest.raises(Conflict, match="holds other things"):
        back_up(tracker, dest)
    assert [one.name for one in dest.iterdir()] == ["holiday.jpg"]
    for place in (tmp_path / "uploads", tmp_path / "uploads" / "b", tmp_path):
        with pytest.raises(Conflict, match="lie in each other"):
            refuse_own_store(place, tmp_path / "uploads")
    refuse_own_store(dest, tmp_path / "uploads")


def test_two_backups_into_one_folder_do_not_go_at_once(tracker: Tracker, dest: Path) -> None:
    back_up(tracker, dest)
    with Shelf(FolderPlace(dest)).alone(), pytest.raises(Busy, match="under way"):
        back_up(tracker, dest)


def test_older_ones_go_and_then_what_nobody_needs(tracker: Tracker, dest: Path, clock: Clock) -> None:
    bo = somebody(tracker, "bo")
    names = []
    for day in range(4):
        made(tracker, bo, ("a.txt", b"%d" % day))
        names.append(back_up(tracker, dest).name)
        clock.forward(days=1)
    (dest / names[2] / "manifest.json").unlink()  # cut short
    (dest / "blobs" / "incoming-0123").write_bytes(b"")
    stray = dest / "blobs" / "ab" / ("ab" * 32)
    stray.parent.mkdir(exist_ok=True)
    stray.write_bytes(b"of one that went")
    done = back_up(tracker, dest, Keep(daily=2))
    assert done.removed == names[:3]
    assert done.freed == 1
    assert sorted(one.name for one in dest.glob("backup-*")) == [names[3], done.name]
    assert not (dest / "blobs" / "incoming-0123").exists()
    for one in (names[3], done.name):
        assert prove(dest / one).problems == []


@pytest.mark.parametrize(
    ("what", "harm"), [("manifest.json", flip), ("blobs.jsonl.gz", flip), ("blobs.jsonl.gz", jumble)]
)
def test_nothing_goes_while_a_backup_that_stays_cannot_be_believed(
    tracker: Tracker, dest: Path, clock: Clock, what: str, harm: Callable[[Path], None]
) -> None:
    made(tracker, somebody(tracker, "bo"))
    first = back_up(tracker, dest)
    back_up(tracker, dest)
    clock.forward(days=1)
    harm(dest / first.name / what)
    (dest / back_up(tracker, dest).name / "manifest.json").unlink()
    (dest / sorted(dest.glob("backup-*"))[1].name / "manifest.json").unlink()
    done = back_up(tracker, dest, Keep(daily=2))
    assert ["older ones were not cleared away" in one for one in done.problems] == [True]
    assert len(list(dest.glob("backup-*"))) == 4
    assert prove(dest).problems == []


def test_one_that_is_killed_half_way_is_no_backup_and_the_next_one_is(
    tracker: Tracker, database_url: str, dest: Path, tmp_path: Path
) -> None:
    bo = somebody(tracker, "bo")
    for number in range(60):
        made(tracker, bo, ("a.txt", b"%d" % number * 20_000))
    given = {"CMMC_DATA_DIR": str(tmp_path), "DATABASE_URL": database_url, "FLASK_SECRET": "s" * 40}
    command = [sys.executable, "-m", "cmmc_tracker", "backup", str(dest)]
    process = subprocess.Popen(command, env={**os.environ, **given}, stdout=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 30
        while not list(dest.glob("blobs/??/*")) and time.monotonic() < until:
            time.sleep(0.001)
    finally:
        process.kill()
        process.wait()
    cut = [one.name for one in dest.glob("backup-*") if not (one / "manifest.json").exists()]
    done = back_up(tracker, dest, Keep(daily=1))
    assert done.contents == 60
    assert set(cut) <= set(done.removed)
    assert list(dest.glob("blobs/incoming-*")) == []
    assert prove(dest).problems == []
