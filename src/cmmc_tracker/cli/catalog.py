"""`cmmc-tracker catalog`: the official wording, from the publisher's OSCAL file."""

import json
from pathlib import Path

import click

from cmmc_tracker.cli.open import opened
from cmmc_tracker.domain import catalog as known
from cmmc_tracker.importers.oscal_catalog import LARGEST, plan
from cmmc_tracker.services import wordings

SHOWN_REPAIRS = 30


@click.group()
def catalog() -> None:
    """The catalog of requirements and objectives."""


@catalog.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Stop after the plan.")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
def import_(file: Path, dry_run: bool, as_json: bool) -> None:
    """Show the standard's exact wording beside the summaries, from an OSCAL catalog (JSON)."""
    with file.open("rb") as source:
        found = plan(source.read(LARGEST + 1), known.load(2))
    if as_json:
        told = {
            "title": found.title,
            "requirements": len(found.requirements),
            "objectives": len(found.objectives),
            "repaired": len(found.repaired),
            "sha256": found.source_sha256,
            "imported": not dry_run,
        }
        click.echo(json.dumps(told))
    else:
        click.echo(f"{found.title}, version {found.version}")
        for line in found.summary:
            click.echo(f"  {line}")
        for repair in found.repaired[:SHOWN_REPAIRS]:
            click.echo(f"    {repair.what}: {repair.was!r} read as {repair.now!r}")
        if len(found.repaired) > SHOWN_REPAIRS:
            click.echo(f"    and {len(found.repaired) - SHOWN_REPAIRS} more")
    if dry_run:
        if not as_json:
            click.echo("Nothing was changed (--dry-run).")
        return
    tracker, actor = opened()
    with tracker.write(actor) as work:
        wordings.replace(work, found)
    if not as_json:
        click.echo("Imported: the wording is shown beside the summaries, with its source.")
