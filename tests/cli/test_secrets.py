"""The secret and its kin: where they come from, what refuses to start, and that none is ever said aloud."""

import http.client
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from cmmc_tracker import config
from cmmc_tracker.errors import Misconfigured
from tests import warm
from tests.conftest import PASSWORD

LONG = "a-secret-of-more-than-thirty-two-characters"
Start = Callable[..., warm.Ran]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Runs a command that reads the settings; a start that is refused is refused before anything is made."""

    def run(*words: str, **given: str) -> warm.Ran:
        return warm.run(*(words or ("user", "list")), env={"CMMC_DATA_DIR": str(tmp_path / "data"), **given})

    return run


def test_without_a_secret_a_random_one_is_used_and_a_warning_names_the_variable(start: Start) -> None:
    done = start()
    assert done.returncode == 0
    assert done.stderr.startswith("WARNING: FLASK_SECRET is not set")
    assert done.stdout.count("FLASK_SECRET") == 0
    first, second = config.read({}), config.read({})
    assert first.secret_is_random
    assert len(first.secret) == 64
    assert first.secret != second.secret


def test_a_secret_that_is_given_is_used_without_a_warning(start: Start, tmp_path: Path) -> None:
    assert start(FLASK_SECRET=LONG).stderr == ""
    file = tmp_path / "secret"
    file.write_text(LONG + "\n")
    assert start(FLASK_SECRET_FILE=str(file)).stderr == ""
    found = config.read({"FLASK_SECRET_FILE": str(file)})
    assert (found.secret, found.secret_is_random) == (LONG, False)


def test_a_refused_start_is_one_line_and_makes_nothing(start: Start, tmp_path: Path) -> None:
    done = start("serve", FLASK_ENV="production", FLASK_SECRET="too-short")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("Error: FLASK_SECRET cannot be used in production: it must have at least 32 ")
    assert "too-short" not in done.stderr
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("length", [31, 32])
@pytest.mark.parametrize("name", ["FLASK_SECRET", "FLASK_SECRET_FILE"])
def test_production_takes_a_secret_from_32_characters_on(name: str, length: int, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x" * length + "\n")
    value = "x" * length if name == "FLASK_SECRET" else str(tmp_path / "secret")
    given = {"FLASK_ENV": "production", name: value}
    if length < config.SHORTEST_SECRET:
        with pytest.raises(Misconfigured, match=f"^{name} cannot be used in production"):
            config.read(given)
    else:
        assert config.read(given).secret == "x" * length
    assert config.read({**given, "FLASK_ENV": "development"}).secret == "x" * length


def test_two_secrets_are_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(LONG)
    with pytest.raises(Misconfigured, match="FLASK_SECRET and FLASK_SECRET_FILE are both set"):
        config.read({"FLASK_SECRET": LONG, "FLASK_SECRET_FILE": str(tmp_path / "secret")})


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "cannot be read: No such"), (b"\n", "is empty"), (b"\xff\xfe", "cannot be read: it is not text")],
)
def test_a_secret_file_that_holds_none_is_refused(content: bytes | None, said: str, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(Misconfigured, match=f"^FLASK_SECRET_FILE cannot be used: the file {said}"):
        config.read({"FLASK_SECRET_FILE": str(file)})


def test_debug_is_off_unless_asked_for_and_never_goes_with_production() -> None:
    assert not config.read({}).debug
    assert config.read({"FLASK_DEBUG": "1"}).debug
    with pytest.raises(Misconfigured, match=r"^FLASK_DEBUG: .*FLASK_ENV=production"):
        config.read({"FLASK_DEBUG": "1", "FLASK_ENV": "production", "FLASK_SECRET": LONG})


@pytest.mark.parametrize(
    "given",
    [
        {"FLASK_SECRET": "hunter2", "FLASK_ENV": "production"},
        {"FLASK_SECRET_FILE": "hunter2"},
        {"FLASK_SECRET_FILE": "/hunter2"},
        {"DATABASE_URL": "mysql://u:hunter2@127.0.0.1/x"},
        {"DATABASE_URL": "postgresql://u:hunter2@127.0.0.1:1/x"},
        {"DATABASE_URL": "postgresql://u:hun@ter2:hunter2@127.0.0.1:port/x"},
        {"RATE_LIMIT_URL": "http://u:hunter2@127.0.0.1/0"},
        {"RATE_LIMIT_URL": "redis://u:x@127.0.0.1:hunter2/0"},
        {"SMTP_URL": "smtp://u:hunter2@mail.example.com:port", "MAIL_FROM": "tracker@example.com"},
        {"SMTP_URL": "smtp://u:hunter2@mail.example.com?tls=none", "MAIL_FROM": "tracker@example.com"},
        {"SMTP_URL": "u:hunter2@mail.example.com", "MAIL_FROM": "tracker@example.com"},
        {"SMTP_URL": "smtp://u:hunter2@mail.example.com"},
        {"MAIL_FROM": "smtp://u:hunter2@mail.example.com", "SMTP_URL": "smtp://mail.example.com"},
    ],
)
def test_no_error_says_a_secret_even_where_it_stands_in_the_wrong_variable(start: Start, given: dict[str, str]) -> None:
    done = start("serve", "--port", "0", **given)
    assert done.returncode == 1
    assert done.stderr.count("Error: ") == 1
    assert next(iter(given)) in done.stderr
    assert "hunter2" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_settings_written_into_a_log_do_not_carry_secrets() -> None:
    given = {"FLASK_SECRET": LONG, "DATABASE_URL": "postgresql://u:hunter2@h/x", "RATE_LIMIT_URL": "redis://:hunter3@h"}
    given |= {"SMTP_URL": "smtps://u:hunter4@h", "MAIL_FROM": "tracker@example.com"}
    told = repr(config.read(given))
    assert "production=False" in told
    assert not re.search(f"{LONG}|hunter", told)


def test_mail_is_off_unless_server_and_sender_are_both_named() -> None:
    assert (config.read({}).smtp_url, config.read({}).mail_from) == ("", "")
    both = {"SMTP_URL": "smtps://u:hunter2@mail.example.com", "MAIL_FROM": "tracker@example.com"}
    found = config.read(both)
    assert (found.smtp_url, found.mail_from) == (both["SMTP_URL"], both["MAIL_FROM"])
    for name, missing in (("SMTP_URL", "MAIL_FROM"), ("MAIL_FROM", "SMTP_URL")):
        with pytest.raises(Misconfigured, match=rf"^{missing} is not set, but {name} is; mail needs both$"):
            config.read({name: both[name]})


@pytest.mark.parametrize(
    "sender", ["tracker", "Tracker <t@example.com>", "t@example.com, u@example.com", "t@example.com\n"]
)
def test_a_sender_of_mail_that_is_no_plain_address_stops_the_start(sender: str) -> None:
    with pytest.raises(Misconfigured, match=r"^MAIL_FROM cannot be used: it must be one mail address"):
        config.read({"SMTP_URL": "smtp://localhost", "MAIL_FROM": sender})


@pytest.mark.parametrize(
    "url", ["mail.example.com", "http://mail.example.com", "smtp://", "smtp://h/x", "smtp://h?tls=no"]
)
def test_a_mail_server_that_cannot_be_used_stops_the_start(url: str) -> None:
    with pytest.raises(Misconfigured, match=r"^SMTP_URL cannot be used: "):
        config.read({"SMTP_URL": url, "MAIL_FROM": "tracker@example.com"})


@dataclass
class Running:
    """A server with two workers, and connections that stay with one of them."""

    process: subprocess.Popen[bytes]
    port: int

    def connection(self) -> http.client.HTTPConnection:
        """A connection that one worker has taken."""
        made = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        _ask(made, "GET", "/healthz")
        return made

    def workers(self) -> list[int]:
        """The processes that answer."""
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in listed.split()]

    def held_by(self, connection: http.client.HTTPConnection) -> int:
        """Which worker has a connection: the one with the socket's other end among its open files."""
        ours = connection.sock.getsockname()[1]
        table = Path("/proc/net/tcp").read_text().splitlines()[1:]
        ends = {tuple(int(end.split(":")[1], 16) for end in row.split()[1:3]): row.split()[9] for row in table}
        wanted = f"socket:[{ends[self.port, ours]}]"
        return next(pid for pid in self.workers() if wanted in _open_files(pid))


