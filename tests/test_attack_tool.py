"""`make attack` itself: how it reads the scanners' reports, what it lets pass, that no scanner leaves the machine."""

import io
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from flask import Flask
from tools.attack import findings, report, scans, site, targets
from tools.attack.findings import EXPLAINED, Explained, Finding, Level, Unreadable
from tools.attack.scans import Scan

from cmmc_tracker.api.openapi import document
from cmmc_tracker.domain.handoff.package import Asked, Purpose
from cmmc_tracker.services.handoff import freezing
from cmmc_tracker.services.work import Tracker
from tests.conftest import Person, add_account
from tests.services.handoff.shown import asked_about, staged
from tests.test_commands import PLAYED_PYTHON, Machine

GUARD = Path("tools/attack/guard").resolve()
ITEM = {"method": "GET", "path": "/artifacts", "info": "XSS in q at https://localhost:4711/", "parameter": "q"}


def wapiti_report(**parts: object) -> str:
    """A report of wapiti with those parts."""
    empty = {"vulnerabilities": {}, "anomalies": {}, "additionals": {}, "infos": {"crawled_pages_nbr": 7}}
    return json.dumps(empty | parts)


def test_what_wapiti_calls_a_vulnerability_or_an_anomaly_is_a_finding() -> None:
    text = wapiti_report(
        vulnerabilities={"Cross Site Scripting": [{**ITEM, "level": 3}]},
        anomalies={"Internal Server Error": [{**ITEM, "level": 0}]},
    )
    found = findings.of_wapiti(text)
    assert found == [
        Finding("wapiti", "Cross Site Scripting", "GET /artifacts", Level.HIGH, "XSS in q at SITE/ [q]"),
        Finding("wapiti", "Internal Server Error", "GET /artifacts", Level.LOW, "XSS in q at SITE/ [q]"),
    ]
    assert findings.wapiti_pages(text) == 7


def test_what_wapiti_calls_additional_is_informational() -> None:
    text = wapiti_report(additionals={"HTTP Methods": [{**ITEM, "level": 3}]})
    assert [one.level for one in findings.of_wapiti(text)] == [Level.INFO]


def test_a_module_that_ran_out_of_time_is_named() -> None:
    log = "Max attack time was reached for module xss, stopping.\n[*] Launching module sql\n"
    assert findings.modules_cut_short(log + log) == ["xss"]


def schemathesis_report(tested: int = 2, **parts: object) -> str:
    """A report of schemathesis with those parts."""
    whole = {"failures": [], "errors": [], "operations": {"tested": tested}, "test_cases": {"generated": 90}}
    return json.dumps(whole | parts)


def test_each_operation_that_fails_in_schemathesis_is_a_finding() -> None:
    failure = {"title": "Server error", "code": "ST101", "severity": "critical", "operations": ["GET /a", "GET /b"]}
    text = schemathesis_report(failures=[failure], errors=[{"title": "Network error"}])
    assert findings.of_schemathesis(text) == [
        Finding("schemathesis", "Server error", "GET /a", Level.CRITICAL, "ST101"),
        Finding("schemathesis", "Server error", "GET /b", Level.CRITICAL, "ST101"),
        Finding("schemathesis", "error of the scan", "", Level.MEDIUM, "Network error"),
    ]
    assert findings.schemathesis_cases(text) == 90


def test_an_injection_that_sqlmap_proves_is_critical() -> None:
    text = json.dumps({"success": True, "data": [{"type_name": "TECHNIQUES"}], "error": ["lost"], "meta": {}})
    assert [(one.kind, one.level) for one in findings.of_sqlmap(text, "GET /a")] == [
        ("SQL injection", Level.CRITICAL),
        ("error of the scan", Level.MEDIUM),
    ]


def test_what_sqlmap_only_suspects_must_be_explained_too() -> None:
    log = (
        "[INFO] heuristic (XSS) test shows that GET parameter 'q' might be vulnerable to cross-site scripting attacks\n"
        "[WARNING] heuristic (basic) test shows that GET parameter 'q' might not be SQL injectable\n"
    )
    found = findings.suspicions_of_sqlmap(log, "GET /a")
    assert [(one.kind, one.level) for one in found] == [("suspicion (XSS)", Level.LOW)]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"success": false, "meta": {}}', schemathesis_report(tested=0)])
def test_a_report_that_cannot_be_read_is_never_taken_for_a_clean_one(text: str) -> None:
    for read in (findings.of_wapiti, findings.of_schemathesis, lambda text: findings.of_sqlmap(text, "GET /a")):
        with pytest.raises(Unreadable):
            read(text)


def test_every_answer_of_a_failing_server_is_a_finding_once_for_each_path() -> None:
    answers = [(500, "GET /artifacts/1"), (500, "GET /artifacts/22"), (404, "GET /x"), (501, "GET /"), (502, "GET /")]
    found = set(findings.of_answers(answers))
    assert {(one.kind, one.where, one.level) for one in found} == {
        ("answer 500", "GET /artifacts/N", Level.HIGH),
        ("answer 502", "GET /", Level.HIGH),
    }


