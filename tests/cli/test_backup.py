"""`cmmc-tracker backup` and `restore` as people and scripts use them, and the steps of docs/operate.md as written."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cmmc_tracker.services.work import Tracker
from tests import warm
from tests.services.evidence import made, somebody

Command = Callable[..., warm.Ran]


@pytest.fixture
def command(database_url: str, tmp_path: Path) -> Command:
    """Runs `cmmc-tracker` on the installation under test, or on another data folder."""

    def run(*words: str, largest: int = 0, **more: str) -> warm.Ran:
        given = {"CMMC_DATA_DIR": str(tmp_path), "DATABASE_URL": database_url, "FLASK_SECRET": "s" * 40, **more}
        return warm.run(*words, env=given, cwd=tmp_path, largest=largest)

    return run


@pytest.fixture
def new(tmp_path: Path) -> dict[str, str]:
    """Settings of an installation that is not there yet."""
    return {"CMMC_DATA_DIR": str(tmp_path / "new"), "DATABASE_URL": ""}


def _one_line(done: warm.Ran, status: int, said: str) -> None:
    assert done.returncode == status, done.stdout + done.stderr
    assert said in done.stderr
    assert done.stderr.count("\n") == 1 or status == 2
    assert "Traceback" not in done.stderr


def test_a_backup_is_made_proved_and_restored(command: Command, tracker: Tracker, new: dict[str, str]) -> None:
    made(tracker, somebody(tracker, "bo"))
    done = command("backup", "copies")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^Made: backup-\w+, 1 contents \(5 bytes\), 1 of them new \(5 bytes\)\.$", done.stdout, re.M)
    assert re.search(r"^SHA-256 of its manifest: [0-9a-f]{64}$", done.stdout, re.M)
    assert "0 of them new" in command("backup", "copies").stdout
    proved = command("backup", "check", "copies", **new)
    assert proved.returncode == 0
    assert "All of it is as it was written." in proved.stdout
    restored = command("restore", "copies", **new)
    assert (restored.returncode, restored.stderr) == (0, "")
    assert "Everything is as it was recorded." in restored.stdout
    assert command("verify", **new).returncode == 0
    _one_line(command("restore", "copies", **new), 1, "into an empty installation. Nothing was changed.")


def test_scripts_read_what_was_done(command: Command, tracker: Tracker, new: dict[str, str]) -> None:
    made(tracker, somebody(tracker, "bo"))
    first = json.loads(command("backup", "copies", "--json").stdout)
    done = json.loads(command("backup", "make", "copies", "--keep", "daily=1", "--json").stdout)
    assert (first["copied"], done["contents"], done["copied"], done["problems"]) == (1, 1, 0, [])
    assert done["removed"] == [first["name"]]
    proof = json.loads(command("backup", "check", "copies", "--json").stdout)
    assert (proof["name"], proof["contents"], proof["problems"]) == (done["name"], 1, [])
    restored = json.loads(command("restore", "copies", "--json", **new).stdout)
    assert (restored["rows"], restored["problems"], restored["report"]["problems"]) == (proof["rows"], [], [])


def test_which_settings_were_set_is_kept_and_no_secret(command: Command, tmp_path: Path, database_url: str) -> None:
    name = json.loads(command("backup", "copies", "--json", MAX_UPLOAD_MB="7").stdout)["name"]
    text = (tmp_path / "copies" / name / "settings.json").read_text()
    kept = json.loads(text)
    assert kept["MAX_UPLOAD_MB"] == "7"
    assert kept["FLASK_SECRET"] == kept["DATABASE_URL"] == "(set, not kept)"
    assert "sss" not in text


def test_what_is_lacking_makes_the_command_fail_and_is_named(
    command: Command, tracker: Tracker, tmp_path: Path
) -> None:
    made(tracker, somebody(tracker, "bo"))
    lost = next(path for path in (tmp_path / "uploads").rglob("*") if len(path.name) == 64)
    lost.unlink()
    done = command("backup", "copies", "--keep", "daily=1")
    assert done.returncode == 1
    assert f"The content {lost.name}: it is missing from the store\n" in done.stderr
    assert "Made: backup-" in done.stdout
    checked = command("backup", "check", "copies")
    assert checked.returncode == 1
    assert lost.name in checked.stderr


def test_wrong_places_are_told_in_one_line(command: Command, tmp_path: Path, new: dict[str, str]) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").write_text("x")
    _one_line(command("backup", "other"), 1, "holds other things than backups")
    _one_line(command("backup", "uploads/x"), 1, "lie in each other")
    _one_line(command("backup", "check", "other"), 1, "is neither a backup nor a folder of backups")
    _one_line(command("restore", "nowhere", **new), 1, "is neither a backup nor a folder of backups")
    assert not (tmp_path / "new").exists()
    (tmp_path / "a-file").write_text("x")
    _one_line(command("backup", "a-file"), 1, "a-file")


@pytest.mark.parametrize("words", [("backup",), ("backup", "check"), ("restore",), ("backup", "x", "--keep", "2")])
def test_wrong_use_is_told_as_such(command: Command, words: tuple[str, ...]) -> None:
    done = command(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Usage: " in done.stderr


def test_help_tells_of_both_commands(command: Command) -> None:
    told = command("backup", "--help").stdout
    assert "check" in told
    assert "DEST" in told
    assert "--keep" in command("backup", "make", "--help").stdout


def test_a_full_disk_is_told_and_what_is_there_is_no_backup(
    command: Command, tracker: Tracker, tmp_path: Path, new: dict[str, str]
) -> None:
    made(tracker, somebody(tracker, "bo"), ("big.txt", os.urandom(2_500_000).hex().encode()))
    _one_line(command("backup", "copies", largest=4_000_000), 1, "There is no space left for the backup")
    _one_line(command("backup", "check", "copies"), 1, "holds no whole backup")
    assert list((tmp_path / "copies").glob("backup-*")) == []
    assert command("backup", "copies").returncode == 0
    _one_line(command("restore", "copies", largest=4_000_000, **new), 1, "There is no space left for this file")
    assert command("restore", "copies", **new).returncode == 0


def test_the_passphrase_comes_from_a_file_or_the_environment_and_is_nowhere_told(
    command: Command, tracker: Tracker, tmp_path: Path, new: dict[str, str]
) -> None:
    made(tracker, somebody(tracker, "bo"))
    (tmp_path / "words").write_text("correct horse battery staple\n")
    from_file, from_text = {"BACKUP_PASSPHRASE_FILE": "words"}, {"BACKUP_PASSPHRASE": "correct horse battery staple"}
    assert command("backup", "copies", **from_file).returncode == 0
    kept = command("backup", "check", "copies", **from_text, **new)
    assert kept.returncode == 0, kept.stderr
    _one_line(command("restore", "copies", BACKUP_PASSPHRASE="w" * 20, **new), 1, "passphrase is not the one")
    _one_line(command("backup", "check", "copies"), 1, "give their passphrase with BACKUP_PASSPHRASE_FILE")
    _one_line(command("backup", "more", BACKUP_PASSPHRASE="short"), 1, "at least 16 characters")
    _one_line(command("backup", "more", **from_file, **from_text), 1, "are both set")
    assert command("restore", "copies", **from_text, **new).returncode == 0


def _steps(heading: str) -> str:
    """The commands below a heading of docs/operate.md, as they stand there."""
    part = re.split(r"^## ", Path("docs/operate.md").read_text(), flags=re.M)
    told = next(one for one in part if one.startswith(heading + "\n"))
    return "\n".join(line[4:] for line in told.splitlines() if line.startswith("    "))


def test_the_documented_steps_do_what_they_say(command: Command, tracker: Tracker, tmp_path: Path) -> None:
    """Run by a shell as written, but for the root of the file system, the account, and a systemctl that notes."""
    programs, state = tmp_path / "bin", tmp_path / "var/lib/cmmc-tracker"
    programs.mkdir()
    state.mkdir(parents=True)
    (tmp_path / "var/tmp").mkdir()
    (tmp_path / "etc/systemd/system").mkdir(parents=True)
    (tmp_path / "etc/cmmc-tracker").mkdir()
    (tmp_path / "etc/cmmc-tracker/environment").touch()
    own = f"set -a; . {tmp_path}/etc/cmmc-tracker/environment; set +a; "
    own += f"CMMC_DATA_DIR=${{CMMC_DATA_DIR:-{state}}} FLASK_SECRET={'s' * 40} '{sys.executable}' -m cmmc_tracker"
    for name, does in (("cmmc-tracker", f'{own} "$@"'), ("systemctl", f'echo "$*" >>{tmp_path}/systemctl')):
        (programs / name).write_text(f"#!/bin/sh\n{does}\n")
        (programs / name).chmod(0o755)

    def run(heading: str) -> str:
        script = _steps(heading).replace(" -o cmmc-tracker -g cmmc-tracker", "")
        script = script.replace("/opt/cmmc-tracker/bin/cmmc-tracker", "cmmc-tracker")
        script = re.sub(r"(?<=[ =])/(var|etc)/", rf"{tmp_path}/\1/", script)
        environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
        for name in ("CMMC_DATA_DIR", "DATABASE_URL"):
            environment.pop(name, None)
        done = subprocess.run(
            ["sh", "-eu", "-c", script], env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert command("demo", CMMC_DATA_DIR=str(state), DATABASE_URL="").returncode == 0
    run("Encryption")
    assert "All of it is as it was written." in run("Backup")
    assert (tmp_path / "var/backups/cmmc-tracker/key.json").is_file()
    assert {one.name for one in (tmp_path / "etc/systemd/system").iterdir()} == {
        "cmmc-tracker-backup.service",
        "cmmc-tracker-backup.timer",
    }
    assert run("Restore").count("Everything is as it was recorded.") == 2
    assert (tmp_path / "var/lib/cmmc-tracker.before/cmmc.db").is_file()
    assert "Restored backup-" in run("Once a quarter")
    assert not (tmp_path / "var/tmp/cmmc-drill").exists()
    assert (tmp_path / "systemctl").read_text().splitlines() == [
        "daemon-reload",
        "enable --now cmmc-tracker-backup.timer",
        "stop cmmc-tracker",
        "start cmmc-tracker",
    ]