def _open_files(pid: int) -> set[str]:
    return {str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()}


def _ask(
    connection: http.client.HTTPConnection, method: str, path: str, body: str | None = None, **headers: str
) -> tuple[int, str, str]:
    """One request on a connection that stays open: status, page, and the session's cookie if one was set."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, named)
    answer = connection.getresponse()
    page = answer.read().decode()
    set_cookies = answer.headers.get_all("Set-Cookie", [])
    return answer.status, page, next((c.split(";")[0] for c in set_cookies if c.startswith("session=")), "")


@contextmanager
def _serving(folder: Path, **given: str) -> Iterator[Running]:
    environment = {**os.environ, "CMMC_DATA_DIR": str(folder), "PYTHONUNBUFFERED": "1", **given}
    added = warm.run("user", "add", "ada", "--role", "admin", "--password-stdin", env=environment, typed=PASSWORD)
    assert added.returncode == 0, added.stderr
    with (folder / "errors").open("wb") as errors:
        serve = [sys.executable, "-m", "cmmc_tracker", "serve", "--port", "0", "--workers", "2"]
        process = subprocess.Popen(serve, env=environment, stdout=subprocess.PIPE, stderr=errors)
    assert process.stdout
    try:
        running = Running(process, int(re.findall(rb":(\d+)", process.stdout.readline())[0]))
        running.connection().close()  # it answers, so it also listens to signals
        yield running
    finally:
        process.terminate()
        assert process.wait(timeout=20) == 0
        process.stdout.close()


def _at_both_workers(server: Running) -> list[http.client.HTTPConnection]:
    """A connection at each of the two workers."""
    found: dict[int, http.client.HTTPConnection] = {}
    spare = []
    for _ in range(200):
        one = server.connection()
        spare.append(one)
        found.setdefault(server.held_by(one), one)
        if len(found) == 2:
            break
    for one in spare:
        if one not in found.values():
            one.close()
    return list(found.values())


def test_a_random_key_is_shared_by_the_workers_so_that_a_sign_in_at_one_holds_at_both(tmp_path: Path) -> None:
    with _serving(tmp_path) as server:
        connections = _at_both_workers(server)
        assert len(connections) == 2
        first = connections[0]
        _, page, cookie = _ask(first, "GET", "/login")
        token = page.split('name="csrf_token" value="')[1][:64]
        form = f"username=ada&password={PASSWORD}&csrf_token={token}"
        kind = "application/x-www-form-urlencoded"
        status, _, cookie = _ask(first, "POST", "/login", form, Cookie=cookie, Content_Type=kind)
        assert status == 302
        for connection in connections:
            assert _ask(connection, "GET", "/profile", Cookie=cookie)[0] == 200
            connection.close()
    said = (tmp_path / "errors").read_text()
    assert said.count("FLASK_SECRET is not set") == 1


def test_what_a_server_writes_holds_no_secret_and_no_password(tmp_path: Path) -> None:
    with _serving(tmp_path, FLASK_SECRET=LONG) as server:
        connection = server.connection()
        _, page, cookie = _ask(connection, "GET", "/login")
        token = page.split('name="csrf_token" value="')[1][:64]
        kind = "application/x-www-form-urlencoded"
        for form in (f"username=ada&password={PASSWORD}", f"username={PASSWORD}&password=x", "password[]=%ff"):
            _ask(connection, "POST", "/login", f"{form}&csrf_token={token}", Cookie=cookie, Content_Type=kind)
        _ask(connection, "GET", "/api/v1/systems", Authorization="Bearer cmmc_hunter2")
        connection.close()
    said = (tmp_path / "errors").read_text()
    assert not re.search(f"{LONG}|{PASSWORD}|hunter2", said)


def test_everything_a_command_makes_is_for_its_owner_only_whatever_the_shells_mask(tmp_path: Path) -> None:
    before = os.umask(0o000)
    try:
        folder = tmp_path / "outer" / "data"
        with _serving(folder, FLASK_SECRET=LONG) as server, closing(server.connection()) as connection:
            assert _ask(connection, "GET", "/readyz")[0] == 200  # the database is open from here on
            made = [p for p in tmp_path.rglob("*") if p.name != "errors"]
    finally:
        os.umask(before)
    assert {"cmmc.db", "cmmc.db-wal", "cmmc.db-shm", "cmmc.db.lock", "uploads", "spool"} <= {p.name for p in made}
    allowed = {p: 0o700 if p.is_dir() else 0o600 for p in made if p.exists()}
    assert {p.name: oct(p.stat().st_mode) for p, mode in allowed.items() if p.stat().st_mode & 0o777 != mode} == {}


def test_a_start_warns_of_files_that_others_may_reach_and_goes_on(tmp_path: Path) -> None:
    with _serving(tmp_path, FLASK_SECRET=LONG):
        pass
    said = (tmp_path / "errors").read_text().splitlines()
    assert [line for line in said if not line.startswith("INFO: 'GET' '/healthz' 200")] == []
    (tmp_path / "cmmc.db").chmod(0o644)
    (tmp_path / "uploads").chmod(0o755)
    environment = {**os.environ, "CMMC_DATA_DIR": str(tmp_path), "FLASK_SECRET": LONG}
    serve = [sys.executable, "-m", "cmmc_tracker", "serve", "--port", "0"]
    process = subprocess.Popen(serve, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout
    assert "serves on" in process.stdout.readline()
    process.terminate()
    _, said = process.communicate(timeout=20)
    assert f"WARNING: {tmp_path}/cmmc.db has mode 0644" in said
    assert f"chmod 600 {tmp_path}/cmmc.db\n" in said
    assert f"chmod 700 {tmp_path}/uploads\n" in said
