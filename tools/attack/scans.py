"""The scans: how each scanner is called, and what came of it. Each is bounded in time, and ended with all it started.

Every scan gets an installation and a home of its own, both in the run's folder: what one breaks hinders no other, and
nothing is left behind.
"""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tools.attack import findings, targets
from tools.attack.findings import Finding, Level, Unreadable
from tools.attack.outside import listening
from tools.attack.site import ROOT, Member, Site, running

GUARD = Path(__file__).resolve().parent / "guard"
SEED = 20_261_125
SQLMAP_SECONDS = 240  # for one target; on a quiet machine most need 5 to 30, an upload beside other scans 150
STOP = threading.Event()  # set when the run is interrupted: scanners in all lanes are then ended
# Families whose requirements wapiti leaves out: 110 pages of one make would take all its time.
FAMILIES_LEFT_OUT = ("AC", "AT", "AU", "CA", "CM", "IA", "IR", "MA", "MP", "PE", "RA", "SC", "SI")
# The beginnings of all numbers but 1 and 2: two artifacts stand for all, also for those that wapiti uploads.
NUMBERS_LEFT_OUT = (*range(3, 10), *range(10, 30))
MODULES_LEFT_OUT = {
    "htp": "needs a database from outside",
    "nikto": "needs a database from outside",
    "wapp": "needs a database from outside",
    "takeover": "asks name servers outside",
    "log4shell": "needs a name server of its own; there is no Java here",
    "ssl": "needs sslscan and asks a certificate log outside; the TLS settings are tested in tests/deploy",
}


@dataclass
class Scan:
    """What came of one scan. `missed` says what the scan could not do though it should have."""

    name: str
    tool: str
    command: str = ""
    seconds: float = 0
    requests: int = 0
    extent: str = ""
    found: list[Finding] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)


