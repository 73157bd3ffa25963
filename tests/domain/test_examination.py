"""What is noticed in a file, whatever it was made of; and that looking ends soon, with a sentence, never a failure."""

import io
import struct
import time
import zipfile
import zlib
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cmmc_tracker.domain.examination import LONGEST_SENTENCE, MOST_SENTENCES, examine
from cmmc_tracker.domain.examination.office import compound_names
from cmmc_tracker.domain.examination.pictures import exif_of, without_location
from cmmc_tracker.domain.examination.reading import Unreadable, Window
from cmmc_tracker.domain.uploads import ALLOWED
from cmmc_tracker.reports import demo_files
from tests.conftest import png

MEGABYTE = 1_048_576
GPS = {1: "N", 2: (50.0, 3.0, 7.0), 3: "E", 4: (14.0, 25.0, 3.0)}


def look(name: str, content: bytes) -> tuple[str, ...]:
    """The sentences about a file of that name."""
    extension = name[name.rfind(".") :]
    return examine(extension, ALLOWED[extension], io.BytesIO(content), len(content))


def said(name: str, content: bytes) -> str:
    return " ".join(look(name, content))


def zipped(*names: str, content: bytes = b"x", **parts: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, content)
        for name, part in parts.items():
            archive.writestr(name, part)
    return file.getvalue()


# Archives


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


# Office documents

TYPES = (
    b'<Types><Override ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/>'
)
BEGINS = b'<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
KIND = b"http://schemas.openxmlformats.org/officeDocument/2006/relationships/"


def word(**parts: bytes) -> bytes:
    return zipped("word/document.xml", **{"[Content_Types].xml": TYPES, **parts})


def related(kind: bytes, target: bytes = b"https://evil.example/x", mode: bytes = b"External") -> bytes:
    tag = b'<Relationship Id="r1" Type="%s%s" Target="%s" TargetMode="%s"/>' % (KIND, kind, target, mode)
    return word(**{"word/_rels/document.xml.rels": BEGINS + tag})


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


def compound(*names: str, version: int = 9) -> bytes:
    """A small compound file with streams of these names: header, sector table, directory."""
    size = 1 << version
    head = bytearray(512)
    head[:8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    struct.pack_into("<HHHH", head, 24, 0x3E, 3, 0xFFFE, version)
    entries = b"".join(_entry(name, kind) for name, kind in [("Root Entry", 5), *((n, 2) for n in names)])
    directory = [entries[at : at + size].ljust(size, b"\0") for at in range(0, len(entries), size)]
    struct.pack_into("<II", head, 44, 1, 1)
    struct.pack_into("<I", head, 68, 0xFFFFFFFE)
    struct.pack_into("<109I", head, 76, 0, *[0xFFFFFFFF] * 108)
    chain = [0xFFFFFFFD, *range(2, len(directory) + 1), 0xFFFFFFFE]
    table = struct.pack(f"<{len(chain)}I", *chain).ljust(size, b"\xff")
    return bytes(head).ljust(size, b"\0") + table + b"".join(directory)


def _entry(name: str, kind: int) -> bytes:
    raw = name.encode("utf-16-le")
    return (raw.ljust(64, b"\0") + struct.pack("<HB", len(raw) + 2, kind)).ljust(128, b"\0")


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


# PDFs


def pdf(body: bytes) -> bytes:
    return b"%PDF-1.7\n1 0 obj\n<<" + body + b">>\nendobj\ntrailer<</Root 1 0 R>>\n%%EOF"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"/S/JavaScript/JS(app.alert(1))", "JavaScript"),
        (b"/S /J#61vaScript", "JavaScript"),
        (b"/S /#4a#61#76#61#53#63#72#69#70#74 ", "JavaScript"),
        (b"/JS 5 0 R", "JavaScript"),
        (b"/JS <6170>", "JavaScript"),
        (b"/Names<</JavaScript 4 0 R>>", "JavaScript"),
        (b"/S/Launch/F(cmd.exe)", "start another program"),
        (b"/OpenAction<</S/URI>>", "by itself"),
        (b"/OpenAction %x\n 5 0 R", "by itself"),
        (b"/AA<</O 1 0 R>>", "by itself"),
        (b"/Type/EmbeddedFile", "other files"),
        (b"/EmbeddedFiles 3 0 R", "other files"),
        (b"/Subtype/RichMedia", "media"),
        (b"/S/SubmitForm", "send"),
        (b"/XFA 5 0 R", "XFA"),
        (b"/Encrypt 9 0 R", "encrypted"),
    ],
)
def test_active_content_of_a_pdf_is_named(body: bytes, words: str) -> None:
    assert words in said("a.pdf", pdf(body))


