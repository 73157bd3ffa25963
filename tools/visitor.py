"""Somebody who signs in over HTTP as a browser would, for the bench and the kill drill."""

import http.client
import re
from urllib.parse import urlencode

_TOKEN = re.compile(r'name="csrf_token" value="([0-9a-f]{64})"')


def sign_in(port: int, name: str, password: str) -> dict[str, str]:
    """Sign in at a tracker on the loopback; returns the headers that carry the session in every further request."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    cookies: dict[str, str] = {}

    def ask(method: str, path: str, form: dict[str, str] | None = None) -> str:
        headers = {"Cookie": _line(cookies)}
        if form:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request(method, path, urlencode(form) if form else None, headers)
        answer = connection.getresponse()
        for line in answer.headers.get_all("Set-Cookie", []):
            key, _, value = line.split(";")[0].partition("=")
            cookies[key] = value
        return answer.read().decode()

    ask("POST", "/login", {"username": name, "password": password, "csrf_token": _token(ask("GET", "/login"))})
    token = _token(ask("GET", "/"))
    connection.close()
    return {"Cookie": _line(cookies), "X-CSRF-Token": token}


def _line(cookies: dict[str, str]) -> str:
    return "; ".join(f"{key}={value}" for key, value in cookies.items())


def _token(page: str) -> str:
    found = _TOKEN.search(page)
    if not found:
        raise RuntimeError("no CSRF token on the page")
    return found[1]
