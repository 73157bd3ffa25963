"""A folder of backups: what is written together has its name only once all of it is on the disk."""

import errno
import os
from contextlib import suppress
from pathlib import Path

import pytest

from cmmc_tracker.errors import Busy, NoSpace
from cmmc_tracker.storage.places import FolderPlace

HASHES = ["ab" * 32, "ab" * 31 + "ac", "cd" * 32]
KEYS = [f"blobs/{one[:2]}/{one}" for one in HASHES]


@pytest.fixture
def place(tmp_path: Path) -> FolderPlace:
    found = FolderPlace(tmp_path / "backups")
    found.prepare()
    return found


def contents(place: FolderPlace) -> list[str]:
    """All that lies below the contents, whole or passing."""
    return sorted(one.name for one in (place.root / "blobs").rglob("*") if one.is_file())


def test_contents_get_their_names_when_the_bytes_of_all_are_on_the_disk(
    place: FolderPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[bytes] = []

    def fsync(descriptor: int) -> None:
        assert not list(place.contents()), "a name came before the bytes of all were safe"
        synced.append(Path(f"/proc/self/fd/{descriptor}").read_bytes())

    monkeypatch.setattr(os, "fsync", fsync)
    with place.together() as writing:
        for number, key in enumerate(KEYS):
            with writing(key) as writer:
                writer.write(b"%d" % number)
    assert synced == [b"0", b"1", b"2"]
    assert contents(place) == HASHES
    assert [place.size(key) for key in KEYS] == [1, 1, 1]


@pytest.mark.parametrize(("code", "told"), [(errno.ENOSPC, NoSpace), (errno.EIO, Busy)])
def test_a_disk_that_fails_leaves_no_name_of_those_written_together(
    place: FolderPlace, monkeypatch: pytest.MonkeyPatch, code: int, told: type[Exception]
) -> None:
    calls: list[int] = []

    def fsync(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == len(KEYS):
            raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(told):
        write(place)
    assert len(calls) == len(KEYS)
    assert contents(place) == []


def write(place: FolderPlace, refused: str = "", broken_off: str = "") -> None:
    """Write all together; one of them may be refused while it is written, or the whole broken off after one."""
    with place.together() as writing:
        for key in KEYS:
            with suppress(ValueError), writing(key) as writer:
                writer.write(b"some")
                raise_for(ValueError, is_due=key == refused)
            raise_for(KeyboardInterrupt, is_due=key == broken_off)


def raise_for(kind: type[BaseException], *, is_due: bool) -> None:
    if is_due:
        raise kind


def test_what_is_broken_off_leaves_nothing_and_one_that_is_refused_lacks_only_itself(place: FolderPlace) -> None:
    with pytest.raises(KeyboardInterrupt):
        write(place, broken_off=KEYS[1])
    assert contents(place) == []
    write(place, refused=KEYS[1])
    assert contents(place) == [HASHES[0], HASHES[2]]


def test_no_file_stays_open(place: FolderPlace) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    write(place, refused=KEYS[2])
    assert len(list(Path("/proc/self/fd").iterdir())) == before
