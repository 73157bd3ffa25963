"""What scanners found, as one kind of line, and which of it is explained. Pure: text in, values out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any


class Level(IntEnum):
    """How bad a finding is by its scanner's word. Above `INFO` it must be mended or explained."""

    INFO = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4


@dataclass(frozen=True, order=True)
class Finding:
    """One thing that a scanner says. `where` is method and path, `what` is the scanner's own sentence."""

    scanner: str
    kind: str
    where: str
    level: Level
    what: str = ""


@dataclass(frozen=True)
class Explained:
    """Why a kind of finding is none here. `where` and `what` are searched for as regular expressions."""

    scanner: str
    kind: str
    where: str
    what: str
    reason: str

    def fits(self, found: Finding) -> bool:
        """Whether this explains that finding; another scanner, kind, place or wording is another finding."""
        return (
            (self.scanner, self.kind) == (found.scanner, found.kind)
            and re.fullmatch(self.where, found.where) is not None
            and re.search(self.what, found.what) is not None
        )


class Unreadable(Exception):
    """A report that is not what its scanner writes: the scan must not count as clean."""


EXPLAINED: tuple[Explained, ...] = (
    Explained(
        "schemathesis",
        "Wrong response to undeclared method",
        r"TRACE /api/v1/.+",
        "ST204",
        "nginx refuses TRACE by itself with 405, before the tracker sees it, and names no methods in `Allow`. Other "
        "methods that an address does not have are refused by the tracker, with `Allow`.",
    ),
    Explained(
        "wapiti",
        "LDAP Injection",
        r"POST /(?:admin/users(?:/\d+/password)?|profile/password)",
        r"parameter (?:new_|old_)?password(?:_repeat)?\b",
        "There is no LDAP in the product. Wapiti compares answers to different payloads; these differ because the "
        "answer names the parts of the password rule (length, digit, sign …) that each payload lacks.",
    ),
    Explained(
        "wapiti",
        "LDAP Injection",
        r"POST /login",
        r"parameter (?:username|password)\b",
        "There is no LDAP in the product. Wapiti compares answers to different payloads; these differ because the "
        "sixth wrong try of an address within five minutes is answered with 429 instead of 401.",
    ),
)


def reason_for(found: Finding, explained: Iterable[Explained] = EXPLAINED) -> str | None:
    """The reason why a finding is none, or None."""
    return next((one.reason for one in explained if one.fits(found)), None)


def unexplained(found: Iterable[Finding], explained: Iterable[Explained] = EXPLAINED) -> list[Finding]:
    """What must be mended or explained: above informational, and no reason for it is known."""
    table = tuple(explained)
    return sorted({one for one in found if one.level > Level.INFO and reason_for(one, table) is None})


def _object(text: str, scanner: str) -> dict[str, Any]:
    try:
        report = json.loads(text)
    except ValueError:
        raise Unreadable(f"{scanner} wrote no JSON") from None
    if not isinstance(report, dict):
        raise Unreadable(f"{scanner} wrote JSON of another shape")
    return report


def of_wapiti(text: str) -> list[Finding]:
    """The findings of wapiti's JSON report. What it calls additional is informational.

    Raises `Unreadable` for anything else than such a report.
    """
    report = _object(text, "wapiti")
    if not {"vulnerabilities", "anomalies", "additionals", "infos"} <= report.keys():
        raise Unreadable("wapiti's report lacks its parts")
    found = []
    for part in ("vulnerabilities", "anomalies", "additionals"):
        for kind, items in report[part].items():
            for item in items:
                level = Level.INFO if part == "additionals" else Level(max(int(item["level"]), Level.LOW))
                where = f"{item['method']} {item['path']}"
                parameter = f" [{item['parameter']}]" if item.get("parameter") else ""
                found.append(Finding("wapiti", kind, where, level, _line(item["info"]) + parameter))
    return found


def wapiti_pages(text: str) -> int:
    """How many pages and forms wapiti came upon."""
    return int(_object(text, "wapiti")["infos"]["crawled_pages_nbr"])


def modules_cut_short(log: str) -> list[str]:
    """The modules of wapiti that reached their time limit and left some pages untried."""
    return sorted(set(re.findall(r"Max attack time was reached for module (\w+)", log)))


_SEVERITY = {"critical": Level.CRITICAL, "high": Level.HIGH, "medium": Level.MEDIUM, "low": Level.LOW}


def of_schemathesis(text: str) -> list[Finding]:
    """The failures and errors of schemathesis' JSON report, one for each operation.

    Raises `Unreadable` for anything else, and for a run that tested nothing.
    """
    report = _object(text, "schemathesis")
    if not {"failures", "errors", "operations"} <= report.keys():
        raise Unreadable("schemathesis' report lacks its parts")
    if report["operations"].get("tested", 0) < 1:
        raise Unreadable("schemathesis tested no operation")
    found = []
    for failure in report["failures"]:
        level = _SEVERITY.get(failure["severity"], Level.MEDIUM)
        for where in failure["operations"]:
            found.append(Finding("schemathesis", failure["title"], where, level, failure["code"]))
    for error in report["errors"]:
        found.append(Finding("schemathesis", "error of the scan", "", Level.MEDIUM, _line(str(error.get("title", "")))))
    return found


def schemathesis_cases(text: str) -> int:
    """How many test cases schemathesis made."""
    return int(_object(text, "schemathesis")["test_cases"]["generated"])


def of_sqlmap(text: str, where: str) -> list[Finding]:
    """The injections and errors of sqlmap's JSON report of one target.

    Raises `Unreadable` for anything else than such a report.
    """
    report = _object(text, "sqlmap")
    if report.get("success") is not True or "meta" not in report:
        raise Unreadable(f"sqlmap did not finish {where}")
    found = [
        Finding("sqlmap", "SQL injection", where, Level.CRITICAL, _line(json.dumps(one))) for one in report["data"]
    ]
    return found + [
        Finding("sqlmap", "error of the scan", where, Level.MEDIUM, _line(str(one))) for one in report["error"]
    ]


# What sqlmap only logs: it suspects something that it is not made to prove.
_SUSPICION = re.compile(r"heuristic \(([^)]+)\) test shows that (.+? might be (?:vulnerable|injectable).*)")


def suspicions_of_sqlmap(log: str, where: str) -> list[Finding]:
    """What sqlmap suspects on its way, such as a parameter that comes back unchanged."""
    return [
        Finding("sqlmap", f"suspicion ({kind})", where, Level.LOW, _line(what))
        for kind, what in _SUSPICION.findall(log)
    ]


def of_answers(answers: Iterable[tuple[int, str]]) -> list[Finding]:
    """What the proxy's log tells besides: every 5xx answer is a finding, whatever the scanner made of it.

    501 is nginx's own word for a transfer coding that it does not know, and 505 for a version of HTTP.
    """
    return [
        Finding("access log", f"answer {status}", _general(request), Level.HIGH)
        for status, request in sorted(set(answers))
        if status >= 500 and status not in {501, 505}
    ]


def _general(request: str) -> str:
    """A path with its numbers taken out, so that one defect is one finding."""
    return _line(re.sub(r"(?<=/)\d+(?=/|$)", "N", request))


def _line(text: str) -> str:
    """One short line of printable text: a report quotes what an attacker sent."""
    one = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    one = re.sub(r"(?:https?://)?(?:localhost|127\.0\.0\.1):\d+", "SITE", one)
    return one if len(one) <= 300 else f"{one[:299]}…"
