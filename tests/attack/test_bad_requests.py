"""Requests that no client would send: each is answered, soon, and never by a failure of ours."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from flask import Flask

from tests.attack.raw import MIB, answers, connected, exchange, served, signs
from tests.conftest import Person

PATH = "/api/v1/systems/main/requirements/3.1.1"
HOST = b"Host: h\r\n"
END = b"Connection: close\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
NEXT = b"GET /readyz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"


def _get(path: bytes, *lines: bytes) -> bytes:
    return b"GET " + path + b" HTTP/1.1\r\n" + HOST + b"".join(lines) + END


ONE_LINERS: dict[str, tuple[bytes, list[int]]] = {
    "HTTP/0.9": (b"GET /healthz\r\n\r\n", [200]),
    "HTTP/1.0": (b"GET /healthz HTTP/1.0\r\n\r\n", [200]),
    "HTTP/1.2": (b"GET /healthz HTTP/1.2\r\nHost: h\r\n\r\n", [505]),
    "HTTP/2 in plain": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [505]),
    "no host": (b"GET /healthz HTTP/1.1\r\n\r\n", [400]),
    "two hosts": (_get(b"/login", b"Host: other\r\n"), [400]),
    "an address of this host": (_get(b"http://h/healthz"), [200]),
    "an address of another host": (_get(b"http://evil.example/healthz"), [400]),
    "an address that is none": (_get(b"http://["), [400]),
    "a path that is none": (_get(b"healthz"), [400]),
    "a star": (b"OPTIONS * HTTP/1.1\r\n" + HOST + END, [400]),
    "a tunnel": (b"CONNECT evil.example:443 HTTP/1.1\r\n" + HOST + END, [400]),
    "a method that does not exist": (b"BREW /login HTTP/1.1\r\n" + HOST + END, [405]),
    "a method of 300 letters": (b"A" * 300 + b" /login HTTP/1.1\r\n" + HOST + END, [405]),
    "a method in small letters": (b"get /login HTTP/1.1\r\n" + HOST + END, [400]),
    "TRACE": (b"TRACE /login HTTP/1.1\r\n" + HOST + END, [405]),
    "NUL in the path": (_get(b"/%00"), [404]),
    "NUL in the path, raw": (_get(b"/\0"), [404]),
    "line ends in the path": (_get(b"/x%0d%0aSet-Cookie:%20a=b"), [404]),
    "bytes that are no text in the path": (_get(b"/%ff%fe"), [404]),
    "raw bytes that are no text in the path": (_get(b"/\xff\xfe"), [400]),
    "bytes that are no text in the query": (_get(b"/login?next=%ff%fe&%00=%ed%a0%80"), [200]),
    "bytes that are no text in a cookie": (_get(b"/login", b"Cookie: session=\xff\xfe; \xff=\xff\r\n"), [200]),
    "two slashes": (_get(b"//healthz"), [200]),
    "a path that names another host": (_get(b"//evil.example/%2e%2e"), [404]),
    "an address of 60,000 characters": (_get(b"/" + b"a" * 60_000), [404]),
    "a target after sign-in of 60,000 characters": (_get(b"/login?next=/" + b"a" * 60_000), [200]),
    "1,000 headers": (_get(b"/healthz", b"".join(b"X-%d: a\r\n" % n for n in range(1_000))), [200]),
    "a header of 60,000 bytes": (_get(b"/healthz", b"X: " + b"a" * 60_000 + b"\r\n"), [200]),
    "a header over 64 KiB": (_get(b"/healthz", b"X: " + b"a" * 70_000 + b"\r\n"), [431]),
    "a control character in a header": (_get(b"/login", b"User-Agent: a\x1b[31m\r\n"), [400]),
    "a folded header": (_get(b"/healthz", b"X: a\r\n b\r\n"), [200]),
    "a first line that is folded": (b"GET /healthz HTTP/1.1\r\n Host: h\r\n\r\n", [400]),
    "line feeds alone": (b"GET /healthz HTTP/1.1\nHost: h\n\n", [400]),
    "an upgrade": (
        b"GET /healthz HTTP/1.1\r\nHost: h\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n" + NEXT,
        [200, 200],
    ),
    "a wait for a body that never comes": (
        b"POST /healthz HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nContent-Length: 0\r\n" + END,
        [405],
    ),
    "requests in a row": (b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n" * 3 + NEXT, [200] * 4),
    "ranges in a row": (_get(b"/static/app.css", b"Range: bytes=0-0,2-3\r\n"), [416]),
    "tags that are no text": (_get(b"/static/app.css", b"If-None-Match: \xff\r\nIf-Modified-Since: \xff\r\n"), [200]),
    "a host that is no address": (b"GET /systems/main HTTP/1.1\r\nHost: [::::]\r\n" + END, [400]),
    "a host with a port that is none": (b"GET /systems/main HTTP/1.1\r\nHost: h:99999\r\n" + END, [400]),
    "a host of spaces": (b"GET /systems/main HTTP/1.1\r\nHost: a b\r\n" + END, [400]),
}


@pytest.fixture
def server(app: Flask) -> Iterator[Any]:
    with served(app, threads=4, max_request_header_size=65_536, recv_bytes=MIB) as running:
        yield running


@pytest.mark.parametrize("name", ONE_LINERS)
def test_an_odd_request_gets_one_answer_each(server: Any, name: str) -> None:
    sent, statuses = ONE_LINERS[name]
    got = exchange(server, sent)
    assert answers(got) == statuses
    assert got.count(b"X-Content-Type-Options: nosniff") == len(statuses)
    assert b"Traceback" not in got


# Where one reader could see another end of the body than the next, what follows must not be taken for a request.
FRAMES: dict[str, tuple[bytes, int]] = {
    "chunked twice": (b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400),
    "chunked in two headers": (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "a coding of no name": (b"Transfer-Encoding:\r\nContent-Length: 3\r\n\r\nabc", 400),
    "an unknown coding": (b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501),
    "gzip before chunked": (b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    "identity": (b"Transfer-Encoding: identity\r\nContent-Length: 3\r\n\r\nabc", 501),
    "a vertical tab before chunked": (b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", 400),
    "a space after the name": (b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
    "chunked and a length": (b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400),
    "a length and chunked": (b"Content-Length: 60\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "two lengths": (b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400),
    "two lengths in one header": (b"Content-Length: 3, 3\r\n\r\nabc", 400),
    "a negative length": (b"Content-Length: -3\r\n\r\n", 400),
    "a signed length": (b"Content-Length: +3\r\n\r\nabc", 400),
    "a length in hex": (b"Content-Length: 0x3\r\n\r\nabc", 400),
    "a length of 5,000 digits": (b"Content-Length: " + b"9" * 5_000 + b"\r\n\r\n", 400),
    "a chunk of no size": (CHUNKED + b"zz\r\nabc\r\n0\r\n\r\n", 400),
    "a chunk of a negative size": (CHUNKED + b"-1\r\nabc\r\n0\r\n\r\n", 400),
    "a chunk of a size in 0x": (CHUNKED + b"0x3\r\nabc\r\n0\r\n\r\n", 400),
    "a chunk longer than it says": (CHUNKED + b"2\r\nabc\r\n0\r\n\r\n", 400),
    "a chunk of an enormous size": (CHUNKED + b"F" * 30 + b"\r\nabc", 413),
    "a chunk's size that never ends": (CHUNKED + b"1;" + b"a" * 3_000, 400),
    "a trailer that never ends": (CHUNKED + b"0\r\n" + b"X: a\r\n" * 3_000, 400),
}


@pytest.mark.parametrize("name", FRAMES)
def test_a_body_of_no_clear_end_is_refused_and_nothing_after_it_is_answered(
    server: Any, user: Person, name: str
) -> None:
    rest, status = FRAMES[name]
    got = exchange(server, b"POST /logout HTTP/1.1\r\n" + signs(user) + rest + NEXT)
    assert answers(got) == [status]
    assert b"ready" not in got
    assert user.get("/").status_code == 200


@pytest.mark.parametrize("version", [b"1.0", b"1.2", b"2.0", b"9.9"])
def test_chunks_in_a_version_that_knows_none_hide_no_second_request(server: Any, version: bytes) -> None:
    # The body would be read as the next request: a proxy that reads the chunks sees one, we would see two.
    head = b"POST /healthz HTTP/" + version + b"\r\n" + HOST + b"Connection: keep-alive\r\n" + CHUNKED
    assert len(answers(exchange(server, head + NEXT))) == 1


def test_chunks_with_extensions_and_a_trailer_are_read(server: Any, user: Person) -> None:
    body = b'5;a=b;c="d"\r\n{"nar\r\n0E\r\nrative": "ok"}\r\n0\r\nX-CSRF-Token: evil\r\nHost: evil\r\n\r\n'
    head = b"PATCH " + PATH.encode() + b" HTTP/1.1\r\n" + signs(user) + b"Content-Type: application/json\r\n"
    got = exchange(server, head + b"Connection: close\r\n" + CHUNKED + body)
    assert answers(got) == [200]
    assert user.get(PATH).get_json()["implementation"]["narrative"] == "ok"


@pytest.mark.parametrize("body", [b"", b"ab"])
def test_a_body_shorter_than_its_length_changes_nothing(server: Any, user: Person, body: bytes) -> None:
    with connected(server) as one:
        one.sendall(b"POST /logout HTTP/1.1\r\n" + signs(user) + b"Content-Length: 3\r\n\r\n" + body)
    assert user.get("/").status_code == 200


def test_a_body_longer_than_its_length_is_no_part_of_the_form(server: Any, stranger: Person) -> None:
    token = stranger.token_of("/login")
    form = f"csrf_token={token}&username=a".encode()
    head = b"POST /login HTTP/1.1\r\n" + signs(stranger).split(b"X-CSRF")[0]
    head += b"Content-Type: application/x-www-form-urlencoded\r\n"
    got = exchange(server, head + f"Content-Length: {len(form)}\r\n\r\n".encode() + form + b"&username=evil\r\n\r\n")
    assert answers(got) == [401, 400]
    assert b"evil" not in got


def test_a_body_is_waited_for_when_the_sender_asks_first(server: Any, user: Person) -> None:
    with connected(server) as one:
        head = b"PATCH " + PATH.encode() + b" HTTP/1.1\r\n" + signs(user) + b"Expect: 100-continue\r\n"
        one.sendall(head + b"Content-Type: application/json\r\nContent-Length: 17\r\nConnection: close\r\n\r\n")
        assert one.recv(1_000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        one.sendall(b'{"narrative":"x"}')
        assert b" 200 " in one.recv(1_000)


SMALL = b"GET /no HTTP/1.1\r\nHost: h\r\n\r\n"
FLOODS = {
    "tiny chunks": CHUNKED + b"1\r\nx\r\n" * (4 * MIB // 6),
    "one endless chunk size": CHUNKED + b"1;" + b"a" * (4 * MIB),
    "requests after a body": b"Content-Length: 9000\r\n\r\n"
    + b"x" * 9_000
    + b"GET /no HTTP/1.1\r\nHost: h\r\n\r\n" * (2 * MIB // 30),
}


@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_in_one_piece_holds_up_nobody_else(server: Any, user: Person, flood: str) -> None:
    # What is cut piece by piece off one long run of bytes costs the square of its length, in the one loop of all.
    head, _, rest = FLOODS[flood].partition(b"\r\n\r\n")

    def push(to: socket.socket) -> None:
        with suppress(OSError):
            to.sendall(rest)

    one, other = socket.create_connection(("127.0.0.1", server.port_of_test)), connected(server)
    one.sendall(b"POST /logout HTTP/1.1\r\n" + signs(user) + head + b"\r\n\r\n")
    time.sleep(0.2)  # the header is read alone: from now on much may be read at a time
    thread = threading.Thread(target=push, args=(one,))
    thread.start()
    waited = 0.0
    with one, other:
        other.settimeout(60)
        for _ in range(8):
            began = time.monotonic()
            other.sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
            while not other.recv(65_536).endswith(b"alive\n"):
                pass
            waited = max(waited, time.monotonic() - began)
            time.sleep(0.05)
        one.shutdown(socket.SHUT_RDWR)
        thread.join(60)
    assert waited < 1.0


JSON: dict[str, tuple[bytes, int]] = {
    "a name twice": (b'{"narrative": "a", "narrative": "b"}', 400),
    "a name twice, written in two ways": (b'{"narrative": "a", "n\\u0061rrative": "b"}', 400),
    "a name twice deeper down": (b'{"x": {"a": 1, "a": 2}}', 400),
    "NaN": (b'{"narrative": NaN}', 400),
    "infinity": (b'{"narrative": -Infinity}', 400),
    "a number over all bounds": (b'{"narrative": 1e999}', 422),
    "a number of 5,000 digits": (b'{"narrative": ' + b"1" * 5_000 + b"}", 400),
    "100,000 levels": (b'{"a":' * 100_000, 400),
    "UTF-16": ('{"narrative": "x"}'.encode("utf-16"), 400),
    "UTF-32": ('{"narrative": "x"}'.encode("utf-32"), 400),
    "a mark of the byte order": (b'\xef\xbb\xbf{"narrative": "x"}', 400),
    "bytes that are no text": (b'{"narrative": "\xff\xfe"}', 400),
    "half a character": (b'{"narrative": "a\\ud800"}', 200),
    "half a character in a name": (b'{"\\ud800": 1}', 422),
    "NUL": (b'{"narrative": "a\\u0000b"}', 422),
    "a comment": (b'{"narrative": "x"} // y', 400),
    "two values": (b'{"narrative": "x"}{"narrative": "y"}', 400),
    "a list": (b'[{"narrative": "x"}]', 400),
    "a word": (b'"narrative"', 400),
    "white space": (b" ", 400),
    "10 MB": (b'{"narrative": "' + b"a" * 10_000_000 + b'"}', 413),
}


@pytest.mark.parametrize("name", JSON)
def test_json_that_can_be_read_in_two_ways_or_not_at_all_is_told(user: Person, name: str) -> None:
    body, status = JSON[name]
    headers = {"X-CSRF-Token": user.token, "Content-Type": "application/json"}
    answer = user.client.patch(PATH, data=body, headers=headers)
    assert answer.status_code == status
    assert status == 200 or answer.mimetype == "application/problem+json"
    narrative = user.get(PATH).get_json()["implementation"]["narrative"]
    assert narrative == ("a" if status == 200 else "")


def test_json_of_a_thousand_levels_is_told(user: Person) -> None:
    body = b'{"narrative": ' + b"[" * 1_000 + b"]" * 1_000 + b"}"
    headers = {"X-CSRF-Token": user.token, "Content-Type": "application/json"}
    assert user.client.patch(PATH, data=body, headers=headers).status_code in {400, 422}


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "application/xml"]
)
def test_a_body_of_another_type_than_json_is_told(user: Person, kind: str) -> None:
    headers = {"X-CSRF-Token": user.token, "Content-Type": kind}
    answer = user.client.patch(PATH, data=b'{"narrative": "x"}', headers=headers)
    assert answer.status_code == 415
    assert "application/json" in answer.get_json()["detail"]


PART = b'--b\r\nContent-Disposition: form-data; name="a"\r\n'
LAST = b"--b--\r\n"
FORMS: dict[str, tuple[str, bytes]] = {
    "10,000 fields": ("application/x-www-form-urlencoded", b"&".join(b"f%d=v" % n for n in range(10_000))),
    "10,000 fields of one name": ("application/x-www-form-urlencoded", b"title=v&" * 10_000),
    "100,000 empty fields": ("application/x-www-form-urlencoded", b"a&" * 100_000),
    "bytes that are no text": ("application/x-www-form-urlencoded", b"title=%ff%fe&%ff=%ed%a0%80&narrative=\xff"),
    "another charset": ("application/x-www-form-urlencoded; charset=utf-16", "title=x".encode("utf-16")),
    "a charset that does not exist": ("application/x-www-form-urlencoded; charset=nonsense", b"title=x"),
    "no boundary": ("multipart/form-data", b"--b\r\n\r\n"),
    "an empty boundary": ("multipart/form-data; boundary=", b"--\r\n\r\n"),
    "a boundary of 10,000 bytes": ("multipart/form-data; boundary=" + "b" * 10_000, b"--b\r\n"),
    "a boundary that never comes": ("multipart/form-data; boundary=b", b"x" * 100_000),
    "a part without a name": (
        "multipart/form-data; boundary=b",
        b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n",
    ),
    "a part without a header": ("multipart/form-data; boundary=b", b"--b\r\n\r\nx\r\n--b--\r\n"),
    "a part of an unknown charset": (
        "multipart/form-data; boundary=b",
        PART + b"Content-Type: text/plain; charset=no\r\n\r\n\xff\r\n" + LAST,
    ),
    "a part that is cut": ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; name="ti'),
    "10,000 parts": (
        "multipart/form-data; boundary=b",
        (PART + b"\r\nx\r\n") * 10_000 + LAST,
    ),
    "a part with 10,000 headers": (
        "multipart/form-data; boundary=b",
        b"--b\r\n" + b"X: y\r\n" * 10_000 + b"\r\nx\r\n--b--\r\n",
    ),
    "another multipart": ("multipart/mixed; boundary=b", b"--b\r\n\r\nx\r\n--b--\r\n"),
}


@pytest.mark.parametrize("path", ["/artifacts/upload", "/api/v1/artifacts", "/profile/password", "/login"])
@pytest.mark.parametrize("name", FORMS)
def test_an_odd_form_is_answered_soon(user: Person, name: str, path: str) -> None:
    kind, body = FORMS[name]
    began = time.process_time()
    headers = {"X-CSRF-Token": user.token, "Content-Type": kind}
    answer = user.client.post(path, data=body, headers=headers)
    assert answer.status_code in {400, 401, 413, 415, 422}, answer.status_code
    assert time.process_time() - began < 2
    assert json.loads(user.get("/api/v1/artifacts").text)["items"] == []


def test_a_field_that_comes_twice_is_not_guessed_at(user: Person) -> None:
    answer = user.upload("a.txt", b"x", title=["one", "two"])
    assert answer.status_code == 422
    assert set(answer.get_json()["errors"]) == {"title"}
