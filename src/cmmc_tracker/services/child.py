"""The one way to let a child process read a file that is not trusted: isolated, and bounded in bytes and time."""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from threading import Timer


def run(script: str, arguments: Iterable[str], path: Path, *, most_bytes: int, seconds: float) -> tuple[int, bytes]:
    """Exit status and answer of a script whose standard input is the open file; it gets nothing else of ours.

    Of the answer at most one byte more is taken in than is allowed: a longer one was cut off and its child killed.
    After so many seconds by the clock the child is killed too; the status is then `-SIGKILL`.
    """
    # By its file, isolated: the package may run from a folder that a bare interpreter does not know.
    command = [sys.executable, "-I", script, *arguments]
    with (
        path.open("rb") as file,
        subprocess.Popen(  # noqa: S603 our own script; the arguments are ours, never a name that people gave
            command, stdin=file, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={}, cwd="/"
        ) as child,
    ):
        assert child.stdout is not None  # noqa: S101 a narrowing for the type checker
        timer = Timer(seconds, child.kill)
        timer.start()
        try:
            answer = child.stdout.read(most_bytes + 1)
            if len(answer) > most_bytes:
                child.kill()
            return child.wait(), answer
        finally:
            timer.cancel()
            child.kill()