@pytest.mark.parametrize(
    "body", [b"/OpenAction [3 0 R /Fit]", b"/JSX 1", b"/AAPL:Keywords[(x)]", b"/A#2FJavaScript 1", b"(JavaScript)"]
)
def test_what_only_resembles_active_content_is_left_alone(body: bytes) -> None:
    assert look("a.pdf", pdf(body)) == ()


def test_a_plain_pdf_has_nothing_to_be_said_of() -> None:
    assert look("a.pdf", demo_files.pdf("T", [("A", "b")])) == ()


def test_what_stands_in_compressed_object_streams_is_seen() -> None:
    packed = zlib.compress(b"7 0 <</S/JavaScript/JS(x)>>" + b" " * 9_000)
    body = b"/Type/ObjStm/N 1/First 4/Filter/FlateDecode/Length %d>>\nstream\r\n%s\nendstream" % (len(packed), packed)
    assert "JavaScript" in said("a.pdf", pdf(body))
    broken = pdf(body.replace(packed, b"not packed at all"))
    assert "Not all of it could be examined" in said("a.pdf", broken)


@pytest.mark.parametrize("shift", range(12))
def test_a_name_across_the_border_of_two_pieces_is_seen(shift: int) -> None:
    head = b"%PDF-1.7\n"
    content = head + b"x" * (MEGABYTE - len(head) - shift) + b"/JavaScript (x)" + b"y" * 2_000
    assert "JavaScript" in said("a.pdf", content)
    assert "JavaScript" in said("a.pdf", head + b"x" * shift + b"/JavaScript")


def test_a_pdf_with_something_before_it_is_named() -> None:
    assert "before its beginning" in said("a.pdf", b"<html><script>alert(1)</script>" + pdf(b""))


# Pictures


def picture(kind: str, *, turned: int = 1, located: bool = True, **more: Any) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = turned
    exif[0x010F] = "A camera"
    if located:
        exif[0x8825] = GPS
    file = io.BytesIO()
    Image.effect_noise((40, 30), 90).convert("RGB").save(file, kind, exif=exif.tobytes(), **more)
    return file.getvalue()


KINDS = [("a.jpg", "JPEG"), ("a.png", "PNG"), ("a.webp", "WEBP")]


def taken_out(name: str, content: bytes) -> bytes | None:
    stretches = without_location(Window(io.BytesIO(content), len(content)), ALLOWED[name[name.rfind(".") :]])
    if stretches is None:
        return None
    return b"".join(one if isinstance(one, bytes) else content[one[0] : one[1]] for one in stretches)


def pixels(content: bytes) -> bytes:
    with Image.open(io.BytesIO(content)) as image:
        return image.convert("RGB").tobytes()


@pytest.mark.parametrize(("name", "kind"), KINDS)
def test_a_picture_that_says_where_it_was_taken_is_named(name: str, kind: str) -> None:
    assert "where it was taken" in said(name, picture(kind))
    assert look(name, picture(kind, located=False)) == ()


@pytest.mark.parametrize(("name", "kind"), KINDS)
def test_the_location_is_taken_out_without_touching_the_picture_or_its_direction(name: str, kind: str) -> None:
    content = picture(kind, turned=6)
    bare = taken_out(name, content)
    assert bare is not None
    assert look(name, bare) == ()
    assert b"A camera" not in bare
    assert pixels(bare) == pixels(content)
    with Image.open(io.BytesIO(bare)) as image:
        assert dict(image.getexif()) == {0x0112: 6}
        assert image.getexif().get_ifd(0x8825) == {}


@pytest.mark.parametrize(("name", "kind"), KINDS)
def test_a_picture_without_data_about_it_stays_as_it_is(name: str, kind: str) -> None:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), "navy").save(file, kind)
    assert taken_out(name, file.getvalue()) is None


def test_other_data_about_a_jpeg_goes_and_its_colours_stay() -> None:
    profile = b"\xff\xe2" + struct.pack(">H", 18) + b"ICC_PROFILE\0\1\1xy"
    iptc = b"\xff\xed" + struct.pack(">H", 16) + b"Photoshop 3.0\0"
    more = b"\xff\xe2" + struct.pack(">H", 8) + b"MPF\0xx"
    plain = picture("JPEG", located=False)
    content = plain[:2] + profile + iptc + more + plain[2:] + b"a second picture with its own place"
    bare = taken_out("a.jpg", content)
    assert bare is not None
    assert profile in bare
    assert b"Photoshop" not in bare
    assert b"MPF" not in bare
    assert bare.endswith(b"\xff\xd9")
    assert pixels(bare) == pixels(plain)


