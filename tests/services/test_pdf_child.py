"""PDF pages: drawn by a child process that no file can make slow, large or dangerous."""

import io
import json
import os
import re
import subprocess
import sys
import time
import zlib
from collections.abc import Iterable
from pathlib import Path

import pytest
import typst
from PIL import Image

from cmmc_tracker.errors import Busy, Invalid, NotFound
from cmmc_tracker.services import pdf_child, preview_pages
from cmmc_tracker.services.preview_pages import pdf_page, pdf_pages


def _pdf(*objects: bytes, trailer: bytes = b"") -> bytes:
    out, places = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    end = b"trailer\n<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF\n" % (size, trailer, len(out))
    return out + b"xref\n0 %d\n0000000000 65535 f \n" % size + table + end


def _stream(data: bytes, about: bytes = b"") -> bytes:
    return b"<<%s/Length %d>>\nstream\n%s\nendstream" % (about, len(data), data)


def _page(content: bytes, box: bytes = b"0 0 612 792", about: bytes = b"", more: Iterable[bytes] = ()) -> bytes:
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[%s]/Contents 4 0 R%s>>" % (box, about)
    pages = b"<</Type/Pages/Kids[3 0 R]/Count 1>>"
    return _pdf(b"<</Type/Catalog/Pages 2 0 R>>", pages, page, content, *more)


def _forms_in_forms() -> bytes:
    """Twelve forms, each of which draws the next ten times."""
    form = b"/Type/XObject/Subtype/Form/BBox[0 0 612 792]"
    inner = [_stream(b"/X Do " * 10, form + b"/Resources<</XObject<</X %d 0 R>>>>" % n) for n in range(6, 17)]
    about = b"/Resources<</XObject<</X 5 0 R>>>>"
    return _page(_stream(b"/X Do"), about=about, more=[*inner, _stream(b"0 0 9 9 re f", form)])


def _slow() -> bytes:
    """A page of six million lines, small when packed."""
    strokes = (b"0 0 m " + b"300 300 l 10 700 l 600 5 l " * 20 + b"S\n") * 100_000
    return _page(_stream(zlib.compress(strokes, 9), b"/Filter/FlateDecode"))


