"""`audit head` and `verify --head`: the head of the log, kept where the database cannot reach it."""

import json
import logging
import os
import re
import socket
import stat
from pathlib import Path

import pytest

from cmmc_tracker.cli.lines import LineFormatter, one_line
from cmmc_tracker.services import audit
from cmmc_tracker.services.audit import Newest
from cmmc_tracker.services.work import Tracker
from tests.cli.test_commands import Command, command
from tests.conftest import PASSWORD
from tests.services.test_audit import fill, rewrite, tamper

__all__ = ["command"]


def _newest(tracker: Tracker) -> Newest:
    with tracker.read() as work:
        return audit.newest(work)


def test_the_head_is_printed_as_one_line_and_as_json(command: Command, tracker: Tracker) -> None:
    fill(tracker, 3)
    head = _newest(tracker)
    assert command("audit", "head").stdout == f"{head.hash} entry 4 {head.at}\n"
    assert json.loads(command("audit", "head", "--json").stdout) == {"entry": 4, "hash": head.hash, "at": head.at}


def test_heads_are_appended_to_a_file_that_is_its_owners_alone(
    command: Command, tracker: Tracker, tmp_path: Path
) -> None:
    kept = tmp_path / "heads.txt"
    first = command("audit", "head", "--file", str(kept)).stdout
    fill(tracker, 1)
    second = command("audit", "head", "--file", str(kept)).stdout
    assert kept.read_text() == first + second
    assert first != second
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    kept.write_text(f"# kept by hand\n\n{kept.read_text()}")
    done = command("verify", "--heads-file", str(kept))
    assert done.returncode == 0, done.stderr
    assert "at entry 1." in done.stdout
    assert "at entry 2." in done.stdout


def test_a_file_that_cannot_be_written_is_told_in_one_line(command: Command, tmp_path: Path) -> None:
    done = command("audit", "head", "--file", str(tmp_path / "missing" / "heads.txt"))
    assert done.returncode == 1
    assert re.fullmatch(r"Error: The head cannot be kept in .*: No such file or directory\. .*\n", done.stderr)


def test_the_head_is_sent_to_a_syslog_socket(command: Command, tracker: Tracker, tmp_path: Path) -> None:
    address = os.path.relpath(tmp_path / "log")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as syslog:
        syslog.bind(address)
        syslog.settimeout(10)
        done = command("audit", "head", "--syslog", str(tmp_path / "log"))
        assert done.returncode == 0, done.stderr
        said = syslog.recv(2_000).decode().rstrip("\0")
    assert said == f"<38>cmmc-tracker: audit head {done.stdout.strip()}"
    assert _newest(tracker).hash in said


def test_the_head_is_sent_to_a_syslog_server_by_udp(command: Command) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as syslog:
        syslog.bind(("127.0.0.1", 0))
        syslog.settimeout(10)
        done = command("audit", "head", "--syslog", f"127.0.0.1:{syslog.getsockname()[1]}")
        assert done.stdout.strip() in syslog.recv(2_000).decode()


def test_a_syslog_that_is_not_there_is_told_in_one_line(command: Command, tmp_path: Path) -> None:
    done = command("audit", "head", "--syslog", str(tmp_path / "nothing"))
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r"Error: No syslog takes the head at \S+: .*\. Nothing was sent\.\n", done.stderr)
    wrong = command("audit", "head", "--syslog", "nonsense")
    assert wrong.returncode == 2
    assert "neither a socket's path nor HOST:PORT" in wrong.stderr


def test_verify_says_at_which_entry_a_kept_head_stands(command: Command, tracker: Tracker) -> None:
    head = _newest(tracker)
    fill(tracker, 2)
    done = command("verify", "--head", head.hash.upper(), "--head", _newest(tracker).hash)
    assert done.returncode == 0, done.stderr
    assert f"Head {head.hash[:16]}: it stands in the log, at entry 1." in done.stdout
    assert "at entry 3." in done.stdout
    told = json.loads(command("verify", "--json", "--head", head.hash).stdout)
    assert told["heads"] == {head.hash: 1}


def test_a_chain_that_was_written_anew_as_a_whole_is_found_by_a_kept_head(
    command: Command, tracker: Tracker, tmp_path: Path
) -> None:
    fill(tracker, 3)
    kept = tmp_path / "heads.txt"
    head = command("audit", "head", "--file", str(kept)).stdout.split()[0]
    rewrite(tracker)
    assert command("verify").returncode == 0
    for words in (("--head", head), ("--heads-file", str(kept))):
        done = command("verify", *words)
        assert done.returncode == 1
        found = [line for line in done.stdout.splitlines() if line.startswith("Audit log: ")]
        assert len(found) == 1
        assert head in found[0]
        assert "written anew or cut short" in found[0]


