"""README.html of a package: it needs nothing but a browser, reads without a script, and leads to each file."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import quote

from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.domain.catalog import Catalog, Family, Objective, load
from cmmc_tracker.domain.handoff.package import Purpose
from cmmc_tracker.reports.audit_extract import HEAD
from cmmc_tracker.reports.facts import provisional
from cmmc_tracker.reports.handoff.verify import ARTIFACTS_LOG, HASH_LOG

_STYLE = """
:root { color-scheme: light dark; --line: #8886; --ground: #fff; --ink: #1b2026; --link: #0b4f8a; }
@media (prefers-color-scheme: dark) { :root { --ground: #14181c; --ink: #e8ebee; --link: #8fc4ee; } }
html { background: var(--ground); color: var(--ink); } body { background: var(--ground); } a { color: var(--link); }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 70rem; padding: 1rem;
overflow-wrap: break-word; }
table { border-collapse: collapse; width: 100%; } th, td { border: 1px solid var(--line); padding: .3rem .5rem;
text-align: left; vertical-align: top; } td, code, a { overflow-wrap: anywhere; }
pre { overflow-x: auto; white-space: pre-wrap; }
h3 { margin: 2rem 0 .3rem; } nav a { display: inline-block; margin-right: .7rem; }
[hidden] { display: none; } @media print { nav, #find { display: none; } }
.found { width: 9rem; } .proof { width: 50%; } li { margin: .2rem 0; }
@media (max-width: 40rem) {
  .wide tr, .wide td { display: block; } .wide tr { border: 1px solid var(--line); border-bottom: 0; }
  .wide table { border-bottom: 1px solid var(--line); } .wide td { border: 0; } .wide tr:first-child { display: none; }
  .wide td + td::before { content: attr(data-label) ": "; font-weight: bold; }
}
"""
_MANIFEST = "manifest.json"
_LOG = "documents/audit-log.csv"
_SCRIPT = """
const find = document.getElementById('find'); find.hidden = false;
find.querySelector('input').addEventListener('input', event => {
  const words = event.target.value.toLowerCase().split(/\\s+/).filter(Boolean);
  for (const part of document.querySelectorAll('section.requirement')) {
    const text = part.textContent.toLowerCase(); part.hidden = !words.every(word => text.includes(word));
  }
});
"""


def page(snapshot: Mapping[str, Any], number: int, sha256: str, others: Sequence[str]) -> str:
    """The page; `others` are the paths of the files beside the artifacts."""
    known = load(snapshot["system"]["level"])
    return "".join(
        (
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{_t(snapshot['name'])}</title><style>{_STYLE}</style></head><body><main>",
            f"<h1>{_t(snapshot['name'])}</h1>",
            _facts(snapshot, number, sha256),
            _check(),
            _documents(others),
            _log(snapshot, others),
            '<p id="find" hidden><label>Find in the requirements <input type="search"></label></p>',
            '<nav aria-label="Families of requirements">'
            + "".join(f'<a href="#{one.code}">{one.code}</a>' for one in known.families)
            + "</nav>",
            _requirements(snapshot, known),
            f"</main><script>{_SCRIPT}</script></body></html>\n",
        )
    )


def _facts(snapshot: Mapping[str, Any], number: int, sha256: str) -> str:
    score, system = snapshot["score"], snapshot["system"]
    open_ = provisional(snapshot)
    said = "none" if score["score"] is None else f"{score['score']} of {score['max']}"
    rows = {
        "Organization": snapshot["organization"],
        "System": f"{system['name']}, CMMC Level {system['level']}",
        "CAGE codes": system["cage_codes"],
        "Package": f"{number}, {Purpose(snapshot['purpose']).label}",
        "Frozen": f"{snapshot['frozen_at']} (UTC) by {snapshot['frozen_by'] or 'the command line'}",
        "Score": " ".join(filter(None, (f"{said}.", open_ and f"{open_}.", score["reason"]))),
        "What the assessment supports": f"{score['supports']}: {score['supports_reason']}",
        "Artifacts": f"{len(snapshot['artifacts'])}, of them held elsewhere: {_held(snapshot)}",
        "Marked as CUI": _marked_files(snapshot),
        "SHA-256 of the records": sha256,
    }
    lines = (f'<tr><th scope="row">{_t(name)}</th><td>{_t(value)}</td></tr>' for name, value in rows.items() if value)
    return f"<table>{''.join(lines)}</table>"


def _held(snapshot: Mapping[str, Any]) -> int:
    return sum(bool(one["held"]) for one in snapshot["artifacts"])


_POWERSHELL = """\
$root = (Get-Location).ProviderPath; $bad = 0; $named = @{'manifest.json' = 1; 'sha256sums.txt' = 1}
foreach ($line in [IO.File]::ReadAllLines("$root\\sha256sums.txt")) {
  $path = $line.Substring(66); $named[$path] = 1
  $file = Join-Path $root ($path -replace '/', '\\')
  if (-not (Test-Path -LiteralPath $file -PathType Leaf)) { "MISSING $path"; $bad++; continue }
  if ((Get-FileHash -LiteralPath $file -Algorithm SHA256).Hash -ne $line.Substring(0, 64)) { "CHANGED $path"; $bad++ }
}
foreach ($file in Get-ChildItem -LiteralPath $root -Recurse -File -Force) {
  $path = $file.FullName.Substring($root.TrimEnd('\\').Length + 1) -replace '\\\\', '/'
  if (-not $named.ContainsKey($path)) { "ADDED $path"; $bad++ }
}
$bad; (Get-FileHash -LiteralPath "$root\\manifest.json").Hash
(Get-FileHash -LiteralPath "$root\\CMMCAssessmentArtifacts.log").Hash
"""


def _marked_files(snapshot: Mapping[str, Any]) -> str:
    number = sum(bool(one.get("markings")) for one in snapshot["files"])
    return f"{number} of {len(snapshot['files'])} files carry a marking: handle them as marked" if number else ""


def _check() -> str:
    return (
        "<h2>Is it intact?</h2><p>Run <code>python3 verify.py</code> in this folder (Python 3.8 or newer, nothing "
        "else, no network). With <code>--log-hash</code> and the hash of the artifact log that was reported, it also "
        "finds somebody who made the artifacts and every list anew; with <code>--manifest-hash</code> and the hash of "
        f"<code>{_MANIFEST}</code>, the documents and this page, too. Both were fixed at the freeze and stand in the "
        "sender&#8217;s audit log.</p>"
        "<details><summary>Without Python</summary><p>On Linux and macOS: <code>sha256sum -c sha256sums.txt</code> "
        "(or <code>shasum -a 256 -c sha256sums.txt</code>) says whether each file is the one that was frozen; it does "
        "not look for files that were added. In PowerShell, in this folder; it prints every file that is missing, "
        "changed or added, how many there are, and the hashes of the manifest and of the artifact log to compare with "
        f"those that were reported:</p><pre>{_t(_POWERSHELL)}</pre><p>A single file: <code>Get-FileHash -LiteralPath "
        "&lt;file&gt;</code> (the names hold square brackets) or <code>sha256sum &lt;file&gt;</code>, against its row "
        f"in <code>{ARTIFACTS_LOG}</code>.</p></details>"
        f"<p>Paths in <code>{ARTIFACTS_LOG}</code> begin at this folder, not at the root of a disk; that is the one "
        "difference from a log that the DoD&#8217;s script writes. Rows below <code>held</code> are evidence that may "
        "not leave its place: ask for it there. The SHA-256 of the records is that of "
        "<code>documents/records.json</code>.</p>"
    )


_ABOUT = {
    "binder.pdf": "front binder: scope, diagrams, inventory, providers, what does not apply. Begin here",
    "ssp.pdf": "system security plan",
    "ssp.docx": "the same as a Word file",
    "objectives.xlsx": "every objective with finding, methods, evidence and where to look",
    "artifacts.xlsx": "the artifacts by objective and by file, with SHA-256",
    "artifacts.csv": "the same by file",
    "responsibility-matrix.xlsx": "who does what, provider or organization",
    "assets.xlsx": "asset inventory",
    "poam.xlsx": "plans of action and milestones",
    "sprs.pdf": "worksheet for SPRS",
    "sprs.xlsx": "the same as a workbook",
    "sprs.json": "the same for programs",
    "readiness.pdf": "what the contractor's own checks found open",
    "briefing.pdf": "one page for the affirming official",
    "audit-log.csv": "who did what, see below",
    "oscal-ssp.json": "security plan for programs (OSCAL)",
    "oscal-assessment-results.json": "assessment results for programs (OSCAL)",
    "oscal-poam.json": "plan of action for programs (OSCAL)",
    "records.json": "the frozen record that everything here is made from",
    ARTIFACTS_LOG: "the hash of each artifact, as the DoD's artifact hashing guide has it",
    HASH_LOG: "the hash of that log",
    "verify.py": "checks this package",
}


def _documents(others: Sequence[str]) -> str:
    """What lies beside the artifacts, what is read first before the rest."""
    order = {name: place for place, name in enumerate(_ABOUT)}
    names = sorted(others, key=lambda path: order.get(path.rpartition("/")[2], len(order)))
    told = ((path, _ABOUT.get(path.rpartition("/")[2], "")) for path in names)
    lines = (f"<li>{_link(path, path)}{f': {_t(about)}' if about else ''}</li>" for path, about in told)
    return f"<h2>Documents</h2><ul>{''.join(lines)}</ul>"


def _log(snapshot: Mapping[str, Any], others: Sequence[str]) -> str:
    """What the extract of the audit log is, and what it can prove; nothing where there is none."""
    if _LOG not in others:
        return ""
    head = snapshot[HEAD]
    return (
        f"<h2>The audit log</h2><p>{_link(_LOG, _LOG)} has what was done in this system: when, by whom, on what. "
        "Network addresses are left out, and what people said to each other. At the freeze the log of the whole "
        f"installation ended with entry {head['entry']:,}, whose hash is <code>{_t(head['hash'])}</code>.</p>"
        "<p>This list is as it was frozen: <code>verify.py</code> says so. That it is the truth shows only together "
        "with the log: each hash covers its entry, with the address, and the hash of the entry before. Ask for the "
        "address of any entry: SHA-256 of the JSON list [previous, at, actor_id, actor, address, action, entity, "
        "detail], without blanks, in UTF-8, must give its hash. (An apostrophe before a sign such as = was put there "
        "for spreadsheets.) The hash of the last line stands for every entry before, shown or not: where it was kept "
        "elsewhere, nothing before can have been altered since. That an entry is missing here only the whole log can "
        "show.</p>"
    )


def _requirements(snapshot: Mapping[str, Any], known: Catalog) -> str:
    places = _places(snapshot)
    return "".join(_family(snapshot, one, places) for one in known.families)


def _family(snapshot: Mapping[str, Any], family: Family, places: Mapping[tuple[str, str], list[str]]) -> str:
    told = {(one["requirement"], one["letter"]): one for one in snapshot["findings"]}
    said = {one["requirement"]: one["narrative"] for one in snapshot["implementations"]}
    parts = [f'<h2 id="{family.code}">{family.code} {_t(family.name)}</h2>']
    for one in family.requirements:
        status = Status(snapshot["score"]["statuses"][one.id])
        parts.append(f'<section class="requirement"><h3 id="{one.id}">{one.id} {_t(one.title)}: {status.label}</h3>')
        if said[one.id]:
            parts.append(f"<details><summary>How it is implemented</summary><pre>{_t(said[one.id])}</pre></details>")
        parts.append('<div class="wide"><table><tr><th scope="col">Objective</th>')
        parts.append('<th scope="col" class="found">Finding</th><th scope="col" class="proof">Evidence</th></tr>')
        for objective in one.objectives:
            finding = told[one.id, objective.letter]
            parts.append(_row(objective, finding, places.get((one.id, objective.letter), [])))
        parts.append("</table></div></section>")
    return "".join(parts)


def _row(objective: Objective, finding: Mapping[str, Any], evidence: list[str]) -> str:
    how = f" ({', '.join(finding['methods'])})" if finding["methods"] else ""
    return (
        f"<tr><td>[{objective.letter}] {_t(objective.summary)}</td>"
        f'<td data-label="Finding">{Status(finding["status"]).label}{how}<br>{_t(finding["note"])}</td>'
        f'<td data-label="Evidence">{"<br>".join(evidence) or "none"}</td></tr>'
    )


def _places(snapshot: Mapping[str, Any]) -> Mapping[tuple[str, str], list[str]]:
    """For each objective its evidence, each with a link to its file, or where it is held."""
    files = defaultdict(list)
    for file in snapshot["files"]:
        files[file["artifact"]].append(file)
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for artifact in snapshot["artifacts"]:
        shown = [
            _link(file["path"], f"{artifact['title']} ({file['original']})") + _marked(file.get("markings", ()))
            for file in files[artifact["id"]]
        ]
        shown += [f"{_t(artifact['title'])}, held at {_t(one['location'])}" for one in artifact["held"]]
        for link in artifact["links"]:
            where = f", {_t(link['locator'])}" if link["locator"] else ""
            what = f": {_t(link['shows'])}" if link["shows"] else ""
            found[link["requirement"], link["letter"]] += [f"{one}{where}{what}" for one in shown]
    return found


def _marked(kinds: Sequence[str]) -> str:
    """Who opens a file is told before that it is marked as controlled."""
    return f" <strong>&#9873; CUI marking</strong> ({_t(', '.join(kinds).replace('_', ' '))})" if kinds else ""


def _link(path: str, text: str) -> str:
    return f'<a href="{quote(path)}">{_t(text)}</a>'


def _t(text: object) -> str:
    return escape(str(text))
