"""What is noticed in an Office document, of the new kind and of the old."""

import io
import struct
from itertools import pairwise

import pytest

from cmmc_tracker.domain.examination.office import compound_names
from cmmc_tracker.domain.examination.reading import Unreadable, Window
from cmmc_tracker.reports import demo_files
from tests.domain.samples import BEGINS, MEGABYTE, compound, look, related, said, word


def test_documents_that_programs_wrote_have_nothing_to_be_said_of() -> None:
    assert look("a.docx", demo_files.word("T", [("A", "b")])) == ()
    assert look("a.xlsx", demo_files.excel("S", [["a"], ["b"]])) == ()
    assert look("a.docx", related(b"hyperlink")) == ()
    assert look("a.docx", related(b"image", b"media/1.png", b"Internal")) == ()


@pytest.mark.parametrize("part", ["word/vbaProject.bin", "word/VBAPROJECT.BIN", "xl/macrosheets/sheet1.xml"])
def test_macros_of_the_new_kind_are_named(part: str) -> None:
    assert "macros" in said("a.docx", word(**{part: b"x"}))


@pytest.mark.parametrize(
    "types",
    [
        b"application/vnd.ms-word.document.macroEnabled.main+xml",
        b"application/vnd.ms-word.document.macro&#69;nabled.main+xml",
        "\ufeffapplication/vnd.ms-word.document.macroEnabled.main+xml".encode("utf-16-le"),
    ],
)
def test_a_document_whose_type_allows_macros_is_named(types: bytes) -> None:
    assert "macros" in said("a.docx", word(**{"[Content_Types].xml": types}))


@pytest.mark.parametrize(
    "document",
    [
        related(b"attachedTemplate"),
        related(b"oleObject", b"file://10.0.0.1/share/x"),
        related(b"image", mode=b"Ext&#101;rnal"),
        word(**{"word/_rels/a.rels": (BEGINS + b"<p:Relationship TargetMode='external' Target='http://e/x'/>")}),
        word(**{"_rels/.rels": "\ufeff<Relationship TargetMode='External'/>".encode("utf-16-le")}),
        related(b"frame", b"http://e/a>b"),
    ],
    ids=["template", "object", "entity", "prefix", "utf-16", "angle"],
)
def test_what_a_document_loads_from_elsewhere_is_named(document: bytes) -> None:
    assert "loads something from elsewhere" in said("a.docx", document)


def test_declared_entities_are_never_expanded_and_are_named() -> None:
    laughs = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">%s]><x>&j;</x>' % b"".join(
        b'<!ENTITY %c "%s">' % (b, b"&%c;" % a * 10) for a, b in pairwise(b"abcdefghij")
    )
    assert "declare a document type" in said("a.docx", word(**{"word/_rels/document.xml.rels": laughs}))


def test_objects_and_controls_inside_are_named() -> None:
    text = said("a.docx", word(**{"word/embeddings/oleObject1.bin": b"x", "word/activeX/activeX1.xml": b"x"}))
    assert "oleobject1.bin" in text
    assert "ActiveX" in text
    assert look("a.docx", word(**{"word/embeddings/Microsoft_Excel_Sheet1.xlsx": b"x"})) == ()


def test_parts_that_cannot_be_read_are_said_to_be_unexamined() -> None:
    large = word(**{"word/_rels/document.xml.rels": b" " * 2 * MEGABYTE})
    locked = bytearray(word(**{"word/_rels/document.xml.rels": b"x"}))
    locked[locked.rfind(b"PK\x01\x02") + 8] |= 1
    for document in (large, bytes(locked)):
        assert "Not all of its parts could be examined" in said("a.docx", document)


@pytest.mark.parametrize("version", [9, 12])
def test_macros_of_the_old_kind_are_named(version: int) -> None:
    assert "macros" in said("a.doc", compound("WordDocument", "Macros", "VBA", version=version))
    assert "macros" in said("a.xls", compound("Workbook", *map(str, range(90)), "_VBA_PROJECT_CUR", version=version))
    assert look("a.doc", compound("WordDocument", "1Table", version=version)) == ()


def test_objects_and_locks_of_the_old_kind_are_named() -> None:
    assert "carries other files" in said("a.doc", compound("WordDocument", "\x01Ole10Native"))
    assert "encrypted" in said("a.doc", compound("EncryptedPackage"))


def test_a_directory_that_goes_in_circles_ends() -> None:
    content = bytearray(compound("WordDocument"))
    struct.pack_into("<I", content, 512 + 4, 1)
    with pytest.raises(Unreadable):
        compound_names(Window(io.BytesIO(content), len(content)))
    assert "could not be examined" in said("a.doc", bytes(content))


def test_the_far_part_of_a_long_sector_table_is_found() -> None:
    """More than 109 sectors of the table need a list of their own; a large document has its directory there."""
    names = compound("WordDocument", "Macros")
    head = bytearray(names[:512])
    far = 109 * 128 + 5  # a sector that only the 110th sector of the table tells of
    content = bytearray(512 * (far + 4))
    struct.pack_into("<I", head, 48, far)
    struct.pack_into("<I", head, 68, 1)
    struct.pack_into("<109I", head, 76, *[0] * 109)
    content[:512] = head
    struct.pack_into("<128I", content, 512 * 2, 2, *[0xFFFFFFFF] * 126, 0xFFFFFFFE)
    struct.pack_into("<I", content, 512 * 3 + 4 * 5, 0xFFFFFFFE)
    content[512 * (far + 1) : 512 * (far + 2)] = names[1024:1536]
    assert "macros" in said("a.doc", bytes(content))
