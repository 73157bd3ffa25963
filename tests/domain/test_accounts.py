"""Names and passwords."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmmc_tracker.domain.accounts import check_password, name_key, parse_name, parse_role
from cmmc_tracker.errors import Invalid

GOOD = "Correct-Horse-Battery-9"


def test_a_password_with_every_part_is_taken() -> None:
    check_password(GOOD, "ada")
    check_password("Ünïcode-Pässwort-1", "ada")


@pytest.mark.parametrize(
    ("password", "lacks"),
    [
        ("Short-1a", "at least 16 characters (it has 8)"),
        ("correct-horse-battery-9", "an upper-case letter"),
        ("CORRECT-HORSE-BATTERY-9", "a lower-case letter"),
        ("Correct-Horse-Battery", "a digit"),
        ("CorrectHorseBattery9", "a special character"),
        ("Correct Horse Battery 9", "a special character"),
        ("Aa1-" + "x" * 253, "at most 256 characters"),
        ("Correct-Horse-Ada-99", "something other than the user name in it"),
        ("Correct-Horse\0Battery-9", "no NUL character"),
    ],
)
def test_what_a_password_lacks_is_named(password: str, lacks: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_password(password, "ada")
    assert lacks in refused.value.fields["password"]


def test_everything_that_is_missing_is_named_at_once() -> None:
    with pytest.raises(Invalid) as refused:
        check_password("", "ada")
    for part in ("16 characters", "upper-case", "lower-case", "digit", "special"):
        assert part in refused.value.message


@pytest.mark.parametrize("name", ["ada", "Ada Ortiz", "a", "ada.ortiz@example.com", "Zoë", "x" * 80])
def test_names_that_people_have_are_taken(name: str) -> None:
    assert parse_name(f" {name} ") == name


@pytest.mark.parametrize("name", ["", " ", "x" * 81, "a\nb", "a\0b", "<b>", "a/b", "\u202eada", "a\tb"])
def test_names_with_signs_that_could_mislead_are_refused(name: str) -> None:
    with pytest.raises(Invalid):
        parse_name(name)


@given(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=20))
def test_case_and_spaces_around_never_make_another_person(name: str) -> None:
    assert name_key(name) == name_key(f" {name.upper()} ".lower()) or name.upper().lower() != name.lower()
    assert name_key(name) == name_key(name_key(name))


@pytest.mark.parametrize("role", ["", "Admin", "root", "user "])
def test_only_two_roles_exist(role: str) -> None:
    with pytest.raises(Invalid):
        parse_role(role)
