"""Taking text out of hostile files: no file makes it slow, large or dangerous, and each is told in one sentence."""

import io
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import typst

from cmmc_tracker.domain.uploads import ALLOWED
from cmmc_tracker.services import extraction, text_child
from cmmc_tracker.services.extraction import Extracted, Unextractable, extract
from tests.services.test_extraction import archive, book, deck, found, page, paragraphs, relations, slide, word
from tests.services.test_pdf_child import _locked as locked
from tests.services.test_pdf_child import _pdf as pdf
from tests.services.test_pdf_child import _stream as stream

DAMAGED = "it is damaged, or too much for this reader"
GIGABYTE = 1_073_741_824


def why(folder: Path, extension: str, content: bytes) -> str:
    with pytest.raises(Unextractable) as refused:
        found(folder, extension, content)
    return refused.value.why


def slow_pages() -> bytes:
    """A thousand times the same page of 100,000 words, small when packed."""
    words = b"BT /F 12 Tf 50 700 Td " + b"(words)Tj " * 100_000 + b"ET"
    about = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>"
    return pdf(
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[%s]/Count 1000>>" % (b"3 0 R " * 1_000),
        about,
        stream(zlib.compress(words, 9), b"/Filter/FlateDecode"),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    )


# Hostile PDF


def test_a_pdf_whose_pages_hold_themselves_ends_soon(tmp_path: Path) -> None:
    begun = time.monotonic()
    assert why(tmp_path, ".pdf", page(b"words", kids=b"[2 0 R]", count=3)) == DAMAGED
    assert found(tmp_path, ".pdf", page(b"words", kids=b"[3 0 R 2 0 R 3 0 R]", count=3)).cut
    assert found(tmp_path, ".pdf", page(b"words", count=1_000_000)) == Extracted("words", cut=True)
    assert found(tmp_path, ".pdf", page(b"words", count=2_000_000_000)).text == "words"
    assert time.monotonic() - begun < 15


