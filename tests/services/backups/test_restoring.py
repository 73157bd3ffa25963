"""Backups are restored into either database, whole, and the installation goes on."""

import gzip
import json
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select, text

from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.backups import Manifest
from cmmc_tracker.errors import Conflict, NoSpace
from cmmc_tracker.services import audit, verify
from cmmc_tracker.services.backups import making, restoring
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage import disk
from cmmc_tracker.storage.backups import Shelf
from cmmc_tracker.storage.places import FolderPlace
from cmmc_tracker.storage.tables import audit as audit_table
from cmmc_tracker.storage.tables import leases, sessions
from tests.services.backups.steps import (
    Empty,
    back_up,
    found_by,
    picture_of,
    prove,
    restore,
    used,
)
from tests.services.evidence import made, somebody


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_all_rows_and_contents_come_back_in_either_database(
    tracker: Tracker, empty: Empty, dest: Path, kind: str
) -> None:
    used(tracker)
    before = picture_of(tracker)
    assert sum(bool(rows) for rows in before.values()) > 25
    done = back_up(tracker, dest)
    assert done.problems == []
    proof = prove(dest)
    assert proof.problems == []
    assert proof.rows == sum(map(len, before.values()))
    assert (proof.contents, proof.entries, proof.head) == (done.contents, len(before["audit"]), done.head)
    new = empty(kind)
    restored = restore(new, dest)
    assert (restored.problems, restored.report.problems) == ([], [])
    after = picture_of(new)
    log = after.pop("audit")
    assert log[: len(before["audit"])] == before.pop("audit")
    assert after == before
    assert log[-1][log[-1].index(Event.BACKUP_RESTORED)] == "backup:restored"
    with new.read() as work:
        assert audit.broken(work) is None
        assert work.db.execute(select(func.count()).select_from(leases)).scalar_one() == 0
    assert sorted(new.blobs.names()) == sorted(tracker.blobs.names())
    for words in ("policy", "naïve", "quoted"):
        assert found_by(new, words) == found_by(tracker, words)
    assert found_by(new, "naïve")


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_restored_installation_goes_on(tracker: Tracker, empty: Empty, dest: Path, kind: str) -> None:
    bo = somebody(tracker, "bo")
    first = made(tracker, bo)
    back_up(tracker, dest)
    new = empty(kind)
    restore(new, dest)
    assert made(new, somebody(new, "cy"), ("c.txt", b"more")) > first
    assert verify.run(new).problems == []
    with pytest.raises(Exception, match="append-only"), new.engine.connect() as db:
        db.execute(delete(audit_table))
    second = back_up(new, dest)
    assert second.copied == 1
    assert prove(dest).problems == []


def test_a_place_that_has_people_or_files_is_refused(tracker: Tracker, empty: Empty, dest: Path) -> None:
    made(tracker, somebody(tracker, "bo"))
    back_up(tracker, dest)
    with pytest.raises(Conflict, match="rows in users"):
        restore(tracker, dest)
    new = empty("sqlite")
    incoming = new.blobs.receive()
    incoming.write(b"something else")
    incoming.keep()
    incoming.close()
    with pytest.raises(Conflict, match="holds files already"):
        restore(new, dest)


def test_a_restore_that_was_broken_off_goes_on(
    tracker: Tracker, empty: Empty, dest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(tracker, somebody(tracker, "bo"))
    back_up(tracker, dest)
    new = empty("sqlite")
    with monkeypatch.context() as patch:
        patch.setattr(restoring, "_rows", lambda *_given: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            restore(new, dest)
    with new.read() as work:
        assert audit.length(work) == 1
    assert restore(new, dest).report.problems == []


def test_a_store_without_room_is_told_before_anything_is_restored(
    tracker: Tracker, empty: Empty, dest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(tracker, somebody(tracker, "bo"))
    back_up(tracker, dest)
    new = empty("sqlite")
    monkeypatch.setattr(disk, "room", lambda _folder: disk.Room(1, 1, 1))
    with pytest.raises(NoSpace, match="5 bytes, and 1 are free"):
        restore(new, dest)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_backup_of_before_a_migration_is_migrated(tracker: Tracker, empty: Empty, dest: Path, kind: str) -> None:
    """Rows go back into the schema they were written under; the migrations after it then do their work."""
    done = back_up(tracker, dest)
    shelf = Shelf(FolderPlace(dest))
    old = {"systems.jsonl.gz", "settings.json", "blobs.jsonl.gz", "audit.jsonl.gz"}
    head = [["id", "integer"], ["slug", "text"], ["name", "text"], ["level", "integer"], ["created_at", "instant"]]
    rows = [{"table": "systems", "columns": head}, [7, "main", "Of old", 2, "2025-01-01T00:00:00+00:00"]]
    path = dest / done.name / "systems.jsonl.gz"
    path.write_bytes(gzip.compress(b"".join(json.dumps(one).encode() + b"\n" for one in rows)))
    manifest = json.loads((dest / done.name / "manifest.json").read_bytes())
    manifest.pop("seal")
    files = [making.FileOf(**one) for one in manifest["files"] if one["name"] in old]
    size, sha256 = shelf.hashed(done.name, path.name)
    files = [making.FileOf(path.name, size, sha256, 1) if one.name == path.name else one for one in files]
    (dest / done.name / "manifest.json").write_text(
        Manifest(**{**manifest, "files": tuple(files), "lacking": (), "revision": "0002"}).text()
    )
    new = empty(kind)
    assert restore(new, dest).report.problems == []
    with new.read() as work:
        found = work.db.execute(text("SELECT id, name, cui_never, version FROM systems")).all()
        assert [tuple(one) for one in found] == [(7, "Of old", 0, 1)]
        assert work.db.execute(select(func.count()).select_from(sessions)).scalar_one() == 0