def test_a_jpeg_of_several_scans_is_kept_whole() -> None:
    content = picture("JPEG", progressive=True, quality=95)
    bare = taken_out("a.jpg", content)
    assert bare is not None
    assert pixels(bare) == pixels(content)
    assert len(content) - len(bare) < 400


def test_places_in_xmp_and_text_of_pictures_are_named_and_taken_out() -> None:
    xmp = b'<x:xmpmeta exif:GPSLatitude="50,3.1N"/>'
    segment = b"http://ns.adobe.com/xap/1.0/\0" + xmp
    plain = picture("JPEG", located=False)
    jpeg = plain[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + plain[2:]
    text = b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(xmp)
    chunk = struct.pack(">I", len(text)) + b"iTXt" + text + struct.pack(">I", zlib.crc32(b"iTXt" + text))
    file = io.BytesIO()
    Image.new("RGB", (8, 8), "navy").save(file, "PNG")
    for name, content in (("a.jpg", jpeg), ("a.png", file.getvalue()[:33] + chunk + file.getvalue()[33:])):
        assert "where it was taken" in said(name, content)
        bare = taken_out(name, content)
        assert bare is not None
        assert look(name, bare) == ()
        assert pixels(bare) == pixels(content)


def test_a_place_in_an_old_profile_in_a_png_s_text_is_named() -> None:
    from PIL.PngImagePlugin import PngInfo

    exif = Image.Exif()
    exif[0x8825] = GPS
    block = exif.tobytes()
    for packed in (False, True):
        info = PngInfo()
        info.add_text("Raw profile type exif", f"\nexif\n{len(block):8d}\n{block.hex()}\n", zip=packed)
        file = io.BytesIO()
        Image.new("RGB", (8, 8), "navy").save(file, "PNG", pnginfo=info)
        assert "where it was taken" in said("a.png", file.getvalue())
        assert taken_out("a.png", file.getvalue()) is not None


def test_ordinary_text_in_a_png_stays() -> None:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Title", "Firewall rules")
    content = picture("PNG", pnginfo=info)
    bare = taken_out("a.png", content)
    assert bare is not None
    assert b"Firewall rules" in bare


def test_a_webp_without_its_location_says_so_in_its_head() -> None:
    bare = taken_out("a.webp", picture("WEBP"))
    assert bare is not None
    assert struct.unpack("<I", bare[4:8])[0] == len(bare) - 8
    assert bare[12:16] == b"VP8X"
    assert bare[20] & 0x0C == 0


@pytest.mark.parametrize("name", ["a.gif", "a.pdf", "a.txt"])
def test_only_pictures_that_can_be_walked_are_changed(name: str) -> None:
    assert taken_out(name, b"GIF89a" + b"\0" * 50) is None


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.gif", b"GIF89a" + b"\0" * 30),
        ("a.png", png()),
        ("a.pdf", b"%PDF-1.4\n%%EOF\n"),
    ],
)
def test_a_file_that_is_an_archive_at_the_same_time_is_named(name: str, content: bytes) -> None:
    assert "ZIP archive at the same time" in said(name, content + zipped("evil.js"))


def test_what_stands_behind_a_picture_is_named() -> None:
    assert "behind the end" in said("a.png", png() + b"<html><script>alert(1)</script>")
    assert "behind the end" in said("a.webp", picture("WEBP", located=False) + b"<html>")


@pytest.mark.parametrize("order", ["<", ">"])
def test_exif_of_either_byte_order_is_read(order: str) -> None:
    sign = b"II*\0" if order == "<" else b"MM\0*"
    main = struct.pack(f"{order}HHHIHxxHHII", 2, 0x0112, 3, 1, 8, 0x8825, 4, 1, 38) + bytes(4)
    place = struct.pack(f"{order}HHHI4s", 1, 1, 2, 2, b"N\0\0\0")
    found = exif_of(sign + struct.pack(f"{order}I", 8) + main + place)
    assert (found.located, found.orientation) == (True, 8)


# Hostile files


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
            look(name, content[:at] + bytes((value,)) + content[at + 1 :])
        look(name, content[:at])
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
