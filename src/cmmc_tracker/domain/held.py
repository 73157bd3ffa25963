"""Evidence that may not leave where it is: known by its place, its hash and its size; nothing of its bytes. Pure.

Where the tracker may not store CUI, evidence that holds some stays in its enclave. What is kept of such a file is
enough to tell it again: `cmmc-tracker verify --root DIR`, run where the file is, hashes it anew. Several files that are
one piece of evidence are said in lines, as the commands that make the hashes print them.
"""

import mimetypes
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cmmc_tracker.domain.text import has_unseen, is_visible
from cmmc_tracker.domain.uploads import ALLOWED, clean_name, extension_of
from cmmc_tracker.errors import Invalid

LONGEST_LOCATION = 1_000
LONGEST_TYPE = 100
FIELDS = ("location", "sha256", "size", "filename", "media_type")
LINES = "held_files"  # the field of several
MOST_TOLD = 5  # of the lines that are wrong, in one message
_PREFIX = re.compile(r"^sha-?256[:=]?", re.IGNORECASE)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SIZE = re.compile(r"[0-9]{1,18}")  # what a signed number of 64 bits holds
_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*")  # RFC 6838, 4.2
_LINES = (
    # GNU coreutils: the hash, a space, a space or `*`, the name; a backslash before it all where the name is escaped.
    re.compile(r"(?P<escaped>\\?)(?P<sha256>[0-9a-f]{64})(?: [ *]|\s)(?P<location>.*)", re.IGNORECASE),
    # BSD, `sha256sum --tag`, OpenSSL: `SHA256 (name) = hash`, `SHA2-256(name)= hash`.
    re.compile(r"(?P<escaped>\\?)SHA2?-?256 ?\((?P<location>.*)\) ?= ?(?P<sha256>[0-9a-f]{64})", re.IGNORECASE),
    # PowerShell's Get-FileHash: algorithm, hash, path.
    re.compile(r"(?P<table>SHA256)\s+(?P<sha256>[0-9a-f]{64})\s+(?P<location>.*)", re.IGNORECASE),
)
_TABLE_HEAD = re.compile(r"Algorithm\s+Hash\s+Path|[-\s]+")
_ESCAPES = {r"\\": "\\", r"\n": "\n", r"\r": "\r"}
_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*://|\\\\|[a-z]:[\\/]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Held:
    """A file that stays where it is. `size` is in bytes; what nobody said of it is None, and nothing is guessed."""

    location: str
    sha256: str
    size: int | None = None
    filename: str | None = None
    media_type: str | None = None

    @property
    def manifest_name(self) -> str:
        """What stands for its name in the manifest of a version: name (or nothing), tab, location.

        Neither has a tab in it, nor has the name of a stored file: no two sets of files give the same lines, and a
        location that is altered alone is found by `verify`.
        """
        return f"{self.filename or ''}\t{self.location}"

    def told(self) -> dict[str, Any]:
        """What the audit log says of it."""
        more = {"file": self.filename, "size": self.size}
        known = {name: value for name, value in more.items() if value is not None}
        return {"held_at": self.location, "sha256": self.sha256, **known}


def parse_held(given: Mapping[str, Any]) -> Held:
    """Read what a person said of a file that stays where it is; raises `Invalid` naming each wrong field at once."""
    wrong: dict[str, str] = {}
    found: dict[str, Any] = {}
    for name, parse in _PARSERS.items():
        try:
            found[name] = parse(given.get(name))
        except ValueError as error:
            wrong[name] = str(error)
    if wrong:
        raise Invalid(wrong)
    return Held(**found)


def parse_held_lines(text: str, most: int) -> list[Held]:
    """Read several files that stay where they are, one a line, in their order.

    A line is what sha256sum, shasum, OpenSSL or Get-FileHash prints; or, from a table, SHA-256, location, size in
    bytes, name and media type with tabs between, the last three where they are known. Empty lines and the head that
    Get-FileHash prints are passed over. Raises `Invalid` with the first lines that are wrong, each by its number.
    """
    found: list[Held] = []
    places: dict[str, int] = {}
    wrong: list[str] = []
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        if _TABLE_HEAD.fullmatch(line) or not line.strip():
            continue
        try:
            one = parse_held(_columns(line))
        except ValueError as error:
            wrong.append(f"Line {number}: {error}")
            continue
        except Invalid as error:
            wrong += [f"Line {number}: {sentence}" for sentence in error.fields.values()]
            continue
        if one.location in places:
            wrong.append(f"Line {number} names the same place as line {places[one.location]}.")
        places.setdefault(one.location, number)
        found.append(one)
    if not wrong and not 1 <= len(found) <= most:
        wrong.append(f"One version has 1 to {most} files; these are {len(found)}.")
    if wrong:
        more = len(wrong) - MOST_TOLD
        raise Invalid({LINES: " ".join([*wrong[:MOST_TOLD], *([f"And {more} more."] if more > 0 else [])])})
    return found


