"""Files that stay where they are: hashed where they lie, and nothing outside of the folder is read."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cmmc_tracker.errors import Invalid
from cmmc_tracker.storage import enclave
from cmmc_tracker.storage.enclave import Enclave, Outside


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An enclave's folder, with a secret beside it."""
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "enclave" / "cad").mkdir(parents=True)
    (tmp_path / "enclave" / "cad" / "pump.pdf").write_bytes(b"pump")
    return tmp_path / "enclave"


def test_a_file_is_hashed_and_measured_where_it_lies(root: Path) -> None:
    moved: list[int] = []
    found = Enclave(root).hashed("cad/pump.pdf", moved.append)
    assert (found.sha256, found.size, moved) == (hashlib.sha256(b"pump").hexdigest(), 4, [4])


def test_a_large_file_is_read_piece_by_piece(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enclave, "_PIECE", 1_000)
    (root / "large").write_bytes(b"x" * 3_500)
    moved: list[int] = []
    assert Enclave(root).hashed("large", moved.append).sha256 == hashlib.sha256(b"x" * 3_500).hexdigest()
    assert moved == [1_000, 1_000, 1_000, 500]


def test_a_link_within_the_folder_is_followed_and_an_absolute_path_below_it_is_its_own(root: Path) -> None:
    (root / "latest").symlink_to("cad")
    (root / "again.pdf").symlink_to(root / "cad" / "pump.pdf")
    for location in ("latest/pump.pdf", "again.pdf", str(root / "cad" / "pump.pdf"), "./cad//pump.pdf"):
        assert Enclave(root).hashed(location).size == 4


def _links_out(root: Path) -> str:
    (root / "link").symlink_to(root.parent / "secret.txt")
    return "link"


def _folder_links_out(root: Path) -> str:
    (root / "up").symlink_to("..")
    return "up/secret.txt"


def _loop(root: Path) -> str:
    (root / "loop").symlink_to("loop")
    return "loop"


def _pipe(root: Path) -> str:
    os.mkfifo(root / "pipe")
    return "pipe"


@pytest.mark.parametrize(
    "lead_out",
    [
        lambda _: "../secret.txt",
        lambda _: "cad/../../secret.txt",
        lambda _: "cad/../cad/pump.pdf",
        lambda _: "../../../../../../etc/passwd",
        lambda _: "/etc/passwd",
        lambda root: str(root.parent / "secret.txt"),
        lambda root: f"{root}-beside/x",
        lambda _: "a\0b",
        lambda _: ".",
        _links_out,
        _folder_links_out,
        _pipe,
        lambda _: "cad",
    ],
)
def test_what_leads_out_or_is_no_ordinary_file_is_refused_and_nothing_is_read(
    root: Path, lead_out: Callable[[Path], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    location = lead_out(root)
    read: list[int] = []
    monkeypatch.setattr(enclave.os, "read", lambda *_: read.append(1))
    with pytest.raises(Outside):
        Enclave(root).hashed(location)
    assert read == []


def test_a_link_that_is_put_on_the_way_meanwhile_leads_nowhere(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = Enclave(root)
    inside = Enclave._inside

    def swapped(self: Enclave, location: str) -> tuple[str, ...]:
        parts = inside(self, location)
        (root / "cad").rename(root / "gone")
        (root / "cad").symlink_to(root.parent)
        return parts

    (root.parent / "pump.pdf").write_text("secret")
    monkeypatch.setattr(Enclave, "_inside", swapped)
    with pytest.raises(NotADirectoryError):
        here.hashed("cad/pump.pdf")


@pytest.mark.parametrize("location", ["cad/none.pdf", "none/pump.pdf"])
def test_what_is_not_there_is_told_as_missing(root: Path, location: str) -> None:
    with pytest.raises(FileNotFoundError):
        Enclave(root).hashed(location)


def test_a_loop_of_links_ends(root: Path) -> None:
    with pytest.raises((Outside, OSError)):
        Enclave(root).hashed(_loop(root))


def test_a_location_is_counted_from_the_folder_also_through_links(root: Path) -> None:
    door = root.parent / "door"
    door.symlink_to(root)
    assert Enclave(door).location_of(root / "cad" / "pump.pdf") == "cad/pump.pdf"
    assert Enclave(root).location_of(door / "cad" / ".." / "cad" / "pump.pdf") == "cad/pump.pdf"


def test_a_file_outside_of_the_folder_has_no_location(root: Path) -> None:
    (root / "link").symlink_to(root.parent / "secret.txt")
    for file in (root.parent / "secret.txt", root / "link", root):
        with pytest.raises(Invalid, match="is not below"):
            Enclave(root).location_of(file)
    with pytest.raises(Invalid, match="There is no file"):
        Enclave(root).location_of(root / "none")


def test_a_root_that_is_no_folder_is_refused(root: Path) -> None:
    for wrong in (root / "none", root / "cad" / "pump.pdf"):
        with pytest.raises(Invalid):
            Enclave(wrong)
