"""An installation to be attacked: the product in production mode, nginx with the site of `deploy/` in front of it.

Everything is in one temporary folder and listens on 127.0.0.1 only. Leaving the installation ends both servers by
their ids.
"""

from __future__ import annotations

import http.client
import os
import re
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlencode

import pyotp

from cmmc_tracker import config
from cmmc_tracker.domain.permissions import Actor, Role
from cmmc_tracker.opening import open_tracker
from cmmc_tracker.services import accounts, demo, second_factor, sessions, systems, tokens
from cmmc_tracker.services.tokens import Wanted
from cmmc_tracker.services.work import Tracker

ROOT = Path(__file__).resolve().parent.parent.parent
COOKIE = "__Host-session"
_CSRF = re.compile(r'name="csrf_token" value="([0-9a-f]{64})"')
_MIGRATING = threading.Lock()  # migrations keep what they work on in the module, one at a time
_LOG = "log_format attack '$status $request_method $uri';"


@dataclass(frozen=True)
class Member:
    """Somebody who is signed in: the cookie, the session's number, and two API tokens."""

    name: str
    cookie: str
    session_id: int
    reads: str
    writes: str


@dataclass(frozen=True)
class Site:
    """A running installation."""

    folder: Path
    port: int
    user: Member
    admin: Member

    @property
    def url(self) -> str:
        """Where it is reached; no slash at the end."""
        return f"https://localhost:{self.port}"

    @property
    def certificate(self) -> Path:
        """What a client must trust."""
        return self.folder / "certificate.pem"

    def answers(self) -> list[tuple[int, str]]:
        """Every answer that went out: its status, and method with path."""
        found = []
        for line in (self.folder / "access.log").read_text(encoding="utf-8", errors="replace").splitlines():
            status, _, request = line.partition(" ")
            found.append((int(status), request))
        return found

    def still_signed_in(self, who: Member) -> bool:
        """Whether a scan that used that cookie could see pages to its end."""
        status, _, _ = _ask(self.folder, self.port, "/profile", {"Cookie": who.cookie})
        return status == 200


@contextmanager
def running(folder: Path, database_url: str = "") -> Iterator[Site]:
    """Fill an installation in the folder with demo data and its cast, and serve it until the block ends."""
    folder.mkdir(mode=0o700, parents=True)
    inner, port = _free_ports(2)
    environment = _environment(folder, port, database_url)
    settings = config.read(environment)
    with _MIGRATING:
        tracker = open_tracker(settings)
    password = _fill(tracker)
    _certificate(folder)
    with _served(folder, environment, inner), _proxied(folder, inner, port):
        user = _member(tracker, folder, port, "bo", password)
        admin = _member(tracker, folder, port, "ada", password)
        tracker.engine.dispose()
        yield Site(folder, port, user, admin)


def _free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports


def _environment(folder: Path, port: int, database_url: str) -> dict[str, str]:
    made = {
        "FLASK_ENV": "production",
        "FLASK_SECRET": secrets.token_hex(32),
        "CMMC_DATA_DIR": str(folder / "data"),
        "PUBLIC_URL": f"https://localhost:{port}",
        "TRUSTED_PROXIES": "1",
    }
    return made | ({"DATABASE_URL": database_url} if database_url else {})


def _fill(tracker: Tracker) -> str:
    """Demo data, an administrator, a user, and somebody for the administrator to manage; returns their password."""
    password = f"Aa1-{secrets.token_urlsafe(24)}"
    with tracker.read() as work:
        operator = replace(Actor(None, "command line", Role.ADMIN), systems=systems.all_of(work))
    demo.fill(tracker, operator)
    for name, role in (("ada", "admin"), ("bo", "user"), ("cal", "user")):
        who = accounts.candidate(name, password, role)
        with tracker.write(operator) as work:
            accounts.create(work, who)
    return password


def _member(tracker: Tracker, folder: Path, port: int, name: str, password: str) -> Member:
    """Sign in as people do, then set up a second factor: a scanner may switch on that everybody needs one."""
    cookie = _sign_in(folder, port, name, password)
    with tracker.read() as work:
        account = accounts.named(work, name)
        actor = Actor(account.id, name, Role(account.role), systems.of_user(work, account.id, work.now))
    with tracker.write(actor) as work:
        session_id = sessions.of_actor(work)[0].id
        second_factor.begin(work)
        begun = second_factor.under_way(work)
        assert begun is not None  # noqa: S101 - begun in the line above
        second_factor.confirm(work, pyotp.TOTP(begun.key).now(), session_id)
        reads = tokens.make(work, Wanted("reads", writes=False, days=2))
        writes = tokens.make(work, Wanted("writes", writes=True, days=2))
    return Member(name, cookie, session_id, reads, writes)


