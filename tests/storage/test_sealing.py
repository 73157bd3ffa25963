"""What is sealed with a passphrase: comes back whole with it, and not at all without it or altered."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmmc_tracker.errors import Conflict
from cmmc_tracker.storage import sealing
from cmmc_tracker.storage.sealing import Seal

WORDS = "correct horse battery staple"
SMALL = 64
HEAD = 41


@pytest.fixture(autouse=True, scope="module")
def small_and_quick() -> Iterator[None]:
    """Chunks of 64 bytes and few rounds: the same code over more chunks, in less time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sealing, "_CHUNK", SMALL)
        patch.setattr(sealing, "_ITERATIONS", 1)
        yield


def _sealed(seal: Seal, data: bytes, what: str = "file") -> bytes:
    target = io.BytesIO()
    writer = seal.writer(what, target)
    for start in range(0, len(data), 50):
        writer.write(data[start : start + 50])
    writer.finish()
    return target.getvalue()


def _read(seal: Seal, sealed: bytes, what: str = "file") -> bytes:
    with seal.reader(what, io.BytesIO(sealed)) as file:
        return file.read()


@given(st.integers(0, 4 * SMALL + 1))
def test_bytes_of_every_length_come_back_and_their_size_is_known(size: int) -> None:
    seal = Seal.made(WORDS)[0]
    data = bytes(number % 251 for number in range(size))
    sealed = _sealed(seal, data)
    assert _read(seal, sealed) == data
    assert len(sealed) == Seal.size(size)


@given(st.data())
def test_no_altered_and_no_cut_byte_is_taken(data: st.DataObject) -> None:
    seal = Seal.made(WORDS)[0]
    sealed = _sealed(seal, b"x" * (3 * SMALL))
    at = data.draw(st.integers(0, len(sealed) - 1))
    other = bytearray(sealed)
    other[at] ^= data.draw(st.integers(1, 255))
    for harmed in (bytes(other), sealed[:at], sealed + b"\0"):
        with pytest.raises(Conflict):
            _read(seal, harmed)


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda sealed: sealed[: HEAD + SMALL + 16], "it was cut short"),
        (lambda sealed: sealed[:10], "it was cut short"),
        (lambda sealed: sealed[:-1], "altered or cut short"),
        (lambda sealed: sealed[: HEAD + 80] * 2, "it was altered"),
        (lambda sealed: sealed[:HEAD] + sealed[HEAD + 80 : HEAD + 160] + sealed[HEAD : HEAD + 80], "it was altered"),
        (lambda sealed: sealed[:8] + b"\x02" + sealed[9:], "newer version"),
        (lambda _sealed: b"plain text that nobody sealed, " * 4, "is not encrypted"),
    ],
)
def test_each_harm_is_told_as_what_it_is(harm: object, said: str) -> None:
    seal = Seal.made(WORDS)[0]
    assert callable(harm)
    with pytest.raises(Conflict, match=said):
        _read(seal, harm(_sealed(seal, b"x" * (3 * SMALL))))


def test_no_file_passes_for_another_and_no_two_look_alike() -> None:
    seal = Seal.made(WORDS)[0]
    sealed = _sealed(seal, b"the same", "content:a")
    with pytest.raises(Conflict):
        _read(seal, sealed, "content:b")
    assert sealed[9:] != _sealed(seal, b"the same", "content:a")[9:]


def test_a_key_opens_with_its_passphrase_only_and_names_tell_no_hash() -> None:
    seal, text = Seal.made(WORDS)
    again = Seal.opened(WORDS, text)
    assert _read(again, _sealed(seal, b"words")) == b"words"
    assert again.name("a" * 64) == seal.name("a" * 64) != Seal.made(WORDS)[0].name("a" * 64)
    assert seal.name("a" * 64) != "a" * 64
    with pytest.raises(Conflict, match="passphrase is not the one"):
        Seal.opened(WORDS + ".", text)


def test_a_key_file_that_was_altered_or_is_newer_says_so_before_the_passphrase_is_blamed() -> None:
    text = Seal.made(WORDS)[1]
    content = json.loads(text)
    for harmed in (b"", b"[]", text[:-20], text.replace(b'"iterations": 1', b'"iterations": 2')):
        with pytest.raises(Conflict, match="altered or cannot be read"):
            Seal.opened(WORDS, harmed)
    with pytest.raises(Conflict, match="newer version"):
        Seal.opened(WORDS, json.dumps({**content, "format": 2}).encode())


def test_the_form_on_disk_stays_readable() -> None:
    """Made by the first version that sealed, with chunks and rounds as they are there."""
    folder = Path(__file__).parent / "data"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sealing, "_CHUNK", 262_144)
        seal = Seal.opened(WORDS, (folder / "sealed-key.json").read_bytes())
        assert _read(seal, (folder / "sealed-file").read_bytes(), "content:first") == b"kept for years\n"
