"""The Host header and what proxies forward: no link comes from them, and in production one host is answered."""

import io
from collections.abc import Iterable
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import create_environ, run_wsgi_app

from cmmc_tracker import config
from cmmc_tracker.app import build
from cmmc_tracker.cli.serve import _address
from cmmc_tracker.config import Settings
from cmmc_tracker.services import settings as preferences
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import audit
from tests.conftest import OPERATOR, Person, add_account
from tests.test_house import VALUES

PUBLIC_URL = "https://tracker.example.com"
EVIL = "evil.example"
PROXY = "192.0.2.1"


def _ask(app: Flask, path: str, method: str = "GET", **environ: str) -> tuple[int, dict[str, str], bytes]:
    """One request as a server hands it over, with whatever stands in its headers."""
    given = create_environ(path, method=method)
    given["REMOTE_ADDR"] = PROXY
    given.update(environ)
    body, status, headers = run_wsgi_app(app, given, buffered=True)
    return int(status[:3]), dict(headers), b"".join(body)


@pytest.fixture
def production(settings: Settings, tracker: Tracker) -> Flask:
    return build(replace(settings, production=True, public_url=PUBLIC_URL), tracker)


def _paths(app: Flask) -> Iterable[tuple[str, str]]:
    with app.test_request_context():
        adapter = app.url_map.bind("localhost")
        for rule in app.url_map.iter_rules():
            values = {name: VALUES.get(name, 1) for name in rule.arguments}
            yield rule.endpoint, adapter.build(rule.endpoint, values, method=next(iter(rule.methods or {"GET"})))


HOSTS = [
    *(EVIL, f"tracker.example.com.{EVIL}", f"{EVIL}:443", "tracker.example.com:8443", "localhost", "127.0.0.1"),
    *("10.0.0.1:8000", "[::1]"),
]
NO_HOSTS = ["tracker.example.com@evil.example", "", "tracker.example.com, evil.example"]


@pytest.mark.parametrize("host", [*HOSTS, *NO_HOSTS])
def test_in_production_another_host_is_answered_nowhere_but_at_the_health_checks(production: Flask, host: str) -> None:
    for endpoint, path in _paths(production):
        for method in ("GET", "POST"):
            status, headers, body = _ask(production, path, method, HTTP_HOST=host)
            health = endpoint.startswith("health.") and method == "GET" and host in HOSTS
            well = 404 if path == "/metrics" else 200  # which needs a token, and there is none
            assert status == (well if health else 400), (method, path)
            assert EVIL not in headers.get("Location", ""), path
            assert EVIL.encode() not in body, path


@pytest.mark.parametrize(
    "host", ["tracker.example.com", "TRACKER.Example.com", "tracker.example.com:443", "tracker.example.com."]
)
def test_the_public_host_is_answered_however_it_is_written(production: Flask, host: str) -> None:
    assert _ask(production, "/login", HTTP_HOST=host)[0] == 200


NO_NAMES = [
    *(
        "[::::]",
        "[1.2.3]",
        "h:99999",
        "h:0",
        "h:",
        ":80",
        "a..b",
        "a b",
        "a\tb",
        "h/path",
        "h?x",
        "h#x",
        "me@h",
        "h\\x",
    ),
    *("\xff", "x" * 5_000, "-h", "h\r\nX: y", "[::1", "::1", "h:80:80", "\u2028"),
]


