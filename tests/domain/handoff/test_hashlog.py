"""The hash logs: byte for byte the form that assessors know, and read in the forms that they come in."""

import hashlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmmc_tracker.domain.handoff.hashlog import Row, artifacts_log, hash_log, parse
from cmmc_tracker.errors import Invalid

EMPTY, ABC = hashlib.sha256(b"").hexdigest(), hashlib.sha256(b"abc").hexdigest()
GOLDEN = (
    Row(ABC, r".\artifacts\AC\AC.L2-3.1.2\abc.txt"),
    Row(EMPTY, r".\artifacts\AC\AC.L2-3.1.1\empty.txt"),
)


def test_the_golden_example_is_written_to_the_byte() -> None:
    log = artifacts_log(GOLDEN)
    assert len(log) == 438
    assert hashlib.sha256(log).hexdigest().upper() == "1757419162015D8BA88D86FBD064F2FB79C5E8D26D79E48BC04CA045983374E8"
    second = hash_log(log)
    assert len(second) == 308
    assert (
        hashlib.sha256(second).hexdigest().upper() == "17FB08C56DCA0F0B274C9904016489568B096C736748193EC20E431F92BDA605"
    )


def test_the_order_in_which_files_come_changes_nothing() -> None:
    assert artifacts_log(reversed(GOLDEN)) == artifacts_log(GOLDEN)


def test_what_is_written_is_read_again() -> None:
    assert parse(artifacts_log(GOLDEN)) == sorted(GOLDEN, key=lambda row: row.path)


@pytest.mark.parametrize(
    "remade",
    [
        lambda text: text.replace("\r\n", "\n").encode(),
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.encode("utf-16"),
        lambda text: "\r\n".join(line.ljust(1_024) for line in text.split("\r\n")).encode(),
        lambda text: text.replace("SHA256          ", "SHA256       ").encode(),
        lambda text: text.replace(ABC.upper(), ABC).encode(),
    ],
    ids=["unix", "utf-8 mark", "utf-16", "padded", "narrow", "lower case"],
)
def test_a_log_that_another_machine_made_is_read(remade: Callable[[str], bytes]) -> None:
    assert parse(remade(artifacts_log([GOLDEN[0]]).decode())) == [GOLDEN[0]]


@pytest.mark.parametrize("line", ["SHA256 12 x", "MD5 " + "0" * 64 + " x", "hello", "SHA256  " + "0" * 64])
def test_what_is_no_row_is_named_with_its_line(line: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse(b"\r\n" + line.encode() + b"\r\n")
    assert "Line 2" in refused.value.fields["log"]


def test_a_log_that_is_no_text_is_refused() -> None:
    with pytest.raises(Invalid):
        parse(b"\x00\xff\xfe\x80")


@pytest.mark.parametrize("path", ["artifacts\\" + "x" * 930, "artifacts\\é.txt"])
def test_a_path_that_the_form_would_change_is_never_written(path: str) -> None:
    with pytest.raises(ValueError, match="cut or change"):
        artifacts_log([Row(ABC, path)])


@given(st.lists(st.tuples(st.binary(max_size=9), st.text("abcXYZ 019._-[]()", min_size=1, max_size=40)), max_size=9))
def test_any_names_that_are_allowed_come_back(files: list[tuple[bytes, str]]) -> None:
    rows = {Row(hashlib.sha256(content).hexdigest(), f".\\artifacts\\{name.strip()}x") for content, name in files}
    assert set(parse(artifacts_log(rows))) == rows
