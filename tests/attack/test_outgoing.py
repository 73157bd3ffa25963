"""Nothing that a person types makes the server connect anywhere: where to is said by the environment alone."""

import re
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask

from cmmc_tracker.services.work import Tracker
from tests.conftest import PASSWORD, Person, add_account
from tests.test_house import MODULES, SRC, VALUES

URL = "http://127.0.0.1:9/"
# Who may open a connection, and to what the environment names alone: the virus scanner, the mail server, the bucket,
# the log collector, the public address that the operator has examined; and the server, which listens.
MAY_CONNECT = {
    *("storage/mail.py", "storage/s3.py", "storage/scanner.py", "storage/site.py", "storage/syslog.py"),
    *("gate/server.py", "gate/reception.py"),
}
NAMES_ONLY = {"services/doctor/choices.py", "services/doctor/machine.py"}  # a failure's class, a version
CONNECTS = re.compile(
    r"^\s*(?:import|from) (?:socket|urllib\.request|http\.client|smtplib|ftplib|ssl|asyncio|requests|httpx|boto3)\b"
    r"|urlopen\(|create_connection\(",
    re.MULTILINE,
)
_seen: list[str] | None = None


def _hook(event: str, args: tuple[object, ...]) -> None:
    if _seen is not None and event in {"socket.connect", "socket.getaddrinfo", "urllib.Request", "subprocess.Popen"}:
        _seen.append(f"{event} {args!r}")


@contextmanager
def _watched() -> Iterator[list[str]]:
    """What the process connects to, or starts, meanwhile."""
    global _seen  # noqa: PLW0603 a hook cannot be taken away again, only be told to sleep
    _seen = found = []
    yield found
    _seen = None


sys.addaudithook(_hook)


def test_only_few_modules_can_open_a_connection_at_all() -> None:
    found = {str(module.relative_to(SRC)) for module in MODULES if CONNECTS.search(module.read_text())}
    assert found <= MAY_CONNECT | NAMES_ONLY
    assert "storage/scanner.py" in found


def test_an_address_in_any_field_is_connected_to_by_nobody(app: Flask, tracker: Tracker, admin: Person) -> None:
    add_account(tracker, "bo")
    admin.upload("a.md", f"![x]({URL}p.png) [y]({URL})".encode(), objectives="3.1.1[a]")
    names = (
        *("title", "description", "note", "narrative", "locator", "shows", "username", "token_name", "code", "next"),
        *("security_contact", "system", "location", "url", "callback", "webhook", "q", "actor", "entity", "reason"),
    )
    form = dict.fromkeys(names, URL) | {"confirm_password": PASSWORD, "status": "met", "objective": "3.1.1[a]"}
    posted = 0
    with app.test_request_context():
        adapter = app.url_map.bind("localhost")
        rules = [
            (rule, adapter.build(rule.endpoint, {name: VALUES.get(name, 1) for name in rule.arguments}, method=method))
            for rule in app.url_map.iter_rules()
            for method in rule.methods or ()
            if method == "POST" and rule.endpoint not in {"accounts.logout", "artifacts.delete"}
        ]
    with _watched() as found:
        for _, path in rules:
            admin.post(path, form)
            posted += 1
        for path in ("/artifacts/1", "/systems/main/requirements/AC.L2-3.1.1", "/audit", "/config", "/profile"):
            admin.get(path, headers={"Referer": URL, "X-Forwarded-Host": "127.0.0.1:9"})
    assert posted > 15
    assert found == []


def test_the_settings_that_a_person_keeps_name_no_server(admin: Person) -> None:
    page = admin.get("/config").text.lower()
    for word in ("smtp", "clamd_url", "s3_", "webhook", "redis", "database_url"):
        assert f'name="{word}' not in page


def test_the_watch_itself_sees_a_connection() -> None:
    with _watched() as found, socket.socket() as one:
        one.connect_ex(("127.0.0.1", 9))
    assert len(found) == 1
