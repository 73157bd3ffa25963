"""The environment, read once: one table of variables, each with meaning, default and parser.

Nothing else in the product reads `os.environ`. A value that cannot be used stops the start with one line
that names the variable.
"""

import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from cmmc_tracker.domain.backups import SHORTEST_PASSPHRASE
from cmmc_tracker.domain.digest import is_address
from cmmc_tracker.errors import Misconfigured
from cmmc_tracker.storage import mail, syslog
from cmmc_tracker.storage.addresses import Address, parse

MIB = 1_048_576
SHORTEST_SECRET = 32  # characters, in production
SHORTEST_TOKEN = 16  # characters of METRICS_TOKEN, anywhere
# The parts are not named: with an unescaped sign in it, half of a password is taken for the port.
_UNREADABLE = "it is no address that can be read; in a password write / as %2F, : as %3A and @ as %40"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment said, parsed. Sizes in bytes, paths absolute.

    What may hold a secret is left out of its text form, so that no log line and no error can carry it.
    """

    secret: str = field(repr=False)
    secret_is_random: bool  # nobody gave one: it ends with this process
    production: bool
    debug: bool
    data_dir: Path
    database_url: str = field(repr=False)
    upload_path: Address
    rate_limit_url: str = field(repr=False)
    public_url: str
    trusted_proxies: int
    max_upload_bytes: int
    scanner_url: str
    smtp_url: str = field(repr=False)
    mail_from: str
    time_zone: ZoneInfo
    backup_passphrase: str = field(repr=False)
    metrics_token: str = field(repr=False)
    log_format: str  # text or json
    audit_stream: str
    audit_stream_format: str  # rfc5424 or cef
    drain_seconds: int


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable of the environment: how it is called, what it means, how it is read."""

    name: str
    meaning: str
    default: str
    parse: Callable[[str], Any]


def _environment(text: str) -> bool:
    if text not in {"production", "development"}:
        raise ValueError("it must be production or development")
    return text == "production"


def _switch(text: str) -> bool:
    if text not in {"0", "1"}:
        raise ValueError("it must be 0 or 1")
    return text == "1"


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text) > 20:
        raise ValueError("it must be a whole number from 0 to 20")
    return int(text)


def _seconds(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text) > 300:
        raise ValueError("it must be a whole number of seconds from 0 to 300")
    return int(text)


def _one_of(*words: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in words:
            raise ValueError(f"it must be {' or '.join(words)}")
        return text

    return parse


def _mebibytes(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text) <= 10_240:
        raise ValueError("it must be a whole number from 1 to 10240")
    return int(text) * MIB


def _folder(text: str) -> Path:
    if "\0" in text:
        raise ValueError("it must be a folder")
    return Path(text).absolute()


def _database(text: str) -> str:
    if not text.startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://")):
        raise ValueError("it must begin with sqlite:/// or postgresql://")
    try:
        make_url(text)
    except (ArgumentError, ValueError):
        raise ValueError(_UNREADABLE) from None
    return text


def _limits(text: str) -> str:
    if text and not text.startswith(("memory://", "redis://", "rediss://")):
        raise ValueError("it must begin with memory:// or redis://")
    try:
        _ = urlsplit(text).port
    except ValueError:
        raise ValueError(_UNREADABLE) from None
    return text


def _public(text: str) -> str:
    if text and not is_site(text):
        raise ValueError("it must be like https://tracker.example.com, without a path")
    return text.rstrip("/")


def is_site(text: str) -> bool:
    """Whether the text is a scheme, a host and perhaps a port, and nothing more: it is put before every path."""
    try:
        parts = urlsplit(text)
        extra = parts.username or parts.path.strip("/") or parts.query or parts.fragment or parts.port == 0
    except ValueError:
        return False
    clean = text.isprintable() and " " not in text
    return clean and not extra and parts.scheme in {"http", "https"} and bool(parts.hostname)


def _secret_file(text: str) -> str:
    """What is in the file, without its line end: secrets are mounted as files where variables are seen by others."""
    if not text:
        return ""
    try:
        found = _folder(text).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"the file cannot be read: {getattr(error, 'strerror', None) or 'it is not text'}") from None
    if not found:
        raise ValueError("the file is empty")
    return found


def _passphrase(text: str) -> str:
    if text and len(text) < SHORTEST_PASSPHRASE:
        raise ValueError(f"it must have at least {SHORTEST_PASSPHRASE} characters")
    return text


