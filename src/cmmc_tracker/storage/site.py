"""Asking the site that people use one question, as their browsers would: what answers, under which certificate."""

import http.client
import ssl
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

_SECONDS = 10.0
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Answer:
    """What a site said; `days_left` of its certificate is None without TLS."""

    status: int
    text: str
    headers: tuple[tuple[str, str], ...]
    days_left: int | None

    def values(self, name: str) -> list[str]:
        """All values of a header."""
        return [value for known, value in self.headers if known.lower() == name.lower()]


def ask(site: str, path: str) -> Answer:
    """GET a path of a site, such as https://tracker.example.com.

    Raises `OSError` (also for a certificate that is not trusted) or `http.client.HTTPException` when nothing sensible
    answers.
    """
    parts = urlsplit(site)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=_SECONDS)
    try:
        connection.connect()
        days_left = _days_left(connection.sock) if isinstance(connection.sock, ssl.SSLSocket) else None
        connection.request("GET", path)
        answer = connection.getresponse()
        text = answer.read(1_000).decode(errors="replace")
        return Answer(answer.status, text, tuple(answer.getheaders()), days_left)
    finally:
        connection.close()


def _days_left(secured: ssl.SSLSocket) -> int:
    certificate = secured.getpeercert() or {}
    return int((ssl.cert_time_to_seconds(str(certificate["notAfter"])) - time.time()) // _DAY)
