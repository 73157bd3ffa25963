"""What `doctor` looks at and what it says: the patient and the findings."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from cmmc_tracker.domain.permissions import Actor, Role
from cmmc_tracker.services.artifact_views import COMMAND_LINE
from cmmc_tracker.services.audit_stream import Stream
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.addresses import Address
from cmmc_tracker.storage.mail import Mailer
from cmmc_tracker.storage.scanner import Scanner

OPERATOR = Actor(None, COMMAND_LINE, Role.ADMIN)


class Grade(StrEnum):
    """How well something is."""

    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report: what was looked at, how it is, and how to mend it where it is not good."""

    check: str
    grade: Grade
    text: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Patient:
    """What is looked at: the settings as they were read, and the parts that are there.

    `tracker` is None unless database and store are there and fit this version; `secrets` is what no line may show.
    """

    secret_length: int  # 0: none was given
    shortest_secret: int
    production: bool
    debug: bool
    public_url: str
    trusted_proxies: int
    max_upload_bytes: int
    rate_limit_url: str
    data_dir: Path
    store: Address
    database_url: str
    now: datetime
    tracker: Tracker | None = None
    scanner: Scanner | None = None
    mailer: Mailer | None = None
    mail_is_open: bool = False  # it leaves the machine in plain
    ask: str = ""  # the site to ask; empty: nobody is asked anything
    metrics_token_length: int = 0  # 0: there is no `/metrics`
    stream: Stream | None = None  # where the audit log is sent
    secrets: tuple[str, ...] = ()


Check = Callable[[Patient], Iterable[Finding]]


def good(check: str, text: str) -> Finding:
    """All is well."""
    return Finding(check, Grade.GOOD, text)


def warning(check: str, text: str, remedy: str) -> Finding:
    """It works, and should be better."""
    return Finding(check, Grade.WARNING, text, remedy)


def bad(check: str, text: str, remedy: str) -> Finding:
    """It does not work, or is not safe."""
    return Finding(check, Grade.BAD, text, remedy)


def said(error: Exception) -> str:
    """The first line of what a driver or the system said."""
    told = error.orig if isinstance(error, DBAPIError) else error
    return next(iter(str(told).strip().splitlines()), type(error).__name__)[:200]
