"""Backups: made beside writers, proved, restored into either database; what is missing, cut or altered is found."""

import gzip
import json
import os
import secrets
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import delete, func, insert, make_url, select, text

from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.backups import PASSING, Keep, Manifest
from cmmc_tracker.errors import Busy, Conflict, NoSpace, NotFound
from cmmc_tracker.services import audit, demo, systems, trash, verify
from cmmc_tracker.services.backups import checking, making, reading, restoring
from cmmc_tracker.services.backups.checking import Proof
from cmmc_tracker.services.backups.making import Made
from cmmc_tracker.services.backups.restoring import Restored
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage import disk, search
from cmmc_tracker.storage.addresses import refuse_own_store
from cmmc_tracker.storage.backups import Shelf
from cmmc_tracker.storage.blobs import FolderBlobs
from cmmc_tracker.storage.database import make_engine
from cmmc_tracker.storage.places import FolderPlace
from cmmc_tracker.storage.stores import place_of
from cmmc_tracker.storage.tables import artifacts, leases, metadata, sessions
from cmmc_tracker.storage.tables import audit as audit_table
from tests.conftest import OPERATOR, Clock, prepare
from tests.services.evidence import made, somebody

Empty = Callable[[str], Tracker]


@pytest.fixture
def empty(postgres_server: str, template: Path, tmp_path: Path) -> Iterator[Empty]:
    """Makes installations, as empty as a first start leaves them, of the database that is named."""
    names, engines = [], []
    with psycopg.connect(postgres_server, autocommit=True) as server:

        def make(kind: str) -> Tracker:
            folder = tmp_path / secrets.token_hex(4)
            folder.mkdir()
            url = f"sqlite:///{folder}/cmmc.db"
            if kind == "sqlite":
                shutil.copy(template, folder / "cmmc.db")
            if kind == "postgresql":
                names.append(f"cmmc_backup_{secrets.token_hex(6)}")
                server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(names[-1])))
                url = make_url(postgres_server).set(database=names[-1]).render_as_string(hide_password=False)
                prepare(url, folder)
            engines.append(make_engine(url))
            return Tracker(engines[-1], FolderBlobs(folder / "uploads"))

        yield make
        for one in engines:
            one.dispose()
        for name in names:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def dest(tmp_path: Path) -> Path:
    """Where backups go."""
    return tmp_path / "backups"


def _back_up(tracker: Tracker, dest: Path, keep: Keep | None = None) -> Made:
    return making.run(tracker, OPERATOR, FolderPlace(dest), told={"FLASK_ENV": "production"}, keep=keep)


def _prove(place: Path) -> Proof:
    return checking.run(reading.opened(*place_of(place)))


def _restore(tracker: Tracker, place: Path) -> Restored:
    return restoring.run(tracker, OPERATOR, reading.opened(*place_of(place)), Path("/"))


def _picture(tracker: Tracker) -> dict[str, list[Any]]:
    """Every row of every table that a backup has, without what `verify` notes."""
    with tracker.read() as work:
        return {
            table.name: [
                tuple(row)
                for row in work.rows(
                    select(*(c for c in table.columns if c.name not in {"checked_at", "check_state"})).order_by(
                        *table.primary_key.columns
                    )
                )
            ]
            for table in metadata.sorted_tables
            if table.name not in PASSING
        }


def _found(tracker: Tracker, words: str) -> set[int]:
    with tracker.read() as work:
        return {
            row.id
            for place in search.Place
            for row in work.rows(search.narrowed(work.db, select(artifacts.c.id), artifacts.c.id, words, place)[0])
        }


