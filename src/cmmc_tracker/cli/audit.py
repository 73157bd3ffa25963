"""`cmmc-tracker audit`: the head of the audit log, printed or kept where the database cannot reach it."""

import json
import logging
import logging.handlers
import os
from dataclasses import asdict
from pathlib import Path

import click

from cmmc_tracker.cli.lines import one_line
from cmmc_tracker.cli.open import opened
from cmmc_tracker.services import audit as log
from cmmc_tracker.services.audit import Newest

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
    help=f"Send it to syslog: {HERE}, the path of another socket, or HOST:PORT by UDP (unconfirmed).",
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


class _Sender(logging.handlers.SysLogHandler):
    """Sends one message and says when it cannot."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 the name of the base class
        """Let the failure out, which logging would only print."""
        raise  # noqa: PLE0704 called where an exception is being handled


def _to_syslog(newest: Newest, address: str) -> None:
    try:
        sender = _Sender(_place(address), facility=logging.handlers.SysLogHandler.LOG_AUTH)
        try:
            text = f"cmmc-tracker: audit head {_line(newest)}"
            sender.emit(logging.LogRecord("audit", logging.INFO, "", 0, text, None, None))
        finally:
            sender.close()
    except OSError as error:
        raise click.ClickException(
            f"No syslog takes the head at {address}: {error.strerror or error}. Nothing was sent."
        ) from None


def _place(address: str) -> str | tuple[str, int]:
    """A socket's path, or a host and a port."""
    if address.startswith("/"):
        return address
    host, _, port = address.rpartition(":")
    if not host or not (port.isascii() and port.isdecimal()) or not 0 < int(port) < 65_536:
        raise click.BadParameter(f"{address!r} is neither a socket's path nor HOST:PORT.", param_hint="--syslog")
    return host.strip("[]"), int(port)


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
