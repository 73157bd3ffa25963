"""The server and the commands that are killed: each in a process group of its own."""

import atexit
import json
import os
import re
import signal
import subprocess
import sys
from typing import Any

PRODUCT = (sys.executable, "-m", "cmmc_tracker")
Process = subprocess.Popen[str]


def start(environment: dict[str, str], *words: str) -> Process:
    """A command of the product."""
    command = (*PRODUCT, *words)
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True
    )
    atexit.register(kill, process)
    return process


def serve(environment: dict[str, str]) -> tuple[Process, int]:
    """A server on a free port."""
    server = start(environment, "serve", "--port", "0")
    assert server.stdout is not None
    found = re.search(r":(\d+)", server.stdout.readline())
    assert found, "the server did not start"
    return server, int(found[1])


def kill(process: Process) -> None:
    """Kill a process and all that it started; nothing is left behind when the drill stops at a failure either."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def said(process: Process) -> str:
    """What a command said that came to its end; it must have gone well."""
    text, _ = process.communicate()
    assert process.returncode == 0, f"{process.args!r} ended with {process.returncode}: {text}"
    return text


def stop(server: Process) -> None:
    """End a server in peace."""
    server.terminate()
    server.wait()


def run(environment: dict[str, str], *words: str, given: str = "") -> str:
    """Run a command to its end; returns what it said."""
    done = subprocess.run(
        (*PRODUCT, *words), env=environment, input=given, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, f"{words[0]} ended with {done.returncode}: {done.stdout}{done.stderr}"
    return done.stdout


def verify(environment: dict[str, str]) -> dict[str, Any]:
    """What `verify` says when it is content."""
    report: dict[str, Any] = json.loads(run(environment, "verify", "--json"))
    return report
