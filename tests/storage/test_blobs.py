"""The artifact store: bytes written once under their hash, and a sweep that never takes a living upload."""

import errno
import hashlib
import multiprocessing
import os
import resource
import signal
import threading
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from cmmc_tracker.errors import Busy, Misconfigured, NoSpace, NotFound
from cmmc_tracker.storage.blobs import FolderBlobs, FolderIncoming

CONTENT = b"what went in comes out" * 1_000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def store(tmp_path: Path) -> FolderBlobs:
    return FolderBlobs(tmp_path / "a store")


def put(store: FolderBlobs, content: bytes = CONTENT) -> str:
    """Keep some bytes and let go of them."""
    with closing(store.receive()) as incoming:
        incoming.write(content)
        return incoming.keep().sha256


def unknown(_sha256: str) -> bool:
    return False


def files(store: FolderBlobs) -> list[str]:
    return sorted(p.name for p in store._root.rglob("*") if p.is_file() and p.name != ".gate")


def test_what_went_in_comes_out_under_its_hash(store: FolderBlobs) -> None:
    with closing(store.receive()) as incoming:
        for at in range(0, len(CONTENT), 777):
            incoming.write(CONTENT[at : at + 777])
        assert (incoming.size, incoming.sha256) == (len(CONTENT), SHA256)
        kept = incoming.keep()
    assert (kept.sha256, kept.size, kept.new) == (SHA256, len(CONTENT), True)
    with store.open(SHA256) as file:
        assert file.read() == CONTENT
    assert store.check(SHA256) == SHA256
    assert store.path(SHA256).name == SHA256
    assert list(store.names()) == [SHA256]


def test_an_upload_that_is_not_kept_leaves_nothing(store: FolderBlobs) -> None:
    with closing(store.receive()) as incoming:
        incoming.write(CONTENT)
        assert len(files(store)) == 1
    assert files(store) == []


def test_the_same_bytes_twice_are_stored_once(store: FolderBlobs) -> None:
    put(store)
    with closing(store.receive()) as incoming:
        incoming.write(CONTENT)
        assert incoming.keep().new is False
    assert files(store) == [SHA256]


def test_folders_and_files_are_for_their_owner_only(store: FolderBlobs) -> None:
    with closing(store.receive()) as incoming:
        temporary = next((store._root / ".incoming").glob("[0-9a-f]*"))
        assert temporary.stat().st_mode & 0o777 == 0o600
        incoming.write(CONTENT)
        incoming.keep()
    assert store.path(SHA256).stat().st_mode & 0o777 == 0o600
    assert store._root.stat().st_mode & 0o777 == 0o700
    assert store.path(SHA256).parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    "name", ["", "..", "../" + SHA256, SHA256.upper(), SHA256[:-1], SHA256 + "\n", "/etc/passwd", "\0"]
)
def test_a_name_that_is_no_hash_finds_nothing(store: FolderBlobs, name: str) -> None:
    put(store)
    for look in (store.path, store.open, store.check):
        with pytest.raises(NotFound):
            look(name)


