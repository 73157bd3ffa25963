"""The scan written down: docs/security-scan.md from what came of the scans. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from tools.attack.findings import Finding, Level, reason_for, unexplained
from tools.attack.scans import MODULES_LEFT_OUT, Scan

# What earlier scans found and what was changed for it; a later scan shows that it is gone.
MENDED = (
    "schemathesis: numbers over 64 bits in an address were answered with 405 by some methods; now 404 by all.",
    "schemathesis: 429, which anybody gets after many wrong tokens, was missing in the API's description.",
    "schemathesis: files were described as `application/octet-stream`, though each is sent as what it is.",
    "schemathesis: the description did not say which words a judgement and an implementation take.",
)

_HEAD = """# Security scan

`make attack` writes this page. It starts the product as a deployment runs it (`FLASK_ENV=production`, a secret,
`PUBLIC_URL`, `TRUSTED_PROXIES=1`, demo data, an administrator and users, second factors) behind the nginx site of
`deploy/`, with TLS, on the loopback, and sets three known scanners upon it. Each scan has an installation of its own. A
guard in every scanner refuses names and connections that are not this machine. Everything the scanners found that is
above informational must be explained in `tools/attack/findings.py`, or the command fails."""

_BLIND = """## What these scanners cannot see

- Whether somebody may do what they do: they know no roles and no systems. The matrix of rights is tested in
  `tests/attack/test_rights.py` and `tests/test_house.py`.
- Races, half-sent requests and slow clients: `tests/attack/test_races.py`, `tests/attack/test_weight.py`.
- What a browser makes of a page. Wapiti reads the pages as text and runs no script; stored and reflected strings are
  judged in Chromium by `tests/browser/`.
- Pages whose forms name a version: wapiti sends the version that it once read, so only its first change of a thing goes
  through and the rest is refused as stale (412). The same services are reached through the API, without a version.
- What needs a password or a code to be typed once more (new tokens, removing a second factor): the scanners know none.
- Most requirement and artifact pages: wapiti visits one family of the fourteen and two artifacts, because all pages of
  one kind are made by one template.
- Mail, single sign-on and object stores, which this version does not have; the virus scanner, which is off here.
- TLS itself. The certificate of the scan is made for it; the site's settings are tested in `tests/deploy`.
- Silence proves little: a scanner finds what it has a pattern for. `docs/threats.md` says what else was looked at."""


def page(scans: Iterable[Scan], facts: Mapping[str, str]) -> str:
    """The whole page."""
    done = list(scans)
    found = [one for scan in done for one in scan.found]
    parts = [
        _HEAD,
        _facts(facts),
        _scans(done),
        _verdict(done, found),
        _explained(found),
        _mended(),
        _informational(found),
        _left_out(),
        _BLIND,
        _commands(done),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _facts(facts: Mapping[str, str]) -> str:
    return "\n".join(["## This scan", "", *(f"- {name}: {value}" for name, value in facts.items())])


def _scans(scans: list[Scan]) -> str:
    rows = [f"| {s.name} | {s.extent or '–'} | {s.requests:,} | {s.seconds:.0f} | {_counts(s.found)} |" for s in scans]
    head = ["| scan | extent | requests | seconds | findings |", "|---|---|---|---|---|"]
    note = "Requests are counted in the proxy's log. Lanes run side by side, so the seconds do not add up."
    return "\n".join([*head, *rows, "", note])


def _counts(found: list[Finding]) -> str:
    counts = Counter(one.level for one in found)
    return ", ".join(f"{counts[level]} {level.name.lower()}" for level in reversed(Level) if counts[level]) or "none"


def _verdict(scans: list[Scan], found: list[Finding]) -> str:
    open_ones = unexplained(found)
    missed = [f"- {scan.name}: {one}" for scan in scans for one in scan.missed]
    lines = ["## Result", ""]
    lines.append(
        f"{len(open_ones)} findings above informational are not explained."
        if open_ones
        else "No finding above informational is left unexplained."
    )
    lines += ["", *(_row(one) for one in open_ones)] if open_ones else []
    lines += ["", "What the scans could not do:", "", *missed] if missed else []
    return "\n".join(lines)


def _row(one: Finding) -> str:
    what = f": {one.what}" if one.what else ""
    return f"- **{one.level.name.lower()}** {one.scanner}, {one.kind}, `{one.where}`{_plain(what)}"


def _plain(text: str) -> str:
    """Text that a scanner quoted, so that Markdown shows it as it is."""
    return text.replace("\\", "\\\\").replace("<", "&lt;").replace("|", "\\|").replace("`", "'").replace("*", "\\*")


def _explained(found: list[Finding]) -> str:
    groups: dict[tuple[str, str, str], set[str]] = {}
    for one in found:
        reason = reason_for(one) if one.level > Level.INFO else None
        if reason:
            groups.setdefault((one.scanner, one.kind, reason), set()).add(one.where)
    if not groups:
        return ""
    rows = []
    for (scanner, kind, reason), places in sorted(groups.items()):
        shown = ", ".join(f"`{place}`" for place in sorted(places)[:4])
        more = f" and {len(places) - 4} more" if len(places) > 4 else ""
        rows.append(f"- {scanner}, **{kind}**, at {shown}{more}. {reason}")
    return "\n".join(["## Explained", "", *rows])


def _mended() -> str:
    return "\n".join(["## Mended after earlier scans", "", *(f"- {one}" for one in MENDED)]) if MENDED else ""


def _informational(found: list[Finding]) -> str:
    groups = Counter((one.scanner, one.kind) for one in found if one.level == Level.INFO)
    rows = [f"- {scanner}, {kind}: {count}" for (scanner, kind), count in sorted(groups.items())]
    return "\n".join(["## Informational", "", *rows]) if rows else ""


def _left_out() -> str:
    rows = [f"- `{name}`: {why}" for name, why in MODULES_LEFT_OUT.items()]
    return "\n".join(["## Modules of wapiti that were left out", "", *rows])


def _commands(scans: list[Scan]) -> str:
    rows = [f"{scan.name}\n\n    {scan.command}" for scan in scans if scan.command]
    return "\n\n".join(["## Commands", "Sqlmap was called so for each target.", *rows])
