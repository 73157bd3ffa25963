"""Passwords that everybody tries first, stretched to length."""

import pytest

from cmmc_tracker.domain.accounts import check_password, is_password_like
from cmmc_tracker.domain.common_words import is_common
from cmmc_tracker.errors import Invalid


@pytest.mark.parametrize(
    "password",
    [
        "Password-2026!!!!!",
        "P@ssw0rd12345678!",
        "PasswordPassword1!",
        "!!!!Welcome2026!!!!",
        "Summer2026Summer2026!",
        "Administrator-00001",
        "Qwertyuiop-123456789",
        "Abcdefghijklmnop-1",
        "Qwerty-Qwerty-1234",
        "Zyxwvutsrqponm-1234",
        "L3tM3In!!!!!!!!!!!",
        "1234567890123456-Aa",
        "Aaaaaaaaaaaaaaaa-1",
    ],
)
def test_one_common_word_with_digits_and_signs_is_refused(password: str) -> None:
    with pytest.raises(Invalid, match="less common than one well-known word"):
        check_password(password, "bo")


@pytest.mark.parametrize(
    "password",
    [
        "Correct-Horse-Battery-9",
        "Password of my Uncle 9!",
        "Ünïcode-Pässwort-1",
        "xK9#mQ2$vL5@nR8!",
        "Tiger-Soup-Lamp-44",
        "7391-8264-9175-Aa",
    ],
)
def test_several_words_and_random_signs_are_taken(password: str) -> None:
    assert not is_common(password)


def test_looking_at_a_password_costs_no_seconds_however_it_is_made() -> None:
    assert not is_common("ab" * 127 + "c" + "1-")
    assert is_common("a" * 254 + "1-")


@pytest.mark.parametrize(("text", "alike"), [("Correct-Horse-Battery-9", True), ("ada", False), ("", False)])
def test_what_may_be_a_password_is_known_as_one(text: str, alike: bool) -> None:
    assert is_password_like(text) is alike
