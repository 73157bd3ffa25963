"""The main job by the API over a real socket, with calls as curl would make them."""

import http.client
import json
import threading
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from flask import Flask
from werkzeug.serving import make_server

from cmmc_tracker.services.work import Tracker
from tests.conftest import PASSWORD, add_account


@pytest.fixture
def port(app: Flask) -> Iterator[int]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


class Curl:
    """Plain calls that carry a cookie and a token."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.headers: dict[str, str] = {}

    def __call__(self, method: str, path: str, body: bytes = b"", kind: str = "application/json") -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        headers = {**self.headers, "Content-Type": kind} if body else self.headers
        connection.request(method, path, body or None, headers)
        answer = connection.getresponse()
        content = answer.read()
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            self.headers["Cookie"] = cookie.split(";")[0]
        connection.close()
        return answer.status, content


def _token(page: bytes) -> str:
    return page.decode().split('name="csrf_token" value="')[1][:64]


def test_sign_in_upload_judge_and_read_the_score(port: int, tracker: Tracker) -> None:
    add_account(tracker, "bo")
    curl = Curl(port)
    form = {"username": "bo", "password": PASSWORD, "csrf_token": _token(curl("GET", "/login")[1])}
    status, _ = curl("POST", "/login", urlencode(form).encode(), "application/x-www-form-urlencoded")
    assert status == 302
    curl.headers["X-CSRF-Token"] = _token(curl("GET", "/")[1])
    body = (
        b'--b\r\nContent-Disposition: form-data; name="title"\r\n\r\nSystem security plan\r\n'
        b'--b\r\nContent-Disposition: form-data; name="objectives"\r\n\r\nCA.L2-3.12.4[a]\r\n'
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="ssp.md"\r\n\r\n# Plan\r\n--b--\r\n'
    )
    status, made = curl("POST", "/api/v1/artifacts", body, "multipart/form-data; boundary=b")
    assert status == 201
    for letter in "ah":
        path = f"/api/v1/systems/main/requirements/CA.L2-3.12.4/objectives/{letter}"
        assert curl("PATCH", path, b'{"status": "met", "methods": ["examine"]}')[0] == 200
    score = json.loads(curl("GET", "/api/v1/systems/main/score")[1])
    assert (score["score"], score["ssp_documented"], score["met_without_final_evidence"]) == (-203, True, 1)
    content = curl("GET", f"/api/v1/artifacts/{json.loads(made)['id']}/versions/1/content")
    assert content == (200, b"# Plan")