def _locked() -> bytes:
    lock = b"/Encrypt<</Filter/Standard/V 1/R 2/P -4/O<%s>/U<%s>>>/ID[<00><00>]" % (b"41" * 32, b"42" * 32)
    return _pdf(b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[]/Count 0>>", trailer=lock)


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PDF of three pages as an office writes it."""
    folder = tmp_path_factory.mktemp("pdf")
    source = "#set page(width: 8.5in, height: 11in)\n= Policy\n#rect(fill: red, width: 4in, height: 4in)\n"
    (folder / "policy.typ").write_text(source + "#pagebreak()\n= Two\n#pagebreak()\n= Three\n")
    (folder / "policy.pdf").write_bytes(typst.compile(folder / "policy.typ"))
    return folder / "policy.pdf"


def _picture(data: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(data), formats=("PNG",))
    picture.load()
    return picture


def _kept(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "stored file"
    path.write_bytes(data)
    return path


def test_the_pages_of_a_pdf_are_counted(policy: Path) -> None:
    assert pdf_pages(policy) == 3


def test_a_page_is_drawn_in_the_width_asked_for(policy: Path) -> None:
    first = _picture(pdf_page(policy, 1))
    assert first.size == (1_000, 1_295)
    assert first.convert("RGB").getpixel((400, 400)) == (255, 65, 54)  # red, as the typesetter has it
    assert _picture(pdf_page(policy, 2, width=200)).size == (200, 259)
    assert pdf_page(policy, 2) != pdf_page(policy, 3)


@pytest.mark.parametrize(("width", "drawn"), [(0, 1), (-5, 1), (10**12, 4_000)])
def test_absurd_widths_are_drawn_as_the_nearest_that_is_allowed(tmp_path: Path, width: int, drawn: int) -> None:
    square = _page(_stream(b""), box=b"0 0 72 72")
    assert _picture(pdf_page(_kept(tmp_path, square), 1, width)).width == drawn


@pytest.mark.parametrize("number", [-1, 0, 4, 10**7, 10**30])
def test_a_page_that_is_not_there_is_not_found(policy: Path, number: int) -> None:
    with pytest.raises(NotFound, match="no such page"):
        pdf_page(policy, number)


def test_a_scan_and_a_filled_form_are_drawn(tmp_path: Path) -> None:
    scan = io.BytesIO()
    Image.new("RGB", (1_700, 2_200), (0, 128, 0)).save(scan, "PDF")
    red, green, blue = _picture(pdf_page(_kept(tmp_path, scan.getvalue()), 1)).convert("RGB").getpixel((500, 600))
    assert (red < 5, 123 < green < 133, blue < 5) == (True, True, True)
    look = _stream(b"1 0 0 rg 0 0 100 100 re f", b"/Type/XObject/Subtype/Form/BBox[0 0 100 100]")
    field = b"<</Type/Annot/Subtype/Widget/FT/Tx/T(a)/V(x)/F 4/Rect[50 50 150 150]/AP<</N 6 0 R>>/P 3 0 R>>"
    form = _pdf(
        b"<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[5 0 R]>>>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Annots[5 0 R]>>",
        *(b"<<>>", field, look),
    )
    assert _picture(pdf_page(_kept(tmp_path, form), 1, 200)).convert("RGB").getpixel((100, 100)) == (255, 0, 0)


@pytest.mark.parametrize(
    ("box", "size"),
    [
        (b"0 0 720000 720000", (1_000, 1_000)),  # 10,000 inches
        (b"0 0 1 14400000", (1, 4_000)),
        (b"0 0 14400000 1", (1_000, 1)),
        (b"0 0 0 0", (1_000, 1_295)),  # taken for a letter
    ],
)
def test_a_page_of_absurd_size_stays_a_picture(tmp_path: Path, box: bytes, size: tuple[int, int]) -> None:
    assert _picture(pdf_page(_kept(tmp_path, _page(_stream(b"0 0 9 9 re f"), box)), 1)).size == size


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"%PDF-1.7\nnothing",
        b"PK\x03\x04 no PDF at all",
        _page(_stream(b""))[:150],
        _pdf(b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[2 0 R]/Count 3>>"),
        _forms_in_forms(),
    ],
    ids=["empty", "nothing", "no PDF", "cut short", "pages that hold themselves", "forms in forms"],
)
def test_a_broken_or_hostile_pdf_is_told_in_one_sentence(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(Invalid) as refused:
        pdf_page(_kept(tmp_path, data), 1)
    assert set(refused.value.fields) == {"file"}
    assert refused.value.message.startswith("This PDF cannot be shown as pictures: it is damaged, or too much")


def test_a_broken_pdf_has_no_count_either(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="damaged"):
        pdf_pages(_kept(tmp_path, b"%PDF-1.7\nnothing"))


def test_a_locked_pdf_says_that_it_asks_for_a_password(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="password"):
        pdf_pages(_kept(tmp_path, _locked()))


def test_a_pdf_that_takes_too_long_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview_pages, "WALL_SECONDS", 0.5)
    path = _kept(tmp_path, _slow())
    started = time.monotonic()
    with pytest.raises(Invalid, match="takes too long"):
        pdf_page(path, 1)
    assert time.monotonic() - started < 5


def test_while_it_draws_the_child_can_do_nothing_but_compute(tmp_path: Path) -> None:
    path = _kept(tmp_path, _slow())
    command = [sys.executable, "-I", pdf_child.__file__, "1", "1000"]
    with path.open("rb") as file, subprocess.Popen(command, stdin=file, stdout=subprocess.PIPE) as child:
        try:
            limits: dict[str, str] = {}
            until = time.monotonic() + 10
            while limits.get("Max processes") != "0" and time.monotonic() < until:
                time.sleep(0.02)
                table = Path(f"/proc/{child.pid}/limits").read_text()
                limits = dict(re.findall(r"^(Max [a-z ]+?)  .*?(\d+|unlimited) +(?:[a-z]+ *)?$", table, re.MULTILINE))
        finally:
            child.kill()
    assert limits["Max open files"] == limits["Max file size"] == limits["Max processes"] == "0"
    assert limits["Max core file size"] == "0"
    assert limits["Max address space"] == str(pdf_child.MEMORY)
    assert limits["Max cpu time"] == str(pdf_child.SECONDS)
    assert pdf_child.MEMORY <= 768 * 1_048_576
    assert pdf_child.SECONDS <= 10


def _stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> Path:
    """Something else runs in the child's place, as if the file had taken it over."""
    place = tmp_path / "child.py"
    place.write_text(script)
    monkeypatch.setattr(pdf_child, "__file__", str(place))
    return _kept(tmp_path, b"bytes of the file")


def test_the_child_gets_the_open_file_and_nothing_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLASK_SECRET", "kept")
    script = f"""
import json, os, sys
told = [dict(os.environ), sys.argv[1:], os.getcwd(), sys.stdin.buffer.read().decode(), sys.flags.isolated]
open({str(tmp_path / "told")!r}, "w").write(json.dumps(told))
print("PAGES 7")
"""
    assert pdf_pages(_stand_in(tmp_path, monkeypatch, script)) == 7
    environment, arguments, folder, content, isolated = json.loads((tmp_path / "told").read_text())
    assert environment.keys() <= {"LC_CTYPE"}  # which the interpreter sets for itself
    assert (arguments[0], folder, content, isolated) == ("0", "/", "bytes of the file", 1)
    assert os.environ["FLASK_SECRET"] == "kept"


@pytest.mark.parametrize(
    "script",
    [
        "",
        "print('PAGES 1')",
        "print('PAGES 1'); print('<script>alert(1)</script>')",
        "print('PAGES many')",
        r"import sys; sys.stdout.buffer.write(b'\x89PNG\r\n\x1a\n')",
        r"import sys; sys.stdout.buffer.write(b'PAGES 1\n\x89PNG\r\n\x1a\n'); sys.exit(1)",
        "import os; os.abort()",
    ],
)
def test_an_answer_that_is_no_picture_is_not_passed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    with pytest.raises(Invalid, match="cannot be shown as pictures"):
        pdf_page(_stand_in(tmp_path, monkeypatch, script), 1)


def test_an_answer_without_end_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = "import sys\nwhile True: sys.stdout.buffer.write(b'a' * 1_000_000)"
    path = _stand_in(tmp_path, monkeypatch, script)
    started = time.monotonic()
    with pytest.raises(Invalid, match="too large"):
        pdf_page(path, 1)
    assert time.monotonic() - started < 10


def test_only_two_pages_are_drawn_at_once(policy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview_pages, "_PATIENCE", 0.01)
    with preview_pages._children:
        assert pdf_pages(policy) == 3
        with preview_pages._children, pytest.raises(Busy, match="reload in a moment"):
            pdf_pages(policy)
    assert pdf_pages(policy) == 3


def test_failures_give_their_place_back(tmp_path: Path, policy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview_pages, "_PATIENCE", 0.01)
    for _ in range(3):
        with pytest.raises(Invalid):
            pdf_pages(_kept(tmp_path, b"no PDF"))
        with pytest.raises(FileNotFoundError):
            pdf_pages(tmp_path / "gone")
    assert pdf_pages(policy) == 3
