"""Runs the project's checks and sums them up: what `make check`, `make test` and .ci/run call.

    .venv/bin/python tools/check.py all|fast|STEP…

Every step runs, whatever failed before it. What this machine lacks (a PostgreSQL server, Chromium) is told at the very
end with the command that brings it; its step does not run then, or fails where LACKING=fail. Steps that only read the
source run beside the tests. The last line is always `N passed, N failed`; the exit status is 0 only without
failures.

Environment: TEST_POSTGRES_URL (a server on which databases may be created), TEST_CHROMIUM (a program), LACKING=fail,
DRILLS=1 (adds to `all` what is slow: the kill drill on both databases, and the second reader of our OSCAL with its own
environment).
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTEST = ("-m", "pytest", "-n", "2", "--dist", "loadgroup")
SUITE = (*PYTEST, "-m", "not browser and not slow")
UNIT = tuple(f"tests/{name}" for name in ("domain", "importers", "reports", "test_house.py", "test_sql_lint.py"))
# It is about the PostgreSQL databases that tests are lent.
LENT = "tests/storage/test_clearing.py"
# What knows no database, brings its own, or is decided before the database is asked: run once, beside SQLite. Pages are
# here too: all that they ask of the database they ask by services and as calls do, and both are run on each database.
ONCE = (
    "tests/web",
    *("tests/domain", "tests/importers", "tests/reports", "tests/deploy"),
    *(f"tests/test_{name}.py" for name in ("sql_lint", "attack_tool", "security_doc", "house", "commands", "bench")),
    *(f"tests/test_{name}.py" for name in ("packaging", "second_reader", "rules_doc")),
    *(f"tests/attack/test_{name}.py" for name in ("redirects", "csrf", "hosts", "headers", "slow", "weight")),
    *("tests/attack/test_bad_requests.py", "tests/buckets/test_backups.py", "tests/buckets/test_blobs.py"),
    *(f"tests/services/test_{n}.py" for n in ("preview_pages", "pdf_child", "text_child", "extraction", "sheets")),
    *(
        "tests/storage/test_scanner.py",
        *(f"tests/storage/test_mail{part}.py" for part in ("", "_address", "_encrypted", "_servers")),
        "tests/storage/test_blobs.py",
        "tests/gate/test_server.py",
    ),
    *("tests/cli/test_secrets.py", "tests/attack/test_document_source.py"),
)
SERVERS = (
    "postgresql://postgres@127.0.0.1:5432/postgres",
    "postgresql://root@127.0.0.1/postgres",
    "postgresql:///postgres",
)
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True)
class Lacking:
    """Something that this machine does not have: `what` is missing, and the commands that bring it."""

    what: str
    remedy: tuple[str, ...]


Need = Callable[[], "dict[str, str] | Lacking"]


@dataclass(frozen=True)
class Step:
    """One line of the summary.

    `command` is given to this environment's Python. `need` finds what the step uses outside of it, as environment
    variables. A `quiet` step only reads the source: it runs beside the tests, and its output is shown if it failed.
    """

    name: str
    command: tuple[str, ...]
    quiet: bool = False
    need: Need | None = None
    env: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """How a step ended. `status` is its exit status, or None if it did not run because of `lacking`."""

    step: Step
    status: int | None
    seconds: float
    output: str = ""
    lacking: Lacking | None = None


def postgresql() -> dict[str, str] | Lacking:
    """Find a PostgreSQL server on which this user may create databases."""
    import psycopg  # noqa: PLC0415 - nothing else here needs more than the standard library

    given = os.environ.get("TEST_POSTGRES_URL", "").replace("+psycopg:", ":", 1)
    reasons = []
    for url in (given,) if given else SERVERS:
        try:
            with psycopg.connect(url, connect_timeout=3) as server:
                row = server.execute(
                    "SELECT rolsuper OR rolcreatedb FROM pg_roles WHERE rolname = current_user"
                ).fetchone()
        except psycopg.Error as error:
            reasons.append(str(error).strip().splitlines()[0])
            continue
        if row and row[0]:
            return {"TEST_POSTGRES_URL": url}
        reasons.append("its user may not create databases")
    if given:
        # The address is not repeated: it may hold a password.
        return Lacking(
            f"PostgreSQL at TEST_POSTGRES_URL ({reasons[0]})",
            ("start that server, or unset TEST_POSTGRES_URL to use the one of this machine",),
        )
    return Lacking("a PostgreSQL server that lets this user create databases", _postgresql_remedy())


def _postgresql_remedy() -> tuple[str, ...]:
    """Say the commands that are still needed: install, start, make a role."""
    become = "" if os.geteuid() == 0 else "sudo "
    role = f'{become}su postgres -c "createuser --createdb $(id -un)"'
    start = f"{become}pg_ctlcluster $(pg_lsclusters -h | awk '{{print $1, $2; exit}}') start"
    if shutil.which("pg_lsclusters") is None:
        return (f"{become}apt-get install -y postgresql", start, role)
    clusters = subprocess.run(["pg_lsclusters", "-h"], capture_output=True, text=True, check=False).stdout  # noqa: S607 - found on PATH just above
    if "online" not in clusters:
        return (start, role)
    return (role,)


def chromium() -> dict[str, str] | Lacking:
    """Find a Chromium that starts."""
    become = "" if os.geteuid() == 0 else "sudo "
    given = os.environ.get("TEST_CHROMIUM")
    path = next(filter(None, map(shutil.which, (given,) if given else BROWSERS)), None)
    if path and subprocess.run([path, "--version"], capture_output=True, check=False).returncode == 0:
        return {"TEST_CHROMIUM": path}
    what = "Chromium at TEST_CHROMIUM" if given else "Chromium"
    return Lacking(what, (f"{become}apt-get install -y chromium fonts-dejavu-core",))


STEPS = (
    Step("style", ("-m", "ruff", "check", "."), quiet=True),
    Step("format", ("-m", "ruff", "format", "--check", "."), quiet=True),
    Step(
        "types",
        (
            "-m",
            "mypy",
        ),
        quiet=True,
    ),
    Step(
        "imports",
        ("-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-logo", "--no-cache"),
        quiet=True,
    ),
    Step("sql", ("tools/sql_lint.py", "src"), quiet=True),
    Step("licences", ("tools/licences.py",), quiet=True),
    Step("unit", (*PYTEST, *UNIT), env={"TEST_DATABASE": "sqlite"}),
    Step("sqlite", (*SUITE, f"--ignore={LENT}"), env={"TEST_DATABASE": "sqlite"}),
    Step(
        "postgresql",
        (*SUITE, *(f"--ignore={path}" for path in ONCE)),
        env={"TEST_DATABASE": "postgresql"},
        need=postgresql,
    ),
    Step("browser", (*PYTEST, "-m", "browser", "tests/browser"), env={"TEST_DATABASE": "sqlite"}, need=chromium),
    Step("oscal", ("tools/second_reader.py",)),
    Step("drill", ("-m", "tests.crash")),
    Step("drill-pg", ("-m", "tests.crash", "--postgresql", "--rounds", "10"), need=postgresql),
)
SOURCE = ("style", "format", "types", "imports", "sql", "licences")
GROUPS = {
    "fast": (*SOURCE, "unit"),
    "all": (
        *SOURCE,
        "sqlite",
        "postgresql",
        "browser",
        *(("oscal", "drill", "drill-pg") if os.environ.get("DRILLS") == "1" else ()),
    ),
}


def chosen(names: list[str]) -> list[Step]:
    """Turn groups and step names into steps, in the order of STEPS. An unknown name stops with exit status 2."""
    known = {step.name: step for step in STEPS}
    wanted = {each for name in names for each in GROUPS.get(name, (name,))}
    if not wanted or wanted - known.keys():
        print(f"usage: check.py {'|'.join((*GROUPS, *known))} …", file=sys.stderr)
        raise SystemExit(2)
    return [step for step in STEPS if step.name in wanted]


def run(step: Step) -> Result:
    """Run one step to its end; a step that is not quiet writes straight to the terminal."""
    begun = time.monotonic()
    found = step.need() if step.need else {}
    if isinstance(found, Lacking):
        return Result(step, None, time.monotonic() - begun, lacking=found)
    ended = subprocess.run(
        [sys.executable, *step.command],
        cwd=ROOT,
        env={**os.environ, **step.env, **found},
        stdout=subprocess.PIPE if step.quiet else None,
        stderr=subprocess.STDOUT if step.quiet else None,
        text=True,
        check=False,
    )
    return Result(step, ended.returncode, time.monotonic() - begun, ended.stdout or "")


def run_all(steps: list[Step]) -> list[Result]:
    """Run the steps, the quiet ones beside the others, and give their results in the order of `steps`."""
    interrupted: list[int] = []
    # Ctrl-C reaches the running step too, which cleans up behind itself; here it only keeps the next from starting.
    signal.signal(signal.SIGINT, lambda number, _: interrupted.append(number))

    def guarded(step: Step) -> Result:
        return Result(step, 128 + signal.SIGINT, 0) if interrupted else run(step)

    with ThreadPoolExecutor(max_workers=1) as lane:
        beside: list[Future[Result]] = [lane.submit(guarded, step) for step in steps if step.quiet]
        results = []
        for step in steps:
            if not step.quiet:
                heading(step.name)
                results.append(guarded(step))
        results += [future.result() for future in beside]
    for result in results:
        if result.step.quiet and result.status != 0:
            heading(result.step.name)
            print(result.output.rstrip(), flush=True)
    return sorted(results, key=lambda result: steps.index(result.step))


def heading(name: str) -> None:
    """Announce the output of a step."""
    print(f"\n── {name} {'─' * (76 - len(name))}", flush=True)


def box(lines: list[str]) -> str:
    """Draw a frame that nobody overlooks."""
    width = max(map(len, lines))
    body = [f"┃ {line:<{width}} ┃" for line in lines]
    return "\n".join([f"┏{'━' * (width + 2)}┓", *body, f"┗{'━' * (width + 2)}┛"])


def summary(results: list[Result], *, seconds: float, lacking_fails: bool) -> tuple[str, int]:
    """Tell how it went, and the number of failures: a table, what is lacking, and `N passed, N failed`."""
    words = {0: "passed", None: "LACKING" if lacking_fails else "NOT RUN"}
    lines = ["", f"{'step':<12} {'result':<10} seconds"]
    for result in results:
        word = words.get(result.status, f"FAILED {result.status}")
        lines.append(f"{result.step.name:<12} {word:<10} {result.seconds:7.1f}")
    lines.append(f"{'all':<12} {'':<10} {seconds:7.1f}")
    lacking = [result.lacking for result in results if result.lacking]
    if lacking:
        told = ["THIS MACHINE LACKS SOMETHING, SO NOT EVERYTHING WAS TESTED"]
        for each in lacking:
            told += ["", f"Lacking: {each.what}", *(f"    {command}" for command in each.remedy)]
        lines += ["", box(told)]
    passed = sum(result.status == 0 for result in results)
    failed = sum(result.status not in (0, None) or (result.status is None and lacking_fails) for result in results)
    return "\n".join([*lines, "", f"{passed} passed, {failed} failed"]), failed


def main() -> int:
    """Run what the command line names; 0 only when nothing failed."""
    begun = time.monotonic()
    results = run_all(chosen(sys.argv[1:]))
    text, failed = summary(results, seconds=time.monotonic() - begun, lacking_fails=os.environ.get("LACKING") == "fail")
    print(text, flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
