"""The command `cmmc-tracker`: one file a group of commands. Exit status: 0 done, 1 failed, 2 wrong use."""

import logging
import os
import sys

import click

from cmmc_tracker.cli.artifacts import artifact
from cmmc_tracker.cli.audit import audit
from cmmc_tracker.cli.catalog import catalog
from cmmc_tracker.cli.checks import score, verify
from cmmc_tracker.cli.demo import demo
from cmmc_tracker.cli.doctor import doctor
from cmmc_tracker.cli.lines import LineFormatter, one_line
from cmmc_tracker.cli.packages import package
from cmmc_tracker.cli.serve import serve
from cmmc_tracker.cli.spill import spill
from cmmc_tracker.cli.trash import purge
from cmmc_tracker.cli.users import user
from cmmc_tracker.errors import TrackerError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="cmmc-tracker", prog_name="cmmc-tracker")
def commands() -> None:
    """Keep the evidence of a CMMC assessment, judge its objectives, compute the score."""


for command in (artifact, audit, catalog, demo, doctor, package, purge, score, serve, spill, user, verify):
    commands.add_command(command)


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
