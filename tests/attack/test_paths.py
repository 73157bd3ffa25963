"""Hostile paths: no address leads out of the store, or to a file of somebody else."""

from pathlib import Path

import pytest

from tests.attack.uploads import SECRET
from tests.conftest import Person

CLIMBING = [
    "/uploads/1/1/../../../cmmc.db",
    "/uploads/../cmmc.db",
    "/uploads/1/1/%2e%2e%2f%2e%2e%2fcmmc.db",
    "/uploads/1/1/..%2f..%2fcmmc.db",
    "/uploads/1/1/%252e%252e%252fcmmc.db",
    "/uploads/1/1/..%255c..%255ccmmc.db",
    "/uploads/1/1/..\\..\\cmmc.db",
    "/uploads/1/1/..%5c..%5ccmmc.db",
    "/uploads/1/1//etc/passwd",
    "/uploads//etc/passwd",
    "/uploads/%2fetc%2fpasswd",
    "/uploads/1/1/%2fetc%2fpasswd",
    "/uploads/1/1/C:%5cWindows%5cwin.ini",
    "/uploads/1/1/a.txt%00",
    "/uploads/1/1/a.txt%00.png",
    "/uploads/1/1/%00",
    "/uploads/1/1/a.txt/",
    "/uploads/1/1/A.TXT",
    "/uploads/1/1/%61.txt%20",
    "/uploads/1/1/%c0%ae%c0%ae%c0%afcmmc.db",
    "/uploads/1/1/%ff%fe",
    "/uploads/1/1/" + "%2e%2e%2f" * 300,
    "/uploads/1/1",
    "/uploads/1/0/a.txt",
    "/uploads/1/-1/a.txt",
    "/uploads/1/99999999999999999999/a.txt",
    "/uploads/../../a.txt",
    "/uploads/.incoming/x",
    "/uploads/1/1/.incoming",
    "/uploads/e3/e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
]


@pytest.mark.parametrize("path", CLIMBING)
def test_no_path_leads_out_of_the_store_or_tells_what_is_there(user: Person, tmp_path: Path, path: str) -> None:
    user.upload("a.txt", SECRET)
    answer = user.client.get(path, buffered=True)
    assert answer.status_code == 404
    assert SECRET not in answer.data
    assert str(tmp_path) not in answer.text
    assert b"root:" not in answer.data
    assert b"SQLite" not in answer.data


def test_the_right_path_is_the_only_one_that_works(user: Person) -> None:
    user.upload("a.txt", SECRET)
    assert user.get("/uploads/1/1/a.txt").data == SECRET
    assert user.get("/uploads/1/1/%61.txt").data == SECRET


def test_the_hash_of_bytes_opens_nothing(user: Person) -> None:
    made = user.upload("a.txt", SECRET).get_json()["current_version"]
    sha256 = made["sha256"]
    for path in (f"/uploads/{sha256}", f"/uploads/{sha256[:2]}/{sha256}", f"/uploads/1/1/{sha256}"):
        assert user.get(path).status_code == 404


@pytest.mark.parametrize("planted", ["file", "folder"])
def test_a_link_planted_in_the_store_leads_nowhere(user: Person, tmp_path: Path, planted: str) -> None:
    sha256 = user.upload("a.txt", SECRET).get_json()["current_version"]["sha256"]
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / sha256).write_bytes(b"outside")
    folder = tmp_path / "uploads" / sha256[:2]
    (folder / sha256).unlink()
    if planted == "file":
        (folder / sha256).symlink_to(outside / sha256)
    else:
        folder.rmdir()
        folder.symlink_to(outside)
    for path in ("/uploads/1/1/a.txt", "/api/v1/artifacts/1/versions/1/content"):
        answer = user.get(path)
        assert answer.status_code == 404
        assert b"outside" not in answer.data


def test_somebody_else_s_file_is_not_there_for_an_outsider(user: Person, outsider: Person, stranger: Person) -> None:
    user.upload("a.txt", SECRET)
    answer = outsider.get("/uploads/1/1/a.txt")
    assert answer.status_code == 404
    guess = outsider.get("/uploads/7/1/a.txt")
    assert answer.text.split("reference")[0] == guess.text.split("reference")[0]
    assert outsider.get("/api/v1/artifacts/1/versions/1/content").status_code == 404
    assert stranger.get("/uploads/1/1/a.txt").status_code == 302
