"""The words of stored evidence: what a search must be able to find of each kind of file."""

import io
import time
import unicodedata
import zipfile
from collections.abc import Callable
from pathlib import Path

import docx
import pytest
import typst
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from cmmc_tracker.domain.uploads import ALLOWED
from cmmc_tracker.services import extraction, text_child
from cmmc_tracker.services.extraction import Extracted, Unextractable, extract
from cmmc_tracker.services.text_child import MOST_TEXT
from tests.services.test_pdf_child import _pdf as pdf
from tests.services.test_pdf_child import _stream as stream

OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"
PROPERTIES = "http://schemas.openxmlformats.org/package/2006/relationships/metadata/core-properties"


def relations(**parts: str) -> str:
    """Relations by their sign: `sign="kind target"`."""
    one = '<Relationship Id="{}" Type="{}" Target="{}"/>'
    found = [(sign, *value.split()) for sign, value in parts.items()]
    body = "".join(one.format(sign, kind if ":" in kind else OFFICE + kind, target) for sign, kind, target in found)
    return f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{body}</Relationships>'


def archive(parts: dict[str, str | bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as kept:
        for name, content in parts.items():
            kept.writestr(name, content)
    return file.getvalue()


def word(body: str | bytes, **more: str | bytes) -> bytes:
    """A Word document of one part, and whatever else by its name."""
    return archive({"_rels/.rels": relations(r="officeDocument word/document.xml"), "word/document.xml": body} | more)


def paragraphs(*lines: str) -> str:
    return f"<w:document xmlns:w='w'>{''.join(f'<w:p><w:r><w:t>{one}</w:t></w:r></w:p>' for one in lines)}</w:document>"


def slide(*lines: str) -> str:
    return f"<p:sld xmlns:p='p' xmlns:a='a'>{''.join(f'<a:p><a:r><a:t>{o}</a:t></a:r></a:p>' for o in lines)}</p:sld>"


def printed(words: bytes) -> bytes:
    """A PDF page that says these words."""
    return stream(b"BT /F 12 Tf 50 70 Td (%s) Tj ET" % words)


def page(words: bytes, kids: bytes = b"[3 0 R]", count: int = 1) -> bytes:
    """A PDF of one page."""
    about = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>"
    font = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
    pages = b"<</Type/Pages/Kids%s/Count %d>>" % (kids, count)
    return pdf(b"<</Type/Catalog/Pages 2 0 R>>", pages, about, printed(words), font)


def typeset(folder: Path, source: str) -> bytes:
    (folder / "a.typ").write_text(source)
    return bytes(typst.compile(folder / "a.typ"))


def found(folder: Path, extension: str, content: bytes) -> Extracted:
    path = folder / "stored file"
    path.write_bytes(content)
    text = extract(path, ALLOWED[extension])
    assert text is not None
    return text


# Text


@pytest.mark.parametrize("extension", [".txt", ".csv", ".md"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_text_is_read_by_its_encoding(tmp_path: Path, extension: str, encoding: str) -> None:
    text = "Zürich, host;owner – ok\r\nsecond line\n"
    assert found(tmp_path, extension, text.encode(encoding)) == Extracted(
        "Zürich, host;owner – ok\nsecond line", cut=False
    )


def test_a_text_of_just_the_bound_is_whole_and_one_sign_more_is_cut(tmp_path: Path) -> None:
    assert found(tmp_path, ".txt", b"a" * MOST_TEXT) == Extracted("a" * MOST_TEXT, cut=False)
    assert found(tmp_path, ".txt", b"a" * (MOST_TEXT + 1)) == Extracted("a" * MOST_TEXT, cut=True)
    longest = "𝄞" * MOST_TEXT  # four bytes each
    assert found(tmp_path, ".txt", longest.encode()) == Extracted(longest, cut=False)
    assert found(tmp_path, ".txt", (longest + "a").encode()) == Extracted(longest, cut=True)


def test_signs_that_grow_when_they_are_made_normal_stay_within_the_bound(tmp_path: Path) -> None:
    text = found(tmp_path, ".txt", ("\U0001d160" * (MOST_TEXT // 2)).encode())
    assert (len(text.text), text.cut) == (MOST_TEXT, True)


def test_the_text_has_no_signs_that_nobody_sees_and_words_do_not_run_together(tmp_path: Path) -> None:
    raw = "page one\fpage two\x1b[31mred\x07\u202etxt\u200e\0end\ufeff\x0bnext\ud800".encode("utf-16", "surrogatepass")
    text = found(tmp_path, ".txt", raw).text
    assert text == "page one\npage two[31mredtxt\nend\nnext\ufffd"
    assert unicodedata.is_normalized("NFC", found(tmp_path, ".md", "cafe\u0301".encode()).text)


# Word


def test_the_words_of_a_word_document_are_found_in_the_order_of_reading(tmp_path: Path) -> None:
    document = docx.Document()
    document.core_properties.title = "Plan of Action"
    document.add_heading("Access Control")
    paragraph = document.add_paragraph("Confi")
    paragraph.add_run("dential").bold = True
    paragraph.add_run("\tafter a tab\nafter a break & <sign>")
    cells = document.add_table(1, 2).rows[0].cells
    cells[0].text, cells[1].text = "left", "right"
    document.sections[0].header.paragraphs[0].text = "In the header"
    document.sections[0].footer.paragraphs[0].text = "In the footer"
    document.add_comment(paragraph.runs, text="A remark", author="Ann")
    file = io.BytesIO()
    document.save(file)
    lines = ["Plan of Action", "Access Control", "Confidential after a tab", "after a break & <sign>", "left", "right"]
    lines += ["In the header", "In the footer", "A remark"]
    assert found(tmp_path, ".docx", file.getvalue()) == Extracted("\n".join(lines), cut=False)


def test_notes_are_found_and_what_is_not_in_the_text_is_not(tmp_path: Path) -> None:
    body = (
        "<w:document xmlns:w='w' xmlns:mc='mc'><w:p><w:pPr><w:tabs><w:tab w:val='left'/></w:tabs></w:pPr>"
        "<w:r><w:t>kept</w:t><w:delText>deleted</w:delText><w:instrText>PAGE</w:instrText></w:r></w:p>"
        "<w:moveFrom><w:p><w:r><w:t>moved away</w:t></w:r></w:p></w:moveFrom>"
        "<mc:AlternateContent><mc:Choice><w:p><w:r><w:t>box</w:t></w:r></w:p></mc:Choice>"
        "<mc:Fallback><w:p><w:r><w:t>box</w:t></w:r></w:p></mc:Fallback></mc:AlternateContent></w:document>"
    )
    more: dict[str, str | bytes] = {
        "word/_rels/document.xml.rels": relations(
            a="endnotes endnotes.xml", b="footnotes /word/footnotes.xml", c="image media/x.xml", d="footer gone.xml"
        ),
        "word/footnotes.xml": paragraphs("a footnote"),
        "word/endnotes.xml": paragraphs("an endnote").encode("utf-16"),
        "word/media/x.xml": paragraphs("no words"),
    }
    assert found(tmp_path, ".docx", word(body, **more)).text == "kept\nbox\na footnote\nan endnote"


def test_a_document_that_is_too_long_is_cut_at_the_bound(tmp_path: Path) -> None:
    text = found(tmp_path, ".docx", word(paragraphs(*["a" * 99] * 20_000)))
    assert text == Extracted((("a" * 99 + "\n") * 10_000)[:MOST_TEXT].rstrip(), cut=True)
    exact = found(tmp_path, ".docx", word(paragraphs(*["a" * 99] * 10_000)))
    assert exact.cut is False


# PowerPoint


def deck() -> dict[str, str | bytes]:
    order = "".join(f"<p:sldId id='25{n}' r:id='r{n}'/>" for n in (2, 10, 1, 2))
    return {
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": relations(a="officeDocument ppt/presentation.xml", b=f"{PROPERTIES} docProps/core.xml"),
        "docProps/core.xml": "<c:x xmlns:c='c' xmlns:d='d'><d:creator>Ann</d:creator><d:title>Training</d:title></c:x>",
        "ppt/presentation.xml": f"<p:x xmlns:p='p' xmlns:r='r'><p:sldIdLst>{order}</p:sldIdLst></p:x>",
        "ppt/_rels/presentation.xml.rels": relations(**{f"r{n}": f"slide slides/slide{n}.xml" for n in (1, 2, 10)}),
        "ppt/slides/slide1.xml": slide("last slide"),
        "ppt\\slides\\Slide2.xml": slide("first slide", "its second line"),
        "ppt/slides/slide10.xml": slide("middle slide"),
        "ppt/slides/_rels/slide10.xml.rels": relations(a="notesSlide ../notesSlides/notesSlide7.xml"),
        "ppt/notesSlides/notesSlide7.xml": slide("what the speaker says"),
    }


def test_slides_are_read_in_the_order_of_the_show_each_with_its_notes(tmp_path: Path) -> None:
    lines = ["Training", "first slide", "its second line", "middle slide", "what the speaker says", "last slide"]
    assert found(tmp_path, ".pptx", archive(deck())) == Extracted("\n".join(lines), cut=False)


# Excel


def test_the_cells_of_a_workbook_are_found_row_by_row_under_the_names_of_the_sheets(tmp_path: Path) -> None:
    path = tmp_path / "made.xlsx"
    with xlsxwriter.Workbook(path) as book:
        book.set_properties({"title": "Inventory"})
        sheet = book.add_worksheet("Assets")
        sheet.write_row(0, 0, ["host", "owner", 3.25, True])
        sheet.write_formula(1, 0, "=SUM(A9:A10)", value=4711)
        sheet.write_rich_string(1, 1, book.add_format({"bold": True}), "Confi", "dential")
        sheet.write_comment(0, 0, "a remark")
        sheet.insert_textbox(5, 5, "in a box")
        book.add_worksheet("Second").write(0, 0, "host")
    lines = [
        "Inventory",
        "Assets",
        "host owner 3.25 TRUE",
        "4711 Confidential",
        "a remark",
        "in a box",
        "Second",
        "host",
    ]
    assert found(tmp_path, ".xlsx", path.read_bytes()) == Extracted("\n".join(lines), cut=False)


def book(cells: str, strings: str = "") -> bytes:
    return archive(
        {
            "_rels/.rels": relations(a="officeDocument xl/workbook.xml"),
            "xl/workbook.xml": "<x:b xmlns:x='x' xmlns:r='r'><x:sheet name='S' sheetId='1' r:id='r1'/></x:b>",
            "xl/_rels/workbook.xml.rels": relations(r1="worksheet sheet.xml", r2="sharedStrings strings.xml"),
            "xl/sheet.xml": f"<x:w xmlns:x='x'><x:row>{cells}</x:row></x:w>",
            "xl/strings.xml": f"<sst>{strings}</sst>",
        }
    )


def test_inline_strings_and_strange_cells_are_read_as_far_as_they_go(tmp_path: Path) -> None:
    strings = "<si><t>zero</t><rPh><t>how it sounds</t></rPh></si>"
    cells = "<x:c t='inlineStr'><x:is><x:t>in</x:t><x:t>line</x:t></x:is></x:c><x:c t='s'><x:v>0</x:v></x:c><x:c/>"
    assert found(tmp_path, ".xlsx", book(cells, strings)) == Extracted("S\ninline zero", cut=False)
    for number in ("1", "-1", "zero", "9" * 5_000, "²"):
        strange = f"{cells}<x:c t='s'><x:v>{number}</x:v></x:c>"
        assert found(tmp_path, ".xlsx", book(strange, strings)) == Extracted("S\ninline zero", cut=True)


def test_a_workbook_of_a_million_cells_is_cut_at_the_bound_soon(tmp_path: Path) -> None:
    path = tmp_path / "made.xlsx"
    with xlsxwriter.Workbook(path, {"constant_memory": True}) as made:
        sheet = made.add_worksheet("Log")
        for row in range(10_000):
            sheet.write_row(row, 0, range(row, row + 100))
    begun = time.monotonic()
    text = found(tmp_path, ".xlsx", path.read_bytes())
    assert time.monotonic() - begun < 15
    assert text.text.startswith("Log\n0 1 2 3 ")
    assert (MOST_TEXT - 2 <= len(text.text) <= MOST_TEXT, text.cut) == (True, True)


# PDF


def test_the_words_of_a_pdf_are_found_page_by_page_hyphens_undone(tmp_path: Path) -> None:
    source = "#set page(width: 2in)\n#set text(hyphenate: true)\n#set par(justify: true)\n= Zürich Policy\n"
    source += "The organization administers authentication infrastructure responsibilities.\n#pagebreak()\nPage two"
    text = found(tmp_path, ".pdf", typeset(tmp_path, source))
    assert text.cut is False
    assert text.text.startswith("Zürich Policy\n")
    assert text.text.endswith("\nPage two")
    assert {"administers", "authentication", "infrastructure", "responsibilities."} <= set(text.text.split())


def test_what_was_typed_into_a_form_is_found(tmp_path: Path) -> None:
    look = b"/Type/XObject/Subtype/Form/BBox[0 0 300 30]/Resources<</Font<</F 5 0 R>>>>"
    field = b"<</Type/Annot/Subtype/Widget/FT/Tx/T(a)/V(x)/F 4/Rect[50 20 350 50]/AP<</N 7 0 R>>/P 3 0 R>>"
    form = pdf(
        b"<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[6 0 R]>>>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 99]/Contents 4 0 R/Annots[6 0 R]/Resources<</Font<</F 5 0 R>>>>>>",
        printed(b"Name of the system"),
        *(b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>", field),
        stream(b"/Tx BMC BT /F 12 Tf 2 10 Td (Payroll) Tj ET EMC", look),
    )
    assert found(tmp_path, ".pdf", form) == Extracted("Name of the system\nPayroll", cut=False)


def test_a_scan_has_no_text_and_that_is_no_failure(tmp_path: Path) -> None:
    assert found(tmp_path, ".pdf", page(b"")) == Extracted("", cut=False)


def test_a_pdf_of_five_hundred_pages_is_read_whole_soon(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    lines = "The organization limits system access to authorized users and reviews accounts each quarter. " * 15
    source = "#pagebreak()\n".join(f"= Page{n}x\n{lines}\n" for n in range(500))
    content = typeset(tmp_path, source)
    begun = time.monotonic()
    text = found(tmp_path, ".pdf", content)
    took = time.monotonic() - begun
    record_property("seconds", round(took, 2))
    assert took < 15
    assert text.cut is False
    assert [word for word in text.text.split() if word.startswith("Page")] == [f"Page{n}x" for n in range(500)]


# The rest


@pytest.mark.parametrize("extension", [".png", ".jpg", ".gif", ".webp", ".zip", ".doc", ".xls"])
def test_a_file_of_a_kind_without_text_is_not_even_opened(tmp_path: Path, extension: str) -> None:
    assert extract(tmp_path / "not there", ALLOWED[extension]) is None
    assert extract(tmp_path / "not there", "text/html") is None


def test_a_file_that_is_gone_is_not_said_to_be_damaged(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        extract(tmp_path / "gone", "text/plain")


def test_a_mark_says_in_words_why_there_is_no_text(tmp_path: Path) -> None:
    with pytest.raises(Unextractable) as refused:
        found(tmp_path, ".docx", b"no archive")
    assert refused.value.why == "it is damaged, or too much for this reader"


@settings(deadline=None, max_examples=25)
@given(content=st.binary(max_size=400), extension=st.sampled_from([".txt", ".pdf", ".docx", ".pptx", ".xlsx"]))
def test_no_bytes_fail_otherwise_than_with_a_reason(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, extension: str
) -> None:
    try:
        said = found(tmp_path_factory.mktemp("any"), extension, content).text
    except Unextractable as refused:
        said = refused.why
    assert said.encode() is not None


def test_the_bounds_are_those_that_the_pages_around_can_bear() -> None:
    assert MOST_TEXT == 1_000_000
    assert text_child.SECONDS <= 20
    assert text_child.PATIENCE < text_child.SECONDS < extraction.WALL_SECONDS <= 30
    assert text_child.MEMORY <= 512 * 1_048_576
    assert text_child.MOST_UNPACKED <= 64 * 1_048_576
