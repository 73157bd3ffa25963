"""An archive into single artifacts: what is taken, what is not and why, and that no archive becomes a bomb."""

import io
import struct
import time
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmmc_tracker.errors import Invalid
from cmmc_tracker.importers.archive import MOST_MEMBERS, MOST_TAKEN, PIECE, ArchivePlan, Planned, plan, read
from tests.domain.samples import zipped

MEGABYTE = 1_048_576
EACH, TOGETHER = 100 * MEGABYTE, 1_000 * MEGABYTE


def _planned(data: bytes, most_each: int = EACH, most_together: int = TOGETHER) -> ArchivePlan:
    return plan(io.BytesIO(data), len(data), most_each=most_each, most_together=most_together)


def _refusal(data: bytes, **limits: int) -> str:
    with pytest.raises(Invalid) as refused:
        _planned(data, **limits)
    assert set(refused.value.fields) == {"file"}
    assert refused.value.message.endswith("Nothing was kept of it.")
    return refused.value.message


def _why(data: bytes, **limits: int) -> str:
    found = _planned(data, **limits)
    assert found.entries == ()
    (one,) = found.refused
    return one.why


def _archive(*members: tuple[str | zipfile.ZipInfo, bytes], packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", packing) as archive:
        for name, content in members:
            info = zipfile.ZipInfo() if isinstance(name, str) else name
            if isinstance(name, str):
                info.filename = name  # as it stands: the maker would turn backslashes
            archive.writestr(info, content, packing)
    return file.getvalue()


def _mode(name: str, mode: int, system: int = 3) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = system, mode << 16
    return info


def _declared(data: bytes, **values: int) -> bytes:
    """The archive with other values in its first entry of the table: crc, packed, size, flags, method or offset."""
    changed, at = bytearray(data), data.find(b"PK\x01\x02")
    for name, value in values.items():
        place, form = {
            "flags": (8, "<H"),
            "method": (10, "<H"),
            "crc": (16, "<I"),
            "packed": (20, "<I"),
            "size": (24, "<I"),
            "offset": (42, "<I"),
        }[name]
        struct.pack_into(form, changed, at + place, value)
    return bytes(changed)


def _read(data: bytes, planned: Planned) -> bytes:
    return b"".join(read(io.BytesIO(data), planned))


# What is taken


def test_each_file_becomes_an_artifact_of_its_own_with_its_bytes() -> None:
    contents = {"AC/policy.pdf": b"%PDF-1.7 policy", "AU/logs/october.csv": b"a,b\n" * 90_000, "note.txt": b"x"}
    for packing in (zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED):
        data = _archive(*contents.items(), packing=packing)
        found = _planned(data)
        assert [(one.path, one.name, one.title, one.size) for one in found.entries] == [
            ("AC/policy.pdf", "policy.pdf", "policy", 15),
            ("AU/logs/october.csv", "october.csv", "october", 360_000),
            ("note.txt", "note.txt", "note", 1),
        ]
        assert found.refused == ()
        assert [_read(data, one) for one in found.entries] == list(contents.values())
        assert found.summary == ("Files taken: 3, 360 KB together",)


def test_bytes_come_in_pieces() -> None:
    data = _archive(("zeros.txt", b"0" * 9_000_000))
    (one,) = _planned(data).entries
    pieces = [len(piece) for piece in read(io.BytesIO(data), one)]
    assert max(pieces) <= PIECE
    assert sum(pieces) == 9_000_000


def test_an_archive_with_something_before_it_is_read() -> None:
    data = b"#!/bin/sh\nexit\n" + _archive(("a.txt", b"content"), ("b.txt", b"more"))
    assert [_read(data, one) for one in _planned(data).entries] == [b"content", b"more"]


def test_an_archive_that_was_written_as_a_stream_is_read() -> None:
    class Stream(io.RawIOBase):
        def __init__(self) -> None:
            super().__init__()
            self.data = b""

        def writable(self) -> bool:
            return True

        def write(self, piece: bytes) -> int:  # type: ignore[override]  # bytes are what the maker writes
            self.data += bytes(piece)
            return len(piece)

    stream = Stream()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", b"content" * 100)
        archive.writestr("b.txt", b"more")
    assert [_read(stream.data, one) for one in _planned(stream.data).entries] == [b"content" * 100, b"more"]


def test_files_of_one_name_are_told_apart_by_their_folders() -> None:
    found = _planned(_archive(("AC/policy.pdf", b"1"), ("AU/Policy.pdf", b"2"), ("plan.pdf", b"3")))
    assert [one.title for one in found.entries] == ["AC/policy", "AU/Policy", "plan"]
    assert [one.notes for one in found.entries] == [(), (), ()]


@pytest.mark.parametrize(("first", "second"), [("a/Plan.txt", "a/plan.TXT"), ("Caf\u00e9.txt", "Cafe\u0301.txt")])
def test_names_that_differ_only_in_case_or_form_are_told_and_both_kept(first: str, second: str) -> None:
    data = _archive((first, b"1"), (second, b"2"))
    found = _planned(data)
    assert [_read(data, one) for one in found.entries] == [b"1", b"2"]
    assert all("differs from it only by case" in " ".join(one.notes) for one in found.entries)
    assert len({one.title for one in found.entries}) == 2


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_path_that_stands_there_twice_is_told_and_both_kept() -> None:
    data = _archive(("a.txt", b"1"), ("a.txt", b"2"))
    found = _planned(data)
    assert [(one.title, _read(data, one)) for one in found.entries] == [("a", b"1"), ("a (2)", b"2")]
    assert all("more than once" in " ".join(one.notes) for one in found.entries)


@pytest.mark.parametrize(
    "path", ["../../etc/x.txt", "/etc/x.txt", "a/../../x.txt", "..\\..\\x.txt", "C:\\windows\\x.txt", "\\\\host\\x.txt"]
)
def test_a_path_that_leads_out_leads_nowhere_and_is_told(path: str) -> None:
    (one,) = _planned(_archive((path, b"1"))).entries
    assert one.name == "x.txt"
    assert "leads out" in " ".join(one.notes)


def test_names_are_shown_printable_and_short() -> None:
    (one,) = _planned(_archive(("a/" * 900 + "b\u202egpj\x1b[31m\n.txt", b"1"))).entries
    assert one.name == "bgpj[31m.txt"
    assert len(one.path) <= 300
    assert len(one.title) <= 300
    assert one.path.isprintable()
    assert "Its name was cleaned." in one.notes


# What is not taken


@pytest.mark.parametrize(
    ("member", "told"),
    [
        (("folder/", b""), "a folder"),
        ((_mode("folder", 0o040755), b"x"), "a folder"),
        (("inner.zip", b"PK"), "an archive in an archive is not unpacked: unpack it first"),
        (("inner.tar.GZ", b"x"), "an archive in an archive is not unpacked: unpack it first"),
        (("inner.7z", b"x"), "an archive in an archive is not unpacked: unpack it first"),
        (("setup.exe", b"MZ"), "Files of type .exe are not taken"),
        (("noextension", b"x"), "Files without an extension are not taken"),
        (("a.txt", b""), "empty"),
        ((_mode("link.txt", 0o120777), b"/etc/passwd"), "a link"),
        ((_mode("link.txt", 0o120777, 19), b"/etc/passwd"), "a link"),
        ((_mode("disk.txt", 0o060600), b"x"), "a device"),
        ((_mode("tty.txt", 0o020600), b"x"), "a device"),
        ((_mode("pipe.txt", 0o010600), b"x"), "a device"),
        (("__MACOSX/a/._policy.pdf", b"x"), "a hidden file"),
        (("a/._policy.pdf", b"x"), "a hidden file"),
        (("a/.DS_Store", b"x"), "a hidden file"),
        (("a\\Thumbs.db", b"x"), "a hidden file"),
        (("DESKTOP.INI", b"x"), "a hidden file"),
        (("~$policy.docx", b"x"), "a hidden file"),
        (("a/\u202e", b"x"), "no name that can be kept"),
        (("a/" * 3_000 + "x.txt", b"x"), "its path has 6,005 characters"),
        (("big.txt", b"x" * 5_000), "a file may have 4.0 KB"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_member_that_is_not_taken_says_why(member: tuple[str | zipfile.ZipInfo, bytes], told: str) -> None:
    assert told in _why(_archive(member), most_each=4_000)


def test_what_a_computer_left_there_is_counted_apart() -> None:
    found = _planned(_archive(("a.txt", b"1"), ("b.exe", b"1"), ("__MACOSX/._a.txt", b"1"), (".DS_Store", b"1")))
    assert [one.junk for one in found.refused] == [False, True, True]
    assert found.summary[1:] == (
        "Not taken, each with its reason: 1",
        "Hidden files of a computer's own, left out: 2",
    )


def test_an_ordinary_file_in_a_folder_with_an_odd_name_is_no_junk() -> None:
    found = _planned(_archive(("my.DS_Store/a.txt", b"1"), ("a_MACOSX/b.txt", b"1"), ("a/x._b.txt", b"1")))
    assert len(found.entries) == 3


def test_an_encrypted_member_is_not_taken() -> None:
    assert "password" in _why(_declared(_archive(("a.txt", b"x")), flags=1))


@pytest.mark.parametrize("packing", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_member_packed_in_an_unusual_way_is_not_taken(packing: int) -> None:
    assert "ordinary ZIP" in _why(_archive(("a.txt", b"x" * 99), packing=packing))


# Bombs, lies and damage


def test_a_ratio_that_only_a_bomb_has_is_not_taken() -> None:
    assert "as only a bomb does" in _why(zipped("zeros.txt", content=b"\0" * 30_000_000))


def test_a_file_that_packs_well_is_taken() -> None:
    assert len(_planned(zipped("zeros.txt", content=b"\0" * 10_000_000)).entries) == 1


@pytest.mark.parametrize("size", [1_000_000, 0xFFFFFFFE])
def test_a_size_that_nothing_so_small_can_have_is_not_taken(size: int) -> None:
    assert "cannot have" in _why(_declared(_archive(("a.txt", b"x" * 50)), size=size))
    assert "cannot have" in _why(_declared(_archive(("a.txt", b"x" * 50), packing=zipfile.ZIP_STORED), size=size))


def test_a_member_that_gives_more_than_was_declared_is_stopped_at_once() -> None:
    machine = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = b"".join(machine.compress(bytes(MEGABYTE)) for _ in range(41)) + machine.flush()
    assert len(packed) < 43_000
    data = _declared(_archive(("a.txt", packed), packing=zipfile.ZIP_STORED), method=8, size=100_000)
    (one,) = _planned(data).entries
    pieces: list[bytes] = []
    with pytest.raises(Invalid, match="unpacks to more than it says"):
        pieces.extend(read(io.BytesIO(data), one))
    assert sum(map(len, pieces)) <= 100_000


@pytest.mark.parametrize("packing", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_a_wrong_checksum_is_refused(packing: int) -> None:
    data = _declared(_archive(("a.txt", b"content"), packing=packing), crc=1)
    (one,) = _planned(data).entries
    with pytest.raises(Invalid, match="checksum"):
        _read(data, one)


@pytest.mark.parametrize("size", [5, 9])
def test_a_wrong_size_is_refused(size: int) -> None:
    data = _declared(_archive(("a.txt", b"content")), size=size)
    (one,) = _planned(data).entries
    with pytest.raises(Invalid, match="than it says"):
        _read(data, one)


def test_damaged_bytes_are_refused() -> None:
    content = bytes(range(256)) * 400
    data = bytearray(_archive(("a.txt", content)))
    (one,) = _planned(bytes(data)).entries
    for at in range(one.start, one.start + one.packed):
        wrong = bytes(data[:at]) + bytes((data[at] ^ 0xFF,)) + bytes(data[at + 1 :])
        with pytest.raises(Invalid, match="Nothing was kept"):
            _read(wrong, one)


def test_a_file_that_became_shorter_meanwhile_is_refused() -> None:
    data = _archive(("a.txt", b"content" * 9), packing=zipfile.ZIP_STORED)
    (one,) = _planned(data).entries
    with pytest.raises(Invalid, match="cut short"):
        _read(data[: one.start + 9], one)


def test_bytes_after_the_end_of_a_member_are_refused() -> None:
    machine = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = machine.compress(b"content") + machine.flush() + b"hidden"
    data = _archive(("a.txt", packed), packing=zipfile.ZIP_STORED)
    data = _declared(data, method=8, size=7, crc=zlib.crc32(b"content"))
    (one,) = _planned(data).entries
    with pytest.raises(Invalid, match="damaged"):
        _read(data, one)


def _shared() -> bytes:
    """Nine entries of the table, all of which point to the same bytes."""
    content = zipped("a.txt", content=bytes(range(256)) * 100)
    at = content.rfind(b"PK\x01\x02")
    entry = content[at : content.rfind(b"PK\x05\x06")]
    return content[:at] + entry * 9 + struct.pack("<4s4xHHIIH", b"PK\x05\x06", 9, 9, len(entry) * 9, at, 0)


def test_members_that_share_their_bytes_are_refused() -> None:
    assert "share their bytes" in _refusal(_shared())


def test_a_member_within_another_is_refused() -> None:
    inner = _archive(("b.txt", b"inner" * 50), packing=zipfile.ZIP_STORED)
    data = _archive(("a.txt", b"x" * 20 + inner + b"y" * 20), ("b.txt", b"inner" * 50), packing=zipfile.ZIP_STORED)
    changed, last = bytearray(data), data.rfind(b"PK\x01\x02")
    struct.pack_into("<I", changed, last + 42, data.find(b"PK\x03\x04", 4))
    assert "share their bytes" in _refusal(bytes(changed))


def test_an_archive_that_programs_read_differently_is_refused() -> None:
    """One entry of the table hides another, which a reader finds that looks for the end record of large archives."""
    data = _archive(("a.txt", b"what one sees"), ("b.txt", b"what another sees"))
    at, end = data.find(b"PK\x01\x02"), data.rfind(b"PK\x05\x06")
    second = data.rfind(b"PK\x01\x02")
    seen, hidden = bytearray(data[at:second]), data[second:end]
    struct.pack_into("<HH", seen, 30, len(hidden), 76)
    large = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, len(hidden), at + len(seen))
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, at + len(seen) + len(hidden), 1)
    table = bytes(seen) + hidden + large + locator
    data = data[:at] + table + struct.pack("<4s4xHHIIH", b"PK\x05\x06", 1, 1, len(table), at, 0)
    assert zipfile.ZipFile(io.BytesIO(data)).namelist() == ["b.txt"]
    assert "programs do not agree" in _refusal(data)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: _declared(data, offset=5_000_000),
        lambda data: _declared(data, offset=7),
        lambda data: _declared(data, packed=5_000_000, size=5_000_000),
    ],
)
def test_a_member_that_is_not_where_it_should_be_is_refused(change: Callable[[bytes], bytes]) -> None:
    assert "damaged" in _refusal(change(_archive(("a.txt", b"x" * 50), packing=zipfile.ZIP_STORED)))


def test_an_archive_of_too_many_files_is_refused_naming_the_limit() -> None:
    members = [(f"{number}.txt", b"x") for number in range(MOST_TAKEN + 1)]
    assert "2,001 artifacts; at most 2,000" in _refusal(_archive(*members))
    assert len(_planned(_archive(*members[:-1])).entries) == MOST_TAKEN
    many = [(f"{number}.txt", b"x") for number in range(MOST_MEMBERS)]
    assert "10,000 artifacts; at most 2,000" in _refusal(_archive(*many))
    assert "10,001 entries; at most 10,000" in _refusal(_archive(*many, ("last.txt", b"x")))


def test_a_table_too_long_to_be_read_is_refused() -> None:
    data = bytearray(_archive(("a.txt", b"x")))
    struct.pack_into("<I", data, data.rfind(b"PK\x05\x06") + 12, 0xFFFFFFF0)
    assert "archive" in _refusal(bytes(data))


def test_files_that_are_too_much_together_are_refused_naming_the_limit() -> None:
    data = _archive(("a.txt", b"x" * 600), ("b.txt", b"x" * 600), ("c.exe", b"x" * 600))
    assert "1.2 KB together; at most 1.0 KB" in _refusal(data, most_together=1_000)
    assert len(_planned(data, most_together=1_200).entries) == 2


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"no archive", b"\0" * 70_000, zipped()], ids=repr)
def test_what_is_no_archive_is_refused(data: bytes) -> None:
    assert "archive" in _refusal(data)


