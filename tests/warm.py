"""`cmmc-tracker` for tests that run it often: each command is a process of its own, forked from one that is warm.

Most of what a command takes is the loading of libraries. So each worker has one process (`python -m tests.warm`)
that has loaded everything and done nothing, and forks itself for each command: with the environment, folder, mask and
input that the test gives, as a shell would. What a start itself does is looked at with real starts (`test_secrets.py`,
`tests/gate`, `tests/deploy`).
"""

import atexit
import gc
import importlib
import json
import os
import pkgutil
import resource
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parent.parent
Ran = subprocess.CompletedProcess[str]
_LONGEST = 120  # seconds that a command may take
_warm: list[subprocess.Popen[str]] = []


def run(*words: str, env: Mapping[str, str], typed: str = "", cwd: Path = ROOT, largest: int = 0) -> Ran:
    """Run `cmmc-tracker` to its end.

    Parameters: `env` is set over the environment of the tests; what is set to nothing there is unset. `typed` is its
    standard input. `largest`: the bytes that a file may have, as on a disk that is full then; 0 for no limit.
    """
    environment = {name: value for name, value in {**os.environ, **env}.items() if value}
    mask = os.umask(0)
    os.umask(mask)
    with (
        tempfile.NamedTemporaryFile("w+") as enters,
        tempfile.NamedTemporaryFile("r") as out,
        tempfile.NamedTemporaryFile("r") as errors,
    ):
        enters.write(typed)
        enters.flush()
        asked = {"words": words, "env": environment, "cwd": str(cwd), "mask": mask, "largest": largest}
        status = _ask({**asked, "files": [enters.name, out.name, errors.name]})
        return Ran([*words], status, out.read(), errors.read())


def _ask(asked: Mapping[str, Any]) -> int:
    if not _warm or _warm[0].poll() is not None:
        command = [sys.executable, "-m", "tests.warm"]
        _warm[:] = [subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)]
        atexit.register(_end, _warm[0])
    enters, answers = _warm[0].stdin, _warm[0].stdout
    assert enters is not None
    assert answers is not None
    enters.write(f"{json.dumps(asked)}\n")
    enters.flush()
    return int(answers.readline())


def _end(process: subprocess.Popen[str]) -> None:
    process.communicate()


def _load() -> None:
    """Load all modules of the product but its start."""
    import cmmc_tracker

    for found in pkgutil.walk_packages(cmmc_tracker.__path__, "cmmc_tracker."):
        if found.name.rpartition(".")[2] not in {"__main__", "env"} and ".migrations" not in found.name:
            importlib.import_module(found.name)
    for driver in ("sqlalchemy.dialects.sqlite", "sqlalchemy.dialects.postgresql", "psycopg", "alembic.command"):
        importlib.import_module(driver)
    gc.freeze()


def _serve(asks: IO[str], answers: IO[str]) -> None:
    for line in asks:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            _become(asked)
        _, status = os.waitpid(child, 0)
        answers.write(f"{os.waitstatus_to_exitcode(status)}\n")
        answers.flush()


def _become(asked: Mapping[str, Any]) -> None:
    """Be the command, as if a shell had started it. Ends the process, as an exit would."""
    signal.alarm(_LONGEST)
    for number, name in enumerate(asked["files"]):
        file = os.open(name, os.O_RDONLY if number == 0 else os.O_WRONLY)
        os.dup2(file, number)
        os.close(file)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 these live as long as the process
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", closefd=False, errors="backslashreplace")  # noqa: SIM115
    os.chdir(asked["cwd"])
    os.umask(asked["mask"])
    os.environ.clear()
    os.environ.update(asked["env"])
    if asked["largest"]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (asked["largest"],) * 2)
    sys.argv = ["cmmc-tracker", *asked["words"]]
    status = _outcome()
    gc.collect()  # what an exit lets go: a database that is closed leaves no files beside it
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # an exit would take what is loaded apart piece by piece, which takes longer than most commands


def _outcome() -> int:
    from cmmc_tracker.cli import main

    try:
        main()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    _load()
    _serve(sys.stdin, sys.stdout)
