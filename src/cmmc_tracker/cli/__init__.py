"""The command `cmmc-tracker`: one file a group of commands. Exit status: 0 done, 1 failed, 2 wrong use."""

import logging
import os
import sys
from importlib import import_module

import click

from cmmc_tracker.cli.lines import LineFormatter, one_line
from cmmc_tracker.errors import TrackerError

# Each command by its name, and where it is: only what is called is loaded.
_PLACES = {
    "artifact": "artifacts",
    "audit": "audit",
    "backup": "backups",
    "catalog": "catalog",
    "demo": "demo",
    "doctor": "doctor",
    "package": "packages",
    "purge": "trash",
    "restore": "backups",
    "score": "checks",
    "serve": "serve",
    "spill": "spill",
    "user": "users",
    "verify": "checks",
}


class _Commands(click.Group):
    """A group that loads a command when it is asked for (as in Click's documentation)."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands, sorted."""
        return sorted(_PLACES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One command, or None for a name that is none."""
        if cmd_name not in _PLACES:
            return None
        found: click.Command = getattr(import_module(f"cmmc_tracker.cli.{_PLACES[cmd_name]}"), cmd_name)
        return found


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="cmmc-tracker", prog_name="cmmc-tracker")
def commands() -> None:
    """Keep the evidence of a CMMC assessment, judge its objectives, compute the score."""


def main() -> None:
    """Run a command; a failure is one plain line on stderr. What it makes is for its owner only."""
    os.umask(0o077)
    said = logging.StreamHandler(sys.stderr)
    said.setFormatter(LineFormatter("%(levelname)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[said])
    logging.getLogger("cmmc_tracker").setLevel(logging.INFO)
    try:
        commands(prog_name="cmmc-tracker")
    except TrackerError as error:
        click.echo(f"Error: {one_line(error.message)}", err=True)
        sys.exit(1)
