"""Previews of texts, tables and pictures: what people see, and that no file makes them slow or large."""

import io
import struct
import time
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cmmc_tracker.errors import Invalid
from cmmc_tracker.services.preview_pages import CELL, TABLE_BYTES, TEXT_BYTES, check_image, csv_preview, text_preview


class Endless(io.RawIOBase):
    """A file of 50 MB that counts what is read of it."""

    def __init__(self, piece: bytes) -> None:
        super().__init__()
        self.piece, self.left, self.taken = piece, 50_000_000, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # a memoryview is what is given
        size = min(len(buffer), self.left)
        buffer[:size] = (self.piece * (size // len(self.piece) + 1))[:size]
        self.left, self.taken = self.left - size, self.taken + size
        return size


# Text


@pytest.mark.parametrize(
    ("data", "text", "encoding"),
    [
        (b"", "", "utf-8"),
        ("Zürich – ok\n".encode(), "Zürich – ok\n", "utf-8"),
        ("Zürich".encode("utf-8-sig"), "Zürich", "utf-8"),
        ("Zürich".encode("utf-16"), "Zürich", "utf-16"),
        (b"\xfe\xff" + "Zürich".encode("utf-16-be"), "Zürich", "utf-16"),
        ("Zürich – €".encode("cp1252"), "Zürich – €", "cp1252"),
        (b"a\x81\xff", "a�ÿ", "cp1252"),
        (b"a\x00b", "a�b", "utf-8"),
    ],
)
def test_a_text_is_read_by_its_encoding(data: bytes, text: str, encoding: str) -> None:
    found = text_preview(io.BytesIO(data))
    assert (found.text, found.encoding, found.truncated) == (text, encoding, False)


def test_a_long_text_is_cut_and_says_so() -> None:
    exact, longer = (text_preview(io.BytesIO(b"a" * n)) for n in (TEXT_BYTES, TEXT_BYTES + 1))
    assert (len(exact.text), exact.truncated) == (TEXT_BYTES, False)
    assert (len(longer.text), longer.truncated) == (TEXT_BYTES, True)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("limit", range(6, 16))
def test_a_character_that_the_cut_halves_is_left_out(encoding: str, limit: int) -> None:
    text = "aé€𝄞aé€𝄞"
    found = text_preview(io.BytesIO(text.encode(encoding)), limit)
    assert found.encoding == encoding
    assert found.truncated
    assert text.startswith(found.text)
    assert found.text


def test_no_more_is_read_of_a_text_than_is_shown() -> None:
    file = Endless(b"a")
    assert text_preview(file).truncated  # type: ignore[arg-type]  # as much of a file as is needed
    assert file.taken == TEXT_BYTES + 1


# Tables


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_of_a_table_is_found_out(separator: str) -> None:
    lines = [["host", "owner", "patched on"], ["srv-1", "Ann", "2026-01-02"], ["srv-2", "Bo", "2026-01-03"]]
    found = csv_preview(io.BytesIO("\r\n".join(separator.join(line) for line in lines).encode()))
    assert [found.header, *found.rows] == lines
    assert not found.truncated


def test_the_separator_is_found_even_where_lines_differ() -> None:
    found = csv_preview(io.BytesIO(b"a;b;c\n1\n\n2;3\n4;5;6;7;8\n"))
    assert found.header[:3] == ["a", "b", "c"]
    assert found.rows[-1][:5] == ["4", "5", "6", "7", "8"]


@pytest.mark.parametrize(
    ("data", "table"),
    [
        (b"", [[]]),
        (b"only\n", [["only"]]),
        (b'name,said\nAnn,"a, ""b""\nc"\n', [["name", "said"], ["Ann", 'a, "b"\nc']]),
        (b"a,b\n1\n1,2,3\n", [["a", "b", ""], ["1", "", ""], ["1", "2", "3"]]),
        (b"a,b\rc,d\r", [["a", "b"], ["c", "d"]]),
        ("Straße,Ort\nWeg,Köln\n".encode("utf-16"), [["Straße", "Ort"], ["Weg", "Köln"]]),
    ],
)
def test_a_table_has_rows_of_one_width(data: bytes, table: list[list[str]]) -> None:
    found = csv_preview(io.BytesIO(data))
    assert [found.header, *found.rows] == table
    assert not found.truncated


@pytest.mark.parametrize(
    ("data", "rows", "columns", "width"),
    [
        (b"a,b\n" + b"1,2\n" * 201, 200, 2, 1),
        (b",".join(b"c%d" % n for n in range(51)) + b"\n" + b"1," * 50 + b"1\n", 1, 50, 3),
        (b"a,b\n1," + b"x" * (CELL + 1) + b"\n", 1, 2, CELL),
    ],
    ids=["rows", "columns", "cell"],
)
def test_what_is_left_out_of_a_table_is_told(data: bytes, rows: int, columns: int, width: int) -> None:
    found = csv_preview(io.BytesIO(data))
    assert (len(found.rows), len(found.header), max(map(len, found.rows[0] + found.header))) == (rows, columns, width)
    assert found.truncated


def test_a_table_of_just_the_limits_is_whole() -> None:
    line = b",".join([b"x" * CELL] * 50) + b"\n"
    found = csv_preview(io.BytesIO(line * 5))
    assert (len(found.rows), len(found.header), found.truncated) == (4, 50, False)
    assert not csv_preview(io.BytesIO(b"a,b\n" + b"1,2\n" * 200)).truncated


def test_half_a_row_is_not_shown_as_a_whole_one() -> None:
    line = b"%s,the end\n" % (b"x" * 1_000)
    found = csv_preview(io.BytesIO(b"a,b\n" + line * 150))
    assert found.truncated
    assert {row[1] for row in found.rows} == {"the end"}


@pytest.mark.parametrize("piece", [b"a", b"a,", b'"', b'"a', b'""', b"\n", b"\r", b"\x00", b',"\n', b"\xff", b"a;\t|"])
def test_fifty_megabytes_of_anything_are_a_small_table_quickly(piece: bytes) -> None:
    file = Endless(piece)
    started = time.process_time()
    found = csv_preview(file)  # type: ignore[arg-type]  # as much of a file as is needed
    assert time.process_time() - started < 5
    assert file.taken == TABLE_BYTES + 1
    assert len(found.rows) <= 200
    assert all(len(row) == len(found.header) <= 50 and max(map(len, row), default=0) <= CELL for row in found.rows)
    assert found.truncated


@settings(deadline=None)
@given(st.text(alphabet=",;\t|\"'\n\r a1\0é", max_size=300).map(str.encode) | st.binary(max_size=300))
def test_no_bytes_break_a_table(data: bytes) -> None:
    found = csv_preview(io.BytesIO(data))
    assert all(len(row) == len(found.header) for row in found.rows)


# Pictures


def _png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return start + chunk(b"IDAT", b"")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_ordinary_pictures_may_be_shown(kind: str) -> None:
    file = io.BytesIO()
    Image.new("RGB", (40, 30)).save(file, kind)
    assert check_image(io.BytesIO(file.getvalue())) is None


def test_a_large_picture_is_not_shown() -> None:
    assert check_image(io.BytesIO(_png_header(10_000, 5_000))) is None
    with pytest.raises(Invalid, match=r"too large.*10,001 × 5,000 pixels"):
        check_image(io.BytesIO(_png_header(10_001, 5_000)))
    for side in (10_000, 30_000, 2_000_000):
        with pytest.raises(Invalid, match="too large"):
            check_image(io.BytesIO(_png_header(side, side)))


@pytest.mark.parametrize(
    "data", [b"", b"\x89PNG\r\n\x1a\n", b"<svg/>", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"]
)
def test_what_is_no_picture_says_so(data: bytes) -> None:
    with pytest.raises(Invalid, match="cannot be read"):
        check_image(io.BytesIO(data))
