"""The commands as scripts use them: exit status, stderr, --json; the main job told as a story."""

import json
import socket
import sqlite3
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from cmmc_tracker.domain.audit import Event
from cmmc_tracker.services import second_factor
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import audit, second_factors
from tests import warm
from tests.conftest import OPERATOR, PASSWORD, add_account, png
from tests.importers.oscal_samples import clean

Command = Callable[..., warm.Ran]


@pytest.fixture
def command(database_url: str, tmp_path: Path) -> Command:
    """Runs `cmmc-tracker` on an installation of the test's own."""

    def run(*words: str, given: str = "", **more: str) -> warm.Ran:
        own = {"CMMC_DATA_DIR": str(tmp_path / "data"), "DATABASE_URL": database_url, "FLASK_SECRET": "s" * 40}
        return warm.run(*words, env={**own, **more}, typed=given, cwd=tmp_path)

    return run


def test_a_folder_with_links_gives_only_its_own_files(command: Command, tmp_path: Path) -> None:
    folder, secret = tmp_path / "evidence", tmp_path / "secret"
    (folder / "below").mkdir(parents=True)
    secret.mkdir()
    (folder / "below" / "policy.txt").write_text("ours")
    (secret / "key.txt").write_text("not ours")
    (folder / "key.txt").symlink_to(secret / "key.txt")
    (folder / "all.txt").symlink_to(secret, target_is_directory=True)
    (folder / "round").symlink_to(folder, target_is_directory=True)
    (folder / "gone.txt").symlink_to(secret / "nothing")
    added = command("artifact", "add", str(folder), "--json")
    assert added.returncode == 0, added.stderr
    kept = [json.loads(line) for line in added.stdout.splitlines()]
    assert [(one["file"], one["size"]) for one in kept] == [(str(folder / "below" / "policy.txt"), 4)]
    assert "(4 bytes)" in command("verify").stdout


def test_the_main_job_by_commands(command: Command, tmp_path: Path) -> None:
    folder = tmp_path / "evidence"
    folder.mkdir()
    (folder / "policy.md").write_text("# Policy")
    (folder / "shot.png").write_bytes(png())
    (folder / ".hidden.txt").write_text("not for you")
    assert command("user", "add", "ada", "--role", "admin", "--password-stdin", given=PASSWORD).returncode == 0
    listed = json.loads(command("user", "list", "--json").stdout)
    assert [(u["name"], u["role"], u["disabled"]) for u in listed] == [("ada", "admin", False)]
    added = command("artifact", "add", str(folder), "--objective", "3.1.1[a]", "--objective", "3.1.2a", "--json")
    assert added.returncode == 0, added.stderr
    assert [Path(json.loads(line)["file"]).name for line in added.stdout.splitlines()] == ["policy.md", "shot.png"]
    score = json.loads(command("score", "--json").stdout)
    assert (score["score"], score["provisional"], score["status"]) == (None, True, "No CMMC Status")
    assert "3.12.4[a]" in score["reason"]
    verified = command("verify")
    assert verified.returncode == 0
    assert "2 stored files" in verified.stdout


def test_accounts_are_managed_by_commands(command: Command) -> None:
    command("user", "add", "ada", "--role", "admin", "--password-stdin", given=PASSWORD)
    command("user", "add", "bo", "--role", "user", "--password-stdin", given=PASSWORD + "\n")
    assert command("user", "disable", "BO").returncode == 0
    assert command("user", "enable", "bo").returncode == 0
    assert command("user", "set-role", "bo", "admin").returncode == 0
    assert command("user", "reset-password", "bo", "--password-stdin", given="Another-Long-Phrase-7").returncode == 0
    assert command("user", "reset-second-factor", "bo").stderr.startswith("Error: bo has no second factor")
    assert "bo\tadmin\tactive" in command("user", "list").stdout
    assert command("user", "disable", "ada").returncode == 0
    refused = command("user", "disable", "bo")
    assert refused.returncode == 1
    assert "last active administrator" in refused.stderr