def _used(tracker: Tracker) -> None:
    """An installation with a row of nearly every kind: the demo, people, an artifact in another alphabet."""
    with tracker.read() as work:
        operator = replace(OPERATOR, systems=systems.all_of(work))
    demo.fill(tracker, operator)
    bo = somebody(tracker, "bo")
    made(tracker, bo, ("naïve – 証拠\u2028.txt", b"words"), title="Été “quoted”\\ \x7f 🙂")
    with tracker.write(OPERATOR) as work:
        now = work.now
        work.bookkeep(insert(leases).values(name="job", holder="a dead process", until=now))


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_all_rows_and_contents_come_back_in_either_database(
    tracker: Tracker, empty: Empty, dest: Path, kind: str
) -> None:
    _used(tracker)
    before = _picture(tracker)
    assert sum(bool(rows) for rows in before.values()) > 25
    done = _back_up(tracker, dest)
    assert done.problems == []
    proof = _prove(dest)
    assert proof.problems == []
    assert proof.rows == sum(map(len, before.values()))
    assert (proof.contents, proof.entries, proof.head) == (done.contents, len(before["audit"]), done.head)
    new = empty(kind)
    restored = _restore(new, dest)
    assert (restored.problems, restored.report.problems) == ([], [])
    after = _picture(new)
    log = after.pop("audit")
    assert log[: len(before["audit"])] == before.pop("audit")
    assert after == before
    assert log[-1][log[-1].index(Event.BACKUP_RESTORED)] == "backup:restored"
    with new.read() as work:
        assert audit.broken(work) is None
        assert work.db.execute(select(func.count()).select_from(leases)).scalar_one() == 0
    assert sorted(new.blobs.names()) == sorted(tracker.blobs.names())
    for words in ("policy", "naïve", "quoted"):
        assert _found(new, words) == _found(tracker, words)
    assert _found(new, "naïve")


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_restored_installation_goes_on(tracker: Tracker, empty: Empty, dest: Path, kind: str) -> None:
    bo = somebody(tracker, "bo")
    first = made(tracker, bo)
    _back_up(tracker, dest)
    new = empty(kind)
    _restore(new, dest)
    assert made(new, somebody(new, "cy"), ("c.txt", b"more")) > first
    assert verify.run(new).problems == []
    with pytest.raises(Exception, match="append-only"), new.engine.connect() as db:
        db.execute(delete(audit_table))
    second = _back_up(new, dest)
    assert second.copied == 1
    assert _prove(dest).problems == []


def test_a_second_backup_copies_only_what_is_new(tracker: Tracker, dest: Path) -> None:
    bo = somebody(tracker, "bo")
    made(tracker, bo)
    assert _back_up(tracker, dest).copied == 1
    assert _back_up(tracker, dest).copied == 0
    made(tracker, bo, ("b.txt", b"another"))
    again = _back_up(tracker, dest)
    assert (again.contents, again.copied, again.copied_bytes) == (2, 1, 7)
    assert len(list(dest.glob("backup-*"))) == 3


def test_what_a_backup_writes_is_for_its_owner_only(tracker: Tracker, dest: Path) -> None:
    made(tracker, somebody(tracker, "bo"))
    before = os.umask(0)
    try:
        _back_up(tracker, dest)
    finally:
        os.umask(before)
    modes = {(path.is_dir(), path.stat().st_mode & 0o777) for path in [dest, *dest.rglob("*")]}
    assert modes == {(True, 0o700), (False, 0o600)}


def test_the_log_names_the_backup_and_its_manifest(tracker: Tracker, dest: Path) -> None:
    done = _back_up(tracker, dest)
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
                made_ones.append(_back_up(tracker, dest))
    finally:
        stop.set()
        thread.join()
    for one in made_ones:
        assert one.problems == []
        assert _prove(dest / one.name).problems == []
    new = empty("sqlite")
    assert _restore(new, dest / made_ones[1].name).report.problems == []
    with new.read() as work:
        assert work.db.execute(select(func.count()).select_from(artifacts)).scalar_one() == made_ones[1].contents


def _blob(root: Path) -> Path:
    return next(path for path in sorted(root.rglob("*")) if len(path.name) == 64)


