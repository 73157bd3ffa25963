"""`cmmc-tracker audit`: the head of the audit log, printed or kept where the database cannot reach it."""

import json
import os
from dataclasses import asdict
from pathlib import Path

import click

from cmmc_tracker.cli.lines import one_line
from cmmc_tracker.cli.open import opened
from cmmc_tracker.services import audit as log
from cmmc_tracker.services.audit import Newest
from cmmc_tracker.storage import syslog
from cmmc_tracker.storage.syslog import Local, Receiver

HERE = "/dev/log"


@click.group()
def audit() -> None:
    """The audit log."""


@audit.command()
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@click.option(
    "--syslog",
    is_flag=False,
    flag_value=HERE,
    metavar="[ADDRESS]",
    help=f"Send it to syslog: {HERE}, another socket's path, HOST:PORT by UDP, or an address as in AUDIT_STREAM.",
)
@click.option("--file", "path", type=click.Path(dir_okay=False, path_type=Path), help="Append it to this file.")
def head(as_json: bool, syslog: str | None, path: Path | None) -> None:
    """Print the newest entry and its hash, which stands for the whole log.

    Kept outside of the database, it shows a log that was written anew as a whole: `verify --head HASH`.
    """
    tracker, actor = opened()
    with tracker.read(actor) as work:
        newest = log.newest(work)
    if syslog:
        _to_syslog(newest, syslog)
    if path:
        _to_file(newest, path)
    click.echo(json.dumps(asdict(newest)) if as_json else _line(newest))


def _line(newest: Newest) -> str:
    return f"{newest.hash} entry {newest.entry} {newest.at}"


def _to_syslog(newest: Newest, address: str) -> None:
    """One line as any syslog reads it (RFC 3164's PRI and tag; facility 4, severity 6)."""
    receiver = _place(address)
    try:
        receiver.send([f"<38>cmmc-tracker: audit head {_line(newest)}"])
    except OSError as error:
        raise click.ClickException(
            f"No syslog takes the head at {address}: {error.strerror or error}. Nothing was sent."
        ) from None


def _place(address: str) -> Receiver:
    """A socket's path, a host and a port by UDP, or an address as in AUDIT_STREAM."""
    try:
        if address.startswith("/"):
            return Local(address)
        return syslog.receiver(address if "://" in address else f"udp://{address}")
    except ValueError:
        message = f"{address!r} is neither a socket's path nor HOST:PORT nor an address as in AUDIT_STREAM."
        raise click.BadParameter(message, param_hint="--syslog") from None


def _to_file(newest: Newest, path: Path) -> None:
    """Append a line; a new file is its owner's alone."""
    try:
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.write(file, f"{_line(newest)}\n".encode())
            os.fsync(file)
        finally:
            os.close(file)
    except OSError as error:
        raise click.ClickException(
            f"The head cannot be kept in {one_line(str(path))}: {error.strerror or error}. Nothing was written."
        ) from None
