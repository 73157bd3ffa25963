"""What a person may say of evidence that stays where it is, and what stands for it in a version's hash."""

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmmc_tracker.domain.artifacts import manifest
from cmmc_tracker.domain.held import Held, is_elsewhere, parse_held, parse_held_lines, type_by_name
from cmmc_tracker.errors import Invalid

HASH = hashlib.sha256(b"x").hexdigest()
GIVEN = {"location": "drawings/pump.pdf", "sha256": HASH}
_NAMES = st.text("ab. /\\-é\u200b", max_size=6)


def _wrong(**given: Any) -> dict[str, str]:
    with pytest.raises(Invalid) as refused:
        parse_held({**GIVEN, **given})
    return refused.value.fields


def test_only_location_and_hash_are_needed_and_nothing_else_is_guessed() -> None:
    assert parse_held(GIVEN) == Held("drawings/pump.pdf", HASH, None, None, None)


def test_everything_that_is_known_is_kept() -> None:
    more = {"size": "1234", "filename": "C:\\cad\\Pump 1.pdf", "media_type": "Application/PDF"}
    assert parse_held({**GIVEN, **more}) == Held("drawings/pump.pdf", HASH, 1234, "Pump 1.pdf", "application/pdf")


@pytest.mark.parametrize(
    "pasted",
    [
        HASH.upper(),
        f"  {HASH}\n",
        f"SHA256: {HASH}",
        f"sha-256:{HASH.upper()}",
        " ".join(HASH[i : i + 2] for i in range(0, 64, 2)),
        f"{HASH[:32]}\r\n\t{HASH[32:]}",
    ],
)
def test_a_hash_is_read_as_people_paste_it(pasted: str) -> None:
    assert parse_held({**GIVEN, "sha256": pasted}).sha256 == HASH


@pytest.mark.parametrize("text", [HASH[:-1], HASH + "0", "g" * 64, f"{HASH} pump.pdf", "٣" * 64, "0x" + HASH[2:]])
def test_what_is_no_whole_hash_is_refused(text: str) -> None:
    assert _wrong(sha256=text) == {"sha256": "The SHA-256 must be 64 of the signs 0-9 and a-f."}


@pytest.mark.parametrize(
    "location", ["a  b/two  spaces.txt", "\\\\enclave\\share\\x", "https://a.example/?q=1", "../x", "e\u0301.txt"]
)
def test_a_location_stays_to_the_letter_for_a_path_must_be_found_again(location: str) -> None:
    assert parse_held({**GIVEN, "location": f"  {location}\n"}).location == location


@pytest.mark.parametrize(
    ("location", "told"),
    [
        ("", "Say where it is held"),
        (None, "Say where it is held"),
        (" \t", "Say where it is held"),
        ("a\nb", "one line"),
        ("a\tb", "one line"),
        ("a\0b", "one line"),
        ("a\u202efdp.exe", "one line"),
        ("a\u2028b", "one line"),
        ("\udc80.txt", "one line"),
        ("\u2800\u200b", None),
        ("x" * 1_001, "at most 1,000 characters; this one has 1,001"),
        (7, "must be text"),
    ],
)
def test_a_location_that_nobody_could_read_or_find_is_refused(location: Any, told: str | None) -> None:
    if told is None:  # signs that print nothing in some fonts are still signs
        assert parse_held({**GIVEN, "location": location}).location == location
    else:
        assert told in _wrong(location=location)["location"]


def test_a_location_may_have_a_thousand_characters() -> None:
    assert len(parse_held({**GIVEN, "location": "x" * 1_000}).location) == 1_000


@pytest.mark.parametrize(
    ("size", "read"), [("0", 0), (" 12 ", 12), (12, 12), ("", None), (None, None), ("9" * 18, 10**18 - 1)]
)
def test_a_size_is_a_whole_number_or_not_said(size: Any, read: int | None) -> None:
    assert parse_held({**GIVEN, "size": size}).size == read


@pytest.mark.parametrize("size", ["-1", -1, "1.5", "1,234", "٣", "9" * 19, "1e3", True, 1.5, "12 KB"])
def test_any_other_size_is_refused(size: Any) -> None:
    assert set(_wrong(size=size)) == {"size"}


@pytest.mark.parametrize("text", ["pdf", "a/b/c", "text/html; charset=utf-8", "/x", "x/" + "y" * 100, "a b/c"])
def test_what_is_no_media_type_is_refused(text: str) -> None:
    assert set(_wrong(media_type=text)) == {"media_type"}


def test_all_that_is_wrong_is_told_at_once() -> None:
    assert set(_wrong(location="", sha256="", size="x", filename="...", media_type="x")) == {
        *("location", "sha256", "size", "filename", "media_type")
    }


def test_the_manifest_is_of_the_hash_the_size_the_name_and_the_location() -> None:
    known, bare = Held("a/b.pdf", HASH, 12, "b.pdf"), Held("https://a.example/b", HASH)
    lines = f"{HASH} 12 b.pdf\ta/b.pdf\n{HASH} - \thttps://a.example/b\n"
    found = manifest((one.sha256, one.size, one.manifest_name) for one in (known, bare))
    assert found == hashlib.sha256(lines.encode()).hexdigest()