@pytest.mark.parametrize("harm", ["missing", "altered"])
def test_what_the_store_lacks_is_named_and_the_rest_is_kept(
    tracker: Tracker, empty: Empty, dest: Path, tmp_path: Path, harm: str
) -> None:
    bo = somebody(tracker, "bo")
    for word in (b"one", b"two", b"three"):
        made(tracker, bo, ("a.txt", word))
    harmed = _blob(tmp_path / "uploads")
    harmed.unlink() if harm == "missing" else harmed.write_bytes(b"x" * harmed.stat().st_size)
    done = _back_up(tracker, dest, Keep(daily=1))
    assert [harmed.name in one and harm in one for one in done.problems] == [True]
    assert done.copied == 2
    proof = _prove(dest)
    assert [harmed.name in one and "when the backup was made" in one for one in proof.problems] == [True]
    new = empty("sqlite")
    restored = _restore(new, dest)
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
            work.bookkeep(artifacts.update().where(artifacts.c.id == gone).values(deleted_at=past))
        trash.purge(tracker, OPERATOR, [gone])
        return copy(*given)

    monkeypatch.setattr(making, "_copy", slow)
    done = _back_up(tracker, dest)
    assert (done.problems, done.contents) == ([], 1)
    assert _prove(dest).problems == []
    assert len(list(dest.glob("backup-*"))) == 1


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("harm", [_cut, _flip, Path.unlink], ids=["cut", "altered", "missing"])
@pytest.mark.parametrize("what", ["users.jsonl.gz", "audit.jsonl.gz", "settings.json", "manifest.json", "blob"])
def test_a_harmed_backup_is_found_and_its_tables_are_not_restored(
    tracker: Tracker, empty: Empty, dest: Path, harm: Callable[[Path], None], what: str
) -> None:
    made(tracker, somebody(tracker, "bo"))
    done = _back_up(tracker, dest)
    harm(_blob(dest / "blobs") if what == "blob" else dest / done.name / what)
    if what == "manifest.json":
        with pytest.raises(Conflict, match=done.name):
            _prove(dest / done.name)
    else:
        assert len(_prove(dest / done.name).problems) == 1
    new = empty("sqlite")
    if what == "blob":
        assert len(_restore(new, dest).problems) == 1
        return
    with pytest.raises((Conflict, NotFound)):
        _restore(new, dest)
    assert list(new.blobs.names()) == []
    with new.read() as work:
        assert audit.length(work) == 1


def _forged(dest: Path, name: str, file: str, change: Callable[[bytes], bytes], **facts: Any) -> None:
    """Alter a file of a backup, and its manifest with it, as somebody who knows the form would."""
    shelf, path = Shelf(FolderPlace(dest)), dest / name / file
    path.write_bytes(gzip.compress(change(gzip.decompress(path.read_bytes()))))
    manifest = json.loads((dest / name / "manifest.json").read_bytes())
    manifest.pop("seal")
    for one in manifest["files"]:
        if one["name"] == file:
            one["size"], one["sha256"] = shelf.hashed(name, file)
    found = {**manifest, **facts}
    found["files"] = tuple(making.FileOf(**one) for one in found["files"])
    (dest / name / "manifest.json").write_text(Manifest(**{**found, "lacking": ()}).text())


def test_a_log_that_was_altered_with_its_manifest_breaks_the_chain(tracker: Tracker, empty: Empty, dest: Path) -> None:
    somebody(tracker, "bo")
    done = _back_up(tracker, dest)
    _forged(dest, done.name, "audit.jsonl.gz", lambda rows: rows.replace(b"user:created", b"user:removed"))
    assert any("breaks the chain" in one for one in _prove(dest).problems)


