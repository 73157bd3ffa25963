"""`cmmc-tracker doctor`: what it finds in an installation that is well, and in each that is not."""

import json
import sqlite3
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from cmmc_tracker.cli import commands
from cmmc_tracker.domain.settings import Preferences
from cmmc_tracker.errors import Busy
from cmmc_tracker.services import audit_stream, doctor, jobs, passwords, settings, tokens
from cmmc_tracker.services.audit_stream import stream_to
from cmmc_tracker.services.backups import making
from cmmc_tracker.services.doctor import CHECKS, Finding, Grade, Patient, examine
from cmmc_tracker.services.jobs.house import House
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage import site
from cmmc_tracker.storage.mail import Smtp
from cmmc_tracker.storage.places import FolderPlace
from cmmc_tracker.storage.site import Answer
from tests import warm
from tests.conftest import ON_POSTGRESQL, OPERATOR, PASSWORD, Clock, add_account
from tests.services.evidence import made, somebody
from tests.storage.smtp_server import Box, serving

Doctor = Callable[..., warm.Ran]
Look = Callable[..., tuple[int, str]]
WELL = {
    "FLASK_ENV": "production",
    "FLASK_SECRET": "s3cret-" * 8,
    "PUBLIC_URL": "https://tracker.example.com",
    "TRUSTED_PROXIES": "1",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The data folder of the installation."""
    return tmp_path / "data"


@pytest.fixture
def run(database_url: str, folder: Path, tmp_path: Path) -> Doctor:
    """Runs `cmmc-tracker` with settings as in production; a variable set to nothing is unset."""

    def command(*words: str, given: str = "", **more: str) -> warm.Ran:
        own = {"CMMC_DATA_DIR": str(folder), "DATABASE_URL": database_url, **WELL, **more}
        return warm.run(*words, env=own, typed=given, cwd=tmp_path)

    return command


@pytest.fixture
def installed(run: Doctor) -> Doctor:
    """The same, after an administrator was made."""
    made = run("user", "add", "ada", "--role", "admin", "--password-stdin", given=PASSWORD)
    assert made.returncode == 0, made.stderr
    return run


@pytest.fixture
def look(tracker: Tracker, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Look:
    """Looks at an installation without a process of its own."""

    def looked(*words: str, **more: str) -> tuple[int, str]:
        own = {"CMMC_DATA_DIR": str(tmp_path), "DATABASE_URL": database_url, **WELL, **more}
        for name, value in own.items():
            monkeypatch.setenv(name, value)
        done = CliRunner().invoke(commands, ["doctor", *words])
        assert done.exception is None or isinstance(done.exception, SystemExit)
        return done.exit_code, done.stdout

    return looked


def _line(done: subprocess.CompletedProcess[str], check: str) -> str:
    """The one line about something."""
    lines = [line for line in done.stdout.splitlines() if line[2:].startswith(f"{check}: ")]
    assert len(lines) == 1, done.stdout + done.stderr
    return lines[0]


def test_an_installation_that_is_well_has_nothing_bad_and_each_line_that_is_not_good_says_how_to_mend_it(
    installed: Doctor,
) -> None:
    done = installed("doctor")
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    assert all(line[0] in "✓!" for line in lines[:-1])
    assert all("Mend: " in line for line in lines if line[0] == "!")
    for check in ("secret", "production mode", "debug", "public address", "trusted proxies", "clock", "database"):
        assert _line(done, check)[0] == "✓"
    for check in ("migrations", "store", "hard links", "modes", "sign-in limit", "virus scanner", "password hash"):
        assert _line(done, check)[0] == "✓"
    assert ("✓ integrity" in done.stdout) is not ON_POSTGRESQL
    assert lines[-1].endswith("to think about.")
    assert done.stderr == ""


def test_scripts_get_the_same_as_json(installed: Doctor) -> None:
    told = json.loads(installed("doctor", "--json").stdout)
    assert told["well"] is True
    assert {"check", "grade", "text", "remedy"} == set(told["findings"][0])
    assert {one["grade"] for one in told["findings"]} == {"good", "warning"}
    assert all(one["remedy"] for one in told["findings"] if one["grade"] != "good")
    bad = installed("doctor", "--json", FLASK_SECRET="")
    assert (bad.returncode, json.loads(bad.stdout)["well"]) == (1, False)


def test_an_installation_that_is_not_there_is_said_to_be_so_and_not_made(run: Doctor, folder: Path) -> None:
    done = run("doctor", DATABASE_URL="")
    assert done.returncode == 1
    assert "none yet" in _line(done, "database")
    assert "none yet" in _line(done, "store")
    assert not folder.exists()


def _state(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Names, modes, times and bytes of every file; of a folder what it holds."""
    return {
        str(p): (p.stat().st_mode, p.stat().st_mtime_ns if p.is_file() else 0, p.read_bytes() if p.is_file() else b"")
        for p in sorted(folder.rglob("*"))
        if p.name != ".gate"  # the store's own lock, made by the first upload
    }


def test_in_an_empty_folder_no_database_is_made(run: Doctor, folder: Path) -> None:
    folder.mkdir()
    done = run("doctor", DATABASE_URL="")
    assert "there is none yet at" in done.stdout
    assert list(folder.iterdir()) == []


def test_nothing_is_changed_by_looking(installed: Doctor, tracker: Tracker, tmp_path: Path) -> None:
    tracker.engine.dispose()
    before = _state(tmp_path)
    assert installed("doctor").returncode == 0
    assert _state(tmp_path) == before
    with tracker.read(OPERATOR) as work:
        newest = work.db.execute(text("SELECT action FROM audit ORDER BY id DESC LIMIT 1")).scalar_one()
    assert newest == "user:created"


def test_an_older_or_newer_schema_is_named_and_not_migrated(installed: Doctor, tracker: Tracker) -> None:
    for found, word in (("0001", "migrates"), ("9999", "newer version")):
        with tracker.engine.connect().execution_options(writes=True) as connection, connection.begin():
            connection.execute(text("UPDATE alembic_version SET version_num = :found"), {"found": found})
        tracker.engine.dispose()
        done = installed("doctor")
        assert done.returncode == 1
        assert word in _line(done, "migrations")
        with tracker.engine.connect() as connection:
            assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == found


def test_a_database_that_does_not_answer_is_bad_and_its_password_is_not_shown(run: Doctor) -> None:
    done = run("doctor", DATABASE_URL="postgresql://ada:top%2Fsecret@127.0.0.1:1/db")
    assert done.returncode == 1
    assert "does not answer" in _line(done, "database")
    assert "top" not in done.stdout + done.stderr


def test_a_damaged_sqlite_file_is_found(run: Doctor, folder: Path) -> None:
    run("user", "add", "ada", "--role", "admin", "--password-stdin", given=PASSWORD, DATABASE_URL="")
    file = folder / "cmmc.db"
    content = bytearray(file.read_bytes())
    for page in range(20, len(content) // 4096):
        content[page * 4096 : page * 4096 + 400] = b"\xff" * 400
    file.write_bytes(content)
    done = run("doctor", DATABASE_URL="")
    assert done.returncode == 1
    assert "✗ integrity" in done.stdout or "✗ database" in done.stdout
    assert "Traceback" not in done.stderr


def test_a_journal_that_makes_readers_wait_is_told(run: Doctor, folder: Path) -> None:
    run("user", "add", "ada", "--role", "admin", "--password-stdin", given=PASSWORD, DATABASE_URL="")
    with sqlite3.connect(folder / "cmmc.db") as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
    connection.close()
    assert _line(run("doctor", DATABASE_URL=""), "journal")[0] == "!"


@pytest.mark.parametrize(
    ("check", "sign", "more"),
    [
        ("secret", "✗", {"FLASK_SECRET": ""}),
        ("secret", "!", {"FLASK_SECRET": "", "FLASK_ENV": ""}),
        ("secret", "!", {"FLASK_SECRET": "short", "FLASK_ENV": ""}),
        ("settings", "✗", {"FLASK_SECRET": "short"}),
        ("settings", "✗", {"FLASK_DEBUG": "1"}),
        ("production mode", "!", {"FLASK_ENV": "development"}),
        ("debug", "✗", {"FLASK_ENV": "", "FLASK_DEBUG": "1"}),
        ("public address", "✗", {"PUBLIC_URL": ""}),
        ("public address", "✗", {"PUBLIC_URL": "http://tracker.example.com"}),
        ("public address", "!", {"PUBLIC_URL": "", "FLASK_ENV": ""}),
        ("trusted proxies", "✗", {"TRUSTED_PROXIES": "0"}),
        ("trusted proxies", "!", {"PUBLIC_URL": ""}),
        ("trusted proxies", "✓", {"PUBLIC_URL": "", "TRUSTED_PROXIES": "0"}),
        ("sign-in limit", "!", {"RATE_LIMIT_URL": "memory://"}),
        ("sign-in limit", "!", {"RATE_LIMIT_URL": "redis://:hidden@127.0.0.1:1/0"}),
        ("virus scanner", "✗", {"CLAMD_URL": "tcp://127.0.0.1:1"}),
        ("virus scanner", "✗", {"CLAMD_URL": "unix:///nowhere/clamd.ctl"}),
        ("mail", "✓", {}),
        ("mail", "✗", {"SMTP_URL": "smtp://127.0.0.1:1", "MAIL_FROM": "tracker@example.com"}),
        ("mail", "✗", {"SMTP_URL": "smtps://u:hidden@127.0.0.1:1", "MAIL_FROM": "tracker@example.com"}),
        ("settings", "✗", {"SMTP_URL": "smtp://u:hidden@h?tls=none", "MAIL_FROM": "tracker@example.com"}),
        ("settings", "✗", {"SMTP_URL": "smtp://u:hidden@h"}),
        ("metrics", "✓", {}),
        ("metrics", "✓", {"METRICS_TOKEN": "hidden" * 6}),
        ("metrics", "!", {"METRICS_TOKEN": "hidden" * 3}),
        ("settings", "✗", {"METRICS_TOKEN": "hidden"}),
        ("settings", "✗", {"METRICS_TOKEN": "hidden hidden hidden"}),
        ("audit stream", "✓", {}),
        ("audit stream", "!", {"AUDIT_STREAM": "tls://siem.example.com:6514"}),
        ("audit stream encryption", "!", {"AUDIT_STREAM": "tcp://siem.example.com:514"}),
        ("settings", "✗", {"AUDIT_STREAM": "siem.example.com"}),
        ("settings", "✗", {"AUDIT_STREAM_FORMAT": "xml"}),
        ("settings", "✗", {"LOG_FORMAT": "xml"}),
        ("settings", "✗", {"DRAIN_SECONDS": "301"}),
        ("jobs", "!", {}),
        ("site", "✗", {"PUBLIC_URL": "https://127.0.0.1:1", "ask": "--online"}),
        ("site", "✗", {"PUBLIC_URL": "", "ask": "--online"}),
    ],
)
def test_each_setting_that_is_not_well_has_its_line(look: Look, check: str, sign: str, more: dict[str, str]) -> None:
    words = [more["ask"]] if "ask" in more else []
    status, told = look(*words, **{name: value for name, value in more.items() if name != "ask"})
    (line,) = [line for line in told.splitlines() if line[2:].startswith(f"{check}: ")]
    assert line[0] == sign
    assert ("Mend: " in line) is (sign != "✓")
    if sign == "✗":
        assert status == 1
    assert "hidden" not in told.replace("(hidden)", "")


def test_modes_that_let_others_in_are_named_with_the_command_that_mends_them(installed: Doctor, folder: Path) -> None:
    folder.chmod(0o755)
    (folder / "uploads").chmod(0o770)
    told = installed("doctor").stdout
    assert f"! modes: {folder} has mode 0755" in told
    assert f"Mend: chmod 700 {folder}." in told
    assert f"! modes: {folder}/uploads has mode 0770" in told
    for line in told.splitlines():
        if line.startswith("! modes"):
            subprocess.run(line.partition("Mend: ")[2].rstrip("."), shell=True, check=True)
    assert _line(installed("doctor"), "modes")[0] == "✓"


def test_a_store_that_cannot_be_written_is_bad(installed: Doctor, folder: Path) -> None:
    (folder / "uploads" / ".incoming").rmdir()
    (folder / "uploads" / ".incoming").write_text("not a folder")
    done = installed("doctor")
    assert _line(done, "store")[0] == "✗"
    assert done.returncode == 1


def test_a_mail_server_that_answers_is_good_and_gets_no_mail(look: Look) -> None:
    box = Box()
    with serving(box, authenticator=box.sign_in, auth_require_tls=False) as place:
        _, told = look(SMTP_URL=f"smtp://tracker:hunter2@{place}", MAIL_FROM="tracker@example.com")
        assert "✓ mail: the server answers after " in told
        _, told = look(SMTP_URL=f"smtp://tracker:wrong@{place}", MAIL_FROM="tracker@example.com")
        assert "✗ mail: The mail server does not take the user and the password in SMTP_URL (535). Mend: " in told
    assert (box.tries, box.arrived) == (2, [])


def test_a_stream_that_fails_is_bad_says_why_and_what_waits(patient: Patient, tracker: Tracker) -> None:
    to = stream_to("tcp://127.0.0.1:1", "rfc5424", "")
    audit_stream.send(tracker, to)
    found = _found(replace(patient, stream=to), "audit stream")
    assert found.grade is Grade.BAD
    assert found.text == "tcp://127.0.0.1:1 takes nothing (Connection refused): 1 entries wait, after 1 tries"


def test_a_stream_that_has_everything_is_good(patient: Patient, tracker: Tracker, tmp_path: Path) -> None:
    to = stream_to(f"file://{tmp_path}/log", "cef", "")
    audit_stream.send(tracker, to)
    found = _found(replace(patient, stream=to), "audit stream")
    assert (found.grade, found.text) == (Grade.GOOD, f"file://{tmp_path}/log has everything up to entry 1")


def test_jobs_that_nobody_does_any_more_are_told(patient: Patient, tracker: Tracker) -> None:
    jobs.turn(House(tracker), "somebody")
    assert _found(replace(patient, now=datetime.now(UTC)), "jobs").grade is Grade.GOOD
    late = _found(replace(patient, now=datetime.now(UTC) + timedelta(hours=2)), "jobs")
    assert late.grade is Grade.WARNING
    assert late.text.startswith("the last one was done at ")


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_the_time_zone_of_the_machine_does_not_matter(installed: Doctor, zone: str) -> None:
    line = _line(installed("doctor", TZ=zone), "clock")
    assert line[0] == "✓"
    told = datetime.strptime(line[len("✓ clock: ") :].rstrip("."), "%Y-%m-%dT%H:%MZ").replace(tzinfo=UTC)
    assert abs(datetime.now(UTC) - told) < timedelta(minutes=2)


def test_without_online_nobody_is_asked_anything(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(site, "ask", lambda name, _path: asked.append(name) or Answer(200, "alive", (), None))
    look()
    assert look("--url", "https://tracker.example.com")[0] == 2
    assert look("--online", "--url", "ftp://x")[0] == 2
    assert asked == []
    look("--online")
    look("--online", "--url", "https://other.example.com/")
    assert asked == ["https://tracker.example.com", "https://other.example.com"]


# What cannot be brought about from outside is shown to the checks themselves.


@pytest.fixture
def patient(tracker: Tracker, database_url: str, tmp_path: Path) -> Patient:
    """An installation that is well."""
    return Patient(
        secret_length=64,
        shortest_secret=32,
        production=True,
        debug=False,
        public_url="https://tracker.example.com",
        trusted_proxies=1,
        max_upload_bytes=1 << 20,
        rate_limit_url="",
        data_dir=tmp_path,
        store=tmp_path / "uploads",
        database_url=database_url,
        now=datetime.now(UTC),
        tracker=tracker,
    )


def _found(patient: Patient, check: str) -> Finding:
    found = [one for one in examine(patient) if one.check == check]
    assert len(found) == 1, found
    return found[0]


def test_the_age_of_the_last_backup_is_told_where_there_is_something_to_lose(
    patient: Patient, tracker: Tracker, tmp_path: Path
) -> None:
    assert all(one.check != "backup" for one in examine(patient))
    made(tracker, somebody(tracker, "bo"))
    assert _found(patient, "backup").text == "none was ever made by `cmmc-tracker backup`"
    making.run(tracker, OPERATOR, FolderPlace(tmp_path / "backups"), told={})
    assert _found(replace(patient, now=datetime.now(UTC)), "backup").grade is Grade.GOOD
    late = _found(replace(patient, now=datetime.now(UTC) + timedelta(days=3)), "backup")
    assert (late.grade, late.text) == (Grade.WARNING, f"the last one is of {datetime.now(UTC):%Y-%m-%d}")
    (tmp_path / "other").write_text("x")
    with pytest.raises(Busy):
        making.run(tracker, OPERATOR, FolderPlace(tmp_path / "other"), told={})
    failed = _found(replace(patient, now=datetime.now(UTC)), "backup")
    assert failed.grade is Grade.BAD
    assert failed.text.startswith("the last try failed: The backup's place cannot be used")
    assert "the last good one is of" in failed.text


@pytest.mark.parametrize(
    ("headers", "days", "grades"),
    [
        ([("Strict-Transport-Security", "max-age=1")], 60, "HSTS good, certificate good"),
        ([("strict-transport-security", "max-age=1")] * 2, 60, "HSTS warning, certificate good"),
        ([], 60, "HSTS bad, certificate good"),
        ([("Strict-Transport-Security", "max-age=1")], 3, "HSTS good, certificate warning"),
        ([("Strict-Transport-Security", "max-age=1")], None, "HSTS good, certificate bad"),
        (
            [("Strict-Transport-Security", "max-age=1"), ("Server", "nginx/1.22.1")],
            60,
            "HSTS good, server header warning, certificate good",
        ),
        ([("Strict-Transport-Security", "max-age=1"), ("Server", "nginx")], 60, "HSTS good, certificate good"),
    ],
)
def test_what_the_site_sends_is_judged(
    patient: Patient,
    monkeypatch: pytest.MonkeyPatch,
    headers: list[tuple[str, str]],
    days: int | None,
    grades: str,
) -> None:
    answer = Answer(200, "alive\n", tuple(headers), days)
    monkeypatch.setattr(site, "ask", lambda *_: answer)
    found = [one for one in examine(replace(patient, ask="https://x")) if one.check in grades]
    assert ", ".join(f"{one.check} {one.grade}" for one in found) == grades


def test_a_clock_before_the_version_or_before_the_newest_entry_is_bad(patient: Patient, clock: Clock) -> None:
    assert _found(patient, "clock").grade is Grade.GOOD
    assert _found(replace(patient, now=datetime(2020, 1, 1, tzinfo=UTC)), "clock").grade is Grade.BAD
    clock.forward(hours=1)
    assert patient.tracker
    add_account(patient.tracker, "ada", "admin")
    assert "still to come" in _found(patient, "clock").text


def test_a_host_without_scrypt_is_told_as_such(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "method", lambda: "pbkdf2:sha256:600000")
    found = _found(patient, "password hash")
    assert found.grade is Grade.WARNING
    assert "PBKDF2" in found.text
    assert "FIPS" in found.remedy


def test_administrators_without_a_second_or_alone_are_told(patient: Patient) -> None:
    assert "none yet" in _found(patient, "administrators").text
    assert patient.tracker
    add_account(patient.tracker, "ada", "admin")
    assert "only one" in _found(patient, "administrators").text
    assert "1 of 1" in _found(patient, "second factor of administrators").text
    add_account(patient.tracker, "bo", "admin")
    assert _found(patient, "administrators").grade is Grade.GOOD


def test_settings_worth_changing_are_told_until_they_are_changed(patient: Patient) -> None:
    checks = ("second factor", "security contact", "sessions")
    assert [_found(patient, c).grade for c in checks] == [Grade.WARNING, Grade.WARNING, Grade.GOOD]
    assert patient.tracker
    wanted = Preferences(
        session_idle_minutes=60, second_factor_required=True, security_contact="mailto:security@example.com"
    )
    with patient.tracker.write(OPERATOR) as work:
        settings.change(work, wanted, None)
    assert [_found(patient, c).grade for c in checks] == [Grade.GOOD, Grade.GOOD, Grade.WARNING]


def test_tokens_that_nobody_used_for_a_quarter_are_told_with_their_owner(patient: Patient) -> None:
    assert patient.tracker
    owner = replace(OPERATOR, id=add_account(patient.tracker, "ada", "admin"), name="ada")
    with patient.tracker.write(owner) as work:
        tokens.make(work, tokens.Wanted("ci", writes=False, days=366))
    assert _found(patient, "API tokens").grade is Grade.GOOD
    later = replace(patient, now=patient.now + timedelta(days=91))
    assert "of ada" in _found(later, "API tokens").text
    assert _found(replace(patient, now=patient.now + timedelta(days=400)), "API tokens").grade is Grade.GOOD


def test_mail_that_leaves_the_machine_in_plain_is_told_with_the_way_to_mend_it(patient: Patient) -> None:
    with serving(Box()) as place:
        mailer = Smtp(f"smtp://{place}", "tracker@example.com")
        found = _found(replace(patient, mailer=mailer, mail_is_open=True), "mail encryption")
        assert found.grade is Grade.WARNING
        assert "tls=none" in found.remedy
        assert _found(replace(patient, mailer=mailer), "mail").grade is Grade.GOOD
        assert "mail encryption" not in {one.check for one in examine(replace(patient, mailer=mailer))}


def test_which_mail_is_open_is_read_from_its_address(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Smtp, "check", lambda _self: None)
    for url, is_open in (("smtp://mail.example.com?tls=none", True), ("smtp://mail.example.com", False)):
        _, told = look(SMTP_URL=url, MAIL_FROM="tracker@example.com")
        assert "✓ mail: " in told
        assert ("! mail encryption: it goes to another machine in plain" in told) is is_open


def test_little_room_is_told_and_too_little_for_one_upload_is_bad(patient: Patient) -> None:
    assert _found(replace(patient, max_upload_bytes=1 << 60), "free space").grade is Grade.BAD
    assert _found(patient, "free space").grade is not Grade.BAD


def test_a_check_that_breaks_off_is_a_finding_and_the_others_go_on(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaking(_patient: Patient) -> list[Finding]:
        raise OSError("the disk said: hunter2")

    monkeypatch.setattr(doctor, "CHECKS", (breaking, *CHECKS))
    found = examine(replace(patient, secrets=("hunter2", "")))
    assert (found[0].check, found[0].grade) == ("breaking", Grade.BAD)
    assert found[0].text == "this could not be looked at: the disk said: (hidden)"
    assert len(found) > len(CHECKS) / 2