KNOWN = Explained("wapiti", "CSP", r"GET /login", "unsafe", "It is so because of this.")
SEEN = Finding("wapiti", "CSP", "GET /login", Level.LOW, "unsafe directive")


def test_an_explanation_holds_for_its_own_finding_and_for_no_other() -> None:
    others = [
        Finding("sqlmap", "CSP", "GET /login", Level.LOW, "unsafe directive"),
        Finding("wapiti", "XSS", "GET /login", Level.LOW, "unsafe directive"),
        Finding("wapiti", "CSP", "GET /login/more", Level.LOW, "unsafe directive"),
        Finding("wapiti", "CSP", "GET /login", Level.LOW, "no policy at all"),
    ]
    assert findings.unexplained([SEEN, *others], [KNOWN]) == sorted(others)
    assert findings.reason_for(SEEN, [KNOWN]) == KNOWN.reason


def test_what_is_informational_needs_no_explanation() -> None:
    assert findings.unexplained([Finding("wapiti", "Fingerprint", "GET /", Level.INFO)], []) == []
    assert findings.unexplained([SEEN], []) == [SEEN]


def test_every_explanation_says_why_and_none_explains_everything() -> None:
    anything = Finding("wapiti", "x", "GET /some/where/else", Level.HIGH, "something unheard of")
    for one in EXPLAINED:
        assert len(one.reason) > 60, one
        assert re.compile(one.where).fullmatch(anything.where) is None or one.what, one
        assert one.kind not in {"SQL injection", "call from the product"} or one.what, one
    assert findings.reason_for(anything) is None


def scan(**more: object) -> Scan:
    """A scan with a finding."""
    return Scan(**{"name": "wapiti, user", "tool": "wapiti", "requests": 1234, "seconds": 9.6, "found": [SEEN], **more})  # type: ignore[arg-type]


def test_the_page_names_what_is_open_and_what_was_not_done() -> None:
    text = report.page([scan(missed=["the session ended"])], {"date": "2026-11-25"})
    assert "1 findings above informational are not explained" in text
    assert "- **low** wapiti, CSP, `GET /login`: unsafe directive" in text
    assert "- wapiti, user: the session ended" in text
    assert "| wapiti, user | – | 1,234 | 10 | 1 low |" in text


def test_what_a_scanner_quotes_stays_text_on_the_page() -> None:
    evil = Finding("wapiti", "XSS", "GET /", Level.HIGH, "<script>alert(1)</script> | `x` *y*")
    text = report.page([scan(found=[evil])], {})
    assert "<script" not in text
    assert "&lt;script>alert(1)&lt;/script> \\| 'x' \\*y\\*" in text


def test_the_page_in_the_documentation_is_of_a_clean_scan_and_names_no_place_of_a_machine() -> None:
    text = Path("docs/security-scan.md").read_text(encoding="utf-8")
    assert "No finding above informational is left unexplained." in text
    assert "What the scans could not do" not in text
    assert not re.search(r"/(?:work|home|root|tmp|usr|opt)/|cmmc_[\w-]{20}|__Host-session=\w|:\d{5}\b", text)


def test_what_sqlmap_starts_from_is_taken_by_the_product(
    app: Flask, admin: Person, tracker: Tracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_account(tracker, "bo")
    made = admin.upload("policy.txt", b"what we do", kind="policy", objectives="3.1.1[a]")
    assert made.status_code == 201
    judged = "/systems/main/requirements/AC.L2-3.1.3/objectives/e"
    assert admin.call("PATCH", judged, {"status": "not_met"}).status_code == 200
    stage = staged(tracker)
    asked_about(tracker, stage)
    monkeypatch.setattr(freezing, "AT_ONCE", -1)  # so that a job has something to do
    asked = Asked("By a job", Purpose.START, "As it is.", releasable=False)
    freezing.ask(tracker, stage.bea, "", stage.bea.systems["main"], asked)
    wanted = [*targets.of_pages(), *targets.of_description(document())]
    for one in wanted:
        # The first takes away what the next would need; the second needs something in the trash.
        if one.method == "DELETE" or one.path.endswith("/restore"):
            continue
        answer = admin.client.open(
            one.path,
            method=one.method,
            data=io.BytesIO(one.body.encode()) if one.body else None,
            content_type=one.media_type or None,
            headers={"X-CSRF-Token": admin.token},
            buffered=True,
        )
        assert answer.status_code < 300, (one.where, answer.status_code, answer.get_data(as_text=True)[:300])


def test_sqlmap_is_set_upon_every_operation_that_takes_anything(app: Flask) -> None:
    described = document()["paths"]
    takes = {
        f"{method.upper()} {path}"
        for path, methods in described.items()
        for method, operation in methods.items()
        if operation.get("requestBody") or any(p["in"] in {"path", "query"} for p in operation["parameters"])
    }
    found = targets.of_description(document())
    assert {one.where for one in found} == takes
    for one in found:
        assert one.marked.count("*") == one.where.count("{"), one.where
    last = [one.method == "DELETE" for one in found]
    assert last == sorted(last), "an operation that deletes comes before one that needs what it deletes"


def test_a_scanner_can_reach_this_machine_and_nothing_else(tmp_path: Path) -> None:
    tried = """
import socket
server = socket.create_server(("127.0.0.1", 0))
socket.create_connection(("localhost", server.getsockname()[1]), 5).close()
for reach in (
    lambda: socket.socket().connect(("192.0.2.1", 443)),
    lambda: socket.getaddrinfo("scanner.example", 443),
    lambda: socket.gethostbyname("scanner.example"),
    lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("198.51.100.7", 53)),
):
    try:
        reach()
    except OSError as error:
        assert "kept on the loopback" in str(error), error
    else:
        raise SystemExit("a way out")
"""
    refused = tmp_path / "refused"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(GUARD), "ATTACK_REFUSED": str(refused)}
    ended = subprocess.run([sys.executable, "-c", tried], env=environment, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, ""), ended.stderr
    assert refused.read_text().splitlines() == [
        "socket.connect '192.0.2.1'",
        "socket.getaddrinfo 'scanner.example'",
        "socket.gethostbyname 'scanner.example'",
        "socket.sendto '198.51.100.7'",
    ]