def test_rows_that_are_too_few_are_found_and_nothing_is_restored(tracker: Tracker, empty: Empty, dest: Path) -> None:
    somebody(tracker, "bo")
    done = _back_up(tracker, dest)
    _forged(dest, done.name, "users.jsonl.gz", lambda rows: rows.splitlines(keepends=True)[0])
    assert any("rows" in one for one in _prove(dest).problems)
    new = empty("sqlite")
    before = _picture(new)
    with pytest.raises((Conflict, Busy)):
        _restore(new, dest)
    assert _picture(new) == before


@pytest.mark.parametrize(
    "harm", [b"[7777,7777,true,true,true,null]\n", b'[{"a":1},2,true,true,true,null]\n', b"[1]\n", b"{\n"]
)
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_rows_that_do_not_fit_are_refused_and_nothing_is_restored(
    tracker: Tracker, empty: Empty, dest: Path, harm: bytes, kind: str
) -> None:
    done = _back_up(tracker, dest)
    _forged(dest, done.name, "memberships.jsonl.gz", lambda rows: rows + harm)
    manifest = (dest / done.name / "manifest.json").read_text()
    assert "memberships" in manifest
    new = empty(kind)
    before = _picture(new)
    with pytest.raises(Conflict, match="memberships"):
        _restore(new, dest)
    assert _picture(new) == before


@pytest.mark.parametrize("facts", [{"revision": "0999"}, {"format": 2}])
def test_a_backup_of_a_newer_version_is_refused(
    tracker: Tracker, empty: Empty, dest: Path, facts: dict[str, Any]
) -> None:
    done = _back_up(tracker, dest)
    _forged(dest, done.name, "users.jsonl.gz", lambda rows: rows, **facts)
    new = empty("sqlite")
    with pytest.raises(Conflict, match="newer version"):
        _restore(new, dest)


def test_a_place_that_has_people_or_files_is_refused(tracker: Tracker, empty: Empty, dest: Path) -> None:
    made(tracker, somebody(tracker, "bo"))
    _back_up(tracker, dest)
    with pytest.raises(Conflict, match="rows in users"):
        _restore(tracker, dest)
    new = empty("sqlite")
    incoming = new.blobs.receive()
    incoming.write(b"something else")
    incoming.keep()
    incoming.close()
    with pytest.raises(Conflict, match="holds files already"):
        _restore(new, dest)


