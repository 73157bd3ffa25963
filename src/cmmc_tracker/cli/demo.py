"""`cmmc-tracker demo`: something to look at."""

import sys

import click
from rich.console import Console
from rich.progress import Progress

from cmmc_tracker.cli.open import opened
from cmmc_tracker.services import accounts
from cmmc_tracker.services import demo as filling


@click.command()
def demo() -> None:
    """Fill an empty install with an invented small contractor, marked as demo."""
    tracker, actor = opened()
    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as bar:
        task = bar.add_task("Filling", total=filling.steps())
        link = filling.fill(tracker, actor, lambda: bar.advance(task))
    click.echo("The system `main` now holds demo data: an invented contractor, marked as demo everywhere.")
    if link is not None:
        click.echo("Its package is open to an invented assessor, whose view you can open on the server at:")
        click.echo(f"  /link/{link.token}/package   with the word {link.word}")
    with tracker.read(actor) as work:
        if not accounts.anybody(work):
            click.echo("There is no account yet: start the server and open the link that it prints.")