def _run(command: list[str], folder: Path, seconds: float, extra: dict[str, str] | None = None) -> str:
    """Run a scanner in its own folder, home and process group; returns what it printed. Its time over, it is ended."""
    home = folder / "home"
    home.mkdir(exist_ok=True, parents=True)
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
    guard = {"PYTHONPATH": str(GUARD), "ATTACK_REFUSED": str(folder / "refused")}
    log = folder / "output.txt"
    with log.open("ab") as file:
        started = subprocess.Popen(
            command,
            cwd=folder,
            env=kept | guard | {"HOME": str(home), "TMPDIR": str(home)} | (extra or {}),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            if not _ended_within(started, seconds):
                file.write(b"\n[ended by the time limit]\n")
        finally:
            _end_group(started)
    return log.read_text(encoding="utf-8", errors="replace")


def _ended_within(started: subprocess.Popen[bytes], seconds: float) -> bool:
    """Wait until the scanner ends by itself, its time is over, or everything is to stop."""
    last = time.monotonic() + seconds
    while started.poll() is None:
        if STOP.wait(0.2) or time.monotonic() > last:
            return False
    return True


def _end_group(started: subprocess.Popen[bytes]) -> None:
    """End the scanner and whatever it started: it leads a process group of its own."""
    for how, patience in ((signal.SIGTERM, 10), (signal.SIGKILL, 10)):
        try:
            os.killpg(started.pid, how)
        except ProcessLookupError:
            break
        try:
            started.wait(patience)
        except subprocess.TimeoutExpired:
            continue
    started.wait()


def _shown(command: list[str], *places: tuple[str, str]) -> str:
    """A command as the report prints it: machine paths and secrets replaced, of a row of `-x` only the first."""
    parts = list(command)
    while "-x" in parts[parts.index("-x") + 1 :] if "-x" in parts else False:
        second = parts.index("-x", parts.index("-x") + 1)
        del parts[second : second + 2]
    if len(parts) < len(command):
        parts.insert(parts.index("-x") + 2, "…")
    text = " ".join(f"'{part}'" if set(part) & set(" *[]();&") else part for part in parts)
    for real, name in places:
        text = text.replace(real, name)
    return text


def _refused(folder: Path) -> int:
    file = folder / "refused"
    return len(file.read_text(encoding="utf-8").splitlines()) if file.exists() else 0


def _close(scan: Scan, site: Site, folder: Path, begun: float, before: int = 0) -> Scan:
    """Add what the proxy's log tells, and the time."""
    answers = site.answers()[before:]
    scan.found += findings.of_answers(answers)
    scan.requests = len(answers)
    scan.seconds = time.monotonic() - begun
    refused = _refused(folder)
    if refused:
        scan.extent += f"; {refused} looks outside refused"
    return scan


def wapiti(base: Path, name: str, choose: Callable[[Site], Member | None], crawl: int, module: int) -> Scan:
    """Wapiti over the pages: as a stranger where `choose` gives nobody, else with that person's cookie."""
    folder, begun = base / f"wapiti-{name}", time.monotonic()
    scan = Scan(f"wapiti, {name}", "wapiti")
    with running(folder / "site") as site, listening() as outside:
        who = choose(site)
        command = _wapiti_command(site, who, outside.url, crawl, module)
        places = [(site.url, "https://SITE"), (outside.url, "http://LISTENER/"), (str(ROOT), ".")]
        scan.command = _shown(command, (who.cookie, "COOKIE") if who else ("\0", ""), *places)
        # 26 modules of that many seconds at the very worst; most need less.
        log = _run(command, folder, crawl + 26 * module)
        try:
            text = (folder / "report.json").read_text(encoding="utf-8")
            scan.found += findings.of_wapiti(text)
            cut = findings.modules_cut_short(log)
            scan.extent = f"{findings.wapiti_pages(text)} pages and forms"
            scan.extent += f"; {module} s were too short for {', '.join(cut)}" if cut else ""
        except (OSError, Unreadable) as error:
            scan.missed.append(f"no report: {error}")
        if who and not site.still_signed_in(who):
            scan.missed.append("the session ended before the scan did, so the rest was seen as a stranger")
        scan.found += [Finding("listener", "call from the product", one, Level.CRITICAL) for one in outside.called]
        return _close(scan, site, folder, begun)


def _wapiti_command(site: Site, who: Member | None, outside: str, crawl: int, module: int) -> list[str]:
    left_out = [f"{site.url}/systems/main/requirements/{family}.*" for family in FAMILIES_LEFT_OUT]
    left_out += [f"{site.url}/{room}/{begin}*" for room in ("artifacts", "uploads") for begin in NUMBERS_LEFT_OUT]
    signed_in: list[str] = []
    if who:
        signed_in = ["-H", f"Cookie: {who.cookie}"]
        left_out += [f"{site.url}/logout", f"{site.url}/login*", f"{site.url}/profile/sessions/{who.session_id}/end"]
    return [
        str(ROOT / ".venv-wapiti/bin/wapiti"),
        *("-u", f"{site.url}/", "--scope", "folder", *signed_in),
        *[part for one in left_out for part in ("-x", one)],
        *("-m", ",".join(["all", *(f"-{name}" for name in MODULES_LEFT_OUT)])),
        *("--endpoint", outside, "--dns-endpoint", "localhost"),
        *("--max-scan-time", str(crawl), "--max-attack-time", str(module), "--max-files-per-dir", "15"),
        *("--tasks", "4", "--verify-ssl", "0", "--flush-session", "--no-bugreport", "-v", "1"),
        *("--store-session", "session", "--store-config", "config", "-f", "json", "-o", "report.json"),
    ]


def schemathesis(base: Path, name: str, choose: Callable[[Site], str], seconds: int) -> Scan:
    """Schemathesis over the API with the token that `choose` gives; with an empty one it signs in nobody."""
    folder, begun = base / f"schemathesis-{name.replace(' ', '-')}", time.monotonic()
    scan = Scan(f"schemathesis, {name}", "schemathesis")
    with running(folder / "site") as site:
        token = choose(site)
        (folder / "openapi.json").write_text(_description(site), encoding="utf-8")
        if token:
            (folder / "schemathesis.toml").write_text('[auth.openapi.bearer]\nbearer = "${TOKEN}"\n', encoding="utf-8")
        before = len(site.answers())
        command = _schemathesis_command(site)
        places = [(site.url, "https://SITE"), (str(site.certificate), "CERTIFICATE"), (str(ROOT), ".")]
        scan.command = _shown(command, *places)
        _run(command, folder, seconds, {"TOKEN": token})
        try:
            text = (folder / "report.json").read_text(encoding="utf-8")
            scan.found += findings.of_schemathesis(text)
            scan.extent = f"{findings.schemathesis_cases(text)} cases"
        except (OSError, Unreadable) as error:
            scan.missed.append(f"no report: {error}")
        return _close(scan, site, folder, begun, before)


def _schemathesis_command(site: Site) -> list[str]:
    return [
        str(ROOT / ".venv-attack/bin/schemathesis"),
        *("run", "openapi.json", "--url", site.url, "--tls-verify", str(site.certificate)),
        *("--checks", "all", "--exclude-checks", "positive_data_acceptance"),
        *("--max-examples", "40", "--seed", str(SEED), "--continue-on-failure", "--generation-database", "none"),
        *("--request-timeout", "20", "--no-color", "--report", "json", "--report-json-path", "report.json"),
    ]


def _ask(site: Site, method: str, path: str, headers: dict[str, str], body: str = "") -> tuple[int, str]:
    context = ssl.create_default_context(cafile=str(site.certificate))
    request = urllib.request.Request(site.url + path, body.encode() or None, headers, method=method)  # noqa: S310 - loopback
    try:
        with urllib.request.urlopen(request, timeout=20, context=context) as answer:  # noqa: S310 - loopback
            return answer.status, answer.read().decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode("utf-8", "replace")
    except OSError as error:
        return 599, f"no answer: {error}"


def _description(site: Site) -> str:
    status, text = _ask(site, "GET", "/api/openapi.json", {"Authorization": f"Bearer {site.admin.reads}"})
    if status != 200:
        raise SystemExit(f"The API's description could not be read: {status}")
    return text


def sqlmap(base: Path, database: str, database_url: str) -> Scan:
    """Sqlmap over every operation of the API with a token, and over pages that filter with a cookie; two at a time."""
    folder, begun = base / f"sqlmap-{database}", time.monotonic()
    scan = Scan(f"sqlmap, {database}", "sqlmap")
    with running(folder / "site", database_url) as site:
        wanted = [*targets.of_pages(), *targets.of_description(json.loads(_description(site)))]
        before = len(site.answers())
        with ThreadPoolExecutor(2) as pool:
            done = list(pool.map(lambda pair: _one(site, folder, _sqlmap_command(database), *pair), enumerate(wanted)))
        for one in done:
            scan.found += one.found
            scan.missed += one.missed
            scan.command = scan.command or one.command
        scan.extent = f"{len(wanted)} targets"
        (folder / "refused").write_text("".join(_text(each) for each in folder.glob("*/refused")), encoding="utf-8")
        return _close(scan, site, folder, begun, before)


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8")


def _one(site: Site, base: Path, command: list[str], number: int, target: targets.Target) -> Scan:
    folder = base / f"target-{number}"
    folder.mkdir()
    name, value = ("Cookie", site.admin.cookie) if target.page else ("Authorization", f"Bearer {site.admin.writes}")
    scan = Scan(target.where, "sqlmap")
    if target.method != "DELETE":
        kind = {"Content-Type": target.media_type} if target.body else {}
        status, answer = _ask(site, target.method, target.path, {name: value, **kind}, target.body)
        if status >= 300:
            scan.missed.append(f"{target.where}: the unharmed request was refused with {status}: {answer[:200]}")
    file = folder / "request.txt"
    file.write_bytes(target.request(f"localhost:{site.port}", f"{name}: {value}").encode())
    scan.command = _shown(command, (str(ROOT), "."))
    log = _run(command, folder, SQLMAP_SECONDS + 15)
    try:
        scan.found += findings.of_sqlmap((folder / "report.json").read_text(encoding="utf-8"), target.where)
    except (OSError, Unreadable) as error:
        scan.missed.append(f"{target.where}: {error}")
    scan.found += findings.suspicions_of_sqlmap(log, target.where)
    if "do not appear to be injectable" not in log and not scan.found:
        scan.missed.append(f"{target.where}: not all of its parameters were tried within {SQLMAP_SECONDS} seconds")
    return scan


def _sqlmap_command(database: str) -> list[str]:
    return [
        str(ROOT / ".venv-attack/bin/sqlmap"),
        *("-r", "request.txt", "--force-ssl", "--batch", "--dbms", database, "--level", "2", "--risk", "2"),
        *("--technique", "BEUST", "--time-sec", "3", "--threads", "4", "--time-limit", str(SQLMAP_SECONDS)),
        *("--ignore-code", "400,404,409,422", "--skip-waf", "--param-exclude", "^(?i:cookie|host|user-agent|referer)$"),
        *("--disable-coloring", "--flush-session", "--output-dir", "output", "--report-json", "report.json"),
    ]
