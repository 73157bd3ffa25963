"""Encrypted backups: proved and restored with their passphrase, and of no use to anybody without it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from cmmc_tracker.errors import Conflict
from cmmc_tracker.services.backups import checking, making, reading, restoring
from cmmc_tracker.services.backups.making import Made
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage import sealing
from cmmc_tracker.storage.blobs import FolderBlobs
from cmmc_tracker.storage.database import make_engine
from cmmc_tracker.storage.places import FolderPlace
from tests.conftest import OPERATOR, prepare
from tests.services.evidence import made, somebody

WORDS = "correct horse battery staple"
SECRET = b"What the assessors must see, and nobody else."


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few rounds: the passphrase is stretched in no time."""
    monkeypatch.setattr(sealing, "_ITERATIONS", 1)


def _back_up(tracker: Tracker, dest: Path, passphrase: str = WORDS) -> Made:
    return making.run(tracker, OPERATOR, FolderPlace(dest), told={}, passphrase=passphrase)


def test_it_is_proved_and_restored_with_the_passphrase(tracker: Tracker, dest: Path, tmp_path: Path) -> None:
    made(tracker, somebody(tracker, "bo"), ("a.txt", SECRET))
    assert _back_up(tracker, dest).copied == 1
    assert _back_up(tracker, dest).copied == 0
    backup = reading.opened(FolderPlace(dest), passphrase=WORDS)
    proof = checking.run(backup)
    assert (proof.problems, proof.contents) == ([], 1)
    url = f"sqlite:///{tmp_path}/new.db"
    prepare(url, tmp_path / "new")
    engine = make_engine(url)
    try:
        done = restoring.run(Tracker(engine, FolderBlobs(tmp_path / "new/uploads")), OPERATOR, backup, tmp_path)
    finally:
        engine.dispose()
    assert (done.problems, done.report.problems, done.contents) == ([], [], 1)


def test_nothing_of_the_evidence_can_be_read_in_it(tracker: Tracker, dest: Path) -> None:
    one = made(tracker, somebody(tracker, "bo"), ("a.txt", SECRET), title="Zebra crossing")
    name = _back_up(tracker, dest).name
    with tracker.read() as work:
        sha256 = next(iter(work.blobs.names()))
    assert one
    files = [path for path in dest.rglob("*") if path.is_file()]
    assert dest / name / "manifest.json" in files
    for path in files:
        assert sha256 not in str(path)
        for word in (SECRET, b"Zebra", sha256.encode(), b"made_at"):
            assert word not in path.read_bytes(), (path, word)


@pytest.mark.parametrize("passphrase", ["", "another passphrase"])
def test_without_its_passphrase_it_is_neither_read_nor_added_to(tracker: Tracker, dest: Path, passphrase: str) -> None:
    _back_up(tracker, dest)
    said = "passphrase is not the one" if passphrase else "BACKUP_PASSPHRASE_FILE"
    before = sorted(dest.rglob("*"))
    with pytest.raises(Conflict, match=said):
        reading.opened(FolderPlace(dest), passphrase=passphrase)
    with pytest.raises(Conflict, match=said):
        _back_up(tracker, dest, passphrase)
    assert sorted(dest.rglob("*")) == before


def test_a_folder_is_encrypted_as_a_whole_or_not_at_all(tracker: Tracker, dest: Path) -> None:
    _back_up(tracker, dest, "")
    with pytest.raises(Conflict, match="are not encrypted, and a passphrase is given"):
        _back_up(tracker, dest)
    assert reading.opened(FolderPlace(dest)).shelf.is_sealed is False


def test_one_that_is_not_encrypted_does_not_pass_for_one_that_is(tracker: Tracker, dest: Path, tmp_path: Path) -> None:
    _back_up(tracker, dest)
    forged = tmp_path / "forged"
    _back_up(tracker, forged, "")
    shutil.rmtree(dest)
    forged.rename(dest)
    with pytest.raises(Conflict, match="are not encrypted, and a passphrase is set"):
        reading.opened(FolderPlace(dest), passphrase=WORDS)


def _blob(dest: Path) -> Path:
    return next(path for path in (dest / "blobs").rglob("*") if path.is_file())


@pytest.mark.parametrize("which", ["manifest.json", "users.jsonl.gz", "content"])
@pytest.mark.parametrize(
    "harm",
    [lambda data: data[:-1], lambda data: data[:60] + bytes([data[60] ^ 1]) + data[61:], lambda data: data[:20]],
)
def test_what_was_cut_or_altered_is_found(
    tracker: Tracker, dest: Path, which: str, harm: Callable[[bytes], bytes]
) -> None:
    made(tracker, somebody(tracker, "bo"), ("a.txt", SECRET))
    name = _back_up(tracker, dest).name
    path = _blob(dest) if which == "content" else dest / name / which
    path.write_bytes(harm(path.read_bytes()))
    try:
        problems = checking.run(reading.opened(FolderPlace(dest), passphrase=WORDS)).problems
    except Conflict as error:
        problems = [error.message]
    assert len(problems) == 1
    assert "altered" in problems[0] or "cut short" in problems[0]


def test_a_content_that_is_put_in_the_place_of_another_is_found(tracker: Tracker, dest: Path) -> None:
    bo = somebody(tracker, "bo")
    made(tracker, bo, ("a.txt", b"one text"))
    made(tracker, bo, ("b.txt", b"two text"))
    _back_up(tracker, dest)
    first, second = [path for path in (dest / "blobs").rglob("*") if path.is_file()]
    first.write_bytes(second.read_bytes())
    problems = checking.run(reading.opened(FolderPlace(dest), passphrase=WORDS)).problems
    assert len(problems) == 1


def test_one_of_a_newer_version_is_refused_as_such(tracker: Tracker, dest: Path) -> None:
    _back_up(tracker, dest)
    content = json.loads((dest / "key.json").read_text())
    (dest / "key.json").write_text(json.dumps({**content, "format": 2}))
    with pytest.raises(Conflict, match="newer version"):
        reading.opened(FolderPlace(dest), passphrase=WORDS)
