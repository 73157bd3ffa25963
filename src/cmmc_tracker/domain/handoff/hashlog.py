"""The two hash logs of a package, in the form that the DoD "CMMC Artifact Hashing Tool User Guide" v2.13 leads to.

The guide's script writes a table as PowerShell 7 lays it out; every byte of it counts, for what is reported to the CMMC
eMASS is the hash of the first log. So the form is fixed here, whatever machine the tracker runs on: CRLF, ASCII, no
blanks at line ends, paths from the root of the package (our decisions; docs/rules.md).
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from cmmc_tracker.errors import Invalid

ARTIFACTS_LOG = "CMMCAssessmentArtifacts.log"
HASH_LOG = "CMMCAssessmentLogHash.log"
_ALGORITHM, _HASH = 15, 70  # widths of the first two columns
_PATH = 937  # what is left of the script's 1,024
_ROW = re.compile(r"SHA256\s+([0-9A-Fa-f]{64})\s+(\S.*?)\s*", re.ASCII)
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


@dataclass(frozen=True, slots=True)
class Row:
    """One file: its SHA-256 as 64 hex digits, and its path with backslashes, from the root of the package."""

    sha256: str
    path: str


def artifacts_log(rows: Iterable[Row]) -> bytes:
    """The log of all artifacts, ordered by the bytes of their paths."""
    return _table(sorted(rows, key=lambda row: row.path.encode()))


def hash_log(log: bytes) -> bytes:
    """The log of the log."""
    return _table([Row(hashlib.sha256(log).hexdigest(), f".\\{ARTIFACTS_LOG}")])


def _table(rows: Iterable[Row]) -> bytes:
    lines = ["", _line("Algorithm", "Hash", "Path"), _line("-" * 9, "-" * 4, "-" * 4)]
    for row in rows:
        if len(row.path) > _PATH or not row.path.isascii():
            raise ValueError(f"a path that the form would cut or change: {row.path!r}")
        lines.append(_line("SHA256", row.sha256.upper(), row.path))
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode("ascii")


def _line(algorithm: str, digest: str, path: str) -> str:
    return f"{algorithm:<{_ALGORITHM}} {digest:<{_HASH}} {path}"


def parse(log: bytes) -> list[Row]:
    """Read a log, also one that the guide's script made on another machine: other marks, line ends and widths.

    Raises `Invalid` naming the first line that is no row.
    """
    encoding = next((name for mark, name in _MARKS if log.startswith(mark)), "ascii")
    try:
        text = log.decode(encoding)
    except UnicodeDecodeError:
        raise Invalid({"log": "This is no hash log: it holds bytes that none has."}) from None
    found = []
    for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1):
        words = line.split()
        if not words or words == ["Algorithm", "Hash", "Path"] or set("".join(words)) == {"-"}:
            continue
        match = _ROW.fullmatch(line)
        if match is None:
            raise Invalid({"log": f"Line {number} of the hash log is no row of it."})
        found.append(Row(match[1].lower(), match[2]))
    return found
