"""Writes what the product is made of into `dist/`: a bill of materials (CycloneDX) and a list of licences; `make sbom`.

    .venv/bin/python tools/sbom.py

cyclonedx-py, in an environment of its own, describes everything installed in `.venv`; what is only for development is
left out by `requirements.lock`. The bill is the same for the same lock: no time, and no number that is made up anew.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # run as a file, so that make needs no module path

from tools.licences import Licensed, listed, locked  # noqa: E402

MAKER = ROOT / ".venv-sbom/bin/cyclonedx-py"
OWN = "cmmc-tracker"


def normalized(name: str) -> str:
    """A distribution's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def described() -> dict[str, Any]:
    """The bill of everything that is installed beside this Python; raises `CalledProcessError`."""
    command = [str(MAKER), "environment", "--output-reproducible", "--of", "JSON", "--sv", "1.6"]
    command += ["--pyproject", str(ROOT / "pyproject.toml"), "--mc-type", "application", sys.executable]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found: dict[str, Any] = json.loads(told)
    return found


def only(bill: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """The bill with the components of these names alone, and the dependencies among them."""
    wanted = {normalized(name) for name in names}
    parts = [one for one in bill["components"] if normalized(one["name"]) in wanted]
    kept = {one["bom-ref"] for one in parts} | {bill["metadata"]["component"]["bom-ref"]}
    depends = [
        {**one, "dependsOn": [ref for ref in one["dependsOn"] if ref in kept]} if "dependsOn" in one else one
        for one in bill.get("dependencies", [])
        if one["ref"] in kept
    ]
    parts = [{**one, "externalReferences": _public(one)} for one in parts]
    return {**bill, "components": parts, "dependencies": depends}


def _public(part: dict[str, Any]) -> list[dict[str, Any]]:
    """References that mean something elsewhere: no place on this machine."""
    return [one for one in part.get("externalReferences", []) if not one["url"].startswith("file:")]


def table(everything: list[Licensed]) -> str:
    """The licences as a Markdown table."""
    lines = ["# Licences of what the product is made of", "", "| distribution | version | licence |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {one.name} | {one.version} | {one.licence} |" for one in everything), ""])


def main() -> int:
    """Write both; the exit status is 1 when the bill lacks something that is installed."""
    names = locked()
    everything = listed(names)
    bill = only(described(), names)
    folder = ROOT / "dist"
    folder.mkdir(exist_ok=True)
    (folder / "sbom.cdx.json").write_text(json.dumps(bill, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    (folder / "licences.md").write_text(table(everything), encoding="utf-8")
    lacking = {normalized(one.name) for one in everything} - {normalized(one["name"]) for one in bill["components"]}
    print(f"dist/sbom.cdx.json: {len(bill['components'])} components; dist/licences.md: {len(everything)} licences")
    if lacking:
        print(f"The bill lacks what is installed: {', '.join(sorted(lacking))}", file=sys.stderr)
    return 1 if lacking else 0


if __name__ == "__main__":
    sys.exit(main())