def test_a_restore_that_was_broken_off_goes_on(
    tracker: Tracker, empty: Empty, dest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(tracker, somebody(tracker, "bo"))
    _back_up(tracker, dest)
    new = empty("sqlite")
    with monkeypatch.context() as patch:
        patch.setattr(restoring, "_rows", lambda *_given: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            _restore(new, dest)
    with new.read() as work:
        assert audit.length(work) == 1
    assert _restore(new, dest).report.problems == []


def test_one_that_was_cut_short_is_never_taken_for_whole(tracker: Tracker, dest: Path) -> None:
    with pytest.raises(NotFound, match="neither"):
        reading.opened(*place_of(dest))
    first = _back_up(tracker, dest)
    second = _back_up(tracker, dest)
    (dest / second.name / "manifest.json").unlink()
    assert reading.opened(*place_of(dest)).name == first.name
    with pytest.raises(Conflict, match="cut short"):
        reading.opened(*place_of(dest / second.name))
    (dest / first.name / "manifest.json").unlink()
    with pytest.raises(NotFound, match="no whole backup"):
        reading.opened(*place_of(dest))


def test_a_backup_without_its_contents_beside_it_says_so(tracker: Tracker, dest: Path, tmp_path: Path) -> None:
    done = _back_up(tracker, dest)
    (dest / done.name).rename(tmp_path / done.name)
    with pytest.raises(NotFound, match="missing beside"):
        reading.opened(*place_of(tmp_path / done.name))


def test_a_folder_of_other_things_and_the_store_itself_are_no_places(
    tracker: Tracker, dest: Path, tmp_path: Path
) -> None:
    dest.mkdir()
    (dest / "holiday.jpg").write_bytes(b"x")
    with pytest.raises(Conflict, match="holds other things"):
        _back_up(tracker, dest)
    assert [one.name for one in dest.iterdir()] == ["holiday.jpg"]
    for place in (tmp_path / "uploads", tmp_path / "uploads" / "b", tmp_path):
        with pytest.raises(Conflict, match="lie in each other"):
            refuse_own_store(place, tmp_path / "uploads")
    refuse_own_store(dest, tmp_path / "uploads")


def test_two_backups_into_one_folder_do_not_go_at_once(tracker: Tracker, dest: Path) -> None:
    _back_up(tracker, dest)
    with Shelf(FolderPlace(dest)).alone(), pytest.raises(Busy, match="under way"):
        _back_up(tracker, dest)


def test_older_ones_go_and_then_what_nobody_needs(tracker: Tracker, dest: Path, clock: Clock) -> None:
    bo = somebody(tracker, "bo")
    names = []
    for day in range(4):
        made(tracker, bo, ("a.txt", b"%d" % day))
        names.append(_back_up(tracker, dest).name)
        clock.forward(days=1)
    (dest / names[2] / "manifest.json").unlink()  # cut short
    (dest / "blobs" / "incoming-0123").write_bytes(b"")
    stray = dest / "blobs" / "ab" / ("ab" * 32)
    stray.parent.mkdir(exist_ok=True)
    stray.write_bytes(b"of one that went")
    done = _back_up(tracker, dest, Keep(daily=2))
    assert done.removed == names[:3]
    assert done.freed == 1
    assert sorted(one.name for one in dest.glob("backup-*")) == [names[3], done.name]
    assert not (dest / "blobs" / "incoming-0123").exists()
    for one in (names[3], done.name):
        assert _prove(dest / one).problems == []


@pytest.mark.parametrize("what", ["manifest.json", "blobs.jsonl.gz"])
def test_nothing_goes_while_a_backup_that_stays_cannot_be_believed(
    tracker: Tracker, dest: Path, clock: Clock, what: str
) -> None:
    made(tracker, somebody(tracker, "bo"))
    first = _back_up(tracker, dest)
    _back_up(tracker, dest)
    clock.forward(days=1)
    _flip(dest / first.name / what)
    (dest / _back_up(tracker, dest).name / "manifest.json").unlink()
    (dest / sorted(dest.glob("backup-*"))[1].name / "manifest.json").unlink()
    done = _back_up(tracker, dest, Keep(daily=2))
    assert ["older ones were not cleared away" in one for one in done.problems] == [True]
    assert len(list(dest.glob("backup-*"))) == 4
    assert _prove(dest).problems == []


def test_a_store_without_room_is_told_before_anything_is_restored(
    tracker: Tracker, empty: Empty, dest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(tracker, somebody(tracker, "bo"))
    _back_up(tracker, dest)
    new = empty("sqlite")
    monkeypatch.setattr(disk, "room", lambda _folder: disk.Room(1, 1, 1))
    with pytest.raises(NoSpace, match="5 bytes, and 1 are free"):
        _restore(new, dest)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_backup_of_before_a_migration_is_migrated(tracker: Tracker, empty: Empty, dest: Path, kind: str) -> None:
    """Rows go back into the schema they were written under; the migrations after it then do their work."""
    done = _back_up(tracker, dest)
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
    assert _restore(new, dest).report.problems == []
    with new.read() as work:
        found = work.db.execute(text("SELECT id, name, cui_never, version FROM systems")).all()
        assert [tuple(one) for one in found] == [(7, "Of old", 0, 1)]
        assert work.db.execute(select(func.count()).select_from(sessions)).scalar_one() == 0


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
    done = _back_up(tracker, dest, Keep(daily=1))
    assert done.contents == 60
    assert set(cut) <= set(done.removed)
    assert list(dest.glob("blobs/incoming-*")) == []
    assert _prove(dest).problems == []