def test_a_link_in_the_store_is_not_followed(store: FolderBlobs, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x")
    place = store._root / SHA256[:2]
    place.mkdir()
    (place / SHA256).symlink_to(secret)
    with pytest.raises(NotFound):
        store.path(SHA256)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    other = "ff" + SHA256[2:]
    (elsewhere / other).write_text("x")
    (store._root / "ff").symlink_to(elsewhere)
    with pytest.raises(NotFound):
        store.path(other)


def test_leftovers_are_swept_and_what_is_known_stays(store: FolderBlobs) -> None:
    put(store)
    orphan = put(store, b"nobody knows me")
    (store._root / ".incoming" / "left").write_bytes(b"half")
    assert store.sweep(lambda sha256: sha256 == SHA256) == [".incoming/left", orphan]
    assert files(store) == [SHA256]


def test_a_living_upload_is_never_swept_before_or_after_it_got_its_name(store: FolderBlobs) -> None:
    with closing(store.receive()) as incoming:
        incoming.write(CONTENT)
        assert store.sweep(unknown) == []
        incoming.keep()
        assert store.sweep(unknown) == []
    assert store.sweep(unknown) == [SHA256]


def test_an_upload_of_bytes_that_are_there_keeps_them_from_a_sweep_too(store: FolderBlobs) -> None:
    put(store)
    with closing(store.receive()) as incoming:
        incoming.write(CONTENT)
        incoming.keep()
        assert store.sweep(unknown) == []
    assert store.sweep(unknown) == [SHA256]


def test_a_row_that_is_committed_during_the_sweep_saves_its_bytes(store: FolderBlobs) -> None:
    put(store)
    answers = iter([False, True])
    assert store.sweep(lambda _sha256: next(answers)) == []
    assert files(store) == [SHA256]


def test_a_damaged_file_of_the_same_content_is_told_and_not_replaced(store: FolderBlobs) -> None:
    put(store)
    path = store.path(SHA256)
    path.write_bytes(b"short")
    with closing(store.receive()) as incoming:
        incoming.write(CONTENT)
        with pytest.raises(Busy, match="damaged"):
            incoming.keep()
    assert path.read_bytes() == b"short"
    assert store.check(SHA256) != SHA256


def test_twenty_uploads_of_the_same_bytes_at_once_with_sweeps_between(store: FolderBlobs) -> None:
    committed: set[str] = set()
    wrong: list[str] = []

    def upload() -> None:
        for _ in range(10):
            with closing(store.receive()) as incoming:
                incoming.write(CONTENT)
                sha256 = incoming.keep().sha256
                if not store.path(sha256).exists():
                    wrong.append("gone before the commit")
                committed.add(sha256)

    def sweep() -> None:
        for _ in range(40):
            store.sweep(lambda sha256: sha256 in committed)

    threads = [threading.Thread(target=upload) for _ in range(20)] + [threading.Thread(target=sweep) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert store.check(SHA256) == SHA256
    assert files(store) == [SHA256]


def _write_too_much(root: Path, told: "multiprocessing.Queue[str]") -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
    store = FolderBlobs(root)
    try:
        with closing(store.receive()) as incoming:
            incoming.write(CONTENT)
    except NoSpace as error:
        told.put(error.message)


def test_a_full_disk_is_told_and_nothing_stays(store: FolderBlobs) -> None:
    context = multiprocessing.get_context("fork")
    told: multiprocessing.Queue[str] = context.Queue()
    child = context.Process(target=_write_too_much, args=(store._root, told))
    child.start()
    assert "no space left" in told.get(timeout=20)
    child.join()
    assert files(store) == []


def test_a_folder_that_cannot_be_made_is_told_by_its_variable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(Misconfigured, match="UPLOAD_PATH"):
        FolderBlobs(tmp_path / "file" / "uploads")


def test_the_lock_is_let_go_at_the_end(store: FolderBlobs) -> None:
    incoming = store.receive()
    assert isinstance(incoming, FolderIncoming)
    before = len(list(Path("/proc/self/fd").iterdir()))
    incoming.write(CONTENT)
    incoming.keep()
    incoming.close()
    incoming.close()
    assert len(list(Path("/proc/self/fd").iterdir())) < before


def test_what_is_kept_waits_for_the_disk_first_with_its_bytes_and_then_with_its_name(
    store: FolderBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(os, "fsync", lambda number: synced.append(Path(f"/proc/self/fd/{number}").resolve()))
    with closing(store.receive()) as incoming:
        incoming.write(CONTENT)
        spooled = next(one for one in store._root.rglob("*") if one.is_file() and one.stat().st_size)
        synced.clear()
        incoming.keep()
    assert synced[0] == spooled
    assert store.path(SHA256).parent in synced[1:]


def test_uploads_that_are_kept_together_get_names_when_the_bytes_of_all_are_on_the_disk(
    store: FolderBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[str, list[str]]] = []

    def fsync(number: int) -> None:
        synced.append((Path(f"/proc/self/fd/{number}").resolve().name, list(store.names())))

    monkeypatch.setattr(os, "fsync", fsync)
    with ExitStack() as held:
        incomings = [held.enter_context(closing(store.receive())) for _ in range(3)]
        for number, incoming in enumerate(incomings):
            incoming.write(b"%d" % number)
        kept = store.keep(incomings)
        assert store.sweep(unknown) == [], "the locks are held until each is closed"
    names = sorted(hashlib.sha256(b"%d" % number).hexdigest() for number in range(3))
    assert sorted(one.sha256 for one in kept) == list(store.names()) == names
    assert [there for _, there in synced] == [[]] * 3 + [names] * 4
    assert [folder for folder, _ in synced[3:]] == [*(one[:2] for one in names), store.root.name]


def test_the_name_of_bytes_that_are_there_already_is_seen_to_as_well(
    store: FolderBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who brought them may have died between naming them and syncing the folder."""
    put(store)
    synced: list[Path] = []
    monkeypatch.setattr(os, "fsync", lambda number: synced.append(Path(f"/proc/self/fd/{number}").resolve()))
    put(store)
    assert store.path(SHA256).parent in synced


def test_a_folder_that_is_made_anew_is_seen_to_anew(store: FolderBlobs, monkeypatch: pytest.MonkeyPatch) -> None:
    path = store.path(put(store))
    path.unlink()
    path.parent.rmdir()
    synced: list[Path] = []
    monkeypatch.setattr(os, "fsync", lambda number: synced.append(Path(f"/proc/self/fd/{number}").resolve()))
    put(store)
    assert synced[1:] == [path.parent, store.root.resolve()]


def test_a_disk_that_cannot_be_read_is_told_and_is_no_missing_file(
    store: FolderBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha256 = put(store)

    def fails(*_given: object, **_more: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(Path, "open", fails)
    with pytest.raises(Busy, match="cannot be read"):
        store.open(sha256)
    with pytest.raises(OSError, match="Input/output"):
        store.check(sha256)
    monkeypatch.setattr(Path, "stat", fails)
    with pytest.raises(Busy, match="cannot be read"):
        store.size(sha256)
