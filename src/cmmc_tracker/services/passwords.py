"""Hashing and checking passwords: Werkzeug's scrypt, or PBKDF2 where the host's OpenSSL refuses scrypt.

Both take tens of milliseconds on purpose, so they are called outside of any transaction.
"""

import functools
import hashlib
import logging
from collections.abc import Iterable

from werkzeug.security import check_password_hash, generate_password_hash

from cmmc_tracker.domain.accounts import LONGEST_PASSWORD

log = logging.getLogger("cmmc_tracker")


@functools.cache
def method() -> str:
    """The hash that this host can do: scrypt, or 600,000 rounds of PBKDF2-HMAC-SHA256 on a FIPS-only host."""
    try:
        hashlib.scrypt(b"", salt=b"0" * 16, n=2, r=1, p=1)
    except (ValueError, AttributeError):
        return "pbkdf2:sha256:600000"
    return "scrypt"


def hashed(password: str) -> str:
    """The hash of a password, with its method and salt."""
    return generate_password_hash(password, method=method())


def _nobody() -> str:
    return _nobodys(method())


@functools.cache
def _nobodys(_method: str) -> str:
    return hashed("a password that nobody has")


def is_cheaper(known_hash: str) -> bool:
    """Whether a hash was made by another method or with other costs than hashes are made with now."""
    return known_hash.partition("$")[0] != _nobody().partition("$")[0]


def is_among(known_hashes: Iterable[str], password: str) -> bool:
    """Whether a password is one of those that somebody had."""
    return any(_right(one, password) for one in known_hashes)


def matches(known_hash: str | None, password: str) -> bool:
    """Whether the password is right. With no hash it takes as long and is wrong: unknown names do not show."""
    right = _right(known_hash or _nobody(), password)
    return right and known_hash is not None


def _right(known_hash: str, password: str) -> bool:
    """A hash that this host cannot compute (scrypt in FIPS mode) fits no password; docs/deploy.md says what helps."""
    try:
        return check_password_hash(known_hash, password[: LONGEST_PASSWORD + 1])
    except ValueError:
        log.warning("a password hash of the kind %s cannot be checked on this host", known_hash.partition(":")[0])
        return False
