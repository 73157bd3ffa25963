"""The outside as scanners see it: a listener on the loopback that payloads point to.

Wapiti plants its address into parameters and asks afterwards who called. Here nobody may call: a request that is not
wapiti's own question was made by the product, and is a finding.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_QUESTIONS = ("/get_ssrf.php", "/get_xxe.php", "/get_dns.php")


class Outside(ThreadingHTTPServer):
    """Notes every request that is not the scanner's own question."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.called: list[str] = []

    @property
    def url(self) -> str:
        """What payloads carry."""
        return f"http://127.0.0.1:{self.server_address[1]}/"


class _Answer(BaseHTTPRequestHandler):
    server: Outside

    def do_GET(self) -> None:
        if not self.path.startswith(_QUESTIONS):
            self.server.called.append(f"{self.command} {self.path[:200]}")
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(b"{}")

    do_HEAD = do_POST = do_PUT = do_GET  # noqa: N815 - the names that the server looks for

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that it has above
        """Say nothing: what was asked is in `called`."""


@contextmanager
def listening() -> Iterator[Outside]:
    """Listen until the block ends."""
    with Outside() as outside:
        thread = threading.Thread(target=outside.serve_forever, daemon=True)
        thread.start()
        try:
            yield outside
        finally:
            outside.shutdown()
            thread.join()
