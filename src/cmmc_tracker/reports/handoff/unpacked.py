"""Reading a package that came from anywhere, as a zip: the record that it was made from."""

import hashlib
import json
import zipfile
import zlib
from pathlib import Path
from typing import Any

from cmmc_tracker.reports.handoff.manifest import MANIFEST, RECORDS

LONGEST = 1 << 27  # bytes of a record or a manifest, unpacked: some 90,000 artifacts
# Lists, objects and commas in one: as many values at most. Read, each takes a hundred bytes, whatever it takes here.
MOST_VALUES = 5_000_000
_UNREADABLE = (OSError, RuntimeError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)


class Unusable(Exception):
    """What was given is no package with its record."""


def record(place: Path) -> dict[str, Any]:
    """The frozen record of a package, whose SHA-256 its manifest names. Raises `Unusable`."""
    try:
        text, listed = _read(place, RECORDS), json.loads(_read(place, MANIFEST))
        found: dict[str, Any] = json.loads(text)
    except _UNREADABLE as error:
        raise Unusable(f"it is no package that holds {RECORDS}: {error}") from None
    if not isinstance(listed, dict) or hashlib.sha256(text).hexdigest() != listed.get("snapshot_sha256"):
        raise Unusable(f"{RECORDS} is not the record that {MANIFEST} names")
    if not isinstance(found, dict) or not isinstance(found.get("name"), str) or "frozen_at" not in found:
        raise Unusable(f"{RECORDS} is no record of a system")
    return found


def _read(place: Path, name: str) -> bytes:
    with zipfile.ZipFile(place) as archive, archive.open(name) as member:
        found = member.read(LONGEST + 1)
    if len(found) > LONGEST or sum(map(found.count, (b",", b"[", b"{"))) > MOST_VALUES:
        raise ValueError(f"{name} unpacks to more than one of a package can be; it was not read")
    return found