def _scanner(text: str) -> str:
    parts = urlsplit(text)
    try:
        good = (parts.scheme == "unix" and parts.path.startswith("/")) or (
            parts.scheme == "tcp" and bool(parts.hostname) and bool(parts.port)
        )
    except ValueError:
        good = False
    if text and not good:
        raise ValueError("it must be like unix:///run/clamav/clamd.ctl or tcp://127.0.0.1:3310")
    return text


def _smtp(text: str) -> str:
    if text:
        mail.server(text)
    return text


def _stream(text: str) -> str:
    if text:
        syslog.receiver(text)
    return text


def _sender(text: str) -> str:
    if text and not is_address(text):
        raise ValueError("it must be one mail address, such as tracker@example.com")
    return text


def _zone(text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        hint = "it must be the name of a time zone that this machine knows, such as America/New_York"
        raise ValueError(hint) from None


VARIABLES = (
    Variable("FLASK_SECRET", "signs sessions; empty: a random key per process start, and a warning", "", str),
    Variable("FLASK_SECRET_FILE", "a file that holds the secret, instead of `FLASK_SECRET`", "", _secret_file),
    Variable("FLASK_ENV", "`production` turns on Secure cookies and HSTS", "development", _environment),
    Variable("FLASK_DEBUG", "`1` turns debug on; refused together with `FLASK_ENV=production`", "0", _switch),
    Variable("CMMC_DATA_DIR", "folder for all embedded state", "instance", _folder),
    Variable("DATABASE_URL", "SQLAlchemy URL (SQLite or PostgreSQL)", "sqlite:///$CMMC_DATA_DIR/cmmc.db", _database),
    Variable("UPLOAD_PATH", "artifact store: a folder, or `s3://bucket/prefix`", "$CMMC_DATA_DIR/uploads", parse),
    Variable("RATE_LIMIT_URL", "`memory://` or `redis://…` for sign-in limits; empty: the database", "", _limits),
    Variable("PUBLIC_URL", "the address that people use; empty: the address served", "", _public),
    Variable("TRUSTED_PROXIES", "how many reverse proxies may set X-Forwarded-*", "0", _count),
    Variable("MAX_UPLOAD_MB", "largest request, in MiB", "100", _mebibytes),
    Variable("CLAMD_URL", "a ClamAV daemon that uploads are shown to; empty: none is asked", "", _scanner),
    Variable("SMTP_URL", "the mail server that reminders are handed to; empty: no mail", "", _smtp),
    Variable("MAIL_FROM", "the address that mail comes from; goes together with `SMTP_URL`", "", _sender),
    Variable("TIME_ZONE", "where the organization's days begin and end, for all due days", "UTC", _zone),
    Variable("BACKUP_PASSPHRASE", "encrypts backups; empty: they are not encrypted", "", _passphrase),
    Variable(
        "BACKUP_PASSPHRASE_FILE",
        "a file that holds the passphrase, instead of `BACKUP_PASSPHRASE`",
        "",
        lambda text: _passphrase(_secret_file(text)),
    ),
    Variable(
        "METRICS_TOKEN", "opens `/metrics` to Prometheus as a Bearer token; empty: there is no such page", "", str
    ),
    Variable("METRICS_TOKEN_FILE", "a file that holds that token, instead of `METRICS_TOKEN`", "", _secret_file),
    Variable("LOG_FORMAT", "the server's lines on stderr: `text` or `json`", "text", _one_of("text", "json")),
    Variable("AUDIT_STREAM", "where audit entries are sent as they come; empty: nowhere", "", _stream),
    Variable("AUDIT_STREAM_FORMAT", "`rfc5424` or `cef`", "rfc5424", _one_of("rfc5424", "cef")),
    Variable("DRAIN_SECONDS", "how long a stop says not ready before it takes no more requests", "0", _seconds),
)
# What is never shown in a message: it may hold a password, or the secret itself where something beside it was meant.
_PRIVATE = {"DATABASE_URL", "RATE_LIMIT_URL", "SMTP_URL", "MAIL_FROM"} | {
    name + end for name in ("FLASK_SECRET", "BACKUP_PASSPHRASE", "METRICS_TOKEN") for end in ("", "_FILE")
}


def read(environment: Mapping[str, str] | None = None) -> Settings:
    """Parse the environment (or the mapping given, for tests) into `Settings`.

    Raises `Misconfigured` with one line naming the variable whose value cannot be used.
    """
    given = os.environ if environment is None else environment
    data_dir = _parsed(next(v for v in VARIABLES if v.name == "CMMC_DATA_DIR"), given, "")
    value = {variable.name: _parsed(variable, given, str(data_dir)) for variable in VARIABLES}
    if value["FLASK_DEBUG"] and value["FLASK_ENV"]:
        raise Misconfigured("FLASK_DEBUG: debug cannot be on together with FLASK_ENV=production")
    if bool(value["SMTP_URL"]) != bool(value["MAIL_FROM"]):
        missing, given_one = ("MAIL_FROM", "SMTP_URL") if value["SMTP_URL"] else ("SMTP_URL", "MAIL_FROM")
        raise Misconfigured(f"{missing} is not set, but {given_one} is; mail needs both")
    secret = _secret(value)
    return Settings(
        secret=secret or secrets.token_hex(32),
        secret_is_random=not secret,
        production=value["FLASK_ENV"],
        debug=value["FLASK_DEBUG"],
        data_dir=data_dir,
        database_url=value["DATABASE_URL"],
        upload_path=value["UPLOAD_PATH"],
        rate_limit_url=value["RATE_LIMIT_URL"],
        public_url=value["PUBLIC_URL"],
        trusted_proxies=value["TRUSTED_PROXIES"],
        max_upload_bytes=value["MAX_UPLOAD_MB"],
        scanner_url=value["CLAMD_URL"],
        smtp_url=value["SMTP_URL"],
        mail_from=value["MAIL_FROM"],
        time_zone=value["TIME_ZONE"],
        backup_passphrase=_one_or_file(value, "BACKUP_PASSPHRASE")[1],
        metrics_token=_metrics_token(value),
        log_format=value["LOG_FORMAT"],
        audit_stream=value["AUDIT_STREAM"],
        audit_stream_format=value["AUDIT_STREAM_FORMAT"],
        drain_seconds=value["DRAIN_SECONDS"],
    )


def given(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Which variables are set, for a backup's records: values without those that may hold a secret."""
    found = os.environ if environment is None else environment
    names = [one.name for one in VARIABLES if found.get(one.name)]
    return {name: "(set, not kept)" if name in _PRIVATE else found[name] for name in names}


def _secret(value: Mapping[str, Any]) -> str:
    """The secret by either variable; raises `Misconfigured` for two of them and for a short one in production."""
    name, given = _one_or_file(value, "FLASK_SECRET")
    if given and value["FLASK_ENV"] and len(given) < SHORTEST_SECRET:
        raise Misconfigured(
            f"{name} cannot be used in production: it must have at least {SHORTEST_SECRET} characters, such as what "
            '`python3 -c "import secrets; print(secrets.token_hex(32))"` prints'
        )
    return given


def passphrase(environment: Mapping[str, str] | None = None) -> str:
    """The passphrase of backups alone, for who reads one without an installation; raises `Misconfigured`."""
    given = os.environ if environment is None else environment
    names = ("BACKUP_PASSPHRASE", "BACKUP_PASSPHRASE_FILE")
    return _one_or_file({one.name: _parsed(one, given, "") for one in VARIABLES if one.name in names}, names[0])[1]


def _metrics_token(value: Mapping[str, Any]) -> str:
    """The token of `/metrics` by either variable; `Misconfigured` for one too short or not for a header."""
    name, given = _one_or_file(value, "METRICS_TOKEN")
    if given and (len(given) < SHORTEST_TOKEN or not given.isascii() or not given.isprintable() or " " in given):
        raise Misconfigured(
            f"{name} cannot be used: it must have at least {SHORTEST_TOKEN} letters, digits and signs without blanks, "
            "such as what `openssl rand -hex 32` prints"
        )
    return given


def _one_or_file(value: Mapping[str, Any], name: str) -> tuple[str, str]:
    """Which of two variables is given, `name` or the file's, and its value; raises `Misconfigured` for both."""
    file = f"{name}_FILE"
    if value[name] and value[file]:
        raise Misconfigured(f"{name} and {file} are both set; keep one of them")
    return (name, value[name]) if value[name] else (file, value[file])


def _parsed(variable: Variable, given: Mapping[str, str], data_dir: str) -> Any:
    text = given.get(variable.name) or variable.default.replace("$CMMC_DATA_DIR", data_dir)
    try:
        return variable.parse(text)
    except ValueError as error:
        shown = "" if variable.name in _PRIVATE else f" (given: {text[:80]!r})"
        raise Misconfigured(f"{variable.name} cannot be used: {error}{shown}") from None
