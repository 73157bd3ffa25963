"""The backup's unit and timer as shipped: checked by systemd's own tools, and the command run with its settings."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

from tests.deploy.conftest import DEPLOY, program, replaced

UNIT = (DEPLOY / "cmmc-tracker-backup.service").read_text()
SERVICE = (DEPLOY / "cmmc-tracker.service").read_text()
INSTALLED = "/opt/cmmc-tracker/bin/cmmc-tracker"
MOST_EXPOSURE = 1.0


def _values(text: str, name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", text, flags=re.M)


def _analyzed(*words: str) -> subprocess.CompletedProcess[str]:
    command = [program("systemd-analyze", "systemd"), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def _placed(folder: Path) -> Path:
    unit = folder / "cmmc-tracker-backup.service"
    unit.write_text(replaced(UNIT, {INSTALLED: sys.executable}))
    (folder / "cmmc-tracker-backup.timer").write_text((DEPLOY / "cmmc-tracker-backup.timer").read_text())
    return unit


def test_systemd_finds_no_fault_with_unit_and_timer(tmp_path: Path) -> None:
    unit = _placed(tmp_path)
    done = _analyzed("verify", "--man=no", str(unit), str(unit.with_suffix(".timer")))
    assert done.returncode == 0, done.stderr
    assert "cmmc-tracker" not in done.stderr, done.stderr


def test_systemd_calls_the_unit_safe(tmp_path: Path) -> None:
    done = _analyzed("security", "--offline=true", "--no-pager", str(_placed(tmp_path)))
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert found, done.stdout + done.stderr
    assert float(found[1]) <= MOST_EXPOSURE, done.stdout


def test_the_timer_comes_each_night_and_its_instant_can_be_read() -> None:
    when = _values((DEPLOY / "cmmc-tracker-backup.timer").read_text(), "OnCalendar")
    done = _analyzed("calendar", "--iterations=2", *when)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("02:30:00") >= 2


def test_it_runs_as_the_service_does_and_may_write_where_its_backups_go() -> None:
    for name in ("User", "Group", "EnvironmentFile", "LoadCredential", "Environment", "StateDirectory", "UMask"):
        assert _values(UNIT, name) == _values(SERVICE, name), name
    assert shlex.split(_values(UNIT, "ExecStart")[0])[2] == _values(UNIT, "ReadWritePaths")[0]


def test_the_units_command_makes_a_backup(tmp_path: Path) -> None:
    words = shlex.split(replaced(_values(UNIT, "ExecStart")[0], {"/var/backups/": f"{tmp_path}/"}))[1:]
    given = {"CMMC_DATA_DIR": str(tmp_path / "state"), "FLASK_SECRET": "s" * 40}
    here = [sys.executable, "-m", "cmmc_tracker"]
    done = subprocess.run([*here, *words, "--json"], env=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["problems"] == []
