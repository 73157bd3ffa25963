"""Runs the scans in three lanes, judges what they found, and writes docs/security-scan.md.

    .venv/bin/python -m tools.attack [--only NAME…]

Exit status 1 when a finding above informational is not explained, or when a scan could not do what it should have; the
page is written all the same. With --only just the named kinds of scan run (wapiti, schemathesis, sqlmap) and no page is
written. Bounded: about 15 minutes on two cores.
"""

from __future__ import annotations

import argparse
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psycopg
from psycopg import sql
from tools import check
from tools.attack import report, scans
from tools.attack.findings import reason_for, unexplained
from tools.attack.scans import Scan
from tools.attack.site import ROOT, nginx

PAGE = ROOT / "docs/security-scan.md"
Job = Callable[[], Scan]


def main() -> int:
    """Scan, write down, judge."""
    # A request to end is an interruption like Ctrl-C: what was started is ended on the way out.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    parser = argparse.ArgumentParser(prog="python -m tools.attack")
    parser.add_argument("--only", nargs="*", choices=["wapiti", "schemathesis", "sqlmap"])
    only = parser.parse_args().only
    if not nginx():
        print("make attack lacks nginx: apt-get install -y nginx-light", file=sys.stderr)
        return 1
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="attack-") as folder, _postgresql() as server:
        done = _all(_lanes(Path(folder), server, only))
    facts = _facts(time.monotonic() - begun, server)
    if only is None:
        PAGE.write_text(report.page(done, facts), encoding="utf-8")
    return _judge(done)


def _lanes(folder: Path, server: str, only: list[str] | None) -> list[list[tuple[str, Job]]]:
    """Three lanes of scans: the scanners wait for the product half of their time, and keep two cores busy so."""
    pages: list[tuple[str, Job]] = [
        ("wapiti", lambda: scans.wapiti(folder, "stranger", lambda _: None, 20, 15)),
        ("wapiti", lambda: scans.wapiti(folder, "user", lambda site: site.user, 60, 25)),
        ("wapiti", lambda: scans.wapiti(folder, "administrator", lambda site: site.admin, 60, 25)),
    ]
    api: list[tuple[str, Job]] = [
        ("schemathesis", lambda: scans.schemathesis(folder, "token that writes", lambda site: site.admin.writes, 240)),
        ("schemathesis", lambda: scans.schemathesis(folder, "token that reads", lambda site: site.admin.reads, 240)),
        ("schemathesis", lambda: scans.schemathesis(folder, "stranger", lambda _: "", 240)),
    ]
    statements: list[tuple[str, Job]] = [("sqlmap", lambda: scans.sqlmap(folder, "sqlite", ""))]
    if server:
        statements.append(("sqlmap", lambda: scans.sqlmap(folder, "postgresql", server)))
    return [[job for job in lane if only is None or job[0] in only] for lane in (pages, api, statements)]


def _all(lanes: list[list[tuple[str, Job]]]) -> list[Scan]:
    """Run the lanes side by side and each lane's scans one after the other."""
    with ThreadPoolExecutor(len(lanes)) as pool:
        try:
            return [scan for found in pool.map(_lane, lanes) for scan in found]
        except BaseException:
            scans.STOP.set()  # else the pool would wait for what is left to scan
            raise


def _lane(jobs: list[tuple[str, Job]]) -> list[Scan]:
    done = []
    for _, job in jobs:
        if scans.STOP.is_set():
            break
        scan = job()
        print(f"{scan.name}: {scan.extent}, {scan.requests} requests, {scan.seconds:.0f} s", flush=True)
        done.append(scan)
    return done


@contextmanager
def _postgresql() -> Iterator[str]:
    """The address of an empty database for the scan, removed at the end; empty where there is no server."""
    found = check.postgresql()
    if isinstance(found, check.Lacking):
        print("There is no PostgreSQL server here, so sqlmap is set upon SQLite only.", flush=True)
        yield ""
        return
    url, name = found["TEST_POSTGRES_URL"], f"cmmc_attack_{secrets.token_hex(6)}"
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        yield psycopg_url(url, name)
    finally:
        with psycopg.connect(url, autocommit=True) as server:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def psycopg_url(url: str, name: str) -> str:
    """The server's address with another database in it."""
    address, question, options = url.partition("?")
    return f"{address.rpartition('/')[0]}/{name}{question}{options}"


def _facts(seconds: float, server: str) -> dict[str, str]:
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "product": f"cmmc-tracker {version('cmmc-tracker')}{_commit()}",
        "scanners": ", ".join(_versions()),
        "in front": _said([nginx() or "nginx", "-v"]).rpartition(":")[2].strip(),
        "database": "SQLite" + ("; sqlmap also upon PostgreSQL" if server else ", no PostgreSQL server was there"),
        "took": f"{seconds / 60:.0f} minutes on {os.cpu_count()} cores",
    }


def _commit() -> str:
    """The commit, and whether the tree had changes; nothing where there is no git."""
    git = ["git", "-C", str(ROOT)]
    commit = _said([*git, "rev-parse", "--short=10", "HEAD"])
    changed = _said([*git, "status", "--porcelain", "--", "src", "deploy"])
    return f", commit {commit}{' with changes' if changed else ''}" if commit.isalnum() else ""


def _said(command: list[str]) -> str:
    try:
        ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    except OSError:
        return ""
    return ended.stdout.strip()


def _versions() -> list[str]:
    """The scanners' versions, as their environments have them."""
    asked = "import importlib.metadata as m, sys; print(*(f'{n} {m.version(n)}' for n in sys.argv[1:]), sep='\\n')"
    return [
        line
        for venv, names in ((".venv-wapiti", ["wapiti3"]), (".venv-attack", ["schemathesis", "sqlmap"]))
        for line in _said([str(ROOT / venv / "bin/python"), "-c", asked, *names]).splitlines()
    ]


def _judge(done: list[Scan]) -> int:
    """Print what is open; the exit status."""
    found = [one for scan in done for one in scan.found]
    wrong = unexplained(found)
    missed = [f"{scan.name}: {one}" for scan in done for one in scan.missed]
    for one in wrong:
        print(f"UNEXPLAINED {one.level.name.lower()}: {one.scanner}, {one.kind}, {one.where}: {one.what}")
    for line in missed:
        print(f"NOT DONE {line}")
    explained = sum(reason_for(one) is not None for one in found)
    print(f"{len(found)} findings: {explained} explained, {len(wrong)} unexplained; {len(missed)} things not done")
    return 1 if wrong or missed else 0


if __name__ == "__main__":
    sys.exit(main())
