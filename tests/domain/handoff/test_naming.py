"""Where the files of a package lie: by requirement, on any system, each once, and never two alike."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmmc_tracker.domain.catalog import ObjectiveId
from cmmc_tracker.domain.handoff.naming import LONGEST_PATH, Wanted, clean, held_path, in_log, place
from cmmc_tracker.domain.handoff.package import held_of

A, B, C = ObjectiveId("AC.L2-3.1.1", "a"), ObjectiveId("AC.L2-3.1.1", "b"), ObjectiveId("AC.L2-3.1.2", "a")


def wanted(
    number: int, title: str, filename: str = "x.pdf", *objectives: ObjectiveId, files: int = 1, at: int = 1
) -> Wanted:
    return Wanted(number, 1, at, files, title, filename, objectives)


def paths(*files: Wanted) -> list[str]:
    return [one.path for one in place(files, 2)]


def test_a_file_lies_once_at_its_first_requirement_with_the_letters_it_proves() -> None:
    (one,) = place([wanted(1, "Access policy", "policy v3.PDF", C, B, A)], 2)
    assert one.path == "artifacts/AC/AC.L2-3.1.1/ab Access policy.pdf"
    assert one.further == ("artifacts/AC/AC.L2-3.1.2",)


def test_what_proves_nothing_lies_apart() -> None:
    assert paths(wanted(1, "Spare", "s.txt")) == ["artifacts/unlinked/Spare.txt"]


def test_several_files_of_one_version_are_numbered() -> None:
    files = [wanted(1, "Screens", f"{n}.png", A, files=2, at=n) for n in (1, 2)]
    assert paths(*files) == [f"artifacts/AC/AC.L2-3.1.1/a Screens 0{n}.png" for n in (1, 2)]


@pytest.mark.parametrize(
    ("first", "second"),
    [("Log", "LOG"), ("caf\u00e9", "cafe\u0301"), ("a:b", "a b"), ("x" * 300, "x" * 301), ("\u202elog", "log")],
    ids=["case", "forms", "signs", "length", "marks"],
)
def test_names_that_would_fall_together_are_kept_apart(first: str, second: str) -> None:
    one, other = paths(wanted(1, first, "f.txt", A), wanted(2, second, "f.txt", A))
    assert one.casefold() != other.casefold()


@pytest.mark.parametrize("title", ["CON", "con.txt", "nul", "COM1", "lpt9.log", "aux", "CONOUT$", "CON.", "nul .txt"])
def test_names_that_windows_keeps_for_itself_are_never_used(title: str) -> None:
    name = paths(
        wanted(
            1,
            title,
            "f",
        )
    )[0].rpartition("/")[2]
    assert name.startswith("_")


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Policy...", "a Policy.txt"),
        (" . Policy . ", "a . Policy.txt"),
        ("a:b*c?d", "a a b c d.txt"),
        ("../../etc/passwd", "a .. .. etc passwd.txt"),
        ("C:\\Windows\\x", "a C Windows x.txt"),
        ("\u202egpj.exe", "a gpj.exe.txt"),
        ("tab\tand\nline", "a tab and line.txt"),
        ("=cmd()", "a =cmd().txt"),
    ],
)
def test_what_windows_refuses_in_a_name_is_left_out(title: str, name: str) -> None:
    assert paths(wanted(1, title, "f.txt", A)) == [f"artifacts/AC/AC.L2-3.1.1/{name}"]


def test_a_title_of_three_hundred_characters_is_cut_to_what_windows_takes() -> None:
    (path,) = paths(wanted(1, "x" * 300, "f.txt", A))
    assert len(path) == LONGEST_PATH
    assert path.endswith("x.txt")


def test_a_title_of_signs_alone_gets_the_artifacts_number() -> None:
    assert paths(wanted(7, "\u6587\u4ef6", "\u6587\u4ef6.pdf", A)) == ["artifacts/AC/AC.L2-3.1.1/a.pdf"]
    assert paths(wanted(7, "???", "x.pdf")) == ["artifacts/unlinked/artifact 7.pdf"]


def test_the_extension_is_said_once() -> None:
    assert paths(wanted(1, "policy.pdf", "policy.pdf", A)) == ["artifacts/AC/AC.L2-3.1.1/a policy.pdf"]


def test_the_log_writes_backslashes_and_held_evidence_by_its_number() -> None:
    assert in_log("artifacts/AC/x.pdf") == ".\\artifacts\\AC\\x.pdf"
    assert held_path(12, "dr\u00e4wing/7.dwg") == ".\\held\\12\\drawing 7.dwg"
    assert held_path(12, "") == ".\\held\\12\\file"


def test_titles_that_look_like_the_marks_of_another_stop_no_package() -> None:
    """Whoever names artifacts so could keep everybody from freezing."""
    files = [wanted(n, title, "x.pdf", A) for n, title in enumerate(("x", "x (9)", "x (9-1)", "x (9-1-2)"), 1)]
    assert len(set(paths(*files, wanted(9, "x", "x.pdf", A)))) == 5


def test_held_files_of_an_artifact_each_have_a_row_of_their_own() -> None:
    names = ["3 a.dwg", "a.dwg", "A.dwg", None, "file 4"]
    held = [{"position": n, "filename": name, "sha256": f"{n:064}"} for n, name in enumerate(names, 1)]
    rows = [row for _, row in held_of({"artifacts": [{"id": 7, "held": held}]})]
    assert len({row.path.casefold() for row in rows}) == len(names)


titles = st.text(st.characters(codec="utf-8"), max_size=320)


@given(st.lists(st.tuples(titles, titles, st.sets(st.sampled_from([A, B, C]))), max_size=8))
def test_whatever_titles_there_are_every_path_can_be_unpacked_anywhere(
    files: list[tuple[str, str, set[ObjectiveId]]],
) -> None:
    given_files = [wanted(n, title, name, *objectives) for n, (title, name, objectives) in enumerate(files, 1)]
    found = place(given_files, 2)
    assert len({one.path.casefold() for one in found}) == len(files)
    assert place(reversed(given_files), 2) == found
    for one in found:
        assert one.path.isascii()
        assert len(one.path) <= LONGEST_PATH
        for part in one.path.split("/"):
            assert not re.search(r'[<>:"|?*\\\x00-\x1f]', part)
            assert part == part.strip(" .") != ""
            assert unicodedata.is_normalized("NFC", part)


@given(titles)
def test_a_clean_name_stays_as_it_is(text: str) -> None:
    once = clean(text, 100)
    assert clean(once, 101) == once