def test_a_log_that_was_cut_short_is_found_by_a_kept_head(command: Command, tracker: Tracker) -> None:
    fill(tracker, 3)
    head = _newest(tracker).hash
    tamper(tracker, "DELETE FROM audit WHERE id = 4")
    assert command("verify").returncode == 0
    assert command("verify", "--head", head).returncode == 1


@pytest.mark.parametrize("head", ["", "abc", "g" * 64, "a" * 63, "a" * 65, "٠" * 64])
def test_what_is_no_head_is_wrong_use(command: Command, tmp_path: Path, head: str) -> None:
    done = command("verify", "--head", head)
    assert done.returncode == 2
    assert "64 hex digits" in done.stderr
    (tmp_path / "heads").write_text(f"{'a' * 64} entry 1\n{head or '?'} entry 2\n")
    wrong = command("verify", "--heads-file", str(tmp_path / "heads"))
    assert wrong.returncode == 2
    assert "line 2" in wrong.stderr
    assert command("verify", "--heads-file", str(tmp_path / "missing")).returncode == 2


def test_a_files_name_cannot_make_a_line_of_its_own(command: Command, tmp_path: Path) -> None:
    folder = tmp_path / "evidence"
    folder.mkdir()
    for name in (
        b"a\nb.txt: artifact 9, SHA-256 forged.txt",
        b"c\r\x1b[2Jd.exe",
        b"not-\xff-utf8.txt",
        b"e\xc2\x85f.exe",
    ):
        (Path(os.fsdecode(bytes(folder) + b"/" + name))).write_bytes(name)
    done = command("artifact", "add", str(folder))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert len(done.stdout.splitlines()) == 2
    assert r"a\nb.txt: artifact 9, SHA-256 forged.txt: artifact " in done.stdout
    refused = [line for line in done.stderr.splitlines() if "are not taken" in line]
    assert [r"c\r\x1b[2Jd.exe" in line or r"e\x85f.exe" in line for line in refused] == [True, True]
    assert "\x1b" not in done.stderr
    assert len(done.stderr.splitlines()) == 3


def test_what_verify_removes_or_finds_is_named_on_one_line(command: Command, tracker: Tracker, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    command("artifact", "add", str(tmp_path / "a.txt"))
    with tracker.engine.connect() as connection, connection.begin():
        connection.exec_driver_sql("UPDATE artifacts SET title = 'a\nEverything is as it was recorded.'")
    for blob in (tmp_path / "data" / "uploads").rglob("*"):
        if blob.is_file() and len(blob.name) == 64:
            blob.chmod(0o600)
            blob.write_bytes(b"y")
    done = command("verify")
    assert done.returncode == 1
    assert "Everything is as it was recorded." not in done.stdout.splitlines()
    assert r"a\nEverything is as it was recorded." in done.stdout


def test_a_name_that_the_database_was_given_behind_our_back_is_listed_on_one_line(
    command: Command, tracker: Tracker
) -> None:
    command("user", "add", "ada", "--role", "admin", "--password-stdin", given=PASSWORD)
    with tracker.engine.connect() as connection, connection.begin():
        connection.exec_driver_sql("UPDATE users SET name = 'ada\nroot\tadmin\tactive'")
    assert command("user", "list").stdout == "ada\\nroot\\tadmin\\tactive\tadmin\tactive\n"


def test_a_record_of_the_log_is_one_line_and_a_trace_cannot_pass_for_one() -> None:
    formatter = LineFormatter("%(levelname)s: %(message)s")
    record = logging.LogRecord("x", logging.INFO, "", 0, "for %s", ("a\nERROR: forged\u2028b",), None)
    assert formatter.format(record) == r"INFO: for a\nERROR: forged\u2028b"

    def fail() -> None:
        raise ValueError("bad\nERROR: forged\r\nINFO: forged")

    try:
        fail()
    except ValueError as error:
        with_trace = logging.LogRecord("x", logging.ERROR, "", 0, "500", (), (type(error), error, error.__traceback__))
    lines = formatter.format(with_trace).split("\n")
    assert lines[0] == "ERROR: 500"
    assert all(line.startswith("    ") for line in lines[1:])
    assert any("forged" in line for line in lines[1:])


def test_one_line_leaves_ordinary_text_alone() -> None:
    assert one_line("Prüfung “x” 日本 – 1.txt") == "Prüfung “x” 日本 – 1.txt"
    assert one_line("a\u202eb\udcff\x00") == r"a\u202eb\udcff\x00"
