"""What is noticed in an archive, by its table of contents alone."""

import io
import struct
import zipfile

import pytest

from tests.domain.samples import look, said, zipped


def test_a_plain_archive_has_nothing_to_be_said_of() -> None:
    assert look("a.zip", zipped("a.txt", "b/c.txt", "b/D.txt")) == ()
    assert look("a.zip", zipped()) == ()


def test_a_bomb_is_named_with_what_it_would_take() -> None:
    assert "30.0 MB" in said("a.zip", zipped("zeros", content=b"\0" * 30_000_000))
    assert "may be a bomb" in said("a.zip", zipped("zeros", content=b"\0" * 30_000_000))
    assert "may be a bomb" in said("a.docx", zipped("word/document.xml", content=b"\0" * 30_000_000))


def test_an_archive_whose_entries_share_their_bytes_is_named_as_a_bomb() -> None:
    content = bytearray(zipped("a", content=bytes(range(256)) * 100))
    at = content.rfind(b"PK\x01\x02")
    entry = bytes(content[at : content.rfind(b"PK\x05\x06")])
    end = struct.pack("<4s4xHHIIH", b"PK\x05\x06", 9, 9, len(entry) * 9, at, 0)
    assert "overlap" in said("a.zip", bytes(content[:at]) + entry * 9 + end)


def test_a_size_that_needs_64_bits_is_read() -> None:
    content = bytearray(zipped("a", content=b"x"))
    at = content.rfind(b"PK\x01\x02")
    entry = bytearray(content[at : content.rfind(b"PK\x05\x06")])
    struct.pack_into("<I", entry, 24, 0xFFFFFFFF)
    struct.pack_into("<H", entry, 30, 12)
    whole = bytes(entry) + struct.pack("<HHQ", 1, 8, 5_000_000_000_000)
    end = struct.pack("<4s4xHHIIH", b"PK\x05\x06", 1, 1, len(whole), at, 0)
    assert "5.0 TB" in said("a.zip", bytes(content[:at]) + whole + end)


def test_entries_that_the_number_of_them_keeps_quiet_about_are_seen() -> None:
    content = bytearray(zipped("a.txt", "../b.txt"))
    at = content.rfind(b"PK\x05\x06")
    struct.pack_into("<HH", content, at + 8, 1, 1)
    assert "../b.txt" in said("a.zip", bytes(content))


@pytest.mark.parametrize("name", ["/etc/passwd", "../up", "a/../../up", "..\\up", "\\\\host\\x", "C:\\x", "c:x"])
def test_names_that_lead_out_are_named(name: str) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        info = zipfile.ZipInfo("a")
        info.filename = name
        archive.writestr(info, "x")
    assert "lead out of the folder" in said("a.zip", file.getvalue())


def test_names_that_only_look_like_climbing_are_left_alone() -> None:
    assert look("a.zip", zipped("a..b", "..a/b", "c/...")) == ()


@pytest.mark.parametrize("names", [("Readme.md", "README.MD"), ("a/b", "a\\B")])
def test_names_that_differ_only_by_case_are_named(names: tuple[str, str]) -> None:
    assert "differ only by case" in said("a.zip", zipped(*names))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_stands_there_twice_is_named() -> None:
    assert "stand there twice" in said("a.zip", zipped("a", "a"))


def test_encrypted_entries_are_named() -> None:
    content = bytearray(zipped("secret.txt"))
    content[content.rfind(b"PK\x01\x02") + 8] |= 1
    assert "encrypted" in said("a.zip", bytes(content))


def test_links_in_an_archive_are_named() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        info = zipfile.ZipInfo("link")
        info.create_system, info.external_attr = 3, 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    assert "links" in said("a.zip", file.getvalue())


def test_archives_and_programs_inside_are_named_and_counted() -> None:
    text = said("a.zip", zipped("a.txt", "1.zip", "2.7Z", "3.tar", "4.gz", "setup.EXE", "b.docm"))
    assert "1.zip, 2.7Z, 3.tar and 1 more" in text
    assert "setup.EXE, b.docm" in text


def test_many_entries_are_counted_and_too_many_are_said_to_be_unexamined() -> None:
    assert "holds 10,001 entries" in said("a.zip", zipped(*map(str, range(10_001))))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(70_000):
            archive.writestr(zipfile.ZipInfo(str(number)), b"")
    assert look("a.zip", file.getvalue()) == ("The archive's list of 70,000 entries is too long to be examined.",)


def test_names_from_inside_stand_printable_and_short_in_a_sentence() -> None:
    text = said("a.zip", zipped("../a\nb\u202egpj.\x1b[31m", "../" + "x" * 5_000))
    assert "\n" not in text
    assert "\u202e" not in text
    assert "\x1b" not in text
    assert len(text) < 300
