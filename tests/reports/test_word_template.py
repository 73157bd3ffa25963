"""A template that cannot be read at all is refused with a sentence, however it was damaged."""

import io
import zipfile

import pytest
from docx import Document

from cmmc_tracker.errors import Invalid
from cmmc_tracker.reports import word_template


def whole() -> bytes:
    file = io.BytesIO()
    Document().save(file)
    return file.getvalue()


def harmed(kind: str) -> bytes:
    """A whole document, but for what makes it unreadable in this way."""
    content = bytearray(whole())
    with zipfile.ZipFile(io.BytesIO(whole())) as archive:
        one = archive.getinfo("word/document.xml")
    packed = one.header_offset + 30 + len(one.filename)
    if kind == "no block of deflate":  # RFC 1951, 3.2.3: the third kind is reserved
        content[packed : packed + 1] = b"\x07"
    elif kind == "cut":
        del content[len(content) // 2 :]
    elif kind == "another byte in it":
        content[packed + 40] ^= 0xFF
    elif kind == "locked by a password":
        for mark in (b"PK\x03\x04", b"PK\x01\x02"):
            content[content.index(mark) + (6 if mark == b"PK\x03\x04" else 8)] |= 1
    return bytes(content)


@pytest.mark.parametrize("kind", ["no block of deflate", "cut", "another byte in it", "locked by a password"])
def test_what_cannot_be_unpacked_is_said_to_be_no_word_document(kind: str) -> None:
    with pytest.raises(Invalid) as refused:
        word_template.opened(harmed(kind))
    assert "It is no Word document (.docx), or it is damaged" in refused.value.fields["file"]


def test_a_whole_one_is_opened() -> None:
    assert word_template.opened(whole()).element.body is not None