def test_the_only_administrator_with_a_lost_phone_is_helped_on_the_server(command: Command, tracker: Tracker) -> None:
    ada = add_account(tracker, "ada", "admin")
    with tracker.write(OPERATOR) as work:
        factor = {"user_id": ada, "secret": "A" * 32, "begun_at": work.now, "confirmed_at": work.now}
        work.db.execute(insert(second_factors).values(**factor))
    done = command("user", "reset-second-factor", "ADA")
    assert (done.returncode, "ada has no second factor now" in done.stdout) == (0, True)
    with tracker.read(OPERATOR) as work:
        assert not second_factor.is_set(work, ada)
        assert work.row(select(audit).where(audit.c.action == Event.SECOND_FACTOR_RESET)) is not None


@pytest.mark.parametrize(
    ("words", "given", "status", "said"),
    [
        (("user", "add", "ada", "--role", "admin", "--password-stdin"), "weak", 1, "16 characters"),
        (("user", "add", "a/b", "--role", "admin", "--password-stdin"), PASSWORD, 1, "user name"),
        (("user", "add", "ada", "--role", "root", "--password-stdin"), PASSWORD, 2, "root"),
        (("user", "add", "ada", "--role", "user"), "", 1, "--password-stdin"),
        (("user", "disable", "nobody"), "", 1, "no account named"),
        (("score", "--system", "nope"), "", 1, "no system 'nope'"),
        (("artifact", "add", "missing.txt"), "", 2, "does not exist"),
        (("artifact", "add"), "", 2, "Missing argument"),
        (("catalog", "import", "missing.json"), "", 2, "does not exist"),
        (("nonsense",), "", 2, "No such command"),
    ],
)
def test_wrong_use_is_one_plain_line_on_stderr(
    command: Command, words: tuple[str, ...], given: str, status: int, said: str
) -> None:
    done = command(*words, given=given)
    assert done.returncode == status
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_refused_file_does_not_stop_the_others(command: Command, tmp_path: Path) -> None:
    (tmp_path / "bad.exe").write_bytes(b"MZ")
    (tmp_path / "empty.txt").write_bytes(b"")
    (tmp_path / "good.txt").write_text("fine")
    done = command("artifact", "add", *(str(tmp_path / n) for n in ("bad.exe", "empty.txt", "good.txt")))
    assert done.returncode == 1
    assert "good.txt: artifact 1" in done.stdout
    assert "bad.exe: Files of type .exe are not taken" in done.stderr
    assert "2 of 3 files were not taken" in done.stderr


@pytest.mark.parametrize(
    "fact", [("--collected-on", "2999-01-01"), ("--objective", "3.1.99[a]"), ("--title", "x" * 301)]
)
def test_wrong_facts_leave_nothing_behind(command: Command, tmp_path: Path, fact: tuple[str, str]) -> None:
    (tmp_path / "a.txt").write_text("x")
    done = command("artifact", "add", str(tmp_path / "a.txt"), *fact)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "Checked 0 stored files" in command("verify").stdout
    assert "leftover" not in command("verify").stdout


def test_the_demo_fills_an_empty_install_once(command: Command) -> None:
    assert command("demo").returncode == 0
    score = json.loads(command("score", "--json").stdout)
    assert score["score"] is not None
    assert score["counts"]["not_assessed"] == 39
    again = command("demo")
    assert again.returncode == 1
    assert "empty install" in again.stderr
    assert command("verify").returncode == 0


def test_an_official_catalog_is_planned_first_and_then_imported(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "catalog.json"
    file.write_text(json.dumps(clean()))
    plan = command("catalog", "import", str(file), "--dry-run")
    assert plan.returncode == 0, plan.stderr
    assert "110 of 110 requirements matched" in plan.stdout
    assert "320 of 320 objectives matched" in plan.stdout
    assert "Nothing was changed" in plan.stdout
    done = json.loads(command("catalog", "import", str(file), "--json").stdout)
    assert (done["requirements"], done["objectives"], done["imported"]) == (110, 320, True)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"profile": {}}', '{"catalog": {"metadata": {"title": "Other"}}}'])
