"""An object store on the loopback, and a door before it that can slow down, refuse, fail and cut.

The store is moto's, or the one at `TEST_S3_URL`: http on this machine, with the credentials `key` and `secret` and
nothing of value, for its bucket `evidence` is emptied again and again. One such store serves one run (`-n 0`).
"""

import contextlib
import http.client
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import ClientError
from moto.server import ThreadedMotoServer

BUCKET = "evidence"
_DROPPED = {"connection", "transfer-encoding", "content-length", "date", "server", "expect"}


@dataclass
class Door:
    """What the next requests meet. `asked` has what came: method and path."""

    url: str = ""
    refuse: str = ""  # an S3 error code for these methods, such as "PUT"
    code: str = "AccessDenied"
    status: int = 403
    cut_after: int = -1  # bytes of an answer's body, then the connection ends
    cuts: int = 0  # so many answers are cut
    wait: float = 0.0  # seconds before each answer
    asked: list[str] = field(default_factory=list)


@contextlib.contextmanager
def _store() -> Iterator[tuple[str, int]]:
    """Where the store is."""
    given = urlsplit(os.environ.get("TEST_S3_URL", ""))
    if given.hostname:
        yield given.hostname, given.port or 80
        return
    os.environ["MOTO_S3_DEFAULT_KEY_BUFFER_SIZE"] = str(64 * 1_048_576)  # else it leaves files open behind it
    store = ThreadedMotoServer("127.0.0.1", port=0)
    store.start()
    try:
        yield store.get_host_and_port()
    finally:
        store.stop()


@contextlib.contextmanager
def serving() -> Iterator[Door]:
    """The store and its door, both on free ports, until the end."""
    with _store() as behind:
        door = Door()
        handler = type("Handler", (_Handler,), {"door": door, "behind": behind})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        door.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield door
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def new_bucket() -> None:
    """The bucket anew, empty, with no rules and no versions; the environment says where."""
    s3 = boto3.session.Session().client("s3")
    with contextlib.suppress(ClientError):  # there is none yet
        for one in s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", ()):
            s3.abort_multipart_upload(Bucket=BUCKET, Key=one["Key"], UploadId=one["UploadId"])
        found = s3.list_object_versions(Bucket=BUCKET)
        for one in (*found.get("Versions", ()), *found.get("DeleteMarkers", ())):
            s3.delete_object(Bucket=BUCKET, Key=one["Key"], VersionId=one["VersionId"])
        s3.delete_bucket(Bucket=BUCKET)
    s3.create_bucket(Bucket=BUCKET)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # an answer's head and body go apart: else each waits 40 ms for the other side
    door: Door
    behind: tuple[str, int]

    def _any(self) -> None:
        door = self.door
        door.asked.append(f"{self.command} {self.path}")
        body = self._body()
        time.sleep(door.wait)
        if self.command in door.refuse.split():
            self._answer(door.status, {"Content-Type": "application/xml"}, _error(door.code))
            return
        headers = {name: value for name, value in self.headers.items() if name.lower() not in {"expect"}}
        headers.pop("Transfer-Encoding", None)
        headers["Content-Length"] = str(len(body))
        with contextlib.closing(http.client.HTTPConnection(*self.behind, timeout=30)) as connection:
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            data = answer.read()
        self._answer(answer.status, dict(answer.getheaders()), data)

    def _body(self) -> bytes:
        if "100-continue" in self.headers.get("Expect", ""):
            self.send_response_only(100)
            self.end_headers()
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _answer(self, status: int, headers: dict[str, str], data: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in _DROPPED:
                self.send_header(name, value)
        size = headers.get("Content-Length", str(len(data))) if self.command == "HEAD" else str(len(data))
        self.send_header("Content-Length", size)
        self.end_headers()
        if self.command == "HEAD":
            return
        if self.command == "GET" and 0 <= self.door.cut_after < len(data) and self.door.cuts:
            self.door.cuts -= 1
            self.wfile.write(data[: self.door.cut_after])
            self.close_connection = True
            return
        self.wfile.write(data)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _any  # noqa: N815 the names that the base class calls

    def log_message(self, *_given: Any) -> None:
        """Nothing."""


def _error(code: str) -> bytes:
    return f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>no</Message></Error>'.encode()
