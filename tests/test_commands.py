"""`make run`, `make test` and what they stand on: the environment, the locks, the summary of the checks.

Nothing here reaches a network: where the making of an environment is tested, Python and pip are played by a script
that writes down how it was called.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
NOT_IN_A_CLONE = shutil.ignore_patterns(".git", ".venv*", "instance", "__pycache__", ".*_cache", ".hypothesis", "shots")
PROGRAMS = (
    "sh",
    "awk",
    "cat",
    "cp",
    "dirname",
    "env",
    "flock",
    "grep",
    "make",
    "mkdir",
    "mv",
    "rm",
    "sed",
    "sha256sum",
    "sleep",
)
CLOSED = "postgresql://nobody@127.0.0.1:1/postgres"

PLAYED_PYTHON = f"""#!/bin/sh
case "$*" in
    *"-m venv"*) echo venv >>"$CALLS"; sleep 0.3; mkdir -p .venv/bin; cp "$0" .venv/bin/python ;;
    *"-m pip"*) echo "pip $*" >>"$CALLS"; exit "${{PIP_STATUS:-0}}" ;;
    *) exec '{sys.executable}' "$@" ;;
esac
"""
OLD_PYTHON = """#!/bin/sh
case "$*" in *print*) echo 3.9 ;; *) exit 1 ;; esac
"""
BARE_PYTHON = """#!/bin/sh
case "$*" in *print*) echo 3.11 ;; *ensurepip*) exit 1 ;; esac
"""


def clone(to: Path) -> Path:
    """Copy what a clone would hold."""
    names = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    if not (ROOT / ".git").exists() or not shutil.which("git"):
        return Path(shutil.copytree(ROOT, to, ignore=NOT_IN_A_CLONE))
    listed = subprocess.run(names, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)
    return to


class Machine:
    """A machine with the programs of a bare Debian, a given Python, and a clone in a folder with a space."""

    def __init__(self, base: Path, python: str) -> None:
        self.tree = clone(base / "a folder")
        self.calls = base / "calls"
        self.bin = base / "bin"
        self.bin.mkdir()
        for name in PROGRAMS:
            found = shutil.which(name)
            assert found, f"these tests need the program {name}"
            (self.bin / name).symlink_to(found)
        (self.bin / "python3").write_text(python)
        (self.bin / "python3").chmod(0o755)

    def command(self, *command: str, **env: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            command,
            cwd=self.tree,
            env={"PATH": str(self.bin), "CALLS": str(self.calls), **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *command: str, **env: str) -> tuple[int, str]:
        started = self.command(*command, **env)
        output, _ = started.communicate(timeout=15)
        return started.returncode, output

    def environment(self, kind: str, **env: str) -> tuple[int, str]:
        return self.run("sh", "tools/environment.sh", kind, **env)

    def called(self) -> list[str]:
        """What Python and pip were asked since the last look, each by its first telling words."""
        lines = self.calls.read_text().splitlines() if self.calls.exists() else []
        self.calls.unlink(missing_ok=True)
        lock = {True: "dev lock", False: "run lock"}
        return [
            lock["requirements-dev.lock" in line] if "--require-hashes" in line else line.split()[0] for line in lines
        ]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path, PLAYED_PYTHON)


def test_the_first_start_makes_the_environment_from_the_lock_and_the_second_does_nothing(machine: Machine) -> None:
    assert machine.environment("run")[0] == 0
    assert machine.called() == ["venv", "run lock", "pip"]
    assert machine.environment("run") == (0, "")
    assert machine.called() == []


def test_an_environment_broken_off_half_way_is_made_anew(machine: Machine) -> None:
    status, output = machine.environment("run", PIP_STATUS="7")
    assert status == 1
    assert "could not be made" in output
    (machine.tree / ".venv" / "half").touch()
    machine.called()
    assert machine.environment("run")[0] == 0
    assert machine.called() == ["venv", "run lock", "pip"]
    assert not (machine.tree / ".venv" / "half").exists()


def test_a_test_environment_serves_too_and_only_adds_to_what_is_there(machine: Machine) -> None:
    machine.environment("run")
    machine.called()
    assert machine.environment("dev")[0] == 0
    assert machine.called() == ["dev lock", "pip"]
    assert machine.environment("run") == (0, "")
    assert machine.called() == []


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("requirements.lock", "alembic==", "# another resolution\nalembic=="),
        ("pyproject.toml", 'version = "', 'version = "9.'),
    ],
)
def test_a_new_lock_or_version_mends_the_environment_in_place(machine: Machine, file: str, old: str, new: str) -> None:
    machine.environment("run")
    machine.called()
    changed = machine.tree / file
    changed.write_text(changed.read_text().replace(old, new, 1))
    assert machine.environment("run")[0] == 0
    assert machine.called() == ["run lock", "pip"]


def test_an_update_broken_off_half_way_is_made_anew(machine: Machine) -> None:
    machine.environment("run")
    lock = machine.tree / "requirements.lock"
    lock.write_text("# another resolution\n" + lock.read_text())
    assert machine.environment("run", PIP_STATUS="7")[0] == 1
    machine.called()
    assert machine.environment("run")[0] == 0
    assert machine.called() == ["venv", "run lock", "pip"]


def test_a_folder_that_was_moved_gets_its_own_environment(machine: Machine) -> None:
    machine.environment("run")
    machine.called()
    machine.tree = machine.tree.rename(machine.tree.with_name("moved folder"))
    assert machine.environment("run")[0] == 0
    assert machine.called() == ["venv", "run lock", "pip"]


def test_two_starts_at_once_make_one_environment(machine: Machine) -> None:
    starts = [machine.command("sh", "tools/environment.sh", "run") for _ in range(2)]
    outputs = [start.communicate(timeout=15)[0] for start in starts]
    assert [start.returncode for start in starts] == [0, 0]
    assert machine.called() == ["venv", "run lock", "pip"]
    assert sum("waiting for it" in output for output in outputs) == 1


def test_pip_settings_that_lead_elsewhere_do_not_hold_and_the_others_do(machine: Machine) -> None:
    python = machine.bin / "python3"
    python.write_text(PLAYED_PYTHON.replace('echo "pip $*"', 'env >"$CALLS.env"; echo "pip $*"'))
    machine.environment("run", PIP_TARGET="/elsewhere", PIP_INDEX_URL="https://index.example/simple", HOME="")
    settings = Path(f"{machine.calls}.env").read_text()
    assert "PIP_INDEX_URL=https://index.example/simple" in settings
    assert "PIP_TARGET" not in settings
    assert "PIP_NO_CACHE_DIR=1" in settings


@pytest.mark.parametrize(
    ("python", "told"),
    [
        (
            OLD_PYTHON,
            "Python 3.11 or newer is needed (found: 3.9). Bring it with: apt-get install -y python3 python3-venv",
        ),
        (BARE_PYTHON, "cannot make virtual environments. Bring what it lacks with: apt-get install -y python3.11-venv"),
    ],
)
def test_a_python_that_will_not_do_is_told_in_one_line_with_its_remedy(tmp_path: Path, python: str, told: str) -> None:
    machine = Machine(tmp_path, python)
    status, output = machine.environment("run")
    assert status == 1
    assert told in output
    assert output.count("\n") == 1
    assert not (machine.tree / ".venv").exists()


def test_make_run_starts_the_server_with_what_make_was_given(machine: Machine) -> None:
    def planned(*arguments: str, **env: str) -> str:
        output = machine.run("make", "-n", "run", *arguments, **env)[1]
        return " ".join(output.partition(" -m cmmc_tracker ")[2].split())

    assert planned() == "serve"
    assert planned("HOST=::1", "PORT=9000", "WORKERS=4") == "serve --host '::1' --port '9000' --workers '4'"
    assert planned(PORT="9000") == "serve --port '9000'"
    assert planned(HOST="0.0.0.0") == "serve", "a HOST that the shell exports must not open the tracker to the network"


def test_make_alone_lists_every_command(machine: Machine) -> None:
    status, output = machine.run("make")
    assert status == 0
    listed = {line.split()[1] for line in output.splitlines() if line.startswith("  make ")}
    assert "127.0.0.1:8000" in output
    assert {"run", "test", "check", "fmt", "bench", "demo", "crash", "faults", "load", "lock"} <= listed


def pins(lock: str) -> set[str]:
    return set(
        re.findall(r"^[a-z0-9._-]+(?:\[[a-z0-9,_-]+\])?==[^ ]+(?: ;[^\\\n]*)?", (ROOT / lock).read_text(), re.MULTILINE)
    )


def test_the_development_lock_holds_the_other_in_the_same_versions() -> None:
    assert len(pins("requirements.lock")) > 20
    assert pins("requirements.lock") <= pins("requirements-dev.lock")


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_every_line_of_a_lock_has_hashes_and_the_build_backend_is_among_them(lock: str) -> None:
    entries = re.split(r"\n(?=\S)", (ROOT / lock).read_text().strip())
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []
    assert any(entry.startswith("flit-core==") for entry in entries)


def check(tree: Path, *steps: str, **env: str) -> tuple[int, list[str]]:
    """Run tools/check.py of that tree, and give its exit status and lines."""
    ended = subprocess.run(
        [sys.executable, "tools/check.py", *steps],
        cwd=tree,
        env={**os.environ, "LACKING": "", **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return ended.returncode, ended.stdout.splitlines()


def test_what_the_machine_lacks_is_told_in_a_box_at_the_end_with_its_remedy() -> None:
    status, lines = check(ROOT, "postgresql", "browser", TEST_POSTGRES_URL=CLOSED, TEST_CHROMIUM="/nowhere")
    assert status == 0
    box = lines[next(n for n, line in enumerate(lines) if line.startswith("┏")) :]
    assert any("Lacking: PostgreSQL" in line for line in box)
    assert any("apt-get install -y chromium" in line for line in box)
    assert box[-1] == "0 passed, 0 failed"


def test_what_the_machine_lacks_is_a_failure_where_that_is_asked() -> None:
    status, lines = check(ROOT, "postgresql", TEST_POSTGRES_URL=CLOSED, LACKING="fail")
    assert status == 1
    assert lines[-1] == "0 passed, 1 failed"


def test_every_step_runs_although_one_failed_before_it(tmp_path: Path) -> None:
    tree = clone(tmp_path / "a folder")
    for source in [*tree.rglob("*.py")]:
        if source != tree / "tools" / "check.py":
            source.unlink()
    (tree / "wrong.py").write_text("import os\nx=1\n")
    status, lines = check(tree, "style", "format")
    assert status == 1
    assert lines[-1] == "0 passed, 2 failed"
    assert sum("wrong.py" in line for line in lines) >= 2, "each step's own words are shown"


def test_an_unknown_step_is_wrong_use() -> None:
    assert check(ROOT, "everything")[0] == 2


def test_the_ci_script_can_be_run_and_read_by_bash() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert subprocess.run(["bash", "-n", script], check=False).returncode == 0
