"""The files of a package beside its artifacts; the same snapshot gives the same bytes."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from cmmc_tracker.domain.handoff.hashlog import ARTIFACTS_LOG, HASH_LOG, hash_log
from cmmc_tracker.reports.handoff.readme import page

MANIFEST = "manifest.json"
CHECKER = "verify.py"
README = "README.html"
SUMS = "sha256sums.txt"
RECORDS = "documents/records.json"


@dataclass(frozen=True, slots=True)
class Extra:
    """A file that is made here: its path in the package and its bytes."""

    path: str
    content: bytes


def opening(snapshot: Mapping[str, Any]) -> list[Extra]:
    """What stands before the artifacts: the logs, and the program that checks the package."""
    log = snapshot["log"].encode("ascii")
    checker = files("cmmc_tracker.reports.handoff").joinpath(CHECKER).read_bytes()
    return [Extra(ARTIFACTS_LOG, log), Extra(HASH_LOG, hash_log(log)), Extra(CHECKER, checker)]


def closing(snapshot: Mapping[str, Any], number: int, sha256: str, made: list[Extra]) -> list[Extra]:
    """What stands behind them: the page to read it by, the sums, and the manifest, which names all but itself.

    `sha256` is the snapshot's; `made` is what was made for the package before.
    """
    readme = Extra(README, page(snapshot, number, sha256, [one.path for one in made]).encode())
    every = [*made, readme, Extra(SUMS, _sums(snapshot, [*made, readme]))]
    return [*every[len(made) :], Extra(MANIFEST, _manifest(snapshot, sha256, every))]


def _sums(snapshot: Mapping[str, Any], made: list[Extra]) -> bytes:
    """Every file but the manifest and this one, as `sha256sum -c` reads it."""
    rows = [(one["path"], one["sha256"]) for one in snapshot["files"]]
    rows += [(one.path, hashlib.sha256(one.content).hexdigest()) for one in made]
    return "".join(f"{sha256}  {path}\n" for path, sha256 in sorted(rows)).encode("ascii")


def _manifest(snapshot: Mapping[str, Any], sha256: str, made: list[Extra]) -> bytes:
    """What is in the package: every file but this one, and what is held elsewhere."""
    dates = {one["id"]: one for one in snapshot["artifacts"]}
    listed = [{**file, **_dates(dates[file["artifact"]])} for file in snapshot["files"]]
    listed += [
        {
            "path": one.path,
            "size": len(one.content),
            "sha256": hashlib.sha256(one.content).hexdigest(),
            "artifact": None,
            "version": None,
            "objectives": [],
        }
        for one in made
    ]
    held = [
        {**{name: file[name] for name in ("location", "filename", "sha256", "size")}, "artifact": artifact["id"]}
        for artifact in snapshot["artifacts"]
        for file in artifact["held"]
    ]
    content = {"schema": 1, "snapshot_sha256": sha256, "files": listed, "held": held}
    return json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True).encode() + b"\n"


def _dates(artifact: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "title": artifact["title"],
        **{name: artifact[name] for name in ("covers_from", "covers_until", "collected_on")},
        "received_at": artifact["version"]["received_at"],
    }