def _sign_in(folder: Path, port: int, name: str, password: str) -> str:
    _, headers, page = _ask(folder, port, "/login")
    form = urlencode({"username": name, "password": password, "csrf_token": _token_in(page)})
    sent = {"Cookie": _cookie_in(headers), "Content-Type": "application/x-www-form-urlencoded"}
    status, headers, _ = _ask(folder, port, "/login", sent, form)
    if status != 302:
        raise SystemExit(f"The scan could not sign in as {name}: the answer was {status}.")
    cookie = _cookie_in(headers)
    _, headers, _ = _ask(folder, port, "/", {"Cookie": cookie})
    return _cookie_in(headers) or cookie


def _ask(
    folder: Path, port: int, path: str, headers: dict[str, str] | None = None, form: str = ""
) -> tuple[int, list[tuple[str, str]], str]:
    context = ssl.create_default_context(cafile=str(folder / "certificate.pem"))
    connection = http.client.HTTPSConnection("localhost", port, timeout=20, context=context)
    connection.request("POST" if form else "GET", path, form or None, headers or {})
    answer = connection.getresponse()
    text = answer.read().decode("utf-8", "replace")
    connection.close()
    return answer.status, answer.getheaders(), text


def _cookie_in(headers: list[tuple[str, str]]) -> str:
    given = [value.split(";")[0] for name, value in headers if name.lower() == "set-cookie"]
    return next((cookie for cookie in given if cookie.startswith(f"{COOKIE}=")), "")


def _token_in(page: str) -> str:
    found = _CSRF.search(page)
    if not found:
        raise SystemExit("The scan found no CSRF token in the sign-in page.")
    return found[1]


def _certificate(folder: Path) -> None:
    """A certificate of its own for `localhost`."""
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:TRUE"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem")]
    subprocess.run([*command, *names, *files], check=True, capture_output=True)


def nginx_configuration(site: str, folder: Path, inner: int, port: int, other: int) -> str:
    """The nginx site of `deploy/` as it is, but for its name, ports and files; around it what nginx needs to run."""
    site = re.sub(r"^\s*listen \[::\].*\n", "", site, flags=re.MULTILINE)
    for old, new in (
        ("listen 80;", f"listen 127.0.0.1:{other};"),
        ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
        ("127.0.0.1:8000", f"127.0.0.1:{inner}"),
        ("/etc/ssl/cmmc-tracker/", f"{folder}/"),
        ("https://tracker.example.com", f"https://localhost:{port}"),
        ("tracker.example.com", "localhost"),
    ):
        if old not in site:
            raise SystemExit(f"deploy/nginx.conf has changed: it has no {old!r} any more, which the scan replaces.")
        site = site.replace(old, new)
    owner = "user root;" if os.geteuid() == 0 else ""
    places = "\n".join(
        f"{kind}_temp_path {folder}/nginx-{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return f"""{owner}
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{ worker_connections 512; }}
http {{
{_LOG}
access_log {folder}/access.log attack;
{places}
{site}
}}
"""


@contextmanager
def _served(folder: Path, environment: dict[str, str], port: int) -> Iterator[None]:
    command = [sys.executable, "-m", "cmmc_tracker", "serve", "--port", str(port)]
    with (folder / "product.log").open("wb") as log, _process(command, log, _plain() | environment):
        _await(port, folder / "product.log")
        yield


@contextmanager
def _proxied(folder: Path, inner: int, port: int) -> Iterator[None]:
    (other,) = _free_ports(1)
    file = folder / "nginx.conf"
    site = (ROOT / "deploy/nginx.conf").read_text(encoding="utf-8")
    file.write_text(nginx_configuration(site, folder, inner, port, other), encoding="utf-8")
    command = [nginx() or "nginx", "-c", str(file), "-e", str(folder / "nginx.log"), "-p", str(folder)]
    with (folder / "nginx.out").open("wb") as log, _process(command, log, _plain()):
        _await(port, folder / "nginx.log")
        yield


def nginx() -> str | None:
    """Where nginx is; Debian keeps it where not every shell looks."""
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def _plain() -> dict[str, str]:
    """The environment without what would point the product elsewhere."""
    known = {variable.name for variable in config.VARIABLES}
    return {name: value for name, value in os.environ.items() if name not in known}


@contextmanager
def _process(command: list[str], log: object, environment: dict[str, str]) -> Iterator[None]:
    started = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment, cwd=ROOT)  # type: ignore[call-overload]
    try:
        yield
    finally:
        end(started)


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask a process to end, and end it after ten seconds."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await(port: int, log: Path) -> None:
    for _ in range(300):
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit(f"A server did not start. It said:\n{log.read_text(errors='replace')[-2000:]}")
