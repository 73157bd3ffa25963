"""A mail server for the tests that send mail."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.storage.smtp_server import Box, own_context, serving


@pytest.fixture
def box() -> Box:
    """What arrives."""
    return Box()


@pytest.fixture
def plain(box: Box) -> Iterator[str]:
    """A server on this machine that knows no TLS."""
    with serving(box) as place:
        yield f"smtp://{place}"


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's half of TLS, whose certificate this machine trusts."""
    made = own_context(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
    return made
