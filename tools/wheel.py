"""Builds the wheel into `dist/`, the same bytes each time: what `make wheel` calls.

    .venv/bin/python tools/wheel.py [FOLDER]

A wheel is a zip, and a zip keeps times. They are those of SOURCE_DATE_EPOCH (reproducible-builds.org), which is the
last commit's unless it is given; in a folder without git it is the date of the newest release in CHANGELOG.md, or 1980.
Modes are normalised by the build backend. Then the wheel is looked into: every file of the package must be in it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path

from flit_core import buildapi

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "src/cmmc_tracker"
_FIRST = 315_532_800  # 1980-01-01, before which no zip can be
_LEFT_OUT = ("__pycache__",)


def epoch(root: Path) -> int:
    """Seconds since 1970 that everything in the wheel is dated."""
    given = os.environ.get("SOURCE_DATE_EPOCH", "")
    if given.isdecimal():
        return max(_FIRST, int(given))
    git = ["git", "-c", "safe.directory=*", "log", "-1", "--format=%ct"]
    try:
        told = subprocess.run(git, cwd=root, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        told = ""
    if told.isdecimal():
        return int(told)
    released = re.search(r"^## \S+ .*?(\d{4}-\d\d-\d\d)", (root / "CHANGELOG.md").read_text(), re.MULTILINE)
    return int(datetime.fromisoformat(released[1]).replace(tzinfo=UTC).timestamp()) if released else _FIRST


def build(root: Path, folder: Path) -> Path:
    """Build the wheel of the project at `root` into a folder; raises `SystemExit` when something is not in it."""
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["SOURCE_DATE_EPOCH"] = str(epoch(root))
    before = Path.cwd()
    os.chdir(root)  # the backend reads the project of the working folder
    try:
        made = folder / str(buildapi.build_wheel(str(folder)))
    finally:
        os.chdir(before)
    lacking = missing(root, made)
    if lacking:
        made.unlink()
        raise SystemExit(f"The wheel lacks {len(lacking)} files, and was removed: {', '.join(lacking[:5])}")
    return made


def missing(root: Path, wheel: Path) -> list[str]:
    """Files of the package that are not in the wheel."""
    package = root / PACKAGE
    here = {
        f"cmmc_tracker/{one.relative_to(package).as_posix()}"
        for one in package.rglob("*")
        if one.is_file() and not any(part in _LEFT_OUT for part in one.parts)
    }
    with zipfile.ZipFile(wheel) as opened:
        return sorted(here - set(opened.namelist()))


def main() -> None:
    """Build it and say where it is."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "dist"
    made = build(ROOT, folder.absolute())
    print(f"{made} ({made.stat().st_size:,} bytes, as of {datetime.fromtimestamp(epoch(ROOT), UTC):%Y-%m-%d %H:%M}Z)")


if __name__ == "__main__":
    main()
