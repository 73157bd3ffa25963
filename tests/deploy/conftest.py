"""A tracker in production mode behind the proxies as `deploy/` ships them, all on the loopback."""

import http.client
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

from tests import warm
from tests.conftest import PASSWORD

NAME = "tracker.example.com"
DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
_CERTIFICATE = ("/etc/ssl/cmmc-tracker/certificate.pem", "/etc/ssl/cmmc-tracker/key.pem")
_NGINX = """
daemon off;
{user}
pid {folder}/nginx.pid;
error_log stderr warn;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""


def program(name: str, package: str) -> str:
    """Where a program is; fails with the command that brings it."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if not found:
        pytest.fail(f"{name} is missing; bring it with: apt-get install -y {package}")
    return found


def free_port() -> int:
    """A port of the loopback that nobody has just now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def replaced(text: str, changes: dict[str, str]) -> str:
    """The text with what belongs to one machine replaced; each must be there, so that the rest is as shipped."""
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate that signs itself, and its key."""
    folder = tmp_path_factory.mktemp("certificate")
    public, key = folder / "certificate.pem", folder / "key.pem"
    openssl = program("openssl", "openssl")
    new = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "60"]
    names = ["-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME},DNS:localhost"]
    files = ["-keyout", str(key), "-out", str(public)]
    subprocess.run([openssl, *new, *names, *files], check=True, capture_output=True)
    return public, key


@dataclass(frozen=True)
class Backend:
    """A running tracker: its port, its folder, its environment, and what it said on standard error."""

    port: int
    folder: Path
    environment: dict[str, str]
    errors: Path

    def bytes_on_disk(self) -> int:
        """Everything in the store and the spool."""
        places = (self.folder / "uploads", self.folder / "spool")
        return sum(p.stat().st_size for place in places for p in place.rglob("*") if p.is_file())

    def command(self, *words: str, given: str = "") -> warm.Ran:
        """Run `cmmc-tracker` on the same installation."""
        return warm.run(*words, env=self.environment, typed=given)


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    """`cmmc-tracker serve` as `deploy/` runs it, with an administrator ada."""
    folder = tmp_path_factory.mktemp("production")
    environment = {
        **os.environ,
        "FLASK_ENV": "production",
        "FLASK_SECRET": "s" * 40,
        "PUBLIC_URL": f"https://{NAME}",
        "TRUSTED_PROXIES": "1",
        "CMMC_DATA_DIR": str(folder / "data"),
        "PYTHONUNBUFFERED": "1",
    }
    port = free_port()
    errors = folder / "errors"
    made = Backend(port, folder / "data", environment, errors)
    assert made.command("user", "add", "ada", "--role", "admin", "--password-stdin", given=PASSWORD).returncode == 0
    command = [sys.executable, "-m", "cmmc_tracker", "serve", "--port", str(port)]
    with errors.open("w") as said:
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=said)
        try:
            wait_for(port, process)
            yield made
        finally:
            process.terminate()
            assert process.wait(timeout=20) == 0


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Return when the port is listened on; fails when the program ends before."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        assert process.poll() is None, f"{process.args!r} ended with {process.returncode}"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail(f"nothing listens on {port}")


@dataclass(frozen=True)
class Site:
    """A proxy in front of a tracker, asked as a browser asks it."""

    kind: str
    plain_port: int
    port: int
    folder: Path
    backend: Backend
    trust: ssl.SSLContext

    def connect(self) -> ssl.SSLSocket:
        """A raw connection through TLS."""
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        return self.trust.wrap_socket(plain, server_hostname=NAME)

    def ask(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, bytes, http.client.HTTPMessage]:
        """One request through TLS."""
        connection = http.client.HTTPConnection(NAME, timeout=30)
        connection.sock = self.connect()
        connection.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, content, answer.headers

    def ask_plainly(self, path: str, host: str = NAME) -> http.client.HTTPResponse:
        """One request without TLS."""
        connection = http.client.HTTPConnection("127.0.0.1", self.plain_port, timeout=20)
        connection.request("GET", path, headers={"Host": host})
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer

    def try_password(self, password: str, **more: str) -> tuple[int, http.client.HTTPMessage]:
        """Sign ada in, or try to."""
        _, page, headers = self.ask("GET", "/login")
        form = f"username=ada&password={password}&csrf_token={token_of(page)}".encode()
        kind = "application/x-www-form-urlencoded"
        status, _, headers = self.ask("POST", "/login", form, Cookie=session_of(headers), Content_Type=kind, **more)
        return status, headers

    def signed_in(self) -> dict[str, str]:
        """The headers of ada, signed in."""
        status, headers = self.try_password(PASSWORD)
        assert status == 302
        cookie = session_of(headers)
        _, page, headers = self.ask("GET", "/profile", Cookie=cookie)
        return {"Cookie": session_of(headers) or cookie, "X-CSRF-Token": token_of(page)}

    def written_by_proxy(self) -> int:
        """Bytes of bodies that the proxy put on its own disk."""
        return sum(p.stat().st_size for p in (self.folder / "body").rglob("*") if p.is_file())


