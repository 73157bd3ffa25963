"""Whatever a file is made of, looking into it ends soon, with a sentence, never a failure."""

import io
import struct
import time
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmmc_tracker.domain.examination import LONGEST_SENTENCE, MOST_SENTENCES
from cmmc_tracker.domain.examination.office import compound_names
from cmmc_tracker.domain.examination.reading import Unreadable, Window
from cmmc_tracker.domain.uploads import ALLOWED
from tests.domain.samples import MEGABYTE, compound, look, pdf, picture, related, said, taken_out, word, zipped


@pytest.mark.parametrize("name", [f"a{extension}" for extension in ALLOWED])
@given(content=st.binary(max_size=600))
def test_no_bytes_make_the_examination_fail(name: str, content: bytes) -> None:
    for head in (b"", b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"%PDF-1.4", b"\xff\xd8\xff\xe1", b"RIFF"):
        sentences = look(name, head + content)
        assert len(sentences) <= MOST_SENTENCES
        assert all(0 < len(sentence) <= LONGEST_SENTENCE for sentence in sentences)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.zip", zipped("a.txt", "b.txt")),
        ("a.docx", related(b"attachedTemplate")),
        ("a.doc", compound("WordDocument", "Macros")),
        ("a.pdf", pdf(b"/S/JavaScript")),
        ("a.jpg", picture("JPEG")),
        ("a.png", picture("PNG")),
        ("a.webp", picture("WEBP")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_no_damaged_byte_and_no_cut_makes_it_fail(name: str, content: bytes) -> None:
    for at in range(0, len(content), max(1, len(content) // 150)):
        for value in (0x00, 0xFF, 0x7F):
            said = look(name, content[:at] + bytes((value,)) + content[at + 1 :])
            assert all(said)
        assert all(look(name, content[:at]))
        try:
            taken_out(name, content[:at])
        except Unreadable:
            continue


TEN = 10 * MEGABYTE
HOSTILE = {
    "slashes.pdf": b"%PDF-1.7\n" + b"/" * TEN,
    "gaps.pdf": b"%PDF-1.7\n" + (b"/JS" + b" " * 39) * (TEN // 42),
    "comments.pdf": b"%PDF-1.7\n" + (b"/AA" + b"%aaaaaaaaaa\n" * 30) * (TEN // 363),
    "escapes.pdf": b"%PDF-1.7\n" + b"#41" * (TEN // 3),
    "streams.pdf": b"%PDF-1.7\n" + b"/ObjStm stream\n" * (TEN // 15),
    "bombs.pdf": b"%PDF-1.7\n" + (b"/ObjStm>>stream\n" + zlib.compress(bytes(4_000_000)) + b"\n") * 2_000,
    "segments.jpg": b"\xff\xd8" + b"\xff\xe1\0\2" * (TEN // 4),
    "chunks.png": b"\x89PNG\r\n\x1a\n" + b"\0\0\0\0eXIf\0\0\0\0" * (TEN // 12),
    "frames.webp": b"RIFF" + struct.pack("<I", TEN) + b"WEBP" + b"ANMF\0\0\0\0" * (TEN // 8),
    "parts.docx": zipped("[Content_Types].xml", *(f"word/{n}.rels" for n in range(600)), content=b"<x" * 200_000),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_made_to_be_slow_is_done_soon_and_said_to_be_unexamined(name: str) -> None:
    content = HOSTILE[name]
    begun = time.process_time()
    text = said(name, content)
    assert time.process_time() - begun < 2.0
    assert "could" in text
    assert "examined" in text


def took(name: str, content: bytes) -> float:
    """Seconds of processor time for the examination."""
    begun = time.process_time()
    look(name, content)
    return time.process_time() - begun


def test_fill_bytes_of_a_jpeg_are_taken_in_pieces_and_only_so_many() -> None:
    plain = picture("JPEG")
    assert look("a.jpg", plain[:2] + b"\xff" * 1_000 + plain[2:]) == look("a.jpg", plain)
    unit = b"\xff" * 1_020 + b"\xff\xfe\0\2"
    assert "could not be examined" in said("a.jpg", plain[:2] + unit * 65 + plain[2:])
    assert took("a.jpg", plain[:2] + unit * 4_000 + plain[2:]) < 0.5
    few = unit * 63
    assert took("a.jpg", plain[:2] + few + b"\xff\xfe\0\2" * 1_000 + plain[2:]) < 0.5


def test_taking_a_location_out_of_a_picture_of_many_parts_ends_soon() -> None:
    content = b"\xff\xd8" + b"\xff\xe1\0\2\xff\xfe\0\2" * 8_000 + b"\xff\xd9"
    begun = time.process_time()
    assert taken_out("a.jpg", content) == b"\xff\xd8" + b"\xff\xfe\0\2" * 8_000 + b"\xff\xd9"
    assert time.process_time() - begun < 1.5


LINE = struct.Struct("<4s4xHH8xIIHHH4xII")


def listing(*lines: bytes, before: bytes = b"PK\3\4") -> bytes:
    """An archive that is hardly more than its table of contents."""
    table = b"".join(lines)
    return before + table + struct.pack("<4s4xHHIIH", b"PK\5\6", len(lines), len(lines), len(table), len(before), 0)


def test_an_archive_s_extra_fields_are_read_as_far_as_programs_write_them() -> None:
    head = LINE.pack(b"PK\1\2", 0, 0, 0, 0xFFFFFFFF, 1, 65_532, 0, 0, 0) + b"a"
    large = struct.pack("<HHQ", 1, 8, 5_000_000_000_000)
    first = head + large + b"\2\0\0\0" * 16_380
    assert "TB" in said("a.zip", listing(first))
    assert took("a.zip", listing(*[first] * 250)) < 0.25
    last = head + b"\2\0\0\0" * 16_380 + large
    assert "could not be examined" in said("a.zip", listing(last))


def test_long_names_in_an_archive_are_looked_at_by_their_ends() -> None:
    name = b"." * 65_000 + b".exe"
    line = LINE.pack(b"PK\1\2", 0, 0, 0, 0, len(name), 0, 0, 0, 0) + name
    assert "programs" in said("a.zip", listing(line))
    assert took("a.zip", listing(*[line] * 200)) < 1.0


def test_parts_that_unpack_to_nothing_are_not_read_again_and_again() -> None:
    empty = b"\0\0\0\xff\xff" * 1_600_000
    names = [b"[Content_Types].xml", b"word/a", *(b"%d.rels" % number for number in range(500))]
    lines = [LINE.pack(b"PK\1\2", 0, 8, len(empty), 5, len(n), 0, 0, 0, 0) + n for n in names]
    content = listing(*lines, before=b"PK\3\4" + bytes(26) + empty)
    assert took("a.docx", content) < 0.5
    assert "Not all of its parts" in said("a.docx", content)


REFERENCES = b"&a234567890123456789012345678901"
RELATION = b"<Relationship " + b"Type='" + REFERENCES * 500 + b"' TargetMode='External'"


@pytest.mark.parametrize(
    "content",
    [
        zipped("[Content_Types].xml", "word/a", *(f"{n}.rels" for n in range(8)), content=(RELATION * 80)[:1_048_575]),
        zipped(
            **{"[Content_Types].xml": REFERENCES * 32_000},
            **{f"{n}/[Content_Types].xml": REFERENCES * 32_000 for n in range(8)},
        ),
        word(**{"[Content_Types].xml": b"&#1;" * 260_000}),
    ],
    ids=["relations", "types", "numbers"],
)
def test_references_in_a_document_are_undone_only_as_far_as_it_is_cheap(content: bytes) -> None:
    assert took("a.docx", content) < 0.3
    assert "Not all of its parts could be examined" in said("a.docx", content)


def test_a_mode_of_a_relation_that_hides_behind_its_length_counts_as_leading_out() -> None:
    assert "loads something" in said("a.docx", related(b"attachedTemplate", mode=b"&#" + b"0" * 400 + b"69;xternal"))
    assert "macros" in said("a.docx", word(**{"[Content_Types].xml": b"macro&#" + b"0" * 400 + b"69;nabled"}))


def test_what_stands_behind_many_unpacked_bytes_of_a_pdf_is_said_to_be_unexamined() -> None:
    full = b"/ObjStm>>stream\n" + zlib.compress(bytes(4_000_000)) + b"\n"
    last = b"/ObjStm>>stream\n" + zlib.compress(b"/S/JavaScript/JS(x)" + bytes(50))
    assert said("a.pdf", pdf(full * 3 + last)).startswith("It holds JavaScript")
    assert look("a.pdf", pdf(full * 5 + last)) == (
        "Not all of it could be examined: parts are damaged, disguised or too large.",
    )


class Counted(io.BytesIO):
    """A file that counts how often it is read."""

    reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.reads += 1
        return super().read(size)


def test_a_directory_in_circles_is_read_no_longer_than_the_file_is() -> None:
    content = bytearray(compound("WordDocument"))
    struct.pack_into("<I", content, 512 + 4, 1)
    file = Counted(content)
    with pytest.raises(Unreadable):
        compound_names(Window(file, len(content)))
    assert file.reads < 20
