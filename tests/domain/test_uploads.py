"""Which files are taken, what they are called, and whether their content fits their name."""

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmmc_tracker.domain.uploads import ALLOWED, INLINE, check_content, clean_name, media_type
from cmmc_tracker.errors import Invalid, UnsupportedType
from cmmc_tracker.reports import demo_files
from tests.conftest import png
from tests.domain.samples import compound


def _picture(kind: str) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.new("RGB", (8, 8), "navy").save(file, kind)
    return file.getvalue()


def _zip(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return file.getvalue()


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600
REAL = {
    ".png": png(),
    ".jpg": _picture("JPEG"),
    ".gif": _picture("GIF"),
    ".webp": _picture("WEBP"),
    ".pdf": demo_files.pdf("T", [("A", "b")]),
    ".docx": demo_files.word("T", [("A", "b")]),
    ".xlsx": demo_files.excel("S", [["a"], ["b"]]),
    ".pptx": _zip("[Content_Types].xml", "ppt/presentation.xml"),
    ".zip": _zip("a.txt"),
    ".doc": OLE,
    ".txt": b"text",
}
SAME = {".jpeg": ".jpg", ".xls": ".doc", ".csv": ".txt", ".md": ".txt"}


def check(name: str, content: bytes) -> str:
    return check_content(name, io.BytesIO(content), len(content))


def test_the_whitelist_is_that_of_the_document() -> None:
    named = ".png .jpg .jpeg .gif .webp .pdf .doc .docx .xls .xlsx .txt .csv .pptx .zip .md"
    assert " ".join(ALLOWED) == named
    assert set(ALLOWED.values()) >= INLINE


@pytest.mark.parametrize("extension", sorted(ALLOWED))
def test_content_that_fits_its_name_is_taken_in_any_case(extension: str) -> None:
    content = REAL[SAME.get(extension, extension)]
    assert check(f"a{extension}", content) == check(f"A{extension.upper()}", content) == ALLOWED[extension]


@pytest.mark.parametrize("extension", sorted(ALLOWED))
@pytest.mark.parametrize("other", sorted(REAL))
def test_content_that_contradicts_its_name_is_refused_naming_both(extension: str, other: str) -> None:
    if SAME.get(extension, extension) == other:
        return
    with pytest.raises(UnsupportedType) as refused:
        check(f"a{extension}", REAL[other])
    assert f"a{extension} says it is" in refused.value.message
    assert "its content is" in refused.value.message


@pytest.mark.parametrize("name", ["a.exe", "a.png.exe", "a", ".png", "a.svg", "a.html", "a.png ", "a.", "a.docm"])
def test_other_names_are_refused_and_told_what_is_taken(name: str) -> None:
    with pytest.raises(UnsupportedType, match=r"\.png .*\.md"):
        media_type(name)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.exe.pdf", "application/pdf"), ("a.tar.gz.PnG", "image/png"), ("Ünï.cödé.PDF", "application/pdf")],
)
def test_the_last_extension_counts_in_any_case(name: str, kind: str) -> None:
    assert media_type(name) == kind


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.doc", b"{\\rtf1\\ansi text}", "an RTF document"),
        ("a.doc", compound("Workbook"), "an Excel workbook of the old kind"),
        ("a.xls", compound("WordDocument"), "a Word document of the old kind"),
        ("a.doc", compound("PowerPoint Document"), "something else"),
        ("a.xlsx", REAL[".docx"], "a Word document"),
        ("a.docx", _zip("[Content_Types].xml", "ppt/x"), "a PowerPoint presentation"),
        ("a.docx", _zip("word/document.xml"), "a ZIP archive"),
        ("a.png", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "text"),
        ("a.zip", b"MZ" + b"\0" * 100 + REAL[".zip"], "a Windows program"),
        ("a.jpg", REAL[".gif"] + REAL[".zip"], "a GIF picture"),
        ("a.txt", b"Rar!\x1a\x07\x00" + b"\0" * 20, "a RAR archive"),
    ],
)
def test_a_file_in_the_clothes_of_another_is_refused_naming_what_it_is(name: str, content: bytes, words: str) -> None:
    with pytest.raises(UnsupportedType) as refused:
        check(name, content)
    assert f"its content is {words}." in refused.value.message


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.gif", REAL[".gif"] + REAL[".zip"], "image/gif"),
        ("a.png", REAL[".png"] + b"<script>alert(1)</script>", "image/png"),
        ("a.pdf", b"<html><script>alert(1)</script>%PDF-1.4", "application/pdf"),
        ("a.txt", b"<html><script>alert(1)</script></html>", "text/plain"),
        ("a.md", b"<svg onload='alert(1)'>", "text/markdown"),
        ("a.txt", b"+ADw-script+AD4-alert(1)+ADw-/script+AD4-", "text/plain"),
        ("a.txt", "\ufeff<script>".encode("utf-16-le"), "text/plain"),
        ("a.doc", compound("WordDocument"), "application/msword"),
        ("a.xls", compound("Book"), "application/vnd.ms-excel"),
        ("a.doc", compound("EncryptedPackage"), "application/msword"),
    ],
)
def test_what_is_two_kinds_at_once_is_only_ever_what_its_name_says(name: str, content: bytes, kind: str) -> None:
    assert check(name, content) == kind