def token_of(page: bytes) -> str:
    """The CSRF token in a page."""
    found = re.search(rb'name="csrf_token" value="([0-9a-f]{64})"', page)
    assert found
    return found[1].decode()


def session_of(headers: http.client.HTTPMessage) -> str:
    """The session's cookie among those that an answer sets, as it is sent back."""
    set_cookies = headers.get_all("Set-Cookie", [])
    return next((one.split(";")[0] for one in set_cookies if one.startswith("__Host-session=")), "")


@dataclass(frozen=True)
class Setting:
    """A proxy's file made fit for the test's ports, and the commands that check it and run it."""

    check: list[str]
    run: list[str]
    ports: tuple[int, int]
    environment: dict[str, str]


def nginx(folder: Path, upstream: int, certificate: tuple[Path, Path]) -> Setting:
    """nginx with the shipped site."""
    plain, port = free_port(), free_port()
    changes = {
        "listen [::]:80;": "",
        "listen [::]:443 ssl;": "",
        "listen 80;": f"listen 127.0.0.1:{plain};",
        "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
        "127.0.0.1:8000": f"127.0.0.1:{upstream}",
        **dict(zip(_CERTIFICATE, map(str, certificate), strict=True)),
    }
    (folder / "site.conf").write_text(replaced((DEPLOY / "nginx.conf").read_text(), changes))
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(_NGINX.format(folder=folder, user=user))
    command = [program("nginx", "nginx-light"), "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")]
    return Setting([*command, "-t"], command, (plain, port), dict(os.environ))


def caddy(folder: Path, upstream: int, certificate: tuple[Path, Path]) -> Setting:
    """Caddy with the shipped file."""
    plain, port = free_port(), free_port()
    changes = {
        "http_port 80\n": f"http_port {plain}\n\tdefault_bind 127.0.0.1\n",
        "https_port 443\n": f"https_port {port}\n",
        "127.0.0.1:8000": f"127.0.0.1:{upstream}",
        **dict(zip(_CERTIFICATE, map(str, certificate), strict=True)),
    }
    file = folder / "Caddyfile"
    file.write_text(replaced((DEPLOY / "Caddyfile").read_text(), changes))
    homes = {name: str(folder) for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")}
    name, options = program("caddy", "caddy"), ["--config", str(file), "--adapter", "caddyfile"]
    return Setting([name, "validate", *options], [name, "run", *options], (plain, port), {**os.environ, **homes})


PROXIES = {"nginx": nginx, "caddy": caddy}


@pytest.fixture(scope="module", params=PROXIES)
def site(
    request: pytest.FixtureRequest,
    backend: Backend,
    certificate: tuple[Path, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    """Each proxy in turn, running in front of the tracker."""
    folder = tmp_path_factory.mktemp(request.param)
    setting = PROXIES[request.param](folder, backend.port, certificate)
    said: IO[bytes]
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(setting.run, env=setting.environment, stdout=said, stderr=said)
        try:
            wait_for(setting.ports[1], process)
            trust = ssl.create_default_context(cafile=certificate[0])
            yield Site(request.param, *setting.ports, folder, backend, trust)
        finally:
            process.terminate()
            process.wait(timeout=20)
