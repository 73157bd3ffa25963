"""Hashes as they really are: these tests do not weaken them."""

import hashlib
import time
from collections.abc import Iterator

import pytest

from cmmc_tracker.services import passwords
from tests.conftest import PASSWORD, REAL_METHOD


@pytest.fixture(autouse=True)
def _real_hashes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What the suite makes cheap elsewhere is the real thing here."""
    monkeypatch.setattr(passwords, "method", REAL_METHOD)
    yield
    REAL_METHOD.cache_clear()


def _no_scrypt(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> bytes:
        raise ValueError("disabled for FIPS")

    monkeypatch.setattr(hashlib, "scrypt", refused)
    REAL_METHOD.cache_clear()


def test_passwords_are_kept_as_werkzeugs_scrypt_with_a_salt_of_their_own() -> None:
    first, second = passwords.hashed(PASSWORD), passwords.hashed(PASSWORD)
    assert first.startswith("scrypt:32768:8:1$")
    assert first != second
    assert PASSWORD not in first
    assert passwords.matches(first, PASSWORD)
    assert not passwords.matches(first, PASSWORD + " ")


def test_where_the_host_refuses_scrypt_pbkdf2_of_600_000_rounds_stands_in(monkeypatch: pytest.MonkeyPatch) -> None:
    _no_scrypt(monkeypatch)
    kept = passwords.hashed(PASSWORD)
    assert kept.startswith("pbkdf2:sha256:600000$")
    assert passwords.matches(kept, PASSWORD)


def test_a_hash_that_the_host_cannot_compute_fits_no_password_and_breaks_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    kept = passwords.hashed(PASSWORD)
    _no_scrypt(monkeypatch)
    assert not passwords.matches(kept, PASSWORD)
    assert not passwords.is_among([kept], PASSWORD)
    assert "of the kind scrypt cannot be checked" in caplog.text
    assert kept not in caplog.text


def test_a_hash_of_another_method_or_cost_is_known_as_one_to_renew() -> None:
    from werkzeug.security import generate_password_hash

    assert passwords.is_cheaper(generate_password_hash(PASSWORD, method="scrypt:1024:8:1"))
    assert passwords.is_cheaper(generate_password_hash(PASSWORD, method="pbkdf2:sha256:1000"))
    assert not passwords.is_cheaper(passwords.hashed(PASSWORD))


def test_an_unknown_name_takes_as_long_as_a_known_one() -> None:
    known = passwords.hashed(PASSWORD)

    def seconds(kept: str | None) -> float:
        taken = []
        for _ in range(5):
            begun = time.process_time()
            assert not passwords.matches(kept, "wrong")
            taken.append(time.process_time() - begun)
        return sorted(taken)[2]

    passwords.matches(None, "the first call makes the hash to compare with")
    of_known, of_unknown = seconds(known), seconds(None)
    assert 0.5 < of_unknown / of_known < 2
    assert of_unknown > 0.01


def test_a_password_of_a_megabyte_costs_no_more_than_a_short_one() -> None:
    known = passwords.hashed(PASSWORD)
    begun = time.process_time()
    assert not passwords.matches(known, PASSWORD + "x" * 1_000_000)
    assert time.process_time() - begun < 1
