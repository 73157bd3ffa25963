"""Names and passwords: the policy, pure.

At least 16 characters with an upper-case letter, a lower-case letter, a digit and a special character; every
missing part is named at once. At most 256 characters: hashing costs time.
"""

import re

from cmmc_tracker.domain.common_words import is_common
from cmmc_tracker.domain.permissions import Role
from cmmc_tracker.domain.text import normal
from cmmc_tracker.errors import Invalid

SHORTEST_PASSWORD = 16
LONGEST_PASSWORD = 256
REMEMBERED_PASSWORDS = 5  # the present one and the four before it are not taken again
_SHORTEST_NAME_HELD = 3  # a name of one or two letters stands in any password by chance
_NAME = re.compile(r"[\w.@+-][\w.@+ -]{0,78}[\w.@+-]|[\w.@+-]")


def parse_name(text: str) -> str:
    """A user name as it is shown: letters, digits, `. @ + - _` and inner spaces, at most 80 characters."""
    name = normal(text.strip()[:400])
    if not name:
        raise Invalid({"username": "Please give a user name."})
    if not _NAME.fullmatch(name):
        raise Invalid(
            {"username": "A user name has at most 80 letters, digits, spaces and the signs . @ + - _, nothing else."}
        )
    return name


def name_key(name: str) -> str:
    """What makes two names the same person: case and Unicode form do not count."""
    folded = normal(name[:400].replace("\0", ""), "NFKC").casefold()
    return normal(folded, "NFKC").strip()[:200]


def parse_role(text: str) -> Role:
    """`admin` or `user`; anything else raises `Invalid`."""
    if text not in set(Role):
        raise Invalid({"role": "The role must be admin or user."})
    return Role(text)


def check_password(password: str, name: str, field: str = "password") -> None:
    """Raise `Invalid` naming every part of the policy that the password lacks."""
    key = name_key(name)
    long_enough, within = len(password) >= SHORTEST_PASSWORD, len(password) <= LONGEST_PASSWORD
    common = long_enough and within and is_common(password)
    demands = {
        f"at least {SHORTEST_PASSWORD} characters (it has {len(password)})": long_enough,
        f"at most {LONGEST_PASSWORD} characters": within,
        "an upper-case letter": any(c.isupper() for c in password),
        "a lower-case letter": any(c.islower() for c in password),
        "a digit": any(c.isdigit() for c in password),
        "a special character": any(not c.isalnum() and not c.isspace() for c in password),
        "no NUL character": "\0" not in password,
        "something other than the user name in it": len(key) < _SHORTEST_NAME_HELD or key not in name_key(password),
        "something less common than one well-known word with digits and signs": not common,
    }
    lacks = [demand for demand, met in demands.items() if not met]
    if lacks:
        raise Invalid({field: f"The password needs {_listed(lacks)}."})


def is_password_like(text: str) -> bool:
    """Whether a text could be somebody's password here: people type it into the wrong field, and logs keep names."""
    try:
        check_password(text, "")
    except Invalid:
        return False
    return True


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
