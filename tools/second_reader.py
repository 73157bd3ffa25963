"""Lets another program read our OSCAL documents: compliance-trestle, in an environment of its own.

    .venv/bin/python tools/second_reader.py

NIST's schema says that a document is well formed (`tests/reports/oscal`); that somebody else can use it shows only when
another program reads it. The documents are those of a new system and of the demo. Part of `make test` where DRILLS=1.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from cmmc_tracker.cli.open import opened
from cmmc_tracker.errors import Conflict
from cmmc_tracker.reports.registry import REPORTS
from cmmc_tracker.services import demo
from cmmc_tracker.services.handoff import packages

ROOT = Path(__file__).resolve().parent.parent
CHILD = ROOT / "tools/second_reader_child.py"
READER = ROOT / ".venv-oscal/bin/python"
SECONDS = 600


def documents(folder: str) -> Iterator[tuple[str, bytes]]:
    """The OSCAL documents of a new system and of the demo, each with a name; `folder` takes the installation."""
    os.environ |= {"CMMC_DATA_DIR": folder, "DATABASE_URL": f"sqlite:///{folder}/cmmc.db"}
    tracker, actor = opened()
    for of in ("new", "demo"):
        if of == "demo":
            demo.fill(tracker, actor)
        with tracker.read(actor) as work:
            snapshot = packages.picture(work, actor.systems["main"])
        for name, report in REPORTS.items():
            # A plan of action without items is no document.
            with suppress(Conflict):
                if name.startswith("oscal-"):
                    yield f"{of}-{name}", report.make(snapshot)


def main() -> int:
    """Make the environment, write the documents, let them be read; returns the reader's exit status."""
    subprocess.run(["/bin/sh", "tools/environment.sh", "oscal"], cwd=ROOT, check=True, timeout=SECONDS)
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for name, content in documents(folder):
            path = Path(folder) / name
            path.write_bytes(content)
            paths.append(str(path))
        return subprocess.run([str(READER), str(CHILD), *paths], check=False, timeout=SECONDS).returncode


if __name__ == "__main__":
    sys.exit(main())
