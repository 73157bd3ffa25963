"""Names and passwords: the policy, pure.

At least 16 characters with an upper-case letter, a lower-case letter, a digit and a special character; every
missing part is named at once. At most 256 characters: hashing costs time.
"""

import re

from cmmc_tracker.domain.permissions import Role
from cmmc_tracker.domain.text import normal
from cmmc_tracker.errors import Invalid

SHORTEST_PASSWORD = 16
LONGEST_PASSWORD = 256
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
    lacks = []
    if len(password) < SHORTEST_PASSWORD:
        lacks.append(f"at least {SHORTEST_PASSWORD} characters (it has {len(password)})")
    if len(password) > LONGEST_PASSWORD:
        lacks.append(f"at most {LONGEST_PASSWORD} characters")
    if not any(c.isupper() for c in password):
        lacks.append("an upper-case letter")
    if not any(c.islower() for c in password):
        lacks.append("a lower-case letter")
    if not any(c.isdigit() for c in password):
        lacks.append("a digit")
    if not any(not c.isalnum() and not c.isspace() for c in password):
        lacks.append("a special character")
    if "\0" in password:
        lacks.append("no NUL character")
    key = name_key(name)
    if len(key) >= 3 and key in name_key(password):
        lacks.append("something other than the user name in it")
    if lacks:
        raise Invalid({field: f"The password needs {_listed(lacks)}."})


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