def test_a_pdf_cut_short_anywhere_gives_what_it_has_or_a_reason(tmp_path: Path) -> None:
    (tmp_path / "a.typ").write_text("\n#pagebreak()\n".join(f"= Page {n}" for n in range(20)))
    whole = bytes(typst.compile(tmp_path / "a.typ"))
    assert found(tmp_path, ".pdf", whole).text.count("Page") == 20
    for tenth in range(10):
        try:
            text = found(tmp_path, ".pdf", whole[: len(whole) * tenth // 10])
        except Unextractable as refused:
            reason = refused.why
        else:
            reason = DAMAGED if text.text.count("Page") <= 20 else "more than there is"
        assert reason == DAMAGED


def test_a_locked_pdf_says_that_it_asks_for_a_password(tmp_path: Path) -> None:
    assert why(tmp_path, ".pdf", locked()) == "it asks for a password"


def test_a_pdf_that_takes_too_long_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extraction, "WALL_SECONDS", 0.7)
    begun = time.monotonic()
    assert why(tmp_path, ".pdf", slow_pages()) == "it takes too long"
    assert time.monotonic() - begun < 5


# Hostile Office documents


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        yield server


def test_an_entity_reads_no_file_and_calls_nobody(tmp_path: Path, listening: socket.socket) -> None:
    (tmp_path / "secret").write_text("the secret words")
    port = listening.getsockname()[1]
    for place in (f"file://{tmp_path}/secret", "file:///etc/passwd", f"http://127.0.0.1:{port}/x"):
        for declared in (f'<!ENTITY x SYSTEM "{place}">', f'<!ENTITY % x SYSTEM "{place}"> %x;'):
            body = paragraphs("before &x; after").encode()
            bad = f"<!DOCTYPE w [{declared}]>".encode() + body
            assert why(tmp_path, ".docx", word(bad)).startswith("it declares a document type or entities")
        bad = f'<!DOCTYPE w SYSTEM "{place}">'.encode() + paragraphs("words").encode()
        assert why(tmp_path, ".docx", word(bad)).startswith("it declares a document type")
    with pytest.raises(TimeoutError):
        listening.accept()


def test_a_billion_laughs_are_refused_wherever_they_stand(tmp_path: Path) -> None:
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    bomb = f'<!DOCTYPE x [<!ENTITY l0 "ha">{laughs}]><x><t>&l9;</t></x>'
    begun = time.monotonic()
    for content in (
        word(bomb),
        word(bomb.encode("utf-16")),
        word(paragraphs("a"), **{"word/_rels/document.xml.rels": bomb}),
        archive({"_rels/.rels": bomb, "word/document.xml": "<x/>"}),
    ):
        assert why(tmp_path, ".docx", content).startswith("it declares a document type")
    assert time.monotonic() - begun < 5
    assert why(tmp_path, ".docx", word("<x><t>&undeclared;</t></x>")) == DAMAGED


def swollen(piece: bytes, size: int) -> bytes:
    """A Word document whose text is packed from so many bytes, made without ever holding them."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as kept:
        kept.writestr("_rels/.rels", relations(r="officeDocument word/document.xml"))
        with kept.open("word/document.xml", "w", force_zip64=True) as part:
            part.write(b"<x>")
            block = piece * (4 * 1_048_576 // len(piece))
            for _ in range(size // len(block)):
                part.write(block)
    return file.getvalue()


@pytest.mark.parametrize(
    ("piece", "size"),
    [(b" ", GIGABYTE), (b"<t a='%s'/>" % (b"a" * 200), GIGABYTE), (b"<a><b>", GIGABYTE // 4)],
    ids=["white space", "empty words", "deeper and deeper"],
)
def test_a_part_that_unpacks_without_end_is_given_up_soon(tmp_path: Path, piece: bytes, size: int) -> None:
    content = swollen(piece, size)
    assert len(content) < size / 50
    begun = time.monotonic()
    assert why(tmp_path, ".docx", content) == "it is too large"
    assert time.monotonic() - begun < 25


def test_of_a_part_that_unpacks_to_words_without_end_the_first_are_kept(tmp_path: Path) -> None:
    text = found(tmp_path, ".docx", swollen(b"<p><t>words</t></p>", 256 * 1_048_576))
    assert (text.text[:12], text.cut) == ("words\nwords\n", True)


def test_one_sign_of_sixty_megabytes_costs_no_more_than_its_bound(tmp_path: Path) -> None:
    for beginning in (b"<x a='", b"<!--", b"<x><t>"):
        begun = time.monotonic()
        content = word(beginning + b"a" * 60_000_000)
        if beginning == b"<x><t>":
            assert found(tmp_path, ".docx", content).cut
        else:
            assert why(tmp_path, ".docx", content) in {DAMAGED, "it is too large"}
        assert time.monotonic() - begun < 25


def test_what_a_part_says_of_its_size_is_not_relied_on(tmp_path: Path) -> None:
    content = bytearray(word(paragraphs("words")))
    line = content.rfind(b"PK\1\2")
    struct.pack_into("<I", content, line + 24, 4_294_967_294)
    assert found(tmp_path, ".docx", bytes(content)) == Extracted("words", cut=False)
    for too_small in (0, 1):
        struct.pack_into("<I", content, line + 24, too_small)
        assert why(tmp_path, ".docx", bytes(content)) == DAMAGED


def test_ten_thousand_parts_are_read_and_more_are_refused(tmp_path: Path) -> None:
    slides = {f"ppt/slides/slide{n}.xml": slide(f"slide{n}x") for n in range(9_996)}
    order = "".join(f"<s:sldId r:id='r{n}'/>" for n in range(len(slides)))
    parts: dict[str, str | bytes] = {
        "_rels/.rels": relations(a="officeDocument ppt/presentation.xml"),
        "ppt/presentation.xml": f"<p xmlns:r='r' xmlns:s='s'>{order}</p>",
        "ppt/_rels/presentation.xml.rels": relations(**{f"r{n}": f"slide slides/slide{n}.xml" for n in range(9_996)}),
        **slides,
    }
    begun = time.monotonic()
    text = found(tmp_path, ".pptx", archive(parts))
    assert time.monotonic() - begun < 20
    assert text == Extracted("\n".join(f"slide{n}x" for n in range(9_996)), cut=False)
    more = archive(parts | {"one": "", "two": ""})
    assert why(tmp_path, ".pptx", more) == "it is too large"


def test_an_archive_in_an_archive_stays_packed(tmp_path: Path) -> None:
    inner = word(paragraphs("inner words"))
    named = relations(a="package embeddings/a.docx")
    more: dict[str, str | bytes] = {"word/embeddings/a.docx": inner, "word/_rels/document.xml.rels": named}
    assert found(tmp_path, ".docx", word(paragraphs("outer"), **more)) == Extracted("outer", cut=False)
    assert why(tmp_path, ".docx", archive({"a.docx": inner})) == DAMAGED
    assert why(tmp_path, ".docx", word(inner)) == DAMAGED


def test_relations_in_a_circle_end(tmp_path: Path) -> None:
    circle = {"word/_rels/document.xml.rels": relations(**{f"r{n}": "footer document.xml" for n in range(1_000)})}
    assert found(tmp_path, ".docx", word(paragraphs("words"), **circle)).text == "words\nwords"


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../../../../etc/passwd", "file:///etc/passwd", "C:\\secret", "-rf", "~/.ssh/id_rsa"]
)
def test_a_name_in_a_document_opens_nothing_but_its_own_part(tmp_path: Path, name: str) -> None:
    outside = {"word/_rels/document.xml.rels": relations(a=f"footer {name}"), name: paragraphs("inside")}
    assert found(tmp_path, ".docx", word(paragraphs("words"), **outside)).text in {"words", "words\ninside"}
    assert why(tmp_path, ".docx", archive({"_rels/.rels": relations(a=f"officeDocument {name}"), "b": ""})) == DAMAGED


def test_locked_documents_say_so(tmp_path: Path) -> None:
    sealed = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + "EncryptedPackage".encode("utf-16-le")
    assert why(tmp_path, ".xlsx", sealed) == "it asks for a password"
    assert why(tmp_path, ".docx", sealed[:500]) == DAMAGED
    content = bytearray(word(paragraphs("words")))
    content[content.rfind(b"PK\1\2") + 8] |= 1
    assert why(tmp_path, ".docx", bytes(content)) == "it asks for a password"


@pytest.mark.parametrize(("extension", "content"), [(".docx", word(paragraphs("a"))), (".pptx", archive(deck()))])
def test_no_damaged_byte_makes_it_fail_otherwise(tmp_path: Path, extension: str, content: bytes) -> None:
    for at in range(0, len(content), len(content) // 12):
        for broken in (content[:at], content[:at] + b"\xff" + content[at + 1 :]):
            try:
                said = found(tmp_path, extension, broken).text
            except Unextractable as refused:
                said = refused.why
            assert isinstance(said, str)


def test_a_workbook_of_endless_strings_stays_small(tmp_path: Path) -> None:
    strings = "<si><t>ab</t></si>" * 2_500_000
    text = found(tmp_path, ".xlsx", book("<x:c t='s'><x:v>7</x:v></x:c><x:c t='s'><x:v>2000000</x:v></x:c>", strings))
    assert text == Extracted("S\nab", cut=True)


# The child itself


def test_while_it_reads_the_child_can_do_nothing_but_compute_and_steps_back(tmp_path: Path) -> None:
    (tmp_path / "slow").write_bytes(slow_pages())
    command = [sys.executable, "-I", text_child.__file__, "pdf"]
    with (tmp_path / "slow").open("rb") as file, subprocess.Popen(command, stdin=file, stdout=subprocess.PIPE) as child:
        try:
            limits: dict[str, str] = {}
            until = time.monotonic() + 10
            while limits.get("Max processes") != "0" and time.monotonic() < until:
                time.sleep(0.02)
                table = Path(f"/proc/{child.pid}/limits").read_text()
                limits = dict(re.findall(r"^(Max [a-z ]+?)  .*?(\d+|unlimited) +(?:[a-z]+ *)?$", table, re.MULTILINE))
            nice = os.getpriority(os.PRIO_PROCESS, child.pid)
        finally:
            child.kill()
    assert limits["Max open files"] == limits["Max file size"] == limits["Max processes"] == "0"
    assert limits["Max core file size"] == "0"
    assert limits["Max address space"] == str(text_child.MEMORY)
    assert limits["Max cpu time"] == str(text_child.SECONDS)
    assert nice == min(19, os.getpriority(os.PRIO_PROCESS, 0) + 10)


TRIES = """
def _tries(text):
    import socket
    for name, attempt in {
        "read": lambda: open("/etc/passwd"),
        "write": lambda: open("/tmp/written", "w"),
        "network": lambda: socket.socket(),
        "pipe": lambda: os.pipe(),
        "memory": lambda: bytearray(MEMORY),
    }.items():
        try:
            attempt()
        except (OSError, MemoryError) as error:
            text.add(f"{name} {type(error).__name__} {getattr(error, 'errno', '')}\\n")
        else:
            text.add(f"{name} was possible\\n")
"""


def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> Path:
    """Something else runs in the child's place, as if the file had taken it over."""
    (folder / "child.py").write_text(script)
    monkeypatch.setattr(text_child, "__file__", str(folder / "child.py"))
    (folder / "stored; file").write_bytes(b"bytes of the file")
    return folder / "stored; file"


def test_a_file_that_took_the_child_over_can_open_and_reach_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Path(text_child.__file__).read_text()
    taken = source.replace('if __name__ == "__main__":', TRIES + '\nimport socket\n_WAYS["text"] = _tries\nif True:')
    text = extract(stand_in(tmp_path, monkeypatch, taken), "text/plain")
    assert text is not None
    assert text.text.split("\n") == [
        *(
            f"{name} OSError 24" for name in ("read", "write", "network", "pipe")
        ),  # too many open files: none is allowed
        "memory MemoryError",
    ]


def test_what_was_read_when_patience_ends_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Path(text_child.__file__).read_text()
    path = stand_in(tmp_path, monkeypatch, source.replace("\nPATIENCE = 18.0", "\nPATIENCE = 0.5"))
    begun = time.monotonic()
    path.write_bytes(swollen(b"<t/>", 64 * 1_048_576))
    with pytest.raises(Unextractable, match="too large"):
        extract(path, ALLOWED[".docx"])
    path.write_bytes(word("<x><p><t>words</t></p>" + "<t/>" * 5_000_000))
    assert extract(path, ALLOWED[".docx"]) == Extracted("words", cut=True)
    assert time.monotonic() - begun < 12


def test_the_child_gets_the_open_file_and_nothing_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLASK_SECRET", "kept")
    script = """
import json, os, sys
told = [dict(os.environ), sys.argv[1:], os.getcwd(), sys.stdin.buffer.read().decode(), sys.flags.isolated]
print("TEXT whole")
print(json.dumps(told))
"""
    text = extract(stand_in(tmp_path, monkeypatch, script), ALLOWED[".docx"])
    assert text is not None
    environment, arguments, folder, content, isolated = json.loads(text.text)
    assert environment.keys() <= {"LC_CTYPE"}  # which the interpreter sets for itself
    assert (arguments, folder, content, isolated) == (["docx"], "/", "bytes of the file", 1)
    assert os.environ["FLASK_SECRET"] == "kept"


@pytest.mark.parametrize(
    "script",
    [
        "",
        "print('words')",
        "print('TEXT')",
        "print('TEXT most'); print('words')",
        r"import sys; sys.stdout.buffer.write(b'TEXT whole')",
        r"import sys; sys.stdout.buffer.write(b'TEXT whole\nwords \xff\xed\xa0\x80')",
        "import sys; print('TEXT whole'); sys.exit(1)",
        "print('TEXT whole'); print('words', flush=True); import os; os.abort()",
    ],
)
def test_an_answer_that_is_no_text_is_not_passed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    path = stand_in(tmp_path, monkeypatch, script)
    with pytest.raises(Unextractable, match="damaged"):
        extract(path, "text/plain")


def test_an_answer_without_end_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = "import sys\nprint('TEXT whole', flush=True)\nwhile True: sys.stdout.buffer.write(b'a' * 1_000_000)"
    path = stand_in(tmp_path, monkeypatch, script)
    begun = time.monotonic()
    with pytest.raises(Unextractable, match="too large"):
        extract(path, "text/plain")
    assert time.monotonic() - begun < 10


def test_an_answer_of_more_signs_than_agreed_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = stand_in(tmp_path, monkeypatch, "print('TEXT whole'); print('a' * 1_500_000, end='')")
    assert extract(path, "text/plain") == Extracted("a" * 1_000_000, cut=True)


def test_a_child_that_is_killed_leaves_a_reason_and_nothing_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = stand_in(tmp_path, monkeypatch, "import time; time.sleep(60)")

    def kill() -> None:
        until = time.monotonic() + 10
        while time.monotonic() < until:
            for child in psutil.Process().children():
                if str(tmp_path / "child.py") in child.cmdline():
                    child.send_signal(signal.SIGKILL)
                    return
            time.sleep(0.02)

    killer = threading.Thread(target=kill)
    killer.start()
    begun = time.monotonic()
    with pytest.raises(Unextractable, match="takes too long"):
        extract(path, "text/plain")
    killer.join()
    assert time.monotonic() - begun < 15
    assert [child for child in psutil.Process().children() if str(tmp_path) in " ".join(child.cmdline())] == []
    monkeypatch.undo()
    assert extract(path, "text/plain") == Extracted("bytes of the file", cut=False)
