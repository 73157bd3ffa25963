"""Backups as such: their names, what a manifest says, which ones are kept. Pure.

A backup is a folder `backup-<UTC instant>` of tables in a portable form, and a manifest that is written last: a folder
without one was cut short. The contents of files lie beside the backups, once each, shared by all of them.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any

from cmmc_tracker.errors import Conflict, Invalid

FORMAT = 1  # what a manifest and its tables look like; a program reads this and older ones
SHORTEST_PASSPHRASE = 16  # characters: stretching is all that stands between a copy and who guesses
# What only a running installation needs: after a restore nobody is signed in, and no used set-up link is good again.
PASSING = frozenset({"leases", "limit_hits", "sessions", "setup_links"})
LATE = timedelta(days=2)  # one each night, of which one may be missed
_STAMP = "%Y%m%dT%H%M%S%fZ"
_NAME = re.compile(r"backup-([0-9]{8}T[0-9]{12}Z)", re.ASCII)
_FILE = re.compile(r"[a-z_]{1,60}\.(jsonl\.gz|json)", re.ASCII)
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
_PERIODS = ("daily", "weekly", "monthly")


def name_of(instant: datetime) -> str:
    """What the backup of an instant is called."""
    return f"backup-{instant.astimezone(UTC).strftime(_STAMP)}"


def instant_of(name: str) -> datetime | None:
    """When the backup of that name was made; None for a name that is none of ours."""
    found = _NAME.fullmatch(name)
    try:
        return datetime.strptime(found[1], _STAMP).replace(tzinfo=UTC) if found else None
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Keep:
    """How many days, weeks and months keep one backup each: the newest of that day, week or month."""

    daily: int = 0
    weekly: int = 0
    monthly: int = 0

    @classmethod
    def parse(cls, text: str) -> "Keep":
        """Read `daily=7,weekly=4,monthly=12`; raises `Invalid` with one line."""
        found: dict[str, int] = {}
        for part in text.split(","):
            name, sign, number = part.strip().partition("=")
            if name not in _PERIODS or name in found or not sign or not re.fullmatch(r"[0-9]{1,4}", number, re.ASCII):
                raise Invalid({"keep": "this takes numbers such as daily=7,weekly=4,monthly=12."})
            found[name] = int(number)
        if not any(found.values()):
            raise Invalid({"keep": "this would keep nothing; name at least one day, week or month."})
        return cls(**found)


def kept(instants: Iterable[datetime], keep: Keep) -> set[datetime]:
    """Those that stay: for each period the newest of each of its newest ones, and the newest of all in any case."""
    ordered = sorted(instants, reverse=True)
    stay = set(ordered[:1])
    for name in _PERIODS:
        newest: dict[tuple[int, ...], datetime] = {}
        for one in ordered:
            newest.setdefault(_period(name, one.astimezone(UTC).date()), one)
        stay.update(list(newest.values())[: getattr(keep, name)])
    return stay


def _period(name: str, day: date) -> tuple[int, ...]:
    if name == "weekly":
        return tuple(day.isocalendar())[:2]
    return (day.year, day.month, day.day) if name == "daily" else (day.year, day.month)


class Standing(StrEnum):
    """How it stands with backups, the worst first."""

    FAILED = "failed"
    NEVER = "never"
    LACKING = "lacking"
    LATE = "late"
    GOOD = "good"


@dataclass(frozen=True, slots=True)
class Last:
    """What the log knows of backups: the newest that was made, what it lacks, and the newest try that failed."""

    made_at: datetime | None = None
    lacking: int = 0
    failed_at: datetime | None = None
    why: str = ""

    def standing(self, now: datetime) -> Standing:
        """How it stands at an instant. A failure counts until a backup is made."""
        if self.failed_at is not None and (self.made_at is None or self.made_at < self.failed_at):
            return Standing.FAILED
        if self.made_at is None:
            return Standing.NEVER
        if self.lacking:
            return Standing.LACKING
        return Standing.LATE if self.made_at < now - LATE else Standing.GOOD


@dataclass(frozen=True, slots=True)
class FileOf:
    """A file of a backup: its bytes and their hash, and how many rows a table has in it."""

    name: str
    size: int
    sha256: str
    rows: int = 0

    @property
    def table(self) -> str:
        """The table that it holds; empty for another file."""
        return self.name.removesuffix(".jsonl.gz") if self.name.endswith(".jsonl.gz") else ""


@dataclass(frozen=True, slots=True)
class Lacking:
    """A content that the backup names and does not have, and why."""

    sha256: str
    why: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup consists of. `entries` and `head` tell how long the audit log was, and its newest hash."""

    made_at: str
    program: str
    revision: str
    database: str
    entries: int
    head: str
    blobs: int
    blob_bytes: int
    files: tuple[FileOf, ...]
    lacking: tuple[Lacking, ...] = ()
    format: int = FORMAT

    @property
    def tables(self) -> tuple[FileOf, ...]:
        """The files that hold tables, in the order in which they are filled."""
        return tuple(one for one in self.files if one.table)

    def text(self) -> str:
        """As it is written, with a seal: the hash of all the rest."""
        content = asdict(self)
        return json.dumps({**content, "seal": _seal(content)}, indent=1, sort_keys=True) + "\n"

    @classmethod
    def parse(cls, text: bytes) -> "Manifest":
        """Read a manifest; raises `Conflict` for one that was altered, or that a newer program wrote."""
        try:
            found = json.loads(text)
            if isinstance(found, dict) and isinstance(found.get("format"), int) and found["format"] > FORMAT:
                raise Conflict("It was made by a newer version of the tracker than this one; use that version.")
            seal = found.pop("seal")
            if seal != _seal(found):
                raise Conflict("Its manifest was altered.")
            found["files"] = tuple(FileOf(**one) for one in found["files"])
            found["lacking"] = tuple(Lacking(**one) for one in found["lacking"])
            made = cls(**found)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise Conflict("Its manifest cannot be read.") from None
        if not all(_FILE.fullmatch(one.name) and _HASH.fullmatch(one.sha256) for one in made.files):
            raise Conflict("Its manifest names what no backup has.")
        return made


def _seal(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