_SAMPLE = _archive(("AC/policy.txt", b"policy " * 40), ("b/", b""), ("b/c.csv", b"1,2,3\n"))


@settings(deadline=None, max_examples=400)
@given(st.integers(0, len(_SAMPLE) - 1), st.integers(0, 255), st.integers(0, len(_SAMPLE)))
def test_no_damaged_byte_and_no_cut_makes_it_fail_or_lie(at: int, value: int, end: int) -> None:
    for data in (_SAMPLE[:at] + bytes((value,)) + _SAMPLE[at + 1 :], _SAMPLE[:end]):
        with suppress(Invalid):
            for one in _planned(data).entries:
                with suppress(Invalid):
                    assert len(_read(data, one)) == one.size


@given(st.binary(max_size=400))
def test_no_bytes_make_it_fail(data: bytes) -> None:
    for content in (data, b"PK\x03\x04" + data, data + _SAMPLE[_SAMPLE.rfind(b"PK\x05\x06") :]):
        with suppress(Invalid):
            assert all(one.size >= 0 for one in _planned(content).entries)


def test_an_archive_of_long_foreign_names_is_planned_soon() -> None:
    data = _archive(*((f"{'é' * 1_000}{number}/{'ö' * 500}.txt", b"x") for number in range(2_000)))
    begun = time.process_time()
    _planned(data)
    assert time.process_time() - begun < 5.0
