"""How commands reach the installation: as its operator, who may do what an administrator and a contributor may."""

import sys
from dataclasses import replace

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from cmmc_tracker.domain.permissions import Access, Actor, Role
from cmmc_tracker.errors import Invalid, NotFound
from cmmc_tracker.opening import open_tracker, read_settings
from cmmc_tracker.services import systems
from cmmc_tracker.services.artifact_views import COMMAND_LINE
from cmmc_tracker.services.work import Tracker

NUMBER = click.IntRange(1, 10**18 - 1)  # of a row: as large as a database counts, and as an address may say


def byte_bar(*, shown: bool) -> Progress:
    """A progress bar that counts bytes, on stderr, where somebody looks at it."""
    return Progress(
        TextColumn("{task.description}", markup=False),  # a file's name is no markup
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not shown or not sys.stderr.isatty(),
        transient=True,
    )


def opened() -> tuple[Tracker, Actor]:
    """The installation that the environment names, its database up to date, and its operator."""
    tracker = open_tracker(read_settings())
    return tracker, operator(tracker)


def operator(tracker: Tracker) -> Actor:
    """Whoever can run commands on the machine: no account, recorded as the command line."""
    with tracker.read() as work:
        return replace(Actor(None, COMMAND_LINE, Role.ADMIN), systems=systems.all_of(work))


def system_named(actor: Actor, slug: str | None) -> Access:
    """The system of that slug; the only one when none is named."""
    if slug is None:
        if len(actor.systems) == 1:
            return next(iter(actor.systems.values()))
        raise Invalid({"system": f"Say which system with --system: {', '.join(actor.systems)}."})
    if slug not in actor.systems:
        raise NotFound(f"There is no system {slug!r}; there are: {', '.join(actor.systems)}.")
    return actor.systems[slug]
