"""`cmmc-tracker purge`: let what has lain in the trash for thirty days go for good."""

import json
import sys

import click

from cmmc_tracker.cli.open import opened
from cmmc_tracker.services import trash


@click.command()
@click.option("--dry-run", is_flag=True, help="Say what would go, and let nothing go.")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
def purge(dry_run: bool, as_json: bool) -> None:
    """Remove artifacts that were put into the trash more than thirty days ago.

    Their bytes go where no other artifact has the same; a tombstone keeps name, size and hash of every file, and the
    audit log says who did it. What a package holds stays until its retention date.
    """
    tracker, actor = opened()
    with tracker.read(actor) as work:
        ids = trash.purgeable(work)
        held = trash.held(work, ids)
    gone: list[int] = []
    if dry_run:
        ids = [one for one in ids if one not in dict(held)]
    else:
        gone, held = trash.purge(tracker, actor, ids)
    if as_json:
        click.echo(json.dumps({"would_go": ids if dry_run else [], "gone": gone, "held": held}))
    else:
        for one in ids if dry_run else gone:
            click.echo(f"Artifact {one}: {'would go' if dry_run else 'gone; its tombstone keeps the hashes'}.")
        for one, why in held:
            click.echo(f"Artifact {one}: kept. {why}", err=True)
        if not ids and not held:
            click.echo(f"Nothing has lain in the trash for more than {trash.KEPT_DAYS} days.")
    if held:
        sys.exit(1)