def test_a_scanner_whose_time_is_over_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    begun = time.monotonic()
    output = scans._run(["/bin/sh", "-c", "sleep 60 & echo $! >child; wait"], tmp_path, 0.5)
    assert time.monotonic() - begun < 20
    assert "ended by the time limit" in output
    child = int((tmp_path / "child").read_text())
    for _ in range(100):
        if not _lives(child):
            return
        time.sleep(0.05)
    pytest.fail("the scanner's child lives on")


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_the_proxy_of_the_scan_is_the_one_of_deploy_and_listens_on_the_loopback_only(tmp_path: Path) -> None:
    shipped = Path("deploy/nginx.conf").read_text(encoding="utf-8")
    made = site.nginx_configuration(shipped, tmp_path, 1111, 2222, 3333)
    assert re.findall(r"listen (.*);", made) == ["127.0.0.1:3333", "127.0.0.1:2222 ssl"]
    assert "127.0.0.1:1111" in made
    assert "tracker.example.com" not in made
    kept = re.findall(r"^\s*(?:proxy_|client_|limit_|ssl_p|ssl_ci).*", shipped, flags=re.MULTILINE)
    assert len(kept) > 10
    assert [line for line in kept if line not in made] == []
    with pytest.raises(SystemExit, match="has changed"):
        site.nginx_configuration("server { listen 8443 ssl; }", tmp_path, 1, 2, 3)


@pytest.mark.parametrize("kind", ["attack", "wapiti"])
def test_the_scanners_lock_has_hashes_and_no_addresses(kind: str) -> None:
    text = Path(f"requirements-{kind}.lock").read_text(encoding="utf-8")
    entries = re.split(r"\n(?=\S)", text.strip())
    assert len(entries) > 20
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []
    assert "://" not in text
    assert "--index" not in text


@pytest.mark.parametrize(
    ("kind", "asked"),
    [
        ("attack", ["venv", "-r requirements-attack.lock"]),
        ("wapiti", ["venv", "-r .venv-wapiti/build-tools.lock", "-r requirements-wapiti.lock"]),
    ],
)
def test_the_scanners_live_in_environments_of_their_own(tmp_path: Path, kind: str, asked: list[str]) -> None:
    here, there = 'mkdir -p .venv/bin; cp "$0" .venv/bin/python', 'mkdir -p "$3/bin"; cp "$0" "$3/bin/python"'
    assert here in PLAYED_PYTHON
    machine = Machine(tmp_path, PLAYED_PYTHON.replace(here, there))
    status, output = machine.environment(kind)
    assert status == 0, output
    calls = machine.calls.read_text().splitlines()
    assert [line if line == "venv" else line[line.index("-r ") :] for line in calls] == asked
    assert all("--require-hashes" in line and "--only-binary :all:" in line for line in calls[1:])
    assert not (machine.tree / ".venv").exists()
    machine.calls.unlink()
    assert machine.environment(kind) == (0, "")
    assert not machine.calls.exists()


def test_what_is_built_from_source_is_built_by_tools_of_the_same_lock() -> None:
    script = Path("tools/environment.sh").read_text(encoding="utf-8")
    lock = Path("requirements-wapiti.lock").read_text(encoding="utf-8")
    built = re.search(r"--no-binary (\S+)", script)
    assert built
    for name in ["setuptools", "wheel", *built[1].split(",")]:
        assert re.search(rf"^{name}==", lock, flags=re.MULTILINE), name
