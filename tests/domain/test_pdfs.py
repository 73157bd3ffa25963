"""What is noticed in a PDF, also where it is disguised or compressed."""

import zlib

import pytest

from cmmc_tracker.reports import demo_files
from tests.domain.samples import MEGABYTE, look, pdf, said


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