@pytest.mark.parametrize("host", NO_NAMES)
def test_a_host_that_no_site_can_have_is_told(app: Flask, production: Flask, host: str) -> None:
    for one in (app, production):
        for path in ("/login", "/systems/main", "/no", "/api/v1/systems", "/static/app.css"):
            status, headers, _ = _ask(one, path, HTTP_HOST=host)
            assert status == 400, path
            assert headers["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize("host", NO_NAMES)
def test_a_forwarded_host_that_no_site_can_have_is_told(settings: Settings, tracker: Tracker, host: str) -> None:
    behind = build(replace(settings, trusted_proxies=1), tracker)
    status, headers, _ = _ask(behind, "/systems/main", HTTP_X_FORWARDED_HOST=host)
    # A proxy's list is read from the right; a part of it may be a name.
    assert status in {308, 400}
    assert headers["X-Frame-Options"] == "DENY"
    assert headers.get("Location", "/").startswith("/")


@pytest.mark.parametrize("scheme", ["javascript", "file", "HTTPS ", "https:", "a\nb", "\xff", "ws"])
def test_a_forwarded_scheme_that_is_none_is_told(settings: Settings, tracker: Tracker, scheme: str) -> None:
    behind = build(replace(settings, trusted_proxies=1), tracker)
    status, _, body = _ask(behind, "/login", HTTP_X_FORWARDED_PROTO=scheme)
    assert status in ({200} if scheme.strip() == "HTTPS" else {400}) | {400}
    assert b"javascript:" not in body


def test_forwarded_headers_are_ignored_where_no_proxy_is_trusted(production: Flask, tracker: Tracker) -> None:
    forwarded = {"HTTP_X_FORWARDED_HOST": EVIL, "HTTP_X_FORWARDED_PROTO": "http", "HTTP_FORWARDED": f"host={EVIL}"}
    more = {"HTTP_X_HOST": EVIL, "HTTP_X_FORWARDED_SERVER": EVIL, "HTTP_X_ORIGINAL_URL": "/admin/users"}
    status, headers, body = _ask(production, "/systems/main", HTTP_HOST="tracker.example.com", **forwarded, **more)
    assert (status, headers["Location"]) == (308, "/systems/main/")
    assert EVIL.encode() not in body
    # Nor does it help to say the right name in them.
    assert _ask(production, "/login", HTTP_HOST=EVIL, HTTP_X_FORWARDED_HOST="tracker.example.com")[0] == 400


@pytest.mark.parametrize(
    ("trusted", "forwarded", "status"),
    [
        (1, "tracker.example.com", 200),
        (1, f"{EVIL}, tracker.example.com", 200),
        (1, f"tracker.example.com, {EVIL}", 400),
        (2, "tracker.example.com, inner.example", 200),
        (2, f"{EVIL}, tracker.example.com, inner.example", 200),
        (2, f"tracker.example.com, {EVIL}, inner.example", 400),
        (2, "tracker.example.com", 400),  # fewer than are trusted: whoever sent it came around one of them
    ],
)
def test_a_forwarded_host_is_read_from_the_right(
    settings: Settings, tracker: Tracker, trusted: int, forwarded: str, status: int
) -> None:
    app = build(replace(settings, production=True, public_url=PUBLIC_URL, trusted_proxies=trusted), tracker)
    got = _ask(app, "/login", HTTP_HOST="127.0.0.1:8000", HTTP_X_FORWARDED_HOST=forwarded)
    assert got[0] == status


@pytest.mark.parametrize(
    ("forwarded", "seen"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("198.51.100.1, 203.0.113.9", "203.0.113.9"),
        ("203.0.113.9:51234", "203.0.113.9"),
        ("2001:db8::7", "2001:db8::7"),
        ("[2001:db8::7]:51234", "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("unknown", PROXY),
        ("_hidden", PROXY),
        ("203.0.113.9.evil", PROXY),
        ("a\u2028b", PROXY),
        ("", PROXY),
    ],
)
def test_who_asks_is_an_address_and_nothing_else(
    settings: Settings, tracker: Tracker, forwarded: str, seen: str
) -> None:
    # With the port in it each connection would be another address, and no limit would hold.
    behind = build(replace(settings, trusted_proxies=1), tracker)
    add_account(tracker, "bo")
    bo = Person("bo", behind.test_client())
    token = bo.token_of("/login")
    header = {"X-Forwarded-For": forwarded.encode().decode("latin-1")}
    wrong = {"username": "bo", "password": "wrong"}
    bo.post("/login", wrong, token=token, headers=header, environ_overrides={"REMOTE_ADDR": PROXY})
    with tracker.read() as work:
        entry = work.row(select(audit.c.address).where(audit.c.action == "login:failed"))
    assert entry is not None
    assert entry.address == seen


def test_the_set_up_link_and_the_address_shown_come_from_the_public_url(settings: Settings) -> None:
    assert _address(replace(settings, public_url=PUBLIC_URL), "0.0.0.0", 8000) == PUBLIC_URL
    assert _address(settings, "0.0.0.0", 8000) == "http://127.0.0.1:8000"


def test_security_txt_names_the_public_address_whatever_host_was_asked(settings: Settings, tracker: Tracker) -> None:
    with tracker.write(OPERATOR) as work:
        preferences.change(work, replace(preferences.current(work), security_contact="mailto:a@example.com"), None)
    for url in (PUBLIC_URL, ""):
        app = build(replace(settings, public_url=url), tracker)
        _, _, body = _ask(app, "/.well-known/security.txt", HTTP_HOST=EVIL)
        assert EVIL.encode() not in body
        assert (f"Canonical: {PUBLIC_URL}/" in body.decode()) == bool(url)


def test_no_page_and_no_answer_repeats_the_host_that_was_asked(app: Flask, admin: Person) -> None:
    admin.upload("a.txt", b"hello", objectives="3.1.1[a]")
    cookie = admin.client.get_cookie("session")
    assert cookie is not None
    for _, path in _paths(app):
        status, headers, body = _ask(app, path, HTTP_HOST=EVIL, HTTP_COOKIE=f"session={cookie.value}")
        assert status < 500, path
        assert EVIL not in str(headers), path
        assert EVIL.encode() not in body, path


def test_what_is_made_is_named_by_its_path_alone(app: Flask, user: Person) -> None:
    cookie = user.client.get_cookie("session")
    assert cookie is not None
    answer = app.test_client(use_cookies=False).post(
        "/api/v1/artifacts",
        data={"csrf_token": user.token, "title": "t", "file": (io.BytesIO(b"hello"), "a.txt")},
        headers={"Host": EVIL, "Origin": f"http://{EVIL}", "Cookie": f"session={cookie.value}"},
    )
    assert (answer.status_code, answer.headers["Location"]) == (201, "/api/v1/artifacts/1")
    assert user.get("/api/openapi.json").get_json()["servers"] == [{"url": "/"}]


@pytest.mark.parametrize("url", ["ftp://h", "https://", "//h", "h", "https://h/path", "https://h?x=1", "javascript:x"])
def test_a_public_url_that_is_none_stops_the_start(url: str) -> None:
    with pytest.raises(Exception, match="PUBLIC_URL"):
        config.read({"PUBLIC_URL": url})