def _columns(line: str) -> dict[str, str]:
    """The parts of one line by their fields; raises `ValueError` with the sentence for the person."""
    sha256, *rest = (part.strip() for part in line.split("\t"))
    if rest and _SHA256.fullmatch(sha256.lower()):
        if len(rest) >= len(FIELDS):
            raise ValueError("It has more than the five columns SHA-256, place, size, name and type.")
        return dict(zip(("sha256", "location", "size", "filename", "media_type"), (sha256, *rest), strict=False))
    said = next((match.groupdict() for match in (one.fullmatch(line.strip()) for one in _LINES) if match), None)
    if said is None:
        raise ValueError("It must be the SHA-256 and then where the file is held, as sha256sum prints it.")
    location = said["location"]
    if said.get("escaped"):
        location = re.sub(r"\\[\\nr]", lambda match: _ESCAPES[match[0]], location)
    if said.get("table") and location.rstrip().endswith(("...", "…")):
        raise ValueError("Its path was cut off when it was printed; pipe Get-FileHash to Format-Table -Wrap.")
    return {"sha256": said["sha256"], "location": location}


def parse_location(value: Any) -> str:
    """Where a file is held, to the letter: spaces at the ends go, nothing else is changed, for a path must stay one.

    Raises `ValueError` with the sentence for the person.
    """
    location = _text(value).strip()
    if not location:
        raise ValueError("Say where it is held, such as a path in the enclave or an address.")
    if len(location) > LONGEST_LOCATION:
        raise ValueError(f"The location has at most {LONGEST_LOCATION:,} characters; this one has {len(location):,}.")
    if has_unseen(location):
        raise ValueError("The location has a line break or another sign in it that nobody sees; write it on one line.")
    if not is_visible(location):
        raise ValueError("The location cannot be seen.")
    return location


def parse_sha256(value: Any) -> str:
    """A whole SHA-256 in small letters, also as people paste it: in capitals, with spaces, after `SHA256:`.

    Raises `ValueError` with the sentence for the person.
    """
    text = _text(value)[:300]
    squeezed = _PREFIX.sub("", "".join(text.split()), count=1).lower()
    if not squeezed:
        raise ValueError("Give its SHA-256, for instance as sha256sum or Get-FileHash prints it.")
    if not _SHA256.fullmatch(squeezed):
        raise ValueError("The SHA-256 must be 64 of the signs 0-9 and a-f.")
    return squeezed


def parse_size(value: Any) -> int | None:
    """A whole number of bytes, None for nothing; raises `ValueError` with the sentence for the person."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else _text(value).strip()
    if not text:
        return None
    if not _SIZE.fullmatch(text):
        raise ValueError("The size must be a whole number of bytes, or left empty.")
    return int(text)


def _filename(value: Any) -> str | None:
    text = _text(value).strip()
    try:
        return clean_name(text) if text else None
    except Invalid:
        raise ValueError("The file name cannot be kept; leave it empty or mend it.") from None


def _media_type(value: Any) -> str | None:
    text = _text(value).strip().lower()
    if not text:
        return None
    if len(text) > LONGEST_TYPE or not _TYPE.fullmatch(text):
        raise ValueError("A media type looks like application/pdf; leave it empty where it is not known.")
    return text


def _text(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError("This must be text.")  # noqa: TRY004 one kind of error a field, told beside it
    return value


_PARSERS = {
    "location": parse_location,
    "sha256": parse_sha256,
    "size": parse_size,
    "filename": _filename,
    "media_type": _media_type,
}


def type_by_name(name: str) -> str | None:
    """The media type that a name promises, for whoever has nothing but the name; None where it promises none."""
    return ALLOWED.get(extension_of(name)) or mimetypes.MimeTypes().guess_type(name)[0]


def is_elsewhere(location: str) -> bool:
    """Whether a location is no path of this machine: an address, a share, a drive."""
    return bool(_ELSEWHERE.match(location))
