"""Bare Flask routes on the product's own server, to compare with: hello, an upload to a file, a download."""

import hashlib
import os
import secrets
import tempfile
from pathlib import Path

from flask import Flask, Response, request, send_file

from cmmc_tracker.gate import server
from cmmc_tracker.gate.guests import Guest
from cmmc_tracker.gate.reception import House

app = Flask(__name__)
folder = Path(tempfile.mkdtemp(prefix="bare-"))


@app.get("/healthz")
@app.get("/hello")
def hello() -> str:
    """The least that a route can do."""
    return "hello"


@app.post("/upload")
def upload() -> str:
    """The raw body streamed to a file, hashed and synced."""
    digest = hashlib.sha256()
    path = folder / secrets.token_hex(8)
    with path.open("wb") as file:
        while piece := request.stream.read(1_048_576):
            digest.update(piece)
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    path.unlink()
    return digest.hexdigest()


@app.get("/download")
def download() -> Response:
    """Werkzeug's plain send_file."""
    return send_file(os.environ["BARE_FILE"], mimetype="application/zip")


def main() -> None:
    """Serve as the product does."""
    listening = server.listen("127.0.0.1", 0)
    print(f"bare on http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    most = 120 * 1_048_576
    house = House(admitted=lambda *_: Guest("anybody", most), max_bytes=most, headers={})
    site = server.Site(app, house, folder / "spool", 2, 8, trusts_proxies=False, after_fork=lambda: None)
    server.serve(site, listening)


if __name__ == "__main__":
    main()
