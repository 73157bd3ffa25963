"""The systemd unit as shipped: checked by systemd's own tool, and its command run with its settings."""

import os
import re
import shlex
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.deploy.conftest import DEPLOY, free_port, program, replaced, wait_for

UNIT = (DEPLOY / "cmmc-tracker.service").read_text()
MOST_EXPOSURE = 1.0  # of 10; systemd calls anything below 2 well protected
INSTALLED = "/opt/cmmc-tracker/bin/cmmc-tracker"


def _values(name: str) -> list[str]:
    """What the unit sets a directive to, in order."""
    return re.findall(rf"^{name}=(.*)$", UNIT, flags=re.M)


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit, with a program that this machine has: systemd looks whether it is there."""
    file = tmp_path / "cmmc-tracker.service"
    file.write_text(replaced(UNIT, {INSTALLED: sys.executable}))
    return file


def _analyzed(*words: str) -> subprocess.CompletedProcess[str]:
    command = [program("systemd-analyze", "systemd"), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_systemd_finds_no_fault_with_the_unit(unit: Path) -> None:
    done = _analyzed("verify", "--man=no", str(unit))
    assert done.returncode == 0, done.stderr
    assert "cmmc-tracker" not in done.stderr, done.stderr


def test_systemd_calls_the_unit_safe(unit: Path) -> None:
    done = _analyzed("security", "--offline=true", "--no-pager", str(unit))
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert found, done.stdout + done.stderr
    assert float(found[1]) <= MOST_EXPOSURE, done.stdout


def test_the_secret_comes_as_a_credential_and_output_with_a_set_up_link_reaches_no_log() -> None:
    assert _values("LoadCredential") == ["flask-secret:/etc/cmmc-tracker/flask-secret"]
    assert "FLASK_SECRET_FILE=%d/flask-secret" in _values("Environment")
    assert _values("StandardOutput") == ["null"]
    assert not re.search(r"FLASK_SECRET=", UNIT)


def _environment(folder: Path, secret: str) -> dict[str, str]:
    """What systemd would set: the file of settings, then the unit's own, with a folder of the test's for the state."""
    settings = replaced((DEPLOY / "environment").read_text(), {"/var/lib/cmmc-tracker": str(folder / "state")})
    (folder / "state").mkdir(mode=0o700)
    credentials = folder / "credentials"
    credentials.mkdir(mode=0o700)
    (credentials / "flask-secret").write_text(secret + "\n")
    lines = [line for line in settings.splitlines() if line and not line.startswith("#")]
    lines += [line.replace("%d", str(credentials)) for line in _values("Environment")]
    return {"PATH": os.environ["PATH"], **dict(line.split("=", 1) for line in lines)}


def test_the_units_command_serves_with_the_units_settings_and_the_doctor_finds_nothing_bad(tmp_path: Path) -> None:
    port = free_port()
    start = replaced(_values("ExecStart")[0], {"--port 8000": f"--port {port}", INSTALLED: "cmmc-tracker"})
    here = [sys.executable, "-m", "cmmc_tracker"]
    environment = _environment(tmp_path, "a" * 20 + "b" * 20)
    with (tmp_path / "said").open("wb") as said:
        command = [*here, *shlex.split(start)[1:]]
        process = subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=said)
        try:
            wait_for(port, process)
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10) as answer:
                assert answer.read() == b"ready\n"
                assert answer.headers["Strict-Transport-Security"]
            looked = subprocess.run([*here, "doctor"], env=environment, capture_output=True, text=True, check=False)
        finally:
            process.terminate()
            assert process.wait(timeout=int(_values("TimeoutStopSec")[0])) == 0
    assert looked.returncode == 0, looked.stdout
    assert "✓ secret: given, 40 characters" in looked.stdout
    said = (tmp_path / "said").read_text().splitlines()
    assert [line for line in said if not line.startswith("INFO: 'GET' '/readyz' 200")] == []


def test_what_the_tracker_needs_to_draw_and_print_works_without_writable_code(tmp_path: Path) -> None:
    """`MemoryDenyWriteExecute` as the kernel has it (prctl PR_SET_MDWE); Typst and PDFium must bear it."""
    assert _values("MemoryDenyWriteExecute") == ["yes"]
    script = """
import ctypes, mmap
if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0) == 0:  # kernels before 6.3 do not know it
    try:
        mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        raise SystemExit("writable code was allowed")
    except PermissionError:
        pass
import pypdfium2, typst
import cmmc_tracker.cli
print(pypdfium2.PdfDocument(typst.compile(b"= Evidence"))[0].render().to_pil().size)
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("(")


def test_an_administrators_commands_use_the_same_account_settings_and_secret_as_the_unit() -> None:
    script = (DEPLOY / "as-service").read_text()
    assert subprocess.run(["sh", "-n", str(DEPLOY / "as-service")], check=False).returncode == 0
    assert f"runuser -u {_values('User')[0]} -- {INSTALLED} " in script
    assert f". {_values('EnvironmentFile')[0]}" in script
    assert _values("LoadCredential")[0].partition(":")[2] in script
    assert os.access(DEPLOY / "as-service", os.X_OK)