@given(
    st.lists(st.tuples(_NAMES, _NAMES, st.none() | st.integers(0, 9)), min_size=1, max_size=3),
    st.lists(st.tuples(_NAMES, _NAMES, st.none() | st.integers(0, 9)), min_size=1, max_size=3),
)
def test_two_sets_of_held_files_that_differ_have_two_manifests(one: list[Any], other: list[Any]) -> None:
    def hashed(files: list[Any]) -> str:
        held = [Held(location or "x", HASH, size, name or None) for name, location, size in files]
        return manifest((h.sha256, h.size, h.manifest_name) for h in held)

    def meant(files: list[Any]) -> list[Any]:
        return [(name or None, location or "x", size) for name, location, size in files]

    assert (hashed(one) == hashed(other)) == (meant(one) == meant(other))


@given(st.dictionaries(st.sampled_from(("location", "sha256", "size", "filename", "media_type")), st.text(max_size=80)))
def test_whatever_is_typed_is_read_or_refused_by_its_field(given: dict[str, str]) -> None:
    fields = {"location", "sha256", "size", "filename", "media_type"}
    wrong: set[str] = set()
    try:
        lines = [parse_held(given).manifest_name]
    except Invalid as refused:
        wrong, lines = set(refused.fields), []
    assert bool(wrong) != bool(lines)
    assert wrong <= fields
    assert [(line.count("\t"), line.count("\n")) for line in lines] == [(1, 0)] * len(lines)


def test_a_name_promises_a_type_or_none() -> None:
    assert [type_by_name(name) for name in ("a.PDF", "b.docx", "c.svg", "d.dwgx", "e")] == [
        *("application/pdf", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        *("image/svg+xml", None, None),
    ]


@pytest.mark.parametrize(
    ("location", "elsewhere"),
    [
        ("https://a.example/x", True),
        ("s3://bucket/x", True),
        ("\\\\server\\share", True),
        ("C:\\x", True),
        ("c:/x", True),
        ("/mnt/x", False),
        ("a/b:c", False),
        ("../x", False),
    ],
)
def test_addresses_shares_and_drives_are_no_paths_of_this_machine(location: str, elsewhere: bool) -> None:
    assert is_elsewhere(location) is elsewhere


@pytest.mark.parametrize(
    "line",
    [
        f"{HASH}  a b/pump (1).pdf",
        f"{HASH} *a b/pump (1).pdf",
        f"{HASH.upper()} a b/pump (1).pdf",
        f"SHA256 (a b/pump (1).pdf) = {HASH}",
        f"SHA2-256(a b/pump (1).pdf)= {HASH}",
        f"SHA256          {HASH.upper()}       a b/pump (1).pdf   ",
        f"{HASH}\ta b/pump (1).pdf",
    ],
    ids=["text", "binary", "typed", "tagged", "openssl", "Get-FileHash", "table"],
)
def test_a_line_is_read_as_each_command_prints_it(line: str) -> None:
    assert parse_held_lines(line, 100) == [Held("a b/pump (1).pdf", HASH)]


def test_several_keep_their_order_and_what_a_table_says_of_them() -> None:
    text = f"Algorithm       Hash    Path\r\n---------       ----    ----\r\nSHA256  {HASH}  C:\\a\\b.txt\r\n\r\n"
    text += f"{'b' * 64}\tx/y\t12\ty.pdf\tapplication/pdf\r\n{'b' * 64}\tx/z\t\t\t"
    assert parse_held_lines(text, 3) == [
        *(Held("C:\\a\\b.txt", HASH), Held("x/y", "b" * 64, 12, "y.pdf", "application/pdf"), Held("x/z", "b" * 64)),
    ]


def test_a_name_that_sha256sum_escaped_is_kept_as_it_is_on_the_disk() -> None:
    assert parse_held_lines(f"\\{HASH}  share\\\\new\\\\r.txt", 1)[0].location == "share\\new\\r.txt"
    assert parse_held_lines(f"{HASH}  share\\new.txt", 1)[0].location == "share\\new.txt"
    with pytest.raises(Invalid, match="Line 1: The location has a line break"):
        parse_held_lines(f"\\{HASH}  two\\nlines.txt", 1)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"{HASH}  a\n{HASH[:-1]}  b", "Line 2: It must be the SHA-256 and then"),
        (f"\n{HASH}  a\n\n{'b' * 64}  a", "Line 4 names the same place as line 2."),
        (f"{HASH}  a\n{HASH}  b\n{HASH}  c", "One version has 1 to 2 files; these are 3."),
        ("----", "One version has 1 to 2 files; these are 0."),
        (f"{HASH}  ", "Line 1: It must be the SHA-256 and then"),
        (f"{HASH}\ta\tsome\tx/", "Line 1: The size must be a whole number"),
        (f"{HASH}\ta\t1\tx\ttext/plain\tmore", "Line 1: It has more than the five columns"),
        (f"{HASH}  a\tb", "Line 1: The location has a line break or another sign"),
        (f"SHA256  {HASH}  C:\\Users\\someb...", "Line 1: Its path was cut off"),
        ("x\n" * 40, "And 35 more."),
    ],
)
def test_lines_that_are_wrong_are_named_by_their_number(text: str, told: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_held_lines(text, 2)
    assert told in refused.value.fields["held_files"]


@given(
    st.lists(
        st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="\\"), min_size=1),
        min_size=1,
        unique=True,
    )
)
def test_what_sha256sum_prints_comes_back_whatever_the_names(names: list[str]) -> None:
    printed = "".join(f"{HASH}  {name}\n" for name in names)
    assert [one.location for one in parse_held_lines(printed, 1_000)] == names
