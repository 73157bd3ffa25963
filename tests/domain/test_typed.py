"""Forms are read field by field: nothing typed is dropped in silence, and all that is wrong is said at once."""

from datetime import date
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmmc_tracker.domain.typed import Typed
from cmmc_tracker.errors import Invalid


class Colour(StrEnum):
    """Two colours."""

    RED = "red"
    BLUE = "blue"


@given(st.text(max_size=60))
def test_a_line_is_kept_clean_or_refused_and_never_cut(text: str) -> None:
    typed = Typed({"a": text})
    line = typed.line("a", 20)
    assert "\n" not in line
    assert ("a" in typed.wrong) == (len(line) > 20 or len(text) > 40)


def test_text_far_behind_blanks_is_refused_and_not_lost() -> None:
    typed = Typed({"a": " " * 1_000 + "important"})
    typed.text("a", 100, "needed")
    assert typed.wrong == {"a": "This has at most 100 characters; shorten it."}


def test_everything_that_is_wrong_is_said_at_once() -> None:
    typed = Typed({"day": "soon", "late": "2999-01-01", "box": "maybe", "one": "green", "n": "0", "file": object()})
    typed.day("day")
    typed.day("late", date(2026, 1, 1))
    typed.switch("box")
    typed.choice("one", Colour)
    typed.choice("two", Colour, "Say it.")
    typed.number("n")
    typed.line("name", 9, "Name it.")
    with pytest.raises(Invalid) as refused:
        typed.done()
    assert set(refused.value.fields) == {"day", "late", "box", "one", "two", "n", "name"}


def test_what_is_right_comes_out_as_it_is_kept() -> None:
    typed = Typed({"day": "2026-02-28", "box": "on", "one": "red", "n": "12", "name": "  Ada \t Ortiz "})
    assert typed.day("day", date(2026, 2, 28)) == date(2026, 2, 28)
    assert typed.switch("box")
    assert not typed.switch("other")
    assert typed.choice("one", Colour) is Colour.RED
    assert typed.choice("none", Colour) is None
    assert (typed.number("n"), typed.number("none")) == (12, None)
    assert typed.line("name", 20) == "Ada Ortiz"
    typed.done()
