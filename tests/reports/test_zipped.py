"""The zip of a package as its parts: read by another program, the same at any size, every byte in one part."""

import io
import struct
import zipfile
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmmc_tracker.reports.handoff import zipped

AT = datetime(2026, 11, 28, 14, 35, 58, tzinfo=UTC)
GIB = 1 << 30


@dataclass
class One:
    path: str
    size: int
    crc32: int
    content: bytes = b""


def one(path: str, content: bytes) -> One:
    return One(path, len(content), zlib.crc32(content), content)


def joined(members: list[One], start: int = 0, stop: int | None = None) -> bytes:
    parts = zipped.laid_out(members, AT)
    wanted = zipped.between(parts, start, zipped.size(parts) if stop is None else stop)
    return b"".join(
        (part.own if part.member is None else members[part.member].content)[first:last] for part, first, last in wanted
    )


def test_another_program_reads_it_with_names_times_and_modes() -> None:
    members = [one("a/b [1].txt", b"hello"), one("empty", b""), one("c.bin", bytes(range(256)) * 9)]
    with zipfile.ZipFile(io.BytesIO(joined(members))) as found:
        assert found.testzip() is None
        assert [(i.filename, i.file_size, i.CRC) for i in found.infolist()] == [
            (m.path, m.size, m.crc32) for m in members
        ]
        assert {i.date_time for i in found.infolist()} == {(2026, 11, 28, 14, 35, 58)}
        assert {(i.compress_type, i.external_attr >> 16, i.flag_bits) for i in found.infolist()} == {(0, 0o100644, 0)}
        assert found.read("a/b [1].txt") == b"hello"


contents = st.lists(st.binary(max_size=60), max_size=5)


@given(contents, st.data())
def test_every_stretch_is_that_of_the_whole(all_: list[bytes], data: st.DataObject) -> None:
    members = [one(f"file {n}", content) for n, content in enumerate(all_)]
    whole = joined(members)
    start = data.draw(st.integers(0, len(whole)))
    stop = data.draw(st.integers(start, len(whole)))
    assert joined(members, start, stop) == whole[start:stop]


@pytest.mark.parametrize("sizes", [(5 * GIB, 3), (3 * GIB, 3 * GIB, 3), (2**32 - 1, 1), (2**32 - 2, 1)])
def test_what_is_larger_than_four_gibibytes_has_the_fields_of_zip64(sizes: tuple[int, ...]) -> None:
    """Holes instead of contents: what is looked at is where things lie."""
    members = [One(f"file {n}", size, 7) for n, size in enumerate(sizes)]
    parts = zipped.laid_out(members, AT)

    class Sparse(io.RawIOBase):
        """The zip, with nothing but zeros for contents."""

        at = 0

        def seekable(self) -> bool:
            return True

        def seek(self, offset: int, whence: int = 0) -> int:
            self.at = {0: 0, 1: self.at, 2: zipped.size(parts)}[whence] + offset
            return self.at

        def tell(self) -> int:
            return self.at

        def read(self, size: int = -1) -> bytes:
            stop = zipped.size(parts) if size < 0 else min(self.at + size, zipped.size(parts))
            found = b""
            for part, first, last in zipped.between(parts, self.at, stop):
                found += part.own[first:last] if part.member is None else bytes(last - first)
            self.at = stop
            return found

    with zipfile.ZipFile(Sparse()) as found:  # type: ignore[call-overload]
        assert [(i.filename, i.file_size, i.compress_size) for i in found.infolist()] == [
            (m.path, m.size, m.size) for m in members
        ]
        for info, part in zip(found.infolist(), parts[::2], strict=False):
            assert info.header_offset == part.start
            (size,) = struct.unpack("<L", part.own[22:26])
            assert size == min(info.file_size, 2**32 - 1)


def test_more_files_than_sixteen_bits_count_are_all_found() -> None:
    members = [one(f"{n}", b"") for n in range(65_536)]
    with zipfile.ZipFile(io.BytesIO(joined(members))) as found:
        assert len(found.namelist()) == 65_536