def test_an_empty_file_is_told() -> None:
    with pytest.raises(Invalid, match="is empty"):
        check("a.txt", b"")


@pytest.mark.parametrize(
    "content", [b"\xff\xfea\0b\0", "Ünïcode".encode(), b"caf\xe9", b"\xef\xbb\xbftext", b"PK is two letters"]
)
def test_text_in_the_encodings_people_have_is_text(content: bytes) -> None:
    assert check("a.txt", content) == "text/plain"


@pytest.mark.parametrize("content", [b"a\0b", b"x" * 3_000_000 + b"\0", b"\x7fELF" + b"\0" * 50, b"MZ" + b"\0" * 100])
def test_binary_is_no_text(content: bytes) -> None:
    with pytest.raises(UnsupportedType):
        check("a.txt", content)


@pytest.mark.parametrize("content", [b"PK\x03\x04", b"PK\x03\x04" + b"\0" * 1_000, REAL[".zip"][:-5], b"PK\x05\x06"])
def test_a_broken_archive_is_refused_not_crashed_on(content: bytes) -> None:
    with pytest.raises(UnsupportedType):
        check("a.zip", content)


def test_an_archive_that_would_unpack_to_gigabytes_is_only_listed() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", b"\0" * 30_000_000)
    assert check("a.zip", file.getvalue()) == "application/zip"


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("plain.txt", "plain.txt"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\bo\\scan.pdf", "scan.pdf"),
        ("a\u202egpj.exe", "agpj.exe"),
        ("line\nbreak\r.txt", "linebreak.txt"),
        ("nul\0.txt", "nul.txt"),
        ("  two   spaces .txt", "two spaces .txt"),
        ("e\u0301.txt", "é.txt"),
        ("CON.txt", "CON.txt"),
        ("x" * 10_000 + ".pdf", "x" * 196 + ".pdf"),
        ("\ud800.txt", ".txt"),
    ],
)
def test_names_are_cleaned_for_display(name: str, clean: str) -> None:
    assert clean_name(name) == clean


@pytest.mark.parametrize("name", ["", "/", "..", ".", "\0", " ", "a/", "\u202e"])
def test_a_name_of_nothing_is_refused(name: str) -> None:
    with pytest.raises(Invalid):
        clean_name(name)


@given(st.text(max_size=400))
def test_a_clean_name_is_one_short_printable_line_and_stays_itself(name: str) -> None:
    try:
        clean = clean_name(name)
    except Invalid:
        return
    assert len(clean) <= 200
    assert "/" not in clean
    assert "\\" not in clean
    assert not any(c in clean for c in "\0\r\n\u202e")
    assert clean_name(clean) == clean