def test_a_file_that_is_no_such_catalog_is_refused_in_a_sentence(
    command: Command, tmp_path: Path, content: str
) -> None:
    file = tmp_path / "catalog.json"
    file.write_text(content)
    done = command("catalog", "import", str(file))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert len([line for line in done.stderr.splitlines() if line.startswith("Error: ")]) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FLASK_ENV", "prod"),
        ("FLASK_DEBUG", "yes"),
        ("MAX_UPLOAD_MB", "0"),
        ("MAX_UPLOAD_MB", "many"),
        ("TRUSTED_PROXIES", "-1"),
        ("DATABASE_URL", "mysql://x"),
        ("UPLOAD_PATH", "ftp://bucket/x"),
        ("UPLOAD_PATH", "/proc/nowhere"),
        ("RATE_LIMIT_URL", "memcached://x"),
        ("PUBLIC_URL", "tracker.example.com"),
    ],
)
def test_a_value_that_cannot_be_used_stops_the_start_naming_the_variable(
    command: Command, name: str, value: str
) -> None:
    done = command("serve", "--port", "0", **{name: value})
    assert done.returncode == 1
    assert name in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_a_short_secret_is_refused_in_production_only(command: Command) -> None:
    refused = command("score", FLASK_SECRET="s" * 31, FLASK_ENV="production")
    assert refused.returncode == 1
    assert refused.stderr.startswith("Error: FLASK_SECRET cannot be used in production: it must have at least 32")
    assert "s" * 31 not in refused.stderr
    assert command("score", FLASK_SECRET="s" * 32, FLASK_ENV="production").returncode == 0
    assert command("score", FLASK_SECRET="short").returncode == 0


def test_debug_in_production_refuses_to_start(command: Command) -> None:
    done = command("serve", "--port", "0", FLASK_ENV="production", FLASK_DEBUG="1")
    assert done.returncode == 1
    assert "FLASK_DEBUG" in done.stderr


def test_a_taken_port_is_told_in_one_line(command: Command) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = command("serve", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 1
    assert "in use by another program" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_secret_is_warned_about_on_stderr(command: Command) -> None:
    done = command("score", FLASK_SECRET="")
    assert "FLASK_SECRET" in done.stderr
    assert done.returncode == 0


def test_altered_missing_and_rewritten_things_are_each_found_by_verify(
    command: Command, tmp_path: Path, database_url: str
) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text(name)
    added = command("artifact", "add", str(tmp_path / "a.txt"), str(tmp_path / "b.txt"), "--json")
    first, second = (json.loads(line)["sha256"] for line in added.stdout.splitlines())
    store = tmp_path / "data" / "uploads"
    altered, missing = store / first[:2] / first, store / second[:2] / second
    altered.chmod(0o600)
    altered.write_bytes(b"A.txt")
    missing.unlink()
    done = command("verify", "--json")
    assert done.returncode == 1
    problems = json.loads(done.stdout)["problems"]
    assert any(p.startswith(f"Altered: the bytes {first}") for p in problems)
    assert any(p.startswith(f"Missing: the bytes {second}") and "“b”" in p for p in problems)
    if database_url.startswith("sqlite"):
        with sqlite3.connect(database_url.removeprefix("sqlite:///")) as database:
            database.execute("DROP TRIGGER audit_no_update")
            database.execute("UPDATE audit SET detail = '{}' WHERE id = 2")
        assert "Audit log: entry 2 breaks the chain" in command("verify").stdout


def test_leftovers_of_a_crash_are_removed_and_named(command: Command, tmp_path: Path) -> None:
    command("verify")
    store = tmp_path / "data" / "uploads"
    orphan = f"{zlib.crc32(b'x'):064x}"
    (store / orphan[:2]).mkdir()
    (store / orphan[:2] / orphan).write_bytes(b"x")
    (store / ".incoming" / "half").write_bytes(b"x")
    done = command("verify")
    assert done.returncode == 0
    assert f"Removed a leftover: {orphan}" in done.stdout
    assert "Removed a leftover: .incoming/half" in done.stdout
    assert "Removed" not in command("verify").stdout
